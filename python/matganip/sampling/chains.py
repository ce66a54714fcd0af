r"""Chains that walk by swaps through a space that is too large to enumerate, in search of its best arrangements.

Each step nests two Metropolis walks (Gelb, J. Chem. Phys. 118, 7747 (2003)): many swaps on a guide, an energy that is
linear in the diffraction's sums and that a kernel updates swap by swap, and then one decision by the model,

.. math:: p = \min\big(1, e^{-\beta [(E' - E) - (S' - S)]}\big),

with E the model's energy and S the guide's. However good the guide is, each chain samples the model's own canonical
ensemble; a good guide saves most of the scoring. Without a guide this is plain Metropolis sampling of the model. The
chains of one group are at several temperatures and exchange (parallel tempering; Swendsen, Wang, Phys. Rev. Lett. 57,
2607 (1986)); or all are cooled together, again and again (simulated annealing; Kirkpatrick, Gelatt, Vecchi, Science
220, 671 (1983)). For the highest energies, or those nearest to a target, the chains walk on -E or abs(E - target) in
place of E; no linear guide proposes the latter, but it says which arrangements are worth scoring.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from matganip.configurations.exclusions import obeys
from matganip.features.averages import BOLTZMANN
from matganip.features.lattice.swaps import LatticeSwaps, seeded_generators
from matganip.sampling.linear_guide import LinearGuide
from matganip.sampling.scored_orbits import FoundOrbit, Score, ScoredOrbits
from matganip.settings import Settings

if TYPE_CHECKING:
    from matganip.features.lattice.diffraction import LatticeDiffraction

Floats = NDArray[np.float64]
Occupations = NDArray[np.uint8]
Method = Literal["tempering", "annealing"]
Select = Literal["lowest", "highest", "nearest"]

# Temperatures in a group of chains that exchange.
LEVELS = 8
# An arrangement that a chain passed is scored if the guide's energy, less so many of its errors, is among the best.
CAUTION = 3.0
# When the best orbit has not changed for so many steps, its neighbours are scored: at most so many.
SETTLED, MOST_POLISHED = 3, 512


class SearchSettings(Settings):
    """How to search.

    Raises
    ------
    InputError
        If a key is unknown or a value is out of its range.
    """

    method: Method = Field(default="tempering", description="Parallel tempering, or simulated annealing.")
    n_chains: int = Field(
        default=32, ge=1, description="Chains, in groups of eight that exchange; independent if annealed."
    )
    n_swaps: int = Field(default=100, ge=1, description="Swaps on the guide in each step; one without a guide.")
    guided: bool = Field(default=True, description="Whether to use a guide.")
    temperatures: tuple[float, float] | None = Field(
        default=None,
        description="The lowest and the highest, kelvin. By default k_B T of the highest is the root mean square "
        "change of the energy by one swap, and the lowest is a thirtieth of it.",
    )
    cycle: int = Field(default=50, ge=2, description="Steps of one cooling; then the chains start again at random.")
    top: int = Field(default=20, ge=1, description="How many of the best orbits to keep.")
    memory: int = Field(default=200_000, ge=1000, description="Scored orbits to remember.")
    seed: int = Field(default=0, ge=0, description="Seed of every draw.")
    select: Select = Field(default="lowest", description="Which orbits are the best.")
    target: float | None = Field(default=None, description='Energy for select = "nearest", eV per supercell.')

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.temperatures is not None and not 0 < self.temperatures[0] <= self.temperatures[1] < np.inf:
            raise ValueError(f"temperatures must be two, the lower one first, above 0 K, not {self.temperatures}")
        if (self.select == "nearest") != (self.target is not None and np.isfinite(self.target)):
            raise ValueError("target, in eV per supercell, belongs to select = nearest, which needs it")
        return self

    def key(self, energy: Floats) -> Floats:
        """What the search makes small, (n,), from energies (n,) in eV per supercell."""
        if self.target is not None:
            return np.abs(energy - self.target)
        return -energy if self.select == "highest" else energy


@dataclass(frozen=True)
class SearchProgress:
    """How far a search is.

    Attributes
    ----------
    step : int
        Steps done.
    best : FoundOrbit
        The best orbit so far.
    n_scored : int
        Orbits that the model has scored.
    groups_at_best : int
        How many of the `n_groups` independent groups of chains have been at the best orbit.
    n_groups : int
    swap_rate, step_rate, exchange_rate : float
        Fractions of the swaps, of the model's decisions and of the exchanges that were accepted since the start; nan if
        there was none.
    guide_error : float
        Root mean square error of the guide, eV per supercell; infinite without one.
    """

    step: int
    best: FoundOrbit
    n_scored: int
    groups_at_best: int
    n_groups: int
    swap_rate: float
    step_rate: float
    exchange_rate: float
    guide_error: float


class Search:
    """A search that can be followed, stopped, stored and resumed; `matganip.search` runs one.

    Parameters
    ----------
    diffraction : LatticeDiffraction
        What the guide reads: a diffractometer of the space to search, best the one that the model reads too.
    score : callable
        Canonical occupations (n, n_sites) uint8 to energies (n,) in eV per supercell.
    settings : SearchSettings, optional

    Attributes
    ----------
    scored : ScoredOrbits
        Its `best` are the result.
    temperature : (n_chains,) float64 ndarray
        Of each chain now, kelvin.
    history : list of (int, float, int)
        Step, energy of the best and orbits scored, whenever the best changed.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> diffraction = mg.LatticeDiffraction(space, resolution="resolved")
    >>> def score(occupations):
    ...     return diffraction.peaks(occupations).intensity[:, :28] @ np.cos(np.arange(28))
    >>> search = Search(diffraction, score, SearchSettings(n_chains=8))
    >>> for progress in search.run(n_steps=20):
    ...     pass
    >>> lowest = min(score(batch.occupations).min() for batch in space.orbits())
    >>> bool(abs(search.scored.best[0].energy - lowest) < 1e-6)
    True
    """

    def __init__(self, diffraction: LatticeDiffraction, score: Score, settings: SearchSettings | None = None) -> None:
        self.settings = settings or SearchSettings()
        self.space = diffraction.space
        self.scored = ScoredOrbits(self.space, score, self.settings.key, self.settings.top, self.settings.memory)
        self._swaps = LatticeSwaps(diffraction)
        self._guide = LinearGuide(self._swaps.n_sums)
        self._levels = min(LEVELS, self.settings.n_chains) if self.settings.method == "tempering" else 1
        self._group = np.arange(self.settings.n_chains) // self._levels
        self.step = 0
        self.range: tuple[float, float] | None = self.settings.temperatures
        self._rows: Occupations = np.zeros((0, self.space.n_sites), dtype=np.uint8)
        self._energy: Floats = np.zeros(0)
        self._generators = seeded_generators(self.settings.seed, self.settings.n_chains)
        self._tried = np.zeros(3, dtype=np.int64)  # swaps, decisions, exchanges
        self._made = np.zeros(3, dtype=np.int64)
        self._polished: set[bytes] = set()
        self.history: list[tuple[int, float, int]] = []

    @property
    def n_groups(self) -> int:
        """Groups of chains that do not exchange with one another."""
        return int(self._group[-1]) + 1

    def run(
        self, n_steps: int, *, max_scored: int | None = None, patience: int | None = None
    ) -> Iterator[SearchProgress]:
        """Search on, step by step.

        Parameters
        ----------
        n_steps : int
            Steps to have done in the end, those before a checkpoint included.
        max_scored : int, optional
            Stop once so many orbits are scored.
        patience : int, optional
            Stop once the best has not changed for so many steps.

        Yields
        ------
        SearchProgress
            After each step.
        """
        # A space that can only be counted by going through it is searched without knowing its size.
        n_orbits = self.space.count_orbits() if self.space.countable else 2**62
        most = n_orbits if max_scored is None else min(max_scored, n_orbits)
        if self.step == 0 and not len(self._rows):
            self._start(most)
        while self.step < n_steps and self.scored.n_scored < most:
            if patience is not None and self.step - self.scored.best[0].step >= patience:
                break
            self._advance(most)
            progress = self.progress()
            if not self.history or self.history[-1][1] != progress.best.energy:
                self.history.append((self.step, progress.best.energy, progress.n_scored))
            yield progress

    def progress(self) -> SearchProgress:
        """The state of the search in numbers."""
        best = self.scored.best[0]
        with np.errstate(invalid="ignore"):
            rates = self._made / self._tried
        return SearchProgress(
            step=self.step,
            best=best,
            n_scored=self.scored.n_scored,
            groups_at_best=len(self.groups_at_best()),
            n_groups=self.n_groups,
            swap_rate=float(rates[0]),
            step_rate=float(rates[1]),
            exchange_rate=float(rates[2]),
            guide_error=self._guide.error,
        )

    def groups_at_best(self) -> set[int]:
        """Groups that have been at the best energy found, in any of the orbits that have it."""
        key = self.scored.best[0].key
        return set().union(*(one.groups for one in self.scored.best if one.key == key))

    # -- a step ------------------------------------------------------------------------------------------------

    def _start(self, most: int) -> None:
        """Score enough random arrangements to fit a guide; the chains start from the first ones."""
        n = max(self.settings.n_chains, 2 * self._swaps.n_sums + 20)
        drawn = self.space.sample_configurations(min(n, max(most, self.settings.n_chains)), seed=self.settings.seed)
        energy = self._score(drawn.occupations, np.full(len(drawn), -1))
        self._rows = drawn.occupations[: self.settings.n_chains]
        self._energy = energy[: self.settings.n_chains]
        if self.range is None:
            once = self._swaps.walk(
                drawn.occupations,
                seeded_generators(self.settings.seed + 1, len(drawn)),
                np.zeros(len(drawn)),
                self._guide.coefficients,
                n_swaps=1,
                num_threads=1,
            )
            change = self._guide.predict(self._swaps.sums(once.occupations, 1)) - self._guide.predict(
                self._swaps.sums(drawn.occupations, 1)
            )
            hottest = float(np.sqrt(np.mean(change**2))) / BOLTZMANN
            self.range = (hottest / 30, hottest) if hottest > 0 else (1.0, 1.0)

    @property
    def temperature(self) -> Floats:
        """Of each chain in the step to come, kelvin."""
        low, high = self.range or (1.0, 1.0)
        if self.settings.method == "annealing":
            done = (self.step % self.settings.cycle) / (self.settings.cycle - 1)
            return np.full(self.settings.n_chains, high * (low / high) ** done)
        level = np.arange(self.settings.n_chains) % self._levels
        ladder: Floats = low * (high / low) ** (level / max(1, self._levels - 1))
        return ladder

    def _advance(self, most: int) -> None:
        settings = self.settings
        random = np.random.default_rng((settings.seed, self.step, 1))
        if settings.method == "annealing" and self.step and self.step % settings.cycle == 0:
            again = int(np.random.default_rng((settings.seed, self.step, 2)).integers(2**62))
            self._rows = self.space.sample_configurations(settings.n_chains, seed=again).occupations
            self._energy = self._score(self._rows, self._group)
        beta = 1 / (BOLTZMANN * self.temperature)
        # No linear function of the sums is small near a target and large on both sides of it.
        sign = {"lowest": 1.0, "highest": -1.0, "nearest": 0.0}[settings.select] if settings.guided else 0.0
        coefficients, n_swaps = sign * self._guide.coefficients, settings.n_swaps if sign else 1
        walked = self._swaps.walk(self._rows, self._generators, beta, coefficients, n_swaps, num_threads=1)
        self._generators = walked.generators
        guided_before = (self._swaps.sums(self._rows, 1) * coefficients).sum(axis=1)
        guided_change = (self._swaps.sums(walked.occupations, 1) * coefficients).sum(axis=1) - guided_before

        # What a chain has passed is scored too if it may be one of the best.
        lowest = walked.lowest_energy + sign * self._guide.intercept
        promising = np.flatnonzero((walked.lowest_energy < walked.energy) & (lowest < self._promise) & bool(sign))
        rows = np.concatenate([walked.occupations, walked.lowest[promising]])
        energy = self._score(rows, np.concatenate([self._group, self._group[promising]]))
        self._decide(walked.occupations, energy[: settings.n_chains], guided_change, beta, random)
        self._count(0, int(walked.accepted.sum()), n_swaps * settings.n_chains)
        if self._levels > 1:
            self._exchange(beta, random)
        self.step += 1
        self._polish(most)

    def _decide(
        self, rows: Occupations, energy: Floats, guided_change: Floats, beta: Floats, random: np.random.Generator
    ) -> None:
        """The model's decision on each chain's walk."""
        excess = (energy - self._energy) - guided_change
        accepted = random.random(len(rows)) < np.exp(np.minimum(0.0, -beta * excess))
        self._rows = np.where(accepted[:, None], rows, self._rows)
        self._energy = np.where(accepted, energy, self._energy)
        self._count(1, int(accepted.sum()), len(rows))

    def _exchange(self, beta: Floats, random: np.random.Generator) -> None:
        """Neighbours in temperature exchange their arrangements; even and odd pairs by turns."""
        for cold in range(self.step % 2, self._levels - 1, 2):
            low = np.arange(cold, self.settings.n_chains, self._levels)
            low = low[low + 1 < self.settings.n_chains]
            low = low[self._group[low] == self._group[low + 1]]
            gain = (beta[low] - beta[low + 1]) * (self._energy[low] - self._energy[low + 1])
            made = low[random.random(len(low)) < np.exp(np.minimum(0.0, gain))]
            order = np.arange(self.settings.n_chains)
            order[made], order[made + 1] = made + 1, made
            self._rows, self._energy = self._rows[order], self._energy[order]
            self._count(2, len(made), len(low))

    def _polish(self, most: int) -> None:
        """When the best has not changed for some steps, score its most promising neighbours by one swap."""
        best = self.scored.best[0]
        if best.occupation in self._polished or self.step - best.step < SETTLED or self.scored.n_scored >= most:
            return
        # Few are remembered: an orbit that becomes the best once more is among the latest of them.
        kept = self._polished if len(self._polished) < self.settings.top else set()
        self._polished = {*kept, best.occupation}
        rows = swapped(np.frombuffer(best.occupation, dtype=np.uint8), self.space.sublattices)
        rows = rows[obeys(rows, self.space.exclusions)]
        rows = np.unique(self.space.canonical(rows, num_threads=1).occupations, axis=0)
        rows = rows[~self.scored.knows(rows)]
        if self.settings.guided and len(rows):
            guided = self.settings.key(self._guide.predict(self._swaps.sums(rows, 1)))
            rows = rows[np.argsort(guided, kind="stable")]
            rows = rows[: int((guided < self._promise).sum())]
        rows = rows[: min(MOST_POLISHED, most - self.scored.n_scored)]
        # The groups that found the best orbit count as having found its neighbours.
        for group in sorted(best.groups) or [-1]:
            if len(rows):
                self._score(rows, np.full(len(rows), group))

    @property
    def _promise(self) -> float:
        """Key by the guide below which an arrangement may, within the guide's error, be one of the best."""
        return self.scored.bar + CAUTION * self._guide.error

    def _score(self, rows: Occupations, groups: NDArray[np.int64]) -> Floats:
        """Keys (n,) of arrangements: what the search makes small."""
        energy, new = self.scored.energies(rows, groups, self.step)
        if new.any():
            self._guide.add(self._swaps.sums(rows[new], 1), energy[new])
        return self.settings.key(energy)

    def _count(self, what: int, made: int, tried: int) -> None:
        self._made[what] += made
        self._tried[what] += tried

    # -- the state ---------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The state that all further steps depend on, as arrays."""
        polished = np.frombuffer(b"".join(sorted(self._polished)), dtype=np.uint8).reshape(-1, self.space.n_sites)
        return {
            "step": np.array([self.step]),
            "range_K": np.array(self.range or (), dtype=np.float64),
            "rows": self._rows,
            "energy": self._energy,
            "generators": self._generators,
            "tried": self._tried,
            "made": self._made,
            "polished": polished,
            "history": np.array(self.history, dtype=np.float64).reshape(-1, 3),
            **self._guide.arrays(),
            **self.scored.arrays(),
        }

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Resume from the state of a search of the same space, model and settings, to the bit."""
        self.step = int(arrays["step"][0])
        limits = arrays["range_K"].tolist()
        self.range = (limits[0], limits[1]) if limits else None
        self._rows, self._energy = arrays["rows"], arrays["energy"]
        self._generators = arrays["generators"]
        self._tried, self._made = arrays["tried"].copy(), arrays["made"].copy()
        self._polished = {row.tobytes() for row in arrays["polished"]}
        self.history = [(int(step), energy, int(n)) for step, energy, n in arrays["history"].tolist()]
        self._guide.restore(arrays)
        self.scored.restore(arrays)

    def identity(self) -> dict[str, Any]:
        """What a stored state belongs to, as JSON values."""
        return {"space": self.space.key, "settings": self.settings.model_dump(mode="json")}


def swapped(row: Occupations, sublattices: NDArray[Any]) -> Occupations:
    """Make every arrangement that one swap of two sites of a sublattice leads to.

    Parameters
    ----------
    row : (n_sites,) uint8 ndarray
    sublattices : (n_sites,) integer ndarray
        The sublattice of each site.

    Returns
    -------
    (n, n_sites) uint8 ndarray

    Examples
    --------
    >>> swapped(np.array([0, 1, 1], dtype=np.uint8), np.zeros(3, dtype=int)).tolist()
    [[1, 0, 1], [1, 1, 0]]
    """
    i, j = np.triu_indices(len(row), 1)
    differ = (sublattices[i] == sublattices[j]) & (row[i] != row[j])
    i, j = i[differ], j[differ]
    rows = np.tile(row, (len(i), 1))
    n = np.arange(len(i))
    rows[n, i], rows[n, j] = row[j], row[i]
    return rows
