"""Which orbits a search has scored: a memory of bounded size, and the best of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]
Score = Callable[[NDArray[np.uint8]], Floats]


@dataclass
class Found:
    """One of the best orbits.

    Attributes
    ----------
    energy : float
        eV per supercell.
    key : bytes
        The canonical occupation.
    multiplicity : int
    step : int
        Step at which it was first scored.
    groups : set of int
        Groups of chains that have been there.
    """

    energy: float
    key: bytes
    multiplicity: int
    step: int
    groups: set[int]


class ScoredOrbits:
    """Scores orbits, each once as long as it is remembered.

    Parameters
    ----------
    space : ConfigurationSpace
    score : callable
        Occupations (n, n_sites) uint8 to energies (n,) in eV per supercell.
    top : int
        How many of the best to keep.
    size : int
        Orbits that are remembered; then the oldest is forgotten for each new one, so that memory does not grow.
    decimals : int
        Energies are rounded to so many decimals of an eV, as `screening.ranking.rank` does, so that equal peaks tie.

    Attributes
    ----------
    n_scored : int
        Orbits scored. One that was forgotten and came again counts again.
    best : list of Found
        Ascending; equal energies in the order of the occupations.
    """

    def __init__(self, space: ConfigurationSpace, score: Score, top: int, size: int, decimals: int = 7) -> None:
        self.space = space
        self.top, self.size = top, size
        self.n_scored = 0
        self.best: list[Found] = []
        self._score, self._decimals = score, decimals
        self._energy: dict[bytes, float] = {}

    def energies(
        self, occupations: NDArray[np.uint8], groups: NDArray[np.int64], step: int
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Energies of arrangements.

        Parameters
        ----------
        occupations : (n, n_sites) uint8 ndarray
            Any members of their orbits.
        groups : (n,) int64 ndarray
            Which group of chains each comes from; -1 none.
        step : int
            For the record.

        Returns
        -------
        energy : (n,) float64 ndarray
            eV per supercell.
        new : (n,) bool ndarray
            The first row of each orbit that was not known before.
        """
        batch = self.space.canonical(occupations, num_threads=1)
        keys = [row.tobytes() for row in batch.occupations]
        first: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            if key not in self._energy:
                first.setdefault(key, row)
        rows = np.fromiter(first.values(), dtype=np.int64, count=len(first))
        new = np.zeros(len(keys), dtype=bool)
        new[rows] = True
        fresh: dict[bytes, float] = {}
        if len(rows):
            scored = np.round(self._score(batch.occupations[rows]), self._decimals)
            fresh = dict(zip(first, scored.tolist(), strict=True))
            self.n_scored += len(rows)
        energy = np.array([fresh[key] if key in fresh else self._energy[key] for key in keys])
        self._remember(fresh)
        self._rank(keys, energy, batch.multiplicity, groups, step)
        return energy, new

    def knows(self, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which rows, (n,), are of orbits that are remembered."""
        batch = self.space.canonical(occupations, num_threads=1)
        return np.array([row.tobytes() in self._energy for row in batch.occupations], dtype=bool)

    @property
    def bar(self) -> float:
        """Energy that the last of the best has, eV; infinity while there is room."""
        return self.best[-1].energy if len(self.best) == self.top else np.inf

    def _remember(self, fresh: dict[bytes, float]) -> None:
        self._energy.update(fresh)
        for _ in range(len(self._energy) - self.size):
            del self._energy[next(iter(self._energy))]

    def _rank(
        self,
        keys: list[bytes],
        energy: Floats,
        multiplicity: NDArray[np.int64],
        groups: NDArray[np.int64],
        step: int,
    ) -> None:
        """Enter what is among the best, and note which groups were at these."""
        there = {one.key: one for one in self.best}
        for row in np.flatnonzero(energy <= self.bar):
            key, group = keys[row], int(groups[row])
            if key not in there:
                there[key] = Found(float(energy[row]), key, int(multiplicity[row]), step, set())
            if group >= 0:
                there[key].groups.add(group)
        self.best = sorted(there.values(), key=lambda one: (one.energy, one.key))[: self.top]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state, as arrays."""
        n = self.space.n_sites
        remembered = b"".join(self._energy)
        n_groups = 1 + max((max(one.groups, default=0) for one in self.best), default=0)
        return {
            "known": np.frombuffer(remembered, dtype=np.uint8).reshape(-1, n),
            "known_energy": np.array(list(self._energy.values()), dtype=np.float64),
            "best": np.frombuffer(b"".join(one.key for one in self.best), dtype=np.uint8).reshape(-1, n),
            "best_energy": np.array([one.energy for one in self.best], dtype=np.float64),
            "best_multiplicity": np.array([one.multiplicity for one in self.best], dtype=np.int64),
            "best_step": np.array([one.step for one in self.best], dtype=np.int64),
            "best_groups": np.array(
                [[group in one.groups for group in range(n_groups)] for one in self.best], dtype=bool
            ).reshape(len(self.best), n_groups),
            "n_scored": np.array([self.n_scored], dtype=np.int64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take up a state."""
        keys = [row.tobytes() for row in arrays["known"]]
        self._energy = dict(zip(keys, arrays["known_energy"].tolist(), strict=True))
        self.n_scored = int(arrays["n_scored"][0])
        self.best = [
            Found(energy, row.tobytes(), multiplicity, step, set(np.flatnonzero(groups).tolist()))
            for energy, row, multiplicity, step, groups in zip(
                arrays["best_energy"].tolist(),
                arrays["best"],
                arrays["best_multiplicity"].tolist(),
                arrays["best_step"].tolist(),
                arrays["best_groups"],
                strict=True,
            )
        ]
