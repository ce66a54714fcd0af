"""Exact counts without enumeration: all configurations, and orbits by Burnside's lemma."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from math import comb, factorial, prod

import numpy as np
from numpy.typing import NDArray

CycleType = tuple[tuple[int, int], ...]
"""Cycle lengths and how many cycles have each, ascending."""


def multinomial(counts: Sequence[int]) -> int:
    """Number of ways to arrange so many of each kind on as many sites: the exact integer.

    Parameters
    ----------
    counts : sequence of int
        Number of each kind.

    Returns
    -------
    int

    Examples
    --------
    >>> multinomial([3, 21])
    2024
    """
    return factorial(sum(counts)) // prod(factorial(count) for count in counts)


def count_orbits(
    permutations: NDArray[np.uint16], sublattice_sizes: Sequence[int], counts: Sequence[Sequence[int]]
) -> int:
    """Count the orbits of a composition by Burnside's lemma: the mean number of configurations that an element fixes.

    An element fixes a configuration if each of its cycles carries one species. Only the cycle lengths on each
    sublattice matter, and a group has few distinct ones (G. Polya, Acta Math. 68, 145, 1937).

    Parameters
    ----------
    permutations : (n_ops, n_sites) uint16
        All elements of the group. Columns are grouped by sublattice.
    sublattice_sizes : sequence of int
        Number of columns of each sublattice.
    counts : sequence of sequence of int
        For each sublattice, the number of sites of each species.

    Returns
    -------
    int
        The exact number, of any size.
    """
    fixed = sum(
        number * prod(_count_fixed(cycles, tuple(c)) for cycles, c in zip(types, counts, strict=True))
        for types, number in cycle_types(permutations, sublattice_sizes).items()
    )
    orbits, remainder = divmod(fixed, len(permutations))
    if remainder:
        raise ArithmeticError("Burnside's sum is no multiple of the group's order: the permutations are no group")
    return orbits


def cycle_types(permutations: NDArray[np.uint16], sublattice_sizes: Sequence[int]) -> Counter[tuple[CycleType, ...]]:
    """How many elements have which cycle lengths on each sublattice.

    Parameters
    ----------
    permutations : (n_ops, n_sites) uint16
        Elements of a group that keeps each sublattice.
    sublattice_sizes : sequence of int
        Number of columns of each sublattice.

    Returns
    -------
    Counter
        Keys are tuples, for each sublattice the pairs (cycle length, number of such cycles).
    """
    lengths = _cycle_lengths(permutations)
    edges = np.cumsum([0, *sublattice_sizes])
    types: Counter[tuple[CycleType, ...]] = Counter()
    distinct, numbers = np.unique(np.sort(_sort_key(lengths, edges), axis=1), axis=0, return_counts=True)
    for row, number in zip(distinct, numbers, strict=True):
        key = []
        for start, end in pairwise(edges):
            sites = Counter((row[start:end] % _STRIDE).tolist())
            key.append(tuple((length, n // length) for length, n in sorted(sites.items())))
        types[tuple(key)] += int(number)
    return types


_STRIDE = 1 << 20


def _sort_key(lengths: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths raised by their sublattice, so that sorting a whole row sorts within each sublattice."""
    sublattice = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    return lengths + sublattice * _STRIDE


def _cycle_lengths(permutations: NDArray[np.uint16]) -> NDArray[np.int64]:
    """For each element and site, the length of the cycle that the site lies on."""
    identity = np.arange(permutations.shape[1])
    lengths = np.zeros(permutations.shape, dtype=np.int64)
    power = permutations.astype(np.int64)
    step = 1
    while not lengths.all():
        lengths[(power == identity) & (lengths == 0)] = step
        power = np.take_along_axis(permutations.astype(np.int64), power, axis=1)
        step += 1
    return lengths


@cache
def _count_fixed(cycles: CycleType, counts: tuple[int, ...]) -> int:
    """Number of ways to give each cycle one species such that species s covers counts[s] sites."""
    ways: dict[tuple[int, ...], int] = {counts[:-1]: 1}  # what each species but the last still lacks
    for length, number in cycles:
        grown: dict[tuple[int, ...], int] = {}
        for missing, so_far in ways.items():
            for left, factor in _share_out(missing, length, number):
                grown[left] = grown.get(left, 0) + so_far * factor
        ways = grown
    return ways.get((0,) * (len(counts) - 1), 0)


def _share_out(missing: tuple[int, ...], length: int, number: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Ways to give some of `number` equal cycles to each species but the last, which takes the rest."""
    if not missing:
        yield (), 1
        return
    for taken in range(min(number, missing[0] // length) + 1):
        for left, factor in _share_out(missing[1:], length, number - taken):
            yield (missing[0] - taken * length, *left), factor * comb(number, taken)
