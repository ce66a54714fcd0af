"""Ranking arrangements without labels: by Ewald energies, or by a function of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.orbits import OrbitStream
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.features.lattice.ewald import EwaldSum
from matganip.progress import ProgressOption, reporting
from matganip.results.ranked import Ranked

Floats = NDArray[np.float64]
Energies = Callable[[ConfigurationBatch], Floats]

EWALD = "ewald"
MOST_ORBITS = 10**11
"""Of a space that is ranked whole: a day on a few cores."""
BATCH_SIZE = 16384


def rank(
    arrangements: ConfigurationSpace | ConfigurationBatch | Iterable[ConfigurationBatch],
    by: str | Energies = EWALD,
    *,
    lowest: int = 50,
    highest: int = 0,
    oxidation_states: Mapping[str, float] | None = None,
    num_threads: int | None = None,
    progress: ProgressOption = None,
) -> Ranked:
    """Rank arrangements without labels, and keep the lowest, the highest or both.

    Parameters
    ----------
    arrangements : ConfigurationSpace, ConfigurationBatch, or iterable of ConfigurationBatch
        A whole space, which is enumerated; a sample; or a stream, ``space.orbits(shard=(0, 8))``. Only those that are
        kept are held in memory.
    by : "ewald" or callable
        The electrostatic energy of point charges (`matganip.features.lattice.ewald.EwaldSum`), or a function that takes
        a batch and returns its energies, (n,) in eV for the supercell.
    lowest, highest : int
        How many to keep. An orbit that is both is among the lowest.
    oxidation_states : mapping, optional
        Known states, ``{"Fe": 3}``, for ``by="ewald"``; the others are the file's or guessed.
    num_threads : int, optional
        Threads for the enumeration of a space; all cores by default. The result does not depend on it.
    progress : bool or callable, optional
        True draws a bar on a terminal; a function is called with the step, what is done, the total, and a remark.

    Returns
    -------
    Ranked
        Equal energies (to 1e-8 eV) are in the order of the arrangements.

    Raises
    ------
    InputError
        If there is nothing to rank or to keep, several spaces are mixed, a state is unknown, or a space has more than
        10^11 orbits.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"Ti": {"Al": 4, "Nb": 4}})
    >>> ranked = mg.rank(space, lowest=1, highest=1, oxidation_states={"Nb": 5})
    >>> ranked.batch.cluster_point_groups().schoenflies.tolist(), ranked.relative.round(1).tolist()
    (['Td', 'C4v'], [0.0, 358.9])
    """
    if lowest < 0 or highest < 0 or lowest + highest == 0:
        raise InputError(f"lowest={lowest}, highest={highest}: one of them must be positive, none negative")
    if oxidation_states and by != EWALD:
        raise InputError("oxidation_states: act with by='ewald' only")
    kept = _Kept(lowest, highest)
    ewald: EwaldSum | None = None
    stream, total = _batches(arrangements, num_threads)
    space: ConfigurationSpace | None = None
    with reporting(progress) as report:
        for batch in stream:
            if space is None:
                space = batch.space
                ewald = EwaldSum(space, oxidation_states) if by == EWALD else None
            elif batch.space is not space and batch.space.key != space.key:
                raise InputError(f"{batch.space!r}: is not the first one's space, {space!r}; rank one space at a time")
            kept.add(batch, _energies(batch, by, ewald))
            if progress:
                report("orbits", kept.n, total or kept.n, "")
    if space is None or kept.n == 0:
        raise InputError("there is no arrangement to rank")
    return kept.result(space, by if isinstance(by, str) else getattr(by, "__name__", "energy"), ewald)


def _batches(
    arrangements: ConfigurationSpace | ConfigurationBatch | Iterable[ConfigurationBatch], num_threads: int | None
) -> tuple[Iterator[ConfigurationBatch] | OrbitStream, int | None]:
    """The batches, and how many orbits they hold together where that is known."""
    if isinstance(arrangements, ConfigurationSpace):
        arrangements = arrangements.orbits(BATCH_SIZE, num_threads=num_threads)
    if isinstance(arrangements, OrbitStream):
        total = arrangements.total
        if total is not None and total > MOST_ORBITS:
            raise InputError(
                f"{total:,} orbits are too many to rank all of them; rank a sample of them ('matganip sample --rank "
                "ewald', space.sample_orbits), or take a smaller supercell"
            )
        return arrangements, total
    if isinstance(arrangements, ConfigurationBatch):
        parts = (arrangements[start : start + BATCH_SIZE] for start in range(0, len(arrangements), BATCH_SIZE))
        return iter(parts), len(arrangements)
    return iter(arrangements), None


def _energies(batch: ConfigurationBatch, by: str | Energies, ewald: EwaldSum | None) -> Floats:
    if ewald is not None:
        return ewald.energies(batch.occupations)
    if isinstance(by, str):
        raise InputError(f"by: 'ewald' or a function is needed, got {by!r}")
    found = np.asarray(by(batch), dtype=np.float64)
    if found.shape != (len(batch),) or not np.isfinite(found).all():
        raise InputError(f"by: the function must return {len(batch)} finite energies, got shape {found.shape}")
    return found


class _Kept:
    """The lowest and highest of what was added so far."""

    def __init__(self, lowest: int, highest: int) -> None:
        self.wanted = lowest, highest
        self.n = 0
        self._sum = 0.0
        self._ends = np.inf, -np.inf
        self._rows: tuple[NDArray[np.uint8], ...] = ()
        self._multiplicity = np.empty(0, dtype=np.int64)
        self._energy: Floats = np.empty(0)
        self._orbit = np.empty(0, dtype=np.int64)

    def add(self, batch: ConfigurationBatch, energies: Floats) -> None:
        if not len(batch):
            return
        numbers = np.arange(self.n, self.n + len(batch))
        self.n += len(batch)
        self._sum += float(energies.sum())
        self._ends = min(self._ends[0], float(energies.min())), max(self._ends[1], float(energies.max()))
        if self.n - len(batch) >= sum(self.wanted) and self.wanted[0]:  # most cannot win
            limits = np.sort(self._energy)
            low = limits[min(self.wanted[0], len(limits)) - 1] + 1e-8
            high = limits[-self.wanted[1]] - 1e-8 if self.wanted[1] else np.inf
            near = np.flatnonzero((energies <= low) | (energies >= high))
        else:
            near = np.arange(len(batch))
        energy = np.concatenate([self._energy, energies[near]])
        orbit = np.concatenate([self._orbit, numbers[near]])
        rows = np.concatenate([*self._rows, batch.occupations[near]])
        multiplicity = np.concatenate([self._multiplicity, batch.multiplicity[near]])
        chosen = self._best(energy, orbit)
        self._energy, self._orbit, self._multiplicity = energy[chosen], orbit[chosen], multiplicity[chosen]
        self._rows = (rows[chosen],)

    def _best(self, energy: Floats, orbit: NDArray[np.int64]) -> NDArray[np.intp]:
        """The lowest and highest, ascending; those that agree to 1e-8 eV in the order of the arrangements."""
        order = np.lexsort((orbit, np.round(energy, 8)))
        lowest, highest = self.wanted
        top = order[max(lowest, len(order) - highest) :] if highest else order[:0]
        return np.concatenate([order[:lowest], top])

    def result(self, space: ConfigurationSpace, by: str, ewald: EwaldSum | None) -> Ranked:
        return Ranked(
            batch=ConfigurationBatch(space, np.ascontiguousarray(self._rows[0]), self._multiplicity),
            energy=self._energy,
            orbit=self._orbit,
            n_lowest=min(self.wanted[0], len(self._energy)),
            n_ranked=self.n,
            by="Ewald energy" if by == EWALD else by,
            mean=self._sum / self.n,
            lowest=self._ends[0],
            highest=self._ends[1],
            oxidation_states=None if ewald is None else ewald.oxidation_states,
            charge=0.0 if ewald is None else ewald.charge,
        )
