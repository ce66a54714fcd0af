"""Structure-invariant triplets of resolved peaks: which there are, and which products of amplitudes each sums."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.symmetry import SupercellSymmetry
from matganip.errors import InputError
from matganip.features.lattice.resolved import ResolvedPeaks, basis_images
from matganip.features.reflections import Reflections

# Pairs of reflections that are looked through for a third: some seconds.
MOST_PAIRS = 2 * 10**8


@dataclass(frozen=True, eq=False)
class Triplets:
    r"""Orbits of {(h, b), (k, b'), (l, b'')} with h + k + l = 0 under the parent's operations and Friedel's law.

    :math:`\mathrm{Re}[F_b(h) F_{b'}(k) F_{b''}(l)]`, which is the :math:`\mathrm{Re}[F(h) F^*(k) F^*(h-k)]` of
    crystallography, does not depend on the origin (Cochran, Acta Cryst. 8, 473 (1955)): an operation of the parent,
    which multiplies each factor with a phase, leaves it as it is. A triplet is the sum over an orbit.

    Attributes
    ----------
    reflection : numpy.ndarray
        (n_members, 3) int64, rows of the list of reflections.
    sign : numpy.ndarray
        (n_members, 3) +1.0 where h is the row's, -1.0 where it is the opposite.
    basis : numpy.ndarray
        (n_members, 3) int64, the basis sites.
    orbit : numpy.ndarray
        (n_members,) int64, the triplet that each belongs to.
    vertices : numpy.ndarray
        (n_triplets, 3) int64, rising: the resolved peaks (h; b, b), (k; b', b'), (l; b'', b'') that it connects.
        Triplets stand in their order.
    """

    reflection: NDArray[np.int64]
    sign: NDArray[np.float64]
    basis: NDArray[np.int64]
    orbit: NDArray[np.int64]
    vertices: NDArray[np.int64]


class _Elements:
    """The (h, b) that may stand in a triplet: of both signs of h, those whose resolved peak is a vertex."""

    def __init__(self, reflections: Reflections, peaks: ResolvedPeaks, vertex_of: NDArray[np.int64]) -> None:
        n_basis = len(peaks.of_pair)
        single = vertex_of[peaks.of_pair[np.arange(n_basis), np.arange(n_basis)].T]  # (n_reflections, n_basis)
        single[reflections.line != reflections.line_of_most_weight] = -1
        self.rows = np.flatnonzero((single >= 0).any(axis=1))
        self.n_basis = n_basis
        self.hkl = np.concatenate([reflections.hkl[self.rows], -reflections.hkl[self.rows]])
        self.vertex = np.tile(single[self.rows], (2, 1))  # (n_hkl, n_basis), -1 where it is none

    def find(self, hkl: NDArray[np.int64]) -> NDArray[np.int64]:
        """Row of `self.hkl` that is each hkl; -1 where there is none."""
        side = 2 * max(int(np.abs(self.hkl).max(initial=0)), int(np.abs(hkl).max(initial=0))) + 1
        digits = np.array([side * side, side, 1])
        codes, wanted = self.hkl @ digits, hkl @ digits
        order = np.argsort(codes)
        row = order[np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)]
        return np.where(codes[row] == wanted, row, -1)

    def closed(self) -> NDArray[np.int64]:
        """All (n, 3) rising triples of elements, row * n_basis + b, whose h add up to zero."""
        n = len(self.hkl)
        if n * n > MOST_PAIRS:
            raise InputError(f"vertices: triplets of {n} reflections are too many; take fewer vertices")
        i, j = np.triu_indices(n)
        k = self.find(-(self.hkl[i] + self.hkl[j]))
        rows = np.stack([i, j, k], axis=1)[k >= j]
        found = []
        for basis in product(range(self.n_basis), repeat=3):
            present = (self.vertex[rows, np.array(basis)] >= 0).all(axis=1)
            found.append(np.sort(rows[present] * self.n_basis + np.array(basis), axis=1))
        return np.unique(np.concatenate(found), axis=0)

    def images(
        self, symmetry: SupercellSymmetry, coordinates: NDArray[np.float64], basis: NDArray[np.int64]
    ) -> list[NDArray[np.int64]]:
        """The element to which each operation, and Friedel's law, takes each element; -1 where it leaves them."""
        n_hkl = len(self.hkl)
        moves = [np.roll(np.arange(n_hkl), n_hkl // 2)[:, None] * self.n_basis + np.arange(self.n_basis)]
        for inverse, image in basis_images(symmetry, coordinates, basis):
            target = self.find(self.hkl @ inverse)[:, None]
            moves.append(np.where(target >= 0, target * self.n_basis + image, -1))
        return [move.ravel() for move in moves]


def triplets_of(
    reflections: Reflections,
    symmetry: SupercellSymmetry,
    coordinates: NDArray[np.float64],
    basis: NDArray[np.int64],
    peaks: ResolvedPeaks,
    vertices: NDArray[np.int64],
) -> Triplets:
    """Find the triplets all three of whose reflections belong to given vertices.

    Parameters
    ----------
    reflections : Reflections
    symmetry : SupercellSymmetry
        The parent's operations in the supercell.
    coordinates : numpy.ndarray
        (n_sites, 3) of the substituted sites, fractional.
    basis : numpy.ndarray
        (n_sites,) int64, as `parent_basis` numbers them.
    peaks : ResolvedPeaks
    vertices : numpy.ndarray
        (n_vertices,) resolved peaks; those of two basis sites take no part.

    Returns
    -------
    Triplets
        ``vertices`` counts in the places of the argument `vertices`.

    Raises
    ------
    InputError
        If there are so many vertices that looking through them would take minutes.
    """
    vertex_of = np.full(len(peaks.reflection), -1, dtype=np.int64)
    vertex_of[vertices] = np.arange(len(vertices))
    elements = _Elements(reflections, peaks, vertex_of)
    members = elements.closed()
    label = _orbits(members, elements.images(symmetry, coordinates, basis), elements.vertex.size)
    corners = np.sort(elements.vertex.ravel()[members], axis=1)
    first = np.unique(label, return_index=True)[1]
    order = np.lexsort((first, *corners[first].T[::-1]))
    number = np.empty(len(first), dtype=np.int64)
    number[order] = np.arange(len(first))
    row, of_basis = np.divmod(members, elements.n_basis)
    n_rows = max(len(elements.rows), 1)
    return Triplets(
        reflection=elements.rows[row % n_rows],
        sign=np.where(row < n_rows, 1.0, -1.0),
        basis=of_basis,
        orbit=number[np.unique(label, return_inverse=True)[1].reshape(-1)],
        vertices=corners[first][order],
    )


def _orbits(members: NDArray[np.int64], moves: list[NDArray[np.int64]], n_elements: int) -> NDArray[np.int64]:
    """The first member of the orbit of each."""
    digits = np.array([n_elements * n_elements, n_elements, 1])
    codes = members @ digits  # rising
    label = np.arange(len(members))
    opposite, *operations = moves
    for move in operations:
        for way in (move, np.where(move >= 0, opposite[move], -1)):
            image = np.sort(way[members], axis=1)
            target = np.minimum(np.searchsorted(codes, image @ digits), len(codes) - 1)
            inside = (image[:, 0] >= 0) & (codes[target] == image @ digits)
            label[inside] = np.minimum(label[inside], target[inside])
    return label
