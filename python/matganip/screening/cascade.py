"""Two stages: a distilled surrogate screens everything, and the model re-scores whatever could still win.

A surrogate is far cheaper than the model and within a bound b of it, measured on a sample and checked on every
arrangement that both have scored. An arrangement of surrogate key s has a model key of at least s - b; where that
exceeds the key of the k-th best found so far, the model need not see it. The winners are then those that the model
alone would have found.
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
"""eV: for rounding in the sum of a key and a bound."""
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
        Largest difference assumed between the two, eV per supercell.
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


class TooNarrow(Exception):  # noqa: N818 - it is caught, never shown
    """Surrogate and model differ by more than the bound."""

    def __init__(self, gap: float) -> None:
        super().__init__(gap)
        self.gap = gap


class Rescorer:
    """Keeps the arrangements that could win by the surrogate, and asks the model about them.

    Parameters
    ----------
    scorer : GraphScorer
        The model.
    best : Best
        Takes the rows that the model has scored.
    bound : float
        eV per supercell.
    ceiling : float
        An upper limit of the key of the last winner, known beforehand.
    timing : callable
        Context that takes the time of a stage.

    Attributes
    ----------
    n_rescored, n_predicted : int
        Rows that the model has scored, and distinct graphs among them.
    widest : float
        Largest difference of the two on these.
    reach : float
        Smallest surrogate key of a row that the model has not scored.
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
        """Surrogate key beyond which no row can win."""
        return min(self.best.threshold, self.ceiling) + self.bound + SLACK

    def offer(self, rows: Rows) -> None:
        """Keep the rows that could win by the surrogate's energies (n, 1).

        Raises
        ------
        TooNarrow
            If surrogate and model differ by more than the bound.
        """
        with self._timing("ranking"):
            near = self._could_win(rows)
            if len(near):
                self._waiting.append(near)
        if sum(map(len, self._waiting)) > _WAITING:
            self._ask(leave=_WAITING // 2)

    def finish(self) -> None:
        """Re-score all rows that are waiting; raises `TooNarrow` as `offer` does."""
        if self._waiting:
            self._ask(leave=0)

    def _could_win(self, rows: Rows) -> Rows:
        key = self.best.selection.key(rows.energy[:, 0])
        could = key <= self.limit
        self.reach = min(self.reach, float(key[~could].min(initial=np.inf)))
        return rows.take(could)

    def _ask(self, leave: int) -> None:
        """Re-score the most promising rows first, until at most `leave` rows that could win are left."""
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
