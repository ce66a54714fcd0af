"""The species on the A, B and X sites of a perovskite, by charge and radius, never by their order in a formula."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import product

from matganip.crystal.charge_balance import ANION_CHARGES, Ion, balanced_ions
from matganip.crystal.formulas import parse_formula
from matganip.crystal.radii import Fallback, Kind, Radius, ionic_radius
from matganip.errors import InputError

AMOUNT_TOLERANCE = Fraction(1, 1000)
"""Largest difference of rounded amounts (0.33 + 0.67) from one A, one B and three X."""


@dataclass(frozen=True)
class Perovskite:
    """The ions of a perovskite by site, scaled to one formula unit ABX3.

    Attributes
    ----------
    formula : str
        As it was given.
    a, b, x : tuple of Ion
        The ions on each site; amounts sum to 1, 1 (or to 1/2 for a vacancy-ordered A2BX6) and 3.
    """

    formula: str
    a: tuple[Ion, ...]
    b: tuple[Ion, ...]
    x: tuple[Ion, ...]

    @property
    def b_vacancies(self) -> float:
        """Share of the B sites that is empty: 0, or 1/2 in a vacancy-ordered A2BX6."""
        return float(1 - sum(ion.amount for ion in self.b))

    @property
    def ordered_formula(self) -> str:
        """Written as A, B, X, for one ABX3 or, where B is mixed or half empty, A2BB'X6.

        Examples
        --------
        >>> identify_perovskite("TiO3Sr").ordered_formula, identify_perovskite("AgBiBr6Cs2").ordered_formula
        ('SrTiO3', 'Cs2AgBiBr6')
        """
        amounts: list[tuple[str, Fraction]] = []
        for ions in (self.a, self.b, self.x):
            on_site: dict[str, Fraction] = {}
            for ion in ions:
                on_site[ion.species] = on_site.get(ion.species, Fraction(0)) + ion.amount
            amounts += on_site.items()
        scale = 2 if any(2 * amount == 1 for _, amount in amounts) else 1
        return "".join(name + _written(scale * amount) for name, amount in amounts)

    def mean_charge(self, site: str) -> float:
        """Mean charge of the ions on ``"a"``, ``"b"`` or ``"x"``.

        Examples
        --------
        >>> identify_perovskite("Cs2AgBiBr6").mean_charge("b")
        2.0
        """
        ions = self.ions(site)
        return float(sum(ion.charge * ion.amount for ion in ions) / sum(ion.amount for ion in ions))

    def radii(
        self, site: str, coordination: int, kind: Kind = "effective", fallback: Fallback = "nearest"
    ) -> tuple[Radius, ...]:
        """The radius of each ion on a site; where each came from is in the record."""
        return tuple(ionic_radius(ion.species, ion.charge, coordination, kind, fallback) for ion in self.ions(site))

    def mean_radius(
        self, site: str, coordination: int, kind: Kind = "effective", fallback: Fallback = "nearest"
    ) -> float:
        """Mean over the ions on a site by their amounts, in angstrom; vacancies do not count.

        Examples
        --------
        >>> round(identify_perovskite("Cs2AgBiBr6").mean_radius("b", 6), 4)  # (1.15 + 1.03) / 2
        1.09
        """
        ions = self.ions(site)
        radii = self.radii(site, coordination, kind, fallback)
        if len(radii) == 1:
            return radii[0].value
        weighted = sum(float(ion.amount) * radius.value for ion, radius in zip(ions, radii, strict=True))
        return weighted / float(sum(ion.amount for ion in ions))

    def ions(self, site: str) -> tuple[Ion, ...]:
        """The ions on ``"a"``, ``"b"`` or ``"x"``."""
        by_site: dict[str, tuple[Ion, ...]] = {"a": self.a, "b": self.b, "x": self.x}
        return by_site[site]


def _written(amount: Fraction) -> str:
    return "" if amount == 1 else f"{float(amount):.6g}"


def identify_perovskite(formula: str, charges: Mapping[str, int] | None = None) -> Perovskite:
    """Assign the species of a formula to the A, B and X sites.

    1. X is the element that can be an anion and makes up three fifths of the atoms (two thirds of A2BX6, where every
       second B site is empty). Of several candidates (AgBrO3) the most electronegative is taken.
    2. Charges are the likeliest neutral combination (`matganip.crystal.charge_balance.balanced_ions`).
    3. Of the cations, those of the larger effective radius at coordination VI fill A, the others B; a species is
       divided between both only where whole ones do not fit (Sr in Sr3WO6 = Sr2 (Sr W) O6).

    Parameters
    ----------
    formula : str
        As `parse_formula` reads: A and B in any order, mixed sites, double perovskites, molecular cations.
    charges : mapping, optional
        Known charges: ``{"Sn": 2}``.

    Returns
    -------
    Perovskite

    Raises
    ------
    InputError
        If the formula does not parse, is not an ABX3 or A2BX6, or cannot be neutral.

    Examples
    --------
    >>> found = identify_perovskite("TiO3Sr")
    >>> [str(ion) for ion in (*found.a, *found.b)]
    ['Sr2+', 'Ti4+']
    >>> [str(ion) for ion in identify_perovskite("Cs2AgBiBr6").b]
    ['0.5 Ag+', '0.5 Bi3+']
    """
    return _identify(formula, tuple(sorted((charges or {}).items())))


@cache
def _identify(formula: str, charges: tuple[tuple[str, int], ...]) -> Perovskite:
    written = parse_formula(formula)
    unknown = [species for species, _ in charges if species not in written]
    if unknown:
        raise InputError(f"{formula!r}: charges name {', '.join(unknown)}, which is not in it")
    try:
        anions, scale = find_anions(written)
        amounts = {species: amount * scale for species, amount in written.items()}
        ions = balanced_ions(amounts, anions, dict(charges))
        cations = [ion for ion in ions if ion.species not in anions]
        a, b = _share_sites(cations)
    except InputError as error:
        raise InputError(f"{formula!r}: {error}") from error
    return Perovskite(formula, a, b, tuple(ion for ion in ions if ion.species in anions))


def find_anions(amounts: Mapping[str, Fraction]) -> tuple[tuple[str, ...], Fraction]:
    """The species on X, and the factor that scales the formula to three of them."""
    possible = [species for species in ANION_CHARGES if species in amounts]
    total = sum(amounts.values(), Fraction(0))
    for n_cations in (Fraction(2), Fraction(3, 2)):  # ABX3, then A2BX6
        for chosen in _subsets(possible):
            anions = sum((amounts[species] for species in chosen), Fraction(0))
            scale = 3 / anions
            if len(chosen) < len(amounts) and abs(scale * (total - anions) - n_cations) <= AMOUNT_TOLERANCE:
                return chosen, scale
    if not possible:
        raise InputError(f"holds no anion ({', '.join(ANION_CHARGES)})")
    anions = sum((amounts[species] for species in possible), Fraction(0))
    raise InputError(
        f"is not an ABX3 (nor A2BX6): it has {float(3 * (total - anions) / anions):.4g} cations to 3 "
        f"{'/'.join(possible)}, not 2"
    )


def _subsets(species: list[str]) -> Iterator[tuple[str, ...]]:
    """Non-empty subsets, small ones and more electronegative anions first (the order of ANION_CHARGES)."""
    masks = [mask for mask in product((True, False), repeat=len(species)) if any(mask)]
    for mask in sorted(masks, key=sum):
        yield tuple(name for name, taken in zip(species, mask, strict=True) if taken)


def _share_sites(cations: list[Ion]) -> tuple[tuple[Ion, ...], tuple[Ion, ...]]:
    """The larger cations on A, one per formula unit; the others on B."""
    written = " ".join(map(str, cations))
    if len({ion.species for ion in cations}) < 2:
        raise InputError(f"{written}: one cation cannot be both A and B")
    by_size = sorted(cations, key=_size, reverse=True)
    whole = _whole_division(by_size)
    if whole:
        return whole
    if abs(sum((ion.amount for ion in cations), Fraction(0)) - 2) > AMOUNT_TOLERANCE:
        raise InputError(f"{written}: is not an A2BX6: no choice of cations makes two A to one B")
    a: list[Ion] = []
    b: list[Ion] = []
    room = Fraction(1)
    for ion in by_size:
        taken = min(room, ion.amount)
        room -= taken
        a += [Ion(ion.species, ion.charge, taken)] if taken else []
        b += [Ion(ion.species, ion.charge, ion.amount - taken)] if ion.amount > taken else []
    return tuple(a), tuple(b)


def _whole_division(by_size: list[Ion]) -> tuple[tuple[Ion, ...], tuple[Ion, ...]] | None:
    """The division with undivided species that puts the largest cations on A."""
    amounts: dict[str, Fraction] = {}
    sizes: dict[str, float] = {}
    for ion in by_size:
        amounts[ion.species] = amounts.get(ion.species, Fraction(0)) + ion.amount
        sizes[ion.species] = sizes.get(ion.species, 0.0) + float(ion.amount) * _size(ion)[0]
    # Amount on A -> the largest sum of sizes with this amount, and the species.
    filled: dict[Fraction, tuple[float, frozenset[str]]] = {Fraction(0): (0.0, frozenset())}
    for species, amount in amounts.items():
        for before, (size, on_a) in list(filled.items()):
            candidate = size + sizes[species], on_a | {species}
            now = before + amount
            if now <= 1 + AMOUNT_TOLERANCE and (now not in filled or candidate[0] > filled[now][0]):
                filled[now] = candidate
    full = [entry for total, entry in filled.items() if abs(total - 1) <= AMOUNT_TOLERANCE]
    if not full:
        return None
    on_a = max(full, key=lambda entry: entry[0])[1]
    return (
        tuple(ion for ion in by_size if ion.species in on_a),
        tuple(ion for ion in by_size if ion.species not in on_a),
    )


def _size(ion: Ion) -> tuple[float, float, int]:
    """Sort key that decides between A and B: effective radius at VI, then at XII, then the lower charge."""
    return (
        ionic_radius(ion.species, ion.charge, 6).value,
        ionic_radius(ion.species, ion.charge, 12).value,
        -ion.charge,
    )
