"""The background of a pattern: how many polynomials it needs, and clipping of its peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def snip(intensity: ArrayLike, two_theta: ArrayLike, width: float = 3.0) -> Floats:
    """Statistics-sensitive, non-linear, iterative peak clipping.

    (Ryan, Clayton, Griffin, Sie, Cousens, Nucl. Instrum. Methods B34, 396 (1988); windows that shrink, Morhac et al.,
    Nucl. Instrum. Methods A401, 113 (1997).)

    Parameters
    ----------
    intensity : (n,) array_like
    two_theta : (n,) array_like
        Degrees, in steps that are about equal.
    width : float
        Half the width in degrees of the widest peaks.

    Returns
    -------
    (n,) float64 ndarray
        At or below the intensities but for noise.

    Examples
    --------
    >>> angles = np.arange(10, 30, 0.02)
    >>> peak = 1000 * np.exp(-((angles - 20) / 0.1) ** 2)
    >>> bool(np.abs(snip(100 + peak, angles) - 100).max() < 1)
    True
    """
    counts = np.asarray(intensity, dtype=np.float64)
    v = np.log(np.log(np.sqrt(np.maximum(counts, 0) + 1) + 1) + 1)
    n = len(v)
    reach = int(width / float(np.median(np.diff(two_theta))))
    for m in range(min(reach, (n - 1) // 2), 0, -1):
        v[m : n - m] = np.minimum(v[m : n - m], (v[2 * m :] + v[: n - 2 * m]) / 2)
    background: Floats = (np.exp(np.exp(v) - 1) - 1) ** 2 - 1
    return background


# Degrees in which a polynomial may bend at most once: lines are narrower, humps of glass and sample holder wider.
BEND = 4.0
FEWEST, MOST = 4, 24
# Of the square of a normal deviate of variance 1.
MEDIAN_OF_SQUARE = 0.4549364


def most_polynomials(two_theta_range: tuple[float, float]) -> int:
    """How many Chebyshev polynomials a background may have: 4 to 24, one for each four degrees."""
    return int(np.clip((two_theta_range[1] - two_theta_range[0]) / BEND, FEWEST, MOST))


def needed_polynomials(lines: Floats, polynomials: Floats, target: Floats) -> int:
    """How many of the first polynomials the data need, by the Bayesian information criterion.

    (Schwarz, Ann. Stat. 6, 461 (1978).) What noise a point has is taken from the median of the squared deviations under
    all polynomials: lines that the phases lack are few points.

    Parameters
    ----------
    lines : (n, m) float64 ndarray
        The patterns of the phases, in standard deviations.
    polynomials : (n, k) float64 ndarray
        In standard deviations, by rising order.
    target : (n,) float64 ndarray
        The measured pattern in standard deviations.

    Returns
    -------
    int
        4 to k, or k where that is less.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 2000)
    >>> noisy = 100 + 30 * np.exp(-((x / 0.3) ** 2)) + np.random.default_rng(0).standard_normal(2000)
    >>> needed_polynomials(np.zeros((2000, 0)), np.polynomial.chebyshev.chebvander(x, 23), noisy)
    15
    """
    basis = np.linalg.qr(np.column_stack([lines, polynomials]))[0]
    along = basis.T @ target
    residual = target - basis @ along
    noise = max(float(np.median(residual**2)) / MEDIAN_OF_SQUARE, 1.0)
    n, k = len(target), polynomials.shape[1]
    gain = np.cumsum(along[lines.shape[1] :] ** 2)
    criterion: Floats = -gain / noise + np.log(n) * np.arange(1, k + 1)
    least = min(FEWEST, k)
    found: int = least + int(np.argmin(criterion[least - 1 :]))
    return found
