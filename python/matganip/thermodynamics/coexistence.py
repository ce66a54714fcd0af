r"""Phases that coexist, from a free energy of composition.

At a temperature :math:`\ln P(N) = -\beta (F(N) - \mu N)` is the distribution of the number of atoms at a chemical
potential. Where it has two peaks with a valley between them, two phases coexist at the :math:`\mu` at which both have
the same weight (C. Borgs and R. Kotecky, J. Stat. Phys. 61, 79 (1990)); their compositions are the means of the peaks.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]

DEPTH = 1.0
"""kT of free energy, of the whole cell, by which a valley must be below both peaks."""
_STEPS = 200


@dataclass(frozen=True)
class Coexistence:
    """Two phases at one temperature.

    Attributes
    ----------
    potential : float
        Chemical potential at which both have the same weight, in units of kT.
    first, second : float
        Mean numbers of atoms of the two.
    depth : float
        Of the valley between them, kT.
    """

    potential: float
    first: float
    second: float
    depth: float


def coexisting(log_weight: Floats, depth: float = DEPTH) -> tuple[Coexistence, ...]:
    r"""Find the coexisting phases of one temperature.

    Parameters
    ----------
    log_weight : (n + 1,) float64 ndarray
        :math:`-\\beta F(N)` for N = 0 ... n.
    depth : float
        Least depth of the valley, kT.

    Returns
    -------
    tuple of Coexistence
        In the order of N.

    Examples
    --------
    >>> n = np.arange(101)
    >>> (one,) = coexisting(np.logaddexp(-((n - 20) ** 2) / 50, -((n - 80) ** 2) / 50))
    >>> round(one.first, 3), round(one.second, 3), abs(round(one.potential, 6))
    (20.0, 80.0, 0.0)
    """
    corners = upper_hull(log_weight)
    found = []
    for left, right in itertools.pairwise(corners):
        if right - left < 2:
            continue
        inside = np.arange(left, right + 1)
        line = log_weight[left] + (log_weight[right] - log_weight[left]) * (inside - left) / (right - left)
        below = line - log_weight[inside]
        if below.max() < depth:
            continue
        valley = int(left + below.argmax())
        found.append(_balanced(log_weight, valley, float(below.max())))
    return tuple(found)


def upper_hull(values: Floats) -> list[int]:
    """Corners of the upper convex hull of values at 0, 1, 2, ...

    >>> upper_hull(np.array([0.0, 2.0, 1.0, 3.0, 0.0]))
    [0, 1, 3, 4]
    """
    hull: list[int] = []
    for k, value in enumerate(values):
        while len(hull) > 1:
            a, b = hull[-2], hull[-1]
            if (values[b] - values[a]) * (k - a) > (value - values[a]) * (b - a):
                break
            hull.pop()
        hull.append(k)
    return hull


def _balanced(log_weight: Floats, valley: int, depth: float) -> Coexistence:
    """The chemical potential at which both sides of a valley weigh the same, by bisection."""
    n = np.arange(len(log_weight))
    slopes = np.diff(log_weight)
    low, high = -float(slopes.max()) - 1.0, -float(slopes.min()) + 1.0
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        tilted = log_weight + middle * n
        if logsumexp(tilted[: valley + 1]) > logsumexp(tilted[valley:]):
            low = middle
        else:
            high = middle
    tilted = log_weight + low * n
    return Coexistence(low, _mean(n[: valley + 1], tilted[: valley + 1]), _mean(n[valley:], tilted[valley:]), depth)


def _mean(n: NDArray[np.int64], logs: Floats) -> float:
    weight = np.exp(logs - logs.max())
    return float(weight @ n / weight.sum())
