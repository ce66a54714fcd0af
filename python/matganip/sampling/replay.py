"""How many labels a strategy needs: the loop of suggesting and learning, played on orbits that are all labelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.baselines import RidgeBaseline
from matganip.sampling.suggest import ASK_MODELS, LEAST, Known, RidgeCommittee, Rows, Strategy, coordinates, suggest

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearningCurves:
    """Test error against number of labels, for several strategies and seeds.

    Attributes
    ----------
    n_labels : (s,) int64 ndarray
    error : dict of str to (k, s) float64 ndarray
        By strategy: for each seed and number of labels, the weighted MAE on its test orbits, in meV/atom.
    final, constant : (k,) float64 ndarray
        For each seed the error with all orbits of the pool labelled, and that of their mean.
    seeds : tuple of int
    n_pool, n_test : int
    """

    n_labels: NDArray[np.int64]
    error: dict[str, Floats]
    final: Floats
    constant: Floats
    seeds: tuple[int, ...]
    n_pool: int
    n_test: int

    def needed(self, strategy: str, factor: float = 2.0) -> Floats:
        """Labels, (k,), from which on the error stays below `factor` times the final one; nan where it never does."""
        below = self.error[strategy] <= factor * self.final[:, None]
        stays = np.logical_and.accumulate(below[:, ::-1], axis=1)[:, ::-1]
        return np.where(stays.any(axis=1), self.n_labels[stays.argmax(axis=1)], np.nan).astype(np.float64)


def replay(
    features: Floats,
    energy: Floats,
    weight: NDArray[np.int64] | Floats,
    strategies: Sequence[Strategy],
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    n: int = 4,
    budget: int = 96,
    test_size: float = 0.2,
    progress: Callable[[str, int], None] | None = None,
) -> LearningCurves:
    """Play the loop on orbits that are all labelled, the test orbits held out, beside random choice.

    Parameters
    ----------
    features : (m, f) float64 ndarray
        Of all labelled orbits.
    energy : (m,) float64 ndarray
        Labels in meV/atom.
    weight : (m,) ndarray
        Multiplicities, of the test error.
    strategies : sequence of str
    seeds : sequence of int
        Each gives another split into pool and test orbits and another committee; the same split for every strategy.
    n, budget : int
        Size of a round, and labels at which it ends.
    test_size : float
        Part of the orbits that is held out and never suggested.
    progress : callable, optional
        Told the strategy and the seed before each.

    Returns
    -------
    LearningCurves
    """
    n_test = max(1, round(test_size * len(energy)))
    n_pool = len(energy) - n_test
    budget = min(budget, n_pool)
    if budget < LEAST:
        raise InputError(f"{len(energy)} labelled orbits are too few to hold {n_test} out and choose among the rest")
    sizes = np.arange(n, budget + 1, n)
    error: dict[str, list[list[float]]] = {name: [] for name in strategies}
    final, constant = [], []
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(energy))
        test, pool = np.sort(order[:n_test]), np.sort(order[n_test:])
        judge = _Judge(features, energy, np.asarray(weight, dtype=np.float64), test)
        final.append(judge.error(pool))
        constant.append(float(np.average(np.abs(energy[test] - energy[pool].mean()), weights=judge.weight[test])))
        for name in strategies:
            if progress:
                progress(name, seed)
            chosen = np.zeros(0, dtype=np.int64)
            curve = []
            while len(chosen) + n <= budget:
                rows = _round(features[pool], energy[pool], np.isin(pool, chosen), name, n, seed)
                chosen = np.concatenate([chosen, pool[rows]])
                curve.append(judge.error(chosen))
            error[name].append(curve)
    return LearningCurves(
        sizes,
        {name: np.array(rows) for name, rows in error.items()},
        np.array(final),
        np.array(constant),
        tuple(seeds),
        n_pool,
        n_test,
    )


def _round(
    features: Floats, energy: Floats, labelled: NDArray[np.bool_], strategy: Strategy, n: int, seed: int
) -> Rows:
    """Rows of the pool that come next."""
    known = Known(coordinates(features), labelled)
    n_labels = int(labelled.sum())
    if n_labels >= LEAST and strategy in ASK_MODELS:
        committee = RidgeCommittee(seed=seed)
        committee.fit(features[labelled], energy[labelled])
        known = replace(known, members=committee.members(features), lowest=float(energy[labelled].min()))
    return suggest(strategy, known, n, seed * 100003 + n_labels)


@dataclass(frozen=True, eq=False)
class _Judge:
    """The test orbits, and how well a model of some labels predicts them."""

    features: Floats
    energy: Floats
    weight: Floats
    test: Rows

    def error(self, chosen: Rows) -> float:
        """Weighted MAE on the test orbits of a regression on chosen ones."""
        if len(chosen) < LEAST:
            predicted = np.full(len(self.test), self.energy[chosen].mean())
        else:
            model = RidgeBaseline()
            model.fit(self.features[chosen], self.energy[chosen], np.ones(len(chosen)))
            predicted = model.predict(self.features[self.test])
        return float(np.average(np.abs(predicted - self.energy[self.test]), weights=self.weight[self.test]))
