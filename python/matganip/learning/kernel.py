"""A readout that compares a graph with those it was fitted to, vertex by vertex, and is judged on rows left out.

The function is that of kernel ridge regression,

    f(s) = sum_k alpha_k [ b u.u_k + a / (1 + |u - u_k|^2) ],    u = scale * s,

with the strengths s of a graph's vertices, a linear and a rational quadratic part (Rasmussen and Williams, *Gaussian
Processes for Machine Learning*, 2006, section 4.2) and a scale for each vertex. Penalty, b and the scales are those
with the least error over rows left out one by one, which follows from one fit, e_i = alpha_i / (K^-1)_ii (section
5.4.2): first by a grid with one scale for all, then down the gradient. a is 1; but where rows are few, or that is not
clearly better than the linear part alone, in the mean and in the mean square of those errors, a is 0: a linear
function is the safer one away from the rows it was fitted to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from matganip.learning._torch import torch

MAX_CENTRES = 1000
"""Rows that a graph is compared with; of more, so many are drawn. The time of a fit is cubic in it."""
ROWS_PER_VERTEX = 5
"""Training rows for each vertex that varies; of fewer, only the linear function is fitted."""

_SCALES = tuple(10.0**power for power in (-2.0, -1.5, -1.0, -0.5, 0.0))
_LINEAR = (1.0, 100.0, 10000.0)
_PENALTIES = tuple(10.0 ** (power / 2) for power in range(-22, -1))
ROUNDING = 1e-10
"""Least penalty of a linear function, in units of the mean eigenvalue: below it, float32's rounding is fitted."""
_STRAIGHT_PENALTIES = tuple(penalty for penalty in _PENALTIES if penalty >= ROUNDING)
_STEPS, _RATE = 40, 0.1
CLEARLY = 0.98
"""Part of the simpler function's error that the other one's must be below to be taken."""
_SMOOTH = 1e-3
"""Errors below this part of the mean one count as squares, so that the gradient does not jump."""


@dataclass(frozen=True, eq=False)
class KernelFit:
    """A fitted readout.

    Parameters
    ----------
    scale : (f,) float64 tensor
    linear, near : float
        b and a, the factors of the two parts.
    penalty : float
        Added to the kernel's diagonal, divided by a row's weight.
    coefficients : (m, k) float64 tensor
        alpha, for each of k outputs.
    left_out : (m, k) float64 tensor
        Prediction of each row by a fit without it.
    """

    scale: torch.Tensor
    linear: float
    near: float
    penalty: float
    coefficients: torch.Tensor
    left_out: torch.Tensor


def kernel(u: torch.Tensor, linear: float | torch.Tensor, near: float = 1.0) -> torch.Tensor:
    """Compare scaled strengths (m, f) with each other: (m, m), by matrix products."""
    product = u @ u.T  # (m, m)
    length = product.diagonal()  # (m,)
    square = (length[:, None] + length[None] - 2 * product).clamp(min=0)  # (m, m)
    return linear * product + near / (1 + square)


def predict(u: torch.Tensor, centres: torch.Tensor, linear: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    """Predict (n, k) from scaled strengths (n, f), each row by itself: the same bits whatever stands beside it.

    ``linear`` holds b and a.
    """
    slope = linear[0] * (coefficients.T @ centres)[None]  # (1, k, f)
    parts = [u.new_zeros((0, coefficients.shape[1]))]
    for rows in torch.split(u, 64):  # bounds the memory of the differences
        y = (rows[:, None] * slope).sum(dim=2)  # (b, k)
        if linear[1] > 0:
            square = rows.new_zeros((len(rows), len(centres)))  # (b, m)
            for column, centre in zip(rows.T, centres.T, strict=True):
                square = square + (column[:, None] - centre[None]) ** 2
            near = linear[1] / (1 + square)  # (b, m)
            y = y + (near[:, None] * coefficients.T[None]).sum(dim=2)  # (b, k)
        parts.append(y)
    return torch.cat(parts)  # (n, k)


def fit_kernel(strengths: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> KernelFit:
    """Fit to standardised strengths (m, f), centred targets (m, k) and weights (m,), all float64.

    Examples
    --------
    >>> s = torch.linspace(-1, 1, 12, dtype=torch.float64)[:, None]
    >>> fit = fit_kernel(s, s**2 - 0.4, torch.ones(12, dtype=torch.float64))
    >>> bool((fit.left_out[1:-1] - (s**2 - 0.4)[1:-1]).abs().max() < 0.01)
    True
    """
    weight = weight / weight.mean()
    varies = int((strengths.abs().amax(dim=0) > 0).sum())
    simple = _fitted(_on_a_grid(strengths, varies, target, weight, near=0.0), 0.0, strengths, target, weight)
    if len(strengths) < ROWS_PER_VERTEX * varies:
        return simple
    logs = _down_the_gradient(_on_a_grid(strengths, varies, target, weight, near=1.0), strengths, target, weight)
    curved = _fitted(logs, 1.0, strengths, target, weight)
    errors = [[_mean((target - fit.left_out).abs() ** power, weight) for power in (1, 2)] for fit in (curved, simple)]
    clearly = all(one < CLEARLY * other for one, other in zip(*errors, strict=True))
    return curved if clearly else simple


def _mean(values: torch.Tensor, weight: torch.Tensor) -> float:
    return float((weight[:, None] * values).mean())


def _on_a_grid(
    s: torch.Tensor, varies: int, target: torch.Tensor, weight: torch.Tensor, near: float
) -> list[torch.Tensor]:
    """Scale, (f,), and linear part and penalty, (2,), as logarithms: the least error over rows left out."""
    root = weight.sqrt()
    best, found = math.inf, (1.0, 1.0, 1.0)
    for scale in _SCALES if near else (1.0,):
        for linear in _LINEAR if near else (1.0,):
            u = scale / math.sqrt(max(varies, 1)) * s
            # sqrt(w) K sqrt(w) has one decomposition for all penalties.
            values, vectors = torch.linalg.eigh(root[:, None] * kernel(u, linear, near) * root[None])
            along = vectors.T @ (root[:, None] * target)  # (m, k)
            for factor in _PENALTIES if near else _STRAIGHT_PENALTIES:
                penalty = factor * float(values.mean())
                inverse = 1 / (values.clamp(min=0) + penalty)  # (m,)
                alpha = vectors @ (inverse[:, None] * along)  # (m, k)
                error = _mean((alpha / ((vectors**2) @ inverse)[:, None] / root[:, None]).abs(), weight)
                if error < best:
                    best, found = error, (scale / math.sqrt(max(varies, 1)), linear, penalty)
    scale, linear, penalty = found
    return [
        torch.full(s.shape[1:], math.log(scale), dtype=s.dtype),
        torch.tensor([linear, penalty], dtype=s.dtype).log(),
    ]


def _fitted(
    logs: list[torch.Tensor], near: float, s: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
) -> KernelFit:
    with torch.no_grad():
        coefficients, errors = _solve(logs, s, target, weight, near)
    linear, penalty = logs[1].exp().tolist()
    return KernelFit(logs[0].exp(), linear, near, penalty, coefficients, target - errors)


def _solve(
    logs: list[torch.Tensor], s: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, near: float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Coefficients and left-out errors, (m, k) each."""
    u = logs[0].exp() * s
    gram = kernel(u, logs[1][0].exp(), near) + torch.diag(logs[1][1].exp() / weight)  # (m, m)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))  # (m, m)
    alpha = inverse @ target  # (m, k)
    return alpha, alpha / inverse.diagonal()[:, None]


def _down_the_gradient(
    start: list[torch.Tensor], s: torch.Tensor, target: torch.Tensor, weight: torch.Tensor
) -> list[torch.Tensor]:
    """Let each vertex have its own scale; the best of the steps, by the error over rows left out."""
    logs = [log.clone().requires_grad_() for log in start]
    adam = torch.optim.Adam(logs, lr=_RATE)
    best, kept = math.inf, start
    smooth: float | None = None
    for step in range(_STEPS):
        error = _solve(logs, s, target, weight)[1]  # (m, k)
        now = _mean(error.detach().abs(), weight)
        smooth = smooth or _SMOOTH * now
        if not math.isfinite(now):
            break
        if now < best:
            best, kept = now, [log.detach().clone() for log in logs]
        adam.param_groups[0]["lr"] = _RATE * 0.5 * (1 + math.cos(math.pi * step / _STEPS))
        adam.zero_grad()
        torch.autograd.backward((weight[:, None] * (error**2 + smooth**2).sqrt()).mean())
        adam.step()
    return kept
