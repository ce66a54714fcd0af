"""Diffraction side by side with the peers, each result asserted; `python bench/diffraction_table.py` writes the page.

Peers that only compute structure factors get the reflections and have their |F|^2 compared; pymatgen does all that our
general engine does. Times are process CPU seconds, the best of several rounds.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import time
from functools import cache

import numpy as np
import pytest
from measuring import ROOT, python_of
from pymatgen.analysis.diffraction.xrd import XRDCalculator
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.features.reflections import reflections_in_range

N_STRUCTURES, PYMATGEN_STRUCTURES, ROUNDS = 128, 4, 7
ROWS = 65536
# Largest difference of |F|^2, of the strongest: one table of form factors; xrayutilities has others, and its own f'.
PEERS = {"gemmi": 1e-5, "cctbx": 1e-5, "dans": 1e-5, "xrayutilities": 0.02}


def cpu(action, rounds: int = ROUNDS) -> float:
    """Least process CPU seconds of several calls."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return min(times)


def wall(action, rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


@cache
def structures(name: str) -> tuple[Structure, ...]:
    """Forty atoms each: arrangements of 6 Br in 2x2x2 CsPbI3, as they are or in a triclinic cell, all displaced."""
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    found = list(space.sample_orbits(N_STRUCTURES, seed=0).structures())
    if name == "cubic":
        return tuple(found)
    rng = np.random.default_rng(0)
    scale = {"triclinic": 1.0, "triclinic, small": 0.752}[name]
    lattice = Lattice.from_parameters(12.4 * scale, 12.6 * scale, 12.9 * scale, 88, 91, 93)
    return tuple(Structure(lattice, s.species, s.frac_coords + rng.normal(0, 0.005, (40, 3))) for s in found)


@pytest.mark.parametrize("name", ["cubic", "triclinic", "triclinic, small"])
def test_general_engine(benchmark, name):
    crystals = list(structures(name))
    powder, peer = mg.PowderDiffraction("CuKa"), XRDCalculator("CuKa")
    patterns = powder.patterns(crystals, num_threads=1)
    for pattern, crystal in zip(patterns[:2], crystals[:2], strict=True):
        expected = peer.get_pattern(crystal)
        near = np.abs(pattern.two_theta[:, None] - expected.x).argmin(axis=0)
        assert np.abs(pattern.two_theta[near] - expected.x).max() < 2e-5
        assert np.bincount(near, expected.y, len(pattern.two_theta)) == pytest.approx(pattern.intensity, abs=2e-3)
    ours = cpu(lambda: powder.patterns(crystals, num_threads=1)) / len(crystals)
    theirs = cpu(lambda: [peer.get_pattern(crystal) for crystal in crystals[:PYMATGEN_STRUCTURES]], 3)
    one, two = (wall(lambda n=n: powder.patterns(crystals * 4, num_threads=n)) for n in (1, 2))
    benchmark.pedantic(lambda: powder.patterns(crystals, num_threads=1), rounds=1)
    benchmark.extra_info.update(
        name=name, lines=len(patterns[0].two_theta), volume=crystals[0].volume, ours=ours,
        pymatgen=theirs / PYMATGEN_STRUCTURES, threads=one / two,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["cubic", "triclinic"])
@pytest.mark.parametrize("program", PEERS)
def test_structure_factors(benchmark, program, name):
    crystal = structures(name)[0]
    reflections = reflections_in_range(crystal.lattice, 1.54184, (0, 90))
    job = {
        "cell": [float(x) for x in crystal.lattice.parameters],
        "symbols": [site.specie.symbol for site in crystal],
        "coordinates": crystal.frac_coords.tolist(),
        "wavelength": 1.54184,
        "hkl": reflections.hkl.tolist(),
    }
    script = ROOT / "bench" / "programs" / f"run_{program}.py"
    done = subprocess.run(
        [str(python_of(program)), str(script)], input=json.dumps(job), capture_output=True, text=True, check=True
    )
    result = json.loads(done.stdout.strip().splitlines()[-1])
    table = mg.Radiation.xray("CuKa", form_factors="international-tables", anomalous=program == "xrayutilities")
    symbols = sorted(set(job["symbols"]))
    factors = table.form_factors(symbols, 1.54184)
    values = dict(zip(symbols, factors.at(reflections.s_squared) + 1j * factors.imaginary[:, None], strict=True))
    phases = np.exp(2j * np.pi * crystal.frac_coords @ reflections.hkl.T)
    direct = np.abs(sum(values[symbol] * phase for symbol, phase in zip(job["symbols"], phases, strict=True))) ** 2
    difference = np.abs(np.array(result["squared"]) - direct).max() / direct.max()
    assert difference < PEERS[program]
    powder = mg.PowderDiffraction(mg.Radiation.xray("CuKa", form_factors="international-tables"))
    crystals = list(structures(name))
    ours = cpu(lambda: powder.patterns(crystals, num_threads=1)) / len(crystals)
    benchmark.pedantic(lambda: None)
    benchmark.extra_info.update(
        program=program, name=name, reflections=len(job["hkl"]), theirs=result["cpu_s"], ours=ours,
        difference=float(difference),
    )  # fmt: skip


def random_rows(space: mg.ConfigurationSpace, n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(len(space.counts[0]), dtype=np.uint8), space.counts[0])
    return np.array([rng.permutation(codes) for _ in range(n)])


def moved(n_bytes: int) -> dict[str, float]:
    """CPU seconds of memset and of NumPy's fill of so many bytes, memory touched before."""
    memory = np.ones(n_bytes, dtype=np.uint8)
    return {
        "memset": cpu(lambda: ctypes.memset(memory.ctypes.data, 1, n_bytes), 15),
        "ndarray.fill": cpu(lambda: memory.fill(1), 15),
    }


def test_lattice_engine(benchmark):
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    rows = random_rows(space, ROWS)
    powder = mg.LatticeDiffraction(space)
    resolved = mg.LatticeDiffraction(space, resolution="resolved", vertices=28)
    triplets = mg.LatticeDiffraction(space, domain="patterson", cutoff=9.0, order=3)
    sample = mg.PowderDiffraction("CuKa").patterns([space.structure(row) for row in rows[:5]])
    for i, pattern in enumerate(sample):
        assert powder.peaks(rows[:5]).pattern(i).intensity == pytest.approx(pattern.intensity, abs=1e-9)
    full, first = np.zeros((ROWS, powder.n_peaks)), np.zeros((ROWS, 28))
    matrices = np.zeros((ROWS, 28, 28), dtype=np.float32)
    peaks = powder.peaks(rows, n_peaks=28, out=first)
    actions = {
        "powder, 112 peaks": (lambda n: powder.peaks(rows, n, out=full), full.nbytes),
        "powder, first 28": (lambda n: powder.peaks(rows, n, n_peaks=28, out=first), first.nbytes),
        "resolved, first 28": (lambda n: resolved.peaks(rows, n, out=first), first.nbytes),
        "Patterson, 7 pairs and 23 triplets": (lambda n: triplets.peaks(rows, n), 30 * 8 * ROWS),
        "graph matrices of 28 peaks": (
            lambda n: mg.graph_matrix(peaks, out=matrices, num_threads=n), matrices.nbytes,
        ),
        "powder, first 28, and matrices": (
            lambda n: powder.graph_matrices(rows, out=matrices, num_threads=n), first.nbytes + matrices.nbytes,
        ),
    }  # fmt: skip
    found = {}
    for name, (action, n_bytes) in actions.items():
        found[name] = {
            "cpu_s": cpu(lambda action=action: action(1), 15),
            "threads": wall(lambda action=action: action(1)) / wall(lambda action=action: action(2)),
            "bytes": n_bytes,
            **moved(n_bytes),
        }
    benchmark.pedantic(lambda: powder.peaks(rows, 1, out=full), rounds=1)
    benchmark.extra_info.update(rows=ROWS, actions=found)


GROWTH = [
    ((2, 2, 2), {"Br": 6}), ((2, 2, 3), {"Br": 9}), ((3, 3, 3), {"Br": 20}), ((4, 4, 4), {"Br": 48}),
    ((6, 6, 6), {"Br": 162}), ((2, 2, 2), {"Br": 5, "Cl": 4}), ((2, 2, 3), {"Br": 8, "Cl": 6}),
    ((3, 3, 3), {"Br": 18, "Cl": 13}), ((4, 4, 4), {"Br": 40, "Cl": 32}),
]  # fmt: skip


@pytest.mark.parametrize(("cells", "counts"), GROWTH)
def test_growth(benchmark, cells, counts):
    """Powder peaks up to 40 degrees, where even 6x6x6 has a list of lines that one can hold."""
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), cells, {"I": counts})
    start = time.process_time()
    diffraction = mg.LatticeDiffraction(space, two_theta_range=(0, 40))
    setup = time.process_time() - start
    rows = random_rows(space, max(64, 200_000 // space.n_sites))
    pattern = mg.PowderDiffraction("CuKa").patterns([space.structure(rows[0])], (0, 40))[0]
    assert diffraction.peaks(rows[:1]).pattern(0).intensity == pytest.approx(pattern.intensity, abs=1e-8)
    out = np.zeros((len(rows), diffraction.n_peaks))
    seconds = cpu(lambda: diffraction.peaks(rows, 1, out=out)) / len(rows)
    benchmark.pedantic(lambda: diffraction.peaks(rows[:1], 1), rounds=1)
    benchmark.extra_info.update(
        cells="x".join(map(str, cells)), species=1 + len(counts), sites=space.n_sites, peaks=diffraction.n_peaks,
        sums=diffraction.n_sums, setup=setup, cpu_s=seconds,
    )  # fmt: skip
