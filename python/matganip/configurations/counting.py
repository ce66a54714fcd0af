"""Exact counts without enumeration: orbits by Burnside's lemma, Python integers of any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.cycles import (
    CycleType,
    count_fixed,
    elements_by_cycle_type,
    multinomial,
    shares_of_cycles,
)

Composition = tuple[tuple[int, ...], ...]
"""For each sublattice the number of sites of each species."""


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

    Raises
    ------
    ArithmeticError
        If the permutations are no group.
    """
    fixed = sum(
        len(elements) * prod(count_fixed(cycles, tuple(c)) for cycles, c in zip(types, counts, strict=True))
        for types, elements in elements_by_cycle_type(permutations, sublattice_sizes).items()
    )
    return _mean(fixed, len(permutations))


def count_orbits_of_all_compositions(
    permutations: NDArray[np.uint16], sublattice_sizes: Sequence[int], n_species: Sequence[int]
) -> dict[Composition, int]:
    """Count the orbits of every composition at once: Polya's theorem, with the cycle index as a generating function.

    An element whose cycles have the lengths l fixes as many configurations of each composition as the product over its
    cycles of (x_1^l + x_2^l + ...) has in its coefficients.

    Parameters
    ----------
    permutations : (n_ops, n_sites) uint16
        All elements of the group. Columns are grouped by sublattice.
    sublattice_sizes : sequence of int
        Number of columns of each sublattice.
    n_species : sequence of int
        Number of species on each sublattice.

    Returns
    -------
    dict
        For each composition the exact number of orbits, in ascending order.
    """
    fixed: Counter[Composition] = Counter()
    for types, elements in elements_by_cycle_type(permutations, sublattice_sizes).items():
        product: dict[Composition, int] = {(): len(elements)}
        for cycles, species in zip(types, n_species, strict=True):
            polynomial = _count_fixed_of_all(cycles, species)
            product = {(*c, d): n * m for c, n in product.items() for d, m in polynomial.items()}
        fixed.update(product)
    return {composition: _mean(fixed[composition], len(permutations)) for composition in sorted(fixed)}


@cache
def _count_fixed_of_all(cycles: CycleType, n_species: int) -> dict[tuple[int, ...], int]:
    """For each composition the number of ways to give each cycle one of the species."""
    polynomial: dict[tuple[int, ...], int] = {(0,) * n_species: 1}
    for length, number in cycles:
        grown: Counter[tuple[int, ...]] = Counter()
        for shares in shares_of_cycles(length, number, (length * number,) * n_species):
            ways = multinomial(shares)
            for counts, so_far in polynomial.items():
                grown[tuple(c + length * s for c, s in zip(counts, shares, strict=True))] += so_far * ways
        polynomial = dict(grown)
    return polynomial


def _mean(fixed: int, order: int) -> int:
    orbits, remainder = divmod(fixed, order)
    if remainder:
        raise ArithmeticError("Burnside's sum is no multiple of the group's order: the permutations are no group")
    return orbits
