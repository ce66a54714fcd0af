r"""The pattern model: a powder pattern and its derivatives by a few named parameters.

.. math:: y(2\theta) = \sum_k b_k C_k + \sum_\text{phases} s \sum_{p,l} w_l\, LP(\theta_{pl})\, I_p\,
          \Omega(2\theta - 2\theta_{pl} - \Delta_{pl})

over peaks p and spectral lines l, with Chebyshev polynomials C, shift
:math:`\Delta = \text{zero} + \text{displacement} \cos\theta`, and Thompson, Cox and Hastings's pseudo-Voigt
:math:`\Omega` of `matganip.features.profiles.PeakShape` (Young, "The Rietveld Method", chapter 1, Oxford 1993).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy import sparse

from matganip.errors import InputError
from matganip.features.measured.pattern import MeasuredPattern
from matganip.features.measured.phases import PhasePeaks
from matganip.features.profiles import PeakShape, gaussian_and_lorentzian
from matganip.features.radiation import Radiation

Floats = NDArray[np.float64]
Values = dict[str, float]

# Full widths at half maximum on either side of a line beyond which it is not drawn.
REACH = 30.0
PROFILE = ("u", "v", "w", "x", "y")
SHARED = ("zero", "displacement", *PROFILE)


@dataclass(frozen=True, eq=False)
class PatternModel:
    """A pattern of some phases, on the points of a measured one.

    Parameters
    ----------
    measured : MeasuredPattern
        With its radiation.
    phases : sequence of PhasePeaks
        Of different names.
    n_background : int
        Chebyshev coefficients.
    monochromator : float or None
        Angle 2theta in degrees of a crystal monochromator in the plane of diffraction, 26.6 of graphite for Cu.
    fixed_background : (n,) float64 ndarray, optional
        Added as it is: what `snip` found.

    Notes
    -----
    Parameters are named ``background0 ...``, ``zero`` and ``displacement`` (degrees), ``u``, ``v``, ``w`` (degrees
    squared), ``x``, ``y`` (degrees), and for each phase NAME ``NAME.scale``, ``NAME.cell0 ...`` (relative changes of
    the reciprocal metric), ``NAME.b``, ``NAME.b.ELEMENT`` and ``NAME.b.ONE+OTHER`` of elements that share sites
    (angstrom squared; they are added), ``NAME.order`` and ``NAME.march``.
    """

    measured: MeasuredPattern
    phases: Sequence[PhasePeaks]
    n_background: int = 8
    monochromator: float | None = None
    fixed_background: Floats | None = None

    def __post_init__(self) -> None:
        names = [phase.name for phase in self.phases]
        if len(set(names)) < len(names):
            raise InputError(f"phases: two have the name {max(names, key=names.count)!r}")

    @property
    def radiation(self) -> Radiation:
        """That of the measurement."""
        if self.measured.radiation is None:
            raise InputError(
                f"{self.measured.source}: does not say its wavelength: give the radiation, CuKa12 for a tube without "
                "monochromator, or a wavelength in angstrom"
            )
        return self.measured.radiation

    @cached_property
    def background(self) -> Floats:
        """(n, n_background) Chebyshev polynomials over the range."""
        low, high = self.measured.range
        scaled = 2 * (self.measured.two_theta - low) / (high - low) - 1
        found: Floats = np.asarray(chebyshev.chebvander(scaled, self.n_background - 1), dtype=np.float64)
        return found

    @property
    def names(self) -> list[str]:
        """All parameters."""
        found = [f"background{k}" for k in range(self.n_background)] + list(SHARED)
        for phase in self.phases:
            found += [f"{phase.name}.scale", *(f"{phase.name}.cell{k}" for k in range(phase.metric.n_free))]
            found += [f"{phase.name}.b", *(f"{phase.name}.b.{element}" for element in phase.elements)]
            found += [f"{phase.name}.b.{'+'.join(one)}" for one in phase.sites if len(one) > 1]
            found += [f"{phase.name}.order", f"{phase.name}.march"]
        return found

    def start(self, shape: PeakShape | None = None) -> Values:
        """Values to begin with: no shift, no strain, no displacements, full order, and lines of 0.1 degrees."""
        values = dict.fromkeys(self.names, 0.0)
        one = shape or PeakShape("thompson-cox-hastings", w=0.006, y=0.03)
        values.update({name: getattr(one, name) for name in PROFILE})
        for phase in self.phases:
            values[f"{phase.name}.march"] = 1.0
            values[f"{phase.name}.b"] = 0.5
            values[f"{phase.name}.order"] = 1.0
        return values

    def coefficients(self, phase: PhasePeaks, values: Mapping[str, float]) -> Floats:
        """(k,) coefficients of the reciprocal metric."""
        strain = np.array([values[f"{phase.name}.cell{k}"] for k in range(phase.metric.n_free)])
        strain[0] += 1.0
        return strain

    def intensity(self, phase: PhasePeaks, values: Mapping[str, float]) -> Floats:
        """(n_peaks,) intensities, without scale and Lorentz-polarization factor."""
        return self._intensity(phase, values)[0]

    def evaluate(self, values: Mapping[str, float], refined: Sequence[str] = ()) -> tuple[Floats, Floats]:
        """The pattern (n,), and its derivatives (n, m) by some parameters.

        Parameters
        ----------
        values : mapping of str to float
            Of all `names`.
        refined : sequence of str
            The parameters by which the derivatives are wanted.

        Returns
        -------
        pattern : (n,) float64 ndarray
        jacobian : (n, m) float64 ndarray
        """
        drawn: Floats = self.background @ np.array([values[f"background{k}"] for k in range(self.n_background)])
        if self.fixed_background is not None:
            drawn = drawn + self.fixed_background
        jacobian = np.zeros((len(drawn), len(refined)))
        column = {name: k for k, name in enumerate(refined)}
        for k in range(self.n_background):
            if (place := column.get(f"background{k}")) is not None:
                jacobian[:, place] = self.background[:, k]
        for phase in self.phases:
            own = [name for name in refined if name in SHARED or name.startswith(f"{phase.name}.")]
            lines = self.lines(phase, values, derivatives=bool(own))
            drawn = drawn + lines.draw(values[f"{phase.name}.scale"] * lines.strength)
            if own:
                jacobian[:, [column[name] for name in own]] += self._derivatives(phase, values, lines, own)
        return drawn, jacobian

    def lines(self, phase: PhasePeaks, values: Mapping[str, float], derivatives: bool = False) -> Lines:
        """The lines of a phase, each of area 1, where they stand."""
        intensity, slopes = self._intensity(phase, values)
        return self.lines_at(phase.phi @ self.coefficients(phase, values), intensity, values, slopes, derivatives)

    def lines_at(
        self,
        inverse_d_squared: Floats,
        intensity: Floats,
        values: Mapping[str, float],
        slopes: Mapping[str, Floats] | None = None,
        derivatives: bool = False,
    ) -> Lines:
        """The lines of peaks (n_peaks,) at 1/d^2 in 1/angstrom^2, where each spectral line puts them."""
        wavelengths, shares = np.array(self.radiation.lines).T
        sine = np.sqrt(np.maximum(np.outer(inverse_d_squared, wavelengths**2), 0.0)) / 2
        inside = sine < 0.9999
        peak, line = np.nonzero(inside)
        theta = np.arcsin(sine[inside])
        polarization: Floats | float = 1.0
        if self.radiation.polarized:
            own = self.radiation.polarization
            k = own if self.monochromator is None else np.cos(np.radians(self.monochromator)) ** 2
            polarization = 1 + k * np.cos(2 * theta) ** 2
        factor = shares[line] * polarization / (np.sin(theta) ** 2 * np.cos(theta))
        centre = np.degrees(2 * theta) + values["zero"] + values["displacement"] * np.cos(theta)
        return Lines.drawn_on(
            self.measured.two_theta, peak, theta, centre, factor, factor * intensity[peak], dict(slopes or {}),
            shape_of(values), derivatives,
        )  # fmt: skip

    def _intensity(self, phase: PhasePeaks, values: Mapping[str, float]) -> tuple[Floats, dict[str, Floats]]:
        """Intensities (n_peaks,), and their slopes by the displacements and by order."""
        t = values[f"{phase.name}.order"] if phase.is_ordered else 0.0
        products = phase.oriented(values[f"{phase.name}.march"])
        s2 = phase.phi @ self.coefficients(phase, values) / 4
        factors = self.radiation.form_factors(phase.elements, self.radiation.wavelength)
        damping = np.exp(-np.outer(phase.displacements(values), s2))
        parts = np.stack([factors.at(s2) * damping, factors.imaginary[:, None] * damping])  # (2, n_elements, n)
        table = products[:, 0] + t * products[:, 1] + t * t * products[:, 2]
        # by_element_e = sum over e' of W_e T_ee' W_e'; their sum is the intensity
        by_element = np.einsum("cep,pef,cfp->ep", parts, table, parts)
        slopes = {f"b.{element}": -2 * s2 * row for element, row in zip(phase.elements, by_element, strict=True)}
        for one in phase.sites:
            slopes[f"b.{'+'.join(one)}"] = sum((slopes[f"b.{element}"] for element in one), np.zeros(len(s2)))
        slopes["b"] = -2 * s2 * by_element.sum(axis=0)
        if phase.is_ordered:
            slopes["order"] = np.einsum("cep,pef,cfp->p", parts, products[:, 1] + 2 * t * products[:, 2], parts)
        return by_element.sum(axis=0), slopes

    def _derivatives(
        self, phase: PhasePeaks, values: Mapping[str, float], lines: Lines, names: Sequence[str]
    ) -> Floats:
        """(n, m) derivatives of the pattern by parameters of a phase and by those that all share."""
        scale = values[f"{phase.name}.scale"]
        strength = np.zeros((len(lines.peak), len(names)))
        moved, widened, mixed = (np.zeros_like(strength) for _ in range(3))
        s2 = phase.phi @ self.coefficients(phase, values)
        for k, name in enumerate(names):
            own = name.removeprefix(f"{phase.name}.")
            if name == "zero":
                moved[:, k] = 1.0
            elif name == "displacement":
                moved[:, k] = np.cos(lines.theta)
            elif name in PROFILE:
                widened[:, k], mixed[:, k] = lines.shape_slopes(values, name)
            elif own == "scale":
                strength[:, k] = lines.strength
            elif own.startswith("cell"):
                # d(2 theta) = tan(theta) d(1/d^2) / (1/d^2), in radians
                relative = (phase.phi[:, int(own[4:])] / s2)[lines.peak]
                moved[:, k] = np.degrees(np.tan(lines.theta) * relative)
            elif own == "march":
                step = 1e-4
                ahead, behind = (
                    self.intensity(phase, {**values, name: values[name] + sign * step}) for sign in (1, -1)
                )
                strength[:, k] = scale * lines.factor * ((ahead - behind) / (2 * step))[lines.peak]
            else:
                slope = lines.slopes.get(own)
                if slope is not None:
                    strength[:, k] = scale * lines.factor * slope[lines.peak]
        return lines.slope(scale * lines.strength, strength, moved, widened, mixed)


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines on the points of a pattern: each peak once for each spectral line.

    Attributes
    ----------
    peak : (n_lines,) int64 ndarray
    theta, centre : (n_lines,) float64 ndarray
        Bragg angle in radians; the angle 2theta where it is recorded, in degrees.
    factor, strength : (n_lines,) float64 ndarray
        Share of the line times Lorentz-polarization factor; that times the peak's intensity.
    slopes : dict of str to (n_peaks,) float64 ndarray
        Of the peaks' intensities.
    value, by_centre, by_width, by_share : scipy.sparse.csc_array (n, n_lines)
        Lines of area 1, 1/degree, and their derivatives.
    """

    peak: NDArray[np.int64]
    theta: Floats
    centre: Floats
    factor: Floats
    strength: Floats
    slopes: dict[str, Floats]
    value: sparse.csc_array
    by_centre: sparse.csc_array | None
    by_width: sparse.csc_array | None
    by_share: sparse.csc_array | None

    @classmethod
    def drawn_on(
        cls, grid: Floats, peak: NDArray[np.int64], theta: Floats, centre: Floats, factor: Floats, strength: Floats,
        slopes: dict[str, Floats], shape: PeakShape, derivatives: bool,
    ) -> Lines:  # fmt: skip
        """Draw lines within `REACH` widths."""
        width, share = shape.width_and_share(np.degrees(2 * theta))
        low = np.searchsorted(grid, centre - REACH * width)
        counts = np.searchsorted(grid, centre + REACH * width) - low
        ends = np.concatenate([[0], np.cumsum(counts)])
        line = np.repeat(np.arange(len(centre)), counts)
        points = np.arange(ends[-1]) - np.repeat(ends[:-1] - low, counts)
        reduced = (grid[points] - centre[line]) / width[line]
        gaussian, lorentzian = gaussian_and_lorentzian(reduced)
        w, eta = width[line], share[line]
        value = (eta * lorentzian + (1 - eta) * gaussian) / w

        def table(entries: Floats) -> sparse.csc_array:
            return sparse.csc_array((entries, points, ends), shape=(len(grid), len(centre)))

        if not derivatives:
            return cls(peak, theta, centre, factor, strength, slopes, table(value), None, None, None)
        slope = (
            -eta * 8 * reduced / (1 + 4 * reduced**2) * lorentzian - (1 - eta) * 8 * np.log(2) * reduced * gaussian
        ) / w
        return cls(
            peak, theta, centre, factor, strength, slopes, table(value), table(-slope / w),
            table(-(value + reduced * slope) / w), table((lorentzian - gaussian) / w),
        )  # fmt: skip

    def draw(self, strength: Floats) -> Floats:
        """The pattern (n,) of lines with these areas."""
        drawn: Floats = self.value @ strength
        return drawn

    def per_peak(self, n_peaks: int) -> sparse.csc_array:
        """(n, n_peaks): what each peak of intensity 1 adds to the pattern."""
        rows = np.arange(len(self.peak))
        gather = sparse.csc_array((self.factor, (rows, self.peak)), shape=(len(self.peak), n_peaks))
        return self.value @ gather

    def shape_slopes(self, values: Mapping[str, float], name: str) -> tuple[Floats, Floats]:
        """Derivatives (n_lines,) of width and Lorentzian share by a parameter of the shape."""
        angles = np.degrees(2 * self.theta)
        step = 1e-6 if name in ("u", "v", "w") else 1e-5
        ahead = shape_of({**values, name: values[name] + step}).width_and_share(angles)
        here = shape_of(values).width_and_share(angles)
        width, share = ((a - b) / step for a, b in zip(ahead, here, strict=True))
        return width, share

    def slope(self, areas: Floats, strength: Floats, moved: Floats, widened: Floats, mixed: Floats) -> Floats:
        """Derivatives (n, m) from those of the lines' areas, angles, widths and shares, each (n_lines, m)."""
        if self.by_centre is None or self.by_width is None or self.by_share is None:
            raise ValueError("these lines were drawn without derivatives")
        total: Floats = self.value @ strength
        for table, change in ((self.by_centre, moved), (self.by_width, widened), (self.by_share, mixed)):
            used = np.flatnonzero(change.any(axis=0))
            if len(used):
                total[:, used] += table @ (areas[:, None] * change[:, used])
        return total


def shape_of(values: Mapping[str, float]) -> PeakShape:
    """The shape that parameters describe."""
    return PeakShape("thompson-cox-hastings", **{name: float(values[name]) for name in PROFILE})
