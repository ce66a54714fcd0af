"""Ideal crystals from a formula and a lattice constant."""

from __future__ import annotations

from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.errors import InputError


def perovskite(formula: str, a: float) -> Structure:
    """Make the ideal cubic perovskite ABX3, space group Pm-3m.

    Parameters
    ----------
    formula : str
        Three elements, the one that comes three times being X: ``"CsPbI3"``. Of the other two, A is the one of lower
        charge where charges can be guessed (at equal charge, or where they cannot, the one written first).
    a : float
        Lattice constant in angstrom.

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
    if not a > 0:
        raise InputError(f"the lattice constant must be positive, got a={a}")
    try:
        amounts = Composition(formula).get_el_amt_dict()
    except ValueError as error:
        raise InputError(f"{formula!r}: is no chemical formula") from error
    if sorted(amounts.values()) != [1, 1, 3]:
        raise InputError(f"{formula!r}: is no ABX3 formula of three elements, such as CsPbI3")
    first, second = (str(element) for element, amount in amounts.items() if amount == 1)
    (anion,) = (str(element) for element, amount in amounts.items() if amount == 3)
    guesses = Composition(formula).oxi_state_guesses()
    if guesses and guesses[0][second] < guesses[0][first]:
        first, second = second, first
    return Structure(
        Lattice.cubic(a),
        [first, second, anion, anion, anion],
        [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]],
    )
