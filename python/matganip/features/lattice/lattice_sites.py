"""The substituted sites of a supercell as sites of its parent's primitive cell, each in one of the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.configurations.symmetry import points_modulo
from matganip.features.lattice.site_clusters import ParentSites
from matganip.features.lattice.translations import nearest

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


class CellCodes:
    """Numbers for the basis sites of the primitive cells of a supercell, equal where its lattice connects them.

    Parameters
    ----------
    vectors : (3, 3) int64 ndarray
        Rows are the supercell's vectors in units of the primitive ones.
    n_basis : int
        Basis sites of a primitive cell.
    """

    def __init__(self, vectors: NDArray[np.int64], n_basis: int) -> None:
        self.vectors, self.n_basis = vectors, n_basis
        self.n_cells = abs(round(float(np.linalg.det(vectors))))
        self._adjugate = np.rint(np.linalg.inv(vectors) * self.n_cells).astype(np.int64)

    def code(self, basis: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.int64]:
        """(...,) the number of each basis site (...,) in a cell (..., 3)."""
        n = self.n_cells
        code: NDArray[np.int64] = (cell @ self._adjugate % n) @ np.array([n * n, n, 1]) * self.n_basis + basis
        return code

    def cells(self) -> NDArray[np.int64]:
        """(n_cells, 3): one primitive cell for each that the supercell's lattice does not connect."""
        return points_modulo(self.vectors)


class LatticeSites:
    """The columns of a space as sites of its parent.

    Parameters
    ----------
    space : ConfigurationSpace

    Attributes
    ----------
    parent : ParentSites
        The substituted sites of the primitive cell.
    codes : CellCodes
        Of the space's supercell.
    basis, cell : (n_sites,), (n_sites, 3) int64 ndarrays
        Basis site and primitive cell of each column.
    first_column : (n_basis,) int64 ndarray
        The first column of each basis site.
    """

    def __init__(self, space: ConfigurationSpace) -> None:
        self.parent = parent_sites(space)
        primitive = space.primitive_cell
        vectors = primitive.vectors_of(space.supercell_matrix)
        self.codes = CellCodes(vectors, len(self.parent.coordinates))
        points: NDArray[np.float64] = np.array(space.supercell_structure.frac_coords)[space.site_indices] @ vectors
        self.basis = nearest(points, self.parent.coordinates)[0]
        self.cell = np.rint(points - self.parent.coordinates[self.basis]).astype(np.int64)
        self.first_column = np.unique(self.basis, return_index=True)[1]
        codes = self.codes.code(self.basis, self.cell)
        self._order = np.argsort(codes)
        self._codes = codes[self._order]

    def columns_of(self, basis: NDArray[np.int64], cell: NDArray[np.int64]) -> NDArray[np.int64]:
        """The column of the occupations that each basis site and cell is."""
        return self._order[np.searchsorted(self._codes, self.codes.code(basis, cell))]


def parent_sites(space: ConfigurationSpace) -> ParentSites:
    """The substituted sites of the primitive cell of a space's parent, sublattice by sublattice."""
    cell = space.primitive_cell
    lattice = Lattice(cell.basis @ space.parent.lattice.matrix)
    substituted = [site for sublattice in space.sublattice_table for site in sublattice.parent_sites]
    in_parent = np.array(space.parent.frac_coords)[substituted] @ np.linalg.inv(cell.basis)
    return ParentSites(lattice, distinct_points(in_parent, lattice, 2 * space.symprec), cell.symmetry)


def distinct_points(points: NDArray[np.float64], lattice: Lattice, tolerance: float) -> NDArray[np.float64]:
    """The points that no lattice translation makes one that stands before, by more than a distance."""
    kept: list[int] = []
    for i, point in enumerate(points):
        difference = points[kept] - point
        if not (np.linalg.norm((difference - np.rint(difference)) @ lattice.matrix, axis=1) < tolerance).any():
            kept.append(i)
    return points[kept]
