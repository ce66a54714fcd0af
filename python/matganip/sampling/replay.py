"""How many labels each strategy needs: rounds of suggesting and learning, replayed on orbits that are all labelled."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.errors import InputError
from matganip.labels.tables import LabelTable, read_labels
from matganip.learning.baselines import RidgeBaseline
from matganip.progress import ProgressOption, reporting
from matganip.results.learning_curves import LearningCurves
from matganip.sampling.committee import RidgeCommittee
from matganip.sampling.strategies import (
    FEWEST_LABELS,
    NEED_PREDICTIONS,
    STRATEGIES,
    Candidates,
    Indices,
    choose,
    coordinates,
)
from matganip.sampling.suggest import CUTOFF, patterson_features

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]


def replay(
    space: ConfigurationSpace,
    labels: LabelTable | str | os.PathLike[str],
    strategies: Sequence[str] = STRATEGIES,
    *,
    cutoff: float = CUTOFF,
    triplets: bool = True,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    n: int = 8,
    budget: int = 96,
    test_size: float = 0.2,
    progress: ProgressOption = None,
) -> LearningCurves:
    """Compare strategies, random choice among them, on orbits that are all labelled; no calculator runs.

    Parameters
    ----------
    space : ConfigurationSpace
    labels : LabelTable or path
        Labels of its orbits.
    strategies : sequence of str
        See `matganip.sampling.strategies.choose`.
    cutoff, triplets
        As for `suggest`.
    seeds : sequence of int
        Each gives another split into pool and test orbits and another committee; the split is the same for every
        strategy.
    n, budget : int
        Labels in a round, and labels at which the replay ends.
    test_size : float
        Part of the orbits that is held out for the test and never suggested.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    LearningCurves

    Raises
    ------
    InputError
        If the labels do not fit the space or are too few.
    """
    rows = (labels if isinstance(labels, LabelTable) else read_labels(labels)).join(space)
    batch = ConfigurationBatch(space, rows.occupations, rows.multiplicity)
    energy = rows.energy / space.n_atoms * 1000
    curves = learning_curves(
        patterson_features(batch, cutoff, triplets), energy, rows.multiplicity, strategies,
        seeds=seeds, n=n, budget=budget, test_size=test_size, progress=progress,
    )  # fmt: skip
    return replace(curves, calculator=rows.calculator)


def learning_curves(
    features: Floats,
    energy: Floats,
    weight: NDArray[np.int64] | Floats,
    strategies: Sequence[str],
    *,
    seeds: Sequence[int] = (0, 1, 2, 3, 4),
    n: int = 4,
    budget: int = 96,
    test_size: float = 0.2,
    progress: ProgressOption = None,
) -> LearningCurves:
    """Compare strategies on features (m, f), energies (m,) in meV/atom and multiplicities (m,); see `replay`."""
    n_test = max(1, round(test_size * len(energy)))
    n_pool = len(energy) - n_test
    budget = min(budget, n_pool)
    if budget < FEWEST_LABELS:
        raise InputError(f"{len(energy)} labelled orbits are too few to hold {n_test} out and choose among the rest")
    if not 1 <= n <= budget:
        raise InputError(f"rounds of {n} labels do not fit a budget of {budget}")
    sizes = np.arange(n, budget + 1, n)
    error: dict[str, list[list[float]]] = {name: [] for name in strategies}
    final, baseline = [], []
    with reporting(progress) as report:
        for number, seed in enumerate(seeds):
            order = np.random.default_rng(seed).permutation(len(energy))
            test, pool = np.sort(order[:n_test]), np.sort(order[n_test:])
            judge = _Judge(features, energy, np.asarray(weight, dtype=np.float64), test)
            final.append(judge.error(pool))
            baseline.append(float(np.average(np.abs(energy[test] - energy[pool].mean()), weights=judge.weight[test])))
            for place, name in enumerate(strategies):
                done = number * len(strategies) + place
                report("replay", done, len(seeds) * len(strategies), f"{name}, seed {seed}")
                error[name].append(_curve(judge, pool, name, n, budget, seed))
    return LearningCurves(
        sizes,
        {name: np.array(rows) for name, rows in error.items()},
        np.array(final),
        np.array(baseline),
        tuple(seeds),
        n_pool,
        n_test,
    )


def _curve(judge: _Judge, pool: Indices, strategy: str, n: int, budget: int, seed: int) -> list[float]:
    """Error after each round."""
    chosen = np.zeros(0, dtype=np.int64)
    curve = []
    while len(chosen) + n <= budget:
        rows = _round(judge.features[pool], judge.energy[pool], np.isin(pool, chosen), strategy, n, seed)
        chosen = np.concatenate([chosen, pool[rows]])
        curve.append(judge.error(chosen))
    return curve


def _round(features: Floats, energy: Floats, labelled: NDArray[np.bool_], strategy: str, n: int, seed: int) -> Indices:
    """Indices of the pool that come next."""
    known = Candidates(coordinates(features), labelled)
    n_labels = int(labelled.sum())
    if n_labels >= FEWEST_LABELS and strategy in NEED_PREDICTIONS:
        committee = RidgeCommittee(seed=seed)
        committee.fit(features[labelled], energy[labelled])
        known = replace(known, members=committee.members(features), lowest=float(energy[labelled].min()))
    return choose(strategy, known, n, seed * 100003 + n_labels)


@dataclass(frozen=True, eq=False)
class _Judge:
    """The test orbits, and how well a model of the chosen labels predicts them."""

    features: Floats
    energy: Floats
    weight: Floats
    test: Indices

    def error(self, chosen: Indices) -> float:
        """Weighted MAE on the test orbits of a regression on the chosen ones."""
        if len(chosen) < FEWEST_LABELS:
            predicted = np.full(len(self.test), self.energy[chosen].mean())
        else:
            model = RidgeBaseline()
            model.fit(self.features[chosen], self.energy[chosen], np.ones(len(chosen)))
            predicted = model.predict(self.features[self.test])
        return float(np.average(np.abs(predicted - self.energy[self.test]), weights=self.weight[self.test]))
