"""Charges of the ions of a formula: the likeliest neutral combination for which radii are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise

from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Species

from matganip.crystal.radii import known_charges
from matganip.errors import InputError

ANION_CHARGES = {"F": -1, "Cl": -1, "Br": -1, "I": -1, "O": -2, "S": -2, "Se": -2, "Te": -2, "N": -3}
"""Anions that can occupy X, with their charges."""
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
    """Assign a charge to each species such that the formula is neutral.

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
        Known charges: ``{"Sn": 2}``.

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
    totals = _best_of_each_total(amounts, choices)
    if 0 in totals:
        return tuple(Ion(species, totals[Fraction(0)].charges[species], amount) for species, amount in amounts.items())
    mixed = _mixed_valence(amounts, choices)
    if mixed:
        return mixed
    nearest = min(totals, key=lambda total: (abs(total), tuple(-part for part in totals[total].score)))
    ions = " ".join(str(Ion(species, charge, amounts[species])) for species, charge in totals[nearest].charges.items())
    raise InputError(f"no charges with known radii make it neutral; nearest: {ions}, in all {float(nearest):+.3g}")


@dataclass(frozen=True)
class _States:
    """Charges of some species and how likely they are: the logarithm of the shares, then evenness of the charges."""

    score: tuple[float, float]
    charges: dict[str, int]

    def with_one(self, species: str, charge: int, amount: Fraction) -> _States:
        likelihood, evenness = _score(species, charge, amount)
        return _States((self.score[0] + likelihood, self.score[1] + evenness), {**self.charges, species: charge})


def _best_of_each_total(
    amounts: Mapping[str, Fraction], choices: Mapping[str, tuple[int, ...]]
) -> dict[Fraction, _States]:
    """Total charge -> the likeliest combination that has it, species by species: sums meet, products would explode."""
    totals = {Fraction(0): _States((0.0, 0.0), {})}
    for species, charges in choices.items():
        longer: dict[Fraction, _States] = {}
        for total, states in totals.items():
            for charge in charges:
                candidate = states.with_one(species, charge, amounts[species])
                new = total + charge * amounts[species]
                if new not in longer or candidate.score > longer[new].score:
                    longer[new] = candidate
        totals = longer
    return totals


def _score(species: str, charge: int, amount: Fraction) -> tuple[float, float]:
    likelihood = math.log(_shares(species).get(charge, UNSEEN)) if charge > 0 else 0.0
    return float(amount) * likelihood, -float(amount) * charge**2


def _cation_charges(species: str, given: Mapping[str, int] | None) -> tuple[int, ...]:
    if given and species in given:
        return (int(given[species]),)
    found = tuple(charge for charge in known_charges(species) if charge > 0)
    if not found:
        raise InputError(f"{species}: no radius is known for it as a cation")
    return found


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
    for species, charges in choices.items():
        others = {name: states for name, states in choices.items() if name != species}
        for total, states in _best_of_each_total(amounts, others).items() if len(charges) > 1 else ():
            mean = -total / amounts[species]
            for low, high in pairwise(charges):
                if low < mean < high:
                    share = (mean - low) / (high - low)
                    parts = {low: amounts[species] * (1 - share), high: amounts[species] * share}
                    score = states.score[0] + sum(_score(species, charge, part)[0] for charge, part in parts.items())
                    ions = [Ion(name, charge, amounts[name]) for name, charge in states.charges.items()]
                    ions += [Ion(species, charge, part) for charge, part in parts.items()]
                    found.append((score, tuple(ions)))
    return max(found, key=lambda pair: pair[0])[1] if found else None
