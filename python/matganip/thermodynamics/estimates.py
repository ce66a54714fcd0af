r"""Thermodynamics from a uniform sample of a space, with error bars, and where these are unreliable.

With weights a (1 for a sample that is uniform over configurations, the multiplicity for one uniform over orbits) the
partition function of a space of N configurations is estimated by

.. math:: Z \approx N \sum_i a_i e^{-E_i / k_B T} \Big/ \sum_i a_i,

and U and C_v by the weighted moments. Errors come from blocks of the sample, each left out in turn (the jackknife;
Efron, Ann. Stat. 7, 1 (1979)). They do not account for states that the sample has missed. These matter where the
weights concentrate on few rows, which the effective sample size :math:`n = (\sum w)^2 / \sum w^2` (Kong, Liu, Wong,
J. Am. Stat. Assoc. 89, 278 (1994)) shows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from matganip.errors import InputError
from matganip.thermodynamics.sums import (
    BOLTZMANN,
    Thermodynamics,
    checked_rows,
    checked_temperatures,
)

Floats = NDArray[np.float64]
Uniform = Literal["configurations", "orbits"]

N_BLOCKS = 50
# Effective sample size below which estimates of F, U, S and C_v are unreliable; docs/thermodynamics.md.
LEAST_EFFECTIVE = 1000.0
# Error bars should hold in 95 of 100 repeats. The skewness that is left after the correction costs up to two of them,
# so that the nominal level is higher; docs/thermodynamics.md has the measured coverage.
CONFIDENCE = 0.97


@dataclass(frozen=True, eq=False)
class SampledThermodynamics:
    """Estimates and the half widths of their 95 % intervals.

    Attributes
    ----------
    estimate : Thermodynamics
        `ground` is the lowest energy in the sample, not that of the space.
    error : Thermodynamics
        Half widths, in the same units; there is none for the ground.
    effective : (t,) float64 ndarray
        Effective sample size at each temperature.
    reliable : (t,) bool ndarray
        Where that is at least `LEAST_EFFECTIVE`. Elsewhere the sample has missed the states that matter: its error bars
        are too small, F is too high and S is that of the sample.
    n : int
        Rows of the sample.
    """

    estimate: Thermodynamics
    error: Thermodynamics
    effective: Floats
    reliable: NDArray[np.bool_]
    n: int


def from_sample(
    energy: ArrayLike,
    multiplicity: ArrayLike,
    temperatures: ArrayLike,
    *,
    n_configurations: int,
    uniform: Uniform = "configurations",
    n_atoms: int = 1,
) -> SampledThermodynamics:
    """Estimate thermodynamics from a uniform sample.

    Parameters
    ----------
    energy : (n,) array_like
        eV per supercell, in the order of the draws.
    multiplicity : (n,) array_like of int
        Of the orbits drawn; these are the weights where the sample is uniform over orbits.
    temperatures : (t,) array_like
        Kelvin, above 0; may be infinite.
    n_configurations : int
        Of the whole space, exact.
    uniform : {"configurations", "orbits"}
        What the sample is uniform over: `ConfigurationSpace.sample_configurations` or `sample_orbits`.
    n_atoms : int
        Atoms of the supercell.

    Returns
    -------
    SampledThermodynamics

    Raises
    ------
    InputError
        If there are fewer than 100 rows, or the numbers make no sense.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> found = from_sample(rng.normal(0, 0.02, 5000), np.ones(5000, int), [300, np.inf], n_configurations=10**6)
    >>> found.reliable.tolist(), bool(found.error.free_energy[0] < 1e-3)
    ([True, True], True)
    """
    if uniform not in get_args(Uniform):
        raise InputError(f"uniform must be configurations or orbits, not {uniform!r}")
    e, g = checked_rows(energy, multiplicity)
    t = checked_temperatures(np.asarray(temperatures, dtype=np.float64))
    if len(e) < 2 * N_BLOCKS:
        raise InputError(f"a sample of {len(e)} is too small for error bars: draw at least {2 * N_BLOCKS}")
    if (t == 0).any():
        raise InputError("at 0 K a sample says nothing: it has not met the ground state")
    weight = np.ones(len(e)) if uniform == "configurations" else g.astype(np.float64)
    lowest = float(e.min())
    blocks = np.stack([_block(*part, t, lowest) for part in _parts(e, weight)])  # (b, 4, t)
    total = blocks.sum(axis=0)
    log_n = math.log(n_configurations)
    best = _functions(total, t, log_n)
    half = _half_widths(_functions(total - blocks, t, log_n))
    boltzmann = weight * np.exp(-(e - lowest) / (BOLTZMANN * t[:, None]))
    effective = boltzmann.sum(axis=1) ** 2 / (boltzmann**2).sum(axis=1)
    return SampledThermodynamics(
        estimate=_thermodynamics(t, best, lowest, n_atoms, lowest),
        error=_thermodynamics(t, half, 0.0, n_atoms, math.nan),
        effective=effective,
        reliable=effective >= LEAST_EFFECTIVE,
        n=len(e),
    )


def convergence(
    energy: ArrayLike,
    multiplicity: ArrayLike,
    temperatures: ArrayLike,
    *,
    n_configurations: int,
    uniform: Uniform = "configurations",
    n_atoms: int = 1,
) -> list[SampledThermodynamics]:
    """Estimate from the first 100, 200, 400 ... rows of a sample, and from all of them.

    Parameters
    ----------
    energy, multiplicity, temperatures, n_configurations, uniform, n_atoms
        As for `from_sample`.

    Returns
    -------
    list of SampledThermodynamics
        `n` of each is its number of rows.
    """
    e, g = checked_rows(energy, multiplicity)
    sizes = [n for n in (2 * N_BLOCKS * 2**k for k in range(40)) if n < len(e)] + [len(e)]
    return [
        from_sample(e[:n], g[:n], temperatures, n_configurations=n_configurations, uniform=uniform, n_atoms=n_atoms)
        for n in sizes
    ]


def _parts(energy: Floats, weight: Floats) -> list[tuple[Floats, Floats]]:
    edges = np.linspace(0, len(energy), N_BLOCKS + 1).astype(np.int64)[1:-1]
    return list(zip(np.split(energy, edges), np.split(weight, edges), strict=True))


def _block(energy: Floats, weight: Floats, temperature: Floats, lowest: float) -> Floats:
    """(4, t): sums of the weights, of the Boltzmann weights, and of these times energy and energy squared."""
    above = energy - lowest
    boltzmann = weight * np.exp(-above / (BOLTZMANN * temperature[:, None]))
    return np.stack(
        [np.full(len(temperature), weight.sum()), boltzmann.sum(axis=1), boltzmann @ above, boltzmann @ above**2]
    )


def _functions(sums: Floats, temperature: Floats, log_n: float) -> Floats:
    """(..., 4, t): -F / kT and U above the lowest energy, S and C_v, of sums (..., 4, t)."""
    all_weights, weights, first, second = np.moveaxis(sums, -2, 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # a sum may be 0 without the one block that has its weight
        log_z = log_n + np.log(weights / all_weights)
        mean = first / weights
        variance = np.maximum(second / weights - mean**2, 0.0)
        entropy = BOLTZMANN * log_z + mean / temperature
    return np.stack([log_z, mean, entropy, variance / (BOLTZMANN * temperature**2)], axis=-2)


def _half_widths(left_out: Floats) -> Floats:
    """Half widths (4, t) of intervals from estimates with each block left out in turn, (b, 4, t).

    Boltzmann weights are skewed, and so are estimates from few of them. The quantile is therefore widened by the
    skewness term of the Edgeworth series of the studentised mean (P. Hall, The Bootstrap and Edgeworth Expansion
    (1992), section 2.6), on both sides as on the worse one. Infinite where one block has all the weight.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        from_mean = left_out - left_out.mean(axis=0)
        squares = (from_mean**2).sum(axis=0)
        skewness = np.sqrt(N_BLOCKS) * np.abs((from_mean**3).sum(axis=0)) / squares**1.5
        quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, N_BLOCKS - 1))
        widened = quantile + np.nan_to_num(skewness) * (2 * quantile**2 + 1) / (6 * np.sqrt(N_BLOCKS))
        half: Floats = widened * np.sqrt((N_BLOCKS - 1) / N_BLOCKS * squares)
    return np.where(np.isfinite(half), half, np.inf)


def _thermodynamics(temperature: Floats, functions: Floats, zero: float, n_atoms: int, ground: float) -> Thermodynamics:
    """Functions (4, t) above an energy as a record; also half widths, where the sign of F is dropped."""
    log_z, mean, entropy, heat_capacity = functions
    released = BOLTZMANN * temperature * log_z
    return Thermodynamics(
        temperature=temperature,
        log_weight=log_z,
        free_energy=released if math.isnan(ground) else zero - released,
        energy=zero + mean,
        entropy=entropy,
        heat_capacity=heat_capacity,
        ground=ground,
        n_atoms=n_atoms,
    )
