r"""Replicas at a ladder of temperatures, from infinite to the lowest wanted, that exchange arrangements.

The ladder makes itself: from one rung to the next 1/kT grows by `STEP` over the standard deviation of the energy at the
first, so that neighbours overlap (K. Hukushima and K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996)); rungs are close
where the heat capacity is large. At infinite temperature the number of arrangements is known, and with it what
`matganip.thermodynamics.reweighting` needs for absolute free energies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.lattice.lattice_gas import GasWalked, LatticeGas
from matganip.features.lattice.swaps import seeded_generators

Floats = NDArray[np.float64]

STEP = 1.2
"""Distance of two rungs in units of the standard deviation of H."""
MOST_RUNGS = 400
_PILOT = 60
"""Sweeps of a rung before the next is placed; the first third of them is not looked at."""
_SAMPLES = 400
"""Records of a replica that are kept at most."""

Told = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Ladder:
    """Samples of replicas at a ladder of temperatures.

    Attributes
    ----------
    beta : (k,) float64 ndarray
        1/kT, 1/eV, rising from 0.
    enthalpy, energy : (k, g, m) float64 ndarray
        H, which is E less chemical potentials times numbers, and E, eV per supercell, of m records of g groups.
    counts : (k, g, m, n_sublattices, n_species) int64 ndarray
    accepted : (k, 4) int64 ndarray
        Swaps tried and made, changes tried and made.
    exchanged : (k - 1,) float64 ndarray
        Share of the exchanges with the next rung that were made.
    occupations : (k, g, n_sites) uint8 ndarray
        The last arrangements.
    lowest : (n_sites,) uint8 ndarray
        The arrangement of the lowest H among those after each sweep.
    lowest_enthalpy : float
    """

    beta: Floats
    enthalpy: Floats
    energy: Floats
    counts: NDArray[np.int64]
    accepted: NDArray[np.int64]
    exchanged: Floats
    occupations: NDArray[np.uint8]
    lowest: NDArray[np.uint8]
    lowest_enthalpy: float


@dataclass
class _Replicas:
    """Replicas of a lattice gas: arrangements and random numbers, one row each."""

    gas: LatticeGas
    occupations: NDArray[np.uint8]
    generators: NDArray[np.uint64]
    field: Floats
    changes: float
    num_threads: int | None

    def sweep(self, beta: Floats, n_records: int) -> GasWalked:
        """Go on by a sweep a record: as many trials as there are sites."""
        walked = self.gas.walk(
            self.occupations,
            self.generators,
            beta,
            n_records=n_records,
            n_trials=self.gas.space.n_sites,
            changes=self.changes,
            field=np.broadcast_to(self.field, (len(beta), *self.field.shape)),
            num_threads=self.num_threads,
        )
        self.occupations, self.generators = walked.occupations, walked.generators
        return walked

    def enthalpy(self, walked: GasWalked) -> Floats:
        """H (n, n_records) of the records."""
        added: Floats = walked.energy + (walked.counts * self.field).sum(axis=(2, 3))
        return added


def run_ladder(
    gas: LatticeGas,
    start: NDArray[np.uint8],
    lowest_temperature_beta: float,
    *,
    field: Floats,
    changes: float,
    n_sweeps: int,
    n_equilibrate: int,
    seed: int,
    num_threads: int | None,
    told: Told,
) -> Ladder:
    """Make the ladder and walk on it.

    Parameters
    ----------
    gas : LatticeGas
    start : (g, n_sites) uint8 ndarray
        Where each group starts, at infinite temperature.
    lowest_temperature_beta : float
        1/kT of the last rung.
    field : (n_sublattices, n_species) float64 ndarray
        Negative chemical potentials, eV.
    changes : float
        Share of trials that change the composition.
    n_sweeps, n_equilibrate : int
        Sweeps that are recorded, and before.
    seed : int
    num_threads : int, optional
    told : callable
        Told how many sweeps of how many are done.

    Returns
    -------
    Ladder
        The same bytes for the same arguments, whatever the number of threads.

    Raises
    ------
    InputError
        If the ladder would have more than `MOST_RUNGS` rungs.
    """
    beta, rungs = _place(gas, start, lowest_temperature_beta, field, changes, seed, num_threads)
    n_rungs, n_groups = len(beta), len(start)
    replicas = _Replicas(
        gas,
        rungs.reshape(n_rungs * n_groups, -1),
        seeded_generators(seed, n_rungs * n_groups),
        field,
        changes,
        num_threads,
    )
    every, random = np.repeat(beta, n_groups), np.random.default_rng((seed, 1))
    stride = max(1, n_sweeps // _SAMPLES)
    kept: list[tuple[Floats, Floats, NDArray[np.int64]]] = []
    accepted = np.zeros((n_rungs * n_groups, 4), dtype=np.int64)
    tried, made = np.zeros(n_rungs - 1), np.zeros(n_rungs - 1)
    lowest, lowest_enthalpy = replicas.occupations[0], np.inf
    for sweep in range(n_equilibrate + n_sweeps):
        walked = replicas.sweep(every, 1)
        enthalpy = replicas.enthalpy(walked)[:, 0]
        least = int(enthalpy.argmin())
        if enthalpy[least] < lowest_enthalpy:
            lowest, lowest_enthalpy = walked.occupations[least].copy(), float(enthalpy[least])
        if sweep >= n_equilibrate:
            accepted += walked.accepted
            if (sweep - n_equilibrate) % stride == 0:
                kept.append((enthalpy, walked.energy[:, 0], walked.counts[:, 0]))
        order, pairs, swapped = _exchange(beta, enthalpy.reshape(n_rungs, n_groups), sweep % 2, random)
        replicas.occupations = np.ascontiguousarray(replicas.occupations[order])
        if sweep >= n_equilibrate:
            tried[pairs] += n_groups
            made[pairs] += swapped
        told(sweep + 1, n_equilibrate + n_sweeps)
    shape = (n_rungs, n_groups, len(kept))
    counts = np.stack([one[2] for one in kept], axis=1)
    return Ladder(
        beta,
        np.stack([one[0] for one in kept], axis=-1).reshape(shape),
        np.stack([one[1] for one in kept], axis=-1).reshape(shape),
        counts.reshape(*shape, *counts.shape[2:]),
        accepted.reshape(n_rungs, n_groups, 4).sum(axis=1),
        made / np.maximum(tried, 1.0),
        replicas.occupations.reshape(n_rungs, n_groups, -1),
        lowest,
        lowest_enthalpy,
    )


def _place(
    gas: LatticeGas,
    start: NDArray[np.uint8],
    last: float,
    field: Floats,
    changes: float,
    seed: int,
    num_threads: int | None,
) -> tuple[Floats, NDArray[np.uint8]]:
    """The rungs (k,), and where the groups are once each has been annealed down to them (k, g, n_sites)."""
    replicas = _Replicas(gas, start, seeded_generators(seed + 2**32, len(start)), field, changes, num_threads)
    beta, rungs = [0.0], []
    while True:
        walked = replicas.sweep(np.full(len(start), beta[-1]), _PILOT)
        rungs.append(walked.occupations)
        if beta[-1] >= last:
            return np.array(beta), np.array(rungs)
        if len(beta) == MOST_RUNGS:
            raise InputError(
                f"temperatures: the lowest needs more than {MOST_RUNGS} replicas in a cell of {gas.space.n_sites} "
                "sites; take a higher one, or a smaller cell"
            )
        enthalpy = replicas.enthalpy(walked)[:, _PILOT // 3 :]
        spread = float(np.sqrt(enthalpy.var(axis=1).mean() + enthalpy.mean(axis=1).var()))
        following = beta[-1] + STEP / max(spread, 1e-9)
        # The last step is not made larger than the others by a rest that is left.
        beta.append(last if following > last - 0.3 * STEP / max(spread, 1e-9) else following)


def _exchange(
    beta: Floats, enthalpy: Floats, first: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Exchange rungs k and k + 1, k = first, first + 2, ...; the new order of the rows, and how many were exchanged."""
    n_rungs, n_groups = enthalpy.shape
    order = np.arange(n_rungs * n_groups).reshape(n_rungs, n_groups)
    pairs = np.arange(first, n_rungs - 1, 2)
    chance = random.random((len(pairs), n_groups))
    gain = (beta[pairs + 1] - beta[pairs])[:, None] * (enthalpy[pairs + 1] - enthalpy[pairs])
    accepted = chance < np.exp(np.minimum(gain, 0.0))
    upper, lower = order[pairs].copy(), order[pairs + 1].copy()
    order[pairs] = np.where(accepted, lower, upper)
    order[pairs + 1] = np.where(accepted, upper, lower)
    return order.reshape(-1), pairs, accepted.sum(axis=1)
