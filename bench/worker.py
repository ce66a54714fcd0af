"""The inside of one measurement: a process that enumerates one case and prints what it took.

Runs in the environment of the program that it measures, so that it needs the standard library alone.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

Case = SimpleNamespace


def peak_mib() -> float:
    """Largest memory that the process has had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(enumerate_orbits: Callable[[Case], int | tuple[int, dict[str, Any]]]) -> None:
    """Enumerate the case named on the command line, imports not counted, and print the figures as JSON.

    Parameters
    ----------
    enumerate_orbits : callable
        Takes the case, goes through its orbits one by one (or batch by batch) and returns their number, and with it
        figures that replace those taken here.
    """
    case = SimpleNamespace(**json.loads(sys.argv[1]))
    imports = peak_mib()
    cpu, wall = time.process_time(), time.perf_counter()
    orbits = enumerate_orbits(case)
    figures: dict[str, Any] = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    if isinstance(orbits, tuple):
        orbits, own = orbits
        figures.update(own)
    print(json.dumps({**figures, "orbits": orbits, "peak_mib": peak_mib(), "imports_mib": imports}))
