"""Slow, obvious twins: every sublattice, every colouring, every operation."""

from __future__ import annotations

import itertools
import math

import numpy as np
import spglib


def sublattices_of_index(volume):
    """Every sublattice of index `volume` of Z^3, as upper triangular rows."""
    found = []
    for a, d, f in itertools.product(range(1, volume + 1), repeat=3):
        if a * d * f == volume:
            found += [
                np.array([[a, b, c], [0, d, e], [0, 0, f]])
                for b, c, e in itertools.product(range(d), range(f), range(f))
            ]
    return found


def _is_whole(matrix):
    return np.allclose(matrix, np.rint(matrix), atol=1e-6)


def operations(primitive, colours):
    """Rotations and translations of a primitive cell, asked of spglib."""
    found = spglib.get_symmetry((primitive.lattice.matrix, primitive.frac_coords, colours), symprec=0.01)
    return list(zip(found["rotations"], found["translations"], strict=True))


def shape_classes(primitive, colours, volume):
    """Sublattices of one volume in classes: a list of lists of matrices."""
    classes = []
    rotations = [w for w, _ in operations(primitive, colours)]
    for matrix in sublattices_of_index(volume):
        images = [matrix @ w.T for w in rotations]
        for members in classes:
            if any(_is_whole(image @ np.linalg.inv(members[0])) for image in images):
                members.append(matrix)
                break
        else:
            classes.append([matrix])
    return classes


def permutations_of(primitive, colours, matrix):
    """All operations that keep a superlattice, as permutations of its (cell, site) pairs; pure translations apart."""
    inverse = np.linalg.inv(matrix)
    volume = round(abs(np.linalg.det(matrix)))
    box = itertools.product(range(volume), repeat=3)
    cells = {tuple(np.rint(volume * (np.array(p) @ inverse % 1)).astype(int) % volume): np.array(p) for p in box}
    assert len(cells) == volume
    points = [cell + x for cell in cells.values() for x in primitive.frac_coords]

    def index(x):
        for i, point in enumerate(points):
            if _is_whole((x - point) @ inverse):
                return i
        raise AssertionError("an image is not a site")

    translations = [[index(x + t) for x in points] for t in cells.values()]
    kept = [(w, t) for w, t in operations(primitive, colours) if _is_whole(matrix @ w.T @ inverse)]
    rotated = [[index(w @ x + t) for x in points] for w, t in kept]
    every = [[translation[i] for i in rotation] for rotation in rotated for translation in translations]
    return np.array(every), np.array(translations[1:]).reshape(-1, len(points))


def count_derivatives(primitive, n_species, volume, superperiodic=False, exchange_labels=False):
    """Number of derivative structures, by going through all colourings.

    `n_species` says for each site of the primitive cell how many species it may carry; sites with different numbers
    are told apart, those with one are never coloured. With exchanged labels all sites must carry equally many.
    """
    total = 0
    colours = [int(z) * 100 + n for z, n in zip(primitive.atomic_numbers, n_species, strict=True)]
    for members in shape_classes(primitive, colours, volume):
        group, translations = permutations_of(primitive, colours, members[0])
        choices = [range(n) for n in n_species] * volume
        rows = np.array(list(itertools.product(*choices)))
        weights = max(n_species) ** np.arange(rows.shape[1], dtype=np.int64)
        keep = np.ones(len(rows), dtype=bool)
        if not superperiodic:
            for translation in translations:
                keep &= (rows[:, translation] != rows).any(axis=1)
        rows = rows[keep]
        smallest = rows @ weights
        labels = list(itertools.permutations(range(n_species[0]))) if exchange_labels else [range(max(n_species))]
        for relabelling in labels:
            relabelled = np.array(relabelling)[rows]
            for permutation in group:
                np.minimum(smallest, relabelled[:, permutation] @ weights, out=smallest)
        total += len(np.unique(smallest))
    return total


def count_by_burnside(primitive, n_labels, volume):
    """Derivative structures of a crystal with one site that use every label, labels interchangeable: by counting alone.

    Burnside's lemma for the crystal's operations times the permutations of labels, acting on pairs of a sublattice and
    a colouring of its quotient. Superperiodic colourings go by Moebius inversion over the lattices between, colourings
    with fewer labels by inclusion and exclusion.
    """
    rotations = [w for w, _ in operations(primitive, [1])]
    sublattices = {m: sublattices_of_index(m) for m in range(1, volume + 1) if volume % m == 0}
    box = list(itertools.product(range(volume), repeat=3))
    total = 0
    for matrix in sublattices[volume]:
        inverse = np.linalg.inv(matrix)

        def cell(point, inverse=inverse):
            return tuple(np.rint(volume * (np.array(point) @ inverse % 1)).astype(int) % volume)

        points = list({cell(p): p for p in box}.values())
        number = {cell(p): i for i, p in enumerate(points)}
        moved = [[number[cell(np.add(p, t))] for p in points] for t in points]
        between = [m for parts in sublattices.values() for m in parts if _is_whole(matrix @ np.linalg.inv(m))]
        periods = [frozenset(i for i, p in enumerate(points) if _is_whole(p @ np.linalg.inv(m))) for m in between]
        moebius = {}
        for one in sorted(periods, key=len):
            moebius[one] = (len(one) == 1) - sum(value for other, value in moebius.items() if other < one)
        for w in rotations:
            if not _is_whole(matrix @ w.T @ inverse):
                continue
            turned = [number[cell(w @ p)] for p in points]
            for translation in moved:
                image = [translation[i] for i in turned]
                for labels in itertools.permutations(range(n_labels)):
                    for group, sign in moebius.items():
                        if sign:
                            shifts = [moved[k] for k in group]
                            total += sign * _equivariant(image, shifts, labels) / volume
    return round(total / len(rotations) / math.factorial(n_labels))


def _equivariant(image, shifts, labels):
    """Colourings c with every label, c(g x) = labels[c(x)], the same under all shifts.

    The labels that are used come as whole cycles of the permutation: inclusion and exclusion goes by cycles left out.
    """
    found = 0
    for size in range(1, len(labels) + 1):
        for allowed in itertools.combinations(range(len(labels)), size):
            if {labels[one] for one in allowed} != set(allowed):
                continue
            product, seen = 1, set()
            for start in range(len(image)):
                if start in seen:
                    continue
                fitting = 0
                for first in allowed:
                    given, todo, fits = {start: first}, [start], True
                    while todo:
                        here = todo.pop()
                        after = [(image[here], labels[given[here]]), *((shift[here], given[here]) for shift in shifts)]
                        for there, label in after:
                            if there not in given:
                                given[there] = label
                                todo.append(there)
                            fits &= given[there] == label
                    fitting += fits
                    seen |= given.keys()
                product *= fitting
            found += (-1) ** _cycles(labels, set(range(len(labels))) - set(allowed)) * product
    return found


def _cycles(permutation, members):
    """Cycles of a permutation among some of its members, which it takes to each other."""
    number = 0
    while members:
        number, one = number + 1, min(members)
        while one in members:
            members.remove(one)
            one = permutation[one]
    return number
