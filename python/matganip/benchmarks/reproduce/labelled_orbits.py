"""The shipped CHGNet and GPAW labels, with every input that a method of the comparison reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.prototypes import perovskite
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.features.settings import DiffractionSettings
from matganip.labels.tables import read_labels
from matganip.learning import splits
from matganip.learning.cluster_expansion import cluster_vectors
from matganip.learning.dataset import Dataset
from matganip.learning.representation import representation

if TYPE_CHECKING:
    from matganip.labels.labelled import Labelled
    from matganip.learning.splits import Split

Floats = NDArray[np.float64]
Kind = Literal["powder", "resolved", "triplets"]
Splitting = Literal["orbit", "random"]

CUTOFF = 9.0
"""Angstrom: pairs and triplets up to this distance, in the Patterson function and in icet."""
TRAIN_SIZE = 0.8
DIFFRACTION: dict[Kind, DiffractionSettings] = {
    "powder": DiffractionSettings(),
    "resolved": DiffractionSettings(resolution="resolved"),
    "triplets": DiffractionSettings(cutoff=CUTOFF, triplets=True, n_peaks=30),
}


@dataclass(frozen=True, eq=False)
class LabelledOrbits:
    """Labelled orbits of one composition in one supercell.

    Parameters
    ----------
    space : ConfigurationSpace
    labelled : Labelled
        Every orbit with its energy and multiplicity.
    diffraction : DiffractionSettings
        What the networks read.
    vertices : (n, p) float64 ndarray
        Intensities of the graph's vertices, which baselines read.
    """

    space: ConfigurationSpace
    labelled: Labelled
    diffraction: DiffractionSettings
    vertices: Floats

    @property
    def target(self) -> Floats:
        """Energies in meV/atom, (n,)."""
        return 1000.0 * self.labelled.per_atom

    def split(self, by: Splitting, seed: int) -> Split:
        """The split 80:20 that `matganip.train` makes of these labels with the same seed; it has no graphs."""
        data = Dataset(np.zeros((len(self.labelled), 1, 1)), self.target, self.labelled.multiplicity, unit="meV/atom")
        return {"orbit": splits.by_orbit, "random": splits.random_rows}[by](data, TRAIN_SIZE, seed)

    def features(self, reads: str) -> Floats:
        """Features (n, f) of baselines: "vertices"; "pairs" of sites by distance and symmetry; "clusters" by icet."""
        if reads == "vertices":
            return self.vertices
        if reads == "clusters":  # pairs and triplets
            return cluster_vectors(self.space, self.labelled.occupations, (CUTOFF, CUTOFF))
        patterson = LatticeDiffraction(self.space, domain="patterson", cutoff=CUTOFF)
        return patterson.peaks(self.labelled.occupations).intensity


@cache
def labelled_orbits(table: str, n_br: int, kind: Kind, cell: tuple[int, int, int] = (2, 2, 2)) -> LabelledOrbits:
    """Read a shipped table.

    Examples
    --------
    >>> orbits = labelled_orbits("cspbi3_br/chgnet_X3of24", 3, "triplets")
    >>> len(orbits.labelled), orbits.vertices.shape
    (19, (19, 30))
    """
    space = ConfigurationSpace(perovskite("CsPbI3", a=6.289), cell, {"I": {"Br": n_br}})
    rows = read_labels(table).join(space)
    settings = DIFFRACTION[kind]
    vertices = representation(settings, space).peaks(rows.occupations).intensity[:, : settings.n_peaks]
    return LabelledOrbits(space, rows, settings, vertices)
