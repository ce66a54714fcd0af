"""What a network learns from: graph matrices with a property, a weight and an orbit for each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError

UNNAMED = "property"
"""What a single property is called that nobody named."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled graph matrices, one row for an orbit (or for any structure).

    Parameters
    ----------
    matrices : (n, c, p, p) or (n, p, p) array
        Graph matrices with p peaks in c channels; kept as float32, (n, c, p, p).
    target : (n,) or (n, k) array
        The property, or a vector of k of them; kept as float64, so that a total energy of -127 eV keeps its
        microvolts. One column, (n, 1), is one property.
    weight : (n,) array, optional
        How often a row counts: the multiplicity of its orbit. Ones by default.
    group : (n,) array of integers, optional
        The orbit of each row; a split by orbit keeps a group together. Every row its own by default.
    unit : str, or sequence of k str
        Of the property, as it is to be printed; of each where there are several.
    names : sequence of k str, optional
        What the properties are called; "property", or "property 1", "property 2" ... by default.

    Attributes
    ----------
    names, units : tuple of k str
    unit : str
        The unit; those of several are joined by commas.

    Raises
    ------
    InputError
        If shapes do not fit together, a value is not finite, a weight is not positive, or there is no row.

    Examples
    --------
    >>> data = Dataset(np.zeros((2, 28, 28)), target=[-126.8, -126.7], weight=[48, 384], unit="eV")
    >>> len(data), data.n_channels, data.n_peaks
    (2, 1, 28)
    >>> both = Dataset(np.zeros((2, 28, 28)), [[-126.8, 0.81], [-126.7, 0.84]], unit=["eV", ""], names=["energy", "t"])
    >>> both.n_properties, both.only(1).target.tolist(), both.only(1).names
    (2, [0.81, 0.84], ('t',))
    """

    matrices: NDArray[np.float32]
    target: NDArray[np.float64]
    weight: NDArray[np.float64]
    group: NDArray[np.int64]
    unit: str
    units: tuple[str, ...]
    names: tuple[str, ...]

    def __init__(
        self,
        matrices: ArrayLike,
        target: ArrayLike,
        weight: ArrayLike | None = None,
        group: ArrayLike | None = None,
        unit: str | Sequence[str] = "",
        names: Sequence[str] | None = None,
    ) -> None:
        stacked = as_matrices(matrices)
        n = len(stacked)
        if n == 0:
            raise InputError("a dataset needs at least one row, and this one is empty")
        put = object.__setattr__
        put(self, "matrices", stacked)
        put(self, "target", _properties(target, n))
        put(self, "weight", _column("weight", np.ones(n) if weight is None else weight, n, np.float64))
        put(self, "group", _column("group", np.arange(n) if group is None else group, n, np.int64))
        self._name(unit, names)
        _refuse(np.isfinite(stacked.reshape(n, -1)).all(axis=1), "its matrix holds a value that is not finite")
        _refuse(
            np.isfinite(self.target.reshape(n, -1)).all(axis=1),
            "its target is not a finite number; drop the row or label it",
        )
        _refuse(np.isfinite(self.weight) & (self.weight > 0), "its weight is not a positive number")

    def _name(self, unit: str | Sequence[str], names: Sequence[str] | None) -> None:
        k = self.n_properties
        default = [UNNAMED] if k == 1 else [f"property {number + 1}" for number in range(k)]
        units = (unit,) if isinstance(unit, str) and k == 1 else ("",) * k if unit == "" else unit
        for what, found in (("units", units), ("names", default if names is None else names)):
            if isinstance(found, str) or len(found) != k or not all(isinstance(one, str) for one in found):
                raise InputError(f"{what}: {found!r} does not give one text for each of the {k} properties")
            object.__setattr__(self, what, tuple(found))
        if len(set(self.names)) != k:
            raise InputError(f"names: {', '.join(self.names)}: two properties have one name")
        object.__setattr__(self, "unit", ", ".join(self.units) if any(self.units) else "")

    def __len__(self) -> int:
        return len(self.target)

    def __repr__(self) -> str:
        unit = f" in {self.unit}" if self.unit else ""
        return f"<Dataset of {len(self)} rows, {self.n_channels} x {self.n_peaks} peaks, targets{unit}>"

    @property
    def n_peaks(self) -> int:
        """Number of peaks p of each matrix."""
        return int(self.matrices.shape[2])

    @property
    def n_channels(self) -> int:
        """Number of channels c of each matrix."""
        return int(self.matrices.shape[1])

    @property
    def n_properties(self) -> int:
        """Number of properties k of each row."""
        return 1 if self.target.ndim == 1 else int(self.target.shape[1])

    @property
    def baseline(self) -> float:
        """The mean baseline of the one property: the weighted mean of the target, in its unit."""
        check_single(self.names)
        return float(np.average(self.target, weights=self.weight))

    @property
    def baselines(self) -> NDArray[np.float64]:
        """(k,): the mean baseline of each property, in its unit."""
        return np.atleast_1d(np.average(self.target, axis=0, weights=self.weight))

    def only(self, number: int) -> Dataset:
        """Take one property alone: a dataset with targets (n,).

        Raises
        ------
        InputError
            If there is no property of that number.
        """
        if not 0 <= number < self.n_properties:
            raise InputError(f"property {number}: there are {self.n_properties}, numbered from 0")
        column = self.target.reshape(len(self), -1)[:, number]
        return Dataset(self.matrices, column, self.weight, self.group, self.units[number], [self.names[number]])

    def subset(self, rows: ArrayLike, weight: ArrayLike | None = None) -> Dataset:
        """Take some rows.

        Parameters
        ----------
        rows : (m,) array
            Indices of the rows, or a mask of all of them.
        weight : (m,) array, optional
            New weights; by default the rows keep theirs.

        Returns
        -------
        Dataset

        Raises
        ------
        InputError
            If no row is left.
        """
        index = np.asarray(rows)
        return Dataset(
            self.matrices[index],
            self.target[index],
            self.weight[index] if weight is None else weight,
            self.group[index],
            self.units,
            self.names,
        )

    def collapsed(self) -> Dataset:
        """Join rows with the same matrix, target and group into one that carries their summed weight.

        A weighted mean over the rows is the same before and after, so that a loss which is one can be
        taken over the distinct rows alone: of the 2,024 arrangements of 3 Br on 24 sites, over 19.

        Returns
        -------
        Dataset
            The distinct rows in the order of their first appearance; this very set if all are distinct.
        """
        first: dict[tuple[bytes, tuple[float, ...], int], int] = {}
        owner = np.empty(len(self), dtype=np.int64)
        for i, (matrix, target, group) in enumerate(zip(self.matrices, self.target, self.group, strict=True)):
            key = (matrix.tobytes(), tuple(np.atleast_1d(target).tolist()), int(group))
            owner[i] = first.setdefault(key, i)
        rows, place = np.unique(owner, return_inverse=True)
        if len(rows) == len(self):
            return self
        return self.subset(rows, weight=np.bincount(place, weights=self.weight))


def as_matrices(matrices: ArrayLike) -> NDArray[np.float32]:
    """Give matrices as C-contiguous float32 of shape (n, c, p, p); a missing channel axis is added.

    Raises
    ------
    InputError
        If the shape is another.
    """
    stacked = np.ascontiguousarray(matrices, dtype=np.float32)
    if stacked.ndim == 3:
        stacked = stacked[:, np.newaxis]
    if stacked.ndim != 4 or stacked.shape[2] != stacked.shape[3]:
        raise InputError(f"matrices must have shape (n, p, p) or (n, channels, p, p); these have {np.shape(matrices)}")
    return stacked


def check_single(names: Sequence[str]) -> None:
    """Refuse several properties where one is asked about.

    Raises
    ------
    InputError
        If there is more than one.
    """
    if len(names) > 1:
        raise InputError(
            f"there are {len(names)} properties ({', '.join(names)}) where one is asked for; Dataset.only takes one"
        )


def _properties(target: ArrayLike, n: int) -> NDArray[np.generic]:
    """(n,), or (n, k) of more than one property."""
    columns = np.asarray(target)
    if columns.ndim != 2:
        return _column("target", columns, n, np.float64)
    if len(columns) != n or columns.shape[1] == 0:
        raise InputError(f"target must have one row for each of the {n} matrices; its shape is {columns.shape}")
    return np.ascontiguousarray(columns[:, 0] if columns.shape[1] == 1 else columns, dtype=np.float64)


def _column(name: str, values: ArrayLike, n: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    column = np.asarray(values)
    if column.shape != (n,):
        raise InputError(f"{name} must have one value for each of the {n} matrices; its shape is {column.shape}")
    return np.ascontiguousarray(column, dtype=dtype)


def _refuse(good: ArrayLike, why: str) -> None:
    bad = np.flatnonzero(~np.asarray(good))
    if len(bad):
        raise InputError(f"row {bad[0]}: {why} ({len(bad)} such rows)")
