"""What an atom scatters: form factors as sums of Gaussians, by the table that they are taken from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.periodic_table import Element
from scipy import constants

from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.crystal.species import HYDROGENS, site_type
from matganip.errors import InputError

# The Mott-Bethe relation's factor from electron to X-ray scattering, 8 pi^2 times the Bohr radius in
# angstrom.
MOTT_BETHE = 41.78214

# h c in eV angstrom.
ELECTRONVOLT_ANGSTROM = constants.h * constants.c / constants.e * 1e10

DISPERSION_RANGE = (0.0286, 62.0)
"""Angstrom: 433 keV to 200 eV, where Chantler's tables of f' and f'' hold."""

ENERGY_DEPENDENT_WITHIN = 0.2
"""How far a wavelength may be from 1.798 angstrom, relatively, where a length varies and no table is known."""

THERMAL = 1.798
"""Angstrom, at which neutron scattering lengths are tabulated."""


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
    species: Sequence[str], table: str = "mott-bethe", ions: Mapping[str, int] | Literal["as read"] | None = None
) -> FormFactors:
    """X-ray form factors of atoms or ions.

    Parameters
    ----------
    species : sequence of str
        Element symbols; ``"vac"`` scatters nothing, and isotopes, ``"D"`` or ``"7Li"``, as their element.
    table : {"mott-bethe", "waasmaier-kirfel", "international-tables"}
        "mott-bethe" is pymatgen's own (De Graef and McHenry, "Structure of Materials", chapter 12; coefficients as in
        `pymatgen.analysis.diffraction.xrd`). "waasmaier-kirfel": Acta Cryst. A51, 416 (1995), by periodictable.
        "international-tables": International Tables for Crystallography, volume C (1992), table 6.1.1.4, by gemmi.
    ions : mapping of str to int, or "as read", optional
        Charge of the elements that scatter as ions; "as read": every species scatters with its own, ``"Fe3+"``.

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
    fits = []
    for name in species:
        symbol, _, own = scatterer(name)
        charge = _whole(name, own) if ions == "as read" else (ions or {}).get(symbol, 0)
        fits.append(_NOTHING if symbol == "vac" else TABLES[table](_of_isotope(symbol), charge))
        if fits[-1] is None:
            raise InputError(_missing(symbol, charge, table))
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


def scatterer(name: str) -> tuple[str, int | None, float]:
    """Element, mass number and charge of a species' name; the element of a vacancy is "vac".

    Examples
    --------
    >>> scatterer("7Li"), scatterer("Fe3+"), scatterer("vac"), scatterer("D")
    (('Li', 7, 0.0), ('Fe', None, 3.0), ('vac', None, 0.0), ('D', None, 0.0))
    """
    if name == "vac" or name in MOLECULAR_CATIONS:
        return name, None, 0.0
    found = site_type(name)
    if found is None or found.element is None:
        return name, None, 0.0  # no table has it
    return found.element, found.mass_number, found.charge or 0.0


def _whole(name: str, charge: float) -> int:
    if charge != round(charge):
        raise InputError(f"ions: {name} has no whole charge, for which there is no form factor; give ions by element")
    return round(charge)


def _of_isotope(symbol: str) -> str:
    """The element whose electrons an isotope has."""
    return "H" if symbol in HYDROGENS else symbol


def with_dispersion(factors: FormFactors, wavelength: float) -> FormFactors:
    """Add anomalous dispersion, f' and f''.

    (Chantler, J. Phys. Chem. Ref. Data 24, 71 (1995) and 29, 597 (2000), by xraydb. Cromer and Liberman's older tables,
    which gemmi has, differ from them by an electron for Bi at CuKa, and fail at short wavelengths.)

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
        If an element is heavier than uranium, or the wavelength outside of `DISPERSION_RANGE`, where there is no table.

    Examples
    --------
    >>> with_dispersion(xray_form_factors(["Pb"]), 1.54184).imaginary.round(2).tolist()
    [8.43]
    """
    low, high = DISPERSION_RANGE
    if not low <= wavelength <= high:
        raise InputError(
            f"anomalous: f' and f'' are tabulated between {low} and {high} angstrom, not at {wavelength:g}; leave "
            "it out"
        )
    dispersion = np.zeros((len(factors.species), 2))
    for row, name in zip(dispersion, factors.species, strict=True):
        if name != "vac":
            row[:] = _dispersion(_of_isotope(scatterer(name)[0]), wavelength)
    return replace(factors, constant=factors.constant + dispersion[:, 0], imaginary=dispersion[:, 1])


@cache
def _dispersion(symbol: str, wavelength: float) -> tuple[float, float]:
    import xraydb

    if not Element.is_valid_symbol(symbol) or Element(symbol).Z > 92:
        raise InputError(f"element {symbol!r} has no f' and f'': Chantler's tables end with uranium")
    energy = ELECTRONVOLT_ANGSTROM / wavelength
    return float(xraydb.f1_chantler(symbol, energy)), float(xraydb.f2_chantler(symbol, energy))


def scattering_lengths(
    species: Sequence[str], wavelength: float = THERMAL, isotopes: Mapping[str, int] | None = None
) -> FormFactors:
    """Coherent neutron scattering lengths of elements and isotopes, in fm.

    (Neutron Data Booklet and later tables, by periodictable. The imaginary part is absorption, whose length does not
    depend on the wavelength; Sm, Eu, Gd and their isotopes have resonances at thermal energies, and the lengths that
    Lynn and Seeger, At. Data Nucl. Data Tables 44, 191 (1990), tabulate by energy.)

    Parameters
    ----------
    species : sequence of str
        Element symbols, or isotopes: ``"D"``, ``"7Li"``; ``"vac"`` scatters nothing.
    wavelength : float
        Angstrom.
    isotopes : mapping of str to int, optional
        Mass number of the elements that are no natural mixture, ``{"Li": 7}``.

    Returns
    -------
    FormFactors

    Raises
    ------
    InputError
        If there is no scattering length, or it depends on the energy and none is known at this one.

    Examples
    --------
    >>> scattering_lengths(["I", "H", "D", "7Li"]).at(0.0).round(3).tolist()
    [5.28, -3.741, 6.668, -2.28]
    """
    lengths = np.zeros(len(species), dtype=np.complex128)
    for i, name in enumerate(species):
        symbol, mass_number, _ = scatterer(name)
        if symbol != "vac":
            lengths[i] = _length(symbol, mass_number or (isotopes or {}).get(symbol), wavelength)
    return FormFactors(
        species=tuple(species),
        constant=np.ascontiguousarray(lengths.real),
        coefficients=np.zeros((len(species), 1, 2)),
        imaginary=np.abs(lengths.imag),
    )


def pymatgen_lengths(species: Sequence[str]) -> FormFactors:
    """Coherent scattering lengths of the Neutron Data Booklet (2003) as pymatgen has them, real, in fm.

    Parameters
    ----------
    species : sequence of str
        As for `scattering_lengths`.

    Returns
    -------
    FormFactors

    Raises
    ------
    InputError
        If one is not in the table.

    Examples
    --------
    >>> pymatgen_lengths(["C", "D", "7Li"]).at(0.0).tolist()
    [6.646, 6.671, -2.22]
    """
    table = _booklet()
    lengths = np.zeros(len(species))
    for i, name in enumerate(species):
        symbol, mass_number, _ = scatterer(name)
        if symbol == "vac":
            continue
        mass_number = HYDROGENS.get(symbol, mass_number)
        key = _of_isotope(symbol) if mass_number is None else f"{mass_number}{_of_isotope(symbol)}"
        if key not in table:
            raise InputError(f"Unable to calculate ND pattern as there is no scattering coefficients for {key}.")
        lengths[i] = table[key]
    return FormFactors(tuple(species), lengths, np.zeros((len(species), 1, 2)), np.zeros(len(species)))


@cache
def _length(symbol: str, mass_number: int | None, wavelength: float) -> complex:
    import periodictable

    what = f"isotope '{mass_number}{symbol}'" if mass_number else f"element {symbol!r}"
    if symbol in MOLECULAR_CATIONS:
        what = f"molecule {symbol!r}"
    element = periodictable.elements.symbol(symbol) if Element.is_valid_symbol(symbol) else None
    atom: Any = element
    if element is not None and mass_number is not None:
        atom = element[mass_number] if mass_number in element.isotopes else None
    neutron = None if atom is None else atom.neutron
    if neutron is None or neutron.b_c_complex is None or not np.isfinite(neutron.b_c_complex):
        raise InputError(f"{what} has no neutron scattering length in periodictable")
    if not neutron.is_energy_dependent:
        return complex(neutron.b_c_complex)
    if neutron.nsf_table is not None:
        low, high = float(np.min(neutron.nsf_table[0])), float(np.max(neutron.nsf_table[0]))
        if low <= wavelength <= high:
            return complex(neutron.scattering_by_wavelength(wavelength)[0])
        known = f"known between {low:.2f} and {high:.2f} angstrom"
    else:
        if abs(wavelength / THERMAL - 1) <= ENERGY_DEPENDENT_WITHIN:
            return complex(neutron.b_c_complex)
        known = f"known at {THERMAL} angstrom"
    raise InputError(
        f"the neutron scattering length of {what} depends on the energy; it is {known}, not at {wavelength:g}"
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
    kind = "molecule" if symbol in MOLECULAR_CATIONS else "element"
    what = f"{kind} {symbol!r}" if not charge else f"ion {symbol!r} of charge {charge:+d}"
    elsewhere = f"; it is in {' and '.join(having)}" if having else "; no table has it"
    return f"{what} has no X-ray form factor in the table {table}{elsewhere}"


@cache
def _booklet() -> dict[str, float]:
    """Pymatgen's scattering lengths by symbol and isotope, read as the data file that they are."""
    table = files("pymatgen.analysis.diffraction") / "neutron_scattering_length.json"
    lengths: dict[str, float] = json.loads(table.read_text(encoding="utf-8"))
    return lengths


@cache
def _fits() -> dict[str, list[list[float]]]:
    """Pymatgen's fit coefficients by element symbol, read as the data file that they are."""
    table = files("pymatgen.analysis.diffraction") / "atomic_scattering_params.json"
    fits: dict[str, list[list[float]]] = json.loads(table.read_text(encoding="utf-8"))
    return fits
