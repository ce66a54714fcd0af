"""Counts and draws where exclusions tie sites into many small groups, as split sites do, in cells of any size."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.cycles import multinomial, probabilities, shuffled

if TYPE_CHECKING:
    from matganip.configurations.supercell import SubstitutedSupercell

MOST_LOCAL = 5_000
"""Ways to fill one group, beyond which it is none that is small."""
MOST_CONTENTS = 30_000
"""Compositions of half of the groups, beyond which counting takes minutes."""

Content = tuple[int, ...]
"""How many sites each code of each sublattice has."""
Ways = dict[Content, int]


class TooEntangledError(Exception):
    """A group is large, or the groups together have too many compositions."""


def groups_of(space: SubstitutedSupercell) -> SiteGroups | None:
    """What counts and draws in a space that is not `countable`, kept by it; None where a group is large."""
    if "_groups" not in space.__dict__:
        try:
            groups = SiteGroups(space.counts, space.exclusions)
            groups.count()
            space.__dict__["_groups"] = groups
        except TooEntangledError:
            space.__dict__["_groups"] = None
    kept: SiteGroups | None = space.__dict__["_groups"]
    return kept


class SiteGroups:
    """The arrangements that obey exclusions, group of sites by group of sites.

    Groups that exclusions do not tie together are independent but for the composition. So the numbers of ways to reach
    each composition multiply like polynomials, whose variables are the codes: those of two groups, of four, and so on;
    a draw goes the other way, and splits the composition between the halves.

    Parameters
    ----------
    counts : sequence of sequence of int
        For each sublattice, the number of sites of each species.
    exclusions : (m, 4) uint16
        As `find_exclusions` gives them.

    Raises
    ------
    TooEntangledError
        If a group has more than `MOST_LOCAL` ways.
    """

    def __init__(self, counts: Sequence[Sequence[int]], exclusions: NDArray[np.uint16]) -> None:
        self.counts = tuple(tuple(c) for c in counts)
        self._sublattice = np.repeat(np.arange(len(counts)), [sum(c) for c in counts])
        self._edges = np.cumsum([0, *(len(c) for c in counts)])
        self._room: Content = tuple(n for c in counts for n in c)
        self._kinds: list[tuple[NDArray[np.int64], list[tuple[int, ...]]]] = self._grouped(exclusions)

    def _grouped(self, exclusions: NDArray[np.uint16]) -> list[tuple[NDArray[np.int64], list[tuple[int, ...]]]]:
        """Groups that are filled alike: their sites (n, k), and the ways to fill one."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        n = len(self._sublattice)
        links = coo_array((np.ones(len(exclusions)), (exclusions[:, 0], exclusions[:, 2])), shape=(n, n))
        owner = connected_components(links, directed=False)[1]
        bars: dict[tuple[int, int], set[tuple[int, int]]] = {}
        for i, a, j, b in exclusions.tolist():
            bars.setdefault((i, a), set()).add((j, b))
            bars.setdefault((j, b), set()).add((i, a))
        tied = set(exclusions[:, [0, 2]].ravel().tolist())
        kinds: dict[tuple[tuple[int, ...], frozenset[tuple[int, int, int, int]]], list[list[int]]] = {}
        for number in np.unique(owner[sorted(tied)]):
            sites = np.flatnonzero(owner == number).tolist()
            place = {site: k for k, site in enumerate(sites)}
            local = frozenset(
                (place[i], a, place[j], b) for (i, a), others in bars.items() if i in place for j, b in others
            )
            kinds.setdefault((tuple(self._sublattice[sites].tolist()), local), []).append(sites)
        self._free = np.array([site for site in range(n) if site not in tied], dtype=np.int64)
        return [(np.array(groups), self._fillings(*kind)) for kind, groups in kinds.items()]

    def _fillings(self, sublattices: tuple[int, ...], local: frozenset[tuple[int, int, int, int]]) -> list[Content]:
        """The ways to fill a group that obey."""
        found: list[Content] = [()]
        for site, sublattice in enumerate(sublattices):
            found = [
                (*row, code)
                for row in found
                for code in range(len(self.counts[sublattice]))
                if (site, code, site, code) not in local
                and not any((site, code, other, row[other]) in local for other in range(site))
            ]
            if len(found) > MOST_LOCAL:
                raise TooEntangledError
        return found

    def _content(self, sublattices: NDArray[np.int64], filling: Sequence[int]) -> Content:
        at = self._edges[sublattices] + np.array(filling, dtype=np.int64)
        return tuple(np.bincount(at, minlength=len(self._room)).tolist())

    def _times(self, one: Ways, other: Ways) -> Ways:
        if len(one) > MOST_CONTENTS or len(other) > MOST_CONTENTS or len(one) * len(other) > 300 * MOST_CONTENTS:
            raise TooEntangledError
        product: Ways = {}
        for a, n in one.items():
            for b, m in other.items():
                both = tuple(x + y for x, y in zip(a, b, strict=True))
                if all(x <= limit for x, limit in zip(both, self._room, strict=True)):
                    product[both] = product.get(both, 0) + n * m
        return product

    def _of_kind(self, number: int) -> Ways:
        sites, fillings = self._kinds[number]
        found: Ways = {}
        for filling in fillings:
            content = self._content(self._sublattice[sites[0]], filling)
            found[content] = found.get(content, 0) + 1
        return found

    @cached_property
    def _nodes(self) -> list[tuple[int, int, int]]:
        """The tree, root last: the kind of a leaf and -1 twice, or -1 and the two children; equal subtrees once."""
        nodes: list[tuple[int, int, int]] = []
        known: dict[tuple[int, int, int], int] = {}

        def node(key: tuple[int, int, int]) -> int:
            if key not in known:
                known[key] = len(nodes)
                nodes.append(key)
            return known[key]

        level = [node((kind, -1, -1)) for kind, (sites, _) in enumerate(self._kinds) for _ in range(len(sites))]
        while len(level) > 1:
            paired = [node((-1, level[k], level[k + 1])) for k in range(0, len(level) - 1, 2)]
            level = paired + level[len(level) - len(level) % 2 :]
        return nodes

    @cached_property
    def _ways(self) -> list[Ways]:
        """Of each node of the tree, the ways to each composition."""
        found: list[Ways] = []
        for kind, left, right in self._nodes:
            found.append(self._of_kind(kind) if kind >= 0 else self._times(found[left], found[right]))
        return found

    @cached_property
    def _ends(self) -> Ways:
        """Compositions of all groups, and the ways to each with all other sites filled freely."""
        free = np.bincount(self._sublattice[self._free], minlength=len(self.counts))
        ends: Ways = {}
        for content, number in self._ways[-1].items():
            left = self._left(content)
            if all(sum(part) == n and min(part) >= 0 for part, n in zip(left, free.tolist(), strict=True)):
                for part in left:
                    number *= multinomial(part)
                ends[content] = number
        return ends

    def _left(self, content: Content) -> list[Content]:
        """For each sublattice how many of the free sites each code takes."""
        rest = [n - taken for n, taken in zip(self._room, content, strict=True)]
        return [tuple(rest[a:b]) for a, b in zip(self._edges[:-1], self._edges[1:], strict=True)]

    def count(self) -> int:
        """Their number: the exact integer.

        Raises
        ------
        TooEntangledError
            If that takes too long.
        """
        return sum(self._ends.values())

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw independently and uniformly, (n, n_sites) codes; there must be one."""
        rows = np.empty((n, len(self._sublattice)), dtype=np.uint8)
        contents = list(self._ends)
        chance = probabilities(list(self._ends.values()))
        groups = [group for sites, _ in self._kinds for group in sites]
        for row in rows:
            content = contents[int(rng.choice(len(contents), p=chance))]
            for sites, (kind, part) in zip(groups, self._leaves(content, rng), strict=True):
                sublattices = self._sublattice[sites]
                fitting = [one for one in self._kinds[kind][1] if self._content(sublattices, one) == part]
                row[sites] = fitting[int(rng.integers(len(fitting)))]
            for sublattice, left in enumerate(self._left(content)):
                free = self._free[self._sublattice[self._free] == sublattice]
                if len(free):
                    row[free] = shuffled(rng, 1, left)[0]
        return rows

    def _leaves(self, content: Content, rng: np.random.Generator) -> list[tuple[int, Content]]:
        """The kind and the composition of each group, in the order of the groups."""
        found, todo = [], [(len(self._nodes) - 1, content)]
        while todo:
            number, here = todo.pop()
            kind, left, right = self._nodes[number]
            if kind >= 0:
                found.append((kind, here))
                continue
            splits = [
                (a, rest, ways * more)
                for a, ways in self._ways[left].items()
                for rest in [tuple(x - y for x, y in zip(here, a, strict=True))]
                if (more := self._ways[right].get(rest, 0))
            ]
            a, rest, _ = splits[int(rng.choice(len(splits), p=probabilities([one[2] for one in splits])))]
            todo += [(right, rest), (left, a)]
        return found
