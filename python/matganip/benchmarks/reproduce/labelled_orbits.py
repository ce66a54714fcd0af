"""The shipped CHGNet and GPAW labels, with every input that a method of the comparison reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.prototypes import perovskite
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.labels.tables import read_labels
from matganip.learning.cluster_expansion import cluster_vectors
from matganip.learning.dataset import Dataset
from matganip.learning.representation import GraphRepresentation

Floats = NDArray[np.float64]
Kind = Literal["powder", "resolved", "triplets"]

CUTOFF = 9.0
"""Angstrom: pairs and triplets up to this distance, in the Patterson function and in icet."""
N_VERTICES = {"powder": 28, "resolved": 28, "triplets": 30}


@dataclass(frozen=True, eq=False)
class LabelledOrbits:
    """Labelled orbits of one composition in one supercell.

    Parameters
    ----------
    data : Dataset
        Graph matrices and energies in meV/atom.
    vertices : (n, p) float64 ndarray
        Intensities of the graph's vertices, which baselines read.
    positions : tuple of float
        Positions of the vertices as the matrices have them.
    space : ConfigurationSpace
    occupations : (n, n_sites) uint8 ndarray
    """

    data: Dataset
    vertices: Floats
    positions: tuple[float, ...]
    space: ConfigurationSpace
    occupations: NDArray[np.uint8]

    def features(self, reads: str) -> Floats:
        """Features (n, f) of baselines: "vertices"; "pairs" of sites by distance and symmetry; "clusters" by icet."""
        if reads == "vertices":
            return self.vertices
        if reads == "clusters":  # pairs and triplets
            return cluster_vectors(self.space, self.occupations, (CUTOFF, CUTOFF))
        patterson = LatticeDiffraction(self.space, domain="patterson", cutoff=CUTOFF)
        return patterson.peaks(self.occupations).intensity


@cache
def labelled_orbits(table: str, n_br: int, kind: Kind, cell: tuple[int, int, int] = (2, 2, 2)) -> LabelledOrbits:
    """Read a shipped table and make its graphs.

    Examples
    --------
    >>> labelled_orbits("cspbi3_br/chgnet_X3of24", 3, "triplets").data
    <Dataset of 19 rows, 1 x 30 peaks, targets in meV/atom>
    """
    space = ConfigurationSpace(perovskite("CsPbI3", a=6.289), cell, {"I": {"Br": n_br}})
    rows = read_labels(table).join(space)
    if kind == "triplets":
        diffraction = LatticeDiffraction(space, domain="patterson", cutoff=CUTOFF, order=3)
    else:
        diffraction = LatticeDiffraction(space, resolution=kind)
    represent = GraphRepresentation(diffraction, N_VERTICES[kind])
    peaks = represent.peaks(rows.occupations)
    energy = rows.energy / space.n_atoms * 1000
    data = Dataset(represent(rows.occupations), energy, rows.multiplicity, unit="meV/atom")
    return LabelledOrbits(data, peaks.intensity[:, : N_VERTICES[kind]], represent.positions, space, rows.occupations)
