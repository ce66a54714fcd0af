"""Which arrangements a screen looks for: the lowest, the highest, the nearest to a target, or a Pareto front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError

Floats = NDArray[np.float64]
Kind = Literal["lowest", "highest", "nearest", "pareto"]


@dataclass(frozen=True)
class Selection:
    """What is looked for.

    Parameters
    ----------
    kind : {"lowest", "highest", "nearest", "pareto"}
        By the first property; "pareto" looks for the arrangements that no other one beats in two properties, both
        to be low.
    size : int
        How many; a Pareto front is cut to so many by the first property.
    target : float, optional
        Where "nearest" looks, in eV per supercell.

    Raises
    ------
    InputError
        If the kind is unknown, the size not positive, or the target missing or out of place.

    Notes
    -----
    Rows are ordered by a *key*, the smaller the better: E, -E or ``abs(E - target)``. Of equal keys the
    lexicographically smaller occupation comes first, so that the order depends on nothing else. A key changes by no
    more than its energy: a bound on the error of E is one on that of the key.

    Examples
    --------
    >>> Selection("nearest", 2, target=-1.0).key(np.array([-1.5, -1.0, 0.0])).tolist()
    [0.5, 0.0, 1.0]
    """

    kind: Kind = "lowest"
    size: int = 100
    target: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise InputError(f"select: {self.kind!r} is none of {', '.join(get_args(Kind))}")
        if self.size < 1:
            raise InputError(f"top: must be at least 1, not {self.size}")
        if (self.kind == "nearest") != (self.target is not None):
            raise InputError("target (eV per supercell) is needed for the selection 'nearest', and only for it")
        if self.target is not None and not np.isfinite(self.target):
            raise InputError(f"target: {self.target} is not a finite energy")

    @property
    def n_properties(self) -> int:
        """Number of properties it needs."""
        return 2 if self.kind == "pareto" else 1

    def key(self, energy: Floats) -> Floats:
        """Key of energies (n,) in eV per supercell: the smaller the better."""
        if self.kind == "highest":
            return -energy
        if self.target is not None:
            return np.abs(energy - self.target)
        return energy


@dataclass(frozen=True, eq=False)
class Rows:
    """Arrangements with their predictions.

    Attributes
    ----------
    row : (n,) int64 ndarray
        Place in the stream of the shard.
    multiplicity : (n,) int64 ndarray
    occupations : (n, n_sites) uint8 ndarray
    energy, deviation : (n, m) float64 ndarray
        Predicted properties in eV per supercell, and how far the models of an ensemble are apart (nan where there is
        one model).
    """

    row: NDArray[np.int64]
    multiplicity: NDArray[np.int64]
    occupations: NDArray[np.uint8]
    energy: Floats
    deviation: Floats

    def __len__(self) -> int:
        return len(self.row)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Rows:
        """Some of the rows."""
        return Rows(
            self.row[index],
            self.multiplicity[index],
            self.occupations[index],
            self.energy[index],
            self.deviation[index],
        )

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """Rows of several tables, one after the other."""
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.multiplicity for part in parts]),
            np.concatenate([part.occupations for part in parts]),
            np.concatenate([part.energy for part in parts]),
            np.concatenate([part.deviation for part in parts]),
        )

    @classmethod
    def none(cls, n_sites: int, n_properties: int) -> Rows:
        """No rows."""
        return cls(
            np.empty(0, np.int64),
            np.empty(0, np.int64),
            np.empty((0, n_sites), np.uint8),
            np.empty((0, n_properties)),
            np.empty((0, n_properties)),
        )


class Best:
    """The best rows of a stream, independent of the order in which they come.

    Parameters
    ----------
    selection : Selection
    n_sites, n_properties : int

    Attributes
    ----------
    rows : Rows
        In order, best first.
    """

    def __init__(self, selection: Selection, n_sites: int, n_properties: int) -> None:
        self.selection = selection
        self.rows = Rows.none(n_sites, n_properties)

    @property
    def threshold(self) -> float:
        """Key of the last of them; infinity while there is room, and for a Pareto front."""
        if self.selection.kind == "pareto" or len(self.rows) < self.selection.size:
            return np.inf
        return float(self.selection.key(self.rows.energy[-1:, 0])[0])

    def add(self, rows: Rows) -> None:
        """Add the rows that are good enough."""
        if self.selection.kind == "pareto":
            both = Rows.joined([self.rows, rows.take(front(rows.energy))])
            both = both.take(front(both.energy))
            self.rows = both.take(ordered(both.energy[:, 0], both.occupations))
            return
        near = rows.take(self.selection.key(rows.energy[:, 0]) <= self.threshold)
        if len(near):
            both = Rows.joined([self.rows, near])
            order = ordered(self.selection.key(both.energy[:, 0]), both.occupations)
            self.rows = both.take(order[: self.selection.size])


def ordered(key: Floats, occupations: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Order of rows by key, and of equal keys by occupation.

    >>> ordered(np.array([1.0, 0.5, 0.5]), np.array([[0], [2], [1]], dtype=np.uint8)).tolist()
    [2, 1, 0]
    """
    rows = np.ascontiguousarray(occupations)
    by_occupation = np.argsort(rows.view(f"V{rows.shape[1]}").ravel(), kind="stable") if len(rows) else np.arange(0)
    order: NDArray[np.int64] = by_occupation[np.argsort(key[by_occupation], kind="stable")]
    return order


def front(values: Floats) -> NDArray[np.bool_]:
    """Which points (n, 2) are not beaten: no other is lower in one property and not higher in the other.

    >>> front(np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 2.0], [0.0, 3.0]])).tolist()
    [True, True, False, True]
    """
    kept = np.zeros(len(values), dtype=bool)
    if not len(values):
        return kept
    order = np.lexsort((values[:, 1], values[:, 0]))
    x, y = values[order].T
    starts = np.concatenate([[True], np.diff(x) != 0])
    group = np.cumsum(starts) - 1  # points of the same first value
    first = np.flatnonzero(starts)
    before = np.concatenate([[np.inf], np.minimum.accumulate(y)])[first]  # lowest y at smaller x
    kept[order] = (y < before[group]) & (y == y[first][group])
    return kept
