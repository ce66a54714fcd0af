"""What a text such as "Fe3+", "D", "7Li" or "Vac" says is on a site, and the name of what is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from pymatgen.core.periodic_table import DummySpecies, Element, Species

from matganip.crystal.molecular_ions import MOLECULAR_CATIONS

HYDROGENS = {"D": 2, "T": 3}
"""Mass numbers of the isotopes that have symbols of their own."""

VACANT = frozenset({"vac", "va", "vacancy", "vacant", "[]", "□", "x"})
"""Ways of writing an empty site as a type symbol, in lower case."""

GROUPS = {
    **dict.fromkeys(("wat", "h2o", "oh2"), ("O", 2)),
    **dict.fromkeys(("oh", "o-h", "ho"), ("O", 1)),
    "nh3": ("N", 3),
    "nh2": ("N", 2),
    "ch3": ("C", 3),
    "ch2": ("C", 2),
}
"""An atom with hydrogens that have no positions of their own: the atom, and how many, by type symbol in lower case."""

_CHARGE = re.compile(r"\(?(?:(?P<after>\d*\.?\d*)(?P<sign>[+-])|(?P<sign2>[+-])(?P<before>\d*\.?\d*))\)?$")
_TYPE = re.compile(r"(?P<mass>\d{0,3})(?P<letters>[A-Za-z]+)(?P<rest>.*)", re.DOTALL)
_ANOTHER = re.compile(r"[/,;&+|]\s*([A-Z][a-z]?)|\.\d+\s*([A-Z][a-z]?)|\d([A-Z][a-z])")
"""A second element of a text: behind a separator or an amount; letters behind a digit may be those of a label, O1B."""


@dataclass(frozen=True)
class SiteType:
    """What stands on a site.

    Attributes
    ----------
    element : str or None
        Symbol of the element, "D" and "T" included, or of a molecular cation, "FA"; None is a vacancy.
    mass_number : int or None
        Of an isotope, where one is meant.
    charge : float or None
        Oxidation state, where the text has one.
    hydrogens : int
        Hydrogen atoms that the text implies and that have no positions.
    guessed : bool
        Whether the text is more, or otherwise written, than what was understood of it.
    """

    element: str | None
    mass_number: int | None = None
    charge: float | None = None
    hydrogens: int = 0
    guessed: bool = False


@cache
def site_type(text: str, label: bool = False) -> SiteType | None:
    """Understand a type symbol, or a label in its place.

    Parameters
    ----------
    text : str
        ``"Fe3+"``, ``"O-2"``, ``"D"``, ``"7Li"``, ``"B-11"``, ``"Vac"``, ``"OH"``.
    label : bool
        Whether it is the label of a site, ``"FeA1"``: letters and digits may follow the symbol.

    Returns
    -------
    SiteType or None
        None where no element is in it, or several, ``"Fe/Co"``.

    Examples
    --------
    >>> site_type("Fe3+").charge, site_type("D1+").element, site_type("7Li").mass_number
    (3.0, 'D', 7)
    >>> site_type("Vac").element is None, site_type("Qq")
    (True, None)
    """
    text = text.strip()
    plain = re.sub(r"0\+$|\d*$", "", text).lower()
    if plain in VACANT and not (label and plain in ("va", "x")):
        return SiteType(None)
    if label and plain == "x":
        return SiteType(None, guessed=True)
    charge, body = _charge(text)
    if (group := GROUPS.get(body.lower())) is not None and not _is_element(body):
        return SiteType(group[0], hydrogens=group[1], charge=charge, guessed=True)
    if (isotope := re.fullmatch(r"([A-Z][a-z]?)-(\d{1,3})", text)) and _is_isotope(isotope[1], int(isotope[2])):
        return _with_mass(isotope[1], int(isotope[2]), None, guessed=False)
    found = _TYPE.match(body)
    if found is None:
        return None
    letters = found["letters"]
    symbol = _symbol(letters, label)
    if symbol is None or _names_another(found["rest"]):
        return None
    if label and symbol == "T":  # the tetrahedral site of a zeolite, far more often than tritium
        return None
    guessed = letters != symbol if label else letters.title() != symbol or not re.fullmatch(r"\d*", found["rest"])
    mass = int(found["mass"]) if found["mass"] else None
    if mass is not None and not _is_isotope(symbol, mass):
        mass, guessed = None, True
    return _with_mass(symbol, mass, charge, guessed=guessed)


def _charge(text: str) -> tuple[float | None, str]:
    """The charge at the end of a text, and what stands before it."""
    found = _CHARGE.search(text)
    if found is None or found.start() == 0:
        return None, text
    digits = found["after"] or found["before"] or ""
    sign = found["sign"] or found["sign2"]
    try:
        size = float(digits) if digits else 1.0
    except ValueError:
        return None, text
    return (size if sign == "+" else -size) + 0.0, text[: found.start()]


def _symbol(letters: str, label: bool) -> str | None:
    """The element that letters begin with: exactly, or as labels and careless writers have it."""
    if _is_element(letters):
        return letters
    if len(letters) <= 2 or label:
        for symbol in (letters[:2].title(), letters[0].upper()):
            if _is_element(symbol):
                return symbol
    return None


def _names_another(rest: str) -> bool:
    """Whether what follows the first element is another one: ``/Co``, ``0.5Co0.5``."""
    return any(_is_element(symbol) for found in _ANOTHER.findall(rest) for symbol in found if symbol)


def _is_element(symbol: str) -> bool:
    return Element.is_valid_symbol(symbol)


@cache
def _is_isotope(symbol: str, mass_number: int) -> bool:
    import periodictable

    return _is_element(symbol) and mass_number in periodictable.elements.symbol(symbol).isotopes


def _with_mass(symbol: str, mass_number: int | None, charge: float | None, *, guessed: bool) -> SiteType:
    """Isotopes of hydrogen by their own symbols."""
    if symbol == "H" and mass_number in HYDROGENS.values():
        symbol, mass_number = next(name for name, mass in HYDROGENS.items() if mass == mass_number), None
    return SiteType(symbol, mass_number, charge, guessed=guessed)


def specie_of(found: SiteType, charge: float | None) -> Element | Species | DummySpecies:
    """Make pymatgen's object: with an oxidation state where one is known.

    >>> str(specie_of(SiteType("Fe"), 3)), specie_of(SiteType("D"), None).name
    ('Fe3+', 'D')
    """
    if found.element is None:
        raise ValueError("a vacancy is no specie")
    if found.element in MOLECULAR_CATIONS:
        return molecule_specie(found.element)
    return Element(found.element) if charge is None else Species(found.element, charge)


def symbol_of(specie: Any) -> str:
    """Symbol of the element of a pymatgen specie without its charge; deuterium is "D", a molecular cation "FA".

    >>> symbol_of(Element("D")), symbol_of(Species("Fe", 3))
    ('D', 'Fe')
    """
    molecule = molecule_of(specie)
    if molecule is not None:
        return molecule
    element = getattr(specie, "element", specie)
    return str(getattr(element, "name", None) or element.symbol)


def name_of(specie: Any) -> str:
    """Name of a pymatgen specie with its charge, where it has one; deuterium is "D".

    >>> name_of(Species("Fe", 3)), name_of(Element("D")), name_of(Species("D", 1))
    ('Fe3+', 'D', 'D+')
    """
    return symbol_of(specie) if isinstance(specie, Element) else str(specie)


def molecule_specie(symbol: str) -> DummySpecies:
    """The specie of pymatgen that stands for a molecular cation.

    >>> str(molecule_specie("FA").symbol)
    'Qfa'
    """
    return DummySpecies(f"Q{symbol.lower()}", 0)


def molecule_of(specie: Any) -> str | None:
    """The molecular cation that a specie stands for; None of an atom.

    >>> molecule_of(molecule_specie("FA")), molecule_of(Element("Cs"))
    ('FA', None)
    """
    if not isinstance(specie, DummySpecies) or not specie.symbol.startswith("Q"):
        return None
    return next((symbol for symbol in MOLECULAR_CATIONS if symbol.lower() == specie.symbol[1:]), None)
