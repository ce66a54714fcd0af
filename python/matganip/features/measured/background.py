"""The background of a pattern by clipping its peaks."""

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
