"""A wide table in a few numbers a row: coordinates in the space that its rows span."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Of the largest value: what a row may have outside of the space spanned. Rounding leaves a hundredth of it.
SPAN_TOL = 1e-11
_AT_ONCE = 256


class RowSpace:
    """Rows of a table, in a stream, kept as their coordinates in an orthonormal basis of the space that they span.

    Peaks are linear in a few sums over pairs of sites, so that a million rows of 1,056 resolved peaks are a million
    rows of seven coordinates, and two rows are as far from each other as their coordinates are. The basis grows where a
    row does not lie in it (Gram-Schmidt; the row that is farthest outside comes first).

    Examples
    --------
    >>> space = RowSpace(3)
    >>> space.add(np.array([[3.0, 0.0, 4.0], [6.0, 0.0, 8.0]]))
    >>> space.add(np.array([[0.0, 2.0, 0.0]]))
    >>> np.abs(space.coordinates()).tolist()
    [[5.0, 0.0], [10.0, 0.0], [0.0, 2.0]]
    """

    def __init__(self, n_columns: int) -> None:
        self.n_columns = n_columns
        self.largest = 0.0
        """The largest size of a value seen."""
        self._basis: Floats = np.zeros((n_columns, 0))
        self._parts: list[Floats] = []

    def add(self, rows: Floats) -> None:
        """Add rows.

        Parameters
        ----------
        rows : (n, n_columns) float64 ndarray
            Finite; nothing is kept of it.
        """
        self.largest = max(self.largest, float(np.abs(rows).max(initial=0.0)))
        while True:
            coordinates = rows @ self._basis
            rest = rows - coordinates @ self._basis.T
            outside = np.abs(rest).max(axis=1, initial=0.0)
            worst = np.argsort(-outside, kind="stable")[:_AT_ONCE]
            if not len(worst) or outside[worst[0]] <= SPAN_TOL * self.largest:
                break
            self._extend(rest[worst])
        self._parts.append(coordinates)

    def coordinates(self) -> Floats:
        """Coordinates of all rows, in the order of their coming.

        Returns
        -------
        (n, rank) float64 ndarray
        """
        rank = self._basis.shape[1]  # rows that came before a direction have nothing along it
        return np.vstack([np.zeros((0, rank)), *(np.pad(p, ((0, 0), (0, rank - p.shape[1]))) for p in self._parts)])

    def _extend(self, rest: Floats) -> None:
        """Take up what rows have outside of the space."""
        first = True
        while first or np.abs(rest).max() > SPAN_TOL * self.largest:
            direction = rest[int(np.argmax((rest * rest).sum(axis=1)))]
            direction = direction - self._basis @ (direction @ self._basis)  # what rounding left of the basis
            direction /= np.linalg.norm(direction)
            self._basis = np.column_stack([self._basis, direction])
            rest = rest - np.outer(rest @ direction, direction)
            first = False
