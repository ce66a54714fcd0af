"""Pairs and triples of a parent's sites up to a distance, by symmetry class: the same for all its supercells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.configurations.symmetry import SupercellSymmetry
from matganip.errors import InputError
from matganip.features.lattice.translations import nearest

# Angstrom by which a cut-off is widened: distances that are equal to it but for rounding count.
CUTOFF_TOL = 1e-6
# Distances that agree this well, in angstrom, stand in the order of their classes.
DISTANCE_TOL = 1e-5


@dataclass(frozen=True, eq=False)
class ParentSites:
    """The substituted sites of a parent's primitive cell, and what its operations do to them.

    Attributes
    ----------
    lattice : pymatgen.core.Lattice
        The primitive cell.
    coordinates : numpy.ndarray
        (n_basis, 3) fractional, in the primitive cell.
    symmetry : SupercellSymmetry
        All operations of the parent, in the primitive cell.
    """

    lattice: Lattice
    coordinates: NDArray[np.float64]
    symmetry: SupercellSymmetry


@dataclass(frozen=True, eq=False)
class SiteClusters:
    """Distinct sets of k sites, one for each translation of the parent, by symmetry class. A site may stand twice.

    Attributes
    ----------
    basis : numpy.ndarray
        (n, k) int64, the basis site of each member.
    cell : numpy.ndarray
        (n, k, 3) int64, the primitive cell in which each stands; that of one member is zero.
    orbit : numpy.ndarray
        (n,) int64, the class of each.
    representative : numpy.ndarray
        (n_classes,) int64, one cluster of each class.
    distance : numpy.ndarray
        (n_classes,) float64 angstrom, the longest distance between members; not rising, except for pairs.
    """

    basis: NDArray[np.int64]
    cell: NDArray[np.int64]
    orbit: NDArray[np.int64]
    representative: NDArray[np.int64]
    distance: NDArray[np.float64]


class ClusterFinder:
    """Finds pairs and triples of a parent's sites up to a distance.

    Parameters
    ----------
    sites : ParentSites
    cutoff : float
        Angstrom.

    Raises
    ------
    InputError
        If the cut-off is no positive number, or so long that clusters can no longer be counted.
    """

    def __init__(self, sites: ParentSites, cutoff: float) -> None:
        if not (np.isfinite(cutoff) and cutoff > 0):
            raise InputError(f"cutoff must be a positive distance in angstrom, not {cutoff}")
        self.sites, self.cutoff = sites, cutoff + CUTOFF_TOL
        self.coordinates, self.n_basis = sites.coordinates, len(sites.coordinates)
        reach = np.ceil(2 * self.cutoff * np.array(sites.lattice.reciprocal_lattice_crystallographic.abc)) + 2
        self.side = 2 * int(reach.max()) + 1
        if (self.side**3 * self.n_basis) ** 3 >= 2**63:
            raise InputError(
                f"cutoff: {cutoff} angstrom reaches over too many cells of this parent; take a shorter one"
            )
        self.images = [
            self._image(w, t) for w, t in zip(sites.symmetry.rotations, sites.symmetry.translations, strict=True)
        ]

    def pairs(self) -> SiteClusters:
        """All pairs up to the cut-off, each site with itself included, the closest ones first."""
        basis, cell = [], []
        for b, x in enumerate(self.sites.coordinates):
            neighbours, cells = self._neighbours(x)
            basis.append(np.stack([np.full_like(neighbours, b), neighbours], axis=1))
            cell.append(np.stack([np.zeros_like(cells), cells], axis=1))
        found = self._by_class(np.concatenate(basis), np.concatenate(cell))
        code = np.arange(len(found.distance))
        return _reordered(found, np.lexsort((code, np.rint(found.distance / DISTANCE_TOL))))

    def triples(self, pairs: SiteClusters) -> tuple[SiteClusters, NDArray[np.int64]]:
        """All triples whose three distances are up to the cut-off, and the classes of their three pairs.

        Parameters
        ----------
        pairs : SiteClusters
            What `pairs` gave.

        Returns
        -------
        SiteClusters
            In the order of their pairs.
        numpy.ndarray
            (n_classes, 3) int64, rising.
        """
        basis, cell = [], []
        for b, x in enumerate(self.sites.coordinates):
            neighbours, cells = self._neighbours(x)
            i, j = np.triu_indices(len(neighbours))
            apart = self._length(self.sites.coordinates[neighbours] + cells, i, j)
            i, j = i[apart <= self.cutoff], j[apart <= self.cutoff]
            basis.append(np.stack([np.full_like(i, b), neighbours[i], neighbours[j]], axis=1))
            cell.append(np.stack([np.zeros_like(cells[i]), cells[i], cells[j]], axis=1))
        found = self._by_class(np.concatenate(basis), np.concatenate(cell))
        first = found.representative
        codes = self._codes(pairs.basis, pairs.cell)
        order = np.argsort(codes)
        corners = [
            pairs.orbit[order[np.searchsorted(codes, self._codes(found.basis[first][:, two], found.cell[first][:, two]),
                                              sorter=order)]]
            for two in ([0, 1], [0, 2], [1, 2])
        ]  # fmt: skip
        vertices = np.sort(np.stack(corners, axis=1), axis=1)
        order = np.lexsort((np.arange(len(vertices)), *vertices.T[::-1]))
        return _reordered(found, order), vertices[order]

    def _neighbours(self, x: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Basis site and cell of each site within the cut-off of a point, the point itself included."""
        lattice = self.sites.lattice
        found: Any = lattice.get_points_in_sphere(
            self.sites.coordinates, lattice.get_cartesian_coords(x), self.cutoff, zip_results=False
        )
        return np.asarray(found[2], dtype=np.int64), np.asarray(found[3], dtype=np.int64)

    def _length(self, points: NDArray[np.float64], i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.float64]:
        cartesian = points @ self.sites.lattice.matrix
        length: NDArray[np.float64] = np.linalg.norm(cartesian[i] - cartesian[j], axis=1)
        return length

    def _image(
        self, rotation: NDArray[np.int64], translation: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """An operation: its rotation, the basis site to which it takes each, and in which cell that stands."""
        moved = self.sites.coordinates @ rotation.T + translation
        target = nearest(moved, self.sites.coordinates)[0]
        return rotation, target, np.rint(moved - self.sites.coordinates[target]).astype(np.int64)

    def _codes(self, basis: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) one number for each cluster, whatever the order of its members and the cell in which it stands."""
        k = basis.shape[1]
        digits = np.array([self.side**2, self.side, 1]) * self.n_basis
        n_sites = self.side**3 * self.n_basis
        found = []
        for origin in range(k):
            shifted = cell - cell[:, [origin]] + self.side // 2
            members = np.sort(shifted @ digits + basis, axis=1)
            found.append(members @ n_sites ** np.arange(k)[::-1])
        code: NDArray[np.int64] = np.min(found, axis=0)
        return code

    def _by_class(self, basis: NDArray[np.int64], cell: NDArray[np.int64]) -> SiteClusters:
        """Each distinct cluster once, and the class to which the parent's operations assign it."""
        codes, first = np.unique(self._codes(basis, cell), return_index=True)
        basis, cell = basis[first], cell[first]
        label = np.arange(len(codes))
        for rotation, target, shift in self.images:
            image = self._codes(target[basis], cell @ rotation.T + shift[basis])
            at = np.minimum(np.searchsorted(codes, image), len(codes) - 1)
            inside = codes[at] == image  # else it misses the cut-off by the tolerance of the symmetry
            label[inside] = np.minimum(label[inside], at[inside])
        representative, orbit = np.unique(label, return_inverse=True)
        points = self.coordinates[basis[representative]] + cell[representative]
        cartesian = points @ self.sites.lattice.matrix
        distance = np.linalg.norm(cartesian[:, :, None] - cartesian[:, None], axis=3).max(axis=(1, 2))
        return SiteClusters(basis, cell, orbit.reshape(-1), representative, distance)


def _reordered(found: SiteClusters, order: NDArray[np.int64]) -> SiteClusters:
    """The same clusters, their classes in another order."""
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return SiteClusters(
        found.basis, found.cell, number[found.orbit], found.representative[order], found.distance[order]
    )
