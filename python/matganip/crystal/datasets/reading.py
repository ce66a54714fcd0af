"""The rules by which real structures become rows (`abx3_from_folder` states them): the same for every source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pymatgen.core.structure import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

from matganip.crystal.datasets.table import PerovskiteTable, Skipped, make_table
from matganip.crystal.formulas import parse_formula
from matganip.crystal.perovskite_sites import PerovskiteSites, perovskite_sites
from matganip.crystal.perovskites import identify_perovskite
from matganip.errors import InputError

UNREADABLE = "does not read"
HYDROGEN = "holds hydrogen"
DISORDERED = "partial occupancies"
COMPOSITION = "no neutral ABX3"
FRAMEWORK = "no perovskite framework"
CONTRADICTION = "sites contradict radii"
DUPLICATE = "duplicate"

NONMETALS = frozenset(["B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "Te", "I", "At"])


@dataclass(frozen=True)
class Entry:
    """A structure that is read when its turn comes.

    Attributes
    ----------
    name : str
        File name or identifier.
    read : callable
        Returns the Structure, or raises `InputError`.
    formula : str
        Where it is known before reading; what cannot be a perovskite is then never read. May be empty.
    """

    name: str
    read: Callable[[], Structure]
    formula: str = ""


class _Skip(Exception):  # noqa: N818 - no error: the way out of the rules
    def __init__(self, kind: str, detail: str = "") -> None:
        self.kind, self.detail = kind, detail


def read_table(entries: Iterable[Entry], disordered: bool) -> PerovskiteTable:
    """Apply the rules to each entry; what passes is kept with its structure."""
    names: list[str] = []
    structures: list[Structure] = []
    found: list[PerovskiteSites] = []
    skipped: list[Skipped] = []
    first: dict[tuple[str, int], str] = {}
    for entry in entries:
        try:
            structure = _structure(entry, disordered)
            sites = _sites(structure)
            key = (sites.perovskite.ordered_formula, _space_group(structure))
            if key in first:
                raise _Skip(DUPLICATE, f"{key[0]} in space group {key[1]} as in {first[key]}")
        except _Skip as reason:
            skipped.append(Skipped(entry.name, reason.kind, reason.detail))
            continue
        first[key] = entry.name
        names.append(entry.name)
        structures.append(structure)
        found.append(sites)
    return make_table(
        names,
        [sites.perovskite for sites in found],
        [sites.lattice_constant for sites in found],
        skipped,
        lambda index: structures[index].copy(),
    )


def _structure(entry: Entry, disordered: bool) -> Structure:
    if entry.formula:
        _check_composition(entry.formula)
    try:
        structure = entry.read()
    except InputError as error:
        raise _Skip(UNREADABLE, str(error)) from error
    formula = structure.composition.element_composition.formula
    _check_hydrogen(structure.composition.get_el_amt_dict())
    if not disordered and not structure.is_ordered:
        raise _Skip(DISORDERED, formula)
    _check_composition(formula)
    return structure


def _check_composition(formula: str) -> None:
    try:
        _check_hydrogen(parse_formula(formula))
        identify_perovskite(formula)
    except InputError as error:
        raise _Skip(COMPOSITION, str(error)) from error


def _check_hydrogen(amounts: Iterable[str]) -> None:
    if {"H", "D"} & set(amounts):
        raise _Skip(HYDROGEN)


def _sites(structure: Structure) -> PerovskiteSites:
    try:
        sites = perovskite_sites(structure)
    except InputError as error:
        raise _Skip(FRAMEWORK, str(error)) from error
    found = sites.perovskite
    on_a = {ion.species for ion in found.a}
    if on_a & NONMETALS:
        raise _Skip(CONTRADICTION, f"{found.ordered_formula}: {', '.join(sorted(on_a & NONMETALS))} on A")
    a, b = (found.mean_radius(site, 6) for site in "ab")
    if a < b:
        raise _Skip(CONTRADICTION, f"{found.ordered_formula}: radii {a:.2f} on A and {b:.2f} on B")
    return sites


def _space_group(structure: Structure) -> int:
    return int(SpacegroupAnalyzer(structure, symprec=0.01).get_space_group_number())
