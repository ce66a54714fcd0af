"""`phase_diagram`: free energies of all compositions at several temperatures, and the phases that coexist."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.features.averages import BOLTZMANN
from matganip.learning.interactions import any_composition, lattice_gas
from matganip.learning.model import Model
from matganip.progress import ProgressOption, reporting
from matganip.results.phase_diagram import CoexistingPhases, PhaseDiagram
from matganip.sampling.flat_composition import FlatComposition, flat_composition
from matganip.thermodynamics.coexistence import Coexistence, coexisting

Floats = NDArray[np.float64]

_STEP = 1.2
"""Largest step of 1/kT between replicas in units of the standard deviation of E, for half a k_B of heat capacity a
site."""


def phase_diagram(
    model: Model | str | os.PathLike[str],
    supercell: ArrayLike | ConfigurationSpace = (6, 6, 6),
    temperatures: Sequence[float] = (300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0, 1000.0),
    *,
    species: str | None = None,
    n_sweeps: int = 2000,
    n_groups: int = 4,
    seed: int = 0,
    num_threads: int | None = None,
    progress: ProgressOption = None,
) -> PhaseDiagram:
    r"""Work out the free energy of every composition of a cell at several temperatures, and which phases coexist.

    Parameters
    ----------
    model : Model or path-like
        A model that is linear in the clusters of its parent, or its folder.
    supercell : three int, (3, 3) array_like of int, or ConfigurationSpace
        The cell, in units of the parent's vectors. Ordered phases must fit into it.
    temperatures : sequence of float
        Kelvin, above 0.
    species : str, optional
        Whose number varies; needed where there are several substituted species.
    n_sweeps : int
        Sweeps (a trial a site) of each replica that are averaged over; as many before find the bias.
    n_groups : int
        Independent groups of replicas, at least two: error bars are those of their mean.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    num_threads : int, optional
        None or 0 is all cores.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    PhaseDiagram

    Raises
    ------
    InputError
        If the model is no sum over clusters, a temperature is not positive, or several species would have to vary.

    Notes
    -----
    Walks visit all compositions alike (`matganip.sampling.flat_composition`). Two phases coexist where, at one chemical
    potential, two compositions are probable and those between are not, by more than one kT of the whole cell and two
    standard errors (`matganip.thermodynamics.coexistence`), and walks have been everywhere between them. A transition
    without a jump in composition, and one between phases whose compositions are closer than the cell resolves, shows in
    the heat capacity alone.

    Examples
    --------
    ``mg.phase_diagram(model, (8, 8, 8), range(300, 1000, 50)).plot()``
    """
    asked = Model.of(model)
    space = supercell if isinstance(supercell, ConfigurationSpace) else any_composition(asked, supercell)
    kelvin = np.array(sorted({float(t) for t in temperatures}))
    if not len(kelvin) or not (kelvin > 0).all() or not np.isfinite(kelvin).all():
        raise InputError("temperatures: must be above 0 kelvin, and finite")
    for name, number, least in (("n_sweeps", n_sweeps, 100), ("n_groups", n_groups, 2)):
        if number < least:
            raise InputError(f"{name} = {number}: at least {least}")
    counted = _counted(space, species)
    gas, n = lattice_gas(asked, space), int((np.asarray(space.sublattices) == counted[0]).sum())
    rungs = replica_temperatures(kelvin, n)
    with reporting(progress) as report:
        found = flat_composition(
            gas,
            counted,
            1.0 / (BOLTZMANN * rungs[::-1]),
            n_sweeps=n_sweeps,
            n_groups=n_groups,
            seed=seed,
            num_threads=num_threads,
            told=lambda done, total: report("sweeps", done, total, ""),
        )
    place = [len(rungs) - 1 - int(np.abs(rungs - t).argmin()) for t in kelvin]
    return _result(asked, space, counted, kelvin, place, found, (n_sweeps, n_groups, seed))


def replica_temperatures(kelvin: Floats, n_sites: int) -> Floats:
    """The temperatures asked for, rising, with others between them, close enough for exchanges.

    >>> replica_temperatures(np.array([500.0, 600.0]), 64).round(1).tolist()
    [500.0, 600.0]
    >>> len(replica_temperatures(np.array([300.0, 1000.0]), 216))
    12
    """
    ratio = _STEP / np.sqrt(0.5 * n_sites)
    every = [kelvin[:1]]
    for low, high in itertools.pairwise(kelvin):
        steps = max(1, int(np.ceil(np.log(high / low) / ratio - 0.25)))
        between = low * (high / low) ** (np.arange(1, steps) / steps)
        every.append(np.append(between, high))
    return np.concatenate(every)


def _counted(space: ConfigurationSpace, species: str | None) -> tuple[int, int]:
    """Sublattice and code of the species that varies."""
    kinds = [
        (row, code)
        for row, one in enumerate(space.sublattice_table)
        for code, name in enumerate(space.species[row])
        if name != one.host and (species is None or name == species)
    ]
    named = sorted({space.species[row][code] for row, code in kinds})
    if not kinds:
        raise InputError(f"species {species}: no site may carry it")
    if len(kinds) > 1:
        raise InputError(
            f"species: {', '.join(named)} may vary, on {len(kinds)} sublattices; the composition of one species is "
            "followed, with the others at chemical potentials use monte_carlo()"
        )
    if len(space.species[kinds[0][0]]) > 2:
        raise InputError("species: a sublattice with three species has no phase diagram in one composition")
    return kinds[0]


def _result(
    model: Model,
    space: ConfigurationSpace,
    counted: tuple[int, int],
    kelvin: Floats,
    place: list[int],
    found: FlatComposition,
    how: tuple[int, int, int],
) -> PhaseDiagram:
    thermal = (BOLTZMANN * kelvin)[:, None]
    weights, n_groups = found.log_weight[:, place], how[1]
    free = -thermal * weights
    root = np.sqrt(n_groups)
    with np.errstate(invalid="ignore"):
        heat = found.variance[:, place] / (BOLTZMANN * kelvin**2)[:, None]
        energy = found.energy[:, place]
        mean_energy, mean_heat = _nanmean(energy), _nanmean(heat)
    phases, unvisited = [], []
    for row, t in enumerate(kelvin):
        pooled = weights[:, row].mean(axis=0)
        n = len(pooled) - 1
        for one in coexisting(pooled):
            inside = energy[:, row, int(one.first) : int(np.ceil(one.second)) + 1]
            been = np.asarray(np.isfinite(inside).any(axis=0))
            if not (been[:-1] | been[1:]).all():  # F there is what the walks were begun with
                unvisited.append((float(t), one.first / n, one.second / n))
                continue
            several = [_same(one, other) for other in weights[:, row]]
            known = np.array([[s.first, s.second, s.potential, s.depth] for s in several if s is not None])
            error = known.std(axis=0, ddof=1) / root if len(known) == n_groups else np.full(4, np.nan)
            if not one.depth > 1.0 + 2.0 * error[3]:
                continue
            beta = 1.0 / (BOLTZMANN * t)
            phases.append(
                CoexistingPhases(
                    float(t), (one.first / n, one.second / n), (float(error[0]) / n, float(error[1]) / n),
                    one.potential / beta, float(error[2]) / beta, one.depth,
                )
            )  # fmt: skip
    return PhaseDiagram(
        space, counted, model.calculator, kelvin, free.mean(axis=0), free.std(axis=0, ddof=1) / root, mean_energy,
        mean_heat, tuple(phases), tuple(unvisited), found.closure[:, place] * thermal[:, 0],
        found.exchanged, *how, model.remark(space),
    )  # fmt: skip


def _same(one: Coexistence, log_weight: Floats) -> Coexistence | None:
    """The coexistence of one group that is nearest to that of all."""
    every = coexisting(log_weight, 0.0)
    return min(every, key=lambda other: abs(other.first - one.first) + abs(other.second - one.second), default=None)


def _nanmean(values: Floats) -> Floats:
    """Mean over the groups that have been there; nan where none has."""
    known = np.isfinite(values)
    mean: Floats = np.where(known, values, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)
    return mean
