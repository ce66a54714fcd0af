"""A crystal with partial occupancies, as in a CIF, turned into an ordered parent and exact substitutions."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import numpy as np
import spglib
from pymatgen.core.structure import Structure

from matganip.configurations.composition import VACANCY, Substitutions
from matganip.errors import InputError

LARGEST_SUGGESTION = 64
"""Cells of the largest supercell that an error suggests."""


def order_parent(parent: Structure, n_cells: int, tolerance: float, symprec: float) -> tuple[Structure, Substitutions]:
    """Turn partial occupancies into whole numbers of atoms on the sites of a supercell.

    Symmetry-equivalent sites of the parent with equal occupancies are one sublattice, which keeps its composition.

    Parameters
    ----------
    parent : Structure
        A crystal with partially occupied sites.
    n_cells : int
        Cells of the parent in the supercell.
    tolerance : float
        Largest difference between an occupancy and a whole number of atoms divided by the number of sites.
    symprec : float
        Distance in angstrom within which sites count as equivalent.

    Returns
    -------
    parent : Structure
        With the most abundant species on each disordered site.
    substitutions : dict
        As `ConfigurationSpace` takes them, by site indices.

    Raises
    ------
    InputError
        If an occupancy gives no whole number of atoms; the message names supercells in which it does.
    """
    occupancies = [_occupancies(parent, i) for i in range(len(parent))]
    ordered = parent.copy()
    substitutions: dict[str | tuple[int, ...], dict[str, int]] = {}
    for sites in _sublattices(parent, occupancies, symprec):
        occupancy = occupancies[sites[0]]
        n_sites = len(sites) * n_cells
        counts = {species: round(share * n_sites) for species, share in occupancy.items()}
        host = max((species for species in occupancy if species != VACANCY), key=lambda species: occupancy[species])
        if not _is_whole(occupancy, n_sites, tolerance) or sum(counts.values()) != n_sites:
            raise InputError(_no_whole_number(parent, sites, occupancies, n_sites, tolerance, symprec))
        for site in sites:
            ordered[site] = host
        substitutions[sites] = {species: count for species, count in counts.items() if species != host}
    return ordered, substitutions


def _occupancies(parent: Structure, site: int) -> dict[str, float]:
    """Share of each element on a site, and of a vacancy where they do not add up to one."""
    shares: dict[str, float] = {}
    for specie, amount in parent[site].species.items():
        element = str(getattr(specie, "element", specie).symbol)
        if element in shares:
            raise InputError(
                f"site {site} of the parent ({parent[site].species_string}) holds {element} in two states; sum them "
                "up, an arrangement knows elements only"
            )
        shares[element] = float(amount)
    missing = 1 - sum(shares.values())
    if missing > 1e-6:
        shares[VACANCY] = missing
    return shares


def _sublattices(parent: Structure, occupancies: list[dict[str, float]], symprec: float) -> list[tuple[int, ...]]:
    """Disordered sites, grouped by equivalence under the operations that keep every occupancy."""
    kinds = [tuple(sorted((species, round(share, 4)) for species, share in o.items())) for o in occupancies]
    numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
    cell = (parent.lattice.matrix.tolist(), parent.frac_coords.tolist(), numbers)
    found = spglib.get_symmetry_dataset(cell, symprec=symprec)
    if found is None:
        raise InputError(f"symprec={symprec:g}: no symmetry found in the disordered parent; give another tolerance")
    orbits: defaultdict[int, list[int]] = defaultdict(list)
    for site, representative in enumerate(np.asarray(found.equivalent_atoms).tolist()):
        if len(kinds[site]) > 1:
            orbits[representative].append(site)
    return [tuple(sites) for sites in orbits.values()]


def _is_whole(occupancy: dict[str, float], n_sites: int, tolerance: float) -> bool:
    return all(abs(round(share * n_sites) / n_sites - share) <= tolerance for share in occupancy.values())


def _no_whole_number(
    parent: Structure,
    sites: tuple[int, ...],
    occupancies: list[dict[str, float]],
    n_sites: int,
    tolerance: float,
    symprec: float,
) -> str:
    """The error message: the occupancy that does not fit, and the smallest compact supercells in which all do."""
    groups = [(occupancies[group[0]], len(group)) for group in _sublattices(parent, occupancies, symprec)]
    shapes = sorted(
        (s for s in product(range(1, 9), repeat=3) if np.prod(s) <= LARGEST_SUGGESTION),
        key=lambda s: (np.prod(s), max(s), s),
    )
    fitting = [s for s in shapes if all(_is_whole(o, n * int(np.prod(s)), tolerance) for o, n in groups)]
    distinct = list({int(np.prod(s)): s for s in reversed(fitting)}.values())[::-1][:3]
    advice = (
        "supercells that work: " + ", ".join("x".join(map(str, s)) for s in distinct)
        if distinct
        else f"no supercell of up to {LARGEST_SUGGESTION} cells works; give a larger occupancy_tolerance "
        "(--occupancy-tolerance)"
    )
    shares = ", ".join(f"{species} {share:g}" for species, share in occupancies[sites[0]].items())
    return (
        f"site {sites[0]} of the parent ({shares}) has no whole numbers of atoms on {n_sites} sites within "
        f"occupancy_tolerance={tolerance:g}; {advice}"
    )
