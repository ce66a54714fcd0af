"""Uniform samples of spaces that are too large to enumerate: over orbits, or over configurations."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.cycles import (
    CycleType,
    count_fixed,
    cycle_of_site,
    multinomial,
    shares_of_cycles,
)
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


def sample_configurations(space: ConfigurationSpace, n: int, rng: np.random.Generator) -> ConfigurationBatch:
    """Orbits of n configurations drawn independently and uniformly; see `ConfigurationSpace.sample_configurations`."""
    _check_number(n)
    rows = np.hstack([_shuffled(rng, n, counts) for counts in space.counts])
    return space.canonical(rows)


def sample_orbits(space: ConfigurationSpace, n: int, rng: np.random.Generator) -> ConfigurationBatch:
    """N orbits drawn independently and uniformly; see `ConfigurationSpace.sample_orbits`.

    The orbit of a configuration that is drawn uniformly from all pairs (element, configuration that it fixes) is
    uniform, since an orbit of size m has m stabilizers of order |G|/m (J. D. Dixon and H. S. Wilf, "The random
    selection of unlabeled graphs", J. Algorithms 4, 205, 1983). So: a cycle type by its number of such pairs, an
    element of that type, and a uniform colouring of its cycles.
    """
    _check_number(n)
    by_type = space.cycle_types
    weights = [
        len(elements) * prod(count_fixed(cycles, c) for cycles, c in zip(types, space.counts, strict=True))
        for types, elements in by_type.items()
    ]
    drawn = rng.multinomial(n, _probabilities(weights))
    rows = np.vstack(
        [
            _fixed_configurations(space, types, elements, int(m), rng)
            for (types, elements), m in zip(by_type.items(), drawn, strict=True)
            if m
        ]
        or [np.empty((0, space.n_sites), dtype=np.uint8)]
    )
    return space.canonical(rng.permutation(rows))


def _fixed_configurations(
    space: ConfigurationSpace,
    types: tuple[CycleType, ...],
    elements: NDArray[np.int64],
    n: int,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """(n, n_sites): configurations that elements of one cycle type fix, uniform over such pairs."""
    chosen, which = np.unique(rng.choice(elements, size=n), return_inverse=True)
    columns = []
    start = 0
    for cycles, counts in zip(types, space.counts, strict=True):
        end = start + sum(counts)
        cycle = np.stack([cycle_of_site(space.group[g, start:end] - np.uint16(start)) for g in chosen])
        colours = rng.permutation(np.vstack(list(_coloured_cycles(cycles, counts, n, rng))))
        columns.append(np.take_along_axis(colours, cycle[which], axis=1))
        start = end
    return np.hstack(columns)


def _coloured_cycles(
    cycles: CycleType, counts: tuple[int, ...], n: int, rng: np.random.Generator
) -> Iterator[NDArray[np.uint8]]:
    """Blocks of n rows altogether: codes of the cycles, uniform over the ways to cover counts[s] sites by species s.

    The cycles of the first length are distributed with weights that count the ways left for the others.
    """
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
    drawn = rng.multinomial(n, _probabilities([ways for *_, ways in deals]))
    for (shares, left, _), m in zip(deals, drawn, strict=True):
        if m:
            others = np.vstack(list(_coloured_cycles(rest, left, int(m), rng)))
            yield np.hstack([_shuffled(rng, int(m), shares), others])


def _shuffled(rng: np.random.Generator, n: int, counts: tuple[int, ...]) -> NDArray[np.uint8]:
    """(n, sum(counts)): rows with ``counts[s]`` times the code s each, in uniformly random order."""
    codes = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
    return rng.permuted(np.tile(codes, (n, 1)), axis=1)


def _probabilities(weights: list[int]) -> list[float]:
    """Probabilities from exact integers of any size, each rounded once."""
    total = sum(weights)
    return [weight / total for weight in weights]


def _check_number(n: int) -> None:
    if n < 0:
        raise InputError(f"the number of samples must not be negative, got {n}")
