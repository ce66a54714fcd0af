r"""The free energy of every composition of a cell, by walks that visit all of them alike.

A bias :math:`\eta(N)` takes the place of a chemical potential. How likely one more and one less atom would be accepted
says what :math:`\ln P(N + 1) - \ln P(N)` is, long before visits do (J. R. Errington, J. Chem. Phys. 118, 9915 (2003);
with the acceptance of the biased walk it is Bennett's ratio, J. Comput. Phys. 22, 245 (1976)):

.. math:: \ln \frac{P(N + 1)}{P(N)} = \ln \frac{\langle a_{N \to N + 1} \rangle}{\langle a_{N + 1 \to N} \rangle}
          - \eta(N + 1) + \eta(N)

Replicas at several temperatures exchange arrangements, so that those at low temperatures get out of where they froze.
A cell without an atom of the species has one arrangement and a known energy, and so has the cell full of it: free
energies are absolute. What is missing at the full end is spread evenly over the compositions, and reported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from matganip.features.lattice.lattice_gas import LatticeGas
from matganip.features.lattice.swaps import seeded_generators

Floats = NDArray[np.float64]
Told = Callable[[int, int], object]

CHANGES = 0.6
"""Share of trials that change the composition; the others order what is there."""
ROUNDS = 12
"""Rounds in which the bias is found; they take as many sweeps as what is then averaged over."""
_ENOUGH = 10.0
"""Changes tried at a composition in a round before its ratio is believed."""
_DRAWN = 40
"""Random arrangements of a composition whose mean energy the first bias is made of."""


@dataclass(frozen=True, eq=False)
class FlatComposition:
    r"""What the walks of each group say.

    Attributes
    ----------
    log_weight : (g, t, n + 1) float64 ndarray
        :math:`-\\beta F(N)`.
    energy, variance : (g, t, n + 1) float64 ndarray
        Mean and variance of E at each composition, eV and eV^2; nan where it was never visited.
    closure : (g, t) float64 ndarray
        How much :math:`\\ln P` of the cell full of the species was off before it was spread over all, in kT.
    exchanged : (t - 1,) float64 ndarray
        Share of the exchanges between neighbouring temperatures that were made.
    """

    log_weight: Floats
    energy: Floats
    variance: Floats
    closure: Floats
    exchanged: Floats


class _Walkers:
    """Groups of replicas, (t, g) of them, that walk over the compositions of one species on one sublattice."""

    def __init__(
        self, gas: LatticeGas, counted: tuple[int, int], beta: Floats, n_groups: int, seed: int, num_threads: int | None
    ) -> None:
        self.gas, self.counted, self.num_threads = gas, counted, num_threads
        space = gas.space
        self.sites = np.flatnonzero(np.asarray(space.sublattices) == counted[0])
        self.host = space.host_codes[counted[0]]
        self.beta, self.n_groups, self.n = beta, n_groups, len(self.sites)
        self.random = np.random.default_rng((seed, 3))
        self.empty = np.array([space.host_codes[row] for row in space.sublattices], dtype=np.uint8)
        every = len(beta) * n_groups
        self.generators = seeded_generators(seed, every)
        # Each starts at a composition of its own: together they see all of them from the beginning.
        levels = np.rint((np.arange(every) + 0.5) * self.n / every).astype(int)
        self.occupations = self.drawn(self.random.permutation(levels))
        self.tried, self.made = np.zeros(len(beta) - 1), np.zeros(len(beta) - 1)

    def drawn(self, levels: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Random arrangements with so many atoms of the species."""
        rows = np.tile(self.empty, (len(levels), 1))
        for row, level in zip(rows, levels, strict=True):
            row[self.random.permutation(self.sites)[:level]] = self.counted[1]
        return rows

    def first_bias(self) -> Floats:
        """Minus what ln P(N) would be if all arrangements of a composition had their mean energy, (t, n + 1)."""
        some = np.unique(np.linspace(0, self.n, 17).astype(int))
        mean = np.array([self.gas.energy(self.drawn(np.full(_DRAWN, level))).mean() for level in some])
        energy = np.interp(np.arange(self.n + 1), some, mean - mean[0])
        levels = np.arange(self.n + 1)
        count = gammaln(self.n + 1) - gammaln(levels + 1) - gammaln(self.n - levels + 1)
        bias: Floats = self.beta[:, None] * energy - count
        return bias

    def walk(self, bias: Floats, n_sweeps: int, told: Callable[[], None]) -> tuple[Floats, Floats]:
        """Go on; transitions and energies, (t, g, n + 1, 3) each."""
        n_t, shape = len(self.beta), (len(self.beta), self.n_groups, self.n + 1, 3)
        rows = np.repeat(bias, self.n_groups, axis=0)
        beta = np.repeat(self.beta, self.n_groups)
        transitions, energies = np.zeros(shape), np.zeros(shape)
        for sweep in range(n_sweeps):
            walked = self.gas.walk(
                self.occupations, self.generators, beta, n_records=1, n_trials=self.gas.space.n_sites, changes=CHANGES,
                bias=rows, counted=self.counted, num_threads=self.num_threads,
            )  # fmt: skip
            self.generators = walked.generators
            transitions += walked.transitions.reshape(shape)
            energies += walked.level_energy.reshape(shape)
            level = walked.counts[:, 0, self.counted[0], self.counted[1]].reshape(n_t, -1)
            order = self._exchange(bias, walked.energy[:, 0].reshape(n_t, -1), level, sweep % 2)
            self.occupations = np.ascontiguousarray(walked.occupations[order])
            told()
        return transitions, energies

    def _exchange(self, bias: Floats, energy: Floats, level: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        """Exchange temperatures k and k + 1, k = first, first + 2, ...; the new order of the rows."""
        order = np.arange(energy.size).reshape(energy.shape)
        k = np.arange(first, len(self.beta) - 1, 2)
        gain = (self.beta[k + 1] - self.beta[k])[:, None] * (energy[k + 1] - energy[k])
        upper, lower = level[k], level[k + 1]
        rows = k[:, None]
        gain = gain + bias[rows, lower] - bias[rows, upper] + bias[rows + 1, upper] - bias[rows + 1, lower]
        accepted = self.random.random(gain.shape) < np.exp(np.minimum(gain, 0.0))
        above, below = order[k].copy(), order[k + 1].copy()
        order[k], order[k + 1] = np.where(accepted, below, above), np.where(accepted, above, below)
        self.tried[k] += self.n_groups
        self.made[k] += accepted.sum(axis=1)
        return order.reshape(-1)


def flat_composition(
    gas: LatticeGas,
    counted: tuple[int, int],
    beta: Floats,
    *,
    n_sweeps: int,
    n_groups: int,
    seed: int,
    num_threads: int | None,
    told: Told,
) -> FlatComposition:
    """Find the bias, then walk with it.

    Parameters
    ----------
    gas : LatticeGas
    counted : tuple of int
        Sublattice and code of the species whose number varies; the sublattice carries it and the parent's own.
    beta : (t,) float64 ndarray
        1/kT, 1/eV, rising; close enough for exchanges.
    n_sweeps : int
        Sweeps that are averaged over; as many before find the bias.
    n_groups : int
        Independent groups: their spread is the error.
    seed : int
    num_threads : int, optional
    told : callable
        Told how many sweeps of how many are done.
    """
    walkers = _Walkers(gas, counted, beta, n_groups, seed, num_threads)
    done, each = 0, -(-n_sweeps // ROUNDS)

    def step() -> None:
        nonlocal done
        done += 1
        told(done, ROUNDS * each + n_sweeps)

    bias = walkers.first_bias()
    slope = -np.diff(bias, axis=1)
    for _ in range(ROUNDS):
        transitions, _ = walkers.walk(bias, each, step)
        slope = _ratios(transitions.sum(axis=1), bias, slope)
        bias = -_summed(slope)
    walkers.tried[:], walkers.made[:] = 0.0, 0.0
    transitions, energies = walkers.walk(bias, n_sweeps, step)
    pooled = _ratios(transitions.sum(axis=1), bias, slope)
    groups = np.array([_summed(_ratios(transitions[:, g], bias, pooled)) for g in range(n_groups)])
    visits = energies[..., 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = energies[..., 1] / visits
        variance = energies[..., 2] / visits - mean**2
    full = walkers.empty.copy()
    full[walkers.sites] = counted[1]
    ends = gas.energy(np.array([walkers.empty, full]))
    closure = groups[..., -1] + beta * (ends[1] - ends[0])
    groups -= closure[..., None] * (np.arange(walkers.n + 1) / walkers.n)
    return FlatComposition(
        groups - (beta * ends[0])[:, None], np.moveaxis(mean + gas.origin, 1, 0), np.moveaxis(variance, 1, 0), closure,
        walkers.made / np.maximum(walkers.tried, 1.0),
    )  # fmt: skip


def _ratios(transitions: Floats, bias: Floats, known: Floats) -> Floats:
    """Ln P(N + 1) - ln P(N), (t, n), from transitions (t, n + 1, 3); what was known where they are too few."""
    tried, up, down = transitions[..., 0], transitions[..., 1], transitions[..., 2]
    enough = (tried[:, :-1] >= _ENOUGH) & (tried[:, 1:] >= _ENOUGH) & (up[:, :-1] > 0) & (down[:, 1:] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.log(up[:, :-1] / tried[:, :-1]) - np.log(down[:, 1:] / tried[:, 1:]) - np.diff(bias, axis=1)
    ratios: Floats = np.where(enough, found, known)
    return ratios


def _summed(slope: Floats) -> Floats:
    """Ln P(N) relative to N = 0."""
    total: Floats = np.concatenate([np.zeros((len(slope), 1)), np.cumsum(slope, axis=1)], axis=1)
    return total
