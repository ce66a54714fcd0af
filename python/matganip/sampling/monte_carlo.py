"""`monte_carlo`: averages, heat capacities, free energies and entropies in a cell of any size."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lgamma
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.averages import BOLTZMANN
from matganip.learning.interactions import lattice_gas
from matganip.learning.model import Model
from matganip.progress import ProgressOption, reporting
from matganip.results.monte_carlo import MonteCarloPoint, MonteCarloResult
from matganip.sampling.ladder import Ladder, run_ladder
from matganip.thermodynamics.reweighting import Reweighting

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.lattice.lattice_gas import LatticeGas

Floats = NDArray[np.float64]

TEMPERATURES = (200.0, 300.0, 400.0, 500.0, 600.0, 800.0, 1000.0)
"""Kelvin, where no others are asked for."""
CHANGES = 0.5
"""Share of trials that change the composition where chemical potentials are given."""
_GRID, _FEWEST = 61, 3
"""Temperatures at which the heat capacity is looked for its peak; fewest that must be asked for."""
_CHUNKS = 5
"""Parts of each group's time that a jackknife leaves out one by one."""


def monte_carlo(
    model: Model | str | os.PathLike[str],
    space: ConfigurationSpace | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    chemical_potentials: Mapping[str, float | Sequence[float]] | None = None,
    n_sweeps: int = 2000,
    n_equilibrate: int | None = None,
    n_groups: int = 4,
    seed: int = 0,
    num_threads: int | None = None,
    progress: ProgressOption = None,
) -> MonteCarloResult:
    r"""Average over the arrangements of a cell of any size by Monte Carlo, at fixed composition or chemical potentials.

    Parameters
    ----------
    model : Model or path-like
        A model that is linear in the clusters of its parent: one trained on structures (`read_structures`), or its
        folder.
    space : ConfigurationSpace, optional
        The cell, ``(10, 10, 10)`` or any matrix, and the composition; with chemical potentials only the cell and the
        species count. By default the space that the model was trained on.
    temperatures : sequence of float
        Kelvin, above 0; infinity is allowed.
    chemical_potentials : mapping, optional
        eV for each atom of a species, relative to the species that are not named; for vacancies too. A sequence of
        them is a sequence of points, and those of several species must be equally long. Without it the composition
        is that of the space.
    n_sweeps : int
        Sweeps (a trial a site) of each replica that are averaged over.
    n_equilibrate : int, optional
        Sweeps before; half as many by default.
    n_groups : int
        Independent groups of replicas.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    num_threads : int, optional
        None or 0 is all cores.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    MonteCarloResult

    Raises
    ------
    InputError
        If the model is no sum over clusters, a temperature is not positive, or a species is unknown.

    Notes
    -----
    Replicas at a ladder of temperatures from infinity to the lowest exchange arrangements; all are reweighted to each
    temperature (`matganip.sampling.ladder`, `matganip.thermodynamics.reweighting`). At infinite temperature the number
    of arrangements is known exactly, so that F and S are absolute. Error bars are those of a jackknife over parts of
    the time of each group.

    Examples
    --------
    ``mg.monte_carlo(model, model.space((8, 8, 8), {"Cu": {"Au": 128}}), range(300, 1000, 50)).plot()``;
    ``mg.monte_carlo(model, space, [600], chemical_potentials={"Au": [0.0, 0.1, 0.2]})``.
    """
    asked = Model.of(model)
    space = asked.own_space if space is None else space
    kelvin = np.array([float(t) for t in temperatures])
    if not len(kelvin) or not (kelvin > 0).all():
        raise InputError("temperatures: must be above 0 kelvin; the lowest energies are those of ground_states()")
    for name, number, least in (("n_sweeps", n_sweeps, 50), ("n_groups", n_groups, 1)):
        if number < least:
            raise InputError(f"{name} = {number}: at least {least}")
    gas, points = lattice_gas(asked, space), _points(chemical_potentials)
    equilibrate = n_sweeps // 2 if n_equilibrate is None else n_equilibrate
    found = []
    with reporting(progress) as report:
        for number, potentials in enumerate(points):
            total = len(points) * (equilibrate + n_sweeps)

            def told(sweep: int, of: int, number: int = number, total: int = total) -> None:
                report("sweeps", number * of + sweep, total, "")

            ladder = run_ladder(
                gas,
                _start(space, potentials, n_groups, seed),
                float(1.0 / (BOLTZMANN * kelvin.min())),
                field=gas.field(potentials or {}),
                changes=0.0 if potentials is None else CHANGES,
                n_sweeps=n_sweeps,
                n_equilibrate=equilibrate,
                seed=seed + 1000 * number,
                num_threads=num_threads,
                told=told,
            )
            found.append(_averaged(gas, ladder, kelvin, potentials))
    return MonteCarloResult(
        space, asked.calculator, kelvin, tuple(found), n_sweeps, equilibrate, n_groups, seed, asked.remark(space)
    )


def log_arrangements(space: ConfigurationSpace, *, fixed: bool) -> float:
    """Logarithm of the number of arrangements of a cell, of its composition or of all."""
    if not fixed:
        return float(sum(np.log(len(space.species[row])) for row in space.sublattices))
    total = 0.0
    for counts in space.counts:
        total += lgamma(sum(counts) + 1) - sum(lgamma(count + 1) for count in counts)
    return total


def _points(chemical_potentials: Mapping[str, float | Sequence[float]] | None) -> list[dict[str, float] | None]:
    """The chemical potentials of each point."""
    if chemical_potentials is None:
        return [None]
    if not chemical_potentials:
        raise InputError("chemical_potentials: of no species; name one, as in {'Au': 0.1}")
    columns = {name: np.atleast_1d(np.array(values, dtype=np.float64)) for name, values in chemical_potentials.items()}
    longest = max(len(values) for values in columns.values())
    for name, values in columns.items():
        if len(values) not in (1, longest) or not len(values) or not np.isfinite(values).all():
            raise InputError(
                f"chemical_potentials of {name}: {len(values)} finite numbers, where others have {longest}"
            )
    return [
        {name: float(values[min(row, len(values) - 1)]) for name, values in columns.items()} for row in range(longest)
    ]


def _start(
    space: ConfigurationSpace, potentials: dict[str, float] | None, n_groups: int, seed: int
) -> NDArray[np.uint8]:
    """Random arrangements (g, n_sites): of the composition, or of any."""
    if potentials is None:
        return _shuffled(space, n_groups, seed)
    random = np.random.default_rng((seed, 2))
    sizes = np.array([len(space.species[row]) for row in space.sublattices])
    drawn: NDArray[np.uint8] = (random.random((n_groups, space.n_sites)) * sizes).astype(np.uint8)
    return drawn


def _shuffled(space: ConfigurationSpace, n_groups: int, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng((seed, 2))
    rows = np.zeros((n_groups, space.n_sites), dtype=np.uint8)
    for sublattice, counts in enumerate(space.counts):
        own = np.flatnonzero(np.asarray(space.sublattices) == sublattice)
        codes = np.repeat(np.arange(len(counts)), counts).astype(np.uint8)
        for row in rows:
            row[own] = random.permutation(codes)
    return rows


@dataclass(frozen=True, eq=False)
class _Samples:
    """Samples of a ladder that a jackknife may leave a part of out."""

    enthalpy: Floats  # (k, m)
    observed: Floats  # (k, m, o): E, and the number of each species on each sublattice

    def without(self, part: NDArray[np.bool_]) -> _Samples:
        return _Samples(self.enthalpy[:, ~part], self.observed[:, ~part])

    def averages(self, solved: Reweighting, at: Floats) -> Floats:
        """Rows for each of `at`: F/kT, mean and variance of H, means of what was observed."""
        flat = self.observed.reshape(-1, self.observed.shape[-1])
        rows = []
        for one in at:
            logs, free = solved.log_weights(one)
            weight = np.exp(logs)
            mean = float(weight @ solved.samples)
            rows.append([free, mean, float(weight @ (solved.samples - mean) ** 2), *(weight @ flat)])
        return np.array(rows)


def _averaged(gas: LatticeGas, ladder: Ladder, kelvin: Floats, potentials: dict[str, float] | None) -> MonteCarloPoint:
    """Averages of a ladder's samples at temperatures, with error bars."""
    log_count = log_arrangements(gas.space, fixed=potentials is None)
    k, g, m = ladder.enthalpy.shape
    kinds = [(row, code) for row, names in enumerate(gas.space.species) for code in range(len(names))]
    numbers = np.stack([ladder.counts[..., row, code] for row, code in kinds], axis=-1)
    observed = np.concatenate([ladder.energy[..., None], numbers], axis=-1)
    samples = _Samples(ladder.enthalpy.reshape(k, -1), observed.reshape(k, g * m, -1))
    at = 1.0 / (BOLTZMANN * kelvin)
    part = (np.arange(g)[:, None] * _CHUNKS + np.arange(m) * _CHUNKS // m).reshape(-1)
    solved = Reweighting.of(ladder.beta, samples.enthalpy, log_count)
    values, peak = _functions(samples.averages(solved, at), kelvin), _peak(solved, kelvin)
    left, peaks = [], []
    for one in range(g * _CHUNKS):
        rest = samples.without(part == one)
        again = Reweighting.of(ladder.beta, rest.enthalpy, log_count, solved.free)
        left.append(_functions(rest.averages(again, at), kelvin))
        peaks.append(_peak(again, kelvin))
    lowest = structure_of(gas.space, ladder.lowest)
    return MonteCarloPoint(
        potentials, values, _jackknife(np.array(left)), (peak, float(_jackknife(np.array(peaks)))),
        tuple(kinds), 1.0 / (BOLTZMANN * np.maximum(ladder.beta, 1e-300)),
        ladder.accepted, ladder.exchanged, lowest, ladder.lowest_enthalpy,
    )  # fmt: skip


def _jackknife(left: Floats) -> Floats:
    """Standard errors from values with one part of the samples left out, (n, ...)."""
    n = len(left)
    error: Floats = np.sqrt((n - 1) / n * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    return error


def _peak(solved: Reweighting, kelvin: Floats) -> float:
    """Where the heat capacity is largest between the temperatures asked for, kelvin; nan where that is at an end."""
    finite = kelvin[np.isfinite(kelvin)]
    if len(finite) < _FEWEST:
        return float("nan")
    grid = np.linspace(finite.min(), finite.max(), _GRID)
    heat = np.empty(_GRID)
    for row, t in enumerate(grid):
        weight = np.exp(solved.log_weights(float(1.0 / (BOLTZMANN * t)))[0])
        mean = weight @ solved.samples
        heat[row] = (weight @ (solved.samples - mean) ** 2) / t**2
    top = int(heat.argmax())
    if top in (0, _GRID - 1):
        return float("nan")
    before, here, after = heat[top - 1 : top + 2]  # the top of the parabola through three points
    return float(grid[top] + 0.5 * (grid[1] - grid[0]) * (before - after) / (before - 2 * here + after))


def structure_of(space: ConfigurationSpace, occupation: NDArray[np.uint8]) -> Structure:
    """The structure of an occupation (n_sites,) of any composition."""
    counts = {}
    for row, one in enumerate(space.sublattice_table):
        own = np.bincount(occupation[np.asarray(space.sublattices) == row], minlength=len(one.species))
        counts[tuple(one.parent_sites)] = {
            name: int(count) for name, count in zip(one.species, own, strict=True) if name != one.host
        }
    fitting = space.with_substitutions(counts)
    codes = np.empty_like(occupation)  # the order of the species may depend on their numbers
    for row, names in enumerate(space.species):
        here = np.asarray(space.sublattices) == row
        codes[here] = np.array([fitting.species[row].index(name) for name in names], dtype=np.uint8)[occupation[here]]
    return fitting.structure(codes)


def _functions(rows: Floats, kelvin: Floats) -> Floats:
    """F, H, C, S (eV, eV/K) and what was observed, from the rows of `_Samples.averages`."""
    free, mean, variance = rows[:, 0] * BOLTZMANN * kelvin, rows[:, 1], rows[:, 2]
    heat_capacity = variance / (BOLTZMANN * kelvin**2)
    entropy = BOLTZMANN * (mean / (BOLTZMANN * kelvin) - rows[:, 0])
    return np.column_stack([free, mean, heat_capacity, entropy, rows[:, 3:]])
