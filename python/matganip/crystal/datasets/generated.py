"""Every neutral ABX3 whose radii fit, as an ideal cubic crystal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations

from pymatgen.core.lattice import Lattice
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from matganip.crystal.charge_balance import ANION_CHARGES
from matganip.crystal.datasets.table import PerovskiteTable, Skipped, make_table
from matganip.crystal.lattice_constants import lattice_constant
from matganip.crystal.perovskites import Perovskite, identify_perovskite
from matganip.crystal.prototypes import IDEAL_SITES
from matganip.crystal.radii import known_charges
from matganip.crystal.tolerance_factors import octahedral_factor, tolerance_factor
from matganip.errors import InputError

NOT_NEUTRAL = "no neutral charges"
TOLERANCE = "tolerance factor outside the limits"
OCTAHEDRAL = "octahedral factor below the limit"


def abx3(
    *,
    anions: Sequence[str] = tuple(ANION_CHARGES),
    cations: Sequence[str] | None = None,
    tolerance: tuple[float, float] = (0.75, 1.1),
    octahedral: float = 0.37,
) -> PerovskiteTable:
    """Generate every charge-neutral ABX3 of three elements whose radii fit, as ideal cubic crystals.

    All pairs of cations that have a Shannon radius at charges whose sum is minus three times the anion's; A and B are
    assigned, and the likeliest charges chosen, as by `matganip.identify_perovskite`. The lattice constant is
    that of `matganip.lattice_constant` (Ubic 2007). Whether such a compound exists is not considered; ``probability``
    is Bartel's estimate.

    Parameters
    ----------
    anions : sequence of str, default F, Cl, Br, I, O, S, Se, Te, N
    cations : sequence of str, optional
        Elements to combine; by default all that have radii at positive charges.
    tolerance : (float, float), default (0.75, 1.1)
        Limits of the tolerance factor with effective radii, both included.
    octahedral : float, default 0.37
        Lower limit of r_B / r_X. Hard anions touch at sqrt(2) - 1 = 0.414 already, but CaMnO3 (0.379), LaAlO3 (0.382)
        and BaZrS3 (0.391) are perovskites.

    Returns
    -------
    PerovskiteTable
        Sorted by anion, then A, then B, each in the order of the periodic table.

    Raises
    ------
    InputError
        If an element is unknown or the limits are empty.

    Examples
    --------
    >>> import matganip as mg
    >>> iodides = mg.datasets.abx3(anions=("I",))
    >>> i = iodides.formulas.index("CsPbI3")
    >>> round(float(iodides.effective[i]), 3), iodides.structure(i).composition.reduced_formula
    (0.851, 'CsPbI3')
    """
    low, high = tolerance
    if not low < high:
        raise InputError(f"tolerance=({low}, {high}): give the lower limit first")
    for anion in anions:
        if anion not in ANION_CHARGES:
            raise InputError(f"anions: {anion!r} is none of {', '.join(ANION_CHARGES)}")
    for cation in cations or ():
        if cation not in _cations():
            raise InputError(f"cations: {cation!r} is not an element with a radius at a positive charge")
    elements = [symbol for symbol in _cations() if cations is None or symbol in cations]
    rows: list[Perovskite] = []
    skipped: list[Skipped] = []
    for anion in anions:
        for pair in combinations([symbol for symbol in elements if symbol != anion], 2):
            formula = f"{pair[0]}{pair[1]}{anion}3"
            if not _can_be_neutral(pair, anion):
                skipped.append(Skipped(formula, NOT_NEUTRAL, ""))
                continue
            found = identify_perovskite(formula)
            factor = tolerance_factor(found)
            mu = octahedral_factor(found)
            if not low <= factor <= high:
                skipped.append(Skipped(found.ordered_formula, TOLERANCE, f"t = {factor:.3f}"))
            elif mu < octahedral:
                skipped.append(Skipped(found.ordered_formula, OCTAHEDRAL, f"mu = {mu:.3f}"))
            else:
                rows.append(found)
    rows.sort(key=lambda found: (anions.index(found.x[0].species), Element(found.a[0].species).Z,
                                 Element(found.b[0].species).Z))  # fmt: skip
    edges = [lattice_constant(found) for found in rows]

    def structure(index: int) -> Structure:
        found = rows[index]
        species = [found.a[0].species, found.b[0].species, *[found.x[0].species] * 3]
        return Structure(Lattice.cubic(edges[index]), species, IDEAL_SITES)

    return make_table([found.ordered_formula for found in rows], rows, edges, skipped, structure)


@cache
def _cations() -> tuple[str, ...]:
    """Elements with a radius at a positive charge; the proton's is negative and no site's."""
    symbols = {element.symbol for element in Element} - {"H", "D", "T"}
    return tuple(
        sorted(
            (symbol for symbol in symbols if any(charge > 0 for charge in known_charges(symbol))),
            key=lambda symbol: Element(symbol).Z,
        )
    )


def _can_be_neutral(pair: tuple[str, str], anion: str) -> bool:
    needed = -3 * ANION_CHARGES[anion]
    return any(
        first + second == needed
        for first in known_charges(pair[0])
        for second in known_charges(pair[1])
        if first > 0 and second > 0
    )
