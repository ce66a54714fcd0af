"""Rows of a CIF's table of atoms: what stands where, how much of it, and how it moves."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.crystal.cif_table import CifTable, number_of
from matganip.crystal.displacements import dimensionless
from matganip.crystal.limits import first_beyond
from matganip.crystal.molecular_ions import molecular_cation
from matganip.crystal.species import SiteType, site_type
from matganip.errors import InputError

OCCUPANCY = ("_atom_site_occupancy", "_atom_site_occupation")

_INDICES = ("11", "22", "33", "23", "13", "12")


@dataclass(frozen=True, eq=False)
class AtomRow:
    """An atom of the asymmetric unit.

    Attributes
    ----------
    label : str
    found : SiteType
        What stands there.
    charge : float or None
    position : numpy.ndarray
        (3,) fractional.
    occupancy : float
    isotropic : tuple of (str, float) or None
        ``("B_iso", value)`` or ``("U_iso", value)``, angstrom^2.
    star : numpy.ndarray or None
        (6,) U*, as `dimensionless` has it.
    multiplicity : float or None
        Images that the file states.
    disorder : tuple of (str, str) or None
        Assembly, which may have no name, and group.
    """

    label: str
    found: SiteType
    charge: float | None
    position: NDArray[np.float64]
    occupancy: float
    isotropic: tuple[str, float] | None = None
    star: NDArray[np.float64] | None = None
    multiplicity: float | None = None
    disorder: tuple[str, str] | None = None


def atom_rows(table: CifTable, lattice: Lattice) -> Iterator[AtomRow]:
    """Read the rows, in their order.

    Raises
    ------
    InputError
        If a row names no element, has no coordinates or an occupancy that is none; the message names its label.
    """
    types = table.column("_atom_site_type_symbol")
    labels = table.column("_atom_site_label")
    names = labels or types
    if names is None:
        raise InputError("its atoms have neither a label nor a type symbol")
    axes = [table.column(f"_atom_site_fract_{axis}") for axis in "xyz"]
    occupancies = table.column(*OCCUPANCY)
    unknown = table.question_marks(*OCCUPANCY)
    flags = table.column("_atom_site_calc_flag")
    hydrogens = table.numbers("_atom_site_attached_hydrogens")
    multiplicities = table.numbers("_atom_site_symmetry_multiplicity", "_atom_site_site_symmetry_multiplicity")
    states = _oxidation_states(table)
    moves = _Displacements(table, lattice)
    groups = table.column("_atom_site_disorder_group")
    assemblies = table.column("_atom_site_disorder_assembly")
    for row in range(len(names)):
        label = names[row] or (types[row] if types else None) or f"row {row + 1}"
        if flags and flags[row] == "dum":
            warnings.warn(f"{label} is a dummy site and is left out", stacklevel=2)
            continue
        position = [axis[row] if axis else None for axis in axes]
        if None in position:
            warnings.warn(f"{label} has no coordinates and is left out", stacklevel=2)
            continue
        symbol = types[row] if types else None
        if symbol is not None and (shared := _several(symbol)):
            for share, one in shared:
                yield AtomRow(label, _site_type(label, one), None, _position(label, position), share)
            continue
        occupancy = _occupancy(label, occupancies[row] if occupancies else None)
        if row in unknown:
            warnings.warn(f"the occupancy of {label} is not known (?); 1 is taken", stacklevel=2)
        if occupancy == 0:
            warnings.warn(f"{label} has an occupancy of 0 and is left out", stacklevel=2)
            continue
        found = _site_type(label, symbol)
        implied = found.hydrogens or (hydrogens[row] if hydrogens else None) or 0
        if implied:
            what = f"{label} ({symbol})" if symbol else label
            warnings.warn(
                f"{what} is read as {found.element} without its {implied:g} H, which have no positions", stacklevel=2
            )
        charge = states.get(symbol or label, states.get(found.element or "", found.charge))
        isotropic, star = moves.of(row, label)
        images = multiplicities[row] if multiplicities else None
        group = groups[row] if groups else None
        disorder = None if group in (None, "0") else ((assemblies[row] if assemblies else None) or "", str(group))
        yield AtomRow(label, found, charge, _position(label, position), occupancy, isotropic, star, images, disorder)


def _several(symbol: str) -> list[tuple[float, str]]:
    """Shares and species of a type symbol that holds several, as Pauling's file writes them: ``0.8Nb + 0.2Zr``."""
    parts = [re.fullmatch(r"(\d*\.\d+|1)\s*(?:\(\d+\))?\s*([A-Z].*)", part.strip()) for part in symbol.split("+ ")]
    if len(parts) < 2 or None in parts:
        return []
    return [(float(part[1]), re.sub("<[^>]*>", "", part[2])) for part in parts if part is not None]


def _site_type(label: str, symbol: str | None) -> SiteType:
    text, what = (symbol, f"the type symbol {symbol!r} of {label}") if symbol else (label, f"the label {label!r}")
    ion = molecular_cation(text)
    if ion is not None:
        return SiteType(ion.symbol)
    found = site_type(text, label=symbol is None)
    if found is None:
        raise InputError(f"{what} names no element, or several")
    if found.guessed and not found.hydrogens:
        warnings.warn(f"{what} is read as {found.element or 'a vacancy'}", stacklevel=3)
    if found.element in ("D", "T") and symbol is None:
        warnings.warn(f"{what} is read as {'deuterium' if found.element == 'D' else 'tritium'}", stacklevel=3)
    return found


def _oxidation_states(table: CifTable) -> dict[str, float]:
    """By type symbol, and by the bare element where only one state of it is listed."""
    symbols, states = table.column("_atom_type_symbol"), table.numbers("_atom_type_oxidation_number")
    if symbols is None or states is None or len(symbols) != len(states):
        return {}
    listed = {symbol: state for symbol, state in zip(symbols, states, strict=True) if symbol and state is not None}
    of_element: dict[str, set[float]] = {}
    for symbol, state in listed.items():
        found = site_type(symbol)
        if found is not None and found.element is not None:
            of_element.setdefault(found.element, set()).add(state)
    single = {element: state for element, (state, *more) in of_element.items() if not more}
    return {**single, **listed}


def _occupancy(label: str, text: str | None) -> float:
    value = number_of(text, f"the occupancy of {label}")
    if value is None:
        return 1.0
    if value < 0:
        raise InputError(f"the occupancy of {label} is negative, {value:g}")
    return value


def _position(label: str, texts: list[str | None]) -> NDArray[np.float64]:
    values = [number_of(text, f"a coordinate of {label}") for text in texts]
    position = np.array(values, dtype=np.float64)
    if first_beyond(position[None]) is not None:
        raise InputError(f"{label} has the coordinates {position.tolist()}, which are no fractions of a cell")
    return position


class _Displacements:
    """Displacements of each row, in whichever of the CIF's forms they stand."""

    def __init__(self, table: CifTable, lattice: Lattice) -> None:
        self._kinds = table.column("_atom_site_adp_type", "_atom_site_thermal_displace_type")
        self._isotropic = {
            "U_iso": table.column("_atom_site_u_iso_or_equiv"),
            "B_iso": table.column("_atom_site_b_iso_or_equiv"),
        }
        self._anisotropic = _anisotropic(table, lattice)
        self._some = bool(self._anisotropic) or any(
            value is not None for column in self._isotropic.values() for value in column or []
        )

    def of(self, row: int, label: str) -> tuple[tuple[str, float] | None, NDArray[np.float64] | None]:
        """Isotropic and anisotropic displacement of a row; none where the file has none at all."""
        kind = self._kinds[row] if self._kinds else None
        star = self._anisotropic.get(label)
        if star is not None and kind not in ("Uiso", "Biso", "Uovl"):
            return None, star
        for name, column in self._isotropic.items():
            value = number_of(column[row] if column else None, f"{name} of {label}")
            if value is not None:
                return (name, value), None
        if self._some:
            warnings.warn(f"{label} has no displacement, though others do: 0 is taken", stacklevel=3)
            return ("B_iso", 0.0), None
        return None, None


def _anisotropic(table: CifTable, lattice: Lattice) -> dict[str, NDArray[np.float64]]:
    """U* by label, from U, B = 8 pi^2 U, or beta = 2 pi^2 U*."""
    labels = table.column("_atom_site_aniso_label", "_atom_site_label")
    found: dict[str, NDArray[np.float64]] = {}
    for letter, factor in (("beta", 1 / (2 * np.pi**2)), ("b", 1 / (8 * np.pi**2)), ("u", 1.0)):
        columns = [
            table.numbers(f"_atom_site_aniso_{letter}_{index}", f"_atom_site_aniso_{letter}{index}")
            for index in _INDICES
        ]
        if labels is None or any(column is None for column in columns):
            continue
        for label, *six in zip(labels, *(column or [] for column in columns), strict=True):
            if label is None or any(value is None for value in six):
                continue
            values = np.array(six, dtype=np.float64) * factor
            found[label] = values if letter == "beta" else dimensionless(values, lattice)
    return found
