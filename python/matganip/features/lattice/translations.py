"""The translations that a supercell still has as a lattice, and the waves that they carry.

Each atom of the undoped supercell is ``x = x_b + R``: a basis site b of the parent's primitive cell, and a
lattice translation R. A structure factor then needs the arrangement only through ``exp(2 pi i h.R)``, which
depends on h modulo the parent's reciprocal lattice: on one of as many q as the supercell has cells. R and q
are kept as integers, in units of 1 / n_cells, so that no rounding decides which q a reflection has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Fractional coordinates. A translation under which an atom misses its image by more is one of the symmetry
# within symprec, but not of these coordinates; phases computed with it would show in the intensities.
EXACT = 1e-9


@dataclass(frozen=True, eq=False)
class BasisSites:
    """Atoms of a supercell by basis site and lattice translation.

    Attributes
    ----------
    n_cells : int
        Primitive cells of the parent in the supercell.
    of_atom : numpy.ndarray
        (n_atoms,) int64, the basis site of each atom, numbered as they first occur.
    origin : numpy.ndarray
        (n_basis, 3) float64, fractional coordinates of each basis site's first atom.
    translation : numpy.ndarray
        (n_atoms, 3) int64, ``n_cells`` times the translation from that first atom, fractional coordinates.
    primitive : numpy.ndarray
        (3, 3) int64, rows span the translations (in the same unit).
    """

    n_cells: int
    of_atom: NDArray[np.int64]
    origin: NDArray[np.float64]
    translation: NDArray[np.int64]
    primitive: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Waves:
    """The q of a list of reflections, one of each pair (q, -q), and their real waves over the sites.

    Attributes
    ----------
    q : numpy.ndarray
        (n_reflections,) int64, index of the q (or -q) of each reflection.
    sign : numpy.ndarray
        (n_reflections,) +1.0 where the reflection has q, -1.0 where it has -q.
    zero : int
        The index of q = 0; -1 where no reflection has it.
    cosine, sine : numpy.ndarray
        (n_q,) int64, the column in `table` of each q's waves; sine is -1 where q and -q are one.
    table : numpy.ndarray
        (n_sites, n_waves) float64, C-contiguous: cos(2 pi q.R) and sin(2 pi q.R) at each site.
    """

    q: NDArray[np.int64]
    sign: NDArray[np.float64]
    zero: int
    cosine: NDArray[np.int64]
    sine: NDArray[np.int64]
    table: NDArray[np.float64]


def basis_sites(
    coordinates: NDArray[np.float64], kinds: NDArray[np.int64], lattice_points: NDArray[np.float64]
) -> BasisSites:
    """Sort the atoms of a supercell into basis sites of the parent's primitive cell.

    Parameters
    ----------
    coordinates : numpy.ndarray
        (n_atoms, 3) fractional coordinates in the supercell.
    kinds : numpy.ndarray
        (n_atoms,) equal where the same may stand on two atoms: atoms of different kinds never share a basis
        site.
    lattice_points : numpy.ndarray
        (n_cells, 3) translations of the parent inside the supercell, fractional. Those that map the atoms
        onto one another within the tolerance of a symmetry search only, not exactly, are not used.

    Returns
    -------
    BasisSites
    """
    sites = _sort_atoms(coordinates, kinds, lattice_points)
    if (np.bincount(sites.of_atom) == sites.n_cells).all():
        return sites
    rational = np.rint(lattice_points * len(lattice_points)) / len(lattice_points)
    return _sort_atoms(coordinates, kinds, _exact_subgroup(coordinates, kinds, rational))


def waves(sites: BasisSites, hkl: NDArray[np.int64], columns: NDArray[np.int64]) -> Waves:
    """Sort reflections by q, and tabulate the waves of each q.

    Parameters
    ----------
    sites : BasisSites
    hkl : numpy.ndarray
        (n_reflections, 3) int64, indices of the supercell.
    columns : numpy.ndarray
        (n_sites,) the atoms over which the waves are wanted.

    Returns
    -------
    Waves
    """
    n = sites.n_cells
    digits = np.array([n * n, n, 1])
    residue = hkl @ sites.primitive.T % n  # of h.R over three R that span all: it is q
    code, opposite = residue @ digits, -residue % n @ digits
    sign = np.where(code <= opposite, 1.0, -1.0)
    codes, first, q = np.unique(np.minimum(code, opposite), return_index=True, return_inverse=True)

    two_sided = code[first] != opposite[first]
    cosine = np.arange(len(codes)) + np.concatenate([[0], np.cumsum(two_sided)[:-1]])
    sine = np.where(two_sided, cosine + 1, -1)
    steps = sign[first, None].astype(np.int64) * hkl[first] @ sites.translation[columns].T % n
    angle = 2 * np.pi / n * steps.T
    table = np.empty((len(columns), len(codes) + int(two_sided.sum())))
    table[:, cosine] = np.cos(angle)
    table[:, sine[two_sided]] = np.sin(angle[:, two_sided])
    zero = int(np.flatnonzero(codes == 0)[0]) if codes[0] == 0 else -1
    return Waves(q.reshape(-1), sign, zero, cosine, sine, table)


def nearest(points: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Index of the target nearest to each point modulo whole cells, and by how much a coordinate differs.

    Parameters
    ----------
    points, targets : numpy.ndarray
        (n, 3) and (m, 3) fractional coordinates.

    Returns
    -------
    index : numpy.ndarray
        (n,) int64.
    misfit : numpy.ndarray
        (n,) float64.
    """
    difference = points[:, None] - targets[None]
    misfit = np.abs(difference - np.rint(difference)).max(axis=2)
    index = misfit.argmin(axis=1)
    return index, misfit[np.arange(len(points)), index]


def _sort_atoms(
    coordinates: NDArray[np.float64], kinds: NDArray[np.int64], lattice_points: NDArray[np.float64]
) -> BasisSites:
    n_cells = len(lattice_points)
    points = np.rint(lattice_points * n_cells).astype(np.int64)
    primitive = _row_basis(np.vstack([points, n_cells * np.eye(3, dtype=np.int64)]))
    to_primitive = np.linalg.inv(primitive / n_cells)
    of_atom = np.full(len(coordinates), -1, dtype=np.int64)
    translation = np.zeros((len(coordinates), 3), dtype=np.int64)
    first: list[int] = []
    while (of_atom < 0).any():
        start = int(np.argmin(of_atom))
        difference = coordinates - coordinates[start]
        cells = np.rint(difference @ to_primitive).astype(np.int64) @ primitive
        misfit = np.abs(difference - cells / n_cells).max(axis=1)
        members = np.flatnonzero((of_atom < 0) & (kinds == kinds[start]) & (misfit < EXACT))
        of_atom[members] = len(first)
        translation[members] = cells[members]
        first.append(start)
    return BasisSites(n_cells, of_atom, coordinates[first], translation, primitive)


def _exact_subgroup(
    coordinates: NDArray[np.float64], kinds: NDArray[np.int64], lattice_points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The translations that map each atom onto one of its kind to within rounding."""

    def is_exact(point: NDArray[np.float64]) -> bool:
        alike = (np.flatnonzero(kinds == kind) for kind in np.unique(kinds))
        return all(nearest(coordinates[rows] + point, coordinates[rows])[1].max() < EXACT / 2 for rows in alike)

    return lattice_points[[is_exact(point) for point in lattice_points]]


def _row_basis(vectors: NDArray[np.int64]) -> NDArray[np.int64]:
    """Three rows that span what the given ones do over the integers: Euclid's algorithm by columns."""
    rows, basis = vectors.copy(), []
    for column in range(3):
        while np.count_nonzero(rows[:, column]) > 1:
            entries = np.abs(rows[:, column])
            pivot = int(np.where(entries == 0, entries.max() + 1, entries).argmin())
            quotient = rows[:, column] // rows[pivot, column]
            quotient[pivot] = 0
            rows -= quotient[:, None] * rows[pivot]
        last = int(np.flatnonzero(rows[:, column])[0])
        basis.append(rows[last])
        rows = np.delete(rows, last, axis=0)
    return np.array(basis)
