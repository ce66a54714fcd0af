"""Slow, obvious twins of what the configurations room computes."""

from __future__ import annotations

import itertools

import numpy as np
import spglib

from matganip.configurations.composition import element_of


def site_permutations_by_spglib(space):
    """The distinct permutations of the substituted sites, asked of spglib for the supercell as it stands."""
    structure = space.supercell_structure
    numbers = [(element_of(structure, i), int(owner)) for i, owner in enumerate(_owner_of_sites(space))]
    colours = [sorted(set(numbers)).index(n) for n in numbers]
    found = spglib.get_symmetry((structure.lattice.matrix, structure.frac_coords, colours), symprec=0.01)
    sites = structure.frac_coords[space.site_indices]
    permutations = set()
    for rotation, translation in zip(found["rotations"], found["translations"], strict=True):
        images = sites @ rotation.T + translation
        difference = images[:, None, :] - sites[None, :, :]
        distance = np.abs(difference - np.rint(difference)).sum(axis=2)
        permutations.add(tuple(distance.argmin(axis=1).tolist()))
    return permutations


def _owner_of_sites(space):
    owner = -np.ones(len(space.supercell_structure), dtype=int)
    owner[space.site_indices] = space.sublattices
    return owner


def all_rows(counts):
    """Every configuration of a composition, one row each."""
    parts = []
    for of_sublattice in counts:
        codes = [code for code, count in enumerate(of_sublattice) for _ in range(count)]
        parts.append(sorted(set(itertools.permutations(codes))))
    return [sum(choice, ()) for choice in itertools.product(*parts)]


def sort_key(row, counts):
    """The order of docs/adr/0002: sublattice by sublattice and code by code, where the code sits."""
    key, start = [], 0
    for of_sublattice in counts:
        part = row[start : start + sum(of_sublattice)]
        key += [tuple(c != code for c in part) for code in range(len(of_sublattice) - 1)]
        start += sum(of_sublattice)
    return key


def orbits_by_brute_force(permutations, counts):
    """Representatives in ascending order, with multiplicities, by looking at every image of every configuration."""
    left, orbits = set(all_rows(counts)), []
    while left:
        row = np.array(next(iter(left)))
        orbit = set()
        for permutation in permutations:
            image = np.empty_like(row)
            image[permutation] = row
            orbit.add(tuple(image.tolist()))
        orbits.append((min(orbit, key=lambda r: sort_key(r, counts)), len(orbit)))
        left -= orbit
    return sorted(orbits, key=lambda pair: sort_key(pair[0], counts))
