"""What an atom scatters: form factors as sums of Gaussians, by the table that they are taken from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.periodic_table import Element
from scipy import constants

from matganip.errors import InputError

# The Mott-Bethe relation's factor from electron to X-ray scattering, 8 pi^2 times the Bohr radius in
# angstrom.
MOTT_BETHE = 41.78214

# h c in eV angstrom.
ELECTRONVOLT_ANGSTROM = constants.h * constants.c / constants.e * 1e10

HEAVIEST_WITH_DISPERSION = 92


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
        >>> xray_form_factors(["Cs", "vac"]).at([0.0, 0.1]).round(3).tolist()
        [[55.0, 37.214], [0.0, 0.0]]
        """
        s2 = np.asarray(s_squared, dtype=np.float64)
        a, b = np.moveaxis(self.coefficients, 2, 0)
        spread = np.exp(-np.multiply.outer(s2, b))  # (*shape, n, n_terms)
        gaussians = np.moveaxis(np.einsum("...ik,ik->...i", spread, a), -1, 0)
        constant = self.constant.reshape(-1, *(1,) * s2.ndim)
        factors: NDArray[np.float64] = constant + (-MOTT_BETHE * s2 if self.mott_bethe else 1.0) * gaussians
        return factors


def xray_form_factors(
    species: Sequence[str], table: str = "mott-bethe", ions: Mapping[str, int] | None = None
) -> FormFactors:
    """X-ray form factors of atoms or ions.

    Parameters
    ----------
    species : sequence of str
        Element symbols; ``"vac"`` scatters nothing.
    table : {"mott-bethe", "waasmaier-kirfel", "international-tables"}
        "mott-bethe" is pymatgen's own (De Graef and McHenry, "Structure of Materials", chapter 12; coefficients as in
        `pymatgen.analysis.diffraction.xrd`). "waasmaier-kirfel": Acta Cryst. A51, 416 (1995), by periodictable.
        "international-tables": International Tables for Crystallography, volume C (1992), table 6.1.1.4, by gemmi.
    ions : mapping of str to int, optional
        Charge of the elements that scatter as ions.

    Returns
    -------
    FormFactors

    Raises
    ------
    InputError
        If a species is not in the table; the message says which have it.

    Examples
    --------
    >>> xray_form_factors(["Cs", "vac"], "waasmaier-kirfel", {"Cs": 1}).at(0.0).round(2).tolist()
    [54.0, 0.0]
    """
    charges = {symbol: (ions or {}).get(symbol, 0) for symbol in species}
    fits = [_NOTHING if symbol == "vac" else TABLES[table](symbol, charges[symbol]) for symbol in species]
    for symbol, fit in zip(species, fits, strict=True):
        if fit is None:
            raise InputError(_missing(symbol, charges[symbol], table))
    found = [fit for fit in fits if fit is not None]
    n_terms = max((len(terms) for _, terms in found), default=1)
    coefficients = np.zeros((len(found), n_terms, 2))
    for row, (_, terms) in zip(coefficients, found, strict=True):
        row[: len(terms)] = terms
    return FormFactors(
        species=tuple(species),
        constant=np.array([constant for constant, _ in found], dtype=np.float64),
        coefficients=coefficients,
        imaginary=np.zeros(len(found)),
        mott_bethe=table == "mott-bethe",
    )


def with_dispersion(factors: FormFactors, wavelength: float) -> FormFactors:
    """Add anomalous dispersion, f' and f''.

    (Cromer and Liberman, J. Chem. Phys. 53, 1891 (1970) and Acta Cryst. A37, 267 (1981), by gemmi.)

    Parameters
    ----------
    factors : FormFactors
        Of X-rays.
    wavelength : float
        Angstrom.

    Returns
    -------
    FormFactors

    Raises
    ------
    InputError
        If an element is heavier than uranium, for which there is no table.

    Examples
    --------
    >>> with_dispersion(xray_form_factors(["Pb"]), 1.54184).imaginary.round(2).tolist()
    [8.51]
    """
    import gemmi

    dispersion = np.zeros((len(factors.species), 2))
    for row, symbol in zip(dispersion, factors.species, strict=True):
        if symbol != "vac" and Element(symbol).Z > HEAVIEST_WITH_DISPERSION:
            raise InputError(f"element {symbol!r} has no f' and f'': Cromer and Liberman's tables end with uranium")
        if symbol != "vac":
            row[:] = gemmi.cromer_liberman(z=Element(symbol).Z, energy=ELECTRONVOLT_ANGSTROM / wavelength)
    return replace(factors, constant=factors.constant + dispersion[:, 0], imaginary=dispersion[:, 1])


def scattering_lengths(species: Sequence[str]) -> FormFactors:
    """Coherent neutron scattering lengths of the natural elements, in fm.

    (Neutron Data Booklet and later tables, by periodictable; the imaginary part is absorption at 1.798 angstrom.)

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
        If an element has no scattering length.

    Examples
    --------
    >>> scattering_lengths(["I", "Br"]).at(0.0).round(3).tolist()
    [5.28, 6.79]
    """
    import periodictable

    lengths = np.zeros(len(species), dtype=np.complex128)
    for i, symbol in enumerate(species):
        if symbol == "vac":
            continue
        isotopes = periodictable.elements.symbol(symbol) if Element.is_valid_symbol(symbol) else None
        length = None if isotopes is None else isotopes.neutron.b_c_complex
        if length is None or not np.isfinite(length):
            raise InputError(f"element {symbol!r} has no neutron scattering length in periodictable")
        lengths[i] = length
    return FormFactors(
        species=tuple(species),
        constant=np.ascontiguousarray(lengths.real),
        coefficients=np.zeros((len(species), 1, 2)),
        imaginary=np.abs(lengths.imag),
    )


Fit = tuple[float, list[list[float]]]
_NOTHING: Fit = (0.0, [[0.0, 0.0]])


def _mott_bethe(symbol: str, charge: int) -> Fit | None:
    """Pymatgen's fit of a neutral atom."""
    fit = _fits().get(symbol)
    return None if fit is None or charge else (float(Element(symbol).Z), fit)


def _waasmaier_kirfel(symbol: str, charge: int) -> Fit | None:
    """Five Gaussians and a constant, of atoms and ions."""
    from periodictable.cromermann import getCMformula

    name = symbol + (f"{abs(charge)}{'+' if charge > 0 else '-'}" if charge else "")
    try:
        formula = getCMformula(name)
    except KeyError:
        return None
    return float(formula.c), np.column_stack([formula.a, formula.b]).tolist()


def _international_tables(symbol: str, charge: int) -> Fit | None:
    """Four Gaussians and a constant, of neutral atoms."""
    import gemmi

    # gemmi has a fit for its unknown element X, too.
    fit = gemmi.Element(symbol).it92 if Element.is_valid_symbol(symbol) else None
    return None if fit is None or charge else (fit.c, np.column_stack([fit.a, fit.b]).tolist())


TABLES: dict[str, Callable[[str, int], Fit | None]] = {
    "mott-bethe": _mott_bethe,
    "waasmaier-kirfel": _waasmaier_kirfel,
    "international-tables": _international_tables,
}
"""Constant and Gaussians (a_k, b_k) of an element with a charge, by the name of the table; None where it has none."""


def _missing(symbol: str, charge: int, table: str) -> str:
    having = [name for name, fit_of in TABLES.items() if fit_of(symbol, charge) is not None]
    what = f"element {symbol!r}" if not charge else f"ion {symbol!r} of charge {charge:+d}"
    elsewhere = f"; it is in {' and '.join(having)}" if having else "; no table has it"
    return f"{what} has no X-ray form factor in the table {table}{elsewhere}"


@cache
def _fits() -> dict[str, list[list[float]]]:
    """Pymatgen's fit coefficients by element symbol, read as the data file that they are."""
    table = files("pymatgen.analysis.diffraction") / "atomic_scattering_params.json"
    fits: dict[str, list[list[float]]] = json.loads(table.read_text(encoding="utf-8"))
    return fits
