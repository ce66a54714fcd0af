"""Resolved peaks: reflections merged only where a symmetry operation of the parent relates them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.symmetry import SupercellSymmetry
from matganip.features.lattice.translations import nearest
from matganip.features.reflections import Reflections


@dataclass(frozen=True, eq=False)
class ResolvedPeaks:
    """Orbits of (h; b, b'), a reflection and two basis sites, under the parent's operations.

    They are numbered by angle; at one angle by family (falling h, k, l of its largest member), then by pair
    of basis sites: the single ones (b, b) first, then (b, b') with b < b'.

    Attributes
    ----------
    of_pair : numpy.ndarray
        (n_basis, n_basis, n_reflections) int64, symmetric in the first two: the resolved peak of each (h; b,
        b').
    reflection : numpy.ndarray
        (n_peaks,) int64, the first reflection of each.
    pairs : numpy.ndarray
        (n_peaks, 2) int64, the basis sites that go with that reflection.
    """

    of_pair: NDArray[np.int64]
    reflection: NDArray[np.int64]
    pairs: NDArray[np.int64]

    def members(self) -> list[NDArray[np.int64]]:
        """The reflections of each peak."""
        n_basis, _, n_reflections = self.of_pair.shape
        reflection = np.broadcast_to(np.arange(n_reflections), (n_basis, n_basis, n_reflections))
        found = np.unique(np.stack([self.of_pair.ravel(), reflection.ravel()]), axis=1)
        return np.split(found[1], np.flatnonzero(np.diff(found[0])) + 1)

    def peaks_of(self, a: int, b: int) -> list[NDArray[np.int64]]:
        r"""Peaks to which the product of an amplitude of basis site a and one of b adds.

        \|F_a + F_b\|^2 holds products of a with b, but also of a with itself: those belong to (h; a, a) and
        to each (h; a, b').
        """
        return list(self.of_pair[a]) if a == b else [self.of_pair[a, b]]


def parent_basis(coordinates: NDArray[np.float64], lattice_points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number the basis sites of the parent's primitive cell that the substituted sites belong to.

    Parameters
    ----------
    coordinates : numpy.ndarray
        (n_sites, 3) fractional coordinates in the supercell.
    lattice_points : numpy.ndarray
        (n_cells, 3) translations of the parent inside the supercell, exact or within the symmetry's tolerance.

    Returns
    -------
    numpy.ndarray
        (n_sites,) int64: the basis site of each, numbered as they first occur.
    """
    basis = np.full(len(coordinates), -1, dtype=np.int64)
    while (basis < 0).any():
        start = int(np.argmin(basis))
        basis[nearest(coordinates[start] + lattice_points, coordinates)[0]] = basis.max() + 1
    return basis


def resolved_peaks(
    reflections: Reflections,
    symmetry: SupercellSymmetry,
    coordinates: NDArray[np.float64],
    basis: NDArray[np.int64],
) -> ResolvedPeaks:
    r"""Number the orbits of (h; b, b').

    An operation x' = W x + w takes site b to pi(b) and h to h W^-1, and F_b(h) to F_pi(b)(h W^-1) but for a
    phase that all sites share: \|F_b + F_b'\|^2 is the same. So it is at -h.

    Parameters
    ----------
    reflections : Reflections
    symmetry : SupercellSymmetry
        The parent's operations in the supercell.
    coordinates : numpy.ndarray
        (n_sites, 3) of the substituted sites, fractional.
    basis : numpy.ndarray
        (n_sites,) int64, as `parent_basis` numbers them.

    Returns
    -------
    ResolvedPeaks
    """
    n_basis = int(basis.max()) + 1
    pairs = np.array([(b, b) for b in range(n_basis)] + list(combinations(range(n_basis), 2)), dtype=np.int64)
    number = np.empty((n_basis, n_basis), dtype=np.int64)
    number[pairs[:, 0], pairs[:, 1]] = number[pairs[:, 1], pairs[:, 0]] = np.arange(len(pairs))

    n_reflections = len(reflections.hkl)
    orbit = np.arange(n_reflections)[:, None] * len(pairs) + np.arange(len(pairs))
    for inverse, image in basis_images(symmetry, coordinates, basis):
        target, inside = _find(reflections, reflections.hkl @ inverse)
        moved = target[:, None] * len(pairs) + number[image[pairs[:, 0]], image[pairs[:, 1]]]
        orbit[inside] = np.minimum(orbit[inside], moved[inside])

    representative, peak = np.unique(orbit, return_inverse=True)
    of_pair = np.ascontiguousarray(peak.reshape(orbit.shape).T[number])
    return ResolvedPeaks(of_pair, representative // len(pairs), pairs[representative % len(pairs)])


def basis_images(
    symmetry: SupercellSymmetry, coordinates: NDArray[np.float64], basis: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """What each operation of the parent does to reflections and to basis sites.

    Parameters
    ----------
    symmetry, coordinates, basis
        As for `resolved_peaks`.

    Yields
    ------
    inverse : numpy.ndarray
        (3, 3) int64: h goes to ``h @ inverse``.
    image : numpy.ndarray
        (n_basis,) int64: the basis site to which each goes.
    """
    first = coordinates[[int(np.argmax(basis == b)) for b in range(int(basis.max()) + 1)]]
    for rotation, translation in zip(symmetry.rotations, symmetry.translations, strict=True):
        inverse = np.rint(np.linalg.inv(rotation)).astype(np.int64)
        yield inverse, basis[nearest(first @ rotation.T + translation, coordinates)[0]]


def _find(reflections: Reflections, images: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Row of each row's image or the image's opposite, on the same spectral line, and whether there is one.

    An image leaves the list only where the lattice has its symmetry within a tolerance: at the ends of the
    range.
    """
    h, k, l = images.T  # noqa: E741
    negative = (h < 0) | ((h == 0) & ((k < 0) | ((k == 0) & (l < 0))))
    images = np.where(negative[:, None], -images, images)
    hkl = reflections.hkl
    side = 2 * max(int(np.abs(hkl).max()), int(np.abs(images).max())) + 1
    digits = np.array([side * side, side, 1])
    codes, wanted = (rows @ digits + reflections.line * side**3 for rows in (hkl, images))
    order = np.argsort(codes)
    row = order[np.minimum(np.searchsorted(codes, wanted, sorter=order), len(codes) - 1)]
    return row, codes[row] == wanted
