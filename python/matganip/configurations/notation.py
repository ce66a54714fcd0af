"""How spaces are written: supercells, sublattices, substitutions and oxidation states as text or as JSON values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from matganip.errors import InputError

SITE_TOLERANCE = 0.75
"""Sites closer than this, in angstrom, are positions of one site; the shortest bond, that of H2, has 0.74."""

N = TypeVar("N", int, float)

Supercell = tuple[int, int, int] | tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
"""Numbers of parent cells along each axis, or the rows of a matrix: the supercell's vectors in the parent's."""

SublatticeKey = str | tuple[int, ...]
"""A sublattice by its element, ion or label, several with commas, or by site indices of the parent."""

# -- supercells ------------------------------------------------------------------------------------------------

_WANTED = "three positive integers, [2, 2, 2], or a 3x3 integer matrix"


def checked_supercell(value: Any) -> Supercell:
    """Check a supercell: three positive integers, or a 3x3 integer matrix that is not singular.

    Parameters
    ----------
    value : sequence of 3 int, or of 3 sequences of 3 int
        A left-handed matrix is replaced by its negative, which spans the same lattice: most programs refuse
        left-handed cells.

    Returns
    -------
    tuple of int, or of tuple of int

    Raises
    ------
    InputError
        If it is not a supercell.

    Examples
    --------
    >>> checked_supercell([2, 2, 1]), checked_supercell([[1, 0, 0], [0, 1, 0], [0, 0, -1]])
    ((2, 2, 1), ((-1, 0, 0), (0, -1, 0), (0, 0, 1)))
    """
    rows: list[Any] = list(value) if isinstance(value, list | tuple) and len(value) == 3 else []
    if rows and all(type(n) is int for n in rows):
        if min(rows) < 1:
            raise InputError(f"{min(rows)} is not a positive number of cells; all three must be positive")
        return (rows[0], rows[1], rows[2])
    square = rows and all(isinstance(row, list | tuple) and len(row) == 3 for row in rows)
    if not square or not all(type(n) is int for row in rows for n in row):
        raise InputError(f"not a supercell: give {_WANTED}")
    (a, b, c), (d, e, f), (g, h, i) = rows
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if determinant == 0:
        raise InputError(f"the matrix has determinant 0, it is singular; give {_WANTED}")
    if determinant < 0:
        return ((-a, -b, -c), (-d, -e, -f), (-g, -h, -i))
    return ((a, b, c), (d, e, f), (g, h, i))


def parse_supercell(text: str) -> Supercell:
    """Read a supercell: three integers, or the nine of a 3x3 matrix, row by row.

    Parameters
    ----------
    text : str
        ``"2,2,2"``, ``"1,1,0,-1,1,0,0,0,1"``.

    Returns
    -------
    tuple of int, or of tuple of int
        As `ConfigurationSpace` takes it.

    Raises
    ------
    InputError
        If the text is not a supercell.

    Examples
    --------
    >>> parse_supercell("2,2,2")
    (2, 2, 2)
    """
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{text}: not integers") from None
    try:
        return checked_supercell([numbers[k : k + 3] for k in (0, 3, 6)] if len(numbers) == 9 else numbers)
    except InputError as error:
        raise InputError(f"{text}: {error}") from None


# -- substitutions ---------------------------------------------------------------------------------------------


def sublattice_key(name: SublatticeKey) -> SublatticeKey:
    """Read the name of a sublattice: site indices become a tuple, an element, ion or label stays as it is.

    Examples
    --------
    >>> sublattice_key("I"), sublattice_key("2, 3")
    ('I', (2, 3))
    """
    if isinstance(name, str) and re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", name):
        return tuple(int(index) for index in name.split(","))
    return name


def sublattice_name(key: SublatticeKey) -> str:
    """Write the name of a sublattice, as TOML and JSON need it; `sublattice_key` reads it.

    Examples
    --------
    >>> sublattice_name("I"), sublattice_name((2, 3))
    ('I', '2,3')
    """
    return key if isinstance(key, str) else ",".join(map(str, key))


def parse_numbers(text: str) -> list[int]:
    """Read numbers: one, a range with or without a step, or a list.

    Parameters
    ----------
    text : str
        ``"3"``, ``"0-6"``, ``"0-24:3"`` or ``"1/3/5"``.

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If the text is none of these.

    Examples
    --------
    >>> parse_numbers("0-24:8")
    [0, 8, 16, 24]
    """
    span, _, step = text.strip().partition(":")
    first, dash, last = span.partition("-")
    if dash:
        return list(range(int(first), int(last) + 1, int(step or 1)))
    if step:
        raise ValueError(text)
    return [int(number) for number in text.split("/")]


def parse_substitution(text: str, numbered: bool = True) -> tuple[SublatticeKey, dict[str, list[int]]]:
    """Read a substitution: a sublattice and the numbers of each species.

    Parameters
    ----------
    text : str
        ``"I:Br=3,Cl=0-2"``, ``"2,3:vac=1"``, ``"Fe2+:Fe3+=4"``; numbers as `parse_numbers` reads them.
    numbered : bool
        Whether each species needs a number; without, ``"I:Br,Cl"`` is read too, as numbers 0.

    Returns
    -------
    sublattice : str or tuple of int
    species : dict of str to list of int

    Raises
    ------
    InputError
        If the text is not of this form.

    Examples
    --------
    >>> parse_substitution("I:Br=3,Cl=0-2")
    ('I', {'Br': [3], 'Cl': [0, 1, 2]})
    """
    host, colon, rest = text.partition(":")
    species: dict[str, list[int]] = {}
    for part in rest.split(",") if colon and host else [""]:
        name, equals, numbers = part.partition("=")
        if name.strip() in species:
            raise InputError(f"{text}: gives the number of {name.strip()} again")
        try:
            species[name.strip()] = parse_numbers(numbers) if equals or numbered else [0]
        except ValueError:
            name = ""
        if not name.strip():
            raise InputError(f"{text}: not of the form HOST:SPECIES=N, as in I:Br=3, I:Br=0-6 or I:Br=1/3/5")
    return sublattice_key(host.strip()), species


def parse_substitutions(texts: Iterable[str], numbered: bool = True) -> dict[SublatticeKey, dict[str, int | list[int]]]:
    """Read several substitutions, as `CompositionSeries` takes them; those of one sublattice are joined.

    Parameters
    ----------
    texts : iterable of str
        See `parse_substitution`.
    numbered : bool
        Whether each species needs a number.

    Returns
    -------
    dict
        A list where a species has several numbers.

    Raises
    ------
    InputError
        If a text is not of this form, or gives a number a second time.

    Examples
    --------
    >>> parse_substitutions(["I:Br=3", "I:vac=1", "Pb:Sn=0-1"])
    {'I': {'Br': 3, 'vac': 1}, 'Pb': {'Sn': [0, 1]}}
    """
    found: dict[SublatticeKey, dict[str, int | list[int]]] = {}
    for text in texts:
        host, species = parse_substitution(text, numbered)
        taken = found.setdefault(host, {})
        for name, numbers in species.items():
            if name in taken:
                raise InputError(f"{text}: gives the number of {name} again")
            taken[name] = numbers[0] if len(numbers) == 1 else numbers
    return found


def parse_allowed(texts: Iterable[str]) -> dict[SublatticeKey, list[str] | dict[str, int]]:
    """Read the species allowed on sublattices, as `derivative_structures` takes them.

    Parameters
    ----------
    texts : iterable of str
        ``"Ni:Ni,Al"``, or ``"Ni:Ni=3,Al=1"`` for that ratio.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        If a text is not of this form.

    Examples
    --------
    >>> parse_allowed(["Ni:Ni,Al", "O:O=3,vac=1"])
    {'Ni': ['Ni', 'Al'], 'O': {'O': 3, 'vac': 1}}
    """
    found: dict[SublatticeKey, list[str] | dict[str, int]] = {}
    for text in texts:
        host, species = parse_substitution(text, numbered=False)
        if host in found:
            raise InputError(f"{text}: gives the species on {sublattice_name(host)} again")
        parts = text.partition(":")[2].split(",")
        ratio = ["=" in part for part in parts]
        if any(ratio) and (not all(ratio) or any(len(numbers) > 1 for numbers in species.values())):
            raise InputError(f"{text}: give the species alone, as in Ni:Ni,Al, or one ratio, as in Ni:Ni=3,Al=1")
        found[host] = {name: numbers[0] for name, numbers in species.items()} if all(ratio) else list(species)
    return found


def parse_composition(texts: Iterable[str]) -> dict[str, dict[str, int]]:
    """Read the substitutions of one composition, as `ConfigurationSpace` takes them and JSON holds them.

    Parameters
    ----------
    texts : iterable of str
        See `parse_substitution`; one number for each species.

    Returns
    -------
    dict
        Sublattices by `sublattice_name`.

    Raises
    ------
    InputError
        If a text is not of this form, or gives several numbers for a species.

    Examples
    --------
    >>> parse_composition(["I:Br=3", "0,1:vac=1"])
    {'I': {'Br': 3}, '0,1': {'vac': 1}}
    """
    found: dict[str, dict[str, int]] = {}
    for key, species in parse_substitutions(texts).items():
        host = sublattice_name(key)
        taken = found.setdefault(host, {})
        for name, number in species.items():
            if isinstance(number, list):
                raise InputError(f"{host}:{name}: one number of {name} is needed here, not {len(number)}")
            taken[name] = number
    return found


def parse_oxidation(texts: Iterable[str]) -> dict[str, float]:
    """Read oxidation states.

    Parameters
    ----------
    texts : iterable of str
        ``"Sn=2"``.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        If a text is not of this form.

    Examples
    --------
    >>> parse_oxidation(["Sn=2", "I=-1"])
    {'Sn': 2.0, 'I': -1.0}
    """
    return _pairs(texts, float, "not of the form SPECIES=STATE, as in Sn=2")


def parse_distances(texts: Iterable[str]) -> dict[str, float]:
    """Read minimum distances between species, in angstrom.

    Examples
    --------
    >>> parse_distances(["Na-Na=2.5", "Li-Na=2"])
    {'Na-Na': 2.5, 'Li-Na': 2.0}
    """
    return _pairs(texts, float, "not of the form A-B=ANGSTROM, as in Na-Na=2.5")


def parse_charges(texts: Iterable[str]) -> dict[str, int]:
    """Read charges of ions, as `parse_oxidation` does, as whole numbers.

    Examples
    --------
    >>> parse_charges(["Sn=2", "I=-1"])
    {'Sn': 2, 'I': -1}
    """
    return _pairs(texts, int, "give an ion and its charge, such as Sn=2")


def _pairs(texts: Iterable[str], number: Callable[[str], N], wanted: str) -> dict[str, N]:
    found: dict[str, N] = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            state = number(value) if name.strip() else None
        except ValueError:
            state = None
        if state is None or not math.isfinite(state):
            raise InputError(f"{text}: {wanted}")
        if name.strip() in found:
            raise InputError(f"{text}: gives that of {name.strip()} again")
        found[name.strip()] = state
    return found
