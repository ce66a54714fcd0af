"""The symmetry of a supercell: the parent's operations that it keeps, and how they permute its sites."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import spglib
from numpy.typing import NDArray

from matganip import _core
from matganip.errors import InputError

SMALL = 200
"""Sites up to which each is compared with each: a short command then never waits for scipy."""


@dataclass(frozen=True)
class SupercellSymmetry:
    """Symmetry operations of the parent crystal that map a supercell's lattice onto itself.

    Everything is in fractional coordinates of the supercell. An operation takes the column vector x to
    ``W x + w + p`` with ``(W, w)`` a row of `rotations` and `translations` and ``p`` one of `lattice_points`.

    Attributes
    ----------
    lattice_points : (n_cells, 3) float64
        Translations of the parent's primitive lattice inside the supercell; the first is zero.
    rotations : (n_rotations, 3, 3) int64
        Rotation parts W.
    translations : (n_rotations, 3) float64
        Translation parts w, in [0, 1).
    """

    lattice_points: NDArray[np.float64]
    rotations: NDArray[np.int64]
    translations: NDArray[np.float64]

    @property
    def n_operations(self) -> int:
        """Number of operations modulo the supercell's own lattice."""
        return len(self.lattice_points) * len(self.rotations)

    @property
    def digest(self) -> str:
        """SHA-256 of the rotations and translations, whatever their order."""
        operations = np.hstack([self.rotations.reshape(-1, 9), np.round(self.translations, 3) % 1.0])
        return hashlib.sha256(np.unique(operations, axis=0).astype("<f8").tobytes()).hexdigest()

    def on_superlattice(self, matrix: NDArray[np.int64]) -> SupercellSymmetry:
        """The part of a primitive cell's symmetry that a superlattice keeps; this must be that of a primitive cell.

        Parameters
        ----------
        matrix : (3, 3) int64
            Rows are the superlattice's vectors in units of the primitive cell's.

        Returns
        -------
        SupercellSymmetry
        """
        # x_primitive = matrix^T x_supercell, hence W_s = (matrix^T)^-1 W matrix^T.
        inverse = np.linalg.inv(matrix.T)
        conjugated = inverse @ self.rotations @ matrix.T
        whole = np.rint(conjugated).astype(np.int64)
        keeps_lattice = np.all(np.abs(conjugated - whole) < 1e-6, axis=(1, 2))
        return SupercellSymmetry(
            lattice_points=_into_cell(points_modulo(matrix) @ np.linalg.inv(matrix)),
            rotations=whole[keeps_lattice],
            translations=_into_cell((self.translations @ inverse.T)[keeps_lattice]),
        )


@dataclass(frozen=True, eq=False)
class PrimitiveCell:
    """The primitive cell of a parent crystal, and all its operations.

    Attributes
    ----------
    basis : (3, 3) float64
        Rows are its vectors in units of the parent's.
    symmetry : SupercellSymmetry
        In its fractional coordinates.
    """

    basis: NDArray[np.float64]
    symmetry: SupercellSymmetry

    def vectors_of(self, matrix: NDArray[np.int64]) -> NDArray[np.int64]:
        """(3, 3) int64: rows of a supercell, in units of the primitive vectors instead of the parent's."""
        return np.rint(matrix @ np.linalg.inv(self.basis)).astype(np.int64)


def find_primitive_cell(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], colours: NDArray[np.int64], symprec: float
) -> PrimitiveCell:
    """Find the primitive cell of a parent crystal and its operations.

    The operations that a supercell keeps follow by integer algebra (`SupercellSymmetry.on_superlattice`), so that a
    parent given as an expanded cell has the same symmetry as its primitive cell.

    Parameters
    ----------
    lattice : (3, 3) float64
        Rows are the parent's lattice vectors in angstrom.
    positions : (n, 3) float64
        Fractional coordinates of the parent's sites.
    colours : (n,) int64
        Sites with different numbers are never equivalent.
    symprec : float
        Distance in angstrom within which positions count as equal.

    Returns
    -------
    PrimitiveCell

    Raises
    ------
    InputError
        If no symmetry is found, or the operations found do not form a group; both depend on `symprec`.
    """
    basis = _primitive_basis(lattice, positions, colours, symprec)
    rotations, translations = _operations_of_primitive_cell(lattice, positions, colours, basis, symprec)
    return PrimitiveCell(basis, SupercellSymmetry(np.zeros((1, 3)), rotations, translations))


def find_symmetry(
    lattice: NDArray[np.float64],
    positions: NDArray[np.float64],
    colours: NDArray[np.int64],
    matrix: NDArray[np.int64],
    symprec: float,
) -> SupercellSymmetry:
    """Find the operations of a parent crystal that a supercell of it keeps.

    Parameters
    ----------
    lattice, positions, colours, symprec
        As for `find_primitive_cell`.
    matrix : (3, 3) int64
        Rows are the supercell's vectors in units of the parent's.

    Returns
    -------
    SupercellSymmetry

    Raises
    ------
    InputError
        As `find_primitive_cell`.
    """
    cell = find_primitive_cell(lattice, positions, colours, symprec)
    return cell.symmetry.on_superlattice(cell.vectors_of(matrix))


def site_permutations(
    symmetry: SupercellSymmetry,
    lattice: NDArray[np.float64],
    positions: NDArray[np.float64],
    symprec: float,
) -> NDArray[np.uint16]:
    """Permutations of some sites of the supercell by its operations, each distinct one once.

    Parameters
    ----------
    symmetry : SupercellSymmetry
        Operations that map the sites onto themselves.
    lattice : (3, 3) float64
        Rows are the supercell's vectors in angstrom.
    positions : (n_sites, 3) float64
        Fractional coordinates of the sites in the supercell.
    symprec : float
        Largest distance between an image and a site, in angstrom.

    Returns
    -------
    (n_ops, n_sites) uint16
        Entry [g, i] is the site to which operation g takes site i. Rows are in lexicographic order, the identity first.

    Raises
    ------
    InputError
        If an image is not a site, or the permutations do not close into a group of the expected size.
    """
    # The translations and one operation of each rotation generate the whole group.
    generators = np.concatenate(factor_permutations(symmetry, lattice, positions, symprec))
    try:
        return _core.close_group(np.unique(generators, axis=0), max_order=symmetry.n_operations)
    except ValueError as error:
        raise InputError(
            f"symprec={symprec:g}: {error}; the symmetry operations found at this tolerance contradict each other, "
            "give a smaller one"
        ) from error


def factor_permutations(
    symmetry: SupercellSymmetry,
    lattice: NDArray[np.float64],
    positions: NDArray[np.float64],
    symprec: float,
) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """Permutations of some sites by the translations and by one operation of each rotation.

    Every operation is one of the second followed by one of the first.

    Parameters
    ----------
    symmetry, lattice, positions, symprec
        As for `site_permutations`.

    Returns
    -------
    translations : (n_cells, n_sites) uint16
        Row k for ``symmetry.lattice_points[k]``.
    rotations : (n_rotations, n_sites) uint16
        Row k for ``symmetry.rotations[k]`` with ``symmetry.translations[k]``.

    Raises
    ------
    InputError
        If an image is not a site.
    """
    nearest = _nearest_of(positions)
    translated = [positions + point for point in symmetry.lattice_points]
    rotated = [positions @ w.T + t for w, t in zip(symmetry.rotations, symmetry.translations, strict=True)]
    return (
        np.stack([_match(nearest, lattice, positions, image, symprec) for image in translated]),
        np.stack([_match(nearest, lattice, positions, image, symprec) for image in rotated]),
    )


def _nearest_of(positions: NDArray[np.float64]) -> Callable[[NDArray[np.float64]], NDArray[np.int64]]:
    """What finds the nearest site, by fractional coordinates, of each image."""
    sites = _into_cell(positions)
    if len(sites) > SMALL:
        from scipy.spatial import cKDTree

        tree = cKDTree(sites, boxsize=1.0)
        return lambda images: np.asarray(tree.query(_into_cell(images))[1])

    def compared(images: NDArray[np.float64]) -> NDArray[np.int64]:
        apart = _into_cell(images)[:, np.newaxis] - sites
        apart -= np.rint(apart)
        return np.asarray((apart**2).sum(axis=2).argmin(axis=1))

    return compared


def _match(
    nearest_of: Callable[[NDArray[np.float64]], NDArray[np.int64]],
    lattice: NDArray[np.float64],
    positions: NDArray[np.float64],
    images: NDArray[np.float64],
    symprec: float,
) -> NDArray[np.uint16]:
    """Which site each image falls on."""
    nearest = nearest_of(images)
    difference = images - positions[nearest]
    distance = np.linalg.norm((difference - np.rint(difference)) @ lattice, axis=1)
    # Positions may be off by symprec before and after the operation.
    if distance.max() > 3 * symprec or len(np.unique(nearest)) < len(nearest):
        raise InputError(
            f"symprec={symprec:g}: an operation does not map the substituted sites onto themselves (off by "
            f"{distance.max():.3g} angstrom); give another tolerance"
        )
    return np.asarray(nearest, dtype=np.uint16)


def _primitive_basis(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], colours: NDArray[np.int64], symprec: float
) -> NDArray[np.float64]:
    """Rows: a basis of all translations that map the crystal onto itself, in units of the given lattice vectors."""
    rotations, translations = _spglib_operations(lattice, positions, colours, symprec)
    pure = translations[np.all(rotations == np.eye(3, dtype=int), axis=(1, 2))]
    # The n pure translations modulo the lattice form a group of order n, so n times each is a lattice vector.
    n = len(pure)
    rows = np.vstack([n * np.eye(3, dtype=np.int64), np.rint(n * pure).astype(np.int64)])
    return _row_echelon(rows) / n


def _operations_of_primitive_cell(
    lattice: NDArray[np.float64],
    positions: NDArray[np.float64],
    colours: NDArray[np.int64],
    basis: NDArray[np.float64],
    symprec: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    primitive_lattice = basis @ lattice
    all_positions = _into_cell(positions @ np.linalg.inv(basis))
    kept: list[int] = []
    for i, position in enumerate(all_positions):
        difference = all_positions[kept] - position
        distance = np.linalg.norm((difference - np.rint(difference)) @ primitive_lattice, axis=1)
        if not np.any((distance < 2 * symprec) & (colours[kept] == colours[i])):
            kept.append(i)
    return _spglib_operations(primitive_lattice, all_positions[kept], colours[kept], symprec)


def _spglib_operations(
    lattice: NDArray[np.float64], positions: NDArray[np.float64], colours: NDArray[np.int64], symprec: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return _operations_of_cell(_nested(lattice), _nested(positions), tuple(colours.tolist()), symprec)


@lru_cache(maxsize=64)  # the supercells of one parent all ask the same, and spglib takes ten milliseconds
def _operations_of_cell(
    lattice: tuple[tuple[float, ...], ...],
    positions: tuple[tuple[float, ...], ...],
    colours: tuple[int, ...],
    symprec: float,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    try:
        found = spglib.get_symmetry((lattice, positions, colours), symprec=symprec)
    except spglib.SpglibError as error:
        raise InputError(f"symprec={symprec:g}: no symmetry found ({error}); give another tolerance") from error
    if found is None:
        raise InputError(f"symprec={symprec:g}: no symmetry found; give another tolerance")
    rotations, translations = found["rotations"].astype(np.int64), found["translations"].astype(np.float64)
    for shared in (rotations, translations):
        shared.setflags(write=False)
    return rotations, translations


def _nested(rows: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, rows.tolist()))


def _row_echelon(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Upper triangular basis (Hermite normal form up to signs) of the lattice that integer rows span."""
    left = [[int(entry) for entry in row] for row in rows]
    basis = []
    for column in range(3):
        while True:
            nonzero = [row for row in left if row[column] != 0]
            pivot = min(nonzero, key=lambda row: abs(row[column]))
            if len(nonzero) == 1:
                break
            for row in nonzero:
                if row is not pivot:
                    quotient = row[column] // pivot[column]
                    row[:] = [a - quotient * b for a, b in zip(row, pivot, strict=True)]
        left = [row for row in left if row is not pivot]
        basis.append(pivot if pivot[column] > 0 else [-entry for entry in pivot])
    return np.array(basis, dtype=np.int64)


def points_modulo(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
    """Integer vectors, one for each class modulo the lattice that the rows of ``matrix`` span; zero first."""
    a, b, c = np.diag(_row_echelon(matrix))
    return np.array(list(np.ndindex(int(a), int(b), int(c))), dtype=np.int64)


def _into_cell(positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates modulo 1; values within a rounding error of 1 become 0."""
    wrapped = positions - np.floor(positions)
    wrapped[wrapped > 1 - 1e-9] = 0.0
    return wrapped
