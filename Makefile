# Every target sets up what it lacks, in .venv, and a second run does not set up again.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# One OpenMP team at a time uses the cores; a test or a demo never waits on a spinning one.
export OMP_WAIT_POLICY ?= passive

PACKAGES := $(VENV)/.packages
INSTALL  := $(VENV)/.installed
NATIVE   := CMakeLists.txt CMakePresets.json $(wildcard cmake/*.cmake cpp/include/matganip/* cpp/src/* cpp/vectors/* cpp/bindings/*)
OUT      ?= runs/cspbi3_br

PRESETS  := release asan-ubsan tsan

.PHONY: help setup demo check test test-python test-cpp $(PRESETS:%=test-cpp-%) lint format fuzz bench docs site clean

help:
	@echo "make demo    set up what is missing and run the main job: CsPbI3 to a ranked list of its arrangements"
	@echo "make check   the C++ tests and every test that takes less than a quarter of a second, in under a minute"
	@echo "make test    set up what is missing and run all tests, C++ ones (plain and sanitized) included"
	@echo "make setup   only set up .venv      make lint    ruff, mypy, import-linter, clang-format"
	@echo "make fuzz    damaged files and arguments, INPUTS=100000 of them: a night's work"
	@echo "make bench   benchmarks             make docs    the figures and tables that docs/ quotes"
	@echo "make site    the documentation as a site, tutorials run, links checked: build/site/index.html"
	@echo "make format  rewrite the sources in the house style"
	@echo "make clean   remove .venv, build and runs"

setup: $(INSTALL)

$(PACKAGES): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python 3.11 or newer is needed; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt $$($(BIN)/python cmake/requirements.py)
	$(BIN)/python tests/labels/vasp_outputs.py >/dev/null
	@touch $@

$(INSTALL): $(PACKAGES) $(NATIVE)
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup
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

# Built anew each time: a tutorial runs with the package as it is. Warnings are errors, dead links too.
site: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group site
	rm -rf build/site docs/api
	$(BIN)/python -m sphinx -b html --quiet --fail-on-warning --keep-going -E docs build/site
	$(BIN)/python docs/check_links.py build/site

clean:
	rm -rf $(VENV) build runs
