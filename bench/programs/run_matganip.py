"""matganip: the iterator that its users drain, from the parent crystal on; with `kernel` the compiled enumerator alone,
with `delivery` what it costs to hand its rows over.
"""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from matganip import _core
from matganip.configurations.derivatives import derivative_structures
from matganip.configurations.space import ConfigurationSpace

sys.path.append(str(Path(__file__).parent.parent))
from worker import measure

THREADS = int(os.environ["OMP_NUM_THREADS"])
NAMES = {"I": ("Br", "Cl"), "Pb": ("Sn", "Ge")}
BATCH = 65536
LEAST_CPU_S = 0.5  # a kernel that is done sooner is run again, so that the clock's ticks do not matter


def enumerate_orbits(case):
    if case.max_volume:
        fcc = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ni"], [[0, 0, 0]])
        batches = derivative_structures(fcc, {"Ni": ["Ni", "Al"]}, case.max_volume, num_threads=THREADS)
    else:
        batches = space_of(case).orbits(BATCH, num_threads=THREADS)
    return sum(len(batch) for batch in batches)


def space_of(case):
    parent = Structure(
        Lattice.cubic(6.289),
        ["Cs", "Pb", *"III"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
    )
    wanted = {host: counts for host, counts in (("I", case.x), ("Pb", case.b)) if counts}
    substitutions = {host: dict(zip(NAMES[host], counts[:-1], strict=False)) for host, counts in wanted.items()}
    return ConfigurationSpace(parent, case.supercell, substitutions)


def drain(space, rows, multiplicity):
    """Fill the same arrays again and again: no object for a batch, no fresh memory."""
    enumerator = _core.OrbitEnumerator(space.group, space.counts)
    orbits = 0
    while (filled := enumerator.fill(rows, multiplicity, num_threads=THREADS)) == len(rows):
        orbits += filled
    return orbits + filled


def kernel(case):
    """One run of the enumerator once the group and the arrays are there: (orbits, mean CPU seconds, mean wall)."""
    space = space_of(case)
    rows, multiplicity = np.zeros((BATCH, space.n_sites), np.uint8), np.zeros(BATCH, np.int64)
    space.group  # noqa: B018  found before the clock starts
    cpu, wall, runs = time.process_time(), time.perf_counter(), 0
    while runs == 0 or time.process_time() - cpu < LEAST_CPU_S:
        orbits = drain(space, rows, multiplicity)
        runs += 1
    return orbits, {"cpu_s": (time.process_time() - cpu) / runs, "wall_s": (time.perf_counter() - wall) / runs}


def delivery(case):
    """Seconds (CPU and wall) for the orbits and, beside them, for moving as many bytes on as many threads."""
    space = space_of(case)
    rows, multiplicity = np.zeros((BATCH, space.n_sites), np.uint8), np.zeros(BATCH, np.int64)
    orbits = drain(space, rows, multiplicity)
    n_bytes = orbits * (space.n_sites + multiplicity.itemsize)
    actions = {
        "into the same arrays": lambda: drain(space, rows, multiplicity),
        "into fresh arrays": lambda: sum(len(batch) for batch in space.orbits(BATCH, num_threads=THREADS)),
        "memcpy within cache": _mover(np.copyto, n_bytes, rows.nbytes + multiplicity.nbytes),
        "memcpy through memory": _mover(np.copyto, n_bytes, 1 << 28),
        "memset through memory": _mover(np.ndarray.fill, n_bytes, 1 << 28),
    }
    return orbits, {"bytes": n_bytes, **{name: _time(action) for name, action in actions.items()}}


def _time(action):
    cpu, wall = time.process_time(), time.perf_counter()
    action()
    return {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}


def _mover(move, n_bytes, block):
    """What writes so many bytes, block by block, each thread its share; memory is touched before the clock starts."""
    shares = [np.ones((2, block // THREADS), np.uint8) for _ in range(THREADS)]
    pool = ThreadPoolExecutor(THREADS)

    def work(share):
        for _ in range(-(-n_bytes // block)):
            move(share[0], share[1] if move is np.copyto else 2)

    return lambda: list(pool.map(work, shares))


if __name__ == "__main__":
    measure({"kernel": kernel, "delivery": delivery}.get(sys.argv[2] if sys.argv[2:] else "", enumerate_orbits))
