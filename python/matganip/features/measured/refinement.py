"""Fits of the pattern model: cell and zero first, then widths, then displacements, by least squares of scipy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import least_squares, nnls

from matganip.errors import InputError
from matganip.features.measured.background import most_polynomials, needed_polynomials, snip
from matganip.features.measured.model import PROFILE, PatternModel, Values
from matganip.features.measured.pattern import MeasuredPattern
from matganip.features.measured.phases import PhasePeaks
from matganip.features.profiles import PeakShape
from matganip.settings import Settings

Floats = NDArray[np.float64]

# Least and largest value of each parameter, by the end of its name.
BOUNDS: dict[str, tuple[float, float]] = {
    "zero": (-1.0, 1.0), "displacement": (-1.0, 1.0), "u": (0.0, 10.0), "v": (-10.0, 0.0), "w": (1e-6, 10.0),
    "x": (0.0, 10.0), "y": (0.0, 10.0), "scale": (0.0, np.inf), "b": (-3.0, 15.0), "order": (-0.5, 1.5),
    "march": (0.2, 5.0), "cell": (-0.05, 0.05),
}  # fmt: skip
# Isotropic strains of the reciprocal metric and shifts in degrees that are tried before the fit.
STRAINS = np.linspace(-0.04, 0.04, 21)
SHIFTS = (-0.15, 0.15)
BROAD = 0.12  # degrees squared: the width of lines that need not stand quite where they are looked for
COARSE = 0.05  # degrees
CORRELATED = 1.0  # degrees over which residuals may hang together
ALIKE = 0.5  # angstrom^2: by how much B of a site is expected to differ from the mean of its phase
FEW = 200  # points, at least, of the coarse pattern
FIRST = 8  # polynomials until it is known how many are needed
POLYNOMIAL = "background"
REFUSED = 1e12  # counts: a pattern that no step of a fit is taken to


class RefinementSettings(Settings):
    """What of the pattern model is refined.

    Examples
    --------
    >>> RefinementSettings(n_background=12).background
    'chebyshev'
    """

    n_background: int | None = Field(
        default=None,
        ge=1,
        le=40,
        description="Chebyshev coefficients of the background; by default as many as it needs.",
    )
    background: Literal["chebyshev", "snip"] = Field(
        default="chebyshev", description='"snip": the polynomials are added to what peak clipping leaves.'
    )
    displacements: Literal["none", "overall", "site", "element"] = Field(
        default="site",
        description="Isotropic displacements B: none, one for each phase, one for each set of elements that share "
        "sites, expected within 0.5 of their mean, or one for each element.",
    )
    shift: Literal["none", "zero", "displacement", "both"] = Field(
        default="displacement",
        description="Shift of the angles: of the zero, or by the sample's height, which a cell can be told from.",
    )
    cell: bool = Field(default=True, description="Refine the cell, as far as the parent's lattice leaves it free.")
    march: tuple[int, int, int] | None = Field(
        default=None, description="Planes of preferred orientation, in the parent's indices: March and Dollase's r."
    )
    monochromator: float | None = Field(
        default=None, ge=0, lt=180, description="Angle 2theta of a crystal monochromator in degrees."
    )
    refine_v: bool = Field(
        default=False, description="Refine Caglioti's V too, which many patterns do not tell from U and W."
    )
    shape: tuple[float, float, float, float, float] | None = Field(
        default=None, description="U, V, W in degrees squared and X, Y in degrees of the instrument: held."
    )


@dataclass(frozen=True, eq=False)
class Refinement:
    """A fitted pattern model.

    Attributes
    ----------
    model : PatternModel
    values, errors : dict of str to float
        All parameters, and the standard deviations of those that were refined: by counting statistics, times the root
        of `inflation`.
    refined : tuple of str
    calculated : (n,) float64 ndarray
    covariance : (m, m) float64 ndarray
        Of the refined parameters.
    """

    model: PatternModel
    values: Values
    errors: Values
    refined: tuple[str, ...]
    calculated: Floats
    covariance: Floats

    @property
    def residual(self) -> Floats:
        """(n,) observed less calculated, in standard deviations."""
        measured = self.model.measured
        found: Floats = (measured.intensity - self.calculated) / measured.sigma
        return found

    @property
    def chi2(self) -> float:
        """Sum of the squared residuals."""
        return float(self.residual @ self.residual)

    @property
    def reduced_chi2(self) -> float:
        """That divided by points less parameters."""
        return self.chi2 / max(len(self.calculated) - len(self.refined), 1)

    @property
    def correlation(self) -> float:
        """How many neighbouring residuals say the same thing: their integrated autocorrelation, at least 1.

        Points on one badly fitted line are not independent (Berar and Lelann, J. Appl. Cryst. 24, 1 (1991)); weights
        fall linearly over one degree (Newey and West, Econometrica 55, 703 (1987)).
        """
        r = self.residual - self.residual.mean()
        step = float(np.median(np.diff(self.model.measured.two_theta)))
        lags = int(np.clip(CORRELATED / step, 1, max(len(r) // 20, 1)))
        own = float(r @ r)
        found = 1 + 2 * sum((1 - k / (lags + 1)) * float(r[k:] @ r[:-k]) / own for k in range(1, lags + 1))
        return max(found, 1.0)

    @property
    def inflation(self) -> float:
        """What variances by counting statistics are multiplied by, and differences of chi squared divided by."""
        return max(self.reduced_chi2, 1.0) * self.correlation

    @property
    def r_wp(self) -> float:
        """Weighted profile R factor, percent (Young, "The Rietveld Method", table 1.3)."""
        measured = self.model.measured
        return 100 * float(np.sqrt(self.chi2 / ((measured.intensity / measured.sigma) ** 2).sum()))

    @property
    def r_exp(self) -> float:
        """The R factor that counting statistics alone would leave, percent."""
        return self.r_wp / float(np.sqrt(self.reduced_chi2))

    def cell(self, phase: PhasePeaks) -> tuple[Floats, Floats]:
        """a, b, c, alpha, beta, gamma (6,) of a phase in angstrom and degrees, and their standard deviations."""
        c = self.model.coefficients(phase, self.values)
        here = phase.metric.cell(c)
        rows = [self.refined.index(name) for name in self._cell_names(phase) if name in self.refined]
        if not rows:
            return here, np.zeros(6)
        step = 1e-6
        slopes = np.stack(
            [(phase.metric.cell(c + step * unit) - here) / step for unit in np.eye(len(c))[: len(rows)]], axis=1
        )
        spread = slopes @ self.covariance[np.ix_(rows, rows)] @ slopes.T
        return here, np.sqrt(np.maximum(np.diag(spread), 0.0))

    def weight_fractions(self) -> dict[str, float]:
        """Mass fractions of the phases (Hill and Howard, J. Appl. Cryst. 20, 467 (1987))."""
        masses = {
            phase.name: self.values[f"{phase.name}.scale"] * phase.mass * phase.volume for phase in self.model.phases
        }
        total = sum(masses.values()) or 1.0
        return {name: mass / total for name, mass in masses.items()}

    def _cell_names(self, phase: PhasePeaks) -> list[str]:
        return [f"{phase.name}.cell{k}" for k in range(phase.metric.n_free)]


def refine(
    model: PatternModel,
    values: Mapping[str, float],
    names: Sequence[str],
    max_steps: int = 60,
    alike: Sequence[Sequence[str]] = (),
) -> Refinement:
    """Fit some parameters from where they stand.

    Parameters
    ----------
    model : PatternModel
    values : mapping of str to float
        All parameters.
    names : sequence of str
        Those that are fitted.
    max_steps : int
        Evaluations of the model at most.
    alike : sequence of sequences of str
        Sets of parameters each of which is expected within `ALIKE` of the mean of its set.

    Returns
    -------
    Refinement

    Raises
    ------
    InputError
        If a parameter has no such name.
    """
    known = set(model.names)
    for name in names:
        if name not in known:
            raise InputError(f"{name!r} is no parameter; they are {', '.join(sorted(known))}")
    measured = model.measured
    low, high = np.array([_bounds(name) for name in names]).reshape(-1, 2).T
    start = np.clip([values[name] for name in names], low, high)

    def at(x: Floats) -> Values:
        return {**values, **dict(zip(names, x.tolist(), strict=True))}

    member = np.array([[name in one for name in names] for one in alike], dtype=np.float64).reshape(-1, len(names))
    held = (
        sum((np.diag(one) - np.outer(one, one) / one.sum() for one in member), np.zeros((len(names), len(names))))
        / ALIKE
    )
    last: dict[str, Any] = {}

    def evaluated(x: Floats) -> tuple[Floats, Floats]:
        if "x" not in last or not np.array_equal(last["x"], x):
            try:
                found = model.evaluate(at(x), names)
            except InputError:  # a step to a width that is not positive, which is not taken
                found = np.full(len(measured), REFUSED), np.zeros((len(measured), len(names)))
            last.update(x=x.copy(), found=found)
        kept: tuple[Floats, Floats] = last["found"]
        return kept

    def residual(x: Floats) -> Floats:
        found: Floats = np.concatenate([(evaluated(x)[0] - measured.intensity) / measured.sigma, held @ x])
        return found

    def jacobian(x: Floats) -> Floats:
        found: Floats = np.vstack([evaluated(x)[1] / measured.sigma[:, None], held])
        return found

    best = start
    if len(names):
        best = least_squares(
            residual, start, jacobian, bounds=(low, high), x_scale="jac", max_nfev=max_steps, ftol=1e-7, xtol=1e-9
        ).x
    calculated = evaluated(best)[0]
    scaled = jacobian(best)
    norms = np.linalg.norm(scaled, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    covariance = np.linalg.pinv((scaled / norms).T @ (scaled / norms), rcond=1e-12, hermitian=True)
    found = Refinement(model, at(best), {}, tuple(names), calculated, covariance / np.outer(norms, norms))
    covariance = found.covariance * found.inflation
    errors = dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True))
    return replace(found, errors=errors, covariance=covariance)


def fit_phases(
    measured: MeasuredPattern,
    phases: Sequence[PhasePeaks],
    settings: RefinementSettings | None = None,
    *,
    start: Mapping[str, float] | None = None,
    also: Sequence[str] = (),
) -> Refinement:
    """Fit a pattern: where the lines stand, then how wide they are, then displacements.

    Parameters
    ----------
    measured : MeasuredPattern
        With its radiation.
    phases : sequence of PhasePeaks
    settings : RefinementSettings, optional
    start : mapping of str to float, optional
        Values of an earlier fit; the search for cell and zero is left out then.
    also : sequence of str
        Further parameters that are refined at the end: ``NAME.order``.

    Returns
    -------
    Refinement

    Raises
    ------
    InputError
        If the measurement has no radiation.
    """
    how = settings or RefinementSettings()
    base = snip(measured.intensity, measured.two_theta) if how.background == "snip" else None
    n_background = how.n_background or (FIRST if start is None else sum(name.startswith(POLYNOMIAL) for name in start))
    model = PatternModel(measured, tuple(phases), n_background, how.monochromator, base)
    values = model.start(None if how.shape is None else _shape(how.shape))
    linear = _linear(model)
    shifts = {"none": [], "both": ["zero", "displacement"]}.get(how.shift, [how.shift])
    places = [*shifts[:1], *(name for name in model.names if ".cell" in name and how.cell)]
    widths = [] if how.shape is not None else ["w", "y"]
    if start is None:
        values = _aligned(model, values, linear, places, how)
    else:
        values.update({name: value for name, value in start.items() if name in values})
        values = solve_linear(model, values)
    found = refine(model, values, [*linear, *places, *widths])
    places += shifts[1:]
    widths = [] if how.shape is not None else ["u", "w", "x", "y"]
    found = refine(model, found.values, [*linear, *places, *widths])
    if how.n_background is None and start is None:
        model, values = _with_background(found)
        linear = _linear(model)
        found = refine(model, values, [*linear, *places, *widths])
    if how.refine_v and widths:
        widths = ["u", "v", "w", "x", "y"]
        # Away from the bounds, with the width at tan(theta) = 1/2 as it was.
        curved = {"u": found.values["u"] + 0.02, "v": -0.02, "w": found.values["w"] + 0.005}
        found = refine(model, {**found.values, **curved}, [*linear, *places, *widths])
    others = (
        [name for phase in phases for name in _displacements(phase, how.displacements)]
        + [*also]
        + [f"{phase.name}.march" for phase in phases if how.march and phase.orientation is not None]
    )
    values = found.values
    for phase in phases:
        own, parts = f"{phase.name}.b", _displacements(phase, how.displacements)
        if parts and own not in parts:  # B of each is the whole of it, not what is added to that of the phase
            values = {**values, **{name: values[name] + values[own] for name in parts}, own: 0.0}
    alike = [_displacements(phase, "site") for phase in phases if how.displacements == "site"]
    return refine(model, values, [*linear, *places, *widths, *others], alike=alike) if others else found


def _linear(model: PatternModel) -> list[str]:
    """Parameters that the pattern is linear in."""
    background = [f"{POLYNOMIAL}{k}" for k in range(model.n_background)]
    return background + [f"{phase.name}.scale" for phase in model.phases]


def _with_background(found: Refinement) -> tuple[PatternModel, Values]:
    """The model of a fit with as many polynomials as the pattern needs."""
    model, values, measured = found.model, found.values, found.model.measured
    wide = replace(model, n_background=max(most_polynomials(measured.range), 1))
    units = [model.lines(phase, values) for phase in model.phases]
    lines = np.column_stack([one.draw(one.strength) for one in units]) / measured.sigma[:, None]
    base = 0.0 if model.fixed_background is None else model.fixed_background
    target = (measured.intensity - base) / measured.sigma
    n_background = needed_polynomials(lines, wide.background / measured.sigma[:, None], target)
    chosen = replace(model, n_background=n_background)
    kept = {name: value for name, value in values.items() if not name.startswith(POLYNOMIAL)}
    return chosen, solve_linear(chosen, {**dict.fromkeys(chosen.names, 0.0), **kept})


def solve_linear(model: PatternModel, values: Mapping[str, float]) -> Values:
    """Background and scales, which enter linearly, at best: the scales not negative."""
    measured = model.measured
    base = model.evaluate({**values, **dict.fromkeys(_linear(model), 0.0)})[0]
    units = [model.lines(phase, values) for phase in model.phases]
    columns = np.column_stack([model.background, *(one.draw(one.strength) for one in units)]) / measured.sigma[:, None]
    coefficients = partly_non_negative(columns, (measured.intensity - base) / measured.sigma, model.n_background)
    return {**values, **dict(zip(_linear(model), coefficients.tolist(), strict=True))}


def partly_non_negative(columns: Floats, target: Floats, n_free: int) -> Floats:
    """Least squares with coefficients that must not be negative but for the first few.

    Parameters
    ----------
    columns : (n, m) float64 ndarray
    target : (n,) float64 ndarray
    n_free : int
        How many, from the first on, may have any sign: they are eliminated by their normal equations.

    Returns
    -------
    (m,) float64 ndarray

    Examples
    --------
    >>> partly_non_negative(np.eye(3), np.array([-1.0, -2.0, 3.0]), 1).tolist()
    [-1.0, 0.0, 3.0]
    """
    norms = np.linalg.norm(columns, axis=0)
    norms = np.where(norms > 0, norms, 1.0)
    unit = columns / norms
    gram, moments = unit.T @ unit, unit.T @ target
    free, signed = slice(0, n_free), slice(n_free, None)
    to_free = np.linalg.solve(gram[free, free], np.column_stack([gram[free, signed], moments[free]]))
    reduced = gram[signed, signed] - gram[signed, free] @ to_free[:, :-1]
    sought = moments[signed] - gram[signed, free] @ to_free[:, -1]
    values, vectors = np.linalg.eigh(reduced)
    kept = values > 1e-13 * max(float(values.max(initial=0.0)), 1e-300)
    root = np.sqrt(values[kept])
    positive = nnls(root[:, None] * vectors[:, kept].T, vectors[:, kept].T @ sought / root)[0]
    return np.concatenate([to_free[:, -1] - to_free[:, :-1] @ positive, positive]) / norms


def explained(found: Refinement) -> float:
    """What share of the intensity above the best background alone a fit explains, 0 to 1.

    By squares of deviations, less those that noise alone would leave; nan where the pattern has no peak above its
    noise.
    """
    measured = found.model.measured
    polynomials = found.model.background / measured.sigma[:, None]
    target = measured.intensity / measured.sigma
    alone = target - polynomials @ np.linalg.solve(polynomials.T @ polynomials, polynomials.T @ target)
    noise = len(target)
    peaks = float(alone @ alone) - noise
    # The sum of n squares has the standard deviation (2 n)^1/2.
    return 1.0 - max(found.chi2 - noise, 0.0) / peaks if peaks > 4 * np.sqrt(2 * noise) else float("nan")


def _aligned(
    model: PatternModel, values: Values, linear: list[str], places: list[str], how: RefinementSettings
) -> Values:
    """Cell and zero: phase by phase on a grid with broad lines, then all together, on every few points only."""
    coarse = replace(model, measured=_coarser(model.measured), fixed_background=None)
    if how.background == "snip":
        coarse = replace(coarse, fixed_background=snip(coarse.measured.intensity, coarse.measured.two_theta))
    broad = {**values, "u": 0.0, "v": 0.0, "w": BROAD, "x": 0.0, "y": 0.05}
    name = next((one for one in places if one in ("zero", "displacement")), None)
    for number, phase in enumerate(model.phases):
        part = replace(coarse, phases=model.phases[: number + 1])
        own = f"{phase.name}.cell0"
        broad = min(
            (solve_linear(part, {**broad, own: strain}) for strain in (STRAINS.tolist() if how.cell else [0.0])),
            key=lambda trial: _misfit(part, trial),
        )
    trials = [broad] + [solve_linear(coarse, {**broad, name: shift}) for shift in SHIFTS if name is not None]
    broad = min(trials, key=lambda trial: _misfit(coarse, trial))
    found = refine(coarse, broad, [*linear, *places, "w"])
    kept = {one: found.values[one] for one in found.values if one not in PROFILE}
    return solve_linear(model, {**values, **kept})


def _misfit(model: PatternModel, values: Values) -> float:
    residual = (model.measured.intensity - model.evaluate(values)[0]) / model.measured.sigma
    return float(residual @ residual)


def _coarser(measured: MeasuredPattern) -> MeasuredPattern:
    """Means of a few points each."""
    coarse = measured.binned(1.2 * COARSE)
    return measured if len(coarse) < FEW else coarse


def _displacements(phase: PhasePeaks, which: str) -> list[str]:
    if which == "element":
        return [f"{phase.name}.b.{element}" for element in phase.elements]
    if which == "site":
        return [f"{phase.name}.b.{'+'.join(one)}" for one in phase.sites]
    return [f"{phase.name}.b"] if which == "overall" else []


def _shape(numbers: tuple[float, ...]) -> PeakShape:
    return PeakShape("thompson-cox-hastings", **dict(zip(PROFILE, numbers, strict=True)))


def _bounds(name: str) -> tuple[float, float]:
    own = name.split(".", 1)[1] if "." in name else name
    own = "b" if own.startswith("b.") else "cell" if own.startswith("cell") else own
    return BOUNDS.get(own, (-np.inf, np.inf))
