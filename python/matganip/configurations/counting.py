"""Exact counts without enumeration: orbits by Burnside's lemma, Python integers of any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.colourings import Colourings
from matganip.configurations.cycles import CycleTypes, conjugacy_classes, count_fixed, count_fixed_of_all

Composition = tuple[tuple[int, ...], ...]
"""For each sublattice the number of sites of each species."""


def count_orbits(cycle_types: CycleTypes, counts: Sequence[Sequence[int]]) -> int:
    """Count the orbits of a composition by Burnside's lemma: the mean number of configurations that an element fixes.

    An element fixes a configuration if each of its cycles carries one species. Only the cycle lengths on each
    sublattice matter, and a group has few distinct ones (G. Polya, Acta Math. 68, 145, 1937).

    Parameters
    ----------
    cycle_types : mapping
        The elements of the group by cycle type, see `elements_by_cycle_type`.
    counts : sequence of sequence of int
        For each sublattice, the number of sites of each species.

    Returns
    -------
    int
        The exact number, of any size.

    Raises
    ------
    ArithmeticError
        If the permutations are not a group.
    """
    fixed = sum(
        len(elements) * prod(count_fixed(cycles, tuple(c)) for cycles, c in zip(types, counts, strict=True))
        for types, elements in cycle_types.items()
    )
    return _mean(fixed, _order(cycle_types))


def count_orbits_of_all_compositions(cycle_types: CycleTypes, n_species: Sequence[int]) -> dict[Composition, int]:
    """Count the orbits of every composition at once: Polya's theorem, with the cycle index as a generating function.

    An element whose cycles have the lengths l fixes as many configurations of each composition as the product over its
    cycles of (x_1^l + x_2^l + ...) has in its coefficients.

    Parameters
    ----------
    cycle_types : mapping
        The elements of the group by cycle type.
    n_species : sequence of int
        Number of species on each sublattice.

    Returns
    -------
    dict
        For each composition the exact number of orbits, in ascending order.
    """
    fixed: Counter[Composition] = Counter()
    for types, elements in cycle_types.items():
        product: dict[Composition, int] = {(): len(elements)}
        for cycles, species in zip(types, n_species, strict=True):
            polynomial = count_fixed_of_all(cycles, species)
            product = {(*c, d): n * m for c, n in product.items() for d, m in polynomial.items()}
        fixed.update(product)
    return {composition: _mean(fixed[composition], _order(cycle_types)) for composition in sorted(fixed)}


def count_orbits_under_exclusions(
    group: NDArray[np.uint16], counts: Sequence[Sequence[int]], exclusions: NDArray[np.uint16]
) -> int:
    """Count the orbits that obey exclusions, by the same lemma: each element fixes the colourings of its cycles.

    Not the cycle lengths alone matter here, but which cycles exclude one another; conjugate elements fix equally many.

    Parameters
    ----------
    group : (n_ops, n_sites) uint16
        All permutations, under which the exclusions are invariant.
    counts : sequence of sequence of int
        For each sublattice, the number of sites of each species.
    exclusions : (m, 4) uint16
        As `find_exclusions` gives them.

    Returns
    -------
    int

    Raises
    ------
    TooManyStatesError
        If the exclusions are too entangled for it.
    """
    fixed = sum(
        size * Colourings(group[element], counts, exclusions).count() for element, size in conjugacy_classes(group)
    )
    return _mean(fixed, len(group))


def count_orbits_of_all_under_exclusions(
    group: NDArray[np.uint16], counts: Sequence[Sequence[int]], exclusions: NDArray[np.uint16]
) -> dict[Composition, int]:
    """Count the orbits of every composition that obey exclusions; compositions that none obeys are left out."""
    fixed: Counter[Composition] = Counter()
    for element, size in conjugacy_classes(group):
        for composition, number in Colourings(group[element], counts, exclusions).count_all().items():
            fixed[composition] += size * number
    return {composition: _mean(fixed[composition], len(group)) for composition in sorted(fixed)}


def _order(cycle_types: CycleTypes) -> int:
    return sum(map(len, cycle_types.values()))


def _mean(fixed: int, order: int) -> int:
    orbits, remainder = divmod(fixed, order)
    if remainder:
        raise ArithmeticError("Burnside's sum is not a multiple of the group's order: the permutations are not a group")
    return orbits
