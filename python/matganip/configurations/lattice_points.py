"""Points of a crystal whatever lattice translation connects them: sites of primitive cells, and points that differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.configurations.symmetry import points_modulo


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


def distinct_points(points: NDArray[np.float64], lattice: Lattice, tolerance: float) -> NDArray[np.int64]:
    """Rows of the points that no lattice translation brings within a distance of one that stands before."""
    kept: list[int] = []
    for i, point in enumerate(points):
        difference = points[kept] - point
        if not (np.linalg.norm((difference - np.rint(difference)) @ lattice.matrix, axis=1) < tolerance).any():
            kept.append(i)
    return np.array(kept, dtype=np.int64)
