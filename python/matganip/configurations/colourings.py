"""Exact counts and uniform draws of arrangements that obey exclusions, without enumerating them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.cycles import (
    CycleType,
    coloured_cycles,
    count_fixed,
    count_fixed_of_all,
    cycle_of_site,
    probabilities,
)

MOST_STATES = 400_000
"""States of a transfer matrix beyond which counts are left to enumeration: some seconds."""

State = tuple[int, tuple[int, ...]]
"""Which codes are barred from sites to come, as bits; and how many sites each code of each sublattice has."""


class TooManyStatesError(Exception):
    """The exclusions are too entangled for exact counts without enumeration."""


class Colourings:
    """The arrangements that one permutation fixes and that obey exclusions.

    A permutation fixes an arrangement if each of its cycles carries one code, so they are the colourings of its cycles.
    Those that exclusions touch are taken one after the other, connected ones together, as a transfer matrix takes the
    sites of a lattice: a state is what the cycles so far bar from those to come, and how many sites each code has. All
    other cycles follow in closed form.

    Parameters
    ----------
    permutation : (n_sites,) uint16
        Under which the exclusions are invariant.
    counts : sequence of sequence of int
        For each sublattice, the number of sites of each species.
    exclusions : (m, 4) uint16
        As `find_exclusions` gives them.
    """

    def __init__(
        self,
        permutation: NDArray[np.uint16],
        counts: Sequence[Sequence[int]],
        exclusions: NDArray[np.uint16],
    ) -> None:
        self.counts = tuple(tuple(c) for c in counts)
        self.cycle = cycle_of_site(permutation)
        """(n_sites,): the cycle of each site."""
        self._lengths = np.bincount(self.cycle).tolist()
        _, first = np.unique(self.cycle, return_index=True)
        self._sublattice = np.repeat(np.arange(len(counts)), [sum(c) for c in counts])[first].tolist()
        self._edges = np.cumsum([0, *(len(c) for c in counts)]).tolist()
        self._n_codes = max(len(c) for c in counts)
        self._bars = self._conflicts(exclusions)
        self._order = self._ordered()
        self._later = self._bits_to_come()

    def _conflicts(self, exclusions: NDArray[np.uint16]) -> dict[int, list[int]]:
        """For each cycle that an exclusion touches, and each of its codes, the states that it bars, as bits."""
        quotient = exclusions.astype(np.int64)
        quotient[:, 0], quotient[:, 2] = self.cycle[exclusions[:, 0]], self.cycle[exclusions[:, 2]]
        bars: dict[int, list[int]] = {}
        for u, a, v, b in np.unique(quotient, axis=0).tolist():
            if u == v and a != b:
                continue  # one cycle has one code
            for x, code, y, barred in ((u, a, v, b), (v, b, u, a)):
                bars.setdefault(x, [0] * self._n_codes)[code] |= 1 << (y * self._n_codes + barred)
        return bars

    def _ordered(self) -> list[int]:
        """The cycles that exclusions touch: neighbours of those before, with the fewest new neighbours, first."""
        near = {u: {b // self._n_codes for mask in codes for b in _bits(mask)} - {u} for u, codes in self._bars.items()}
        order: list[int] = []
        done: set[int] = set()
        frontier: set[int] = set()
        while len(order) < len(near):
            among = frontier or set(near) - done
            chosen = min(among, key=lambda u: (len(near[u] - done - frontier), u))
            order.append(chosen)
            done.add(chosen)
            frontier = (frontier | near[chosen]) - done
        return order

    def _bits_to_come(self) -> list[int]:
        """For each cycle in turn, the bits of all states of the later ones."""
        later, masks = 0, []
        for u in reversed(self._order):
            masks.append(later)
            later |= ((1 << self._n_codes) - 1) << (u * self._n_codes)
        return masks[::-1]

    def _steps(self, position: int, state: State, room: Sequence[int]) -> Iterator[tuple[int, State]]:
        """The codes that the next cycle may take, and the states that they lead to."""
        barred, taken = state
        u = self._order[position]
        sublattice, length = self._sublattice[u], self._lengths[u]
        for code in range(len(self.counts[sublattice])):
            bit = 1 << (u * self._n_codes + code)
            at = self._edges[sublattice] + code
            if barred & bit or self._bars[u][code] & bit or taken[at] + length > room[at]:
                continue
            more = (*taken[:at], taken[at] + length, *taken[at + 1 :])
            yield code, ((barred | self._bars[u][code]) & self._later[position], more)

    @property
    def _start(self) -> State:
        return 0, (0,) * self._edges[-1]

    @cached_property
    def _free(self) -> list[tuple[CycleType, NDArray[np.int64]]]:
        """For each sublattice the cycles without exclusions: their type, and their numbers, shortest first."""
        free = []
        for number in range(len(self.counts)):
            cycles = [u for u, s in enumerate(self._sublattice) if s == number and u not in self._bars]
            lengths = Counter(self._lengths[u] for u in cycles)
            free.append((tuple(sorted(lengths.items())), np.array(cycles, dtype=np.int64)))
        return free

    def _left(self, state: State) -> list[tuple[int, ...]]:
        """For each sublattice how many sites each code still needs."""
        taken = [state[1][start:end] for start, end in pairwise(self._edges)]
        return [tuple(n - t for n, t in zip(c, have, strict=True)) for c, have in zip(self.counts, taken, strict=True)]

    def _ways_freely(self, state: State) -> int:
        ways = 1
        for (cycles, _), left in zip(self._free, self._left(state), strict=True):
            ways *= count_fixed(cycles, left)
        return ways

    def _ends(self, room: Sequence[int]) -> dict[State, int]:
        """The states after the last cycle with an exclusion, and the ways to each."""
        ways: dict[State, int] = {self._start: 1}
        visited = 0
        for position in range(len(self._order)):
            grown: dict[State, int] = {}
            for state, number in ways.items():
                for _, new in self._steps(position, state, room):
                    grown[new] = grown.get(new, 0) + number
            ways = grown
            if (visited := visited + len(ways)) > MOST_STATES:
                raise TooManyStatesError
        return ways

    def count(self) -> int:
        """Their number: the exact integer.

        Raises
        ------
        TooManyStatesError
            If that takes too long.
        """
        room = [n for c in self.counts for n in c]
        return sum(number * self._ways_freely(state) for state, number in self._ends(room).items())

    def count_all(self) -> dict[tuple[tuple[int, ...], ...], int]:
        """Their number for every composition of the same species.

        Raises
        ------
        TooManyStatesError
            If that takes too long.
        """
        room = [sum(c) for c in self.counts for _ in c]
        freely = [count_fixed_of_all(cycles, len(c)) for (cycles, _), c in zip(self._free, self.counts, strict=True)]
        found: Counter[tuple[tuple[int, ...], ...]] = Counter()
        for (_, taken), number in self._ends(room).items():
            parts = [taken[start:end] for start, end in pairwise(self._edges)]
            for choice in product(*(polynomial.items() for polynomial in freely)):
                ways, composition = number, []
                for part, (more, n) in zip(parts, choice, strict=True):
                    ways *= n
                    composition.append(tuple(t + m for t, m in zip(part, more, strict=True)))
                found[tuple(composition)] += ways
        return dict(found)

    # -- draws -------------------------------------------------------------------------------------------------------

    @cached_property
    def _completions(self) -> list[dict[State, int]]:
        """For each cycle in turn, the states before it and the ways to complete each."""
        room = [n for c in self.counts for n in c]
        layers: list[dict[State, int]] = [{self._start: 0}]
        for position in range(len(self._order)):
            layers.append({new: 0 for state in layers[-1] for _, new in self._steps(position, state, room)})
            if sum(map(len, layers)) > MOST_STATES:
                raise TooManyStatesError
        for state in layers[-1]:
            layers[-1][state] = self._ways_freely(state)
        for position in range(len(self._order) - 1, -1, -1):
            for state in layers[position]:
                layers[position][state] = sum(
                    layers[position + 1][new] for _, new in self._steps(position, state, room)
                )
        return layers

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw independently and uniformly.

        Parameters
        ----------
        n : int
            How many.
        rng : numpy.random.Generator
            Random numbers.

        Returns
        -------
        (n, n_sites) uint8
        """
        room = [n for c in self.counts for n in c]
        colours = np.empty((n, len(self._lengths)), dtype=np.uint8)
        groups: dict[State, NDArray[np.int64]] = {self._start: np.arange(n)}
        for position, u in enumerate(self._order):
            split: dict[State, list[NDArray[np.int64]]] = {}
            for state, rows in groups.items():
                steps = [(code, new) for code, new in self._steps(position, state, room)]
                weights = [self._completions[position + 1][new] for _, new in steps]
                drawn = rng.multinomial(len(rows), probabilities(weights))
                for (code, new), taken in zip(steps, np.split(rows, np.cumsum(drawn)[:-1]), strict=True):
                    if len(taken):
                        colours[taken, u] = code
                        split.setdefault(new, []).append(taken)
            groups = {state: rng.permutation(np.concatenate(parts)) for state, parts in split.items()}
        for state, rows in groups.items():
            for (cycles, numbers), left in zip(self._free, self._left(state), strict=True):
                colours[np.ix_(rows, numbers)] = coloured_cycles(cycles, left, len(rows), rng)
        return colours[:, self.cycle]


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
