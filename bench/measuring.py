"""The outside of one measurement: every program in an environment and a process of its own, with limits."""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from cases import Case

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / "build" / "bench"
CPU_LIMIT_S = int(os.environ.get("BENCH_CPU_LIMIT", "60"))
MEMORY_LIMIT_GIB = 12

PEERS = ("dsenum", "shry", "bsym", "icet")
ONE_SUPERCELL_ONLY = ("shry", "bsym")


def run(program: str, case: Case, mode: str = "", threads: int = 1) -> dict[str, Any]:
    """Enumerate a case once.

    Parameters
    ----------
    program : str
        ``"matganip"`` or one of `PEERS`.
    case : Case
        What to enumerate.
    mode : str
        For matganip ``"kernel"`` or ``"delivery"``.
    threads : int
        Number of threads; the peers use one.

    Returns
    -------
    dict
        ``orbits``, ``cpu_s``, ``wall_s``, ``peak_mib`` and ``imports_mib``; or only ``gave_up``, a reason, where the
        program went past a limit.
    """
    script = ROOT / "bench" / "programs" / f"run_{program}.py"
    command = [str(python_of(program)), str(script), json.dumps(case.as_dict()), *filter(None, [mode])]
    pinned = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    environment = {**os.environ, **pinned, "OMP_NUM_THREADS": str(threads)}
    environment.pop("OMP_WAIT_POLICY", None)  # make's own choice; measured is what a user of the library has
    done = subprocess.run(command, capture_output=True, text=True, env=environment, preexec_fn=_set_limits, check=False)
    if done.returncode == 0:
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
    if done.returncode in (-9, -24):  # SIGKILL and SIGXCPU, of the limit on CPU time
        return {"gave_up": f"over {CPU_LIMIT_S} s"}
    if "MemoryError" in done.stderr or "bad_alloc" in done.stderr:
        return {"gave_up": f"over {MEMORY_LIMIT_GIB} GiB"}
    raise RuntimeError(f"{program} failed on {case.name}:\n{done.stderr[-2000:]}")


def _set_limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S + 5))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_GIB << 30, MEMORY_LIMIT_GIB << 30))


@functools.cache
def python_of(program: str) -> Path:
    """The interpreter that has a program; a peer gets an environment of its own, for their dependencies disagree."""
    if program in ("matganip", "pymatgen"):
        return Path(sys.executable)
    home = ENVIRONMENTS / program
    python = home / "bin" / "python"
    requirements = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"][f"bench-{program}"]
    installed = home / "requirements.json"
    if not installed.exists() or json.loads(installed.read_text()) != requirements:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True)
        installed.write_text(json.dumps(requirements))
    return python


def version_of(program: str, package: str = "") -> str:
    """Version of an installed program, or of the package that it comes in."""
    code = f"from importlib.metadata import version; print(version({package or program!r}))"
    return subprocess.run(
        [str(python_of(program)), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()
