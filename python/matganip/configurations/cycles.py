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
