"""Goldschmidt's tolerance factor in two conventions, the octahedral factor, and Bartel's tau with its probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from matganip.crystal.perovskites import Perovskite, identify_perovskite
from matganip.crystal.radii import Fallback, Kind
from matganip.errors import InputError

Convention = Literal["effective", "crystal"]

COORDINATION: dict[Convention, tuple[int, int, int]] = {"effective": (12, 6, 6), "crystal": (6, 6, 6)}
"""Coordination of A, B and X whose radii each convention takes."""

# P(tau) = 1 / (1 + exp(slope (tau - middle))), fitted to the published probabilities (see `bartel_probability`).
PLATT_SLOPE = 1.73194355
PLATT_MIDDLE = 4.26437976


def tolerance_factor(
    material: str | Perovskite,
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
    material : str or Perovskite
        A formula (`parse_formula`), or what `identify_perovskite` made of it.
    convention : {"effective", "crystal"}
        ``"effective"``: effective ionic radii, A at coordination XII, B and X at VI, as textbooks and Bartel et al.
        (2019) have it. ``"crystal"``: crystal radii, all at coordination VI, as the MATGANIP paper has it.
    charges : mapping, optional
        Charges that are known: ``{"Sn": 2}``.
    fallback : {"nearest", "extrapolated"}
        Where a coordination is not tabulated, see `ionic_radius`.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the formula is no perovskite's, or a radius is unknown.

    Examples
    --------
    >>> round(tolerance_factor("CsPbI3"), 3), round(tolerance_factor("CsPbI3", "crystal"), 3)
    (0.851, 0.807)
    """
    found = _identified(material, charges)
    a, b, x = (_mean_radius(found, site, convention, fallback) for site in "abx")
    return (a + x) / (math.sqrt(2) * (b + x))


def octahedral_factor(
    material: str | Perovskite,
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
    material: str | Perovskite, *, charges: Mapping[str, int] | None = None, fallback: Fallback = "nearest"
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
        Infinite where r_A = r_B.

    Examples
    --------
    >>> round(bartel_tau("CsPbI3"), 2)
    4.3
    """
    found = _identified(material, charges)
    a, b, x = (_mean_radius(found, site, "effective", fallback) for site in "abx")
    n_a = found.mean_charge("a")
    if math.isclose(a, b):
        return math.inf
    return x / b - n_a * (n_a - (a / b) / math.log(a / b))


def bartel_probability(tau: float) -> float:
    """Probability that a compound of this tau is a perovskite, by Platt's scaling.

    P = 1 / (1 + exp(1.732 (tau - 4.264))). Bartel et al. (2019) calibrate three sigmoids by cross-validation on their
    576 compounds and print the mean's values (table S1); this one sigmoid stands for the mean. It was fitted to the
    published values.

    Examples
    --------
    >>> round(bartel_probability(4.18), 2)
    0.54
    """
    return 1 / (1 + math.exp(min(PLATT_SLOPE * (tau - PLATT_MIDDLE), 700.0)))


@dataclass(frozen=True)
class ToleranceFactors:
    """Everything about one perovskite, as `matganip tolerance` prints it."""

    perovskite: Perovskite
    effective: float
    crystal: float
    octahedral: float
    tau: float
    probability: float


def tolerance_factors(
    material: str | Perovskite, *, charges: Mapping[str, int] | None = None, fallback: Fallback = "nearest"
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


def _identified(material: str | Perovskite, charges: Mapping[str, int] | None) -> Perovskite:
    return material if isinstance(material, Perovskite) else identify_perovskite(material, charges)


def _mean_radius(found: Perovskite, site: str, convention: Convention, fallback: Fallback) -> float:
    if convention not in get_args(Convention):
        raise InputError(
            f"convention={convention!r}: give 'effective' (effective radii at XII/VI/VI) or 'crystal' (crystal radii "
            "at VI)"
        )
    kind: Kind = convention
    return found.mean_radius(site, COORDINATION[convention]["abx".index(site)], kind, fallback)
