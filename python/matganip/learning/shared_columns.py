"""Columns that all supercells of a parent share, of structures in any of them; and what a model says of these."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.lattice_points import CellCodes
from matganip.configurations.mapping import MappedStructure, ParentLattice
from matganip.errors import InputError
from matganip.features.lattice.lattice_sites import parent_sites
from matganip.features.lattice.shared_clusters import SharedClusters, species_of_basis

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.settings import DiffractionSettings
    from matganip.learning.solved import Solved

Floats = NDArray[np.float64]


class SharedColumns:
    """The columns of mapped structures.

    Parameters
    ----------
    space : ConfigurationSpace
        Its parent and species count.
    clusters : SharedClusters
    """

    def __init__(self, space: ConfigurationSpace, clusters: SharedClusters) -> None:
        sites = parent_sites(space)
        self.clusters, self.n_basis = clusters, len(sites.coordinates)
        self.modes = [{name: mode for mode, name in enumerate(one)} for one in species_of_basis(space, sites)]

    def of(self, mapped: MappedStructure) -> Floats:
        """The columns of one structure, (p,)."""
        own = np.flatnonzero(mapped.basis < self.n_basis)
        modes = np.array([self.modes[mapped.basis[site]].get(mapped.species[site], -1) for site in own])
        return self.clusters.shares(CellCodes(mapped.vectors, self.n_basis), mapped.basis[own], mapped.cell[own], modes)


def predict_structures(
    solved: Solved, settings: DiffractionSettings, space: ConfigurationSpace, structures: Iterable[Any]
) -> tuple[Floats, Floats]:
    """Total energies and standard deviations (n,), eV, of structures in any cells of a space's parent.

    Raises
    ------
    InputError
        Names the structure that does not fit the parent's sites.
    """
    columns = SharedColumns(space, SharedClusters.of(space, settings.cutoff or 0.0, settings.longest_triplet))
    lattice = ParentLattice(space)
    features, sites = [], []
    for row, structure in enumerate(structures):
        try:
            mapped = lattice.map(structure)
        except InputError as error:
            raise InputError(f"structure {row}: {error}") from error
        features.append(columns.of(mapped))
        sites.append(len(mapped.species))
    mean, deviation = solved.predict(np.array(features).reshape(len(features), -1))
    return mean * np.array(sites), deviation * np.array(sites)
