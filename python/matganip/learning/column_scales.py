r"""A scale for each column of a Gaussian process, found down the gradient of its error over rows left out.

The kernel is that of `matganip.learning.solved` with its curvature in the scales,

.. math:: K_{kl} = b\, u_k \cdot u_l + \frac{1}{1 + |u_k - u_l|^2} + c, \qquad u_j = s_j x_j,

and row i left out has the error e_i = alpha_i / (C)_ii with C = (K + lambda / w)^-1 and alpha = C y (Rasmussen and
Williams, *Gaussian Processes for Machine Learning*, 2006, sections 5.1, automatic relevance determination, and 5.4.2).
Many scales fit noise of the rows they are judged by: what they reach is measured on folds that had no part in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

Floats = NDArray[np.float64]

ROWS_PER_COLUMN = 2
"""Training rows for each column that varies, below which columns get no scales of their own."""
MOST_ROWS = 500
"""Rows that scales are found with; of more, so many are drawn."""
ROUNDING = 1e-13
"""Part of a kernel's trace below which a penalty is lost in the rounding of its eigenvalues."""
_STEPS, _RATE = 40, 0.3
_SMOOTH = 1e-3
"""Errors below this part of the mean one count as squares, so that the gradient does not jump."""


@dataclass(frozen=True, eq=False)
class Scales:
    """Settings of the kernel.

    Attributes
    ----------
    scale : (p,) float64 ndarray
    linear, penalty : float
        b and lambda.
    """

    scale: Floats
    linear: float
    penalty: float


def own_scales(x: Floats, y: Floats, w: Floats, start: Scales, intercept: float) -> Scales:
    """Let each column have its own scale.

    Parameters
    ----------
    x : (n, p) float64 ndarray
        Centred columns.
    y, w : (n,) float64 ndarrays
        Centred targets, and weights with mean 1.
    start : Scales
        Columns with scale 0 stay out.
    intercept : float
        c.

    Returns
    -------
    Scales
        The best of the steps, by the mean absolute error over rows left out.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(-1.0, 1.0, (60, 3))
    >>> found = own_scales(x, x[:, 0] ** 2 - 0.3, np.ones(60), Scales(np.full(3, 0.3), 1.0, 1e-4), 1.0)
    >>> bool(found.scale[0] > 2 * found.scale[1:].max())
    True
    """
    used = np.flatnonzero(start.scale > 0)
    drawn = np.sort(np.random.default_rng(len(y)).permutation(len(y))[:MOST_ROWS])
    x, y, w = x[np.ix_(drawn, used)], y[drawn], w[drawn]
    logs = np.log([*start.scale[used], start.linear, start.penalty])
    best, kept, smooth = math.inf, logs.copy(), 0.0
    first, second = np.zeros_like(logs), np.zeros_like(logs)  # of Adam (Kingma and Ba, arXiv:1412.6980)
    for step in range(_STEPS):
        try:
            error, pull = _left_out(np.exp(logs), x, y, w, intercept)
        except np.linalg.LinAlgError:  # a penalty too small for the kernel's rounding
            break
        now = float(w @ np.abs(error) / len(y))
        smooth = smooth or _SMOOTH * now
        if not math.isfinite(now):
            break
        if now < best:
            best, kept = now, logs.copy()
        slope = pull(w * error / np.sqrt(error**2 + smooth**2) / len(y))
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        rate = _RATE * 0.5 * (1.0 + math.cos(math.pi * step / _STEPS))
        logs = logs - rate * (first / (1 - 0.9 ** (step + 1))) / (np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-12)
    scale = np.zeros(len(start.scale))
    scale[used] = np.exp(kept[:-2])
    return Scales(scale, *np.exp(kept[-2:]).tolist())


def products_and_distances(u: Floats, v: Floats) -> tuple[Floats, Floats]:
    """Products and squared distances (n, m) of rows (n, p) and (m, p)."""
    inner: Floats = u @ v.T
    square = np.maximum((u**2).sum(axis=1)[:, None] + (v**2).sum(axis=1) - 2.0 * inner, 0.0)
    return inner, square


def least_penalty(kernel: Floats) -> float:
    """The least that may be added to the diagonal of a symmetric kernel (n, n) whose inverse is to be trusted."""
    return ROUNDING * float(np.trace(kernel))


def _kernel(u: Floats, v: Floats, linear: float, intercept: float) -> tuple[Floats, Floats, Floats]:
    """The kernel between rows, and its products u.v and curved part."""
    inner, square = products_and_distances(u, v)
    near = 1.0 / (1.0 + square)
    return linear * inner + near + intercept, inner, near


def _inverse(kernel: Floats) -> Floats:
    """Of a symmetric, positive definite matrix.

    Raises
    ------
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    factor, failed = dpotrf(kernel, lower=1, clean=1)
    if failed:
        raise np.linalg.LinAlgError(f"not positive definite: the leading minor of order {failed}")
    half, _ = dpotri(factor, lower=1)
    found: Floats = np.tril(half) + np.tril(half, -1).T
    return found


def _left_out(settings: Floats, x: Floats, y: Floats, w: Floats, intercept: float):  # type: ignore[no-untyped-def]
    """Errors of rows left out, and what takes dL/de to the gradient of L in the logarithms of the settings."""
    u, linear, penalty = settings[:-2] * x, float(settings[-2]), float(settings[-1])
    kernel, inner, near = _kernel(u, u, linear, intercept)
    penalty = max(penalty, least_penalty(kernel))
    inverse = _inverse(kernel + np.diag(penalty / w))
    alpha, own = inverse @ y, np.diag(inverse)

    def pull(slope: Floats) -> Floats:
        # de_i = -(C dK alpha)_i / C_ii + alpha_i (C dK C)_ii / C_ii^2; summed with dL/de: sum(weight * dK).
        weight = (inverse * (slope * alpha / own**2)) @ inverse - np.outer(inverse @ (slope / own), alpha)
        weight = 0.5 * (weight + weight.T)
        bent = weight * near**2
        apart = (bent.sum(axis=1) @ u**2) - np.einsum("nj,nj->j", u, bent @ u)  # half of sum(bent * (u_k - u_l)^2)
        along = np.einsum("nj,nj->j", u, weight @ u)
        return np.array(
            [
                *(2.0 * linear * along - 4.0 * apart),
                linear * float((weight * inner).sum()),
                penalty * float(np.diag(weight) @ (1.0 / w)),
            ]
        )

    return alpha / own, pull
