"""Radiation and how an atom scatters it: wavelengths by name, and X-ray form factors."""

from __future__ import annotations

import difflib
import json
import math
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.periodic_table import Element

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

# The Mott-Bethe relation's factor from electron to X-ray scattering, 8 pi^2 times the Bohr radius in
# angstrom.
MOTT_BETHE = 41.78214


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


@cache
def _fits() -> dict[str, list[list[float]]]:
    """Pymatgen's fit coefficients by element symbol, read as the data file that they are."""
    table = files("pymatgen.analysis.diffraction") / "atomic_scattering_params.json"
    fits: dict[str, list[list[float]]] = json.loads(table.read_text(encoding="utf-8"))
    return fits


def form_factor(symbol: str, s_squared: ArrayLike) -> NDArray[np.float64]:
    r"""X-ray form factor of a neutral atom, in electrons.

    .. math:: f(s) = Z - 41.78214\, s^2 \sum_k a_k \exp(-b_k s^2), \qquad s = \sin\theta / \lambda

    (De Graef and McHenry, "Structure of Materials", chapter 12; coefficients as in
    `pymatgen.analysis.diffraction.xrd`).

    Parameters
    ----------
    symbol : str
        Element symbol; ``"vac"`` scatters nothing.
    s_squared : array_like
        (sin theta / wavelength)^2 in angstrom^-2, any shape.

    Returns
    -------
    numpy.ndarray
        float64 of the shape of `s_squared`.

    Raises
    ------
    InputError
        If the element has no coefficients in the table.

    Examples
    --------
    >>> float(form_factor("Cs", 0.0))
    55.0
    >>> float(form_factor("vac", 0.1))
    0.0
    """
    s2 = np.asarray(s_squared, dtype=np.float64)
    if symbol == "vac":
        return np.zeros_like(s2)
    a, b = form_factor_fit(symbol).T
    factor: NDArray[np.float64] = Element(symbol).Z - MOTT_BETHE * s2 * (np.exp(-np.multiply.outer(s2, b)) @ a)
    return factor


def form_factor_fit(symbol: str) -> NDArray[np.float64]:
    """Fit coefficients of an element's form factor.

    Parameters
    ----------
    symbol : str
        Element symbol.

    Returns
    -------
    numpy.ndarray
        (4, 2) float64, rows (a_k, b_k), b_k in angstrom^2; see `form_factor`.

    Raises
    ------
    InputError
        If the element has no coefficients in the table.

    Examples
    --------
    >>> form_factor_fit("Cs").shape
    (4, 2)
    """
    fit = _fits().get(symbol)
    if fit is None:
        raise InputError(f"element {symbol!r} has no X-ray form factor in pymatgen's atomic_scattering_params")
    return np.array(fit, dtype=np.float64)
