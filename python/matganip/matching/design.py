"""Before the experiment: which radiation, range and counting time would tell arrangements apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import xraydb
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.batch import concatenate
from matganip.configurations.composition import VACANCY
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.errors import InputError
from matganip.features.measured.misfit import Misfit
from matganip.features.measured.model import PatternModel
from matganip.features.measured.pattern import MeasuredPattern, radiation_of
from matganip.features.measured.phases import average_occupancy, metric_of, phase_peaks
from matganip.features.measured.refinement import Refinement
from matganip.features.radiation import Radiation
from matganip.matching.simulate import LABORATORY, level
from matganip.progress import ProgressOption, reporting
from matganip.results.design import SIGMAS, Design, PlannedMeasurement

Floats = NDArray[np.float64]

LABORATORIES = ("CuKa12", "CoKa12", "MoKa12", "neutron 1.54")
HC = 12398.419843320026  # eV angstrom (CODATA 2018, exact)
BELOW = 20.0  # eV below an edge: f' is large there, and the sample does not fluoresce
EDGES = (0.4, 3.0)  # angstrom
LARGEST_ANGLE, SMALLEST_D = 120.0, 0.9
MOST = 1000
"""Arrangements of which all pairs are looked at; of more orbits than these a uniform sample is drawn."""
SHARE = 0.8


def edges(space: ConfigurationSpace) -> dict[str, float]:
    """Wavelengths just below the K and L3 edges of the elements that are mixed, where f' sets them apart.

    Parameters
    ----------
    space : ConfigurationSpace

    Returns
    -------
    dict of str to float
        By name, ``"Br K edge"``: angstrom, between 0.4 and 3.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (1, 1, 1), {"I": {"Br": 1}})
    >>> {name: round(wavelength, 2) for name, wavelength in edges(space).items()}
    {'Br K edge': 0.92, 'I L3 edge': 2.73}
    """
    mixed = {name for species in space.species if len(species) > 1 for name in species}
    found = {}
    for element in sorted(mixed - {VACANCY, "D", "T", *MOLECULAR_CATIONS}):
        for edge in ("K", "L3"):
            known = xraydb.xray_edge(element, edge)
            length = HC / (known.energy - BELOW) if known is not None and known.energy > 2 * BELOW else 0.0
            if EDGES[0] <= length <= EDGES[1]:
                found[f"{element} {edge} edge"] = length
    return found


def design(
    space: ConfigurationSpace,
    between: ArrayLike | None = None,
    *,
    radiations: Sequence[Radiation | str | float] | Mapping[str, Radiation | str | float] | None = None,
    two_theta_range: tuple[float, float] | None = None,
    step: float = 0.02,
    counts: float = 1e5,
    background: float = 0.02,
    widths: Mapping[str, float] | None = None,
    sample: int | None = None,
    seed: int = 0,
    progress: ProgressOption = None,
) -> Design:
    """Say what a powder measurement under each radiation would tell apart, and how long it takes.

    The pattern of the disordered average is drawn under each radiation, with a background and counting errors. How many
    standard deviations lie between two arrangements, each with a scale and a background of its own, is a
    length in their pair sums (`matganip.features.measured.misfit`). Cell, widths and displacements count as known.

    Parameters
    ----------
    space : ConfigurationSpace
    between : (n, n_sites) array_like of int, optional
        Two or more arrangements to tell apart. By default all orbits of the space, up to 1,000.
    radiations : sequence or mapping of Radiation, str or float, optional
        Candidates, by name. By default Cu, Co and Mo tubes, neutrons of 1.54 angstrom, and X-rays 20 eV below the K and
        L3 edges of the elements that are mixed.
    two_theta_range : (float, float), optional
        Degrees; by default from 5 to 120, or to d of 0.9 angstrom.
    step : float
        Degrees.
    counts : float
        At the top of the strongest peak, above the background.
    background : float
        As a share of that.
    widths : mapping of str to float, optional
        Parameters of the profile that differ from `matganip.matching.simulate.LABORATORY`.
    sample, seed : int, optional
        Draw so many orbits uniformly.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    Design
        The measurement that tells most pairs apart first.

    Raises
    ------
    InputError
        If fewer than two arrangements are given, a number is out of its range, or a radiation is unknown.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
    >>> found = design(space, radiations=["CuKa12", "neutron 1.54"], two_theta_range=(10, 60), step=0.05)
    >>> found.best.name, found.n_pairs, found.best.n_apart
    ('CuKa12', 15, 15)
    """
    if not (counts > 0 and math.isfinite(counts) and background >= 0 and step > 0):
        raise InputError(f"counts and step must be positive, background 0 or more, not {counts}, {step}, {background}")
    rows = _arrangements(space, between, sample, seed)
    named = _candidates(space, radiations)
    apart: list[Floats] = []
    misfits: list[Misfit] = []
    with reporting(progress) as report:
        for number, (name, radiation) in enumerate(named.items()):
            low, high = _range(radiation, two_theta_range, name)
            grid = np.round(np.arange(low, high, step), 6)
            misfits.append(_misfit(space, radiation, grid, counts, background, widths or {}))
            apart.append(_pairs(misfits[-1], rows))
            report("design", number + 1, len(named), name)
    # What no candidate sees is no question that counting longer answers.
    seen = np.max(apart, axis=0) > 1e-3
    found = [
        _measurement(name, misfit, rows, far, seen, counts)
        for name, misfit, far in zip(named, misfits, apart, strict=True)
    ]
    found.sort(key=lambda one: (-one.n_apart, one.counts_for_most))
    return Design(space, tuple(found), len(rows), len(seen), int((~seen).sum()), counts, sample, seed)


def _arrangements(
    space: ConfigurationSpace, between: ArrayLike | None, sample: int | None, seed: int
) -> NDArray[np.uint8]:
    if between is not None:
        rows = np.atleast_2d(np.asarray(between, dtype=np.uint8))
        if len(rows) < 2:
            raise InputError("between: two arrangements at least are needed to tell apart")
        return rows
    if sample is not None or space.count_orbits() > MOST:
        return space.sample_orbits(sample or MOST, seed=seed).distinct().occupations
    rows = concatenate(space.orbits()).occupations
    if len(rows) < 2:
        raise InputError("the space has one orbit: there is nothing to tell apart")
    return rows


def _candidates(
    space: ConfigurationSpace, given: Sequence[Radiation | str | float] | Mapping[str, Radiation | str | float] | None
) -> dict[str, Radiation]:
    if given is None:
        given = {**{name: name for name in LABORATORIES}, **edges(space)}
    named = given if isinstance(given, Mapping) else {_name(one): one for one in given}
    if not named:
        raise InputError("radiations: none is given")
    return {name: radiation_of(one) for name, one in named.items()}


def _name(radiation: Radiation | str | float) -> str:
    if isinstance(radiation, str):
        return radiation
    return f"{radiation.wavelength if isinstance(radiation, Radiation) else radiation:g} A"


def _range(radiation: Radiation, given: tuple[float, float] | None, name: str) -> tuple[float, float]:
    if given is not None:
        low, high = given
        if not 0 < low < high < 180:
            raise InputError(f"two_theta_range: two rising angles between 0 and 180 degrees, not {low:g} and {high:g}")
        return given
    sine = radiation.wavelength / (2 * SMALLEST_D)
    high = LARGEST_ANGLE if sine >= 1 else min(LARGEST_ANGLE, 2 * math.degrees(math.asin(sine)))
    if high < 10:
        raise InputError(f"{name}: its wavelength is too short for angles from 5 degrees on; give two_theta_range")
    return 5.0, high


def _misfit(
    space: ConfigurationSpace,
    radiation: Radiation,
    grid: Floats,
    counts: float,
    background: float,
    widths: Mapping[str, float],
) -> Misfit:
    """That to the pattern of the disordered average, without noise."""
    flat = MeasuredPattern.of(grid, np.ones(len(grid)), radiation=radiation, source="design")
    average = phase_peaks(
        "phase", space.supercell_structure, radiation, flat.range, occupancy=average_occupancy(space),
        metric=metric_of(space.parent, space.supercell_matrix, space.symprec),
    )  # fmt: skip
    model = PatternModel(flat, [average])
    values = {**model.start(), **LABORATORY, "phase.scale": 1.0, **widths}
    drawn = model.evaluate(values)[0]
    if not drawn.max() > 0:
        raise InputError(f"no peak of the average lies between {flat.range[0]:g} and {flat.range[1]:g} degrees")
    values["phase.scale"] = counts / float(drawn.max())
    expected = counts * (level(grid, background) + drawn / drawn.max())
    measured = MeasuredPattern.of(grid, expected, radiation=radiation, source="design")
    fit = Refinement(PatternModel(measured, [average]), values, {}, (), expected, np.zeros((0, 0)))
    return Misfit(space, fit, "phase")


def _pairs(misfit: Misfit, rows: NDArray[np.uint8]) -> Floats:
    """Standard deviations (n_pairs,) between the patterns of all pairs of rows."""
    found = misfit.coordinates(rows)
    scale, sums = misfit.scale(found), found[:, 1:]
    gram = sums @ sums.T
    own = np.maximum(np.diag(gram), 1e-300)
    first, second = np.triu_indices(len(rows), 1)
    squares = own[first] - gram[first, second] ** 2 / own[second]
    apart: Floats = scale[first] * np.sqrt(np.maximum(squares, 0.0))
    # What the subtraction leaves of equal patterns is rounding.
    apart[squares < 1e-12 * own[first]] = 0.0
    return apart


def _measurement(
    name: str, misfit: Misfit, rows: NDArray[np.uint8], apart: Floats, seen: NDArray[np.bool_], counts: float
) -> PlannedMeasurement:
    measured = misfit.fit.model.measured
    asked = np.flatnonzero(seen)
    low, high, peak = measured.range[0], measured.range[1], None
    nearest = most = 0.0
    if len(asked):
        place = int(asked[np.argmin(apart[asked])])
        nearest, most = float(apart[place]), float(np.quantile(apart[asked], 0.05))
        if nearest > 0:
            pair = [int(side[place]) for side in np.triu_indices(len(rows), 1)]
            low, high, peak = _where(misfit, rows[pair])
    return PlannedMeasurement(
        name=name,
        wavelength=misfit.fit.model.radiation.wavelength,
        two_theta_range=measured.range,
        n_apart=int((apart > SIGMAS).sum()),
        nearest=nearest,
        counts_for_nearest=_counts(counts, nearest),
        counts_for_most=_counts(counts, most),
        window=(low, high),
        strongest=peak,
    )


def _counts(counts: float, sigmas: float) -> float:
    return counts * (SIGMAS / sigmas) ** 2 if sigmas > 0 else math.inf


def _where(misfit: Misfit, pair: NDArray[np.uint8]) -> tuple[float, float, float]:
    """The narrowest range with four fifths of the squared difference of two patterns, and its strongest point."""
    one, other = misfit.intensities(pair)
    factor = float(one @ misfit.gram @ other) / float(other @ misfit.gram @ other)
    signal = np.asarray(misfit.drawn @ (one - factor * other)) ** 2
    total = np.concatenate([[0.0], np.cumsum(signal)])
    ends = np.searchsorted(total, total[:-1] + SHARE * total[-1])
    angles = misfit.fit.model.measured.two_theta
    inside = np.flatnonzero(ends <= len(angles))
    start = int(inside[np.argmin((ends - np.arange(len(ends)))[inside])])
    return float(angles[start]), float(angles[ends[start] - 1]), float(angles[int(signal.argmax())])
