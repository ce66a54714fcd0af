"""Goldschmidt's tolerance factor in two conventions, the octahedral factor, and Bartel's tau with its probability."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from pymatgen.core.structure import Structure

from matganip.crystal.formulas import parse_formula
from matganip.crystal.perovskite_sites import perovskite_sites
from matganip.crystal.perovskites import Perovskite, identify_perovskite
from matganip.crystal.radii import Fallback, Kind
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

Material: TypeAlias = "str | os.PathLike[str] | Structure | Atoms | Perovskite"
"""A formula, a crystal or its file, or the ions of a perovskite."""

Convention = Literal["effective", "crystal"]

COORDINATION: dict[Convention, tuple[int, int, int]] = {"effective": (12, 6, 6), "crystal": (6, 6, 6)}
"""Coordination of A, B and X whose radii each convention takes."""

PLATT_SIGMOIDS = ((1.115, 4.379), (2.724, 4.197))
"""Slope and middle of the sigmoids in tau whose mean stands for the published probabilities (`bartel_probability`)."""


def tolerance_factor(
    material: Material,
    convention: Convention = "effective",
    *,
    charges: Mapping[str, int] | None = None,
    fallback: Fallback = "nearest",
) -> float:
    """Goldschmidt's tolerance factor t = (r_A + r_X) / (sqrt(2) (r_B + r_X)).

    V. M. Goldschmidt, Naturwissenschaften 14, 477 (1926). Radii are Shannon's (1976), each a mean over the ions on
    the site by their amounts; empty B sites do not count.

    Parameters
    ----------
    material : str, path, Structure, ase.Atoms or Perovskite
        A formula (`parse_formula`), a crystal or its file (`perovskite_sites` then says which sites are A, B and X), or
        what `identify_perovskite` made of a formula. A string is a file if it ends in a suffix such as ``.cif``, or is
        named POSCAR or CONTCAR.
    convention : {"effective", "crystal"}
        ``"effective"``: effective ionic radii, A at coordination XII, B and X at VI, as textbooks and Bartel et al.
        (2019) have it. ``"crystal"``: crystal radii, all at coordination VI, as the MATGANIP paper has it.
    charges : mapping, optional
        Known charges: ``{"Sn": 2}``.
    fallback : {"nearest", "extrapolated"}
        Where a coordination is not tabulated, see `ionic_radius`.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the formula is not that of a perovskite, or a radius is unknown.

    Examples
    --------
    >>> round(tolerance_factor("CsPbI3"), 3), round(tolerance_factor("CsPbI3", "crystal"), 3)
    (0.851, 0.807)
    """
    found = _identified(material, charges)
    a, b, x = (_mean_radius(found, site, convention, fallback) for site in "abx")
    return (a + x) / (math.sqrt(2) * (b + x))


def octahedral_factor(
    material: Material,
    convention: Convention = "effective",
    *,
    charges: Mapping[str, int] | None = None,
    fallback: Fallback = "nearest",
) -> float:
    """The octahedral factor mu = r_B / r_X; below sqrt(2) - 1 the anions of a regular octahedron touch.

    C. Li, K. C. K. Soh & P. Wu, J. Alloys Compd. 372, 40 (2004). Parameters as those of `tolerance_factor`.

    Examples
    --------
    >>> round(octahedral_factor("CsPbI3"), 3)
    0.541
    """
    found = _identified(material, charges)
    return _mean_radius(found, "b", convention, fallback) / _mean_radius(found, "x", convention, fallback)


def bartel_tau(
    material: Material, *, charges: Mapping[str, int] | None = None, fallback: Fallback = "nearest"
) -> float:
    """Bartel's tolerance factor tau = r_X / r_B - n_A (n_A - (r_A / r_B) / ln(r_A / r_B)); perovskite below 4.18.

    C. J. Bartel et al., Sci. Adv. 5, eaav0693 (2019), equation 2: effective radii, A at XII, B and X at VI, n_A the
    charge of A.

    Parameters
    ----------
    material, charges, fallback
        As those of `tolerance_factor`.

    Returns
    -------
    float
        Infinite where r_A is not above r_B: A is the larger cation by definition, and below r_B the formula gives
        small and negative numbers that mean nothing.

    Examples
    --------
    >>> round(bartel_tau("CsPbI3"), 2)
    4.3
    """
    found = _identified(material, charges)
    a, b, x = (_mean_radius(found, site, "effective", fallback) for site in "abx")
    n_a = found.mean_charge("a")
    if a < b or math.isclose(a, b):
        return math.inf
    return x / b - n_a * (n_a - (a / b) / math.log(a / b))


def bartel_probability(tau: float) -> float:
    """Probability that a compound of this tau is a perovskite, by Platt's scaling.

    Bartel et al. (2019) calibrate three sigmoids in tau by cross-validation on their 576 compounds and print the mean's
    values to two decimals (table S1), no coefficients. This is the mean of two sigmoids 1 / (1 + exp(slope (tau -
    middle))) fitted to 122 of those values; it agrees with each within 0.007.

    Parameters
    ----------
    tau : float
        See `bartel_tau`.

    Returns
    -------
    float
        From 0 to 1; 0 where tau is infinite.

    Examples
    --------
    >>> round(bartel_probability(4.18), 2)
    0.53
    """
    if tau == math.inf:
        return 0.0
    return sum(1 / (1 + math.exp(min(slope * (tau - middle), 700.0))) for slope, middle in PLATT_SIGMOIDS) / 2


@dataclass(frozen=True)
class ToleranceFactors:
    """All factors of one perovskite, as `matganip tolerance` prints them."""

    perovskite: Perovskite
    effective: float
    crystal: float
    octahedral: float
    tau: float
    probability: float


def tolerance_factors(
    material: Material, *, charges: Mapping[str, int] | None = None, fallback: Fallback = "nearest"
) -> ToleranceFactors:
    """All factors of one perovskite: t in both conventions, mu (effective radii), tau and its probability.

    Examples
    --------
    >>> found = tolerance_factors("FAPbI3")
    >>> f"{found.effective:.3f} {found.crystal:.3f} {found.octahedral:.3f}"
    '0.987 0.987 0.541'
    """
    found = _identified(material, charges)
    tau = bartel_tau(found, fallback=fallback)
    return ToleranceFactors(
        found,
        tolerance_factor(found, "effective", fallback=fallback),
        tolerance_factor(found, "crystal", fallback=fallback),
        octahedral_factor(found, fallback=fallback),
        tau,
        bartel_probability(tau),
    )


def tolerance_factors_of(
    materials: Iterable[str], *, charges: Mapping[str, int] | None = None, fallback: Fallback = "nearest"
) -> dict[str, ToleranceFactors]:
    """All factors of several perovskites, by formula or by structure file.

    Parameters
    ----------
    materials : iterable of str
        Formulas and names of structure files.
    charges : mapping, optional
        Known charges, ``{"Sn": 2}``; each applies to the materials that contain its ion.
    fallback : {"nearest", "extrapolated"}
        Where a coordination is not tabulated, see `ionic_radius`.

    Returns
    -------
    dict
        In the order given, each once.

    Raises
    ------
    InputError
        If a formula is not that of a perovskite, a radius is unknown, or an ion with a charge is in none of them.

    Examples
    --------
    >>> {formula: round(found.tau, 2) for formula, found in tolerance_factors_of(["CsPbI3", "CsPbBr3"]).items()}
    {'CsPbI3': 4.3, 'CsPbBr3': 4.1}
    """
    found, refused = factors_or_reasons(materials, charges=charges, fallback=fallback)
    for reason in refused.values():
        raise InputError(reason)
    return found


def factors_or_reasons(
    materials: Iterable[str], *, charges: Mapping[str, int] | None = None, fallback: Fallback = "nearest"
) -> tuple[dict[str, ToleranceFactors], dict[str, str]]:
    """As `tolerance_factors_of`, and for each material without factors the reason.

    Examples
    --------
    >>> found, refused = factors_or_reasons(["CsPbI3", "NaCl"])
    >>> list(found), list(refused)
    (['CsPbI3'], ['NaCl'])
    """
    given = dict(charges or {})
    found: dict[str, ToleranceFactors] = {}
    refused: dict[str, str] = {}
    used: set[str] = set()
    for material in dict.fromkeys(materials):
        try:
            species = () if is_file_name(material) else parse_formula(material)
            known = {ion: charge for ion, charge in given.items() if not species or ion in species}
            found[material] = tolerance_factors(material, charges=known, fallback=fallback)
        except InputError as error:
            refused[material] = str(error)
        else:
            used |= {ion.species for site in "abx" for ion in found[material].perovskite.ions(site)}
    unused = sorted(given.keys() - used)
    if unused and not refused:
        raise InputError(f"charge {unused[0]}={given[unused[0]]}: {unused[0]} is in none of {', '.join(found)}")
    return found, refused


def _identified(material: Material, charges: Mapping[str, int] | None) -> Perovskite:
    if isinstance(material, Perovskite):
        return material
    if isinstance(material, str) and not is_file_name(material):
        return identify_perovskite(material, charges)
    return perovskite_sites(material, charges).perovskite


def is_file_name(text: str) -> bool:
    """Whether a string names a structure file and is not a formula; in a formula a point is followed by a digit."""
    return bool(re.search(r"\.[A-Za-z]\w*$|(POSCAR|CONTCAR)[^/\\]*$", text))


def _mean_radius(found: Perovskite, site: str, convention: Convention, fallback: Fallback) -> float:
    if convention not in get_args(Convention):
        raise InputError(
            f"convention={convention!r}: give 'effective' (effective radii at XII/VI/VI) or 'crystal' (crystal radii "
            "at VI)"
        )
    kind: Kind = convention
    return found.mean_radius(site, COORDINATION[convention]["abx".index(site)], kind, fallback)
