"""Ionic radii by element, charge and coordination, each with its source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
from pymatgen.core.periodic_table import Element

from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.errors import InputError

Kind = Literal["effective", "crystal"]
Fallback = Literal["nearest", "extrapolated"]

SHANNON = "Shannon, Acta Cryst. A32, 751 (1976)"
BARTEL = "Bartel et al., Sci. Adv. 5, eaav0693 (2019)"
CRYSTAL_MINUS_EFFECTIVE = 0.14
"""A cation's crystal radius is larger than its effective one by this, an anion's smaller, in angstrom (Shannon)."""
BOND_VALENCE_B = 0.37
"""Brown & Altermatt, Acta Cryst. B41, 244 (1985): d = R0 - B ln(valence per bond), B = 0.37 angstrom."""

COORDINATIONS = {
    name: number
    for number, name in enumerate(
        ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII", "XIII", "XIV"), start=1
    )
}
ROMAN = {number: name for name, number in COORDINATIONS.items()}

# Ions that Shannon's table of 1976 lacks: effective radius at coordination VI and its source.
_NOT_IN_SHANNON = {("Sn", 2): (1.15, f"not in Shannon; {BARTEL}, table S1")}


@dataclass(frozen=True)
class Radius:
    """The radius of an ion, and where it came from.

    Attributes
    ----------
    species : str
        Element or molecular cation.
    charge : int
    value : float
        In angstrom.
    kind : {"effective", "crystal"}
    coordination : str
        That of the value, in Roman numerals; ``"VIII"`` where XII was requested and is not tabulated, and
        ``"molecule"`` for a molecular cation.
    spin : str
        ``"high"``, ``"low"`` or, where the table makes no difference, ``""``.
    source : str
        The publication, and in words the rule that was applied where the table has no entry.
    """

    species: str
    charge: int
    value: float
    kind: Kind
    coordination: str
    spin: str
    source: str


def ionic_radius(
    species: str, charge: int, coordination: int = 6, kind: Kind = "effective", fallback: Fallback = "nearest"
) -> Radius:
    """Look up an ion's radius; where it is not tabulated, a rule supplies it, which the result names.

    Shannon's radii as pymatgen has them; at high spin where both are tabulated. In order:

    1. the entry at this charge and coordination;
    2. where the coordination is not tabulated, the nearest one (the lower of two equally near), or with
       ``fallback="extrapolated"`` a straight line through the tabulated ones in ln(coordination): the bond-valence
       relation d = R0 - B ln(V / n) (Brown & Altermatt 1985) with the ion's own slope, or with B = 0.37 angstrom
       where one coordination alone is tabulated;
    3. Sn2+, which Shannon lacks: 1.15 angstrom at VI, as Bartel et al. (2019) take it;
       In+: r(In3+) + r(Tl+) - r(Tl3+) at VI, 1.415 angstrom;
    4. molecular cations: Kieslich, Sun & Cheetham (2014, 2015), for any coordination.

    Parameters
    ----------
    species : str
        Element symbol, or a molecular cation such as ``"FA"``.
    charge : int
    coordination : int, default 6
    kind : {"effective", "crystal"}
        Effective radii add up with O2- = 1.40 angstrom at VI, crystal radii with F- = 1.19; a cation's crystal radius
        is 0.14 angstrom larger (Shannon 1976).
    fallback : {"nearest", "extrapolated"}

    Returns
    -------
    Radius

    Raises
    ------
    InputError
        If there is no such element, or no radius for it at this charge; names the known charges.

    Examples
    --------
    >>> ionic_radius("Cs", 1, coordination=12).value
    1.88
    >>> ionic_radius("Ag", 1, coordination=12)  # doctest: +NORMALIZE_WHITESPACE
    Radius(species='Ag', charge=1, value=1.28, kind='effective', coordination='VIII', spin='',
           source='Shannon, Acta Cryst. A32, 751 (1976); VIII, the nearest to XII')
    >>> ionic_radius("FA", 1, coordination=12).value
    2.53
    """
    if kind not in get_args(Kind):
        raise InputError(f"kind={kind!r}: a radius is 'effective' or 'crystal'")
    if fallback not in get_args(Fallback):
        raise InputError(f"fallback={fallback!r}: give 'nearest' or 'extrapolated'")
    if coordination not in ROMAN:
        raise InputError(f"coordination={coordination}: give a number from 1 to {max(ROMAN)}")
    return _radius(species, charge, coordination, kind, fallback)


@cache
def _radius(species: str, charge: int, coordination: int, kind: Kind, fallback: Fallback) -> Radius:
    shift = CRYSTAL_MINUS_EFFECTIVE if kind == "crystal" else 0.0
    note = "; crystal radius = effective + 0.14" if kind == "crystal" else ""
    if species in MOLECULAR_CATIONS:
        ion = MOLECULAR_CATIONS[species]
        if charge != ion.charge:
            raise InputError(f"{species}: has charge {ion.charge:+d}, not {charge:+d}")
        return Radius(species, charge, _tidy(ion.radius + shift), kind, "molecule", "", ion.source + note)
    table = _tabulated(species, charge)
    if table:
        return _from_table(species, charge, table, coordination, kind, fallback)
    estimate = _estimated(species, charge)
    if estimate is None:
        known = ", ".join(f"{state:+d}" for state in known_charges(species)) or "none"
        raise InputError(f"{species}: no radius for charge {charge:+d}; known charges: {known}")
    value, source = estimate
    wanted, label = ROMAN[coordination], "VI"
    if coordination != 6 and fallback == "nearest":
        note += f"; VI, the nearest to {wanted}"
    elif coordination != 6:
        value, label = value + BOND_VALENCE_B * math.log(coordination / 6), wanted
        note += f"; extrapolated to {wanted} from VI by the bond-valence B of 0.37"
    return Radius(species, charge, _tidy(value + shift), kind, label, "", source + note)


def _from_table(
    species: str, charge: int, table: dict[int, _Entry], coordination: int, kind: Kind, fallback: Fallback
) -> Radius:
    nearest = min(table, key=lambda n: (abs(n - coordination), n))
    entry = table[nearest]
    tabulated = entry.crystal if kind == "crystal" else entry.effective
    if nearest == coordination:
        note = "" if entry.label == ROMAN[nearest] else f"; {entry.label} stands for {ROMAN[nearest]}"
        return Radius(species, charge, tabulated, kind, entry.label, entry.spin, SHANNON + note)
    wanted = ROMAN[coordination]
    if fallback == "nearest":
        source = f"{SHANNON}; {entry.label}, the nearest to {wanted}"
        return Radius(species, charge, tabulated, kind, entry.label, entry.spin, source)
    slope, how = BOND_VALENCE_B, f"{entry.label} by the bond-valence B of 0.37"
    if len(table) > 1:
        radii = [other.effective for other in table.values()]  # both kinds differ by a constant
        slope = float(np.polyfit(np.log(list(table)), radii, 1)[0])
        how = f"{ROMAN[min(table)]} to {ROMAN[max(table)]} in ln(coordination)"
    value = tabulated + slope * math.log(coordination / nearest)
    source = f"{SHANNON}; extrapolated to {wanted} from {how}"
    return Radius(species, charge, _tidy(value), kind, wanted, entry.spin, source)


@dataclass(frozen=True)
class _Entry:
    """One line of Shannon's table, in angstrom."""

    effective: float
    crystal: float
    spin: str
    label: str


@cache
def _tabulated(element: str, charge: int) -> dict[int, _Entry]:
    """The lines of Shannon's table for one ion, by coordination."""
    if not Element.is_valid_symbol(element):
        raise InputError(f"{element!r}: is neither an element nor a known molecular cation")
    found: dict[int, _Entry] = {}
    by_charge = Element(element).data.get("Shannon radii") or {}
    for label, by_spin in by_charge.get(str(charge), {}).items():
        # Square-planar and pyramidal entries (IVSQ, IIIPY) stand in only where there is no regular one.
        number = COORDINATIONS.get(label.removesuffix("SQ").removesuffix("PY"))
        if number is None or (number in found and label not in COORDINATIONS):
            continue
        spin = next(name for name in ("", "High Spin", "Low Spin") if name in by_spin)
        radii = by_spin[spin]
        found[number] = _Entry(radii["ionic_radius"], radii["crystal_radius"], spin.split(" ")[0].lower(), label)
    return dict(sorted(found.items()))


def _estimated(element: str, charge: int) -> tuple[float, str] | None:
    """The effective radius at VI of an ion that Shannon lacks."""
    if (element, charge) == ("In", 1):
        value = sum(
            sign * _tabulated(*ion)[6].effective for sign, ion in ((1, ("In", 3)), (1, ("Tl", 1)), (-1, ("Tl", 3)))
        )
        return value, f"not in Shannon; In3+ + (Tl+ - Tl3+) at VI, each from {SHANNON}"
    return _NOT_IN_SHANNON.get((element, charge))


@cache
def known_charges(species: str) -> tuple[int, ...]:
    """Charges for which a radius is known, in ascending order.

    Examples
    --------
    >>> known_charges("Sn"), known_charges("MA")
    ((2, 4), (1,))
    """
    if species in MOLECULAR_CATIONS:
        return (MOLECULAR_CATIONS[species].charge,)
    if not Element.is_valid_symbol(species):
        raise InputError(f"{species!r}: is neither an element nor a known molecular cation")
    tabulated = {int(key) for key in Element(species).data.get("Shannon radii") or {} if key}
    extra = {charge for element, charge in (*_NOT_IN_SHANNON, ("In", 1)) if element == species}
    return tuple(sorted(tabulated | extra))


def _tidy(value: float) -> float:
    """Rounded to four decimals; the tables have three."""
    return round(value, 4)
