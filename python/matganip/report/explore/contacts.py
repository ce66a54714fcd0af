"""Descriptors to set energies against: how many pairs of substituted species are neighbours, shell by shell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

N_SHELLS = 3
TOLERANCE = 0.05
"""Distances that differ by less, in angstrom, are one shell."""
BLOCK = 65_536


def contacts(batch: ConfigurationBatch) -> dict[str, NDArray[np.int32]]:
    """Count the neighbours among substituted species in the first shells of the substituted sites.

    Parameters
    ----------
    batch : ConfigurationBatch
        Of n arrangements.

    Returns
    -------
    dict of str to (n,) int32 ndarray
        ``"Br-Br 4.45 Å"``: pairs of the supercell at that distance, periodic images included. Species that a
        sublattice has in the parent are left out; their counts follow from the others.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 2}})
    >>> found = contacts(next(space.orbits()))
    >>> {name: count.tolist() for name, count in found.items()}["Br-Br 6.29 Å"]
    [2, 0, 2, 0, 0, 0, 0]
    """
    space = batch.space
    shells = _shells(space)
    names = _substitutes(space)
    pairs = list(combinations_with_replacement(names, 2))
    found = {(pair, distance): np.zeros(len(batch), dtype=np.int32) for pair in pairs for distance, _ in shells}
    for start in range(0, len(batch), BLOCK):
        rows = batch.occupations[start : start + BLOCK]
        there = {name: _on(space, rows, name) for name in names}
        for distance, matrix in shells:
            for name in names:
                around = there[name] @ matrix
                for other in names[names.index(name) :]:
                    count = np.einsum("ij,ij->i", around, there[other])
                    pair = (name, other)
                    found[pair, distance][start : start + BLOCK] = np.rint(count / (2 if name == other else 1))
    return {f"{a}-{b} {distance:.2f} Å": count for ((a, b), distance), count in found.items()}


def _substitutes(space: ConfigurationSpace) -> list[str]:
    """Species of the substituted sites but each sublattice's own."""
    return list(
        dict.fromkeys(
            name
            for sublattice, species in zip(space.sublattice_table, space.species, strict=True)
            for name in species
            if name != sublattice.host
        )
    )


def _on(space: ConfigurationSpace, rows: NDArray[np.uint8], name: str) -> NDArray[np.float32]:
    """Where a species is, (n, n_sites) of 0 and 1."""
    code = np.array([species.index(name) if name in species else 255 for species in space.species], dtype=np.uint8)
    there: NDArray[np.float32] = (rows == code[space.sublattices]).astype(np.float32)
    return there


def _shells(space: ConfigurationSpace) -> list[tuple[float, NDArray[np.float32]]]:
    """The first shells: the distance, and how many images of site j are at it from site i, (n_sites, n_sites)."""
    frame = space.supercell_structure
    sites = Structure(frame.lattice, ["H"] * space.n_sites, frame.frac_coords[space.site_indices])
    radius = 1.0
    while True:
        radius *= 1.5
        first, second, _, distance = sites.get_neighbor_list(radius)
        steps = list(_groups(np.sort(distance)))
        if len(steps) > N_SHELLS:
            break
    found = []
    for low, high in steps[:N_SHELLS]:
        inside = (distance >= low) & (distance <= high)
        matrix = np.zeros((space.n_sites, space.n_sites), dtype=np.float32)
        np.add.at(matrix, (first[inside], second[inside]), 1.0)
        found.append((float(distance[inside].mean()), matrix))
    return found


def _groups(ascending: NDArray[np.float64]) -> Iterator[tuple[float, float]]:
    """Runs of values that are apart by less than the tolerance: first and last of each."""
    if len(ascending):
        ends = np.flatnonzero(np.diff(ascending) > TOLERANCE)
        for low, high in zip([0, *(ends + 1)], [*ends, len(ascending) - 1], strict=True):
            yield float(ascending[low]), float(ascending[high])
