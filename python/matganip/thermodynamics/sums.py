r"""Canonical sums over a stream of orbits, and what follows from them: F, U, S and the heat capacity.

An orbit of energy E (eV per supercell) and multiplicity g has the weight :math:`g \exp(-E / k_B T)`. For each
temperature only the sum of the weights, the weighted mean energy and the mean square deviation are kept. Energies are
counted from the lowest one seen, so that an offset of -10^4 eV costs no digits, and moments are merged about their own
means (Chan, Golub, LeVeque, Am. Stat. 37, 242 (1983)), so that a small variance is never the difference of two large
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.features.averages import BOLTZMANN

__all__ = ["BOLTZMANN", "CanonicalSums", "Thermodynamics", "checked_rows", "checked_temperatures", "exact_sum"]

Floats = NDArray[np.float64]


class CanonicalSums:
    """Canonical sums at given temperatures over orbits that come in blocks.

    Parameters
    ----------
    temperatures : sequence of float
        Kelvin; 0 is the limit of the ground state, infinity that of equal weights.

    Attributes
    ----------
    temperatures : (t,) float64 ndarray
    n_orbits, n_configurations : int
        Orbits added, and the exact sum of their multiplicities.
    lowest : float
        Lowest energy, eV per supercell; infinity before the first row.
    degeneracy : int
        Number of configurations with exactly that energy.

    Raises
    ------
    InputError
        If a temperature is negative or no number.

    Notes
    -----
    The same blocks in the same order give the same bits, and so does merging the same accumulators in the same order.
    In another order the last digits may differ.

    Examples
    --------
    >>> sums = CanonicalSums([0, 300, np.inf])
    >>> sums.add([-10.0, -9.9], [1, 3])
    >>> sums.n_configurations, sums.result().entropy[-1] / BOLTZMANN == np.log(4)
    (4, np.True_)
    """

    def __init__(self, temperatures: Sequence[float] | Floats) -> None:
        self.temperatures: Floats = checked_temperatures(temperatures)
        self.n_orbits = 0
        self.n_configurations = 0
        self.lowest = np.inf
        self.degeneracy = 0
        n = len(self.temperatures)
        self._weight = np.zeros(n)  # sum of g exp(-(E - lowest) / kT)
        self._lost = np.zeros(n)  # its rounding error (Neumaier)
        self._mean = np.zeros(n)  # of E - lowest
        self._squares = np.zeros(n)  # sum of g exp(...) (E - lowest - mean)^2

    def add(self, energy: ArrayLike, multiplicity: ArrayLike) -> None:
        """Add orbits.

        Parameters
        ----------
        energy : (n,) array_like of float
            eV per supercell.
        multiplicity : (n,) array_like of int
            Sizes of the orbits.

        Raises
        ------
        InputError
            If the lengths differ, an energy is not finite, or a multiplicity is not a positive integer.
        """
        e, g = checked_rows(energy, multiplicity)
        if not len(e):
            return
        block = CanonicalSums(self.temperatures)
        block.n_orbits, block.n_configurations = len(e), exact_sum(g)
        block.lowest = float(e.min())
        block.degeneracy = exact_sum(g[e == block.lowest])
        above = e - block.lowest
        for t, temperature in enumerate(self.temperatures.tolist()):
            weight = g * _boltzmann(above, temperature)
            total = weight.sum()
            mean = (weight * above).sum() / total
            block._weight[t], block._mean[t] = total, mean
            block._squares[t] = (weight * (above - mean) ** 2).sum()
        self.merge(block)

    def merge(self, other: CanonicalSums) -> None:
        """Add another accumulator of the same temperatures.

        Raises
        ------
        InputError
            If its temperatures are others.
        """
        if not np.array_equal(self.temperatures, other.temperatures):
            raise InputError("sums at different temperatures cannot be merged: use the same ones, in the same order")
        if not other.n_orbits:
            return
        lowest = min(self.lowest, other.lowest)
        self.degeneracy = sum(one.degeneracy for one in (self, other) if one.lowest == lowest)
        mine, theirs = self._counted_from(lowest), other._counted_from(lowest)
        total = mine.weight + theirs.weight
        larger = np.maximum(mine.weight, theirs.weight)
        self._lost = mine.lost + theirs.lost + ((larger - total) + np.minimum(mine.weight, theirs.weight))
        share = theirs.weight / total
        apart = theirs.mean - mine.mean
        self._mean = mine.mean + share * apart
        self._squares = mine.squares + theirs.squares + mine.weight * share * apart**2
        self._weight, self.lowest = total, lowest
        self.n_orbits += other.n_orbits
        self.n_configurations += other.n_configurations

    def _counted_from(self, lowest: float) -> _Moments:
        if not self.n_orbits:
            nothing = np.zeros_like(self._weight)
            return _Moments(nothing, nothing, nothing, nothing)
        step = self.lowest - lowest
        factor = _boltzmann_each(step, self.temperatures)
        return _Moments(self._weight * factor, self._lost * factor, self._mean + step, self._squares * factor)

    def result(self, n_atoms: int = 1) -> Thermodynamics:
        """Give F, U, S and C_v of the ensemble.

        Parameters
        ----------
        n_atoms : int
            Atoms of the supercell, for quantities per atom.

        Returns
        -------
        Thermodynamics

        Raises
        ------
        InputError
            If nothing was added.
        """
        if not self.n_orbits:
            raise InputError("thermodynamics needs at least one arrangement: add some first")
        logarithm = np.log(self._weight + self._lost)
        return Thermodynamics.of_moments(
            self.temperatures,
            lowest=self.lowest,
            log_weight=logarithm,
            mean=self._mean,
            variance=self._squares / self._weight,
            n_atoms=n_atoms,
        )

    def probability(self, energy: ArrayLike, multiplicity: ArrayLike = 1) -> Floats:
        """Give the probabilities of arrangements at each temperature.

        Parameters
        ----------
        energy : (n,) array_like
            eV per supercell; of rows that were added.
        multiplicity : (n,) array_like
            The orbit's, for the probability of the orbit; 1 for that of one arrangement.

        Returns
        -------
        (t, n) float64 ndarray

        Raises
        ------
        InputError
            If nothing was added.
        """
        if not self.n_orbits:
            raise InputError("probabilities need at least one arrangement: add some first")
        above = np.atleast_1d(np.asarray(energy, dtype=np.float64)) - self.lowest
        weights = np.stack([_boltzmann(above, temperature) for temperature in self.temperatures])
        shares: Floats = weights * np.asarray(multiplicity) / (self._weight + self._lost)[:, None]
        return shares

    def to_dict(self) -> dict[str, Any]:
        """Give the state as JSON values: integers exact, floats to the last bit, infinity as null."""
        return {
            "temperatures_K": [None if np.isinf(t) else t for t in self.temperatures.tolist()],
            "n_orbits": self.n_orbits,
            "n_configurations": self.n_configurations,
            "lowest_eV": self.lowest if self.n_orbits else None,
            "degeneracy": self.degeneracy,
            "weight": self._weight.tolist(),
            "weight_lost": self._lost.tolist(),
            "mean_eV": self._mean.tolist(),
            "squares_eV2": self._squares.tolist(),
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Restore a state that `to_dict` gave.

        Raises
        ------
        InputError
            If it is not such a state.
        """
        try:
            sums = cls([np.inf if t is None else t for t in state["temperatures_K"]])
            sums.n_orbits, sums.n_configurations = int(state["n_orbits"]), int(state["n_configurations"])
            sums.lowest = np.inf if state["lowest_eV"] is None else float(state["lowest_eV"])
            sums.degeneracy = int(state["degeneracy"])
            parts = [np.array(state[k], dtype=np.float64) for k in ("weight", "weight_lost", "mean_eV", "squares_eV2")]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not canonical sums: {error}") from error
        if any(part.shape != sums.temperatures.shape for part in parts):
            raise InputError("not canonical sums: a sum is missing for some temperature")
        sums._weight, sums._lost, sums._mean, sums._squares = parts
        return sums


@dataclass(frozen=True)
class _Moments:
    weight: Floats
    lost: Floats
    mean: Floats
    squares: Floats


@dataclass(frozen=True, eq=False)
class Thermodynamics:
    """Configurational functions of the canonical ensemble of one supercell, at ideal positions.

    Attributes
    ----------
    temperature : (t,) float64 ndarray
        Kelvin.
    log_weight : (t,) float64 ndarray
        ln of the sum of g exp(-(E - ground) / kT).
    free_energy, energy : (t,) float64 ndarray
        F and U, eV per supercell. F is -infinity at infinite temperature.
    entropy, heat_capacity : (t,) float64 ndarray
        S and C_v, eV/K per supercell.
    ground : float
        Lowest energy, eV per supercell.
    n_atoms : int
        Atoms of the supercell.
    """

    temperature: Floats
    log_weight: Floats
    free_energy: Floats
    energy: Floats
    entropy: Floats
    heat_capacity: Floats
    ground: float
    n_atoms: int = 1

    @classmethod
    def of_moments(
        cls,
        temperature: Floats,
        *,
        lowest: float,
        log_weight: Floats,
        mean: Floats,
        variance: Floats,
        n_atoms: int,
    ) -> Self:
        r"""Compute them from the weighted moments of E - lowest.

        .. math::

           F = E_0 - k_B T \ln w, \quad U = E_0 + \langle E - E_0 \rangle, \quad
           S = k_B \ln w + \langle E - E_0 \rangle / T, \quad C_v = \operatorname{var} E / k_B T^2

        S is not computed as (U - F) / T, which would lose digits to the total energy.
        """
        thermal = BOLTZMANN * temperature
        inverse = np.divide(1.0, temperature, out=np.zeros_like(temperature), where=temperature > 0)
        # ln w is 0 for a single arrangement, and 0 times infinity is not a number.
        released = np.multiply(thermal, log_weight, out=np.zeros_like(mean), where=log_weight != 0)
        return cls(
            temperature=temperature,
            log_weight=log_weight,
            free_energy=lowest - released,
            energy=lowest + mean,
            entropy=BOLTZMANN * log_weight + mean * inverse,
            heat_capacity=variance * inverse**2 / BOLTZMANN,
            ground=lowest,
            n_atoms=n_atoms,
        )

    def per_atom(self) -> Thermodynamics:
        """Give F, U, S, C_v and the ground state's energy divided by the number of atoms."""
        n = self.n_atoms
        return replace(
            self,
            free_energy=self.free_energy / n,
            energy=self.energy / n,
            entropy=self.entropy / n,
            heat_capacity=self.heat_capacity / n,
            ground=self.ground / n,
            n_atoms=1,
        )


def checked_temperatures(temperatures: Sequence[float] | Floats) -> Floats:
    """Temperatures as (t,) float64.

    Raises
    ------
    InputError
        If there is none, or one is negative or not a number.
    """
    checked = np.array(temperatures, dtype=np.float64).reshape(-1)
    if not len(checked) or not (checked >= 0).all():
        raise InputError(f"temperatures must be 0 or more, in kelvin, not {list(temperatures)}")
    return checked


def checked_rows(energy: ArrayLike, multiplicity: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """Energies (n,) float64 and multiplicities (n,) int64.

    Raises
    ------
    InputError
        If the lengths differ, an energy is not finite, or a multiplicity is not a positive integer.
    """
    e = np.asarray(energy, dtype=np.float64)
    g = np.asarray(multiplicity)
    if e.ndim != 1 or g.shape != e.shape:
        raise InputError(f"energy and multiplicity must have the same length, not {e.shape} and {g.shape}")
    if len(e) and not (np.issubdtype(g.dtype, np.integer) and g.min() > 0):
        raise InputError("multiplicity must be positive integers")
    if not np.isfinite(e).all():
        raise InputError(f"energy: row {int(np.flatnonzero(~np.isfinite(e))[0])} is not a finite number")
    return e, g.astype(np.int64, copy=False)


def exact_sum(values: NDArray[np.int64]) -> int:
    """Sum of non-negative integers, also beyond 64 bits.

    >>> exact_sum(np.array([2**62, 2**62, 2**62]))
    13835058055282163712
    """
    return (int((values >> 32).sum()) << 32) + int((values & 0xFFFFFFFF).sum())


def _boltzmann(above: Floats, temperature: float) -> Floats:
    """exp(-E / kT) of energies above the lowest one, also at 0 K and infinity."""
    if temperature == 0:
        lowest: Floats = (above == 0).astype(np.float64)
        return lowest
    factor: Floats = np.exp(-above / (BOLTZMANN * temperature))
    return factor


def _boltzmann_each(step: float, temperatures: Floats) -> Floats:
    """The same for one energy at each temperature."""
    one = np.array([step])
    factors: Floats = np.concatenate([_boltzmann(one, temperature) for temperature in temperatures.tolist()])
    return factors
