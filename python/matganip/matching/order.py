"""How far the best arrangement is ordered, which peaks say so, and what this measurement could have seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.composition import VACANCY
from matganip.configurations.space import ConfigurationSpace
from matganip.features.measured.misfit import Misfit
from matganip.features.measured.phases import PhasePeaks, average_occupancy, occupancy_of
from matganip.features.measured.refinement import Refinement, RefinementSettings, fit_phases
from matganip.matching.ranking import OrbitRanking
from matganip.results.match import DecidingPeak, Detection, OrderParameter, SiteExchange

Floats = NDArray[np.float64]
MakePhase = Callable[[ConfigurationSpace, Mapping[str, Floats], Any], PhasePeaks]

# A peak of the disordered average below this share of the strongest is none.
FAINT = 1e-9
MOST_PEAKS = 12
SIGMAS = 3.0
# Standard deviations below which rounding is all that there is.
UNSEEN = 1e-3


def partly_ordered(space: ConfigurationSpace, occupation: NDArray[np.uint8], make_phase: MakePhase) -> PhasePeaks:
    """The phase of an arrangement with its order as a parameter: occupancies mean + order (arrangement - mean)."""
    mean, whole = average_occupancy(space), occupancy_of(space, occupation)
    return make_phase(space, mean, {name: whole[name] - mean[name] for name in mean})


def order_of(
    space: ConfigurationSpace,
    occupation: NDArray[np.uint8],
    best: Refinement,
    make_phase: MakePhase,
    beside: list[PhasePeaks],
    how: RefinementSettings,
) -> OrderParameter | None:
    """Refine the long-range order of an arrangement, from the fit of the arrangement as it stands.

    Parameters
    ----------
    space : ConfigurationSpace
    occupation : (n_sites,) uint8 ndarray
    best : Refinement
        Of the arrangement.
    make_phase : callable
        Makes the phase from the space, occupancies and their slopes.
    beside : list of PhasePeaks
        The other phases.
    how : RefinementSettings

    Returns
    -------
    OrderParameter or None
        None where nothing is to be ordered: one species on each sublattice.
    """
    phase = partly_ordered(space, occupation, make_phase)
    if not phase.is_ordered:
        return None
    name = f"{phase.name}.order"
    found = fit_phases(best.model.measured, [phase, *beside], how, start=best.values, also=[name])
    value, error = found.values[name], found.errors[name]
    wrong = {}
    for species, counts in zip(space.species, space.counts, strict=True):
        present = [(one, count) for one, count in zip(species, counts, strict=True) if count]
        if len(present) > 1:
            wrong.update({one: (1 - value) * (1 - count / sum(counts)) for one, count in present if one != VACANCY})
    return OrderParameter(value, error, wrong, best.chi2 - found.chi2)


def exchange_of(
    spaces: Sequence[ConfigurationSpace],
    start: Refinement,
    make_phase: MakePhase,
    beside: list[PhasePeaks],
    how: RefinementSettings,
) -> SiteExchange | None:
    """Refine how far the sublattices have exchanged species, between the averages of the first and the last space.

    Parameters
    ----------
    spaces : sequence of ConfigurationSpace
    start : Refinement
        Of an average.
    make_phase, beside, how
        As for `order_of`.

    Returns
    -------
    SiteExchange or None
        None where the spaces do not hold the same atoms in one supercell, or differ in no mean occupancy.
    """
    first, last = spaces[0], spaces[-1]
    if (
        first.composition != last.composition
        or len(first.supercell_structure) != len(last.supercell_structure)
        or not np.allclose(first.supercell_structure.frac_coords, last.supercell_structure.frac_coords)
    ):
        return None
    low, high = average_occupancy(first), average_occupancy(last)
    none = np.zeros(len(first.supercell_structure))
    slope = {name: high.get(name, none) - low.get(name, none) for name in {*low, *high}}
    phase = make_phase(first, low, slope)
    if not phase.is_ordered:
        return None
    name = f"{phase.name}.order"
    found = fit_phases(start.model.measured, [phase, *beside], how, start={**start.values, name: 0.5}, also=[name])
    return SiteExchange(found.values[name], found.errors[name], _shares(first), _shares(last), found.chi2)


def _shares(space: ConfigurationSpace) -> dict[str, dict[str, float]]:
    return {
        one.host: {name: count / sum(counts) for name, count in zip(species, counts, strict=True)}
        for one, species, counts in zip(space.sublattice_table, space.species, space.counts, strict=True)
    }


def deciding_peaks(best: Refinement, other: Refinement, phase: str) -> tuple[DecidingPeak, ...]:
    """The peaks that the difference of two fits' chi squared comes from, the most telling first.

    Parameters
    ----------
    best, other : Refinement
        Of the same points.
    phase : str
        Whose peaks.

    Returns
    -------
    tuple of DecidingPeak
        Those above 1, twelve at most.
    """
    (peaks,) = (one for one in best.model.phases if one.name == phase)
    (rivals,) = (one for one in other.model.phases if one.name == phase)
    gain = other.residual**2 - best.residual**2
    lines = best.model.lines(peaks, best.values)
    strong = lines.strength > FAINT * lines.strength.max()
    order = np.flatnonzero(strong)[np.argsort(lines.centre[strong], kind="stable")]
    middles = (lines.centre[order][1:] + lines.centre[order][:-1]) / 2
    nearest = lines.peak[order][np.searchsorted(middles, best.model.measured.two_theta)]
    total = np.bincount(nearest, gain, len(peaks.phi))
    width = best.model.measured.range
    known = rivals.phi @ other.model.coefficients(rivals, other.values)
    strength = other.model.intensity(rivals, other.values)
    known = known[strength > FAINT * strength.max()]
    s2 = peaks.phi @ best.model.coefficients(peaks, best.values)
    found = []
    for peak in np.argsort(-total, kind="stable")[:MOST_PEAKS].tolist():
        at = float(lines.centre[lines.peak == peak][0]) if (lines.peak == peak).any() else float("nan")
        if total[peak] > 1 and width[0] <= at <= width[1]:
            new = bool(np.abs(known / s2[peak] - 1).min() > 2e-3)
            hkl = tuple(float(h) for h in np.round(peaks.hkl[peak], 6) + 0.0)
            found.append(DecidingPeak(at, float(1 / np.sqrt(s2[peak])), hkl, float(total[peak]), new))
    return tuple(found)


def detection_of(ranking: OrbitRanking, misfit: Misfit, mean: Floats, temper: float) -> Detection | None:
    """What this measurement could see.

    Parameters
    ----------
    ranking : OrbitRanking
    misfit : Misfit
        With the profile of the best class held, and no average beside the arrangements.
    mean : (n_peaks,) float64 ndarray
        Intensities of the disordered average on the misfit's peaks.
    temper : float
        Reduced chi squared: how much larger than counting statistics the deviations are.

    Returns
    -------
    Detection or None
        None where this measurement does not see the difference at all.
    """
    rows = misfit.intensities(np.stack([one.occupation for one in ranking.classes]))
    best = rows[0]
    noise = float(np.sqrt(temper))
    distance = misfit.distance(best, mean) / noise
    if distance < UNSEEN:
        return None
    share = SIGMAS / distance
    nearest = min((misfit.distance(best, other) / noise for other in rows[1:]), default=None)
    factor = None if nearest is None or nearest < UNSEEN else (SIGMAS / nearest) ** 2
    return Detection(distance, share, float(np.sqrt(share)), nearest, factor)
