"""Strategies that choose what to label next, as functions of features and predictions.

Nothing here knows a calculator or a database: a row stands for an orbit. Rows with equal features, which no model can
tell apart, are chosen only after all rows with features of their own.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from matganip.errors import InputError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

STRATEGIES = ("mixed", "uncertainty", "d-optimal", "farthest", "improvement", "random")

NEED_PREDICTIONS = frozenset({"mixed", "uncertainty", "improvement"})
"""Strategies that read predictions; the others read features only."""

FEWEST_LABELS = 3
"""Fewest labels that a model is fitted to."""

_RANK_TOLERANCE = 1e-6
_SAME = 1e-6  # distance, in standard deviations, below which two rows count as equal
_PRIOR = 1e-3  # added to the diagonal of the information matrix: there may be fewer labels than features


@dataclass(frozen=True, eq=False)
class Candidates:
    """What is known of n candidates.

    Parameters
    ----------
    features : (n, f) float64 ndarray
        Uncorrelated features, from `coordinates`.
    labelled : (n,) bool ndarray
        Rows that have a label, or must not be chosen for another reason.
    members : (k, n) float64 ndarray or None
        Predictions of k models; None as long as there are too few labels to fit one.
    lowest : float or None
        The lowest label so far.
    """

    features: Floats
    labelled: NDArray[np.bool_]
    members: Floats | None = None
    lowest: float | None = None


def coordinates(features: Floats) -> Floats:
    """Turn features into uncorrelated coordinates with standard deviation 1; their number is the rank.

    Parameters
    ----------
    features : (n, f) float64 ndarray
        Features of all candidates, such as peak intensities.

    Returns
    -------
    (n, r) float64 ndarray

    Raises
    ------
    InputError
        If all rows are equal.

    Examples
    --------
    >>> rows = np.array([[0.0, 0.0, 5.0], [1.0, 2.0, 5.0], [2.0, 4.0, 5.0]])
    >>> np.abs(coordinates(rows)).round(3).tolist()
    [[1.225], [0.0], [1.225]]
    """
    u, s, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    rank = int((s > _RANK_TOLERANCE * np.abs(features).max(initial=0.0) * np.sqrt(len(features))).sum())
    if rank == 0:
        raise InputError(f"the features of all {len(features)} candidates are equal: there is nothing to choose by")
    scaled: Floats = u[:, :rank] * np.sqrt(len(features))
    return scaled


def choose(strategy: str, candidates: Candidates, n: int, seed: int = 0) -> Indices:
    """Choose the rows to label next, the most valuable first.

    Parameters
    ----------
    strategy : str
        "d-optimal"
            Greedily the row on which a linear model is least certain, with the largest (1, x) A^-1 (1, x)^T, where A is
            the information matrix of all rows labelled or chosen so far: it raises det A most (Fedorov, Theory of
            Optimal Experiments, 1972).
        "farthest"
            Greedily the row farthest from all rows labelled or chosen so far (Gonzalez, Theor. Comput. Sci. 38, 293
            (1985)).
        "uncertainty"
            Greedily the row on which the models disagree most, after the disagreement that the rows chosen before
            explain is projected out.
        "improvement"
            The largest expected improvement on the lowest label, for a normal distribution with the mean and spread
            of the models (Jones, Schonlau and Welch, J. Glob. Optim. 13, 455 (1998)).
        "mixed"
            "d-optimal", "uncertainty" and "improvement" in turn.
        "random"
            Uniformly at random.
    candidates : Candidates
    n : int
        How many to choose; fewer are returned if fewer are left.
    seed : int
        Seed of "random".

    Returns
    -------
    (m,) int64 ndarray
        Rows of `candidates`. Without predictions, "uncertainty", "improvement" and "mixed" choose as "d-optimal" does.

    Raises
    ------
    InputError
        If the strategy is unknown or `n` is not positive.

    Examples
    --------
    >>> corners = coordinates(np.array([[-1.0, -1.0], [-1.0, 1.0], [0.1, 0.0], [1.0, -1.0], [1.0, 1.0]]))
    >>> sorted(choose("farthest", Candidates(corners, np.array([1, 0, 0, 0, 0], bool)), 3).tolist())
    [1, 3, 4]
    """
    if strategy not in STRATEGIES:
        raise InputError(f"strategy {strategy!r}: not one of {', '.join(STRATEGIES)}")
    if n < 1:
        raise InputError(f"at least 1 arrangement is to be suggested, not {n}")
    if candidates.members is None and strategy in NEED_PREDICTIONS:
        strategy = "d-optimal"
    if strategy == "random":
        order = np.random.default_rng(seed).permutation(np.flatnonzero(~candidates.labelled))
        return order[:n].astype(np.int64)
    names = ("d-optimal", "uncertainty", "improvement") if strategy == "mixed" else (strategy,)
    return _greedy(candidates, n, [_SCORES[name](candidates) for name in names])


@dataclass(frozen=True)
class _Score:
    """The value of each row, and how it changes when one is chosen."""

    values: Callable[[], Floats]
    choose: Callable[[int], None]


def _greedy(candidates: Candidates, n: int, scores: Sequence[_Score]) -> Indices:
    """Choose row after row, the scores taking turns; each choice updates all scores."""
    eligible = _Eligible(candidates)
    chosen: list[int] = []
    while len(chosen) < n and (row := eligible.best(scores[len(chosen) % len(scores)].values())) is not None:
        chosen.append(row)
        eligible.take(row)
        for score in scores:
            score.choose(row)
    return np.array(chosen, dtype=np.int64)


class _Eligible:
    """Rows that may be chosen: not labelled, and first those that differ from every labelled or chosen row."""

    def __init__(self, candidates: Candidates) -> None:
        self.features, self.free = candidates.features, ~candidates.labelled
        self.distance = _distance(candidates.features, candidates.labelled)

    def best(self, values: Floats) -> int | None:
        """The eligible row with the largest value, the first of equals; None if no row is left."""
        for allowed in (self.free & (self.distance > _SAME), self.free):
            if allowed.any():
                return int(np.where(allowed, values, -np.inf).argmax())
        return None

    def take(self, row: int) -> None:
        """Mark a row as chosen."""
        self.free[row] = False
        self.distance = np.minimum(self.distance, np.linalg.norm(self.features - self.features[row], axis=1))


def _distance(features: Floats, labelled: NDArray[np.bool_]) -> Floats:
    """Distance (n,) of each row from the nearest labelled one; infinite without labels."""
    distance = np.full(len(features), np.inf)
    for row in np.flatnonzero(labelled):
        distance = np.minimum(distance, np.linalg.norm(features - features[row], axis=1))
    return distance


def _d_optimal(candidates: Candidates) -> _Score:
    rows = np.concatenate([np.ones((len(candidates.features), 1)), candidates.features], axis=1)  # (n, 1 + r)
    seen = rows[candidates.labelled]
    inverse = np.linalg.inv(seen.T @ seen + _PRIOR * np.eye(rows.shape[1]))

    def values() -> Floats:
        leverage: Floats = ((rows @ inverse) * rows).sum(axis=1)
        return leverage

    def choose(row: int) -> None:
        nonlocal inverse
        along = inverse @ rows[row]  # Sherman and Morrison, Ann. Math. Stat. 21, 124 (1950)
        inverse = inverse - np.outer(along, along) / (1.0 + rows[row] @ along)

    return _Score(values, choose)


def _farthest(candidates: Candidates) -> _Score:
    distance = _distance(candidates.features, candidates.labelled)
    if not candidates.labelled.any():  # start in the middle
        distance = -np.linalg.norm(candidates.features, axis=1)

    def choose(row: int) -> None:
        nonlocal distance
        near = np.linalg.norm(candidates.features - candidates.features[row], axis=1)
        distance = np.where(distance < 0, near, np.minimum(distance, near))

    return _Score(lambda: distance, choose)


def _uncertainty(candidates: Candidates) -> _Score:
    assert candidates.members is not None  # noqa: S101 - `choose` checked it
    apart = candidates.members - candidates.members.mean(axis=0)  # (k, n)

    def choose(row: int) -> None:
        nonlocal apart
        length = np.linalg.norm(apart[:, row])
        if length > 0:
            axis = apart[:, row] / length
            apart = apart - np.outer(axis, axis @ apart)

    return _Score(lambda: np.linalg.norm(apart, axis=0), choose)


def _improvement(candidates: Candidates) -> _Score:
    assert candidates.members is not None  # noqa: S101 - `choose` checked it
    mean, deviation = candidates.members.mean(axis=0), candidates.members.std(axis=0, ddof=1)
    values = expected_improvement(mean, deviation, mean.min() if candidates.lowest is None else candidates.lowest)
    return _Score(lambda: values, lambda _: None)


_SCORES: dict[str, Callable[[Candidates], _Score]] = {
    "d-optimal": _d_optimal,
    "farthest": _farthest,
    "uncertainty": _uncertainty,
    "improvement": _improvement,
}


def expected_improvement(mean: Floats, deviation: Floats, lowest: float) -> Floats:
    """Expected improvement (n,) of normal variables on the lowest value so far.

    E[max(0, b - y)] = (b - m) Phi(z) + s phi(z) with z = (b - m) / s.

    Examples
    --------
    >>> expected_improvement(np.array([1.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]), 0.0).round(4).tolist()
    [0.0, 0.3989, 1.0]
    """
    gain = lowest - mean
    z = np.divide(gain, deviation, out=np.zeros_like(gain), where=deviation > 0)
    spread = gain * norm.cdf(z) + deviation * norm.pdf(z)
    improved: Floats = np.where(deviation > 0, spread, np.maximum(gain, 0.0))
    return improved


def __getattr__(name: str) -> Any:
    """Names of version 0.1, for one release."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, now = _RENAMED[name].rpartition(".")
    warnings.warn(f"{name} is called {_RENAMED[name]} now", DeprecationWarning, stacklevel=2)
    return getattr(importlib.import_module(module), now)


_RENAMED = {
    "suggest": "matganip.sampling.strategies.choose",
    "Known": "matganip.sampling.strategies.Candidates",
    "RidgeCommittee": "matganip.sampling.committee.RidgeCommittee",
}
