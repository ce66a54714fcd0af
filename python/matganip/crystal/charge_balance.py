"""Charges of the ions of a formula: the likeliest combination for which radii are known and that is neutral."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise, product

from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Species

from matganip.crystal.radii import known_charges
from matganip.errors import InputError

ANION_CHARGES = {"F": -1, "Cl": -1, "Br": -1, "I": -1, "O": -2, "S": -2, "Se": -2, "Te": -2, "N": -3}
"""What can stand on X, and its charge there."""
UNSEEN = 1e-3
"""Share given to a charge that has a radius but no entry among the oxidation states found in the ICSD."""


@dataclass(frozen=True)
class Ion:
    """One species in one charge state, with its amount in the formula unit ABX3.

    Examples
    --------
    >>> str(Ion("Pb", 2, Fraction(1, 2)))
    '0.5 Pb2+'
    """

    species: str
    charge: int
    amount: Fraction

    def __str__(self) -> str:
        symbol = ion_symbol(self.species, self.charge)
        return symbol if self.amount == 1 else f"{float(self.amount):.4g} {symbol}"


def ion_symbol(species: str, charge: int) -> str:
    """Write an ion as chemists do.

    Examples
    --------
    >>> ion_symbol("Pb", 2), ion_symbol("I", -1)
    ('Pb2+', 'I-')
    """
    size = "" if abs(charge) == 1 else str(abs(charge))
    return f"{species}{size}{'+' if charge > 0 else '-'}"


def balanced_ions(
    amounts: Mapping[str, Fraction], anions: tuple[str, ...], given: Mapping[str, int] | None = None
) -> tuple[Ion, ...]:
    """Give every species a charge so that the formula is neutral.

    Anions have the charge of `ANION_CHARGES`, cations one for which a radius is known. Of the neutral combinations the
    likeliest counts: the product, over the cations, of the share of that oxidation state among the element's entries
    in the ICSD, as pymatgen tabulates them. Where no combination of whole charges is neutral, one element is taken in
    two neighbouring charges (Mn3+ and Mn4+ in La2/3Sr1/3MnO3, Bi3+ and Bi5+ in BaBiO3).

    Parameters
    ----------
    amounts : mapping
        Species -> amount.
    anions : tuple of str
        Which of the species are the anions.
    given : mapping, optional
        Charges that are known: ``{"Sn": 2}``.

    Returns
    -------
    tuple of Ion
        In the order of ``amounts``.

    Raises
    ------
    InputError
        If no combination is neutral; names the nearest one and its charge.
    """
    choices = {
        species: (ANION_CHARGES[species],) if species in anions else _cation_charges(species, given)
        for species in amounts
    }
    combinations = [dict(zip(choices, states, strict=True)) for states in product(*choices.values())]
    neutral = [states for states in combinations if _total(amounts, states) == 0]
    if neutral:
        best = max(neutral, key=lambda states: (_likelihood(amounts, states), -_spread(states)))
        return tuple(Ion(species, best[species], amount) for species, amount in amounts.items())
    mixed = _mixed_valence(amounts, choices)
    if mixed:
        return mixed
    nearest = min(combinations, key=lambda states: (abs(_total(amounts, states)), -_likelihood(amounts, states)))
    ions = " ".join(str(Ion(species, charge, amounts[species])) for species, charge in nearest.items())
    raise InputError(
        f"no charges with known radii make it neutral; nearest: {ions}, in all {float(_total(amounts, nearest)):+.3g}"
    )


def _cation_charges(species: str, given: Mapping[str, int] | None) -> tuple[int, ...]:
    if given and species in given:
        return (int(given[species]),)
    found = tuple(charge for charge in known_charges(species) if charge > 0)
    if not found:
        raise InputError(f"{species}: no radius is known for it as a cation")
    return found


def _total(amounts: Mapping[str, Fraction], states: Mapping[str, int]) -> Fraction:
    return sum((amounts[species] * charge for species, charge in states.items()), Fraction(0))


def _likelihood(amounts: Mapping[str, Fraction], states: Mapping[str, int]) -> float:
    return sum(
        float(amounts[s]) * math.log(_shares(s).get(charge, UNSEEN)) for s, charge in states.items() if charge > 0
    )


def _spread(states: Mapping[str, int]) -> int:
    return max(states.values()) - min(states.values())


@cache
def _shares(species: str) -> dict[int, float]:
    """Share of each charge among those of its sign that the ICSD has, of those with a known radius."""
    charges = [charge for charge in known_charges(species) if charge > 0]
    if len(charges) < 2:
        return dict.fromkeys(charges, 1.0)
    if Composition.oxi_prob is None:
        Composition("NaCl").oxi_state_guesses()  # fills it
    found = Composition.oxi_prob or {}
    counts = {charge: found.get(Species(species, charge), 0) for charge in charges}
    total = sum(counts.values())
    if total == 0:
        return dict.fromkeys(charges, 1.0)
    return {charge: max(count / total, UNSEEN) for charge, count in counts.items()}


def _mixed_valence(amounts: Mapping[str, Fraction], choices: Mapping[str, tuple[int, ...]]) -> tuple[Ion, ...] | None:
    """One cation in two neighbouring charges, all others in one: the likeliest such."""
    found: list[tuple[float, tuple[Ion, ...]]] = []
    for species, states in choices.items():
        if len(states) < 2:
            continue
        others = [name for name in amounts if name != species]
        for charges in product(*(choices[name] for name in others)):
            fixed = dict(zip(others, charges, strict=True))
            mean = -_total(amounts, fixed) / amounts[species]
            for low, high in pairwise(states):
                if low < mean < high:
                    share = (mean - low) / (high - low)
                    parts = {low: amounts[species] * (1 - share), high: amounts[species] * share}
                    score = _likelihood(amounts, fixed) + sum(
                        float(part) * math.log(_shares(species).get(charge, UNSEEN)) for charge, part in parts.items()
                    )
                    ions = [Ion(name, fixed[name], amounts[name]) for name in others]
                    ions += [Ion(species, charge, part) for charge, part in parts.items()]
                    found.append((score, tuple(ions)))
    return max(found, key=lambda pair: pair[0])[1] if found else None
