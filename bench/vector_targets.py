"""Every kernel on every vector target that runs here, in one process; writes docs/benchmarks-vectors.md."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip import _core

ROOT = Path(__file__).parent.parent
ROUNDS = 9
Action = Callable[[], Any]


def crystals() -> dict[str, list[Structure]]:
    """Forty atoms, cubic and triclinic, and a porous cell of 424."""
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    cubic = list(space.sample_orbits(32, seed=0).structures())
    rng = np.random.default_rng(0)
    lattice = Lattice.from_parameters(12.4, 12.6, 12.9, 88, 91, 93)
    triclinic = [Structure(lattice, s.species, s.frac_coords + rng.normal(0, 0.005, (40, 3))) for s in cubic]
    points = np.stack(np.meshgrid(*[np.arange(24) / 24] * 3), axis=-1).reshape(-1, 3)
    places = points[rng.permutation(len(points))[:424]]
    porous = Structure(
        Lattice.from_parameters(25.8, 26.3, 25.3, 90, 95, 90), rng.choice(["C", "H", "O", "Zn"], 424), places
    )
    return {"powder, cubic, 40 atoms": cubic, "powder, triclinic, 40 atoms": triclinic, "powder, 424 atoms": [porous]}


def actions() -> dict[str, tuple[Action, int]]:
    """What is timed, and how many arrangements, structures or rows it takes."""
    made: dict[str, tuple[Action, int]] = {}
    powder = mg.PowderDiffraction("CuKa")
    for name, structures in crystals().items():
        made[name] = (
            lambda s=structures: np.concatenate([p.intensity for p in powder.patterns(s, num_threads=1)]),
            len(structures),
        )
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    n = 4096
    rows = np.ascontiguousarray(np.tile(space.sample_orbits(512, seed=0).occupations, (n // 512, 1)))
    lattice = mg.LatticeDiffraction(space)
    resolved = mg.LatticeDiffraction(space, resolution="resolved", vertices=28)
    triplets = mg.LatticeDiffraction(space, domain="patterson", cutoff=9.0, order=3)
    peaks, matrices = lattice.peaks(rows, 1, n_peaks=28), np.zeros((n, 28, 28), dtype=np.float32)
    made["lattice, 112 powder peaks"] = (lambda: lattice.peaks(rows, 1).intensity, n)
    made["lattice, 28 resolved peaks"] = (lambda: resolved.peaks(rows, 1).intensity, n)
    made["lattice, 23 triplets"] = (lambda: triplets.peaks(rows, 1).triplets, n)
    made["graph matrices"] = (lambda: mg.graph_matrix(peaks, out=matrices, num_threads=1), n)
    made["peaks and matrices"] = (lambda: lattice.graph_matrices(rows, out=matrices, num_threads=1), n)
    rng = np.random.default_rng(1)

    def numbers(*shape: int, dtype: type = np.float64) -> np.ndarray:
        return rng.normal(size=shape).astype(dtype)

    network = _core.ConvolutionalNetwork(
        mean=numbers(1, 28, 28, dtype=np.float32), scale=numbers(1, 28, 28, dtype=np.float32),
        conv1_weight=numbers(8, 1, 3, 3, dtype=np.float32), conv1_bias=numbers(8, dtype=np.float32),
        conv2_weight=numbers(16, 8, 3, 3, dtype=np.float32), conv2_bias=numbers(16, dtype=np.float32),
        head_weight=numbers(1, 7, 7, 16), readout=numbers(1, 1, 28, 28), bias=numbers(1),
    )  # fmt: skip
    graphs = np.abs(numbers(1024, 1, 28, 28, dtype=np.float32))
    made["network, 8 and 16 channels"] = (lambda: network.predict(graphs, num_threads=1), len(graphs))
    readout = _core.RationalKernel(
        slope=numbers(1, 28), centres=numbers(480, 28), coefficients=numbers(480, 1), near=0.5
    )
    features = numbers(1024, 28)
    made["kernel readout, 480 centres"] = (lambda: readout.predict(features, num_threads=1), len(features))
    squares = _core.SumOfSquares(
        directions=numbers(28, 7), shift=numbers(7), linear=numbers(7), squares=numbers(7), constant=0.0
    )
    many = numbers(16384, 28)
    made["distilled surrogate, 7 squares of 28 peaks"] = (lambda: squares.predict(many, num_threads=1), len(many))
    mixed = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}, "Pb": {"Sn": 4}})
    made["enumeration, 34,968 orbits"] = (lambda: sum(len(b) for b in mixed.orbits(num_threads=1)), 34_968)
    return made


def measure() -> dict[str, dict[str, float]]:
    """CPU seconds of each action on each target, in turn; results compared first."""
    targets = _core.vector_targets()
    found: dict[str, dict[str, float]] = {}
    for name, (action, n) in actions().items():
        results, times = {}, {target: [] for target in targets}
        for round_ in range(ROUNDS + 1):
            for target in targets:
                _core.use_vector_target(target)
                start = time.process_time()
                result = action()
                times[target].append(time.process_time() - start)
                if round_ == 0:
                    results[target] = np.array(result, dtype=np.float64)
        first = results[targets[0]]
        for target, values in results.items():
            assert np.abs(values - first).max() <= 1e-5 * np.abs(first).max(), (name, target)
        found[name] = {target: min(seconds) / n for target, seconds in times.items()}
    return found


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks-vectors.md")
    parser.add_argument("--json", action="store_true", help="only print the figures")
    options = parser.parse_args()
    if options.json:
        print(json.dumps(measure()))
        return
    load = os.getloadavg()[1]
    found = measure()
    options.output.write_text(page(found, load))


def page(found: dict[str, dict[str, float]], load: float) -> str:
    """The page as Markdown."""
    from table import markdown

    targets = list(next(iter(found.values())))
    wide, narrow = ("avx512", "avx2") if "avx512" in targets else (targets[0], targets[-1])
    header = ["kernel", *(f"{target}, µs" for target in targets), f"{narrow} / {wide}"]
    lines = [
        [name, *(f"{1e6 * times[t]:.3g}" for t in targets), f"{times[narrow] / times[wide]:.2f}"]
        for name, times in found.items()
    ]
    template = (ROOT / "bench" / "benchmarks-vectors.md.in").read_text()
    return template.format(
        date=datetime.date.today(), target=wide, machine=f"{platform.machine()}, {os.cpu_count()} cores",
        rounds=ROUNDS, load=f"{load:.0f}", table=markdown(header, lines),
    )  # fmt: skip


if __name__ == "__main__":
    main()
