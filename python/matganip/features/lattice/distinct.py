"""What diffraction can and cannot see: how many arrangements look alike, and what no model can then do better."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.batch import ConfigurationBatch, concatenate
from matganip.errors import InputError
from matganip.features.lattice.feature_tables import FeatureTable, feature_tables
from matganip.features.radiation import Radiation

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

# Peaks are scaled to 100: intensities that differ by less are one.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class FeatureClasses:
    """How many orbits a set of features tells apart.

    Attributes
    ----------
    features : str
        What was looked at.
    n_features : int
    n_classes : int
        Distinct rows.
    largest_class : int
        Orbits in the largest class of equal rows.
    floor_mae, floor_rmse : float or None
        The lowest weighted errors that any function of these features has on the labels; None without labels.
    """

    features: str
    n_features: int
    n_classes: int
    largest_class: int
    floor_mae: float | None
    floor_rmse: float | None


@dataclass(frozen=True)
class Distinguishability:
    """What `distinguishability` finds.

    Attributes
    ----------
    n_orbits, n_arrangements : int
    rows : tuple of FeatureClasses
    baseline_mae, baseline_rmse : float or None
        Errors of the mean baseline, the weighted mean of the labels; None without labels.
    unit : str
        Of the labels.
    """

    n_orbits: int
    n_arrangements: int
    rows: tuple[FeatureClasses, ...]
    baseline_mae: float | None
    baseline_rmse: float | None
    unit: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; the mean baseline's errors are ``constant_mae`` and ``constant_rmse``."""
        return {name.replace("baseline", "constant"): value for name, value in asdict(self).items()}

    def __getattr__(self, name: str) -> Any:
        if name not in ("constant_mae", "constant_rmse"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        now = name.replace("constant", "baseline")
        warnings.warn(f"{name} is called {now} now", DeprecationWarning, stacklevel=2)
        return getattr(self, now)

    def __getitem__(self, features: str) -> FeatureClasses:
        for row in self.rows:
            if row.features == features:
                return row
        raise KeyError(features)


def distinguishability(
    batches: ConfigurationBatch | Iterable[ConfigurationBatch],
    *,
    radiation: str | float | Radiation = "CuKa",
    two_theta_range: tuple[float, float] | None = (0, 90),
    n_peaks: int = 28,
    triplets: bool = False,
    cutoff: float | None = None,
    labels: ArrayLike | None = None,
    unit: str = "",
    tolerance: float = TOLERANCE,
    num_threads: int | None = None,
) -> Distinguishability:
    """Count the distinct patterns of orbits, and bound what a model can learn from them.

    Parameters
    ----------
    batches : ConfigurationBatch, or iterable of them
        Orbits of one space; all are looked at together.
    radiation, two_theta_range
        As for `LatticeDiffraction`.
    n_peaks : int
        How many of the first (or the most intense) peaks count as "first n".
    triplets : bool
        Also resolved peaks with triplets.
    cutoff : float, optional
        Also the Patterson function up to this distance in angstrom, and with `triplets` its triples.
    labels : (n,) array_like, optional
        A property of each orbit, in the order of the batches.
    unit : str
        Of the labels.
    tolerance : float
        By how much rows may differ and still be equal, of 100. Rows are taken by their coordinates in an orthonormal
        basis of the space that they span, which keep distances. They are one class where, in each coordinate, their
        values form a chain without a gap wider than this: no row is split off at the edge of a bin.
    num_threads : int, optional
        Threads for the peaks; None or 0 is all cores.

    Returns
    -------
    Distinguishability

    Raises
    ------
    InputError
        If there is no orbit, the batches are of several spaces, `n_peaks` or `tolerance` is not positive, or the labels
        are not one finite number for each orbit.

    Notes
    -----
    Peaks are made in blocks. What is kept of an orbit is its arrangement and, for each representation, as many numbers
    as the representation has degrees of freedom: for 2x2x2 CsPbI3:Br seven instead of 1,056.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> found = distinguishability(space.orbits())
    >>> found.n_orbits, found["powder"].n_classes, found["resolved"].n_classes
    (19, 14, 19)
    >>> found["powder, 28 most intense"].n_classes
    3
    """
    space, occupations, weight = _gathered(batches)
    y = None if labels is None else _checked_labels(labels, len(weight))
    tables = feature_tables(
        space, occupations, weight, radiation, two_theta_range, n_peaks, triplets, cutoff, num_threads
    )
    rows = [_feature_classes(table, weight, y, tolerance) for table in tables]
    error = None if y is None else y - np.average(y, weights=weight)
    return Distinguishability(
        n_orbits=len(weight),
        n_arrangements=int(weight.sum()),
        rows=tuple(rows),
        baseline_mae=None if error is None else float(np.average(np.abs(error), weights=weight)),
        baseline_rmse=None if error is None else float(np.sqrt(np.average(error**2, weights=weight))),
        unit=unit,
    )


def feature_classes(features: ArrayLike, tolerance: float = TOLERANCE) -> NDArray[np.int64]:
    """Number the classes of equal rows.

    Parameters
    ----------
    features : (n, k) array_like
    tolerance : float
        Rows are one class where, in each column, the values of the class form a chain without a gap wider than this.

    Returns
    -------
    (n,) int64 ndarray
        Classes, numbered by the first row of each.

    Raises
    ------
    InputError
        If the features are not a table of finite numbers, or the tolerance is not positive.

    Examples
    --------
    >>> feature_classes([[0.0, 1.0], [0.5, 1.0], [4e-7, 1.0]]).tolist()
    [0, 1, 0]
    """
    table = np.asarray(features, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all():
        raise InputError("features must be a table (n, k) of finite numbers")
    if not 0 < tolerance < np.inf:
        raise InputError(f"tolerance must be a positive number, not {tolerance}")
    label = np.zeros(len(table), dtype=np.int64)
    n_before = -1
    while (n_now := len(np.unique(label))) != n_before:  # splitting by one column may open a gap in another
        n_before = n_now
        for column in table.T:
            order = np.lexsort((column, label))
            opens = (np.diff(label[order]) != 0) | (np.diff(column[order]) > tolerance)
            label[order] = np.concatenate([[0], np.cumsum(opens)])[: len(order)]
    _, first, label = np.unique(label, return_index=True, return_inverse=True)
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[label.reshape(-1)]


def floor_of_classes(
    classes: NDArray[np.int64], labels: NDArray[np.float64], weight: NDArray[np.float64] | NDArray[np.int64]
) -> tuple[float, float]:
    """Lowest errors of any prediction that is the same within each class.

    Parameters
    ----------
    classes : (n,) int64 ndarray
    labels : (n,) float64 ndarray
    weight : (n,) ndarray
        How often each row counts.

    Returns
    -------
    mae, rmse : float
        Weighted: of the weighted median, and of the weighted mean, of each class.

    Examples
    --------
    >>> floor_of_classes(np.array([0, 0, 1]), np.array([1.0, 3.0, 7.0]), np.array([1, 1, 2]))
    (0.5, 0.7071067811865476)
    """
    order = np.lexsort((labels, classes))
    group, y, w = classes[order], labels[order], weight[order].astype(np.float64)
    total = np.bincount(group, w)
    mean = np.bincount(group, w * y) / np.where(total > 0, total, 1)
    before = np.cumsum(w) - np.concatenate([[0.0], np.cumsum(total)])[group]  # weight up to and with each row
    reached = before >= total[group] / 2 * (1 - 1e-12)
    first = np.unique(np.where(reached, group, -1), return_index=True)
    median = np.zeros(len(total))
    median[first[0][first[0] >= 0]] = y[first[1][first[0] >= 0]]
    mae = float(np.average(np.abs(y - median[group]), weights=w))
    return mae, float(np.sqrt(np.average((y - mean[group]) ** 2, weights=w)))


def _gathered(
    batches: ConfigurationBatch | Iterable[ConfigurationBatch],
) -> tuple[ConfigurationSpace, NDArray[np.uint8], NDArray[np.int64]]:
    found = [batches] if isinstance(batches, ConfigurationBatch) else list(batches)
    if not sum(map(len, found)):
        raise InputError("there is no orbit to tell from another")
    batch = concatenate(found)
    return batch.space, np.ascontiguousarray(batch.occupations), batch.multiplicity


def _checked_labels(labels: ArrayLike, n_orbits: int) -> NDArray[np.float64]:
    y = np.asarray(labels, dtype=np.float64)
    if y.shape != (n_orbits,):
        raise InputError(f"labels must be one number for each of the {n_orbits} orbits, not of shape {y.shape}")
    if not np.isfinite(y).all():
        raise InputError(f"labels: that of orbit {int(np.argmin(np.isfinite(y)))} is not a finite number")
    return y


def _feature_classes(
    table: FeatureTable,
    weight: NDArray[np.int64],
    labels: NDArray[np.float64] | None,
    tolerance: float,
) -> FeatureClasses:
    classes = feature_classes(table.coordinates, tolerance)
    floor = (None, None) if labels is None else floor_of_classes(classes, labels, weight)
    sizes = np.bincount(classes)
    return FeatureClasses(table.name, table.n_features, len(sizes), int(sizes.max()), *floor)
