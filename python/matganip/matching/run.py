"""`match`: the arrangements, and mixtures of them, that explain a measured powder pattern."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text, sites_text
from matganip.configurations.space import ConfigurationSpace
from matganip.configurations.species import symbol_of
from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.features.measured.misfit import Misfit
from matganip.features.measured.model import shape_of
from matganip.features.measured.pattern import MeasuredPattern
from matganip.features.measured.phases import PhasePeaks, average_occupancy, metric_of, occupancy_of, phase_peaks
from matganip.features.measured.readers import read_pattern
from matganip.features.measured.refinement import Refinement, RefinementSettings, explained, fit_phases
from matganip.features.radiation import Radiation
from matganip.matching.given import property_given
from matganip.matching.mixtures import mixture_of
from matganip.matching.order import deciding_peaks, detection_of, exchange_of, order_of, partly_ordered
from matganip.matching.ranking import OrbitRanking, rank_orbits
from matganip.matching.walk import rank_by_annealing
from matganip.progress import ProgressOption, Report, reporting
from matganip.results.match import MatchedClass, MatchResult

if TYPE_CHECKING:
    from pymatgen.core.structure import Structure

    from matganip.learning.model import Model

    AnyStructure = Structure | str | os.PathLike[str]

MOST_ORBITS = 500_000_000
"""Spaces of more orbits are searched, not enumerated."""
PASSES = 3
"""Rankings at most: each holds the profile of the best arrangement of the one before."""
MANY = 20_000
"""Points beyond which neighbours are averaged, as far as the lines' widths allow."""
LEAST_POINTS, BROADEST = 10, 0.5
"""Bins within the width of the narrowest line; degrees, what counts as narrow."""
NONSENSE, DOUBTFUL = 0.5, 0.85
"""Shares of the weighted intensity above the background below which a fit is refused, or remarked upon."""
PHASE = "phase"


def match(
    measured: MeasuredPattern | str | os.PathLike[str],
    what: ConfigurationSpace | Sequence[ConfigurationSpace] | Sequence[AnyStructure],
    *,
    radiation: Radiation | str | float | None = None,
    two_theta_range: tuple[float, float] | None = None,
    others: Mapping[str, AnyStructure] | None = None,
    settings: RefinementSettings | Mapping[str, Any] | None = None,
    top: int = 20,
    refined: int = 5,
    order: Literal["whole", "partial"] = "whole",
    mixture: bool = True,
    model: Model | None = None,
    seed: int = 0,
    num_threads: int | None = None,
    progress: ProgressOption = None,
) -> MatchResult:
    """Find the arrangements that explain a measured powder pattern, and say what the data cannot tell apart.

    The disordered average is fitted first: background, scale, shift, cell, widths, displacements. With its profile
    held, every orbit is ranked by its misfit (``docs/match.md``); the best are refined; the ranking is repeated with
    the profile of the best one until that stays.

    Parameters
    ----------
    measured : MeasuredPattern or path-like
        As `read_pattern` reads it.
    what : ConfigurationSpace, or sequence of them, or of structures
        The arrangements; of several spaces, compositions of one crystal, the best of all. Structures (objects or
        files), each on its own lattice, are all refined.
    radiation : Radiation, str or float, optional
        Goes before what the file says; needed where it says nothing.
    two_theta_range : (float, float), optional
        Degrees, the part of the pattern that is fitted.
    others : mapping of str to Structure or path, optional
        Further phases of the sample by name, as they are.
    settings : RefinementSettings or mapping, optional
        What is refined.
    top : int
        Classes that are kept.
    refined : int
        How many of them are refined.
    order : {"whole", "partial"}
        Rank arrangements as they stand, or each with a long-range order of its own, from 0 to 1. That of the best one
        is refined in either case.
    mixture : bool
        Whether a mixture of domains is fitted.
    model : Model, optional
        Of the space: the distribution of its energy given the pattern.
    seed : int
        Of the search in spaces of more than 500 million orbits.
    num_threads : int, optional
        The result is the same for any number.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    MatchResult

    Raises
    ------
    InputError
        If the wavelength is unknown, nothing is given to match, or the average explains less than half of the pattern:
        another wavelength, cell, or phase.

    Examples
    --------
    >>> import matganip as mg
    >>> from matganip.matching.simulate import simulate
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
    >>> orbits = next(space.orbits())
    >>> pattern = simulate(space, orbits.occupations[5], two_theta_range=(10, 60), step=0.04)
    >>> found = mg.match(pattern, space, mixture=False)
    >>> bool((found.best.occupation == orbits.occupations[5]).all()), found.best.n_configurations
    (True, 2)
    """
    begun = time.process_time()
    pattern = measured if isinstance(measured, MeasuredPattern) else read_pattern(measured, radiation=radiation)
    if radiation is not None:
        pattern = pattern.with_radiation(radiation)
    if two_theta_range is not None:
        pattern = pattern.within(*two_theta_range)
    if top < 1 or refined < 1:
        raise InputError(f"top and refined must be at least 1, not {top} and {refined}")
    if order not in ("whole", "partial"):
        raise InputError(f"order must be 'whole' or 'partial', not {order!r}")
    how = settings if isinstance(settings, RefinementSettings) else RefinementSettings.of(settings)
    given: list[Any] = [what] if isinstance(what, ConfigurationSpace) else list(what)
    if not given:
        raise InputError("nothing to match: give a space, or structures")
    with reporting(progress) as report:
        spaces = [one for one in given if isinstance(one, ConfigurationSpace)]
        sharing = [set(map(symbol_of, species)) for space in spaces for species in space.species]
        job = _Job(pattern, how, others or {}, top, refined, order == "partial", seed, num_threads, report, sharing)
        if len(spaces) == len(given):
            job, said = job.coarser(lambda job: job.averages(spaces[0]))
            found = job.of_spaces(spaces, mixture, model)
        elif spaces:
            raise InputError("give spaces or structures to match, not both")
        elif model is not None:
            raise InputError("model: the energy given the pattern needs a space, not structures")
        else:
            structures = [read_structure(one) for one in given]
            job, said = job.coarser(lambda job: job.crystals(structures[0]))
            found = job.of_structures(
                structures, [_name_of(k, *pair) for k, pair in enumerate(zip(given, structures, strict=True))]
            )
    return replace(found, seconds=time.process_time() - begun, warnings=(*said, *found.warnings))


def _name_of(number: int, given: Any, structure: Structure) -> str:
    formula = structure.composition.reduced_formula
    return Path(given).name if isinstance(given, str | os.PathLike) else f"{number}: {formula}"


@dataclass(frozen=True, eq=False)
class _Job:
    """One measurement, and how it is matched."""

    pattern: MeasuredPattern
    how: RefinementSettings
    others: Mapping[str, AnyStructure]
    top: int
    refined: int
    partial: bool
    seed: int
    num_threads: int | None
    report: Report
    sharing: Sequence[set[str]]
    """Elements that share sites in the spaces."""

    def __post_init__(self) -> None:
        if self.pattern.radiation is None:
            raise InputError(
                f"{self.pattern.source}: does not say its wavelength: give the radiation, CuKa12 for a copper tube "
                "without monochromator, or a wavelength in angstrom"
            )
        if PHASE in self.others:
            raise InputError(f"others: {PHASE!r} is the name of the phase whose arrangements are sought; take another")

    @property
    def radiation(self) -> Radiation:
        """That of the pattern, which was checked."""
        return Radiation.of(self.pattern.radiation or "CuKa")

    def of_spaces(self, spaces: Sequence[ConfigurationSpace], mixture: bool, model: Model | None) -> MatchResult:
        """Rank the orbits of all spaces, and say what the best one is."""
        self.report("fit", 0, 1, "disordered average")
        beside = self._beside()
        disordered: list[Refinement] = []
        for space in spaces:
            start = disordered[0].values if disordered else None
            disordered.append(fit_phases(self.pattern, [self._average(space), *beside], self.how, start=start))
        warnings = self._judge(disordered[0], lambda job: job.averages(spaces[0]))
        ranked = [self._settled(space, fit, beside) for space, fit in zip(spaces, disordered, strict=True)]
        classes = sorted((one for rows, _ in ranked for one in rows), key=lambda one: one.chi2)[: self.top]
        classes = self._first_refined(classes)
        best = classes[0]
        place = next(k for k, space in enumerate(spaces) if space is best.space)
        space, ranking, average = spaces[place], ranked[place][1], self._average(spaces[place])
        if best.fit is None or best.occupation is None:
            raise RuntimeError("the best class was not refined; please report this")
        misfit = Misfit(space, best.fit, PHASE, self.how.march)
        mean, temper = misfit.on_peaks(average), best.fit.inflation
        return MatchResult(
            source=self.pattern.source,
            disordered=disordered[place],
            classes=tuple(classes),
            order=order_of(space, best.occupation, best.fit, self._phase, beside, self.how),
            exchange=None
            if len(spaces) == 1
            else exchange_of(spaces, disordered[place], self._phase, beside, self.how),
            deciding=deciding_peaks(best.fit, disordered[place], PHASE),
            mixture=mixture_of(ranking, misfit, mean, temper) if mixture else None,
            detection=detection_of(ranking, misfit, mean, temper),
            log_bayes_factor=self._bayes_factor(spaces, [one for _, one in ranked], disordered, best.fit),
            n_orbits=sum(one.n_orbits for _, one in ranked),
            n_configurations=sum(one.n_configurations for _, one in ranked),
            proved=all(one.proved for _, one in ranked),
            energy=None if model is None else property_given(model, ranking, temper, self.report, self.seed),
            phase=PHASE,
            warnings=warnings,
            seconds=0.0,
        )

    def averages(self, space: ConfigurationSpace) -> list[PhasePeaks]:
        """The disordered average, and the phases beside it."""
        return [self._average(space), *self._beside()]

    def crystals(self, structure: Structure) -> list[PhasePeaks]:
        """A structure, and the phases beside it."""
        return [self._crystal(structure), *self._beside()]

    def of_structures(self, structures: Sequence[Structure], names: Sequence[str]) -> MatchResult:
        """Refine each of some structures, all with the same number of polynomials."""
        fits = []
        for number, (structure, name) in enumerate(zip(structures, names, strict=True)):
            fits.append(fit_phases(self.pattern, self.crystals(structure), self.how))
            self.report("fit", number + 1, len(structures), name)
        most = max(fit.model.n_background for fit in fits)
        how = self.how.model_copy(update={"n_background": most})
        classes = []
        for structure, name, fit in zip(structures, names, fits, strict=True):
            if fit.model.n_background < most:
                fit = fit_phases(self.pattern, self.crystals(structure), how, start=fit.values)
            classes.append(MatchedClass(name, None, None, structure, 1, 1, fit.chi2, fit))
        classes.sort(key=lambda one: one.chi2)
        best, second = classes[0].fit, classes[1].fit if len(classes) > 1 else None
        if best is None:
            raise RuntimeError("a structure was not refined; please report this")
        first = classes[0].structure
        warnings = self._judge(best, lambda job: job.crystals(first))
        return MatchResult(
            source=self.pattern.source, disordered=None, classes=tuple(classes[: self.top]), order=None,
            exchange=None,
            deciding=() if second is None else deciding_peaks(best, second, PHASE), mixture=None, detection=None,
            log_bayes_factor=None, n_orbits=0, n_configurations=0, proved=True, energy=None, phase=PHASE,
            warnings=warnings, seconds=0.0,
        )  # fmt: skip

    def _settled(
        self, space: ConfigurationSpace, fit: Refinement, beside: list[PhasePeaks]
    ) -> tuple[list[MatchedClass], OrbitRanking]:
        """Rank and refine until the best stays the best with its own profile held."""
        before: bytes | None = None
        known: dict[bytes, Refinement] = {}
        for number in range(PASSES):
            ranking = self._rank(space, fit, number)
            first = ranking.classes[0].occupation
            if number and first.tobytes() == before:
                break
            for one in ranking.classes[: self.refined if number == 0 else 1]:
                key = one.occupation.tobytes()
                if key not in known:
                    known[key] = self._refine(space, one.occupation, fit, beside)
            best = min(known, key=lambda key: known[key].chi2)
            before, fit = best, known[best]
        return [self._named(space, one, known.get(one.occupation.tobytes())) for one in ranking.classes], ranking

    def _rank(self, space: ConfigurationSpace, fit: Refinement, number: int) -> OrbitRanking:
        misfit = Misfit(space, fit, PHASE, self.how.march, self._average(space) if self.partial else None)
        temper = fit.inflation
        if space.count_orbits() > MOST_ORBITS:
            return rank_by_annealing(space, misfit, size=self.top, temper=temper, seed=self.seed, report=self.report)
        return rank_orbits(
            space, misfit, size=self.top, temper=temper, report=self.report, step=f"rank {number + 1}",
            num_threads=self.num_threads,
        )  # fmt: skip

    def _first_refined(self, classes: list[MatchedClass]) -> list[MatchedClass]:
        """In order, with a refined one first; held misfits are upper bounds of refined ones."""
        found = sorted(classes, key=lambda one: one.chi2)
        beside = self._beside()
        for _ in range(len(found)):
            if found[0].fit is not None or found[0].space is None or found[0].occupation is None:
                break
            start = next(one.fit for one in found if one.fit is not None)
            fit = self._refine(found[0].space, found[0].occupation, start, beside)
            found[0] = replace(found[0], fit=fit, chi2=fit.chi2)
            found.sort(key=lambda one: one.chi2)
        return found

    def _refine(
        self, space: ConfigurationSpace, occupation: NDArray[np.uint8], fit: Refinement, beside: list[PhasePeaks]
    ) -> Refinement:
        if self.partial:
            phase, also = partly_ordered(space, occupation, self._phase), [f"{PHASE}.order"]
        else:
            phase, also = self._phase(space, occupancy_of(space, occupation)), []
        return fit_phases(self.pattern, [phase, *beside], self.how, start=fit.values, also=also)

    def _named(self, space: ConfigurationSpace, one: Any, fit: Refinement | None) -> MatchedClass:
        name = f"{composition_text(space)}: {sites_text(space, one.occupation)}".removesuffix(": ")
        chi2 = one.chi2 if fit is None else min(fit.chi2, one.chi2)
        structure = space.structure(one.occupation)
        return MatchedClass(name, space, one.occupation, structure, one.n_orbits, one.n_configurations, chi2, fit)

    def _phase(self, space: ConfigurationSpace, occupancy: Mapping[str, Any], slope: Any = None) -> PhasePeaks:
        return phase_peaks(
            PHASE, space.supercell_structure, self.radiation, self.pattern.range, occupancy=occupancy, slope=slope,
            metric=metric_of(space.parent, space.supercell_matrix, space.symprec), march_hkl=self.how.march,
            sharing=self.sharing,
        )  # fmt: skip

    def _average(self, space: ConfigurationSpace) -> PhasePeaks:
        return self._phase(space, average_occupancy(space))

    def _beside(self) -> list[PhasePeaks]:
        return [
            phase_peaks(name, read_structure(one), self.radiation, self.pattern.range, march_hkl=None)
            for name, one in self.others.items()
        ]

    def _bayes_factor(
        self,
        spaces: Sequence[ConfigurationSpace],
        rankings: list[OrbitRanking],
        disordered: list[Refinement],
        best: Refinement,
    ) -> float | None:
        """Ln of the mean likelihood of all arrangements over that of the disordered average that fits best."""
        if not all(one.proved for one in rankings):
            return None
        temper = best.inflation
        if any(abs(one.temper - temper) > 1e-3 * temper for one in rankings) and len(rankings) == 1:
            rankings = [self._rank(spaces[0], best, PASSES)]
        logs = np.array([one.log_likelihood for one in rankings])
        weights = np.log(np.array([float(one.n_configurations) for one in rankings]))
        total = np.logaddexp.reduce(logs + weights) - np.logaddexp.reduce(weights)
        return float(total + min(one.chi2 for one in disordered) / (2 * temper))

    def coarser(self, phases_of: Callable[[_Job], list[PhasePeaks]]) -> tuple[_Job, tuple[str, ...]]:
        """A job with as many points as the lines are wide enough for, and what is to be said of that."""
        measured = self.pattern
        if len(measured) <= MANY:
            return self, ()
        low, high = measured.range
        job = replace(self, pattern=measured.binned((high - low) / MANY))
        while len(job.pattern) < len(measured):
            fit = fit_phases(job.pattern, phases_of(job), self.how)
            narrow = min(float(shape_of(fit.values).width_and_share(np.array(job.pattern.range))[0].min()), BROADEST)
            step = float(np.median(np.diff(job.pattern.two_theta)))
            if step <= narrow / LEAST_POINTS:
                return job, (
                    f"{len(measured):,} points were averaged in bins of {step:.4g} degrees, {narrow / step:.0f} of "
                    f"them within the width of the narrowest line: {len(job.pattern):,} are fitted.",
                )
            job = replace(self, pattern=measured.binned(narrow / LEAST_POINTS / 1.3))
        return self, ()

    def _crystal(self, structure: Structure) -> PhasePeaks:
        return phase_peaks(PHASE, structure, self.radiation, self.pattern.range, march_hkl=self.how.march)

    def _judge(self, fit: Refinement, phases_of: Callable[[_Job], list[PhasePeaks]]) -> tuple[str, ...]:
        """Refuse a fit that is nonsense, and remark on one that is doubtful."""
        share = explained(fit)
        if not np.isfinite(share):
            raise InputError(f"{self.pattern.source}: no peak rises above the noise of the background")
        if share < NONSENSE:
            raise InputError(
                f"{self.pattern.source}: the best fit explains {max(share, 0):.0%} of the intensity above the "
                f"background (Rwp {fit.r_wp:.1f} %, {fit.r_exp:.1f} % expected): the wavelength, "
                f"{self.radiation.wavelength:g} angstrom, the cell or the phases are wrong"
                f"{self._better_wavelength(phases_of)}"
            )
        if share < DOUBTFUL:
            return (
                f"The fit explains {share:.0%} of the intensity above the background: another phase may be missing, "
                "or positions, texture or absorption that this model has not.",
            )
        return ()

    def _better_wavelength(self, phases_of: Callable[[_Job], list[PhasePeaks]]) -> str:
        """Which other laboratory line explains the pattern, if one does."""
        found = {}
        for anode in ("Cu", "Co", "Mo", "Cr", "Fe", "Ag"):
            name = f"{anode}Ka12"
            if abs(Radiation.of(name).wavelength / self.radiation.wavelength - 1) > 0.01:
                job = replace(self, pattern=self.pattern.with_radiation(name))
                found[name] = explained(fit_phases(job.pattern, phases_of(job), self.how))
        best = max(found, key=lambda name: found[name])
        return f"; {best} would explain {found[best]:.0%}" if found[best] > DOUBTFUL else ""
