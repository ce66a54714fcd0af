"""The orbits that a search has scored: a memory of bounded size, and the best of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]
Score = Callable[[NDArray[np.uint8]], Floats]
Key = Callable[[Floats], Floats]


@dataclass
class FoundOrbit:
    """One of the best orbits.

    Attributes
    ----------
    key : float
        What the search makes small: the smaller, the better.
    energy : float
        eV per supercell.
    occupation : bytes
        The canonical occupation.
    multiplicity : int
    step : int
        Step at which it was first scored.
    groups : set of int
        Groups of chains that have been there.
    """

    key: float
    energy: float
    occupation: bytes
    multiplicity: int
    step: int
    groups: set[int]


class ScoredOrbits:
    """Scores orbits, each once as long as it is remembered, and keeps the best.

    Parameters
    ----------
    space : ConfigurationSpace
    score : callable
        Occupations (n, n_sites) uint8 to energies (n,) in eV per supercell.
    key : callable
        Energies (n,) to keys (n,) that the search makes small: the energies themselves for the lowest.
    top : int
        How many of the best to keep.
    size : int
        Orbits to remember; each new one then takes the place of the oldest, so that memory stays bounded.
    decimals : int
        Energies are rounded to so many decimals of an eV, so that arrangements with equal peaks tie.

    Attributes
    ----------
    n_scored : int
        Orbits scored; one that was forgotten and scored again counts twice.
    best : list of FoundOrbit
        By ascending key; equal keys in the order of the occupations.
    """

    def __init__(
        self, space: ConfigurationSpace, score: Score, key: Key, top: int, size: int, decimals: int = 7
    ) -> None:
        self.space = space
        self.top, self.size = top, size
        self.n_scored = 0
        self.best: list[FoundOrbit] = []
        self._score, self._key, self._decimals = score, key, decimals
        self._energy: dict[bytes, float] = {}

    def energies(
        self, occupations: NDArray[np.uint8], groups: NDArray[np.int64], step: int
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Look arrangements up, and score those that are not remembered.

        Parameters
        ----------
        occupations : (n, n_sites) uint8 ndarray
            Any members of their orbits.
        groups : (n,) int64 ndarray
            The group of chains that each comes from; -1 for none.
        step : int
            Current step, for the record.

        Returns
        -------
        energy : (n,) float64 ndarray
            eV per supercell.
        new : (n,) bool ndarray
            The first row of each orbit that was not remembered.
        """
        batch = self.space.canonical(occupations, num_threads=1)
        orbits = [row.tobytes() for row in batch.occupations]
        first: dict[bytes, int] = {}
        for row, orbit in enumerate(orbits):
            if orbit not in self._energy:
                first.setdefault(orbit, row)
        rows = np.fromiter(first.values(), dtype=np.int64, count=len(first))
        new = np.zeros(len(orbits), dtype=bool)
        new[rows] = True
        fresh: dict[bytes, float] = {}
        if len(rows):
            scored = np.round(self._score(batch.occupations[rows]), self._decimals)
            fresh = dict(zip(first, scored.tolist(), strict=True))
            self.n_scored += len(rows)
        energy = np.array([fresh[orbit] if orbit in fresh else self._energy[orbit] for orbit in orbits])
        self._remember(fresh)
        self._rank(orbits, energy, batch.multiplicity, groups, step)
        return energy, new

    def knows(self, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Say which rows, (n,), are of orbits that are remembered."""
        batch = self.space.canonical(occupations, num_threads=1)
        return np.array([row.tobytes() in self._energy for row in batch.occupations], dtype=bool)

    @property
    def bar(self) -> float:
        """Key of the last of the best; infinite as long as there are fewer than `top`."""
        return self.best[-1].key if len(self.best) == self.top else np.inf

    def _remember(self, fresh: dict[bytes, float]) -> None:
        self._energy.update(fresh)
        for _ in range(len(self._energy) - self.size):
            del self._energy[next(iter(self._energy))]

    def _rank(
        self,
        orbits: list[bytes],
        energy: Floats,
        multiplicity: NDArray[np.int64],
        groups: NDArray[np.int64],
        step: int,
    ) -> None:
        """Enter what is among the best, and note which groups were there."""
        key = self._key(energy)
        known = {one.occupation: one for one in self.best}
        for row in np.flatnonzero(key <= self.bar).tolist():
            orbit, group = orbits[row], int(groups[row])
            if orbit not in known:
                numbers = float(key[row]), float(energy[row])
                known[orbit] = FoundOrbit(*numbers, orbit, int(multiplicity[row]), step, set())
            if group >= 0:
                known[orbit].groups.add(group)
        self.best = sorted(known.values(), key=lambda one: (one.key, one.occupation))[: self.top]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state, as arrays."""
        n_groups = 1 + max((max(one.groups, default=0) for one in self.best), default=0)
        groups = np.zeros((len(self.best), n_groups), dtype=bool)
        for row, one in enumerate(self.best):
            groups[row, list(one.groups)] = True
        return {
            "known": self._occupations(self._energy),
            "known_energy": np.array(list(self._energy.values()), dtype=np.float64),
            "best": self._occupations(one.occupation for one in self.best),
            "best_energy": np.array([one.energy for one in self.best], dtype=np.float64),
            "best_multiplicity": np.array([one.multiplicity for one in self.best], dtype=np.int64),
            "best_step": np.array([one.step for one in self.best], dtype=np.int64),
            "best_groups": groups,
            "n_scored": np.array([self.n_scored], dtype=np.int64),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Resume from a state."""
        orbits = [row.tobytes() for row in arrays["known"]]
        self._energy = dict(zip(orbits, arrays["known_energy"].tolist(), strict=True))
        self.n_scored = int(arrays["n_scored"][0])
        columns = ("best_energy", "best", "best_multiplicity", "best_step", "best_groups")
        self.best = [
            FoundOrbit(
                key, float(energy), row.tobytes(), int(multiplicity), int(step), set(np.flatnonzero(groups).tolist())
            )
            for key, energy, row, multiplicity, step, groups in zip(
                self._key(arrays["best_energy"]).tolist(), *(arrays[name] for name in columns), strict=True
            )
        ]

    def _occupations(self, orbits: Iterable[bytes]) -> NDArray[np.uint8]:
        return np.frombuffer(b"".join(orbits), dtype=np.uint8).reshape(-1, self.space.n_sites)
