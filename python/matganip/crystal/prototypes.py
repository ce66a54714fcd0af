"""Ideal crystals from a formula and a lattice constant."""

from __future__ import annotations

from collections.abc import Mapping

from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.crystal.lattice_constants import lattice_constant
from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.crystal.perovskites import Perovskite, identify_perovskite
from matganip.errors import InputError

IDEAL_SITES = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]
"""A, B and three X of Pm-3m, in fractions of the cell."""


def perovskite(formula: str, a: float | None = None) -> Structure:
    """Make the ideal cubic perovskite ABX3, space group Pm-3m.

    Parameters
    ----------
    formula : str
        Three elements, in any order; X is the one with the amount 3: ``"CsPbI3"``. Charges and radii decide which of
        the others is A (`identify_perovskite`); where no charges are known (an intermetallic), A is the one of lower
        charge by pymatgen's guess, otherwise the one written first.
    a : float, optional
        Lattice constant in angstrom; by default from ionic radii (`lattice_constant`).

    Returns
    -------
    Structure
        A at 0 0 0, B at 1/2 1/2 1/2, X at the face centres 0 1/2 1/2, 1/2 0 1/2, 1/2 1/2 0.

    Raises
    ------
    InputError
        If the formula is not ABX3 or the lattice constant is not positive.

    Examples
    --------
    >>> [site.specie.symbol for site in perovskite("CsPbI3", a=6.289)]
    ['Cs', 'Pb', 'I', 'I', 'I']
    """
    if a is not None and not a > 0:
        raise InputError(f"the lattice constant must be positive, got a={a}")
    try:
        amounts = Composition(formula).get_el_amt_dict()
    except ValueError as error:
        raise InputError(f"{formula!r}: is not a chemical formula") from error
    if sorted(amounts.values()) != [1, 1, 3]:
        raise InputError(f"{formula!r}: is not an ABX3 formula of three elements, such as CsPbI3")
    (anion,) = (str(element) for element, amount in amounts.items() if amount == 3)
    cations = [str(element) for element, amount in amounts.items() if amount == 1]
    species = [*_in_order(formula, cations, anion), anion, anion, anion]
    return Structure(Lattice.cubic(lattice_constant(formula) if a is None else a), species, IDEAL_SITES)


def _in_order(formula: str, cations: list[str], anion: str) -> list[str]:
    """A, then B."""
    try:
        found = identify_perovskite(formula)
    except InputError:
        found = None  # no radii or charges for it: pymatgen may still know
    if found and [ion.species for ion in found.x] == [anion]:
        return [found.a[0].species, found.b[0].species]
    first, second = cations
    guesses = Composition(formula).oxi_state_guesses()
    return [second, first] if guesses and guesses[0][second] < guesses[0][first] else [first, second]


def double_perovskite(formula: str, a: float | None = None, *, charges: Mapping[str, int] | None = None) -> Structure:
    """Make the ideal rock-salt-ordered double perovskite A2BB'X6, space group Fm-3m.

    Parameters
    ----------
    formula : str
        With two kinds of B in equal parts, in any order: ``"Cs2AgBiBr6"``; or with every second B site empty,
        ``"Cs2SnI6"``.
    a : float, optional
        Edge of the cubic cell of four formula units in angstrom; by default twice `lattice_constant`.
    charges : mapping, optional
        Known charges: ``{"Sn": 2}``.

    Returns
    -------
    Structure
        The conventional cell of 40 atoms (36 with vacancies): B at 0 0 0 and its face centres, B' at the edge
        middles, A at 1/4 1/4 1/4 and its equivalents, X halfway between B and B'. B is the one of lower charge, or of
        the larger radius at equal charges. Any other arrangement: `matganip.perovskite_space`.

    Raises
    ------
    InputError
        If the formula is not that of a double perovskite of elements, or the lattice constant is not positive.

    Examples
    --------
    >>> elpasolite = double_perovskite("Cs2AgBiBr6", a=11.25)
    >>> elpasolite.composition.formula, elpasolite.get_space_group_info()[0]
    ('Cs8 Ag4 Bi4 Br24', 'Fm-3m')
    """
    found = identify_perovskite(formula, charges)
    first, second = _two_b(found)
    edge = 2 * lattice_constant(found) if a is None else a
    if not edge > 0:
        raise InputError(f"the lattice constant must be positive, got a={a}")
    (on_a,), (on_x,) = ({ion.species for ion in ions} for ions in (found.a, found.x))
    cells = [(i, j, k) for i in range(2) for j in range(2) for k in range(2)]
    sites: list[tuple[str, list[float]]] = []
    sites += [(on_a, [(n + 0.5) / 2 for n in cell]) for cell in cells]
    for parity, species in enumerate((first, second)):
        if species is not None:
            sites += [(species, [n / 2 for n in cell]) for cell in cells if sum(cell) % 2 == parity]
    for axis in range(3):
        sites += [(on_x, [(n + 0.5 * (i == axis)) / 2 for i, n in enumerate(cell)]) for cell in cells]
    return Structure(Lattice.cubic(edge), [species for species, _ in sites], [where for _, where in sites])


def _two_b(found: Perovskite) -> tuple[str, str | None]:
    """The two species of the B sites, the lower charge first; None where the second ones are empty."""
    kinds = {site: list(dict.fromkeys(ion.species for ion in ions)) for site, ions in
             (("A", found.a), ("B", found.b), ("X", found.x))}  # fmt: skip
    molecules = [species for species in kinds["A"] if species in MOLECULAR_CATIONS]
    if molecules:
        raise InputError(f"{found.formula!r}: {molecules[0]} is a molecule; an ideal crystal is built of elements only")
    for site in ("A", "X"):
        if len(kinds[site]) > 1:
            raise InputError(
                f"{found.formula!r}: {' and '.join(kinds[site])} share the {site} site; use perovskite_space"
            )
    if len(kinds["B"]) == 1 and found.b_vacancies:
        return kinds["B"][0], None
    if len(found.b) != 2 or len(kinds["B"]) != 2 or found.b[0].amount != found.b[1].amount:
        raise InputError(f"{found.formula!r}: is not an A2BB'X6 with two elements on B in equal parts, as Cs2AgBiBr6")
    radii = found.radii("b", 6)
    order = sorted(range(2), key=lambda i: (found.b[i].charge, -radii[i].value))
    return found.b[order[0]].species, found.b[order[1]].species
