"""All that is said about predictions of a test set: errors weighted and plain, the top of the ranking, the floor."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.features.lattice.distinct import feature_classes, floor_of_classes
from matganip.learning.metrics import Metrics, TopK, evaluate, top_k_recall

MOST_IN_TOP = 20


@dataclass(frozen=True)
class Floor:
    """The lowest mean absolute error that any function of the features has on the rows judged.

    Attributes
    ----------
    mae, plain_mae : float
        Weighted by multiplicity, and with every row counting once; in the unit of the property.
    n_classes : int
        Rows that the features tell apart.
    """

    mae: float
    plain_mae: float
    n_classes: int


@dataclass(frozen=True)
class Spread:
    """How well the deviations of predictions foretell their errors, every row counting once.

    Attributes
    ----------
    within_68, within_95 : float
        Share of errors within the widths that are to hold 68 and 95 % of them.
    surprise, constant_surprise : float
        Mean negative log likelihood of the errors (in the unit of the property) under a Gaussian of the predicted
        deviation, and under one of the constant width that suits the training set best.
    """

    within_68: float
    within_95: float
    surprise: float
    constant_surprise: float

    @classmethod
    def of(
        cls, error: NDArray[np.float64], deviation: NDArray[np.float64], constant: NDArray[np.float64],
        inner: float, outer: float,
    ) -> Spread:  # fmt: skip
        """Judge deviations (n,) by errors (n,); `inner` and `outer` of them are to hold 68 and 95 %.

        Examples
        --------
        >>> error = np.random.default_rng(0).normal(size=1000)
        >>> found = Spread.of(error, np.ones(1000), np.full(1000, 2.0), 1.0, 1.96)
        >>> found.within_68, found.within_95, found.surprise < found.constant_surprise
        (0.684, 0.96, True)
        """
        size = np.abs(error)
        return cls(
            float(np.mean(size <= inner * deviation)),
            float(np.mean(size <= outer * deviation)),
            _surprise(error, deviation),
            _surprise(error, constant),
        )


def _surprise(error: NDArray[np.float64], width: NDArray[np.float64]) -> float:
    return float(np.mean(np.log(width) + 0.5 * (error / width) ** 2) + 0.5 * math.log(2.0 * math.pi))


@dataclass(frozen=True)
class Judgement:
    """What `judge` finds.

    Attributes
    ----------
    weighted : Metrics
        Each row counts as often as its multiplicity says.
    plain : Metrics
        Each row counts once.
    top : TopK
        Of the lowest fifth of the rows, 20 at most.
    floor : Floor
    composition_mean : (float, float) or None
        MAE of the mean of the other labels of the same composition, weighted and plain, where there are several.
    spread : Spread or None
        Where the model says how sure it is.
    """

    weighted: Metrics
    plain: Metrics
    top: TopK
    floor: Floor
    composition_mean: tuple[float, float] | None = None
    spread: Spread | None = None

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON values; what does not exist, such as R2 of equal targets, is null."""
        return {
            **_numbers(self.weighted),
            "plain": _numbers(self.plain),
            "top_k": {
                "k": self.top.k,
                "found": self.top.found,
                "recall": self.top.recall,
                "by_chance": self.top.by_chance,
            },
            "floor": {
                "mae": self.floor.mae,
                "plain_mae": self.floor.plain_mae,
                "rows_told_apart": self.floor.n_classes,
            },
            **self._composition(),
            **({} if self.spread is None else {"spread": asdict(self.spread)}),
        }

    def _composition(self) -> dict[str, Any]:
        if self.composition_mean is None:
            return {}
        weighted, plain = self.composition_mean
        return {"composition_mean_mae": weighted, "plain_composition_mean_mae": plain}


def judge(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    baseline: ArrayLike,
    features: ArrayLike,
    weight: ArrayLike | None = None,
    composition_mean: ArrayLike | None = None,
    spread: Spread | None = None,
    unit: str = "",
) -> Judgement:
    """Compare predictions with the truth in every way that the program reports.

    Parameters
    ----------
    prediction, target : (n,) array
        In one unit.
    baseline : float or (n,) array
        The mean of the training set.
    features : (n, f) array
        What the model was given of each row: rows that are equal here (within 1e-6, see
        `matganip.features.lattice.distinct.feature_classes`) nothing that reads them can tell apart.
    weight : (n,) array, optional
        Multiplicities. Ones by default.
    composition_mean : (n,) array, optional
        What the mean of a row's composition predicts of it.
    spread : Spread, optional
        How well deviations foretell the errors.
    unit : str
        Of the values.

    Returns
    -------
    Judgement

    Raises
    ------
    InputError
        If there is no row, lengths differ, a value is not finite or a weight not positive.

    Examples
    --------
    >>> found = judge([1.0, 1.0, 3.0], [0.5, 1.5, 3.0], baseline=2.0, features=[[0.0], [0.0], [1.0]], weight=[3, 1, 1])
    >>> found.weighted.mae, round(found.plain.mae, 4), found.floor.mae, found.floor.n_classes
    (0.4, 0.3333, 0.2, 2)
    """
    y = np.asarray(target, dtype=np.float64)
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64)
    weighted = evaluate(prediction, y, baseline=baseline, weight=w, unit=unit)
    plain = evaluate(prediction, y, baseline=baseline, unit=unit)
    top = top_k_recall(prediction, y, max(1, min(MOST_IN_TOP, len(y) // 5)))
    floor = _floor(np.asarray(features, dtype=np.float64), y, w)
    if composition_mean is None:
        return Judgement(weighted, plain, top, floor, None, spread)
    error = np.abs(np.asarray(composition_mean, dtype=np.float64) - y)
    means = float(np.average(error, weights=w)), float(error.mean())
    return Judgement(weighted, plain, top, floor, means, spread)


def _floor(features: NDArray[np.float64], target: NDArray[np.float64], weight: NDArray[np.float64]) -> Floor:
    if features.ndim != 2 or len(features) != len(target):
        raise InputError(
            f"features must have one row for each of {len(target)} targets; their shape is {features.shape}"
        )
    classes = feature_classes(features)
    mae, _ = floor_of_classes(classes, target, weight)
    plain, _ = floor_of_classes(classes, target, np.ones(len(target)))
    return Floor(mae, plain, int(classes.max()) + 1)


def _numbers(found: Metrics) -> dict[str, Any]:
    numbers = {
        "mae": found.mae,
        "constant_mae": found.baseline_mae,
        "skill": found.skill,
        "rmse": found.rmse,
        "r2": found.r2,
        "spearman": found.spearman,
        "maer_percent": found.maer,
        "constant_maer_percent": found.baseline_maer,
    }
    return {name: value if math.isfinite(value) else None for name, value in numbers.items()}
