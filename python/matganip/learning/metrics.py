"""How wrong a prediction is, always beside that of the mean baseline.

On the arrangements of one crystal the mean of the training set is already a good prediction (for 3 Br on 24 sites
within 0.08 meV/atom of DFT), so that an error alone says nothing. `Metrics` cannot be built without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metrics:
    """Errors of a prediction over a test set, each row weighted by its multiplicity.

    Parameters
    ----------
    mae, rmse : float
        Mean absolute and root mean square error, in `unit`.
    baseline_mae : float
        Mean absolute error of the mean baseline, the weighted mean of the *training* targets, in
        `unit`.
    r2 : float
        1 - (sum of squared errors) / (sum of squares about the test targets' weighted mean); nan where
        the test targets are all equal.
    spearman : float
        Spearman's rank correlation, as if each row stood there as often as its weight says; nan where either
        side is constant.
    maer, baseline_maer : float
        Mean absolute error rate of the model and of the mean baseline, in percent of the target's size (MATGANIP,
        section 3); nan where a target is 0. Small where targets are large, as total energies are: for the mean
        baseline, too.
    n_rows : int
        Rows of the test set.
    weight : float
        Their total weight: the arrangements that they stand for.
    unit : str
        Of the errors.
    """

    mae: float
    rmse: float
    baseline_mae: float
    r2: float
    spearman: float
    maer: float
    baseline_maer: float
    n_rows: int
    weight: float
    unit: str

    @property
    def skill(self) -> float:
        """1 - MAE / (that of the mean baseline): 1 is perfect, 0 no better than the mean, below 0 worse."""
        return 1.0 - self.mae / self.baseline_mae if self.baseline_mae > 0 else float("nan")

    def scaled(self, factor: float, unit: str) -> Metrics:
        """Give the same errors in another unit.

        Parameters
        ----------
        factor : float
            What to multiply by: from eV a supercell to meV an atom, ``1000 / n_atoms``.
        unit : str
            Name of the new unit.

        Returns
        -------
        Metrics

        Examples
        --------
        >>> m = evaluate([0.0, 0.2], [0.0, 0.4], baseline=0.0, unit="eV")
        >>> m.scaled(1000 / 40, "meV/atom").mae, m.scaled(1000 / 40, "meV/atom").baseline_mae
        (2.5, 5.0)
        """
        return replace(
            self,
            mae=self.mae * factor,
            rmse=self.rmse * factor,
            baseline_mae=self.baseline_mae * factor,
            unit=unit,
        )

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"MAE {self.mae:.4f}{unit} (mean baseline {self.baseline_mae:.4f}{unit}, skill {self.skill:.3f}), "
            f"R2 {self.r2:.4f}, Spearman {self.spearman:.4f}"
        )


def evaluate(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    baseline: ArrayLike,
    weight: ArrayLike | None = None,
    unit: str = "",
) -> Metrics:
    """Compare predictions with the truth, both with the mean baseline.

    Parameters
    ----------
    prediction, target : (n,) array
        In one unit.
    baseline : float or (n,) array
        The mean baseline, `Dataset.baseline` of the *training* set; one for each row where the rows
        come from several trainings (leave one orbit out).
    weight : (n,) array, optional
        Multiplicities. Ones by default.
    unit : str
        Of the values.

    Returns
    -------
    Metrics

    Raises
    ------
    InputError
        If there is no row, lengths differ, a value is not finite or a weight not positive.

    Examples
    --------
    >>> print(evaluate([1.0, 2.0, 4.0], [1.0, 2.0, 3.0], baseline=2.0, weight=[1, 2, 1], unit="eV"))
    MAE 0.2500 eV (mean baseline 0.5000 eV, skill 0.500), R2 0.5000, Spearman 1.0000
    """
    y = _checked("target", target, None)
    x = _checked("prediction", prediction, len(y))
    w = _checked("weight", np.ones(len(y)) if weight is None else weight, len(y))
    c = _checked("baseline", np.broadcast_to(np.asarray(baseline, dtype=np.float64), y.shape), len(y))
    if (w <= 0).any():
        raise InputError("weight: a weight is not positive")
    squares = float(np.average((x - y) ** 2, weights=w))
    size = np.where(y != 0, np.abs(y), np.nan) / 100.0
    spread = float(np.average((y - np.average(y, weights=w)) ** 2, weights=w))
    return Metrics(
        mae=float(np.average(np.abs(x - y), weights=w)),
        rmse=float(np.sqrt(squares)),
        baseline_mae=float(np.average(np.abs(c - y), weights=w)),
        r2=1.0 - squares / spread if spread > 0 else float("nan"),
        spearman=weighted_spearman(x, y, w),
        maer=float(np.average(np.abs(x - y) / size, weights=w)),
        baseline_maer=float(np.average(np.abs(c - y) / size, weights=w)),
        n_rows=len(y),
        weight=float(w.sum()),
        unit=unit,
    )


def weighted_spearman(x: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Spearman's rank correlation of rows that count as often as their weight says.

    Parameters
    ----------
    x, y : (n,) array
        What to compare.
    weight : (n,) array, optional
        Multiplicities. Ones by default.

    Returns
    -------
    float
        Pearson's correlation of the mid-ranks; for whole weights what ``scipy.stats.spearmanr`` gives for the
        rows repeated. nan where x or y is constant.

    Examples
    --------
    >>> weighted_spearman([1, 2, 3], [1, 3, 2], weight=[2, 1, 1])
    0.7777777777777778
    """
    w = np.ones(len(np.asarray(x))) if weight is None else np.asarray(weight, dtype=np.float64)
    a, b = _mid_ranks(np.asarray(x), w), _mid_ranks(np.asarray(y), w)
    a, b = a - np.average(a, weights=w), b - np.average(b, weights=w)
    norm = float(np.sqrt((w * a * a).sum() * (w * b * b).sum()))
    return float((w * a * b).sum() / norm) if norm > 0 else float("nan")


@dataclass(frozen=True)
class TopK:
    """How much of the true top of a ranking the predicted top holds.

    Parameters
    ----------
    k : int
        Size of the top.
    found : int
        How many of the k truly lowest rows are among the k lowest predicted.
    by_chance : float
        How many a random ranking finds on average, k^2 / n: the baseline.
    """

    k: int
    found: int
    by_chance: float

    @property
    def recall(self) -> float:
        """Found part of the top, 0 to 1."""
        return self.found / self.k


def top_k_recall(prediction: ArrayLike, target: ArrayLike, k: int) -> TopK:
    """Count how many of the k truly lowest rows are among the k lowest predicted.

    Parameters
    ----------
    prediction, target : (n,) array
        Rows are orbits and count once each, whatever their multiplicity. Ties keep the order of the rows.
    k : int
        At least 1 and at most n.

    Returns
    -------
    TopK

    Raises
    ------
    InputError
        If k is out of range, lengths differ or a value is not finite.

    Examples
    --------
    >>> top_k_recall([0.1, 0.3, 0.2, 0.4], [0.0, 0.1, 0.2, 0.3], k=2)
    TopK(k=2, found=1, by_chance=1.0)
    """
    y = _checked("target", target, None)
    x = _checked("prediction", prediction, len(y))
    if not 1 <= k <= len(y):
        raise InputError(f"k = {k} must be at least 1 and at most the number of rows, {len(y)}")
    lowest = [set(np.argsort(v, kind="stable")[:k].tolist()) for v in (x, y)]
    return TopK(k=k, found=len(lowest[0] & lowest[1]), by_chance=k * k / len(y))


def _mid_ranks(values: NDArray[np.generic], weight: Floats) -> Floats:
    """Mean rank of each row among rows repeated by their weight; equal values share theirs."""
    level = np.unique(values, return_inverse=True)[1]
    total = np.bincount(level, weights=weight)
    middle: Floats = (np.cumsum(total) - total + (total + 1) / 2)[level]
    return middle


def _checked(name: str, values: ArrayLike, n: int | None) -> Floats:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or len(column) == 0:
        raise InputError(f"{name} must be a column of at least one value; its shape is {column.shape}")
    if n is not None and len(column) != n:
        raise InputError(f"{name} has {len(column)} values, the target has {n}")
    if not np.isfinite(column).all():
        raise InputError(f"{name}: row {int(np.argmin(np.isfinite(column)))} is not a finite number")
    return column
