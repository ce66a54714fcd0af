"""Disorder groups of a file as exclusions: an arrangement takes one group of each assembly, with all atoms of it."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations, product
from typing import TYPE_CHECKING

import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from matganip.configurations.lattice_points import CellCodes
from matganip.configurations.species import VACANCY, parse_species, symbol_of
from matganip.crystal.disorder_tags import DISORDER, DisorderTag, site_tags
from matganip.errors import InputError, ReadingWarning

if TYPE_CHECKING:
    from matganip.configurations.supercell import SubstitutedSupercell

EQUAL = 0.005
"""Occupancies that differ by no more are equal: the digits of a CIF."""
SAME_LENGTH = 0.02
"""Angstrom: distances that differ by no more are one."""
CONTACT = 1.3
"""Atoms nearer than so many sums of their covalent radii are in one assembly, where assemblies have no name."""
LONGEST = 24.0
"""Angstrom, within which the atoms of an assembly are looked for."""

REMEDY = "; take _atom_site_disorder_group out of the file to have each atom placed by itself"


@dataclass(frozen=True)
class Position:
    """What a site holds of one group of an assembly; its row of the file by the labels."""

    site: int
    group: str
    row: tuple[str, ...]
    species: frozenset[str]
    occupancy: float


@dataclass(frozen=True)
class Assembly:
    """An assembly of groups; the crystal has it once for each of its images.

    Attributes
    ----------
    name : str
        For messages, with the labels of its atoms.
    images : tuple of tuple of (Position, group, cell)
        The positions of each image in one cell of the crystal, and in which cell each lies, (3,) ints. The number of a
        copy stands behind a group that is disordered about a special position.
    together : frozenset of str
        Groups whose atoms are all there, or none of them.
    """

    name: str
    images: tuple[tuple[tuple[Position, str, tuple[int, int, int]], ...], ...]
    together: frozenset[str]


def find_assemblies(parent: Structure) -> tuple[Assembly, ...]:
    """Find the assemblies of the disorder groups that the sites of a crystal have as properties.

    The atoms of an assembly are those that the file names so; without a name, those in contact. Its images are found by
    joining, from the shortest distance on, atoms that no shorter ones have joined.

    Parameters
    ----------
    parent : Structure

    Returns
    -------
    tuple of Assembly

    Raises
    ------
    InputError
        If an assembly goes on from cell to cell, or its groups hold more than one atom; names it.

    Warns
    -----
    ReadingWarning
        If the atoms of a group are not kept together, because their occupancies differ.
    """
    if DISORDER not in parent.site_properties:
        return ()
    named: dict[str, list[Position]] = defaultdict(list)
    for site in range(len(parent)):
        tags = site_tags(parent, site)
        for key in dict.fromkeys((tag.assembly, tag.group) for tag in tags):
            named[key[0]].append(_position(site, key[1], [tag for tag in tags if (tag.assembly, tag.group) == key]))
    found = []
    for name, positions in named.items():
        links = list(_links(parent, positions))
        for members in [positions] if name else _in_contact(positions, links):
            found.append(_assembly(name, members, [link for link in links if link.between(members)]))
    return tuple(found)


def whole_images(parent: Structure) -> dict[int, int]:
    """By site, how many equivalent sites of a group an arrangement takes at a time, where these are several."""
    found: dict[int, int] = {}
    for assembly in find_assemblies(parent):
        for positions in assembly.images:
            for one, group, _ in positions:
                if group in assembly.together:
                    found[one.site] = sum(other.row == one.row and g == group for other, g, _ in positions)
    return found


def group_exclusions(space: SubstitutedSupercell) -> NDArray[np.int64]:
    """Pairs of column and code that the disorder groups of the parent keep apart, as `find_exclusions` has them.

    Parameters
    ----------
    space : SubstitutedSupercell

    Returns
    -------
    (n, 4) int64

    Raises
    ------
    InputError
        If a species has no group, or the groups have not the symmetry of the crystal.
    """
    columns = _Columns(space)
    rows: list[NDArray[np.int64]] = []
    for assembly in find_assemblies(space.parent):
        for image in assembly.images:
            for (one, _, here), (other, _, there) in combinations(image, 2):
                if one.site == other.site:
                    continue
                first, second = columns.of(one.site, here), columns.of(other.site, there)
                if first is None or second is None:
                    continue
                groups = columns.groups(image, one.site), columns.groups(image, other.site)
                for (a, ga), (b, gb) in product(enumerate(groups[0]), enumerate(groups[1])):
                    if _apart(ga, gb, image, assembly.together, one.site, other.site):
                        rows.append(np.stack([first, np.full_like(first, a), second, np.full_like(second, b)], axis=1))
    return np.concatenate(rows) if rows else np.empty((0, 4), dtype=np.int64)


def check_symmetry(rows: NDArray[np.uint16], group: NDArray[np.uint16]) -> None:
    """Refuse exclusions (n, 4) that a permutation of the space does not map onto themselves.

    Raises
    ------
    InputError
    """
    known = _numbered(rows[:, [0, 2]], rows)
    for permutation in group:
        if not np.array_equal(_numbered(permutation[rows[:, [0, 2]]], rows), known):
            raise InputError("the disorder groups of the parent do not have the symmetry of its sites" + REMEDY)


def _numbered(columns: NDArray[np.uint16], rows: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Exclusions (n, 4) on other columns (n, 2), each as one number, whichever of its states is first; ascending."""
    states = np.sort(columns.astype(np.int64) * 256 + rows[:, [1, 3]], axis=1)
    return np.sort((states[:, 0] << 32) + states[:, 1])


# -- assemblies --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Link:
    """Two positions, the cell of the second seen from the first, and their distance."""

    one: Position
    other: Position
    shift: tuple[int, int, int]
    distance: float

    def between(self, members: list[Position]) -> bool:
        return self.one in members and self.other in members


def _position(site: int, group: str, tags: list[DisorderTag]) -> Position:
    row = tuple(sorted({tag.label for tag in tags}))
    return Position(site, group, row, frozenset(tag.species for tag in tags), sum(tag.occupancy for tag in tags))


def _links(parent: Structure, positions: list[Position]) -> Iterator[_Link]:
    """Pairs of positions, nearest first, up to where every row has met every other of its kind."""
    sites = sorted({one.site for one in positions})
    frame = Structure(parent.lattice, ["H"] * len(sites), parent.frac_coords[sites])
    at = defaultdict(list)
    for one in positions:
        at[one.site].append(one)
    for here in at.values():
        for one, other in permutations(here, 2):
            yield _Link(one, other, (0, 0, 0), 0.0)
    i, j, shift, distance = frame.get_neighbor_list(min(LONGEST, max(6.0, max(parent.lattice.abc))))
    # Fractional coordinates are as they stand: the images are of these.
    for k in np.argsort(np.round(distance, 4), kind="stable"):
        cell = (int(shift[k][0]), int(shift[k][1]), int(shift[k][2]))
        for one, other in product(at[sites[i[k]]], at[sites[j[k]]]):
            yield _Link(one, other, cell, float(distance[k]))


def _in_contact(positions: list[Position], links: list[_Link]) -> list[list[Position]]:
    """Positions of assemblies without names: rows that are in contact, directly or by others, belong together."""

    def radius(one: Position) -> float:
        return max(float(covalent_radii[Element(symbol_of(name)).Z]) for name in one.species)

    union = _Union(one.row for one in positions)
    for link in links:
        if link.distance < CONTACT * (radius(link.one) + radius(link.other)):
            union.join(link.one.row, link.other.row)
    parts: dict[tuple[str, ...], list[Position]] = defaultdict(list)
    for one in positions:
        parts[union.root(one.row)].append(one)
    return list(parts.values())


class _Union:
    """Disjoint sets of rows; scipy's take a quarter of a second to import."""

    def __init__(self, rows: Iterator[tuple[str, ...]]) -> None:
        self._parent = {row: row for row in rows}

    def root(self, row: tuple[str, ...]) -> tuple[str, ...]:
        while self._parent[row] != row:
            row = self._parent[row]
        return row

    def join(self, one: tuple[str, ...], other: tuple[str, ...]) -> None:
        self._parent[self.root(one)] = self.root(other)


def _assembly(name: str, members: list[Position], links: list[_Link]) -> Assembly:
    labels = list(dict.fromkeys(label for one in members for label in one.row))
    shown = ", ".join(labels[:6]) + (f" and {len(labels) - 6} more" if len(labels) > 6 else "")
    told = f"the disorder assembly {name} ({shown})" if name else f"the disorder groups of {shown}"
    joined = _joining(members, links, told)
    copies = {one: k for k, copy in enumerate(_cells_of(members, joined, told)) for one, _ in copy}
    about = [link for link in links if link.one.row == link.other.row and _about_a_point(link.one)]
    nearest = {row: min(link.distance for link in about if link.one.row == row) for row in {x.one.row for x in about}}
    joined += [link for link in about if link.distance < nearest[link.one.row] + SAME_LENGTH]
    images = tuple(
        tuple((one, _group(one, [other for other, _ in image], copies, told), cell) for one, cell in image)
        for image in _cells_of(members, joined, told)
    )
    return Assembly(told, images, _together(told, images[0]))


def _group(one: Position, image: list[Position], copies: dict[Position, int], told: str) -> str:
    """The group of a position; of several copies that exclude each other, with the number of the copy.

    They are copies where the group is one about a special position, or where all groups are occupied to 1 if the
    equivalent positions of a group hold one atom, and are not if they hold one each.
    """
    if _about_a_point(one):
        numbers = sorted({copies[other] for other in image if other.group == one.group})
        if any(other != one and other.row == one.row and copies[other] == copies[one] for other in image):
            raise InputError(
                f"{told}: an atom of a special position is in a group that is disordered about it" + REMEDY
            )
        return f"{one.group} copy {numbers.index(copies[one]) + 1}"
    equivalent = [other for other in image if other.row == one.row and other.group == one.group]
    each, shared = _full(image, False), _full(image, True)
    if len(equivalent) == 1 or abs(each - 1) <= 2 * EQUAL or abs(shared - 1) > 2 * EQUAL:
        return one.group
    if any(other.row != one.row and other.group == one.group for other in image):
        raise InputError(
            f"{told}: {len(equivalent)} equivalent positions of {', '.join(one.row)} hold one atom, and the file does "
            "not say which of them goes with which of the other atoms of its group" + REMEDY
        )
    return f"{one.group} copy {equivalent.index(one) + 1}"


def _full(image: list[Position], shared: bool) -> float:
    """Occupancy of all groups together, if equivalent positions hold one atom each, or share one."""
    found: dict[str, float] = {}
    for one in image:
        copies = sum(other.row == one.row and other.group == one.group for other in image)
        found[one.group] = max(found.get(one.group, 0.0), one.occupancy * (copies if shared else 1))
    return sum(found.values())


def _about_a_point(one: Position) -> bool:
    return one.group.startswith("-")


def _joining(members: list[Position], links: list[_Link], told: str) -> list[_Link]:
    """The links that join rows which no shorter ones have joined; all of a length at once."""
    union = _Union(one.row for one in members)
    found: list[_Link] = []
    waiting = [link for link in links if link.one.row != link.other.row]
    while waiting:
        length = waiting[0].distance
        at_once = [link for link in waiting if link.distance < length + SAME_LENGTH]
        fresh = [link for link in at_once if union.root(link.one.row) != union.root(link.other.row)]
        found += fresh
        for link in fresh:
            union.join(link.one.row, link.other.row)
        waiting = waiting[len(at_once) :]
    if len({union.root(one.row) for one in members}) > 1:
        raise InputError(f"{told} are further apart than {LONGEST:g} angstrom" + REMEDY)
    return found


def _cells_of(
    members: list[Position], links: list[_Link], told: str
) -> list[list[tuple[Position, tuple[int, int, int]]]]:
    """Positions that links join, with the cell of each; every position once."""
    neighbours: dict[Position, list[tuple[Position, tuple[int, int, int]]]] = defaultdict(list)
    for link in links:
        neighbours[link.one].append((link.other, link.shift))
    found, seen = [], set()
    for start in members:
        if start in seen:
            continue
        place = {start: (0, 0, 0)}
        todo = [start]
        while todo:
            here = todo.pop()
            x, y, z = place[here]
            for other, (a, b, c) in neighbours[here]:
                cell = (x + a, y + b, z + c)
                if place.setdefault(other, cell) != cell:
                    raise InputError(f"{told} go on from cell to cell, so that no group is an atom's own" + REMEDY)
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        seen.add(start)
        found.append(list(place.items()))
    return found


def _together(told: str, image: tuple[tuple[Position, str, tuple[int, int, int]], ...]) -> frozenset[str]:
    """Groups whose atoms are all there or none, by what their occupancies say."""
    groups: dict[str, list[Position]] = defaultdict(list)
    for one, group, _ in image:
        groups[group].append(one)
    shares = {group: max(one.occupancy for one in positions) for group, positions in groups.items()}
    total = sum(shares.values())
    if total > 1 + EQUAL * len(groups):
        each = ", ".join(f"{group}: {share:g}" for group, share in shares.items())
        raise InputError(
            f"{told} hold {total:g} together ({each}), and an arrangement takes one group of an assembly; correct the "
            "occupancies or the groups" + REMEDY.replace(";", ", or", 1)
        )
    found = set()
    for group, positions in groups.items():
        least = min(positions, key=lambda one: one.occupancy)
        if shares[group] - least.occupancy <= EQUAL:
            found.add(group)
            continue
        most = max(positions, key=lambda one: one.occupancy)
        warnings.warn(
            f"{told}: the atoms of group {group} differ in occupancy ({', '.join(most.row)} {most.occupancy:g}, "
            f"{', '.join(least.row)} {least.occupancy:g}); they are not kept together, only apart from other groups",
            ReadingWarning,
            stacklevel=6,
        )
    return frozenset(found)


# -- columns -----------------------------------------------------------------------------------------------------


class _Columns:
    """The columns and codes of a supercell by the sites of its parent."""

    def __init__(self, space: SubstitutedSupercell) -> None:
        self._space = space
        parent, frame = space.parent, space.supercell_structure
        self._codes = CellCodes(space.supercell_matrix, len(parent))
        self._cells = self._codes.cells()
        site = np.repeat(np.arange(len(parent)), space.n_cells)[space.site_indices]
        here = frame.frac_coords[space.site_indices] @ space.supercell_matrix
        cell = np.rint(here - parent.frac_coords[site]).astype(np.int64)
        code = self._codes.code(site, cell)
        order = np.argsort(code)
        self._sorted, self._order = code[order], order.astype(np.int64)
        self._sublattice = {s: one for one in space.sublattice_table for s in one.parent_sites}

    def of(self, site: int, cell: tuple[int, int, int]) -> NDArray[np.int64] | None:
        """(n_cells,) the columns of a site, the one in ``cell`` first; None where it is not substituted."""
        if site not in self._sublattice:
            return None
        code = self._codes.code(np.full(len(self._cells), site), self._cells + np.array(cell))
        return self._order[np.searchsorted(self._sorted, code)]

    def groups(
        self, image: tuple[tuple[Position, str, tuple[int, int, int]], ...], site: int
    ) -> list[frozenset[str] | None]:
        """For each code of a site the groups that it may be of; None of a vacancy."""
        here = [(one, group) for one, group, _ in image if one.site == site]
        every = frozenset(group for _, group in here)
        found: list[frozenset[str] | None] = []
        for occupant in self._sublattice[site].occupants:
            if occupant.symbol == VACANCY:
                found.append(None)
                continue
            own = frozenset(group for one, group in here if occupant.text in one.species)
            own = own or frozenset(
                group for one, group in here if occupant.symbol in {parse_species(name).symbol for name in one.species}
            )
            if not own and len(every) > 1:
                raise InputError(
                    f"{occupant.text} on {', '.join(here[0][0].row)}: the site has the disorder groups "
                    f"{', '.join(sorted(every))}, and the file does not say of which this species is" + REMEDY
                )
            found.append(own or every)
        return found


def _apart(
    one: frozenset[str] | None,
    other: frozenset[str] | None,
    image: tuple[tuple[Position, str, tuple[int, int, int]], ...],
    together: frozenset[str],
    site: int,
    other_site: int,
) -> bool:
    """Whether two codes of two sites of an assembly do not go together: by other groups, or by a half-empty group."""
    if one is not None and other is not None and one.isdisjoint(other):
        return True
    for here, there, where in ((one, other, other_site), (other, one, site)):
        if here is None or len(here) != 1 or not here <= together:
            continue
        wants = any(position.site == where and group in here for position, group, _ in image)
        if wants and (there is None or not here & there):
            return True
    return False
