"""Columns that all supercells of a parent share, of structures in any of them; and what a model says of these."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.lattice_points import CellCodes
from matganip.configurations.mapping import MappedStructure, ParentLattice
from matganip.crystal.structures import name_of, naming
from matganip.features.lattice.lattice_sites import LatticeSites, parent_sites
from matganip.features.lattice.shared_clusters import SharedClusters, species_of_basis
from matganip.results.structures import StructurePrediction

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.card import Card
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
        hosts, allowed = _hosts(space)
        self.allowed = [allowed[host] for host in hosts]
        """For each basis site the species of its sublattice."""

    def of(self, mapped: MappedStructure) -> Floats:
        """The columns of one structure, (p,)."""
        own = np.flatnonzero(mapped.basis < self.n_basis)
        modes = np.array([self.modes[mapped.basis[site]].get(mapped.species[site], -1) for site in own])
        return self.clusters.shares(CellCodes(mapped.vectors, self.n_basis), mapped.basis[own], mapped.cell[own], modes)


def predict_structures(
    solved: Solved, card: Card, space: ConfigurationSpace, structures: Iterable[Any]
) -> StructurePrediction:
    """Predict structures in any cells of a space's parent.

    Raises
    ------
    InputError
        Names the structure that does not fit the parent's sites.
    """
    settings = card.diffraction
    columns = SharedColumns(space, SharedClusters.of(space, settings.cutoff or 0.0, settings.longest_triplet))
    lattice = ParentLattice(space)
    features, mapped, names, outside = [], [], [], []
    for row, structure in enumerate(structures):
        name = name_of(structure, row)
        with naming(name):
            found = lattice.map(structure)
        features.append(columns.of(found))
        mapped.append(found)
        names.append(name)
        if card.ranges and (told := beyond(card.ranges, measures(space, found))):
            outside.append(f"{name}: {'; '.join(told)}")
    mean, deviation = solved.predict(np.array(features).reshape(len(features), -1))
    sites = np.array([len(one.species) for one in mapped])
    atoms = np.array([one.n_atoms for one in mapped])
    moved = np.array([one.displacement for one in mapped])
    strain = np.array([one.strain for one in mapped])
    return StructurePrediction(
        tuple(names), mean * sites, deviation * sites, atoms, strain, moved, card.calculator, tuple(outside)
    )


def measures(space: ConfigurationSpace, mapped: MappedStructure) -> dict[str, float]:
    """What tells how far a structure is from others: shares of species, sites of its cell, and how wide that is.

    Returns
    -------
    dict of str to float
        ``"Pd on Ag"``, the part of a sublattice's sites; ``"sites"``; ``"width"``, the shortest distance between two
        faces of the cell, in angstrom of the parent.
    """
    hosts, allowed = _hosts(space)
    found = {}
    for host in dict.fromkeys(hosts):
        own = [
            name
            for basis, name in zip(mapped.basis, mapped.species, strict=True)
            if basis < len(hosts) and hosts[basis] == host
        ]
        for name in allowed[host]:
            found[f"{name} on {host}"] = own.count(name) / len(own)
    vectors = mapped.vectors @ parent_sites(space).lattice.matrix
    return {**found, **_size(vectors, len(mapped.species))}


def measures_of_space(space: ConfigurationSpace) -> dict[str, float]:
    """The same of every arrangement of a space."""
    found = {}
    for one in space.sublattice_table:
        for name, count in zip(one.species, one.counts, strict=True):
            found[f"{name} on {one.host}"] = count / sum(one.counts)
    return {**found, **_size(np.array(space.supercell_structure.lattice.matrix), len(space.supercell_structure))}


def beyond(ranges: dict[str, tuple[float, float]], found: dict[str, float]) -> list[str]:
    """Every measure that lies outside the ranges of a training set, in words; a wider cell alone does no harm."""
    told = []
    for name, value in found.items():
        low, high = ranges.get(name, (0.0, 0.0))
        if low - 1e-9 <= value <= high + 1e-9:
            continue
        if name == "width":
            if value < low:
                told.append(f"a cell {value:.2f} Å wide (trained on {low:.2f} Å and wider)")
        elif name == "sites":
            told.append(f"{value:.0f} sites (trained on {low:.0f} to {high:.0f})")
        else:
            told.append(f"{value:.1%} {name} (trained on {low:.1%} to {high:.1%})")
    return told


def _hosts(space: ConfigurationSpace) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The host of each basis site, and the species of each host's sublattice."""
    columns = LatticeSites(space)
    of_basis = [space.sublattice_table[int(space.sublattices[column])] for column in columns.first_column]
    return [one.host for one in of_basis], {one.host: tuple(one.species) for one in of_basis}


def _size(vectors: Floats, n_sites: int) -> dict[str, float]:
    return {"sites": float(n_sites), "width": float((1.0 / np.linalg.norm(np.linalg.inv(vectors), axis=0)).min())}


def shortest_distance(space: ConfigurationSpace) -> float:
    """The shortest distance between two substituted sites of the parent, angstrom."""
    sites = parent_sites(space)
    images = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    apart = sites.coordinates[:, None, None] - sites.coordinates[:, None] + images
    distances = np.linalg.norm(apart @ sites.lattice.matrix, axis=-1)
    return float(distances[distances > 1e-3].min())
