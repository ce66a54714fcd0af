"""Uniform samples of spaces that are too large to enumerate: over orbits, or over configurations."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.colourings import Colourings
from matganip.configurations.cycles import (
    CycleType,
    coloured_cycles,
    conjugacy_classes,
    count_fixed,
    cycle_of_site,
    probabilities,
    shuffled,
)
from matganip.configurations.excluding_walks import walked_rows
from matganip.configurations.site_groups import groups_of
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


NOTHING = "no arrangement of this composition is free"


def draw_rows(space: ConfigurationSpace, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw configurations, (n, n_sites) codes as they come, without their orbits: no symmetry is needed.

    Independent and uniform; under exclusions that are too entangled to be counted, from Markov chains, whose draws are
    uniform in the limit only.
    """
    _check_number(n)
    if not len(space.exclusions):
        return np.hstack([shuffled(rng, n, counts) for counts in space.counts])
    groups = None if space.countable else groups_of(space)
    if not space.countable and groups is None:
        return walked_rows(space, n, rng)
    if not space.n_configurations:
        raise InputError(f"{NOTHING} of {len(space.exclusions):,} excluded pairs; there is nothing to draw from")
    if groups is not None:
        return groups.draw(n, rng)
    return Colourings(np.arange(space.n_sites, dtype=np.uint16), space.counts, space.exclusions).draw(n, rng)


def sample_orbits(space: ConfigurationSpace, n: int, rng: np.random.Generator) -> ConfigurationBatch:
    """N orbits drawn independently and uniformly; see `ConfigurationSpace.sample_orbits`.

    The orbit of a configuration that is drawn uniformly from all pairs (element, configuration that it fixes) is
    uniform, since an orbit of size m has m stabilizers of order |G|/m (J. D. Dixon and H. S. Wilf, "The random
    selection of unlabeled graphs", J. Algorithms 4, 205, 1983). So: a cycle type by its number of such pairs, an
    element of that type, and a uniform colouring of its cycles.
    """
    _check_number(n)
    if len(space.exclusions):
        return _orbits_under_exclusions(space, n, rng)
    by_type = space.cycle_types
    weights = [
        len(elements) * prod(count_fixed(cycles, c) for cycles, c in zip(types, space.counts, strict=True))
        for types, elements in by_type.items()
    ]
    drawn = rng.multinomial(n, probabilities(weights))
    rows = np.vstack(
        [
            _fixed_configurations(space, types, elements, int(m), rng)
            for (types, elements), m in zip(by_type.items(), drawn, strict=True)
            if m
        ]
        or [np.empty((0, space.n_sites), dtype=np.uint8)]
    )
    return space.canonical(rng.permutation(rows))


def _orbits_under_exclusions(space: ConfigurationSpace, n: int, rng: np.random.Generator) -> ConfigurationBatch:
    """The same where exclusions count: elements by conjugacy class, each with the colourings that obey them.

    Where these are too many to count, draws of configurations are drawn from again, weighted by 1 / multiplicity.
    """
    if not space.countable:
        drawn = space.canonical(draw_rows(space, 2 * n, rng))
        inverse = 1 / drawn.multiplicity
        return drawn[rng.choice(len(drawn), size=n, p=inverse / inverse.sum())] if n else drawn
    if not space.n_configurations:
        draw_rows(space, n, rng)  # raises: there is none
    classes = conjugacy_classes(space.group)
    of_class = [Colourings(space.group[element], space.counts, space.exclusions) for element, _ in classes]
    weights = [size * one.count() for (_, size), one in zip(classes, of_class, strict=True)]
    numbers = rng.multinomial(n, probabilities(weights))
    # A conjugate of the element would give images of the same colourings, of the same orbits.
    rows = [one.draw(int(m), rng) for one, m in zip(of_class, numbers, strict=True) if m]
    return space.canonical(rng.permutation(np.vstack([np.empty((0, space.n_sites), dtype=np.uint8), *rows])))


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
        colours = coloured_cycles(cycles, counts, n, rng)
        columns.append(np.take_along_axis(colours, cycle[which], axis=1))
        start = end
    return np.hstack(columns)


def _check_number(n: int) -> None:
    if n < 0:
        raise InputError(f"the number of samples must not be negative, got {n}")
