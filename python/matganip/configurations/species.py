"""Names of species: an element, an element with its oxidation state where two states share a sublattice, a vacancy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from pymatgen.core.periodic_table import DummySpecies, Element, Species

from matganip.crystal import species as crystal_species
from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.errors import InputError

VACANCY = "vac"

VACANCY_NAMES = frozenset({VACANCY, "Vac", "VAC", "Va", "VA", "X", "[]", "vacancy", "Vacancy"})
"""What users and other programs write for a vacancy. V alone is vanadium."""


class Occupant(NamedTuple):
    """An element with its oxidation state, None where that is not known; the symbol may be `VACANCY`."""

    symbol: str
    state: float | None = None

    @property
    def text(self) -> str:
        """As `parse_species` reads it: ``Fe3+``, or ``Fe`` without a state."""
        return self.symbol if self.state is None else state_text(self.symbol, self.state)

    @property
    def specie(self) -> Element | Species | DummySpecies:
        """As pymatgen has it; a molecular cation as a dummy."""
        if self.symbol in MOLECULAR_CATIONS:
            return crystal_species.molecule_specie(self.symbol)
        return Element(self.symbol) if self.state is None else Species(self.symbol, self.state)


def state_text(symbol: str, state: float) -> str:
    """Write an element with its oxidation state, as pymatgen and CIF files do.

    Examples
    --------
    >>> state_text("Fe", 3), state_text("Cl", -1), state_text("Fe", 2.5)
    ('Fe3+', 'Cl-', 'Fe2.5+')
    """
    return f"{symbol}{'' if abs(state) == 1 else f'{abs(state):g}'}{'-' if state < 0 else '+'}"


def parse_species(text: str, label: str = "species") -> Occupant:
    """Read a species as users write it.

    Parameters
    ----------
    text : str
        ``"Br"``, ``"Fe3+"``, or one of `VACANCY_NAMES`.
    label : str
        The beginning of an error message.

    Returns
    -------
    Occupant

    Raises
    ------
    InputError
        If it is no species.

    Examples
    --------
    >>> parse_species("Fe3+"), parse_species("Va")
    (Occupant(symbol='Fe', state=3.0), Occupant(symbol='vac', state=None))
    """
    name = text.strip()
    if name in VACANCY_NAMES:
        return Occupant(VACANCY)
    if Element.is_valid_symbol(name) or name in MOLECULAR_CATIONS:
        return Occupant(name)
    found = re.fullmatch(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?([+-])|([A-Z][a-z]?)([+-])(\d+(?:\.\d+)?)", name)
    symbol = (found[1] or found[4]) if found else ""
    if not found or not Element.is_valid_symbol(symbol):
        raise InputError(
            f"{label}: {text!r} is not an element, an ion such as Fe3+, nor {VACANCY!r} (or X, Va, []) for a vacancy"
        )
    size, sign = float(found[2] or found[6] or 1), found[3] or found[5]
    return Occupant(symbol, -size if sign == "-" and size else size)


@cache
def symbol_of(name: str) -> str:
    """The element of a species, or `VACANCY`.

    Examples
    --------
    >>> symbol_of("Fe3+"), symbol_of("Br"), symbol_of("vac")
    ('Fe', 'Br', 'vac')
    """
    return parse_species(name).symbol


def occupant_of(specie: Element | Species | DummySpecies) -> Occupant:
    """A species of pymatgen as an `Occupant`; a dummy ``X`` is a vacancy.

    Examples
    --------
    >>> occupant_of(Species("Fe", 3)), occupant_of(Element("Fe")), occupant_of(DummySpecies("X"))
    (Occupant(symbol='Fe', state=3.0), Occupant(symbol='Fe', state=None), Occupant(symbol='vac', state=None))
    """
    molecule = crystal_species.molecule_of(specie)
    if molecule is not None:
        return Occupant(molecule)
    if isinstance(specie, DummySpecies):
        if specie.symbol in VACANCY_NAMES:
            return Occupant(VACANCY)
        return Occupant(str(specie.symbol))
    symbol = crystal_species.symbol_of(specie)
    state = getattr(specie, "oxi_state", None)
    return Occupant(symbol, None if state is None else float(state))


def distinct_names(ions: Sequence[Occupant]) -> tuple[str, ...]:
    """Name the species of one sublattice: by the element, with the state where an element has several there.

    Examples
    --------
    >>> distinct_names([Occupant("Li", 1), Occupant("Fe", 3)]), distinct_names([Occupant("Fe", 2), Occupant("Fe", 3)])
    (('Li', 'Fe'), ('Fe2+', 'Fe3+'))
    """
    symbols = [ion.symbol for ion in ions]
    return tuple(ion.symbol if symbols.count(ion.symbol) == 1 else ion.text for ion in ions)


def guessed_state(symbol: str, host_state: float) -> float | None:
    """The oxidation state of a substituent: its host's if it is known to have it, else its commonest of that sign.

    Examples
    --------
    >>> guessed_state("Sn", 2), guessed_state("Bi", 2), guessed_state("He", 2)
    (2.0, 3.0, None)
    """
    if symbol in MOLECULAR_CATIONS:
        return float(MOLECULAR_CATIONS[symbol].charge)
    known = Element(symbol)
    if host_state in known.oxidation_states:
        return float(host_state)
    same_sign = [state for state in known.common_oxidation_states if state * host_state > 0]
    return float(same_sign[0]) if same_sign else None


def find_occupant(wanted: Occupant, among: Iterable[Occupant]) -> Occupant | None:
    """Which occupant of a sublattice is meant: the same, or the only one of its element where a state is not given.

    Examples
    --------
    >>> find_occupant(Occupant("Fe"), [Occupant("Li", 1), Occupant("Fe", 3)])
    Occupant(symbol='Fe', state=3)
    """
    ions = list(among)
    if wanted in ions:
        return wanted
    alike = [ion for ion in ions if ion.symbol == wanted.symbol and (wanted.state is None or ion.state is None)]
    return alike[0] if len(alike) == 1 else None
