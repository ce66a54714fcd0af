"""One training for each split, and the predictions of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.gan import Matganip
from matganip.learning.metrics import Metrics, evaluate
from matganip.learning.splits import Split


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Predictions of rows, each by a model that was not trained on them.

    Parameters
    ----------
    rows : (m,) int64 ndarray
        Rows of the set that were tested, in the order of the splits.
    prediction, target, baseline, weight : (m,) float64 ndarray
        What was predicted, what is true, the mean of the row's own training set, and the row's weight.
    metrics : Metrics
        Over all of them.
    """

    rows: NDArray[np.int64]
    prediction: NDArray[np.float64]
    target: NDArray[np.float64]
    baseline: NDArray[np.float64]
    weight: NDArray[np.float64]
    metrics: Metrics


def predict_left_out(
    splits: Iterable[Split],
    config: MatganipConfig | None = None,
    callback: Callable[[int], object] | None = None,
) -> CrossValidation:
    """Train a model for each split and test it.

    Parameters
    ----------
    splits : iterable of Split
        `leave_one_orbit_out(dataset)`, for one.
    config : MatganipConfig, optional
        Of every model.
    callback : callable, optional
        Called with the number of splits done.

    Returns
    -------
    CrossValidation

    Raises
    ------
    InputError
        If there is no split, or a training fails.

    Examples
    --------
    >>> from matganip.learning.dataset import Dataset
    >>> from matganip.learning.splits import leave_one_orbit_out
    >>> data = Dataset(np.random.default_rng(0).random((4, 8, 8)), target=[0.0, 1.0, 2.0, 3.0])
    >>> predict_left_out(leave_one_orbit_out(data), MatganipConfig(n_peaks=8, epochs=2)).baseline
    array([2.        , 1.66666667, 1.33333333, 1.        ])
    """
    columns: list[tuple[NDArray[np.generic], ...]] = []
    unit = ""
    for split in splits:
        model = Matganip(config)
        model.fit(split.train)
        test, unit = split.test, split.test.unit
        baseline = np.full(len(test), model.baseline)
        columns.append((split.test_rows, model.predict(test.matrices), test.target, baseline, test.weight))
        if callback is not None:
            callback(len(columns))
    if not columns:
        raise InputError("there is no split to train on")
    rows, prediction, target, baseline, weight = (np.concatenate(c) for c in zip(*columns, strict=True))
    metrics = evaluate(prediction, target, baseline=baseline, weight=weight, unit=unit)
    return CrossValidation(rows, prediction, target, baseline, weight, metrics)
