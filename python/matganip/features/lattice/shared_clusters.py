r"""Pairs and triplets of species by class under the *parent's* symmetry: columns that mean the same in every supercell.

A column is the share of the clusters of its class, per primitive cell, that an arrangement holds, 0 to 100: the
correlation functions of a cluster expansion, as indicators (Sanchez, Ducastelle and Gratias, Physica A 128,
334 (1984)).
In a small supercell the two ends of a long pair may be one site; the product of its indicators is then the indicator.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.lattice_points import CellCodes
from matganip.features.lattice.cluster_classes import States, cluster_name
from matganip.features.lattice.clusters import indicator_patterns
from matganip.features.lattice.lattice_sites import LatticeSites, parent_sites
from matganip.features.lattice.pattern_form import polynomial_form
from matganip.features.lattice.patterns import LatticePatterns, Vertices, vertex_columns
from matganip.features.lattice.site_clusters import ClusterFinder, ParentSites, SiteClusters

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


@dataclass(frozen=True, eq=False)
class SharedClusters:
    """Clusters of a parent, one for each translation, with a species on each site, by symmetry class.

    Attributes
    ----------
    basis, mode, cell : tuple of (n, k), (n, k), (n, k, 3) int64 ndarrays
        For k = 1, 2, 3: basis site, species and primitive cell of each site of each cluster. A species is its number
        among those of its sublattice, by name, the parent's own left out.
    label : tuple of (n,) int64 ndarray
        The class of each, numbered over all k.
    size, order : (n_classes,) int64 ndarray
        Clusters of each class per primitive cell, and sites of a cluster.
    distance : (n_classes,) float64 ndarray
        The longest distance between its sites, angstrom.
    names : tuple of str
    """

    basis: tuple[NDArray[np.int64], ...]
    mode: tuple[NDArray[np.int64], ...]
    cell: tuple[NDArray[np.int64], ...]
    label: tuple[NDArray[np.int64], ...]
    size: NDArray[np.int64]
    order: NDArray[np.int64]
    distance: NDArray[np.float64]
    names: tuple[str, ...]

    @classmethod
    def of(
        cls,
        space: ConfigurationSpace,
        cutoff: float,
        triplet_cutoff: float | None,
        decorations: list[list[str]] | None = None,
    ) -> SharedClusters:
        """Find the clusters of a space's parent.

        Parameters
        ----------
        space : ConfigurationSpace
            Its parent and the species of its sublattices count, its supercell and composition do not.
        cutoff : float
            Longest distance of a pair, angstrom.
        triplet_cutoff : float, optional
            Longest distance within a triplet; none by default.
        decorations : list of list of str, optional
            For each basis site what may stand on it in place of the species: names of point functions, say.

        Raises
        ------
        InputError
            If a cutoff is no positive number, or reaches over too many cells.
        """
        sites = parent_sites(space)
        species = species_of_basis(space, sites) if decorations is None else decorations
        pairs = ClusterFinder(sites, cutoff).pairs()
        found = [_Decorated(sites, species, cutoff).classes(_of_size(pairs, k)) for k in (1, 2)]
        if triplet_cutoff is not None:
            finder = ClusterFinder(sites, triplet_cutoff)
            triples, _ = finder.triples(finder.pairs())
            found.append(_Decorated(sites, species, triplet_cutoff).classes(_of_size(triples, 3)))
        first, label = 0, []
        for one in found:
            label.append(one.label + first)
            first += len(one.distance)
        return cls(
            basis=tuple(one.basis for one in found),
            mode=tuple(one.mode for one in found),
            cell=tuple(one.cell for one in found),
            label=tuple(label),
            size=np.bincount(np.concatenate(label), minlength=first),
            order=np.repeat(np.arange(1, len(found) + 1), [len(one.distance) for one in found]),
            distance=np.concatenate([one.distance for one in found]),
            names=tuple(name for one in found for name in one.names),
        )

    def shares(
        self, codes: CellCodes, basis: NDArray[np.int64], cell: NDArray[np.int64], modes: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The columns of one arrangement of any supercell.

        Parameters
        ----------
        codes : CellCodes
            Of the supercell.
        basis, cell, modes : (n_sites,), (n_sites, 3), (n_sites,) int64 ndarrays
            Every substituted site of it and the mode of the species on it; -1 for the parent's own.

        Returns
        -------
        (n_classes,) float64 ndarray
        """
        cells, held = codes.cells(), np.zeros(len(self.size))
        known = codes.code(basis, cell)
        order = np.argsort(known)
        known, modes = known[order], modes[order]
        for at, mode, offset, label in zip(self.basis, self.mode, self.cell, self.label, strict=True):
            code = codes.code(at, offset + cells[:, None, None])
            here = modes[np.searchsorted(known, code)]  # (n_cells, n, k)
            np.add.at(held, label, (here == mode).all(axis=2).sum(axis=0))
        share: NDArray[np.float64] = 100.0 * held / (self.size * len(cells))
        return share


def shared_cluster_patterns(
    space: ConfigurationSpace, cutoff: float, triplet_cutoff: float | None, vertices: Vertices
) -> LatticePatterns:
    """Work out the columns of a space; the arguments are those of `SharedClusters.of`.

    Returns
    -------
    LatticePatterns
    """
    classes, sites, states = SharedClusters.of(space, cutoff, triplet_cutoff), LatticeSites(space), States.of(space)
    kept = vertex_columns(vertices, len(classes.size))
    cells, n_sites = sites.codes.cells(), space.n_sites
    width = 3 if triplet_cutoff is not None else 2
    factors, columns = [], []
    for basis, mode, cell, label in zip(classes.basis, classes.mode, classes.cell, classes.label, strict=True):
        k = basis.shape[1]
        at = sites.columns_of(np.broadcast_to(basis, (len(cells), *basis.shape)), cell + cells[:, None, None])
        slots = np.sort((1 + mode * n_sites + at).reshape(-1, k), axis=1)
        at = at.reshape(-1, k)
        twice = np.zeros(slots.shape, dtype=bool)
        twice[:, 1:] = slots[:, 1:] == slots[:, :-1]
        alike = (np.sort(at, axis=1)[:, 1:] == np.sort(at, axis=1)[:, :-1]).sum(axis=1)
        possible = alike == twice.sum(axis=1)  # else one site would carry two species
        padded = np.zeros((len(slots), width), dtype=np.int64)
        padded[:, width - k :] = np.where(twice, 0, slots)
        factors.append(np.sort(padded, axis=1)[possible])
        columns.append(np.tile(label, len(cells))[possible])
    columns_of = np.concatenate(columns)
    values = 100.0 / (classes.size[columns_of] * len(cells))
    form = polynomial_form(np.concatenate(factors), columns_of, values, len(classes.size)).columns(kept)
    return indicator_patterns(classes, kept, form, states, max(cutoff, triplet_cutoff or 0.0))


def species_of_basis(space: ConfigurationSpace, sites: ParentSites) -> list[list[str]]:
    """For each basis site the species that its sublattice may carry beside the parent's own, by name."""
    columns = LatticeSites(space)
    table = []
    for basis in range(len(sites.coordinates)):
        one = space.sublattice_table[int(space.sublattices[columns.first_column[basis]])]
        table.append(sorted(set(one.species) - {one.host}))
    return table


@dataclass(frozen=True, eq=False)
class _Classes:
    basis: NDArray[np.int64]
    mode: NDArray[np.int64]
    cell: NDArray[np.int64]
    label: NDArray[np.int64]
    distance: NDArray[np.float64]
    names: tuple[str, ...]


class _Decorated(ClusterFinder):
    """Clusters with a species on each site: basis sites that carry different species are different sites."""

    def __init__(self, sites: ParentSites, species: list[list[str]], cutoff: float) -> None:
        super().__init__(sites, cutoff)
        self.species, self.width = species, max(map(len, species))
        self.images = [
            (
                rotation,
                (target[:, None] * self.width + np.arange(self.width)).reshape(-1),
                np.repeat(shift, self.width, axis=0),
            )
            for rotation, target, shift in self.images
        ]
        self.coordinates = np.repeat(sites.coordinates, self.width, axis=0)
        self.n_basis *= self.width

    def classes(self, clusters: SiteClusters) -> _Classes:
        """Every decoration of the clusters, by class, those of the shortest distances first."""
        k = clusters.basis.shape[1]
        basis, cell = [], []
        for modes in product(range(self.width), repeat=k):
            allowed = np.ones(len(clusters.basis), dtype=bool)
            for column, mode in enumerate(modes):
                allowed &= np.array([mode < len(one) for one in self.species])[clusters.basis[:, column]]
            basis.append((clusters.basis * self.width + np.array(modes))[allowed])
            cell.append(clusters.cell[allowed])
        found = self._by_class(np.concatenate(basis), np.concatenate(cell))
        order = np.lexsort((np.arange(len(found.distance)), np.rint(found.distance / 1e-5)))
        place = np.argsort(order)
        names = [self._name(found, row) for row in found.representative[order]]
        return _Classes(
            found.basis // self.width, found.basis % self.width, found.cell, place[found.orbit],
            found.distance[order], tuple(names),
        )  # fmt: skip

    def _name(self, found: SiteClusters, row: int) -> str:
        basis, mode = found.basis[row] // self.width, found.basis[row] % self.width
        points = (self.sites.coordinates[basis] + found.cell[row]) @ self.sites.lattice.matrix
        lengths = [float(np.linalg.norm(points[a] - points[b])) for a in range(len(basis)) for b in range(a)]
        return cluster_name([self.species[b][m] for b, m in zip(basis, mode, strict=True)], lengths)


def _of_size(clusters: SiteClusters, k: int) -> SiteClusters:
    """The clusters of k different sites, each once; points come as pairs of a site with itself."""
    members = np.concatenate([clusters.basis[..., None], clusters.cell], axis=2)  # (n, width, 4)
    width = members.shape[1]
    same = [(members[:, a] == members[:, b]).all(axis=1) for a in range(width) for b in range(a)]
    kept = np.all(same, axis=0) if k == 1 else ~np.any(same, axis=0)
    basis, cell = clusters.basis[kept][:, :k], clusters.cell[kept][:, :k]
    return SiteClusters(basis, cell, clusters.orbit[kept], clusters.representative, clusters.distance)
