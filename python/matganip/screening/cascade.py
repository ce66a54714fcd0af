"""Two stages: a surrogate screens everything, and the model re-scores whatever could still be among the winners.

A surrogate, far cheaper than the model, is within a bound b of it: measured on a sample, and looked at again on each
arrangement that both have seen. An arrangement whose key by the surrogate is s has a key by the model of at least s - b;
where that exceeds the key of the k-th best found so far, the model need not see it. What wins is then what would win
had the model seen all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from matganip.learning.scoring import DECIMALS
from matganip.screening.selection import Best, Rows, ordered

if TYPE_CHECKING:
    from matganip.learning.scoring import GraphScorer

Floats = NDArray[np.float64]
Timing = Callable[[str], AbstractContextManager[None]]

SLACK = 1e-9
"""eV: what rounding may do to a sum of a key and a bound."""
_WAITING = 65536
_AT_ONCE = 4096


class Surrogate(Protocol):
    """Predicts eV/atom, (n,), from intensities of the graph's vertices (n, p)."""

    def predict(self, features: Any) -> Floats:
        """Predict."""
        ...


@dataclass(frozen=True)
class SurrogateScorer:
    """A surrogate of the model of a scorer.

    Parameters
    ----------
    scorer : GraphScorer
        Makes its features.
    surrogate : DistilledSurrogate
    bound : float
        How far the two were found to be apart, eV per supercell.
    """

    scorer: GraphScorer
    surrogate: Surrogate
    bound: float

    def features(self, occupations: NDArray[np.uint8]) -> Floats:
        """Intensities (n, p)."""
        return self.scorer.features(occupations)

    def energy(self, features: Floats) -> Floats:
        """Energies (n,) in eV per supercell."""
        return np.round(self.surrogate.predict(features) * float(self.scorer.n_atoms), DECIMALS) + 0.0


class TooNarrow(Exception):  # noqa: N818 - it is caught and answered, never shown
    """DistilledSurrogate and model are farther apart than the bound says."""

    def __init__(self, gap: float) -> None:
        super().__init__(gap)
        self.gap = gap


class Rescorer:
    """Keeps what could win by the surrogate's word, and asks the model about it.

    Parameters
    ----------
    scorer : GraphScorer
        The model.
    best : Best
        Where rows go that the model has scored.
    bound : float
        eV per supercell.
    ceiling : float
        A key that the last of the winners is known not to exceed.
    timing : callable
        Context in which a stage's time is taken.

    Attributes
    ----------
    n_rescored, n_predicted : int
        Rows that the model has scored, and different graphs among them.
    widest : float
        Largest distance between the two on these.
    reach : float
        Smallest key by the surrogate of a row that the model has not scored.
    """

    def __init__(self, scorer: GraphScorer, best: Best, bound: float, ceiling: float, timing: Timing) -> None:
        self.scorer, self.best, self.bound, self.ceiling = scorer, best, bound, ceiling
        self.n_rescored = self.n_predicted = 0
        self.widest = 0.0
        self.reach = np.inf
        self._timing = timing
        self._waiting: list[Rows] = []

    @property
    def limit(self) -> float:
        """Key by the surrogate beyond which no row can win."""
        return min(self.best.threshold, self.ceiling) + self.bound + SLACK

    def offer(self, rows: Rows) -> None:
        """Take up the rows that could win, by energies (n, 1) of the surrogate.

        Raises
        ------
        TooNarrow
            If surrogate and model are farther apart than the bound.
        """
        with self._timing("ranking"):
            near = self._could_win(rows)
            if len(near):
                self._waiting.append(near)
        if sum(map(len, self._waiting)) > _WAITING:
            self._ask(leave=_WAITING // 2)

    def finish(self) -> None:
        """Ask about all that wait; raises `TooNarrow` as `offer` does."""
        if self._waiting:
            self._ask(leave=0)

    def _could_win(self, rows: Rows) -> Rows:
        key = self.best.selection.key(rows.energy[:, 0])
        could = key <= self.limit
        self.reach = min(self.reach, float(key[~could].min(initial=np.inf)))
        return rows.take(could)

    def _ask(self, leave: int) -> None:
        """Re-score from the most promising row on, until no more than so many are left that could win."""
        with self._timing("ranking"):
            waiting = Rows.joined(self._waiting)
            waiting = waiting.take(ordered(self.best.selection.key(waiting.energy[:, 0]), waiting.occupations))
        done = 0
        while True:
            with self._timing("ranking"):
                waiting, done = self._could_win(waiting.take(slice(done, None))), 0
            if len(waiting) <= leave:
                break
            self._score(waiting.take(slice(0, _AT_ONCE)))
            done = _AT_ONCE
        self._waiting = [waiting] if len(waiting) else []

    def _score(self, rows: Rows) -> None:
        with self._timing("peaks"):
            features = self.scorer.features(np.ascontiguousarray(rows.occupations))
        with self._timing("network"):
            scores = self.scorer.predict(features)
        self.n_rescored += len(rows)
        self.n_predicted += scores.n_computed
        self.widest = max(self.widest, float(np.abs(scores.energy - rows.energy[:, 0]).max()))
        if self.widest > self.bound + SLACK:
            raise TooNarrow(self.widest)
        with self._timing("ranking"):
            self.best.add(
                Rows(rows.row, rows.multiplicity, rows.occupations, scores.energy[:, None], scores.deviation[:, None])
            )
