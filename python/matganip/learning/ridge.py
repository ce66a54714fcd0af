"""Ridge regression in closed form, with the penalty that leaving rows out one by one prefers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PENALTIES: tuple[float, ...] = tuple(10.0**power for power in range(-14, 2))
"""Tried penalties, in units of the mean eigenvalue of the features' Gram matrix."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """A solved ridge regression.

    Parameters
    ----------
    coefficients : (f,) float64 ndarray
    penalty : float
        The one of `PENALTIES` that was taken.
    left_out : (n,) float64 ndarray
        Prediction of each row by a fit without it.
    left_out_mae : float
        Its weighted mean absolute error.
    """

    coefficients: Floats
    penalty: float
    left_out: Floats
    left_out_mae: float


def solve_ridge(
    features: Floats,
    target: Floats,
    weight: Floats,
    penalties: tuple[float, ...] = PENALTIES,
    *,
    rounding: float = 0.0,
) -> Ridge:
    """Minimise sum_i w_i (y_i - x_i c)^2 + lambda |c|^2, with lambda by leaving rows out one by one.

    The error of a row left out follows from the fit with it, e_i = r_i / (1 - h_ii) with the hat matrix h (Allen,
    Technometrics 16, 125 (1974)); one singular value decomposition serves all penalties.

    Parameters
    ----------
    features : (n, f) float64 ndarray
        Centred; f may be larger than n.
    target : (n,) float64 ndarray
        Centred.
    weight : (n,) float64 ndarray
        Positive.
    penalties : tuple of float
        To choose from.
    rounding : float
        Singular value up to which a direction of the features is taken for their rounding and gets no coefficient. Rows
        left out cannot tell: they are rounded as the others are; rows from elsewhere are not.

    Returns
    -------
    Ridge

    Examples
    --------
    >>> x = np.array([[-1.0, 1.0], [0.0, -2.0], [1.0, 1.0]])
    >>> bool(np.allclose(solve_ridge(x, 3.0 * x[:, 0], np.ones(3)).coefficients, [3.0, 0.0]))
    True
    """
    root = np.sqrt(weight / weight.mean())
    u, s, vt = np.linalg.svd(root[:, None] * features, full_matrices=False)  # (n, k), (k,), (k, f)
    real = s > rounding
    u, s, vt = u[:, real], s[real], vt[real]
    b = root * target  # (n,)
    along = u.T @ b  # (k,)
    outside, unseen = b - u @ along, 1.0 - (u**2).sum(axis=1)  # what no coefficient can reach
    if u.shape[1] == len(u):  # nothing is: rounding is not to be divided by rounding
        outside, unseen = np.zeros_like(b), np.zeros_like(b)
    scale = float((s**2).sum()) / max(len(s), 1) or 1.0
    best: tuple[float, float, Floats] | None = None
    for penalty in penalties:
        shrunk = penalty * scale / (s**2 + penalty * scale)  # (k,)
        left_out = (u @ (shrunk * along) + outside) / ((u**2) @ shrunk + unseen) / root  # (n,)
        error = float(np.average(np.abs(left_out), weights=weight))
        if best is None or error < best[0]:
            best = (error, penalty, target - left_out)
    assert best is not None  # noqa: S101 - penalties is not empty
    coefficients = vt.T @ (s / (s**2 + best[1] * scale) * along)
    return Ridge(coefficients, best[1], best[2], best[0])
