"""The substituted sites of a supercell as sites of its parent's primitive cell, each in one of the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.configurations.lattice_points import CellCodes, distinct_points
from matganip.features.lattice.site_clusters import ParentSites
from matganip.features.lattice.translations import nearest

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


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
    kept = distinct_points(in_parent, lattice, 2 * space.symprec)
    return ParentSites(lattice, in_parent[kept], cell.symmetry)
