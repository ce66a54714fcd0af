"""Which arrangements to label next: from features and from what models say, to a batch of rows.

Pure functions of arrays: nothing here knows a calculator or a database. A row stands for an orbit. Of rows with equal
features, which no model tells apart, one is suggested as long as there are others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from matganip.errors import InputError
from matganip.learning.baselines import RidgeBaseline
from matganip.learning.ridge import solve_ridge

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

Strategy = Literal["mixed", "uncertainty", "d-optimal", "farthest", "improvement", "random"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)

ASK_MODELS = frozenset({"mixed", "uncertainty", "improvement"})
"""Strategies that look at predictions; the others look at features alone."""

LEAST = 3
"""Labels below which nothing is learned from them."""

_RANK_TOLERANCE = 1e-6
_SAME = 1e-6  # distance of two rows, in standard deviations, that no model tells apart
_PRIOR = 1e-3  # of the information matrix, where there are fewer labels than features


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of n candidates.

    Parameters
    ----------
    features : (n, f) float64 ndarray
        As `coordinates` gives them.
    labelled : (n,) bool ndarray
        Which have a label, or are not to be suggested for another reason.
    members : (k, n) float64 ndarray or None
        Predictions of k models; None where nothing can be learned yet.
    lowest : float or None
        The lowest label so far.
    """

    features: Floats
    labelled: NDArray[np.bool_]
    members: Floats | None = None
    lowest: float | None = None


def coordinates(features: Floats) -> Floats:
    """Features as uncorrelated coordinates of deviation 1, as many as vary by themselves.

    Parameters
    ----------
    features : (n, f) float64 ndarray
        Of all candidates: peaks for instance.

    Returns
    -------
    (n, r) float64 ndarray

    Raises
    ------
    InputError
        If all rows are equal: there is nothing to choose by.

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


def suggest(strategy: Strategy, known: Known, n: int, seed: int = 0) -> Rows:
    """Choose the rows to label next, the most wanted first.

    Parameters
    ----------
    strategy : str
        "d-optimal"
            Greedily the row of which a linear model knows least, (1, x) A^-1 (1, x)^T with A the information of all
            rows labelled or chosen so far: the determinant of A grows most (Fedorov, Theory of Optimal Experiments,
            1972).
        "farthest"
            Greedily the row that is farthest from all rows labelled or chosen (Gonzalez, Theor. Comput. Sci. 38, 293
            (1985)).
        "uncertainty"
            Greedily the row on which models disagree most, given that they will agree on those chosen before: what a
            chosen row explains of the disagreement is taken off.
        "improvement"
            Largest expected improvement on the lowest label, with the mean and spread of the models as a normal
            distribution (Jones, Schonlau and Welch, J. Glob. Optim. 13, 455 (1998)).
        "mixed"
            In turn one of "d-optimal", "uncertainty" and "improvement".
        "random"
            Uniform.
    known : Known
    n : int
        How many; fewer are given where no more are left.
    seed : int
        Of "random".

    Returns
    -------
    (m,) int64 ndarray
        Rows of `known`. Where models have nothing to say yet, "uncertainty", "improvement" and "mixed" choose as
        "d-optimal" does.

    Raises
    ------
    InputError
        If the strategy is unknown or `n` is not positive.

    Examples
    --------
    >>> corners = coordinates(np.array([[-1.0, -1.0], [-1.0, 1.0], [0.1, 0.0], [1.0, -1.0], [1.0, 1.0]]))
    >>> sorted(suggest("farthest", Known(corners, np.array([1, 0, 0, 0, 0], bool)), 3).tolist())
    [1, 3, 4]
    """
    if strategy not in STRATEGIES:
        raise InputError(f"strategy {strategy!r}: not one of {', '.join(STRATEGIES)}")
    if n < 1:
        raise InputError(f"at least 1 arrangement is to be suggested, not {n}")
    if known.members is None and strategy in ASK_MODELS:
        strategy = "d-optimal"
    if strategy == "mixed":
        return _mixed(known, n)
    if strategy == "random":
        order = np.random.default_rng(seed).permutation(np.flatnonzero(~known.labelled))
        return order[:n].astype(np.int64)
    return _greedy(known, n, _SCORES[strategy](known))


@dataclass(frozen=True)
class _Score:
    """What each row is worth, and what becomes of that when one is chosen."""

    values: Callable[[], Floats]
    choose: Callable[[int], None]


def _greedy(known: Known, n: int, score: _Score) -> Rows:
    """The best row, then the best of the others in the light of it, and so on."""
    open_ = _Open(known)
    chosen: list[int] = []
    while len(chosen) < n and (row := open_.best(score.values())) is not None:
        chosen.append(row)
        open_.take(row)
        score.choose(row)
    return np.array(chosen, dtype=np.int64)


def _mixed(known: Known, n: int) -> Rows:
    scores = [_SCORES[name](known) for name in ("d-optimal", "uncertainty", "improvement")]
    open_ = _Open(known)
    chosen: list[int] = []
    while len(chosen) < n:
        row = open_.best(scores[len(chosen) % len(scores)].values())
        if row is None:
            break
        chosen.append(row)
        open_.take(row)
        for score in scores:
            score.choose(row)
    return np.array(chosen, dtype=np.int64)


class _Open:
    """Rows that may be chosen: not labelled, and first those that no labelled or chosen one equals."""

    def __init__(self, known: Known) -> None:
        self.features, self.free = known.features, ~known.labelled
        self.distance = _distance(known.features, known.labelled)

    def best(self, values: Floats) -> int | None:
        """The free row of the largest value; ties go to the first."""
        for allowed in (self.free & (self.distance > _SAME), self.free):
            if allowed.any():
                return int(np.where(allowed, values, -np.inf).argmax())
        return None

    def take(self, row: int) -> None:
        """Close a row."""
        self.free[row] = False
        self.distance = np.minimum(self.distance, np.linalg.norm(self.features - self.features[row], axis=1))


def _distance(features: Floats, labelled: NDArray[np.bool_]) -> Floats:
    """From each row to the nearest labelled one, (n,); infinite where there is none."""
    distance = np.full(len(features), np.inf)
    for row in np.flatnonzero(labelled):
        distance = np.minimum(distance, np.linalg.norm(features - features[row], axis=1))
    return distance


def _d_optimal(known: Known) -> _Score:
    rows = np.concatenate([np.ones((len(known.features), 1)), known.features], axis=1)  # (n, 1 + r)
    seen = rows[known.labelled]
    inverse = np.linalg.inv(seen.T @ seen + _PRIOR * np.eye(rows.shape[1]))

    def values() -> Floats:
        leverage: Floats = ((rows @ inverse) * rows).sum(axis=1)
        return leverage

    def choose(row: int) -> None:
        nonlocal inverse
        along = inverse @ rows[row]  # Sherman and Morrison, Ann. Math. Stat. 21, 124 (1950)
        inverse = inverse - np.outer(along, along) / (1.0 + rows[row] @ along)

    return _Score(values, choose)


def _farthest(known: Known) -> _Score:
    distance = _distance(known.features, known.labelled)
    if not known.labelled.any():  # begin in the middle
        distance = -np.linalg.norm(known.features, axis=1)

    def choose(row: int) -> None:
        nonlocal distance
        near = np.linalg.norm(known.features - known.features[row], axis=1)
        distance = np.where(distance < 0, near, np.minimum(distance, near))

    return _Score(lambda: distance, choose)


def _uncertainty(known: Known) -> _Score:
    assert known.members is not None  # noqa: S101 - `suggest` has looked
    apart = known.members - known.members.mean(axis=0)  # (k, n)

    def choose(row: int) -> None:
        nonlocal apart
        length = np.linalg.norm(apart[:, row])
        if length > 0:
            axis = apart[:, row] / length
            apart = apart - np.outer(axis, axis @ apart)

    return _Score(lambda: np.linalg.norm(apart, axis=0), choose)


def _improvement(known: Known) -> _Score:
    assert known.members is not None  # noqa: S101 - `suggest` has looked
    mean, deviation = known.members.mean(axis=0), known.members.std(axis=0, ddof=1)
    values = expected_improvement(mean, deviation, mean.min() if known.lowest is None else known.lowest)
    return _Score(lambda: values, lambda _: None)


_SCORES: dict[str, Callable[[Known], _Score]] = {
    "d-optimal": _d_optimal,
    "farthest": _farthest,
    "uncertainty": _uncertainty,
    "improvement": _improvement,
}


def expected_improvement(mean: Floats, deviation: Floats, lowest: float) -> Floats:
    """How far below the lowest value so far a normal variable is expected to fall, (n,).

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


class RidgeCommittee:
    """Ridge regressions that weigh the labels differently: where they agree, the labels have decided.

    Each member has weights drawn from an exponential distribution (the Bayesian bootstrap, Rubin, Ann. Stat. 9, 130
    (1981)), as those of `Ensemble`, at a thousandth of the cost.

    Parameters
    ----------
    n_members : int
        At least 2.
    seed : int
        Of the weights.

    Attributes
    ----------
    left_out_mae : float
        Mean absolute error over the labels, each predicted without itself.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(30, 4))
    >>> committee = RidgeCommittee(seed=1)
    >>> committee.fit(x, 2.0 * x[:, 0])
    >>> committee.predict(x[:1]).round(3).tolist() == (2.0 * x[:1, 0]).round(3).tolist()
    True
    """

    def __init__(self, n_members: int = 16, seed: int = 0) -> None:
        if n_members < 2:
            raise InputError(f"committee: {n_members} members have no spread; at least 2 are needed")
        self.n_members, self.seed = n_members, seed

    def fit(self, features: Floats, target: Floats) -> None:
        """Fit (n, f) features to (n,) targets; raises InputError for fewer than two rows or what is not finite."""
        draws = np.random.default_rng(self.seed).exponential(size=(self.n_members, len(target)))
        equal = np.ones(len(target))
        self._whole = RidgeBaseline()
        self._whole.fit(features, target, equal)
        solved = solve_ridge(self._whole.scaling(features), target - target.mean(), equal)
        self.left_out_mae = solved.left_out_mae
        self._members = [RidgeBaseline() for _ in draws]
        for member, weight in zip(self._members, np.maximum(draws, 1e-3), strict=True):
            member.fit(features, target, weight)

    def predict(self, features: Floats) -> Floats:
        """What the regression of equal weights predicts, (n,)."""
        return self._whole.predict(features)

    def members(self, features: Floats) -> Floats:
        """What each member predicts, (k, n)."""
        return np.array([member.predict(features) for member in self._members])
