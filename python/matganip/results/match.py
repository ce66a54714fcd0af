"""Which arrangements explain a measured powder pattern, how well, and what the data cannot tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text, sites_text
from matganip.results.base import Result, or_null
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.measured.refinement import Refinement
    from matganip.plots.style import Place

Floats = NDArray[np.float64]

UNDECIDED = 9.0
"""Classes whose chi squared is within three standard deviations, squared, of the best are one answer."""
SURE = 9.0
"""ln of a Bayes factor beyond which one side is called decided."""


@dataclass(frozen=True, eq=False)
class MatchedClass:
    """Arrangements with one pattern, or one structure.

    Attributes
    ----------
    name : str
        Composition and sites of the first of them, or the name of a structure.
    space : ConfigurationSpace or None
    occupation : (n_sites,) uint8 ndarray or None
        The first of them.
    structure : Structure
        That one, on the parent's lattice.
    n_orbits, n_configurations : int
        How many they are.
    chi2 : float
        Refined where `fit` is there, with the profile of the best one held otherwise.
    fit : Refinement or None
    """

    name: str
    space: ConfigurationSpace | None
    occupation: NDArray[np.uint8] | None
    structure: Structure
    n_orbits: int
    n_configurations: int
    chi2: float
    fit: Refinement | None = None


@dataclass(frozen=True)
class OrderParameter:
    """How far the best arrangement is ordered: occupancies are mean + order (arrangement - mean).

    Attributes
    ----------
    value, error : float
        Bragg and Williams's long-range order, 1 for the arrangement and 0 for the mean, and its standard deviation.
    wrong : dict of str to float
        By species, the share of the sites of its own that others have: (1 - order)(1 - concentration).
    delta_chi2 : float
        By how much chi squared falls from full order.
    """

    value: float
    error: float
    wrong: dict[str, float]
    delta_chi2: float


@dataclass(frozen=True)
class SiteExchange:
    """How far species have changed places between sublattices, refined between two compositions of them.

    Attributes
    ----------
    value, error : float
        0 for the mean occupancies of the first space, 1 for those of the last; and its standard deviation.
    first, last : dict of str to dict of str to float
        Mean occupancies of each sublattice, named by its host in the parent, at 0 and at 1.
    chi2 : float
    """

    value: float
    error: float
    first: dict[str, dict[str, float]]
    last: dict[str, dict[str, float]]
    chi2: float

    @property
    def occupancies(self) -> dict[str, dict[str, tuple[float, float]]]:
        """Refined mean occupancies of each sublattice, with their standard deviations."""
        return {
            host: {
                name: (share + self.value * (self.last[host][name] - share),
                       self.error * abs(self.last[host][name] - share))
                for name, share in shares.items()
            }
            for host, shares in self.first.items()
        }  # fmt: skip


@dataclass(frozen=True)
class DecidingPeak:
    """A peak, and what it says for the best class against the other candidate.

    Attributes
    ----------
    two_theta, d : float
        Degrees, where it was recorded; angstrom.
    hkl : tuple of float
        One of its reflections; indices of the parent.
    delta_chi2 : float
        What the points nearest to it add to the difference.
    superstructure : bool
        Whether the disordered average has no intensity there.
    """

    two_theta: float
    d: float
    hkl: tuple[float, ...]
    delta_chi2: float
    superstructure: bool


@dataclass(frozen=True)
class Mixture:
    """Domains of several classes, or of the disordered average, that together explain the pattern best.

    Attributes
    ----------
    shares, errors : dict of str to float
        Of the phase's cells, adding up to 1, and their standard deviations.
    chi2, chi2_single : float
        Of the mixture and of the best class alone, with the profile held.
    from_all : bool
        Whether all classes of the space could take part, not the best ones only.
    """

    shares: dict[str, float]
    errors: dict[str, float]
    chi2: float
    chi2_single: float
    from_all: bool


@dataclass(frozen=True)
class Detection:
    """What this measurement could see at its noise.

    Attributes
    ----------
    distance : float
        Standard deviations between the patterns of the best class and of the disordered average.
    smallest_share : float
        Of domains of the best class in a disordered sample, at three standard deviations.
    smallest_order : float
        The root of that: the order parameter whose superstructure peaks are as strong.
    next_distance : float or None
        Standard deviations to the nearest other class.
    counts_factor : float or None
        How many times more counts would tell that one apart at three standard deviations; below 1 where it is.
    """

    distance: float
    smallest_share: float
    smallest_order: float
    next_distance: float | None
    counts_factor: float | None


@dataclass(frozen=True, eq=False)
class GivenPattern:
    """The distribution of a property over the arrangements, given the pattern.

    Attributes
    ----------
    mean, deviation : float
        meV/atom; with equal prior weight of every configuration.
    quantiles : dict of float to float
        5, 25, 50, 75 and 95 %.
    prior_mean, prior_deviation : float
        The same without the pattern: over the whole space, for comparison.
    n_orbits : int
        That carry the weight.
    calculator : str
        Whose energies the model learned.
    """

    mean: float
    deviation: float
    quantiles: dict[float, float]
    prior_mean: float
    prior_deviation: float
    n_orbits: int
    calculator: str


@dataclass(frozen=True, eq=False)
class MatchResult(Result):
    """Which arrangements explain a measured pattern.

    Attributes
    ----------
    source : str
        Name of the pattern.
    disordered : Refinement or None
        Fit of the disordered average; None where structures, not a space, were given.
    classes : tuple of MatchedClass
        Best first.
    order : OrderParameter or None
    exchange : SiteExchange or None
        Where several spaces hold the same atoms on different sublattices.
    deciding : tuple of DecidingPeak
        Against the disordered average, or the second structure; the most telling first.
    mixture : Mixture or None
    detection : Detection or None
    log_bayes_factor : float or None
        ln of the mean likelihood of the arrangements over that of the disordered average, chi squared divided by
        `temper`.
    n_orbits, n_configurations : int
        Looked at.
    proved : bool
        Whether all arrangements were; a search proves nothing.
    energy : GivenPattern or None
    phase : str
        Name of the phase in the fits.
    warnings : tuple of str
    seconds : float
        CPU time.
    """

    source: str
    disordered: Refinement | None
    classes: tuple[MatchedClass, ...]
    order: OrderParameter | None
    exchange: SiteExchange | None
    deciding: tuple[DecidingPeak, ...]
    mixture: Mixture | None
    detection: Detection | None
    log_bayes_factor: float | None
    n_orbits: int
    n_configurations: int
    proved: bool
    energy: GivenPattern | None
    phase: str
    warnings: tuple[str, ...]
    seconds: float

    @property
    def best(self) -> MatchedClass:
        """The class that fits best."""
        return self.classes[0]

    @property
    def fit(self) -> Refinement:
        """Its fit."""
        if self.best.fit is None:
            raise ValueError("the best class was not refined")
        return self.best.fit

    @property
    def temper(self) -> float:
        """What differences of chi squared are divided by: the `Refinement.inflation` of the best fit."""
        return self.fit.inflation

    @property
    def relative(self) -> Floats:
        """Chi squared (n,) above the best class, in units of `temper`."""
        chi2 = np.array([one.chi2 for one in self.classes])
        above: Floats = (chi2 - chi2[0]) / self.temper
        return above

    @property
    def undecided(self) -> tuple[MatchedClass, ...]:
        """The classes that the data do not tell from the best one, itself first."""
        return tuple(one for one, above in zip(self.classes, self.relative, strict=True) if above < UNDECIDED)

    @property
    def likelihood_ratio(self) -> float | None:
        """2 ln of the likelihood ratio of the best class against the disordered average."""
        return None if self.disordered is None else (self.disordered.chi2 - self.best.chi2) / self.temper

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        fit = self.fit
        return {
            "pattern": self.source,
            "points": len(fit.calculated),
            "fit": _fit_values(fit),
            "disordered": None if self.disordered is None else _fit_values(self.disordered),
            "likelihood_ratio": self.likelihood_ratio,
            "log_bayes_factor": None if self.log_bayes_factor is None else or_null(self.log_bayes_factor),
            "undecided": len(self.undecided),
            "classes": [
                {
                    "name": one.name,
                    "chi2": one.chi2,
                    "relative_chi2": above,
                    "refined": one.fit is not None,
                    "r_wp": None if one.fit is None else one.fit.r_wp,
                    "orbits": one.n_orbits,
                    "configurations": one.n_configurations,
                    "composition": None if one.space is None else composition_text(one.space),
                    "occupation": None if one.occupation is None else one.occupation.tolist(),
                    "sites": _sites(one),
                }
                for one, above in zip(self.classes, self.relative.tolist(), strict=True)
            ],
            "order": None if self.order is None else dict(vars(self.order)),
            "exchange": None if self.exchange is None else dict(vars(self.exchange)),
            "deciding_peaks": [{**vars(peak), "hkl": list(peak.hkl)} for peak in self.deciding],
            "mixture": None if self.mixture is None else dict(vars(self.mixture)),
            "detection": None if self.detection is None else dict(vars(self.detection)),
            "energy": None if self.energy is None else _energy_values(self.energy),
            "orbits": self.n_orbits,
            "configurations": self.n_configurations,
            "proved": self.proved,
            "warnings": list(self.warnings),
            "cpu_seconds": self.seconds,
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each class."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["classes"])

    def tables(self) -> tuple[Table, ...]:
        """The classes; parameters of the best fit; the peaks that decide."""
        rows = tuple(
            (str(rank), f"{above:.2f}", "" if one.fit is None else f"{one.fit.r_wp:.3f}", f"{one.n_orbits:,}",
             f"{one.n_configurations:,}", one.name)
            for rank, (one, above) in enumerate(zip(self.classes, self.relative.tolist(), strict=True), 1)
        )  # fmt: skip
        note = (
            f"Chi squared above the first, divided by {self.temper:.3g}: its reduced chi squared, times how many "
            "neighbouring residuals hang together. Below 9 the data do not tell the two apart. Rwp, in percent, of "
            "those that were refined. Orbits: arrangements up to symmetry that have this pattern."
        )
        columns = ("rank", "chi2 above", "Rwp", "orbits", "arrangements", "first of them")
        found = [Table(f"{self.source}: what explains it", columns, rows, "rrrrrw", note), self._parameters()]
        if self.deciding:
            found.append(self._peaks())
        return tuple(found)

    def sentences(self) -> tuple[str, ...]:
        """The answer in words."""
        from matganip.results.match_words import sentences

        return sentences(self)

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the observed and calculated pattern, their difference, and ticks where lines stand."""
        from matganip.plots.refinement import refinement

        fit = self.fit
        measured, lines = fit.model.measured, {}
        for phase in fit.model.phases:
            drawn = fit.model.lines(phase, fit.values)
            lines[phase.name] = drawn.centre
        return refinement(
            measured.two_theta, measured.intensity, fit.calculated, lines,
            marked=np.array([peak.two_theta for peak in self.deciding if peak.superstructure]),
            title=f"{self.source}: {self.best.name}   Rwp {fit.r_wp:.2f} %", ax=ax,
        )  # fmt: skip

    def _parameters(self) -> Table:
        fit = self.fit
        rows = []
        for phase in fit.model.phases:
            values, errors = fit.cell(phase)
            for name, value, error in zip(("a", "b", "c", "alpha", "beta", "gamma"), values, errors, strict=True):
                unit = "angstrom" if len(name) == 1 else "degrees"
                rows.append((f"{phase.name}: {name}", f"{value:.5f}", f"{error:.5f}" if error else "held", unit))
        units = {"zero": "degrees", "displacement": "degrees", "x": "degrees", "y": "degrees"}
        for name in fit.refined:
            if name.startswith("background") or ".cell" in name:
                continue
            unit = units.get(name, "degrees^2" if name in "uvw" else "angstrom^2" if ".b" in name else "")
            rows.append((name, f"{fit.values[name]:.6g}", f"{fit.errors[name]:.2g}", unit))
        title = f"Best fit: Rwp {fit.r_wp:.3f} %, Rexp {fit.r_exp:.3f} %, reduced chi squared {fit.reduced_chi2:.3f}"
        factor = fit.inflation**0.5
        note = f"Errors: one standard deviation by counting statistics, times {factor:.3g} for what is not fitted."
        return Table(title, ("parameter", "value", "error", "unit"), tuple(rows), "lrrl", note)

    def _peaks(self) -> Table:
        against = "the disordered average" if self.disordered is not None else "the second"
        rows = tuple(
            (f"{peak.two_theta:.3f}", f"{peak.d:.4f}", " ".join(f"{h:.4g}" for h in peak.hkl), f"{peak.delta_chi2:.1f}",
             "superstructure" if peak.superstructure else "")
            for peak in self.deciding
        )  # fmt: skip
        columns = ("2theta, degrees", "d, angstrom", "hkl of the parent", "chi2", "")
        return Table(f"Peaks that decide for the first against {against}", columns, rows, "rrrrl")


def _sites(one: MatchedClass) -> str | None:
    return None if one.space is None or one.occupation is None else sites_text(one.space, one.occupation)


def _fit_values(fit: Refinement) -> dict[str, Any]:
    cells = {}
    for phase in fit.model.phases:
        values, errors = fit.cell(phase)
        cells[phase.name] = {"cell": values.tolist(), "errors": errors.tolist()}
    return {
        "r_wp": fit.r_wp,
        "r_exp": fit.r_exp,
        "chi2": fit.chi2,
        "reduced_chi2": fit.reduced_chi2,
        "inflation": fit.inflation,
        "values": fit.values,
        "errors": fit.errors,
        "cells": cells,
        "weight_fractions": fit.weight_fractions(),
    }


def _energy_values(found: GivenPattern) -> dict[str, Any]:
    return {**vars(found), "quantiles": {f"{level:g}": value for level, value in found.quantiles.items()}}
