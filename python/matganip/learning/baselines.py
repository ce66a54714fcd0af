"""What a sceptic would try first: functions of a few numbers, fitted in closed form.

Each baseline reads a table of features, one row for a structure, and nothing else of the program. A network that does
not beat them on the same features, split and seed has learned nothing that matters.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, require
from matganip.learning.ridge import solve_ridge

Floats = NDArray[np.float64]


class Baseline(Protocol):
    """A function of features, fitted to labels."""

    def fit(self, features: Floats, target: Floats, weight: Floats) -> None:
        """Fit (n, f) features to (n,) targets with (n,) weights."""
        ...

    def predict(self, features: Floats) -> Floats:
        """Predict (m,) targets of (m, f) features."""
        ...


class ConstantBaseline:
    """The weighted mean of the training targets, whatever the features."""

    def fit(self, features: Floats, target: Floats, weight: Floats) -> None:
        """Take the mean."""
        _check(features, target, weight)
        self.mean = float(np.average(target, weights=weight))

    def predict(self, features: Floats) -> Floats:
        """Repeat the mean."""
        return np.full(len(features), self.mean)


class RidgeBaseline:
    """Ridge regression on standardised features: on counts of clusters, a cluster expansion.

    The penalty is the one that leaving rows out one by one prefers (`matganip.learning.ridge`).

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(20, 3))
    >>> baseline = RidgeBaseline()
    >>> baseline.fit(x, 5.0 + x[:, 0] - 2.0 * x[:, 2], np.ones(20))
    >>> baseline.predict(np.array([[1.0, 7.0, 1.0]])).round(3)
    array([4.])
    """

    def fit(self, features: Floats, target: Floats, weight: Floats) -> None:
        """Solve for the coefficients."""
        _check(features, target, weight)
        self.scaling = _Standard(features, weight)
        self.mean = float(np.average(target, weights=weight))
        self.coefficients = solve_ridge(self.scaling(features), target - self.mean, weight).coefficients

    def predict(self, features: Floats) -> Floats:
        """Predict linearly."""
        found: Floats = self.mean + self.scaling(features) @ self.coefficients
        return found


class KernelRidgeBaseline:
    """Kernel ridge regression with a Gaussian kernel, by scikit-learn.

    Length scale and penalty are those with the least weighted absolute error in an inner cross-validation of five
    parts over the training rows.

    Parameters
    ----------
    seed : int
        Of the parts.
    """

    PENALTIES = tuple(10.0**power for power in range(-9, 1))
    WIDTHS = tuple(10.0**power for power in np.arange(-4.0, 0.5, 0.5))

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, features: Floats, target: Floats, weight: Floats) -> None:
        """Choose length scale and penalty, then fit all rows."""
        _check(features, target, weight)
        self.scaling = _Standard(features, weight)
        x, self.mean = self.scaling(features), float(np.average(target, weights=weight))
        y, w = target - self.mean, weight / weight.mean()
        part = np.random.default_rng(self.seed).permutation(np.arange(len(x)) % min(5, len(x)))
        best: tuple[float, float, float] | None = None
        for gamma in self.WIDTHS:
            for alpha in self.PENALTIES:
                error = sum(
                    float(w[part == k] @ np.abs(self._left_out(x, y, w, part == k, alpha, gamma)))
                    for k in range(part.max() + 1)
                )
                if best is None or error < best[0]:
                    best = (error, alpha, gamma)
        assert best is not None  # noqa: S101 - neither grid is empty
        self.model = self._model(best[1], best[2] / x.shape[1]).fit(x, y, sample_weight=w)

    def predict(self, features: Floats) -> Floats:
        """Predict from the training rows that are near."""
        found: Floats = self.mean + self.model.predict(self.scaling(features))
        return found

    def _left_out(self, x: Floats, y: Floats, w: Floats, out: NDArray[np.bool_], alpha: float, gamma: float) -> Floats:
        model = self._model(alpha, gamma / x.shape[1]).fit(x[~out], y[~out], sample_weight=w[~out])
        error: Floats = model.predict(x[out]) - y[out]
        return error

    @staticmethod
    def _model(alpha: float, gamma: float):  # type: ignore[no-untyped-def]
        require("sklearn", "learn")
        from sklearn.kernel_ridge import KernelRidge

        return KernelRidge(alpha=alpha, kernel="rbf", gamma=gamma)


class _Standard:
    """Features with mean 0 and deviation 1 over the training rows; those that do not vary are left out."""

    def __init__(self, features: Floats, weight: Floats) -> None:
        self.mean = np.average(features, axis=0, weights=weight)
        self.scale = np.sqrt(np.average((features - self.mean) ** 2, axis=0, weights=weight))
        self.varies = self.scale > 1e-9 * np.abs(features).max(axis=0)

    def __call__(self, features: Floats) -> Floats:
        scaled: Floats = (features - self.mean)[:, self.varies] / self.scale[self.varies]
        return scaled


def _check(features: Floats, target: Floats, weight: Floats) -> None:
    if features.ndim != 2 or not len(features) == len(target) == len(weight) >= 2:
        raise InputError(
            f"a baseline needs features (n, f), targets (n,) and weights (n,) of at least 2 rows; these have shapes "
            f"{features.shape}, {target.shape}, {weight.shape}"
        )
    if not all(np.isfinite(column).all() for column in (features, target, weight)):
        raise InputError("a baseline cannot be fitted: a feature, target or weight is not finite")
