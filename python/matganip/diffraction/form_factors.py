"""What an atom scatters: form factors as sums of Gaussians, by the table that they are taken from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.periodic_table import Element

from matganip.errors import InputError

# The Mott-Bethe relation's factor from electron to X-ray scattering, 8 pi^2 times the Bohr radius in
# angstrom.
MOTT_BETHE = 41.78214


@dataclass(frozen=True, eq=False)
class FormFactors:
    r"""Form factors of a list of species.

    .. math:: f(s) = c + \sum_k a_k \exp(-b_k s^2) \quad\text{or}\quad
              f(s) = c - 41.78214\, s^2 \sum_k a_k \exp(-b_k s^2), \qquad s = \sin\theta / \lambda

    the latter (Mott and Bethe's relation, as pymatgen has it) where `mott_bethe` is set, and an imaginary part that
    does not depend on s.

    Attributes
    ----------
    species : tuple of str
    constant : numpy.ndarray
        (n,) float64, electrons (neutrons: fm), f' included.
    coefficients : numpy.ndarray
        (n, n_terms, 2) float64, rows (a_k, b_k), b_k in angstrom^2 and not negative.
    imaginary : numpy.ndarray
        (n,) float64, f''.
    mott_bethe : bool
    """

    species: tuple[str, ...]
    constant: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    imaginary: NDArray[np.float64]
    mott_bethe: bool = False

    def at(self, s_squared: ArrayLike) -> NDArray[np.float64]:
        r"""Real parts at (sin theta / wavelength)^2.

        Parameters
        ----------
        s_squared : array_like
            angstrom^-2, any shape.

        Returns
        -------
        numpy.ndarray
            (n, \*shape) float64.

        Examples
        --------
        >>> neutral(["Cs", "vac"]).at([0.0, 0.1]).round(3).tolist()
        [[55.0, 37.214], [0.0, 0.0]]
        """
        s2 = np.asarray(s_squared, dtype=np.float64)
        a, b = np.moveaxis(self.coefficients, 2, 0)
        spread = np.exp(-np.multiply.outer(s2, b))  # (*shape, n, n_terms)
        gaussians = np.moveaxis(np.einsum("...ik,ik->...i", spread, a), -1, 0)
        constant = self.constant.reshape(-1, *(1,) * s2.ndim)
        factors: NDArray[np.float64] = constant + (-MOTT_BETHE * s2 if self.mott_bethe else 1.0) * gaussians
        return factors


def neutral(species: Sequence[str]) -> FormFactors:
    """X-ray form factors of neutral atoms by the Mott-Bethe relation: pymatgen's own.

    (De Graef and McHenry, "Structure of Materials", chapter 12; coefficients as in
    `pymatgen.analysis.diffraction.xrd`.)

    Parameters
    ----------
    species : sequence of str
        Element symbols; ``"vac"`` scatters nothing.

    Returns
    -------
    FormFactors

    Raises
    ------
    InputError
        If an element has no coefficients in the table.
    """
    fits = [[[0.0, 0.0]] * 4 if symbol == "vac" else _fits().get(symbol) for symbol in species]
    for symbol, fit in zip(species, fits, strict=True):
        if fit is None:
            raise InputError(f"element {symbol!r} has no X-ray form factor in pymatgen's atomic_scattering_params")
    return FormFactors(
        species=tuple(species),
        constant=np.array([0 if symbol == "vac" else Element(symbol).Z for symbol in species], dtype=np.float64),
        coefficients=np.array(fits, dtype=np.float64).reshape(-1, 4, 2),
        imaginary=np.zeros(len(species)),
        mott_bethe=True,
    )


@cache
def _fits() -> dict[str, list[list[float]]]:
    """Pymatgen's fit coefficients by element symbol, read as the data file that they are."""
    table = files("pymatgen.analysis.diffraction") / "atomic_scattering_params.json"
    fits: dict[str, list[list[float]]] = json.loads(table.read_text(encoding="utf-8"))
    return fits
