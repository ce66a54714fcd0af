# Every target sets up what it lacks, in .venv, and a second run does not set up again.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# One OpenMP team at a time uses the cores; a test or a demo never waits on a spinning one.
export OMP_WAIT_POLICY ?= passive

RUNTIME  := $(VENV)/.runtime
INSTALL  := $(VENV)/.installed
PACKAGES := $(VENV)/.packages
NATIVE   := CMakeLists.txt CMakePresets.json $(wildcard cmake/*.cmake cpp/include/matganip/* cpp/src/* cpp/vectors/* cpp/bindings/*)
OUT      ?= runs/cspbi3_br

PRESETS  := release asan-ubsan tsan

.PHONY: help setup demo check test test-python test-cpp $(PRESETS:%=test-cpp-%) lint format fuzz bench docs site wheel release clean

help:
	@echo "make demo    set up what is missing and run the main job: CsPbI3 to a ranked list of its arrangements"
	@echo "make check   the C++ tests and every test that takes less than a quarter of a second, in under a minute"
	@echo "make test    set up what is missing and run all tests, C++ ones (plain and sanitized) included"
	@echo "make setup   only set up .venv      make lint    ruff, mypy, import-linter, clang-format"
	@echo "make fuzz    damaged files and arguments, INPUTS=100000 of them: a night's work"
	@echo "make bench   benchmarks             make docs    the figures and tables that docs/ quotes"
	@echo "make site    the documentation as a site, tutorials run, links checked: build/site/index.html"
	@echo "make wheel   wheel and source distribution in dist/, installed into an environment of their own and tested"
	@echo "make format  rewrite the sources in the house style"
	@echo "make clean   remove .venv, build, dist and runs"

setup: $(INSTALL) $(PACKAGES)

# What builds and runs the package; bytecode is written by whoever imports it first, not for 20,000 modules.
$(RUNTIME): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt $$($(BIN)/python cmake/requirements.py demo)
	@touch $@

# What tests, lints and documents it, with other programs' outputs that tests read.
$(PACKAGES): $(RUNTIME)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $$($(BIN)/python cmake/requirements.py)
	$(BIN)/python tests/labels/vasp_outputs.py >/dev/null
	@touch $@

$(INSTALL): $(RUNTIME) $(NATIVE)
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

demo: $(INSTALL)
	$(BIN)/matganip run examples/cspbi3_br/study.toml --output $(OUT) --overwrite

# What to run after an edit; tests/slow.txt is what it leaves out.
check: setup test-cpp-release
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"

test: test-cpp test-python

test-python: setup
	$(BIN)/python -m pytest -n auto --dist loadfile

test-cpp: $(PRESETS:%=test-cpp-%)

$(PRESETS:%=test-cpp-%): test-cpp-%: $(PACKAGES)
	cmake --preset $* -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python >/dev/null
	cmake --build --preset $*
	ctest --preset $*

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files 'cpp/*.hpp' 'cpp/*.cpp')

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $$(git ls-files 'cpp/*.hpp' 'cpp/*.cpp')

# Damaged files and arguments, INPUTS of them: nothing may crash, hang, or change a result in silence. STORE=FILE resumes.
fuzz: setup
	$(BIN)/python -m tests.fuzz --inputs $(or $(INPUTS),100000) $(if $(STORE),--store $(STORE))

bench: setup
	$(BIN)/python bench/table.py
	$(BIN)/python bench/diffraction_table.py
	$(BIN)/python bench/prediction_table.py
	$(BIN)/python bench/vector_targets.py

docs: setup demo
	$(BIN)/python docs/make_figures.py $(OUT)
	$(BIN)/python docs/make_distinguishability.py
	$(BIN)/python docs/make_results.py

# Built anew each time: a tutorial runs with the package as it is. Warnings are errors, dead links too.
site: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group site
	rm -rf build/site docs/api
	$(BIN)/python -m sphinx -b html --quiet --fail-on-warning --keep-going -E docs build/site
	$(BIN)/python docs/check_links.py build/site

# ARGS=--quick leaves out the tests that take more than a quarter of a second.
wheel: $(PACKAGES)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group wheel
	$(BIN)/python release/wheel.py $(ARGS)

# The one step of a release; pushing the tag builds the wheels of all platforms and publishes them.
release: $(PACKAGES)
	@test -n "$(VERSION)" || { echo "make: name the version: make release VERSION=0.2.0"; exit 1; }
	$(BIN)/python release/version.py $(VERSION)
	$(MAKE) wheel
	git commit --quiet --all --message "Version $(VERSION)"
	git tag --annotate "v$(VERSION)" --message "Version $(VERSION)"
	@echo "now: git push --follow-tags"

clean:
	rm -rf $(VENV) build dist runs
