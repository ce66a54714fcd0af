"""Build the source distribution and the wheel of this machine, and test the wheel as its users get it: `make wheel`.

python release/wheel.py [--quick] [--tests ...]    # into dist/

The wheel is built from the source distribution, which shows that this is whole, with no index: only the requirements
of the build, which are installed already, are needed. It is tested in an environment of its own, outside of the tree
and with a space and an umlaut in its path, into which nothing but the wheel and what it asks for is installed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath
from textwrap import indent

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
CONSTRAINTS = ROOT / "constraints.txt"
DEMO = "examples/cspbi3_br/study.toml"


def main() -> None:
    """Build, repair, show, install, test."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out the tests that take more than a quarter second")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="which tests")
    options = parser.parse_args()
    wheel = built()
    print_contents(wheel)
    with tempfile.TemporaryDirectory(prefix="matganip für alle ") as folder:
        python = installed(wheel, Path(folder))
        as_a_user(python, Path(folder) / "user")
        run_tests(python, options.tests, ["-m", "not slow"] if options.quick else [])
    print(f"{wheel.relative_to(ROOT)}: {wheel.stat().st_size / 1e6:.2f} MB, tested")


def built() -> Path:
    """The source distribution and a wheel from it, both in dist/; on Linux with the libraries that manylinux lacks."""
    shutil.rmtree(DIST, ignore_errors=True)
    _run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", DIST, ROOT, quiet=True)
    (source,) = DIST.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        offline = ("--no-deps", "--no-index", "--no-build-isolation", "--quiet")
        _run(sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", folder, source)
        (wheel,) = Path(folder).glob("*.whl")
        if sys.platform == "linux":
            _run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", DIST, wheel, quiet=True)
        else:
            shutil.copy(wheel, DIST)
    (found,) = DIST.glob("*.whl")
    if sys.platform == "linux":
        _run(sys.executable, "-m", "auditwheel", "show", found)
    return found


def print_contents(wheel: Path) -> None:
    """What the wheel holds, by kind and folder, in kB."""
    size: Counter[str] = Counter()
    number: Counter[str] = Counter()
    with zipfile.ZipFile(wheel) as file:
        for one in file.infolist():
            path = PurePosixPath(one.filename)
            kind = f"{path.parts[0]}/*{path.suffix}" if len(path.parts) == 2 else "/".join(path.parts[:2])
            size[kind] += one.file_size
            number[kind] += 1
    print(f"{'files':>6} {'kB':>8}  of {wheel.name}, {wheel.stat().st_size / 1e3:,.0f} kB")
    for kind, total in size.most_common():
        print(f"{number[kind]:6} {total / 1e3:8,.1f}  {kind}")


def installed(wheel: Path, folder: Path) -> Path:
    """An environment with the wheel and what it needs; its interpreter."""
    start = time.perf_counter()
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    _run(python, "-m", "pip", "install", "--quiet", "--no-compile", "--constraint", CONSTRAINTS, f"{wheel}[all]")
    print(f"installed matganip[all] in {time.perf_counter() - start:.0f} s")
    return python


def as_a_user(python: Path, folder: Path) -> None:
    """The README's lines of Python, the examples, copied, and the demo, without a checkout."""
    folder.mkdir()
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (folder / "readme.py").write_text(f"if __name__ == '__main__':\n{indent(snippet, '    ')}", encoding="utf-8")
    command = python.with_name("matganip.exe" if os.name == "nt" else "matganip")
    for what, line in (
        ("the README's Python", (python, "readme.py")),
        ("matganip examples", (command, "examples")),
        (f"matganip run {DEMO}", (command, "run", DEMO, "--output", "results")),
    ):
        start = time.perf_counter()
        _run(*line, cwd=folder, quiet=True, environment={"MPLBACKEND": "agg"})
        print(f"{what}: {time.perf_counter() - start:.0f} s")


def run_tests(python: Path, tests: list[str], options: list[str]) -> None:
    """The tests of the checkout, with the installed package: conftest.py refuses any other."""
    requirements = [*_run(sys.executable, ROOT / "cmake" / "requirements.py", output=True).split()]
    _run(python, "-m", "pip", "install", "--quiet", "--no-compile", "--constraint", CONSTRAINTS, *requirements)
    environment = {"MATGANIP_INSTALLED": str(python.parents[1])}
    package = _run(python, "-c", "import matganip; print(matganip.__path__[0])", output=True).strip()
    doctests = ["--pyargs", "matganip", f"--ignore={package}/examples"]  # which are scripts
    arguments = ["-n", "auto", "--dist", "loadfile", "-p", "no:cacheprovider", *options, *tests, *doctests]
    _run(python, "-m", "pytest", *arguments, cwd=ROOT, environment=environment)


def _run(
    *command: str | Path,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    quiet: bool = False,
    output: bool = False,
) -> str:
    """Run a command without the caller's packages in sight; what it printed, where asked for."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | (environment or {})
    pipe = subprocess.PIPE if quiet or output else None
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=variables, stdout=pipe, stderr=subprocess.STDOUT if quiet else None,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{done.stdout or ''}\nfailed ({done.returncode}): {' '.join(map(str, command))}")
    return done.stdout or ""


if __name__ == "__main__":
    main()
