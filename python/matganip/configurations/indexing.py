"""The orbit of a given rank and the rank of an orbit, where the staged structure of a space allows it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import comb, prod

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.configurations import counting
from matganip.configurations.cycles import elements_by_cycle_type, multinomial
from matganip.errors import InputError

FIRST_STAGE_LIMIT = 200_000
LAST_STAGE_LIMIT = 20_000_000
_BLOCK = 65536


@dataclass(frozen=True)
class StagedProblem:
    """The arrangements that remain once some sites are filled: a node of the staged search, with its stabilizer.

    The number of orbits below a first-stage choice is Burnside's count for the stabilizer of that choice on the
    remaining sites. These exact numbers lead directly to the orbit of a given rank.
    Once the stabilizer is trivial, combinations are ranked in closed form (the combinatorial number system).

    Attributes
    ----------
    group : (order, n_columns) uint16
        The stabilizer of the filled sites, acting on the remaining columns.
    counts : tuple of tuple of int
        For each sublattice how many of its columns each code still takes; the last code fills the rest.
    """

    group: NDArray[np.uint16]
    counts: tuple[tuple[int, ...], ...]

    @property
    def _sizes(self) -> list[int]:
        return [sum(c) for c in self.counts]

    @cached_property
    def _stages(self) -> list[tuple[int, int]]:
        """(sublattice, code) of each stage with sites to fill."""
        return [(s, code) for s, c in enumerate(self.counts) for code, n in enumerate(c[:-1]) if n]

    @cached_property
    def n_orbits(self) -> int:
        """Number of orbits, the exact integer."""
        if len(self.group) == 1:
            return prod(multinomial(c) for c in self.counts)
        return counting.count_orbits(elements_by_cycle_type(self.group, self._sizes), self.counts)

    def unrank(self, rank: int) -> NDArray[np.uint8]:
        """The representative of orbit number `rank`, (n_columns,) codes."""
        row = np.concatenate([np.full(sum(c), len(c) - 1, dtype=np.uint8) for c in self.counts])
        if not self._stages:
            return row
        if len(self.group) == 1:
            chosen, rank_below = self._unrank_freely(rank)
            below = self._below(chosen)
        elif len(self._stages) == 1:
            return self._search(lambda start, block: rank - start if start <= rank < start + len(block) else None)[1]
        else:
            i = bisect_right(self._first_ranks, rank) - 1
            chosen, rank_below = self._choices[i], rank - self._first_ranks[i]
            below = self._problems[i]
        row[chosen] = self._stages[0][1]
        row[np.setdiff1d(np.arange(len(row)), chosen)] = below.unrank(rank_below)
        return row

    def rank(self, row: NDArray[np.uint8]) -> int:
        """The rank of the orbit of a representative."""
        if not self._stages:
            return 0
        start, end, code = self._first_stage
        chosen = start + np.flatnonzero(row[start:end] == code)
        rest = np.delete(row, chosen)
        if len(self.group) == 1:
            below = self._below(chosen)
            return self._rank_freely(chosen) * below.n_orbits + below.rank(rest)
        if len(self._stages) == 1:
            return self._search(lambda _, block: next(iter(np.flatnonzero((block == row).all(axis=1))), None))[0]
        i = self._index_of_choice[chosen.tobytes()]
        return self._first_ranks[i] + self._problems[i].rank(rest)

    # -- the first stage under a symmetry ----------------------------------------------------------------------

    @property
    def _first_stage(self) -> tuple[int, int, int]:
        sublattice, code = self._stages[0]
        start = sum(self._sizes[:sublattice])
        return start, start + self._sizes[sublattice], code

    @cached_property
    def _choices(self) -> list[NDArray[np.intp]]:
        """The columns of each symmetry-distinct choice of the first stage, ascending."""
        start, end, code = self._first_stage
        size, count = end - start, self.counts[self._stages[0][0]][code]
        acting = np.unique(self.group[:, start:end] - np.uint16(start), axis=0)
        number = counting.count_orbits(elements_by_cycle_type(acting, [size]), [[count, size - count]])
        if number > FIRST_STAGE_LIMIT:
            raise InputError(
                f"rank: the first stage of this space alone has {number} choices, more than the {FIRST_STAGE_LIMIT} "
                "that a rank can be looked up in; stream or sample the space instead"
            )
        rows = np.vstack(list(_enumerate(acting, ((count, size - count),))))
        return [start + np.flatnonzero(row == 0) for row in rows]

    @cached_property
    def _index_of_choice(self) -> dict[bytes, int]:
        return {chosen.tobytes(): i for i, chosen in enumerate(self._choices)}

    @cached_property
    def _problems(self) -> list[StagedProblem]:
        return [self._below(chosen) for chosen in self._choices]

    @cached_property
    def _first_ranks(self) -> list[int]:
        """The rank at which each choice begins."""
        return [0, *accumulate(problem.n_orbits for problem in self._problems)][:-1]

    def _below(self, chosen: NDArray[np.intp]) -> StagedProblem:
        """The problem that remains once the first stage's code is on the chosen columns."""
        sublattice, code = self._stages[0]
        counts = [list(c) for c in self.counts]
        counts[sublattice][code] = 0
        left = np.setdiff1d(np.arange(self.group.shape[1]), chosen)
        if len(self.group) == 1:
            group = np.arange(len(left), dtype=np.uint16)[np.newaxis]
        else:
            fixing = self.group[np.isin(self.group[:, chosen], chosen).all(axis=1)]
            group = np.unique(np.searchsorted(left, fixing[:, left]).astype(np.uint16), axis=0)
        return StagedProblem(group, tuple(map(tuple, counts)))

    # -- plain combinations ------------------------------------------------------------------------------------

    def _unrank_freely(self, rank: int) -> tuple[NDArray[np.intp], int]:
        """Columns of the first stage, and the rank within what follows."""
        start, end, code = self._first_stage
        sublattice = self._stages[0][0]
        count = self.counts[sublattice][code]
        per_choice = self.n_orbits // comb(end - start, count)
        number, rank_below = divmod(rank, per_choice)
        chosen: list[int] = []
        for column in range(start, end):
            if len(chosen) == count:
                break
            with_it = comb(end - column - 1, count - len(chosen) - 1)
            if number < with_it:
                chosen.append(column)
            else:
                number -= with_it
        return np.array(chosen, dtype=np.intp), rank_below

    def _rank_freely(self, chosen: NDArray[np.intp]) -> int:
        start, end, _ = self._first_stage
        columns = chosen.tolist()
        rank = 0
        for i, column in enumerate(columns):
            before = start if i == 0 else columns[i - 1] + 1
            rank += sum(comb(end - skipped - 1, len(columns) - i - 1) for skipped in range(before, column))
        return rank

    # -- the last stage under a symmetry -----------------------------------------------------------------------

    def _search(self, find: Callable[[int, NDArray[np.uint8]], int | np.intp | None]) -> tuple[int, NDArray[np.uint8]]:
        """Stream the last stage until ``find(rank of the block's first row, block)`` gives a row of the block."""
        if self.n_orbits > LAST_STAGE_LIMIT:
            raise InputError(
                f"rank: the last stage of this space has {self.n_orbits} orbits under a symmetry, more than the "
                f"{LAST_STAGE_LIMIT} that are searched one by one; stream or sample the space instead"
            )
        start = 0
        for block in _enumerate(self.group, self.counts):
            found = find(start, block)
            if found is not None:
                return start + int(found), block[found]
            start += len(block)
        raise InputError("rank: the occupation is not a representative of an orbit of this space")


def _enumerate(group: NDArray[np.uint16], counts: tuple[tuple[int, ...], ...]) -> Iterator[NDArray[np.uint8]]:
    enumerator = _core.OrbitEnumerator(group, counts)
    while True:
        block = np.empty((_BLOCK, group.shape[1]), dtype=np.uint8)
        filled = enumerator.fill(block, np.empty(_BLOCK, dtype=np.int64))
        if filled:
            yield block[:filled]
        if filled < _BLOCK:
            return
