"""The A, B and X sites of a crystal, identified by coordination, never by their order in a file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.crystal.charge_balance import Ion, balanced_ions
from matganip.crystal.perovskites import AMOUNT_TOLERANCE, Perovskite, find_anions
from matganip.crystal.structures import read_structure
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

OCTAHEDRON_GAP = 1.25
"""The seventh anion of an octahedron is farther than the sixth by this factor at least; around A they are alike."""
TRANS_ANGLE = 140.0
"""Least angle in degrees of two opposite anions of an octahedron (180 in a regular one, 136 in a prism)."""
_OCCUPANCY_DIGITS = 10_000


@dataclass(frozen=True, eq=False)
class PerovskiteSites:
    """The sites of a perovskite crystal.

    Attributes
    ----------
    perovskite : Perovskite
        The ions on A, B and X.
    a, b, x : (n,) int64
        Site indices of the structure. Every B has six X around it in an octahedron, every X belongs to two octahedra,
        and two octahedra share one X at most.
    lattice_constant : float
        Cube root of the volume of one ABX3 in angstrom.
    """

    perovskite: Perovskite
    a: NDArray[np.int64]
    b: NDArray[np.int64]
    x: NDArray[np.int64]
    lattice_constant: float


def perovskite_sites(
    source: Structure | Atoms | str | os.PathLike[str], charges: Mapping[str, int] | None = None
) -> PerovskiteSites:
    """Identify the A, B and X sites of a crystal.

    X are the anions by composition (as in `identify_perovskite`); of the cations, B are those whose six nearest anions
    form an octahedron and stand apart from the seventh, A are the others. Octahedra must share corners only, each X
    between two of them: hexagonal polytypes (shared faces), ilmenites and other ABX3 are refused, the reason named.
    Where every second B site is empty (A2BX6), an X belongs to one octahedron.

    Parameters
    ----------
    source : Structure, ase.Atoms or path
        Partial occupancies count as mixed sites.
    charges : mapping, optional
        Known charges: ``{"Sn": 2}``.

    Returns
    -------
    PerovskiteSites

    Raises
    ------
    InputError
        If the crystal is not a perovskite; names the site and the reason.

    Examples
    --------
    >>> import matganip as mg
    >>> crystal = mg.perovskite("SrTiO3", a=3.905)
    >>> _ = crystal.translate_sites(range(5), [0.5, 0.5, 0.5])
    >>> found = mg.perovskite_sites(crystal)
    >>> found.a, found.b, found.x
    (array([0]), array([1]), array([2, 3, 4]))
    """
    structure = read_structure(source)
    name = source if isinstance(source, str | os.PathLike) else structure.composition.reduced_formula
    try:
        return _sites(structure, charges)
    except InputError as error:
        raise InputError(f"{name}: {error!s}") from error


def _sites(structure: Structure, charges: Mapping[str, int] | None) -> PerovskiteSites:
    occupancies = [_occupancy(structure, i) for i in range(len(structure))]
    amounts = _sum(occupancies)
    anions, scale = find_anions(amounts)
    is_anion = np.array([any(species in anions for species in occupancy) for occupancy in occupancies])
    for i, occupancy in enumerate(occupancies):
        if is_anion[i] and any(species not in anions for species in occupancy):
            raise InputError(f"site {i} ({structure[i].species_string}) mixes anions with cations")
    octahedra = _octahedra(structure, np.flatnonzero(~is_anion), np.flatnonzero(is_anion))
    _check_network(structure, octahedra, np.flatnonzero(is_anion))
    b = np.array(sorted(octahedra), dtype=np.int64)
    a = np.setdiff1d(np.flatnonzero(~is_anion), b)
    ions = balanced_ions({species: amount * scale for species, amount in amounts.items()}, anions, charges)
    on_a = _share(ions, [occupancies[i] for i in a], scale, anions)
    on_b = _share(ions, [occupancies[i] for i in b], scale, anions)
    if abs(sum((ion.amount for ion in on_a), Fraction(0)) - 1) > AMOUNT_TOLERANCE:
        others = ", ".join(sorted({species for i in a for species in occupancies[i]}))
        raise InputError(f"{len(b)} octahedra but {len(a)} cations on A ({others}): there must be as many A as B")
    formula = structure.composition.reduced_formula
    found = Perovskite(formula, on_a, on_b, tuple(ion for ion in ions if ion.species in anions))
    n_formulas = float(1 / scale)
    return PerovskiteSites(found, a, b, np.flatnonzero(is_anion), float((structure.volume / n_formulas) ** (1 / 3)))


def _occupancy(structure: Structure, site: int) -> dict[str, Fraction]:
    """Share of each element on a site, exact to four digits: CIFs print 0.3333."""
    shares: dict[str, Fraction] = {}
    for specie, amount in structure[site].species.items():
        element = str(getattr(specie, "element", specie).symbol)
        share = Fraction(round(amount * _OCCUPANCY_DIGITS), _OCCUPANCY_DIGITS)
        shares[element] = shares.get(element, Fraction(0)) + share
    return shares


def _octahedra(
    structure: Structure, cations: NDArray[np.int64], anions: NDArray[np.int64]
) -> dict[int, list[tuple[int, tuple[int, int, int]]]]:
    """Cation site -> its six anions (site, image), for the cations that have an octahedron of them."""
    radius = 2.2 * (structure.volume / len(anions)) ** (1 / 3)  # well beyond the twelve anions around A
    centers, points, images, distances = structure.get_neighbor_list(radius, sites=[structure[i] for i in cations])
    found: dict[int, list[tuple[int, tuple[int, int, int]]]] = {}
    for number, site in enumerate(cations.tolist()):
        near = np.flatnonzero((centers == number) & np.isin(points, anions))
        near = near[np.argsort(distances[near], kind="stable")]
        if len(near) < 6 or (len(near) > 6 and distances[near[6]] < OCTAHEDRON_GAP * distances[near[5]]):
            continue
        ends = structure.frac_coords[points[near[:6]]] + images[near[:6]] - structure.frac_coords[site]
        bonds = structure.lattice.get_cartesian_coords(ends)
        bonds /= np.linalg.norm(bonds, axis=1, keepdims=True)
        angles = np.degrees(np.arccos(np.clip(bonds @ bonds.T, -1, 1)))
        if angles.max(axis=1).min() >= TRANS_ANGLE:
            found[site] = [(int(points[k]), tuple(int(n) for n in images[k])) for k in near[:6]]  # type: ignore[misc]
    if not found:
        raise InputError("no cation has six anions in an octahedron around it")
    return found


def _check_network(
    structure: Structure,
    octahedra: Mapping[int, list[tuple[int, tuple[int, int, int]]]],
    anions: NDArray[np.int64],
) -> None:
    """Every anion is in two octahedra (in one, where half of them are missing), and two octahedra share one at most."""
    owners: dict[int, list[tuple[int, tuple[int, int, int]]]] = {int(site): [] for site in anions}
    for center, corners in octahedra.items():
        for site, image in corners:
            owners[site].append((center, (-image[0], -image[1], -image[2])))
    wanted = 2 if len(anions) <= 3 * len(octahedra) else 1
    for site, around in owners.items():
        if len(around) != wanted:
            raise InputError(
                f"site {site} ({structure[site].species_string}) belongs to {len(around)} octahedra, not {wanted}: the "
                "octahedra share no corners only"
            )
    shared: Counter[tuple[int, int, tuple[int, int, int]]] = Counter()
    for (first, at), (second, there) in (around for around in owners.values() if len(around) == 2):
        step = (there[0] - at[0], there[1] - at[1], there[2] - at[2])
        back = (-step[0], -step[1], -step[2])
        shared[min((first, second, step), (second, first, back))] += 1
    if shared and max(shared.values()) > 1:
        (first, second, _), count = shared.most_common(1)[0]
        kind = {2: "an edge", 3: "a face"}.get(count, f"{count} anions")
        name = structure[first].species_string
        raise InputError(f"the octahedra of sites {first} and {second} ({name}) share {kind}, not a corner")


def _share(
    ions: tuple[Ion, ...], occupancies: list[dict[str, Fraction]], scale: Fraction, anions: tuple[str, ...]
) -> tuple[Ion, ...]:
    """The ions on some sites: a species of two charges, or on both kinds of site, in proportion."""
    here = _sum(occupancies)
    totals = _sum([{ion.species: ion.amount} for ion in ions])
    return tuple(
        Ion(ion.species, ion.charge, ion.amount * here[ion.species] * scale / totals[ion.species])
        for ion in ions
        if ion.species in here and ion.species not in anions
    )


def _sum(occupancies: Iterable[Mapping[str, Fraction]]) -> dict[str, Fraction]:
    total: dict[str, Fraction] = {}
    for occupancy in occupancies:
        for species, amount in occupancy.items():
            total[species] = total.get(species, Fraction(0)) + amount
    return total
