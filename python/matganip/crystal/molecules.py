"""Molecular ions of a crystal: found among its atoms, counted as one species each, and put back as rigid molecules."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import DummySpecies, Element
from pymatgen.core.structure import Structure

from matganip.crystal.disorder_tags import DISORDER
from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.crystal.species import molecule_of, molecule_specie, symbol_of
from matganip.errors import InputError, ReadingWarning

RADII = {"H": 0.31, "D": 0.31, "C": 0.76, "N": 0.71, "O": 0.66}
"""Covalent radii, angstrom (Cordero et al., Dalton Trans. 2832 (2008)), of the elements of molecular cations."""

BONDED = 1.3
"""Two atoms are bonded within so many times the sum of their radii."""

WHOLE = 0.1
"""How far the atoms of a molecule, by their occupancies, may be from whole numbers."""

LEAST = 0.02
"""The least share of a cation in a place, and how far shares may be from 1: what the digits of a file leave open."""

SAME_PLACE = 1.2
"""Angstrom from a molecule's centre, within which atoms that are partly there share its place."""

BARE = ("MA", "FA", "GUA")
"""Cations that are known by their carbon and nitrogen alone."""

SINGLE_BOND = 1.25
"""Angstrom: carbon and nitrogen of a molecular cation are further apart than in a cyanide."""

LIGAND = 2.6
"""Angstrom, within which a cation has no other atoms."""

MOLECULE = "molecule"
"""Site property of a molecule: its atoms around the site in angstrom, as JSON; empty of an atom."""

Geometry = list[tuple[str, float, float, float]]
Group = list[tuple[int, NDArray[np.float64]]]
"""Sites, and where they are next to each other."""


@dataclass(frozen=True)
class Molecule:
    """A place of molecular ions among the atoms of a crystal.

    Attributes
    ----------
    shares : dict of str to float
        ``{"FA": 0.9, "MA": 0.1}``: keys of `MOLECULAR_CATIONS`, and how much of each is there.
    others : Composition
        Atoms that share the place: ``Cs0.1``.
    sites : tuple of int
        Its atoms.
    centre : (3,) float64 ndarray
        Fractional, of the atoms other than hydrogen.
    geometry : list of (str, float, float, float)
        Its atoms around the centre, angstrom; empty where it is disordered, or a hydrogen has no position.
    hydrogens : bool
        Whether all its hydrogens have positions.
    """

    shares: dict[str, float]
    others: Composition
    sites: tuple[int, ...]
    centre: NDArray[np.float64]
    geometry: Geometry
    hydrogens: bool

    @property
    def symbol(self) -> str:
        """The cation of which most is there."""
        return max(self.shares, key=lambda one: self.shares[one])

    @property
    def species(self) -> Composition:
        """As a site has it."""
        return Composition({molecule_specie(one): share for one, share in self.shares.items()}) + self.others


def find_molecules(structure: Structure) -> list[Molecule]:
    """Find the molecular cations of a crystal: whole, disordered in orientation, or sharing their place with others.

    Parameters
    ----------
    structure : Structure

    Returns
    -------
    list of Molecule
        Bonded groups of H, C, N and O that do not go on from cell to cell, with C or N in them, and whose occupancies
        add up to one cation that is known, or to parts of one or two; those of MA, FA and GUA also where hydrogens
        are missing.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> ammonium = [(0, 0, 0), (0.1, 0.1, 0.1), (-0.1, -0.1, 0.1), (-0.1, 0.1, -0.1), (0.1, -0.1, -0.1)]
    >>> crystal = Structure(Lattice.cubic(6), ["N", "H", "H", "H", "H", "Cl"], [*ammonium, (0.5, 0.5, 0.5)])
    >>> [(one.symbol, one.sites) for one in find_molecules(crystal)]
    [('NH4', (0, 1, 2, 3, 4))]
    """
    light = [i for i, site in enumerate(structure) if _light(site.species)]
    elements = {symbol_of(one) for i in light for one in _light(structure[i].species)}
    if not elements & {"C", "N"}:
        return []
    found = []
    for group in _groups(structure, light):
        centre, others, partners = _place(structure, group)
        shares, hydrogens = _cations(structure, group, 1 - others.num_atoms)
        if shares:
            members = (*(i for i, _ in group), *partners)
            geometry = _shape(structure, group, centre) if hydrogens and sum(shares.values()) == 1 else []
            found.append(Molecule(shares, others, members, centre, geometry, hydrogens))
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
        If molecules are disordered in orientation, share their place, or have no hydrogens.
    """
    molecules = find_molecules(structure)
    if not molecules:
        return structure
    for text in dict.fromkeys(_remark(one) for one in molecules if not one.geometry):
        warnings.warn(text, ReadingWarning, stacklevel=3)
    taken = {i for one in molecules for i in one.sites}
    kept = [i for i in range(len(structure)) if i not in taken]
    names = [name for name, values in structure.site_properties.items() if None not in values]
    none = {DISORDER: ""}
    return Structure(
        structure.lattice,
        [*(one.species for one in molecules), *(structure[i].species for i in kept)],
        [*(one.centre for one in molecules), *(structure[i].frac_coords for i in kept)],
        site_properties={
            MOLECULE: [*(json.dumps(one.geometry) for one in molecules), *[""] * len(kept)],
            **{
                name: [*[none.get(name, 0)] * len(molecules), *(structure[i].properties[name] for i in kept)]
                for name in names
            },
        },
        labels=[*(one.symbol for one in molecules), *(structure[i].label for i in kept)],
    )


def _remark(molecule: Molecule) -> str:
    rest = "; each is one species on one site, and is written as a rigid molecule of ideal shape"
    if sum(molecule.shares.values()) < 1 or len(molecule.shares) > 1:
        shares = {**molecule.shares, **{symbol_of(one): share for one, share in molecule.others.items()}}
        return ", ".join(f"{one} {share:g}" for one, share in shares.items()) + " in one place" + rest
    why = "disordered in orientation" if molecule.hydrogens else "without the right number of hydrogens"
    return f"{molecule.symbol}: {why}{rest}"


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


def _light(species: Composition) -> dict[Any, float]:
    """What of a site may belong to a molecule."""
    return {one: share for one, share in species.items() if symbol_of(one) in RADII}


def _groups(structure: Structure, light: list[int]) -> list[Group]:
    """Bonded groups: each atom with its fractional position next to the others; none that is endless."""
    positions = structure.frac_coords[light]
    radii = np.array([max(RADII[symbol_of(one)] for one in _light(structure[i].species)) for i in light])
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


def _place(structure: Structure, group: Group) -> tuple[NDArray[np.float64], Composition, list[int]]:
    """The centre of a group, what other atoms share its place, and on which further sites."""
    light = [sum(a for one, a in _light(structure[i].species).items() if symbol_of(one) not in "HD") for i, _ in group]
    weights = np.array(light) if any(light) else np.ones(len(group))
    centre = weights @ np.array([place for _, place in group]) / weights.sum()
    members = {i for i, _ in group}
    shared = {i: {one: a for one, a in structure[i].species.items() if symbol_of(one) not in RADII} for i in members}
    others = sum((Composition(species) for species in shared.values()), Composition())
    near = structure.get_sites_in_sphere(structure.lattice.get_cartesian_coords(centre), SAME_PLACE)
    partners = sorted(
        {
            int(site.index)
            for site in near
            if site.index not in members and not _light(site.species) and site.species.num_atoms < 1 - LEAST
        }
    )
    return centre, sum((structure[i].species for i in partners), others), partners


def _cations(structure: Structure, group: Group, room: float) -> tuple[dict[str, float], bool]:
    """What of which cations a group is, and whether with all its hydrogens; nothing where no cations make it up."""
    amounts: dict[str, float] = {}
    for i, _ in group:
        for one, share in _light(structure[i].species).items():
            element = "H" if symbol_of(one) == "D" else symbol_of(one)
            amounts[element] = amounts.get(element, 0.0) + share
    if "H" in amounts and (found := _fewest(amounts, room, bare=False)):
        return found, True
    if _stands_alone(structure, group):
        return _fewest(amounts, room, bare=True), False
    return {}, False


def _fewest(amounts: Mapping[str, float], room: float, bare: bool) -> dict[str, float]:
    """The one cation, or else the two, that make up amounts of elements best; hydrogen counts for nothing if bare."""
    names = [symbol for symbol in (BARE if bare else MOLECULAR_CATIONS) if _elements(symbol, bare) <= amounts.keys()]
    for number in (1, 2):
        fits = [found for some in combinations(names, number) if (found := _parts(some, amounts, room, bare))]
        if fits:
            return min(fits, key=lambda found: found[1])[0]
    return {}


def _elements(symbol: str, bare: bool) -> set[str]:
    return {str(one) for one in formula_of(symbol)} - ({"H"} if bare else set())


def _parts(
    symbols: tuple[str, ...], amounts: Mapping[str, float], room: float, bare: bool
) -> tuple[dict[str, float], float] | None:
    """How much of each cation makes up amounts of elements, and what is left over; None where they do not.

    Those of whole molecules may be far from what they should be (hydrogens mostly); a part of one, and two that fill
    the room, have to be right.
    """
    elements = [one for one in ("C", "N", "O", "H") if one in amounts and not (bare and one == "H")]
    formulas = [formula_of(symbol).get_el_amt_dict() for symbol in symbols]
    table = np.array([[formula.get(one, 0.0) for formula in formulas] for one in elements])
    wanted = np.array([amounts[one] for one in elements])
    one_whole = np.abs(table[:, 0] - wanted).max() if len(symbols) == 1 and room == 1 else np.inf
    if one_whole < WHOLE:
        return {symbols[0]: 1.0}, float(one_whole)
    heavy = [row for row, one in zip(table, elements, strict=True) if one != "H"]
    if np.linalg.matrix_rank(heavy) < len(symbols):
        return None
    shares = np.linalg.lstsq(table, wanted, rcond=None)[0]
    left = float(np.abs(table @ shares - wanted).max())
    fills = abs(shares.sum() - room) < LEAST
    if shares.min() < LEAST or left > 2 * LEAST or not (fills or (len(symbols) == 1 and shares.sum() < room)):
        return None
    scaled = (shares * room / shares.sum() if fills else shares).round(4)
    return dict(zip(symbols, scaled.tolist(), strict=True)), left


def _stands_alone(structure: Structure, group: Group) -> bool:
    """Whether carbon and nitrogen are as far apart as in a molecular cation, and no other atom as near as in a bond."""
    places = np.array([place for _, place in group]) @ structure.lattice.matrix
    holds = [{symbol_of(one) for one in structure[i].species} for i, _ in group]
    pairs = [
        float(np.linalg.norm(places[i] - places[j]))
        for i, j in combinations(range(len(group)), 2)
        if ("C" in holds[i] and "N" in holds[j]) or ("N" in holds[i] and "C" in holds[j])
    ]
    if not pairs or max(pairs) < SINGLE_BOND:
        return False
    members = {i for i, _ in group}
    near = {
        site.index
        for i in members
        for site in structure.get_neighbors(structure[i], LIGAND)
        if structure[site.index].species.num_atoms > 1 - LEAST
    }
    return near <= members


def _shape(structure: Structure, group: Group, centre: NDArray[np.float64]) -> Geometry:
    """The atoms of a molecule around its centre; none where one of them is disordered."""
    if not all(structure[i].is_ordered for i, _ in group):
        return []
    offsets = (np.array([place for _, place in group]) - centre) @ structure.lattice.matrix
    return [
        (symbol_of(structure[i].specie), x, y, z)
        for (i, _), (x, y, z) in zip(group, offsets.round(6).tolist(), strict=True)
    ]


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
