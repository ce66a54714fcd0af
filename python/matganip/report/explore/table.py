"""A table of any length: sorted, filtered and handed out by the slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of words, few of them different.

    Attributes
    ----------
    words : tuple of str
        Ascending.
    codes : (n,) int32 ndarray
        Which word stands in each row.
    """

    words: tuple[str, ...]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, values: Sequence[str]) -> Texts:
        """Take the words of all rows."""
        words, codes = np.unique(np.asarray(values, dtype=np.str_), return_inverse=True)
        return cls(tuple(words.tolist()), codes.astype(np.int32))


@dataclass(frozen=True)
class RowChoice:
    """Which rows are asked for, and in which order.

    Attributes
    ----------
    sort : str or None
        The column to sort by; None leaves the rows as they are.
    descending : bool
    least, most : mapping of str to float
        Bounds of columns of numbers.
    equal : mapping of str to str
        The word of columns of words.
    """

    sort: str | None = None
    descending: bool = False
    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    equal: Mapping[str, str] = field(default_factory=dict)


class RowTable:
    """Columns of one length.

    Parameters
    ----------
    columns : mapping of str to (n,) ndarray or Texts
        Numbers or words.

    Examples
    --------
    >>> table = RowTable({"energy": np.array([0.3, 0.1, 0.2]), "group": Texts.of(["C2v", "Cs", "Cs"])})
    >>> table.rows(RowChoice(sort="energy", equal={"group": "Cs"})).tolist()
    [1, 2]
    """

    def __init__(self, columns: Mapping[str, NDArray[Any] | Texts]) -> None:
        self.columns = dict(columns)
        first = next(iter(self.columns.values()))
        self._n = len(first.codes if isinstance(first, Texts) else first)
        self._orders: dict[str, Rows] = {}

    def __len__(self) -> int:
        return self._n

    def rows(self, choice: RowChoice) -> Rows:
        """Return the numbers of the chosen rows, in order; nan last, equal values as the rows are.

        Raises
        ------
        InputError
            If a column does not exist, or holds words where a number is needed or numbers where a word is.
        """
        kept = np.ones(self._n, dtype=bool)
        for name, bound in choice.least.items():
            kept &= self.numbers(name) >= bound
        for name, bound in choice.most.items():
            kept &= self.numbers(name) <= bound
        for name, word in choice.equal.items():
            texts = self._column(name)
            if not isinstance(texts, Texts):
                raise InputError(f"{name}: a column of numbers has no word")
            kept &= texts.codes == (texts.words.index(word) if word in texts.words else -1)
        if choice.sort is None:
            return np.flatnonzero(kept)
        order = self._order(choice.sort, choice.descending)
        return order[kept[order]]

    def numbers(self, name: str) -> NDArray[Any]:
        """Return a column of numbers."""
        column = self._column(name)
        if isinstance(column, Texts):
            raise InputError(f"{name}: a column of words has no bounds and no axis")
        return column

    def cells(self, name: str, rows: Rows) -> list[Any]:
        """Return the values in some rows, ready for JSON: unknown numbers are None."""
        column = self._column(name)
        if isinstance(column, Texts):
            return [column.words[code] for code in column.codes[rows].tolist()]
        values = column[rows]
        if values.dtype.kind != "f":
            return list(values.tolist())
        return [value if np.isfinite(value) else None for value in values.tolist()]

    def _column(self, name: str) -> NDArray[Any] | Texts:
        if name not in self.columns:
            raise InputError(f"{name[:40]!r} is none of the columns {', '.join(self.columns)}")
        return self.columns[name]

    def _order(self, name: str, descending: bool) -> Rows:
        key = f"{name}{' ' * descending}"
        if key not in self._orders:
            column = self._column(name)
            values = column.codes if isinstance(column, Texts) else column
            if descending:
                values = -values.astype(np.float64)
            self._orders[key] = np.argsort(values, kind="stable")
        return self._orders[key]
