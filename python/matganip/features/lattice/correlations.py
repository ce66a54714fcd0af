r"""Correlation functions of an arrangement, and how far they are from those of the random alloy.

With the point functions :math:`\gamma_\alpha` of a sublattice of M species (A. van de Walle, Calphad 33, 266 (2009)),

.. math:: \gamma_\alpha(\sigma) = -\cos(2\pi\lceil\alpha/2\rceil\sigma/M) \text{ (odd α)}, \quad
          -\sin(2\pi\lceil\alpha/2\rceil\sigma/M) \text{ (even α)},

a correlation function is the mean, over the clusters of one class under the parent's symmetry, of the product of the
point functions on their sites. In the random alloy it is the product of their means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from matganip import _core
from matganip.configurations.species import VACANCY, symbol_of
from matganip.features.lattice.lattice_sites import LatticeSites, parent_sites
from matganip.features.lattice.shared_clusters import SharedClusters

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]
Basis = Literal["trigonometric", "species"]

PERFECT = 1e-5
"""By how much a correlation function may differ from its target and still match it."""


def point_functions(n_species: int, basis: Basis) -> Floats:
    """Values (n_functions, n_species) of the point functions of a sublattice; for ``species`` the indicators of each.

    Examples
    --------
    >>> point_functions(2, "trigonometric").round(6).tolist()
    [[-1.0, 1.0]]
    """
    if basis == "species":
        return np.eye(n_species)
    number = np.arange(1, n_species)
    angle = 2 * np.pi * np.ceil(number / 2)[:, None] * np.arange(n_species) / n_species
    return np.where(number[:, None] % 2 == 1, -np.cos(angle), -np.sin(angle))


MOLECULES = 200
"""Molecular cations stand behind all elements."""


def in_order(names: tuple[str, ...]) -> list[str]:
    """The species of a sublattice as point functions number them: by atomic number, vacancies first, molecules last.

    Examples
    --------
    >>> in_order(("Pt", "vac", "Cu"))
    ['vac', 'Cu', 'Pt']
    """
    known = {name: Element(symbol_of(name)).Z for name in names if Element.is_valid_symbol(symbol_of(name))}
    return sorted(names, key=lambda name: (-1 if name == VACANCY else known.get(name, MOLECULES), name))


@dataclass(frozen=True, eq=False)
class CorrelationClusters:
    """The classes of clusters of a parent whose functions are matched: the same for all its supercells.

    Attributes
    ----------
    clusters : SharedClusters
        With a point function in place of a species on each site.
    basis : {"trigonometric", "species"}
        Which functions these are.
    """

    clusters: SharedClusters
    basis: Basis

    @classmethod
    def of(
        cls, space: ConfigurationSpace, pairs: float, triplets: float | None, basis: Basis = "trigonometric"
    ) -> CorrelationClusters:
        """Find the pairs and triplets of a space's parent up to given distances, angstrom."""
        sites, columns = parent_sites(space), LatticeSites(space)
        names = []
        for b in range(len(sites.coordinates)):
            sublattice = int(space.sublattices[columns.first_column[b]])
            species = in_order(space.species[sublattice])
            host = space.sublattice_table[sublattice].host if len(space.species) > 1 else ""
            numbered = [f"{host}{k + 1}" for k in range(len(point_functions(len(species), basis)))]
            names.append(species if basis == "species" else numbered)
        return cls(SharedClusters.of(space, pairs, triplets, names), basis)


class CorrelationMatch:
    """Correlation functions of the arrangements of a supercell beside those of the random alloy.

    Parameters
    ----------
    space : ConfigurationSpace
        Its composition is that of the random alloy.
    clusters : CorrelationClusters
        Of its parent.
    importance : (n_functions,) float64 ndarray, optional
        Weight of each function; 1 by default.
    optimality_weight : float
        What each angstrom of radius (half the distance) earns up to which pairs match perfectly.

    Attributes
    ----------
    target : (n_functions,) float64 ndarray
        Functions of the random alloy, points left out.
    order, distance : (n_functions,) ndarray
        Sites of a cluster, and the longest distance between them in angstrom.
    names : tuple of str
        Of the functions.

    Examples
    --------
    >>> import matganip as mg
    >>> from pymatgen.core import Lattice, Structure
    >>> cell = Structure(Lattice.cubic(3.0), ["Cu"], [[0, 0, 0]])
    >>> space = mg.ConfigurationSpace(cell, (2, 2, 2), {"Cu": {"Au": 4}})
    >>> match = CorrelationMatch(space, CorrelationClusters.of(space, 3.1, None))
    >>> best = min(float(match.scores(batch.occupations).min()) for batch in space.orbits())
    >>> match.names, best
    (('1-1 3.00 Å',), -1.5)
    """

    def __init__(
        self,
        space: ConfigurationSpace,
        clusters: CorrelationClusters,
        importance: Floats | None = None,
        optimality_weight: float = 1.0,
    ) -> None:
        shared, sites = clusters.clusters, LatticeSites(space)
        n_codes = max(map(len, space.species))
        tables = [_table(names, clusters.basis) for names in space.species]  # (n_functions, n_codes) of each
        n_modes = max(map(len, tables))
        point = np.zeros((space.n_sites, n_modes, n_codes))
        for sublattice, table in enumerate(tables):
            point[space.sublattices == sublattice, : len(table), : table.shape[1]] = table
        means = [table @ (np.array(c) / sum(c)) for table, c in zip(tables, space.counts, strict=True)]
        kept = np.flatnonzero(shared.order > 1)
        number = np.full(len(shared.order), -1)
        number[kept] = np.arange(len(kept))
        self.space = space
        self.order, self.distance = shared.order[kept], shared.distance[kept]
        self.names = tuple(shared.names[k] for k in kept)
        self.target = np.zeros(len(kept))
        sublattice_of = space.sublattices[sites.first_column]
        cells = sites.codes.cells()
        slots, labels = [], []
        for basis, mode, cell, label in zip(shared.basis, shared.mode, shared.cell, shared.label, strict=True):
            if basis.shape[1] == 1:
                continue
            mean = np.ones(len(basis))
            for column in range(basis.shape[1]):
                mean *= [means[sublattice_of[b]][m] for b, m in zip(basis[:, column], mode[:, column], strict=True)]
            self.target[number[label]] = mean
            at = sites.columns_of(np.broadcast_to(basis, (len(cells), *basis.shape)), cell + cells[:, None, None])
            slot = np.full((at.size // basis.shape[1], 3), -1, dtype=np.int64)
            slot[:, : basis.shape[1]] = np.sort((at * n_modes + mode).reshape(-1, basis.shape[1]), axis=1)
            slots.append(slot)
            labels.append(np.tile(number[label], len(cells)))
        # In a small cell a cluster meets itself: equal ones are counted once, with their number as the weight.
        terms, times = np.unique(
            np.column_stack([np.concatenate(slots), np.concatenate(labels)]), axis=0, return_counts=True
        )
        weight = times / (shared.size[kept][terms[:, 3]] * len(cells))
        pairs = np.flatnonzero(self.order == 2)
        ladder = pairs[np.argsort(self.distance[pairs], kind="stable")]
        self.importance = np.ones(len(kept)) if importance is None else importance
        self._kernel = _core.CorrelationMatch(
            sublattices=np.ascontiguousarray(space.sublattices, dtype=np.int32),
            n_species=np.array([len(space.species[s]) for s in space.sublattices], dtype=np.int32),
            point=point,
            slots=np.ascontiguousarray(terms[:, :3], dtype=np.int32),
            labels=np.ascontiguousarray(terms[:, 3], dtype=np.int32),
            weights=weight,
            target=self.target,
            importance=self.importance,
            ladder=ladder.astype(np.int32),
            reward=optimality_weight * self.distance[ladder] / 2,
            tolerance=PERFECT,
        )

    def correlations(self, occupations: NDArray[np.uint8], num_threads: int | None = None) -> Floats:
        """Correlation functions (n, n_functions) of arrangements (n, n_sites) uint8."""
        return self._kernel.correlations(occupations, num_threads=num_threads or 0)

    def scores(self, occupations: NDArray[np.uint8], num_threads: int | None = None) -> Floats:
        """How far arrangements are from the random alloy, (n,): smaller is better."""
        return self._kernel.scores(occupations, num_threads=num_threads or 0)

    def anneal(
        self,
        occupations: NDArray[np.uint8],
        generators: NDArray[np.uint64],
        n_swaps: int,
        num_threads: int | None = None,
    ) -> tuple[NDArray[np.uint8], Floats]:
        """Simulated annealing by swaps from arrangements (n, n_sites): the best of each chain, and its score (n,)."""
        rows, _, score = self._kernel.anneal(
            occupations, generators=generators, n_swaps=n_swaps, num_threads=num_threads or 0
        )
        return rows, score


def _table(names: tuple[str, ...], basis: Basis) -> Floats:
    """Point functions (n_functions, n_codes) of a sublattice."""
    number = [in_order(names).index(name) for name in names]
    return np.ascontiguousarray(point_functions(len(names), basis)[:, number])
