"""Widths of predictions that suit errors which no part of a model has seen.

A model has settings that rows left out chose, so that these rows look better than new ones. Each fifth of the rows is
therefore predicted by a model whose settings, too, come from the others. By how much its errors exceed what that model
expects of rows left out of *its* training set is how much the whole model's expectation is widened: the folds'
smaller training sets then cost nothing. How far deviations follow the posterior's is what makes the held-out errors
most likely (the logarithmic score of Gneiting and Raftery, J. Am. Stat. Assoc. 102, 359 (2007)). Errors have longer
tails than a Gaussian: how many deviations hold 68 and 95 % of them are order statistics of the same errors, as in split
conformal prediction (Lei et al., J. Am. Stat. Assoc. 113, 1094 (2018)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHARPNESSES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
COVERED = (0.68, 0.95)
_LEAST = 1e-15
"""eV/site: the least width."""
LEAST_SHAPE = 0.1
"""Least width of a row beside a typical one: where rows are few, a posterior can be sure of much more than it knows."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """Errors (n,) in eV/site, and variances (n,) that a posterior gives, in units of its own."""

    error: Floats
    variance: Floats

    @property
    def typical(self) -> float:
        """The geometric mean of the variances."""
        return float(np.exp(np.mean(np.log(self.variance))))

    def shape(self, sharpness: float, typical: float) -> Floats:
        """How wide each row is beside a typical one, (n,)."""
        return shape_of(self.variance, typical, sharpness)

    def width(self, sharpness: float) -> float:
        """The width of a typical row with which these errors are most likely."""
        size = self.error / self.shape(sharpness, self.typical)
        return max(float(np.sqrt(np.mean(size**2))), _LEAST)


def shape_of(variance: Floats, typical: float, sharpness: float) -> Floats:
    """How wide rows of some variances are beside a typical one, (n,)."""
    found: Floats = np.maximum((variance / typical) ** (0.5 * sharpness), LEAST_SHAPE)
    return found


@dataclass(frozen=True)
class Calibration:
    """The numbers of `matganip.learning.solved.Solved` that are called so."""

    width: float
    sharpness: float
    typical: float
    reach: float
    constant: float
    inner: float
    outer: float


def calibrate(own: Residuals, folds: Sequence[tuple[Residuals, Residuals]] = ()) -> Calibration:
    """Choose width and sharpness.

    Parameters
    ----------
    own : Residuals
        Of the rows of the whole training set, each left out, by the model's settings.
    folds : sequence of (Residuals, Residuals)
        For each fold those of its training rows, each left out, and those of its other rows, which had no part in it.
        None: the model's own are taken at their word.

    Returns
    -------
    Calibration

    Examples
    --------
    >>> draw = np.random.default_rng(0)
    >>> variance = draw.uniform(1.0, 9.0, 5000)
    >>> found = calibrate(Residuals(0.1 * np.sqrt(variance) * draw.normal(size=5000), variance))
    >>> found.sharpness, round(float(found.width / np.sqrt(found.typical)), 3)
    (1.0, 0.1)
    """
    best, width, sharpness, constant, sizes = np.inf, own.width(0.0), 0.0, own.width(0.0), np.ones(1)
    for tried in SHARPNESSES:
        expected = [(unseen, past.width(tried), past.typical) for past, unseen in folds or [(own, own)]]
        spread = [size * unseen.shape(tried, typical) for unseen, size, typical in expected]
        ratio = np.concatenate([one[0].error / s for one, s in zip(expected, spread, strict=True)])
        factor = max(float(np.sqrt(np.mean(ratio**2))), _LEAST)
        surprise = float(np.mean(np.log(factor * np.concatenate(spread))))  # + (1 + log 2 pi) / 2, whatever is tried
        found = factor * own.width(tried)
        if tried == 0.0:
            constant = found
        if surprise < best:
            best, width, sharpness, sizes = surprise, found, tried, np.sort(np.abs(ratio)) / factor
    inner, outer = (_quantile(sizes, share) for share in COVERED)
    return Calibration(width, sharpness, own.typical, float(own.variance.max()), constant, inner, outer)


def _quantile(sizes: Floats, share: float) -> float:
    """What a new value is below with a probability of at least `share`, of (n,) rising ones; the largest if n is small.

    >>> _quantile(np.arange(1.0, 20.0), 0.95), _quantile(np.arange(1.0, 20.0), 0.5)
    (19.0, 10.0)
    """
    return float(sizes[min(int(np.ceil((len(sizes) + 1) * share)), len(sizes)) - 1])
