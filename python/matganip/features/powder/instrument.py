"""An instrument: its radiation, its resolution and its zero, from keywords, a TOML file or a GSAS-II file."""

from __future__ import annotations

import math
import os
import tomllib
import warnings
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matganip.errors import InputError, ReadingWarning, mistakes
from matganip.features.peaks import Pattern
from matganip.features.profiles import PeakShape, Shape, profile
from matganip.features.radiation import Radiation
from matganip.files import read_text
from matganip.settings import Settings

Axis = Literal["2theta", "q", "d"]

MOST_POINTS = 2_000_000


class Instrument(Settings):
    """What stands between a crystal and its recorded pattern.

    Examples
    --------
    >>> Instrument(radiation="CuKa12", w=0.005, monochromator=26.6).beam.polarization.__round__(3)
    0.8
    >>> len(Instrument(two_theta=(10.0, 20.0), step=0.05).grid)
    201
    """

    radiation: str | float = Field(
        default="CuKa", description="A line (CuKa), a doublet (CuKa12), a wavelength in angstrom, or 'neutron 1.54'."
    )
    form_factors: Literal["mott-bethe", "waasmaier-kirfel", "international-tables"] = Field(
        default="mott-bethe", description="Table of X-ray form factors."
    )
    ions: bool = Field(
        default=False, description="Scatter with the charges that the structure carries (waasmaier-kirfel)."
    )
    anomalous: bool = Field(default=False, description="Add f' and f'' by Chantler.")
    monochromator: float | None = Field(
        default=None, ge=0, lt=180, description="Angle 2theta of a monochromator's reflection, degrees."
    )
    two_theta: tuple[float, float] = Field(default=(5.0, 90.0), description="First and last angle, degrees.")
    step: float = Field(default=0.02, gt=0, description="Step of the recorded profile, degrees.")
    shape: Shape = Field(default="pseudo-voigt", description="Line shape.")
    u: float = Field(default=0.0, description="Caglioti's U, degrees squared (full width at half maximum).")
    v: float = Field(default=0.0, description="V.")
    w: float = Field(default=0.01, description="W.")
    eta: float = Field(default=0.5, ge=0, le=1, description="Lorentzian share of a pseudo-Voigt.")
    x: float = Field(default=0.0, ge=0, description="Lorentzian width of Thompson-Cox-Hastings that goes by tan theta.")
    y: float = Field(default=0.0, ge=0, description="Lorentzian width that goes by 1 / cos theta.")
    zero: float = Field(default=0.0, description="Zero shift, degrees 2theta, added to every angle.")

    @property
    def beam(self) -> Radiation:
        """The radiation."""
        name = self.radiation
        if isinstance(name, str) and name.split()[:1] == ["neutron"]:
            given = [key for key in ("ions", "anomalous") if getattr(self, key)]
            if given or self.monochromator is not None or self.form_factors != "mott-bethe":
                raise InputError("form_factors, ions, anomalous and monochromator are for X-rays; leave them out")
            return Radiation.of(name)
        return Radiation.xray(
            name,
            form_factors=self.form_factors,
            ions="as read" if self.ions else None,
            anomalous=self.anomalous,
            monochromator=self.monochromator,
        )

    @property
    def peak_shape(self) -> PeakShape:
        """The line shape."""
        return PeakShape(self.shape, self.u, self.v, self.w, self.eta, self.x, self.y)

    @property
    def grid(self) -> NDArray[np.float64]:
        """Angles of the recorded profile, degrees."""
        low, high = self.two_theta
        if not 0 <= low < high <= 180:
            raise InputError(f"two_theta: two rising angles between 0 and 180 degrees are needed, not {low}, {high}")
        steps = (high - low) / self.step * (1 + 1e-12) + 1e-9
        if steps >= MOST_POINTS:
            raise InputError(f"step: {self.step} degrees make {steps + 1:,.0f} points, more than {MOST_POINTS:,}")
        n = math.floor(steps) + 1
        return low + self.step * np.arange(n, dtype=np.float64)

    def profile(self, pattern: Pattern) -> NDArray[np.float64]:
        """What is recorded on `grid`: peaks with their widths, moved by the zero shift; intensity per degree."""
        return profile(pattern, self.grid - self.zero, self.peak_shape)


def read_instrument(path: str | os.PathLike[str]) -> Instrument:
    """Read an instrument from a TOML file with its fields as keys, or from a GSAS-II file (.instprm).

    Of a GSAS-II file are taken: Lam, or Lam1, Lam2 and I(L2)/I(L1) of an anode that is known, Zero, Polariz., and U, V,
    W (variances in centidegrees squared), X and Y (centidegrees). SH/L is left out, with
    a warning; a Z or an azimuth other than 0 is refused.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Instrument

    Raises
    ------
    InputError
        If the file cannot be read, or holds what no instrument here has.
    """
    file = Path(path)
    text = read_text(file)
    try:
        if file.suffix.lower() == ".instprm":
            return _from_gsas(text)
        return Instrument.of(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: is no TOML: {error}") from error
    except InputError as error:
        raise InputError(mistakes(file, str(error).splitlines())) from error


def _from_gsas(text: str) -> Instrument:
    values: dict[str, str] = {}
    for line in text.splitlines():
        if not line.startswith("#") and ":" in line:
            key, _, value = line.partition(":")
            values[key.strip()] = value.strip()
    kind = values.get("Type", "PXC")
    if kind not in ("PXC", "PNC"):
        raise InputError(f"Type {kind}: constant-wavelength X-rays (PXC) or neutrons (PNC) are read")
    numbers = {key: _number(key, values[key]) for key in values if key not in ("Type", "Source", "Bank")}
    ignored = [key for key in ("Z", "Azimuth") if numbers.get(key)]
    if ignored:
        raise InputError(f"{', '.join(ignored)} has no counterpart here; set it to 0")
    if numbers.get("SH/L"):
        warnings.warn("SH/L, the asymmetry of lines at low angles, is left out", ReadingWarning, stacklevel=4)
    to_fwhm = 8 * math.log(2) / 1e4  # variances in centidegrees squared
    wavelength = numbers.get("Lam", numbers.get("Lam1"))
    if wavelength is None:
        raise InputError("no wavelength: Lam, or Lam1 and Lam2, is needed")
    radiation: str | float = wavelength if kind == "PXC" else f"neutron {wavelength}"
    if "Lam2" in numbers and numbers.get("I(L2)/I(L1)", 0.5) > 0:
        radiation = _doublet(wavelength, numbers["Lam2"])
    fraction = numbers.get("Polariz.", 0.5)
    if not 0.5 <= fraction <= 1:
        raise InputError(f"Polariz. {fraction}: a fraction between 0.5 and 1 is needed")
    polarized = math.degrees(math.acos(math.sqrt((1 - fraction) / fraction)))
    return Instrument(
        radiation=radiation,
        monochromator=None if kind == "PNC" or fraction == 0.5 else polarized,
        shape="thompson-cox-hastings",
        u=numbers.get("U", 0.0) * to_fwhm,
        v=numbers.get("V", 0.0) * to_fwhm,
        w=numbers.get("W", 0.0) * to_fwhm,
        x=numbers.get("Y", 0.0) / 100,
        y=numbers.get("X", 0.0) / 100,
        zero=numbers.get("Zero", 0.0),
    )


def _doublet(first: float, second: float) -> str:
    from matganip.features.radiation import WAVELENGTHS

    for anode in ("Cu", "Mo", "Cr", "Fe", "Co", "Ag"):
        lines = (WAVELENGTHS[f"{anode}Ka1"], WAVELENGTHS[f"{anode}Ka2"])
        if all(abs(one - other) < 2e-4 for one, other in zip(lines, (first, second), strict=True)):
            return f"{anode}Ka12"
    raise InputError(f"Lam1 {first} and Lam2 {second} are the doublet of no anode that is known")


def _number(key: str, text: str) -> float:
    try:
        return float(text.split(",")[0])
    except ValueError:
        raise InputError(f"{key}: {text!r} is no number") from None


def on_axis(two_theta: NDArray[np.float64], axis: Axis, wavelength: float) -> NDArray[np.float64]:
    """Angles as Q = 4 pi sin(theta) / wavelength (1/angstrom), as d (angstrom), or as they are.

    Examples
    --------
    >>> on_axis(np.array([60.0]), "q", 1.0).round(4).tolist(), on_axis(np.array([60.0]), "d", 1.0).round(4).tolist()
    ([6.2832], [1.0])
    """
    if axis not in get_args(Axis):
        raise InputError(f"axis must be 2theta, q or d, not {axis!r}")
    if axis == "2theta":
        return two_theta
    sine = np.sin(np.radians(two_theta / 2))
    with np.errstate(divide="ignore"):
        converted: NDArray[np.float64] = 4 * np.pi * sine / wavelength if axis == "q" else wavelength / (2 * sine)
    return converted
