"""Exact counts without enumeration: orbits by Burnside's lemma, Python integers of any size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import prod

from matganip.configurations.cycles import CycleType, CycleTypes, count_fixed, multinomial, shares_of_cycles

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
    return _mean(fixed, cycle_types)


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
            polynomial = _count_fixed_of_all(cycles, species)
            product = {(*c, d): n * m for c, n in product.items() for d, m in polynomial.items()}
        fixed.update(product)
    return {composition: _mean(fixed[composition], cycle_types) for composition in sorted(fixed)}


@cache
def _count_fixed_of_all(cycles: CycleType, n_species: int) -> dict[tuple[int, ...], int]:
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


def _mean(fixed: int, cycle_types: CycleTypes) -> int:
    orbits, remainder = divmod(fixed, sum(map(len, cycle_types.values())))
    if remainder:
        raise ArithmeticError("Burnside's sum is not a multiple of the group's order: the permutations are not a group")
    return orbits
