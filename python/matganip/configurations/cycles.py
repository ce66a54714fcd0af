"""The cycles of permutations, on which counting and sampling by Burnside's lemma depend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

CycleType = tuple[tuple[int, int], ...]
"""Cycle lengths and how many cycles have each, ascending."""

CycleTypes = Mapping[tuple[CycleType, ...], NDArray[np.int64]]
"""The elements of a group, by their cycle types on each sublattice."""


def multinomial(counts: Sequence[int]) -> int:
    """Multinomial coefficient: the number of arrangements with these counts, as an exact integer.

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


def elements_by_cycle_type(permutations: NDArray[np.uint16], sublattice_sizes: Sequence[int]) -> CycleTypes:
    """Group the elements of a permutation group by their cycle lengths on each sublattice.

    Parameters
    ----------
    permutations : (n_ops, n_sites) uint16
        Elements of a group that keeps each sublattice. Columns are grouped by sublattice.
    sublattice_sizes : sequence of int
        Number of columns of each sublattice.

    Returns
    -------
    dict
        For each cycle type (one for each sublattice) the rows of `permutations` that have it.
    """
    lengths = cycle_lengths(permutations)
    edges = np.cumsum([0, *sublattice_sizes])
    sorted_lengths = np.hstack([np.sort(lengths[:, start:end], axis=1) for start, end in pairwise(edges)])
    distinct, inverse = np.unique(sorted_lengths, axis=0, return_inverse=True)
    by_type: dict[tuple[CycleType, ...], NDArray[np.int64]] = {}
    for i, row in enumerate(distinct):
        sites = [Counter(row[start:end].tolist()) for start, end in pairwise(edges)]
        types = tuple(tuple((length, n // length) for length, n in sorted(s.items())) for s in sites)
        by_type[types] = np.flatnonzero(inverse.ravel() == i)
    return by_type


def cycle_lengths(permutations: NDArray[np.uint16]) -> NDArray[np.int64]:
    """For each element and site the length of the cycle that the site lies on, (n_ops, n_sites)."""
    step = permutations.astype(np.int64)
    identity = np.arange(permutations.shape[1])
    lengths = np.zeros(permutations.shape, dtype=np.int64)
    power, exponent = step, 1
    while not lengths.all():
        lengths[(power == identity) & (lengths == 0)] = exponent
        power = np.take_along_axis(step, power, axis=1)
        exponent += 1
    return lengths


def cycle_of_site(permutation: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Number the cycles of one permutation by length and first site; the number of each site's cycle, (n_sites,)."""
    (lengths,) = cycle_lengths(permutation[np.newaxis])
    first = np.arange(len(permutation))
    power = permutation.astype(np.int64)
    for _ in range(int(lengths.max(initial=1)) - 1):
        first = np.minimum(first, power)
        power = permutation[power].astype(np.int64)
    heads = lengths * len(permutation) + first
    return np.unique(heads, return_inverse=True)[1].ravel()


@cache
def count_fixed(cycles: CycleType, counts: tuple[int, ...]) -> int:
    """Number of ways to assign a species to each cycle such that species s covers exactly counts[s] sites."""
    if not cycles:
        return int(not any(counts))
    (length, number), rest = cycles[0], cycles[1:]
    return sum(
        multinomial(shares) * count_fixed(rest, tuple(c - length * s for c, s in zip(counts, shares, strict=True)))
        for shares in shares_of_cycles(length, number, counts)
    )


def shares_of_cycles(length: int, number: int, counts: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Ways to distribute equal cycles over species that have room for ``counts`` sites: the cycles each one gets."""
    room = counts[0] // length
    if len(counts) == 1:
        if number <= room:
            yield (number,)
        return
    elsewhere = sum(count // length for count in counts[1:])
    for first in range(max(0, number - elsewhere), min(number, room) + 1):
        for others in shares_of_cycles(length, number - first, counts[1:]):
            yield (first, *others)


@cache
def count_fixed_of_all(cycles: CycleType, n_species: int) -> dict[tuple[int, ...], int]:
    """For each composition the number of ways to assign one of the species to each cycle."""
    polynomial: dict[tuple[int, ...], int] = {(0,) * n_species: 1}
    for length, number in cycles:
        grown: Counter[tuple[int, ...]] = Counter()
        for shares in shares_of_cycles(length, number, (length * number,) * n_species):
            ways = multinomial(shares)
            for counts, so_far in polynomial.items():
                grown[tuple(c + length * s for c, s in zip(counts, shares, strict=True))] += so_far * ways
        polynomial = dict(grown)
    return polynomial


def coloured_cycles(cycles: CycleType, counts: tuple[int, ...], n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Codes (n, n_cycles) of cycles, uniform over the ways to cover counts[s] sites by species s, in random order.

    The cycles of the first length are distributed with weights that count the ways left for the others.
    """
    return rng.permutation(np.vstack(list(_blocks(cycles, counts, n, rng))))


def _blocks(
    cycles: CycleType, counts: tuple[int, ...], n: int, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Blocks of n rows altogether."""
    if not cycles:
        yield np.empty((n, 0), dtype=np.uint8)
        return
    (length, number), rest = cycles[0], cycles[1:]
    deals = []
    for shares in shares_of_cycles(length, number, counts):
        left = tuple(c - length * s for c, s in zip(counts, shares, strict=True))
        ways = multinomial(shares) * count_fixed(rest, left)
        if ways:
            deals.append((shares, left, ways))
    drawn = rng.multinomial(n, probabilities([ways for *_, ways in deals]))
    for (shares, left, _), m in zip(deals, drawn, strict=True):
        if m:
            others = np.vstack(list(_blocks(rest, left, int(m), rng)))
            yield np.hstack([shuffled(rng, int(m), shares), others])


def shuffled(rng: np.random.Generator, n: int, counts: Sequence[int]) -> NDArray[np.uint8]:
    """(n, sum(counts)): rows with ``counts[s]`` times the code s each, in uniformly random order."""
    codes = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
    return rng.permuted(np.tile(codes, (n, 1)), axis=1)


def probabilities(weights: Sequence[int]) -> list[float]:
    """Probabilities from exact integers of any size, each rounded once."""
    total = sum(weights)
    return [weight / total for weight in weights]


def conjugacy_classes(group: NDArray[np.uint16]) -> list[tuple[int, int]]:
    """One element of each conjugacy class of a permutation group, and the size of the class.

    Parameters
    ----------
    group : (n_ops, n_sites) uint16
        All its elements.

    Returns
    -------
    list of (int, int)
        The first row of the class, and how many are in it.

    Examples
    --------
    >>> rotations = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]], dtype=np.uint16)
    >>> conjugacy_classes(rotations)
    [(0, 1), (1, 1), (2, 1)]
    """
    row_of = {row.tobytes(): number for number, row in enumerate(group)}
    found: dict[int, int] = {}
    done = np.zeros(len(group), dtype=bool)
    for number, element in enumerate(group):
        if done[number]:
            continue
        conjugates = np.empty_like(group)
        np.put_along_axis(conjugates, group, group[:, element], axis=1)  # h g h^-1 takes h(i) to h(g(i))
        members = {row_of[row.tobytes()] for row in conjugates}
        done[list(members)] = True
        found[number] = len(members)
    return list(found.items())
