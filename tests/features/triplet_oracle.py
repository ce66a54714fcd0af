"""Slow, obvious twins of the triplets: sums over triples of reflections, and over triples of atoms, one by one."""

from __future__ import annotations

import itertools
import math

import diffraction_oracle as oracle
import numpy as np

from matganip.configurations.space import ConfigurationSpace

Element = tuple[tuple[int, ...], frozenset[int]]


def image_of(space: ConfigurationSpace, w: np.ndarray, t: np.ndarray, element: Element) -> Element:
    """The reflection and the basis site to which an operation of the parent takes one."""
    coordinates = space.supercell_structure.frac_coords[space.site_indices]
    hkl, columns = element
    difference = (coordinates[min(columns)] @ w.T + t) - coordinates
    target = int(np.abs(difference - np.round(difference)).max(axis=1).argmin())
    image = np.rint(np.array(hkl) @ np.linalg.inv(w)).astype(int)
    return tuple(image.tolist()), next(b for b in oracle.basis_columns(space) if target in b)


def reciprocal(
    space: ConfigurationSpace, row: np.ndarray, wavelength: float, vertices: dict[int, set[tuple]]
) -> list[tuple[tuple[int, ...], float]]:
    """Triplets among peaks of one basis site (column: orbit of (h; b, b)): the columns, and the sum over the orbit."""
    species = oracle.carried(space, row)
    lattice = space.supercell_structure.lattice.reciprocal_lattice_crystallographic
    column: dict[Element, int] = {}
    amplitude: dict[Element, complex] = {}
    for vertex, orbit in vertices.items():
        for hkl, sites in orbit:
            (columns,) = sites
            g = float(np.linalg.norm(lattice.get_cartesian_coords(hkl)))
            theta = math.asin(wavelength * g / 2)
            lp = (1 + math.cos(2 * theta) ** 2) / (math.sin(theta) ** 2 * math.cos(theta))
            part = {int(space.site_indices[c]): species[int(space.site_indices[c])] for c in columns}
            factor = oracle.structure_factor(space, part, np.array(hkl), (g / 2) ** 2)
            column[hkl, columns], amplitude[hkl, columns] = vertex, math.sqrt(lp) * factor
    basis = oracle.basis_columns(space)
    closed = {
        tuple(sorted([a, b, (third, c)], key=repr))
        for a, b in itertools.combinations_with_replacement(column, 2)
        for c in basis
        if ((third := tuple(-x - y for x, y in zip(a[0], b[0], strict=True))), c) in column
    }
    moves = [
        {e: image_of(space, w, t, e) for e in column}
        for w, t in zip(space.symmetry.rotations, space.symmetry.translations, strict=True)
    ]
    found = []
    while closed:
        start = next(iter(closed))
        orbit = set()
        for move in moves:
            for sign in (1, -1):
                image = [move[e] for e in start]
                signed = [(tuple(sign * i for i in hkl), b) for hkl, b in image]
                orbit.add(tuple(sorted(signed, key=repr)))
        assert orbit <= closed
        closed -= orbit
        value = sum((amplitude[a] * amplitude[b] * amplitude[c]).real for a, b, c in orbit)
        found.append((tuple(sorted(column[e] for e in start)), value))
    return found


def classes_of_site_sets(space: ConfigurationSpace, k: int) -> tuple[np.ndarray, np.ndarray]:
    """All sets of k columns, and the class of each under the supercell's own permutations."""
    sets = np.array(list(itertools.combinations(range(space.n_sites), k)))
    image = np.sort(space.site_permutations[:, sets], axis=2).astype(np.int64)
    digits = space.n_sites ** np.arange(k)[::-1]
    return sets, np.unique((image @ digits).min(axis=0), return_inverse=True)[1]


def counts(space: ConfigurationSpace, rows: np.ndarray, k: int) -> np.ndarray:
    """How many sets of k sites of each class carry the dopant (code 0 of the only sublattice) throughout."""
    sets, label = classes_of_site_sets(space, k)
    full = (rows[:, sets] == 0).all(axis=2)
    return np.stack([full[:, label == c].sum(axis=1) for c in range(label.max() + 1)], axis=1)
