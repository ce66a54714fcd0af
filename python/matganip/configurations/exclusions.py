"""Which species on which sites exclude one another because they would be too close: split sites, minimum distances."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.composition import VACANCY, element_of
from matganip.configurations.disorder_groups import check_symmetry, group_exclusions
from matganip.configurations.species import symbol_of
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.supercell import SubstitutedSupercell

LARGEST_GROUP = 16
"""Sites of the largest group that is exchanged as a whole."""

MinDistance = Mapping[str, float] | Mapping[tuple[str, str], float]
"""Smallest distance in angstrom between two species, ``{"Na-Na": 2.5}`` or ``{("Na", "Na"): 2.5}``."""


def checked_min_distance(given: MinDistance, names: set[str]) -> dict[tuple[str, str], float]:
    """Check minimum distances: pairs of known species in alphabetical order, positive distances.

    Parameters
    ----------
    given : mapping
        As `ConfigurationSpace` takes it.
    names : set of str
        The species of the crystal.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        Names the pair.

    Examples
    --------
    >>> checked_min_distance({"Na-Li": 2.5}, {"Na", "Li", "O"})
    {('Li', 'Na'): 2.5}
    """
    found: dict[tuple[str, str], float] = {}
    for key, distance in given.items():
        label = key if isinstance(key, str) else "-".join(key)
        pairs = [key] if not isinstance(key, str) else _splits(key)
        known = [pair for pair in pairs if len(pair) == 2 and names.issuperset(pair)]
        if not known:
            raise InputError(
                f"min_distance.{label}: not two species of the crystal, which has {', '.join(sorted(names))}; write "
                "for example Na-Na"
            )
        if not 0 < distance < np.inf:
            raise InputError(f"min_distance.{label}: a distance in angstrom is positive, got {distance}")
        first, second = sorted(known[0])
        if found.setdefault((first, second), float(distance)) != distance:
            raise InputError(f"min_distance.{label}: is given twice")
    return dict(sorted(found.items()))


def _splits(text: str) -> list[tuple[str, str]]:
    """The two halves of a text at each hyphen, of which a charge may be one: ``O2--O2-``."""
    return [(text[:i], text[i + 1 :]) for i, letter in enumerate(text) if letter == "-"]


def check_split_occupancies(parent: Structure, site_tolerance: float, occupancy_tolerance: float) -> None:
    """Refuse a disordered parent in which the positions of one site hold more than one atom.

    Parameters
    ----------
    parent : Structure
        With partial occupancies.
    site_tolerance : float
        Positions closer than this, in angstrom, are one site.
    occupancy_tolerance : float
        By how much the sum may pass 1.

    Raises
    ------
    InputError
        Names the sites.
    """
    distance = parent.distance_matrix
    occupancy = np.array([site.species.num_atoms for site in parent])
    for site in range(len(parent)):
        clique = [site]
        for other in np.flatnonzero(distance[site] < site_tolerance):
            if other != site and (distance[other, clique] < site_tolerance).all():
                clique.append(int(other))
        total = float(occupancy[clique].sum())
        if total > 1 + max(occupancy_tolerance, 1e-3) and len(clique) > 1:
            told = ", ".join(f"{i} ({parent[i].species_string})" for i in clique)
            raise InputError(
                f"sites {told} of the parent are within {distance[np.ix_(clique, clique)].max():.2f} angstrom of one "
                f"another: positions of one site, which hold {total:g} atoms together; correct the occupancies, or "
                f"give a site_tolerance below {site_tolerance:g}"
            )


def find_exclusions(space: SubstitutedSupercell) -> NDArray[np.uint16]:
    """Pairs of column and code that no arrangement holds together.

    Parameters
    ----------
    space : SubstitutedSupercell
        With its `site_tolerance` and `min_distance`, and the disorder groups of its parent.

    Returns
    -------
    (n, 4) uint16
        Rows ``column, code, other column, other code`` in ascending order; where both are the same, the column may
        never hold that code. They are invariant under the permutations of the space.

    Raises
    ------
    InputError
        If two sites that are not substituted are too close, or disorder groups cannot be kept.
    """
    by_groups = group_exclusions(space)
    nearest = space.parent.distance_matrix + 1e3 * np.eye(len(space.parent))
    if not space.min_distance and nearest.min() > space.site_tolerance + 3 * space.symprec:
        rows = np.empty((0, 4), dtype=np.uint16)
    else:
        rows = _too_close(space)
    if len(by_groups):
        kept = _sorted(by_groups)
        check_symmetry(kept, space.group)
        rows = np.unique(np.concatenate([rows, kept]), axis=0)
    return rows


def _too_close(space: SubstitutedSupercell) -> NDArray[np.uint16]:
    """The exclusions that follow from distances."""
    frame = space.supercell_structure
    margin = 3 * space.symprec
    reach = max(space.site_tolerance, *space.min_distance.values(), 0.0) + margin
    atom, other, _, distance = frame.get_neighbor_list(reach)
    column = np.full(len(frame), -1)
    column[space.site_indices] = np.arange(space.n_sites)
    kinds, names = _kinds(space)
    found: list[NDArray[np.int64]] = []
    ambiguous = False
    for first, second in product(range(len(names)), repeat=2):
        near = np.flatnonzero((kinds[atom] == first) & (kinds[other] == second))
        for (a, one), (b, two) in product(enumerate(names[first]), enumerate(names[second])):
            limit = space.distance_limit(one, two)
            if limit == 0 or not len(near):
                continue
            close = near[distance[near] < limit]
            ambiguous |= bool((np.abs(distance[near] - limit) < margin).any())
            i, j = column[atom[close]], column[other[close]]
            if (clash := np.flatnonzero((i < 0) & (j < 0))).size:
                at = close[clash[0]]
                raise InputError(
                    f"{one} and {two}, which are not substituted, are {distance[at]:.3g} angstrom apart (sites "
                    f"{atom[at]} and {other[at]} of the supercell), closer than the {limit:g} asked for; no "
                    "arrangement changes that"
                )
            # Beside a fixed atom, or the site's own periodic image, the code is never allowed.
            alone = (j < 0) | ((i == j) & (a == b))
            pair = (i >= 0) & (j >= 0) & (i != j)
            found.append(_rows(i[alone & (i >= 0)], a, i[alone & (i >= 0)], a))
            found.append(_rows(i[pair], a, j[pair], b))
    rows = _sorted(np.concatenate(found)) if found else np.empty((0, 4), dtype=np.uint16)
    return _closed(rows, space.group) if ambiguous and len(rows) else rows


def told(space: SubstitutedSupercell, exclusion: list[int]) -> str:
    """An exclusion in words."""
    i, a, j, b = exclusion
    one, two = (space.species[space.sublattices[column]][code] for column, code in ((i, a), (j, b)))
    if i == j:
        return f"{one} on site {i}, too close to an atom that stays, or to its own image"
    apart = space.supercell_structure.get_distance(int(space.site_indices[i]), int(space.site_indices[j]))
    limit = space.distance_limit(one, two)
    pair = f"{one} on site {i} and {two} on site {j}"
    if apart >= limit:
        return f"{pair}, which the disorder groups of the file keep apart"
    return f"{pair}, {apart:.3g} angstrom apart, which must keep {limit:g}"


def obeys(occupations: NDArray[np.uint8], exclusions: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Tell which arrangements obey exclusions.

    Parameters
    ----------
    occupations : (n, n_sites) uint8
        Arrangements.
    exclusions : (m, 4) uint16
        As `find_exclusions` gives them.

    Returns
    -------
    (n,) bool
    """
    return broken(occupations, exclusions) < 0


def broken(occupations: NDArray[np.uint8], exclusions: NDArray[np.uint16]) -> NDArray[np.int64]:
    """For each arrangement (n, n_sites) the first exclusion that it breaks, (n,) int64; -1 for none."""
    first = np.full(len(occupations), -1, dtype=np.int64)
    for number in range(len(exclusions) - 1, -1, -1):
        i, a, j, b = exclusions[number]
        first[(occupations[:, i] == a) & (occupations[:, j] == b)] = number
    return first


def group_exchanges(exclusions: NDArray[np.uint16], group: NDArray[np.uint16]) -> list[NDArray[np.int64]]:
    """Ways to exchange what two equivalent groups of sites carry, groups being what exclusions tie together.

    Swaps of two sites cannot lead everywhere where a group spans several sublattices: for an atom to change its
    position, one of another sublattice has to make room.

    Parameters
    ----------
    exclusions : (m, 4) uint16
        As `find_exclusions` gives them.
    group : (n_ops, n_sites) uint16
        Permutations of the space.

    Returns
    -------
    list of (k, 2) int64 ndarray
        Pairs of columns, those of one group first; groups of more than 16 sites are left out, for they are mostly not
        what a split site is.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_sites = group.shape[1]
    links = coo_array((np.ones(len(exclusions)), (exclusions[:, 0], exclusions[:, 2])), shape=(n_sites, n_sites))
    _, owner = connected_components(links, directed=False)
    found: dict[frozenset[tuple[int, int]], NDArray[np.int64]] = {}
    for number in range(int(owner.max()) + 1):
        sites = np.flatnonzero(owner == number)
        if not 1 < len(sites) <= LARGEST_GROUP:
            continue
        for image in np.unique(group[:, sites], axis=0).astype(np.int64):
            if owner[image[0]] == number:
                continue
            pairs = np.stack([sites, image], axis=1)
            found.setdefault(frozenset(tuple(sorted(pair)) for pair in pairs.tolist()), pairs)
    return list(found.values())


def _kinds(space: SubstitutedSupercell) -> tuple[NDArray[np.int64], list[tuple[str, ...]]]:
    """The kind of each atom of the supercell, a sublattice or an element that stays; the species of each kind."""
    names = [*space.species]
    kinds = np.full(len(space.supercell_structure), -1)
    kinds[space.site_indices] = space.sublattices
    numbers: dict[str, int] = {}
    for atom in np.flatnonzero(kinds < 0):
        element = element_of(space.supercell_structure, int(atom))
        if element not in numbers:
            numbers[element] = len(names)
            names.append((element,))
        kinds[atom] = numbers[element]
    return kinds, names


def _rows(i: NDArray[np.int64], a: int, j: NDArray[np.int64], b: int) -> NDArray[np.int64]:
    return np.stack([i, np.full_like(i, a), j, np.full_like(j, b)], axis=1)


def _sorted(rows: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Each pair once, its smaller state first."""
    swap = (rows[:, 0] > rows[:, 2]) | ((rows[:, 0] == rows[:, 2]) & (rows[:, 1] > rows[:, 3]))
    rows = np.where(swap[:, np.newaxis], rows[:, [2, 3, 0, 1]], rows)
    return np.ascontiguousarray(np.unique(rows, axis=0), dtype=np.uint16)


def _closed(rows: NDArray[np.uint16], group: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """The images of exclusions under all permutations: distances near a limit differ by rounding only."""
    known = rows
    for permutation in group:
        image = rows.astype(np.int64)
        image[:, 0], image[:, 2] = permutation[rows[:, 0]], permutation[rows[:, 2]]
        known = np.concatenate([known, _sorted(image)])
        if len(known) > 20 * len(rows) + 10_000:
            known = np.unique(known, axis=0)
    return np.ascontiguousarray(np.unique(known, axis=0))


def limit_of(min_distance: Mapping[tuple[str, str], float], site_tolerance: float, one: str, two: str) -> float:
    """Distance in angstrom that two species must keep; 0 beside a vacancy."""
    if VACANCY in (one, two):
        return 0.0
    # A pair may name an element whose ions are several species here: Fe stands for Fe2+ and Fe3+.
    named = product({one, symbol_of(one)}, {two, symbol_of(two)})
    return max(site_tolerance, *(min_distance.get((min(pair), max(pair)), 0.0) for pair in named))
