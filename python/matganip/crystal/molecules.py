"""Molecular ions of a crystal: found among its atoms, counted as one species each, and put back as rigid molecules."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import DummySpecies, Element
from pymatgen.core.structure import Structure

from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.crystal.species import molecule_of, molecule_specie, symbol_of
from matganip.errors import InputError, ReadingWarning

RADII = {"H": 0.31, "D": 0.31, "C": 0.76, "N": 0.71, "O": 0.66}
"""Covalent radii, angstrom (Cordero et al., Dalton Trans. 2832 (2008)), of the elements of molecular cations."""

BONDED = 1.3
"""Two atoms are bonded within so many times the sum of their radii."""

WHOLE = 0.1
"""How far the atoms of a molecule, by their occupancies, may be from whole numbers."""

MOLECULE = "molecule"
"""Site property of a molecule: its atoms around the site in angstrom, as JSON; empty of an atom."""

Geometry = list[tuple[str, float, float, float]]


@dataclass(frozen=True)
class Molecule:
    """A molecular ion among the atoms of a crystal.

    Attributes
    ----------
    symbol : str
        ``"FA"``, a key of `MOLECULAR_CATIONS`.
    sites : tuple of int
        Its atoms.
    centre : (3,) float64 ndarray
        Fractional, of the atoms other than hydrogen.
    geometry : list of (str, float, float, float)
        Its atoms around the centre, angstrom; empty where it is disordered in orientation.
    """

    symbol: str
    sites: tuple[int, ...]
    centre: NDArray[np.float64]
    geometry: Geometry


def find_molecules(structure: Structure) -> list[Molecule]:
    """Find the molecular cations of a crystal, whole or disordered in orientation.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    list of Molecule
        Bonded groups of H, C, N and O that do not go on from cell to cell, with C or N and H in them, and whose
        occupancies add up to a cation that is known.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> ammonium = [(0, 0, 0), (0.1, 0.1, 0.1), (-0.1, -0.1, 0.1), (-0.1, 0.1, -0.1), (0.1, -0.1, -0.1)]
    >>> crystal = Structure(Lattice.cubic(6), ["N", "H", "H", "H", "H", "Cl"], [*ammonium, (0.5, 0.5, 0.5)])
    >>> [(one.symbol, one.sites) for one in find_molecules(crystal)]
    [('NH4', (0, 1, 2, 3, 4))]
    """
    light = [i for i, site in enumerate(structure) if {symbol_of(one) for one in site.species} <= RADII.keys()]
    elements = {symbol_of(one) for i in light for one in structure[i].species}
    if not elements & {"C", "N"} or not elements & {"H", "D"}:
        return []
    found = []
    for group in _groups(structure, light):
        symbol = _cation([structure[i].species for i, _ in group])
        if symbol is not None:
            found.append(_molecule(structure, symbol, group))
    return found


def molecular_sites(structure: Structure) -> Structure:
    """Put one site in the place of every molecular cation.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    Structure
        The same where it has none.

    Warns
    -----
    ReadingWarning
        If molecules are disordered in orientation.
    """
    molecules = find_molecules(structure)
    if not molecules:
        return structure
    disordered = sorted({one.symbol for one in molecules if not one.geometry})
    if disordered:
        warnings.warn(
            f"{', '.join(disordered)}: disordered in orientation; each is one species on one site, and is written as a "
            "rigid molecule of ideal shape",
            ReadingWarning,
            stacklevel=3,
        )
    taken = {i for one in molecules for i in one.sites}
    kept = [i for i in range(len(structure)) if i not in taken]
    names = [name for name, values in structure.site_properties.items() if None not in values]
    return Structure(
        structure.lattice,
        [*(molecule_specie(one.symbol) for one in molecules), *(structure[i].species for i in kept)],
        [*(one.centre for one in molecules), *(structure[i].frac_coords for i in kept)],
        site_properties={
            MOLECULE: [*(json.dumps(one.geometry) for one in molecules), *[""] * len(kept)],
            **{name: [*[0] * len(molecules), *(structure[i].properties[name] for i in kept)] for name in names},
        },
        labels=[*(one.symbol for one in molecules), *(structure[i].label for i in kept)],
    )


def names_in(substitutions: Mapping[Any, Mapping[str, Any]]) -> set[str]:
    """Names of sublattices and species in substitutions.

    >>> sorted(names_in({"FA": {"Cs": 1, "MA": 2}, (3, 4): {"Br": 1}}))
    ['Br', 'Cs', 'FA', 'MA']
    """
    keys = {part.strip() for key in substitutions if isinstance(key, str) for part in key.split(",")}
    return keys | {name for species in substitutions.values() for name in species}


def with_molecules(structure: Structure, names: Iterable[str]) -> Structure:
    """Put one site in the place of molecular cations where one is named, or where one is disordered.

    Parameters
    ----------
    structure : Structure
    names : iterable of str
        Of sublattices and species that are asked for.

    Returns
    -------
    Structure
    """
    asked = any(name in MOLECULAR_CATIONS for name in names)
    if asked or (not structure.is_ordered and any(not one.geometry for one in find_molecules(structure))):
        return molecular_sites(structure)
    return structure


def expanded(structure: Structure) -> Structure:
    """Put the atoms of rigid molecules on the sites of molecular cations.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    Structure
        The same where it has none.

    Raises
    ------
    InputError
        If the shape of a molecule is not known.
    """
    if not any(isinstance(one, DummySpecies) for one in structure.composition):
        return structure
    species: list[Any] = []
    coordinates: list[NDArray[np.float64]] = []
    labels: list[str | None] = []
    for site in structure:
        symbol = molecule_of(site.specie)
        if symbol is None:
            species.append(site.specie)
            coordinates.append(site.coords)
            labels.append(site.label)
            continue
        for element, *offset in _geometry(symbol, str(site.properties.get(MOLECULE) or "[]")):
            species.append(Element(element))
            coordinates.append(site.coords + np.array(offset))
            labels.append(None)
    return Structure(structure.lattice, species, coordinates, coords_are_cartesian=True, labels=labels)


def atoms_in(symbol: str) -> int:
    """How many atoms a species is: those of a molecular cation, or one.

    >>> atoms_in("FA"), atoms_in("Cs")
    (8, 1)
    """
    return round(formula_of(symbol).num_atoms) if symbol in MOLECULAR_CATIONS else 1


@cache
def formula_of(symbol: str) -> Composition:
    """The atoms of a molecular cation.

    >>> formula_of("MA").formula
    'H6 C1 N1'
    """
    cation = MOLECULAR_CATIONS[symbol]
    for text in (cation.symbol, *cation.spellings):
        found = Composition(text) if any(c.isdigit() for c in text) else None
        if found is not None and "H" in found and {str(one) for one in found} <= RADII.keys():
            return found
    raise InputError(f"{symbol}: its formula is not known")


def _groups(structure: Structure, light: list[int]) -> list[list[tuple[int, NDArray[np.float64]]]]:
    """Bonded groups: each atom with its fractional position next to the others; none that is endless."""
    positions = structure.frac_coords[light]
    radii = np.array([max(RADII[symbol_of(one)] for one in structure[i].species) for i in light])
    apart = positions[None] - positions[:, None]
    shift = np.rint(apart)
    distance = np.linalg.norm((apart - shift) @ structure.lattice.matrix, axis=2)
    bonded = distance < BONDED * (radii[:, None] + radii)
    group_of = np.full(len(light), -1)
    found = []
    for start in range(len(light)):
        if group_of[start] >= 0:
            continue
        place = {start: positions[start]}
        todo, endless = [start], False
        group_of[start] = start
        while todo:
            here = todo.pop()
            for other in np.flatnonzero(bonded[here]):
                there = positions[other] - shift[here, other] + (place[here] - positions[here])
                if other not in place:
                    place[int(other)] = there
                    group_of[other] = start
                    todo.append(int(other))
                elif np.abs(place[int(other)] - there).max() > 0.5:
                    endless = True
        if not endless:
            found.append([(light[i], place[i]) for i in sorted(place)])
    return found


def _cation(members: list[Composition]) -> str | None:
    amounts: dict[str, float] = {}
    for species in members:
        for one, share in species.items():
            element = "H" if symbol_of(one) == "D" else symbol_of(one)
            amounts[element] = amounts.get(element, 0.0) + share
    for symbol in MOLECULAR_CATIONS:
        formula = formula_of(symbol).get_el_amt_dict()
        if formula.keys() == amounts.keys() and all(abs(amounts[one] - formula[one]) < WHOLE for one in formula):
            return symbol
    return None


def _molecule(structure: Structure, symbol: str, group: list[tuple[int, NDArray[np.float64]]]) -> Molecule:
    weights = np.array(
        [sum(a for one, a in structure[i].species.items() if symbol_of(one) not in "HD") for i, _ in group]
    )
    positions = np.array([place for _, place in group])
    centre = weights @ positions / weights.sum()
    ordered = all(structure[i].is_ordered for i, _ in group)
    offsets = (positions - centre) @ structure.lattice.matrix
    geometry: Geometry = []
    if ordered:
        for (i, _), (x, y, z) in zip(group, offsets.round(6).tolist(), strict=True):
            geometry.append((symbol_of(structure[i].specie), x, y, z))
    return Molecule(symbol, tuple(i for i, _ in group), centre, geometry)


def _geometry(symbol: str, stored: str) -> Geometry:
    given: Geometry = [(str(one[0]), float(one[1]), float(one[2]), float(one[3])) for one in json.loads(stored)]
    if given:
        return given
    if symbol not in _SHAPES:
        raise InputError(
            f"{symbol}: the shape of the molecule is not known ({', '.join(_SHAPES)} are); take a parent that has it"
        )
    return _SHAPES[symbol]


def _planar(n_arms: int, angles: tuple[float, ...], bond: float) -> Geometry:
    """A carbon with NH2 groups in one plane, and a hydrogen where there is room for one."""
    atoms: Geometry = [("C", 0.0, 0.0, 0.0)]
    for angle in angles[:n_arms]:
        a = np.radians(angle)
        x, y = bond * float(np.cos(a)), bond * float(np.sin(a))
        atoms.append(("N", x, y, 0.0))
        for turn in (-60.0, 60.0):
            b = np.radians(angle + turn)
            atoms.append(("H", x + 1.01 * float(np.cos(b)), y + 1.01 * float(np.sin(b)), 0.0))
    if n_arms == 2:
        atoms.append(("H", -1.09, 0.0, 0.0))
    return _centred(atoms)


def _axial() -> Geometry:
    """Methylammonium, staggered."""
    atoms: Geometry = [("C", 0.0, 0.0, -0.745), ("N", 0.0, 0.0, 0.745)]
    for element_z, bond, sign, first in ((-0.745, 1.09, -1.0, 0.0), (0.745, 1.03, 1.0, 60.0)):
        for k in range(3):
            a = np.radians(first + 120 * k)
            out, up = bond * np.sqrt(8) / 3, bond / 3
            atoms.append(("H", float(out * np.cos(a)), float(out * np.sin(a)), element_z + sign * up))
    return _centred(atoms)


def _centred(atoms: Geometry) -> Geometry:
    heavy = np.mean([one[1:] for one in atoms if one[0] != "H"], axis=0)
    return [(one[0], *map(float, (np.array(one[1:]) - heavy).round(4))) for one in atoms]  # type: ignore[misc]


_TETRAHEDRON = tuple(1.03 / 3**0.5 * np.array(one) for one in ((1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)))
_SHAPES: dict[str, Geometry] = {
    "NH4": [("N", 0.0, 0.0, 0.0), *(("H", *map(float, one)) for one in _TETRAHEDRON)],  # type: ignore[list-item]
    "MA": _axial(),
    "FA": _planar(2, (-62.5, 62.5), 1.31),
    "GUA": _planar(3, (0.0, 120.0, 240.0), 1.33),
}
"""Ideal shapes, by the bond lengths and angles of the gas phase, angstrom."""
