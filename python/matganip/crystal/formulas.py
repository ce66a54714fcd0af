"""Chemical formulas as perovskite papers write them: mixed sites, fractions, molecular cations."""

from __future__ import annotations

import re
from fractions import Fraction

from pymatgen.core.periodic_table import Element

from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.errors import InputError

_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉[]{}", "0123456789()()")
_AMOUNT = re.compile(r"[0-9]+/[0-9]+|[0-9]*\.[0-9]+|[0-9]+")
_DEEPEST = 20
_ELEMENT = re.compile(r"[A-Z][a-z]?")
_SPELLINGS = sorted(
    ((spelling, ion.symbol) for ion in MOLECULAR_CATIONS.values() for spelling in (ion.symbol, *ion.spellings)),
    key=lambda pair: -len(pair[0]),
)


def parse_formula(formula: str) -> dict[str, Fraction]:
    """Read a formula into exact amounts of elements and molecular cations.

    Parameters
    ----------
    formula : str
        With parentheses or brackets, decimal amounts or fractions, in any order: ``"Cs0.5FA0.5Pb(I0.75Br0.25)3"``,
        ``"La2/3Sr1/3MnO3"``, ``"CH3NH3PbI3"``, ``"Cs₂AgBiBr₆"``. The molecules are those of
        `matganip.crystal.molecular_ions`.

    Returns
    -------
    dict
        Symbol of an element or a molecular cation -> amount, in the order in which they are written.

    Raises
    ------
    InputError
        If the formula does not parse; says where.

    Examples
    --------
    >>> {name: float(amount) for name, amount in parse_formula("Cs0.5FA0.5Pb(I0.75Br0.25)3").items()}
    {'Cs': 0.5, 'FA': 0.5, 'Pb': 1.0, 'I': 2.25, 'Br': 0.75}
    """
    text = "".join(formula.split()).translate(_SUBSCRIPTS)
    if not text:
        raise InputError("the formula is empty; write one such as CsPbI3")
    amounts, end = _group(formula, text, 0, depth=0)
    if end != len(text):
        raise InputError(f"{formula!r}: a closing parenthesis too many, before {text[end:]!r}")
    return amounts


def _group(formula: str, text: str, start: int, depth: int) -> tuple[dict[str, Fraction], int]:
    """Read from ``start`` to the end of the text or to the parenthesis that closes this group."""
    amounts: dict[str, Fraction] = {}
    at = start
    while at < len(text) and text[at] != ")":
        unit, at = _unit(formula, text, at, depth)
        factor, at = _factor(formula, text, at)
        for name, amount in unit.items():
            amounts[name] = amounts.get(name, Fraction(0)) + factor * amount
    if not amounts:
        raise InputError(f"{formula!r}: empty parentheses")
    return amounts, at


def _unit(formula: str, text: str, at: int, depth: int) -> tuple[dict[str, Fraction], int]:
    """A molecule, a group in parentheses or an element."""
    for spelling, symbol in _SPELLINGS:
        if text.startswith(spelling, at) and not text[at + len(spelling) :][:1].islower():
            return {symbol: Fraction(1)}, at + len(spelling)
    if text[at] == "(":
        if depth == _DEEPEST:
            raise InputError(f"{formula[:20]!r}...: parentheses in more than {_DEEPEST} levels")
        group, end = _group(formula, text, at + 1, depth + 1)
        if end == len(text):
            raise InputError(f"{formula!r}: the parenthesis before {text[at + 1 :]!r} is not closed")
        return group, end + 1
    match = _ELEMENT.match(text, at)
    for symbol in (match[0], match[0][0]) if match else ():
        if Element.is_valid_symbol(symbol):
            return {symbol: Fraction(1)}, at + len(symbol)
    raise InputError(f"{formula!r}: no element or known molecular cation at {text[at:]!r}")


def _factor(formula: str, text: str, at: int) -> tuple[Fraction, int]:
    match = _AMOUNT.match(text, at)
    if not match:
        return Fraction(1), at
    try:
        amount = Fraction(match[0])
    except ZeroDivisionError:
        amount = Fraction(0)
    if amount == 0:
        raise InputError(f"{formula!r}: an amount of {match[0]} before {text[match.end() :]!r}")
    return amount, match.end()
