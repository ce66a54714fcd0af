"""The inside of one structure-factor measurement: reads a crystal and reflections from stdin, prints |F|^2 and time.

Runs in the environment of the program that it measures.
"""

import json
import sys
import time
from types import SimpleNamespace

LEAST_CPU_S = 0.5


def measure(prepare):
    """Time the function that `prepare(crystal)` gives, which returns |F|^2 of every reflection.

    The crystal has cell (6), symbols, coordinates, wavelength and hkl. What `prepare` does (parsing, building the
    program's own objects) is not timed.
    """
    job = prepare(SimpleNamespace(**json.loads(sys.stdin.read())))
    cpu, runs = time.process_time(), 0
    while runs == 0 or time.process_time() - cpu < LEAST_CPU_S:
        squared = job()
        runs += 1
    seconds = (time.process_time() - cpu) / runs
    print(json.dumps({"cpu_s": seconds, "squared": [float(value) for value in squared]}))
