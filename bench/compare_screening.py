"""The same screen by other programs, on a sample: pymatgen's peaks with plain torch, and an icet cluster expansion.

    python bench/compare_screening.py MODEL_FOLDER --number 40

Needs icet beside matganip. All run on one thread of one process, and CPU time is measured. The peaks that pymatgen
gives are powder peaks and not the resolved ones that the model was trained on: the work is that of a prediction, its
number means nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from ase import Atoms
from pymatgen.analysis.diffraction.xrd import XRDCalculator

from matganip.configurations.batch import ConfigurationBatch
from matganip.learning.model import Model
from matganip.learning.scoring import GraphScorer


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def by_pymatgen(batch: ConfigurationBatch, asked: GraphScorer) -> None:
    """Structure by structure: peaks, matrix, network."""
    calculator = XRDCalculator("CuKa")
    n = asked.represent.n_peaks
    for structure in batch.structures():
        pattern = calculator.get_pattern(structure, two_theta_range=(0, 90))
        x, y = np.zeros(n), np.zeros(n)
        x[: len(pattern.x[:n])], y[: len(pattern.y[:n])] = pattern.x[:n] / 180, pattern.y[:n] / 100
        matrix = torch.from_numpy(np.outer(x, x) + np.outer(y, y)).float()
        asked.model.predict(matrix[None].numpy())


def icet_cluster_vectors(batch: ConfigurationBatch, asked: GraphScorer) -> int:
    """Cluster vectors of pairs and triplets up to 9 angstrom, structure by structure; gives their length."""
    from icet import ClusterSpace

    space = asked.space
    parent = space.parent
    symbols = [[site.specie.symbol] for site in parent]
    primitive = Atoms(
        numbers=parent.atomic_numbers, scaled_positions=parent.frac_coords, cell=parent.lattice.matrix, pbc=True
    )
    for sublattice in space.sublattice_table:
        for site in sublattice.parent_sites:
            symbols[site] = list(sublattice.species)
    clusters = ClusterSpace(primitive, cutoffs=[9.0, 7.0], chemical_symbols=symbols)
    parameters = np.zeros(len(clusters))
    for atoms in batch.atoms():
        clusters.get_cluster_vector(atoms) @ parameters
    return len(clusters)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--number", type=int, default=40)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = Model.of(arguments.model)
    asked = model.scorer(model.space())
    batch = asked.space.sample_orbits(arguments.number, seed=0)

    def ours() -> None:
        for part in asked.space.orbits(16384, (0, 64), num_threads=1):
            asked.predict(asked.features(part.occupations))
            counted.append(len(part))

    counted: list[int] = []
    asked.predict(asked.features(batch.occupations))  # what is only done once
    ours_s = cpu(ours) / sum(counted)
    pymatgen_s = cpu(lambda: by_pymatgen(batch, asked)) / len(batch)
    icet_s = cpu(lambda: icet_cluster_vectors(batch, asked)) / len(batch)
    orbits = asked.space.count_orbits()
    print(f"{asked.space!r}: {orbits:,} orbits, {asked.space.n_configurations:,} arrangements")
    for name, seconds in (("matganip", ours_s), ("pymatgen + torch", pymatgen_s), ("icet 4.0", icet_s)):
        print(
            f"{name:18} {seconds * 1e6:12,.1f} µs an orbit {seconds / ours_s:10,.0f} x   all orbits "
            f"{seconds * orbits / 3600:12,.4f} core-hours, all arrangements without symmetry "
            f"{seconds * asked.space.n_configurations / 3600:14,.2f}"
        )


if __name__ == "__main__":
    main()
