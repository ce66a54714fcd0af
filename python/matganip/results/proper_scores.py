r"""How good a distribution is as a forecast: CRPS, energy score, PIT (Gneiting and Raftery, JASA 102, 359 (2007)).

Distributions are samples of equal weight, (n, m) of one property or (n, m, k) of several.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def crps(samples: Floats, truth: Floats) -> Floats:
    r"""Continuous ranked probability score of each row, in the unit of the property; the smaller the better.

    :math:`E|s - y| - E|s - s'| / 2` (equation 21), which is \|s - y\| where all samples are one value.

    Parameters
    ----------
    samples : (n, m) float64 ndarray
    truth : (n,) float64 ndarray

    Returns
    -------
    (n,) float64 ndarray

    Examples
    --------
    >>> crps(np.array([[0.0, 2.0], [3.0, 3.0]]), np.array([0.0, 1.0]))
    array([0.5, 2. ])
    """
    m = samples.shape[1]
    ordered = np.sort(samples, axis=1)
    spread = (ordered * (2 * np.arange(m) - m + 1)).sum(axis=1) / m**2
    score: Floats = np.abs(samples - truth[:, None]).mean(axis=1) - spread
    return score


def energy_score(samples: Floats, truth: Floats) -> Floats:
    """The same for several properties, (n,) of samples (n, m, k) and truth (n, k), by Euclidean distances."""
    m = samples.shape[1]
    far = np.linalg.norm(samples - truth[:, None], axis=2).mean(axis=1)
    wide = np.zeros(len(samples))
    for shift in range(1, m):
        wide += np.linalg.norm(samples - np.roll(samples, shift, axis=1), axis=2).sum(axis=1)
    score: Floats = far - wide / (2 * m**2)
    return score


def pit(samples: Floats, truth: Floats) -> Floats:
    """Probability integral transform: the share of the samples below the truth, (n,); uniform where calibrated.

    Samples that equal it count half.

    >>> pit(np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([1.0]))
    array([0.375])
    """
    below, equal = samples < truth[:, None], samples == truth[:, None]
    share: Floats = (below.mean(axis=1) + equal.mean(axis=1) / 2).astype(np.float64)
    return share


def coverage(transform: Floats, weight: Floats, level: float) -> float:
    """Share of the rows in their central interval of that probability, from `pit`.

    >>> coverage(np.array([0.01, 0.5, 0.9]), np.ones(3), 0.9)
    0.6666666666666666
    """
    return float(np.average(np.abs(transform - 0.5) <= level / 2, weights=weight))
