"""Radiation: its wavelengths by name, and how atoms scatter it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matganip.diffraction.form_factors import FormFactors, neutral
from matganip.errors import InputError

# Angstrom: the weighted mean of the doublet (Ka), its two lines (Ka1, Ka2) and Kb1 of each anode, as pymatgen
# has them. Its own table stands in a module that imports matplotlib; a test holds the two equal.
WAVELENGTHS: dict[str, float] = {
    anode + line: wavelength
    for anode, lines in {
        "Cu": {"Ka": 1.54184, "Ka2": 1.54439, "Ka1": 1.54056, "Kb1": 1.39222},
        "Mo": {"Ka": 0.71073, "Ka2": 0.71359, "Ka1": 0.70930, "Kb1": 0.63229},
        "Cr": {"Ka": 2.29100, "Ka2": 2.29361, "Ka1": 2.28970, "Kb1": 2.08487},
        "Fe": {"Ka": 1.93735, "Ka2": 1.93998, "Ka1": 1.93604, "Kb1": 1.75661},
        "Co": {"Ka": 1.79026, "Ka2": 1.79285, "Ka1": 1.78896, "Kb1": 1.63079},
        "Ag": {"Ka": 0.560885, "Ka2": 0.563813, "Ka1": 0.559421, "Kb1": 0.497082},
    }.items()
    for line, wavelength in lines.items()
}


@dataclass(frozen=True)
class Radiation:
    """One kind of radiation, and the tables by which atoms scatter it.

    Attributes
    ----------
    lines : tuple of (float, float)
        Wavelength in angstrom and weight of each spectral line; the weights add up to 1.
    polarized : bool
        Whether the polarization factor 1 + cos^2 2theta applies (X-rays), or only Lorentz's (neutrons).

    Examples
    --------
    >>> Radiation.of("CuKa").lines
    ((1.54184, 1.0),)
    """

    lines: tuple[tuple[float, float], ...]
    polarized: bool = True

    @classmethod
    def of(cls, radiation: str | float | Radiation) -> Radiation:
        """Take what an argument `radiation` may be: a name, a wavelength in angstrom, or a Radiation.

        Parameters
        ----------
        radiation : str, float or Radiation

        Returns
        -------
        Radiation

        Raises
        ------
        InputError
            If the name is unknown or the wavelength is not positive and finite.
        """
        return radiation if isinstance(radiation, Radiation) else cls(((wavelength_of(radiation), 1.0),))

    def form_factors(self, species: Sequence[str], wavelength: float) -> FormFactors:  # noqa: ARG002
        """What species scatter of one line.

        Parameters
        ----------
        species : sequence of str
            Element symbols, or ``"vac"``.
        wavelength : float
            Angstrom.

        Returns
        -------
        FormFactors

        Raises
        ------
        InputError
            If the table has no entry for one of them.
        """
        return neutral(species)


def wavelength_of(radiation: str | float) -> float:
    """Wavelength of a named line, or a number taken as it is.

    Parameters
    ----------
    radiation : str or float
        A key of `WAVELENGTHS`, ``"CuKa"``, or a wavelength in angstrom.

    Returns
    -------
    float
        Wavelength in angstrom.

    Raises
    ------
    InputError
        If the name is unknown (the nearest names are listed) or the number is not positive and finite.

    Examples
    --------
    >>> wavelength_of("CuKa"), wavelength_of(1.2)
    (1.54184, 1.2)
    """
    if isinstance(radiation, str):
        if radiation in WAVELENGTHS:
            return WAVELENGTHS[radiation]
        lower = {name.lower(): name for name in WAVELENGTHS}
        near = difflib.get_close_matches(radiation.lower(), lower, n=3, cutoff=0.4)
        nearest = ", ".join(lower[name] for name in near) or ", ".join(WAVELENGTHS)
        raise InputError(f"radiation {radiation!r} is unknown; nearest: {nearest} (or give a wavelength in angstrom)")
    if isinstance(radiation, bool) or not isinstance(radiation, (int, float, np.number)):
        raise InputError(f"radiation must be a name or a wavelength in angstrom, not {radiation!r}")
    wavelength = float(radiation)
    if not (math.isfinite(wavelength) and wavelength > 0):
        raise InputError(f"radiation: a wavelength must be positive and finite, not {wavelength}")
    return wavelength
