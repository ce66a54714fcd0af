"""The superlattices of a crystal: all shapes of a supercell of a given volume, each once up to symmetry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.configurations.symmetry import SupercellSymmetry, factor_permutations, find_symmetry
from matganip.crystal.structures import read_structure
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True, eq=False)
class Superlattice:
    """A superlattice of a primitive parent; it represents all that are equivalent under the parent's point group.

    It can be passed as a supercell: ``ConfigurationSpace(shape.parent, shape, ...)``.

    Attributes
    ----------
    parent : Structure
        The primitive cell whose vectors `matrix` is in units of.
    matrix : (3, 3) int64
        Rows are the superlattice's vectors, in Hermite normal form: upper triangular, the diagonal positive, entries
        above it not negative and smaller than it.
    volume : int
        Number of primitive cells in a cell of the superlattice: the determinant of `matrix`.
    multiplicity : int
        Number of equivalent superlattices.
    """

    parent: Structure = field(repr=False)
    matrix: NDArray[np.int64]
    volume: int
    multiplicity: int

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.matrix, dtype=dtype)


class PrimitiveCrystal(NamedTuple):
    """A primitive cell of a crystal with coloured sites.

    Attributes
    ----------
    structure : Structure
        The cell.
    sites : (n_sites,) int64
        The first site of the crystal that each of its sites represents, ascending.
    symmetry : SupercellSymmetry
        Its operations, in fractional coordinates of the cell.
    """

    structure: Structure
    sites: NDArray[np.int64]
    symmetry: SupercellSymmetry


def superlattices(
    parent: Structure | Atoms | str | os.PathLike[str],
    max_volume: int,
    min_volume: int = 1,
    symprec: float = 0.01,
) -> list[Superlattice]:
    """List the superlattices of a crystal up to a volume, one of each class under the crystal's point group.

    Every superlattice has exactly one basis in Hermite normal form, and two are the same shape if an operation of
    the crystal, of its lattice *and* its basis, takes one to the other (G. L. W. Hart, R. W. Forcade, Phys. Rev. B 77,
    224115, 2008; 80, 014120, 2009).

    Parameters
    ----------
    parent : Structure, ase.Atoms or path
        The parent crystal. Counted are the superlattices of its *primitive* lattice: a parent that is not primitive
        (a conventional fcc cell, an expanded cell) is reduced first, and volumes and matrices refer to the primitive
        cell, which each result carries as `parent`. A parent that is primitive stays as it is given.
    max_volume, min_volume : int
        Largest and smallest number of primitive cells.
    symprec : float
        Tolerance of the search for the parent's symmetry, in angstrom.

    Returns
    -------
    list of Superlattice
        By increasing volume, then by the matrix read row by row. The first of a class in this order represents it.

    Raises
    ------
    InputError
        If the volumes are invalid, or no symmetry is found.

    Examples
    --------
    >>> import matganip as mg
    >>> from pymatgen.core import Lattice, Structure
    >>> fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.05), ["Al"], [[0, 0, 0]])
    >>> shapes = mg.superlattices(fcc, max_volume=4)
    >>> [shape.volume for shape in shapes]
    [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4]
    >>> len(fcc), len(shapes[0].parent)
    (4, 1)
    """
    structure = read_structure(parent)
    names = [site.species_string for site in structure]
    primitive = primitive_crystal(structure, [names.index(name) for name in names], symprec)
    return shapes_of(primitive, max_volume, min_volume)


def shapes_of(primitive: PrimitiveCrystal, max_volume: int, min_volume: int) -> list[Superlattice]:
    """List the superlattices of a primitive cell, as `superlattices` does.

    Parameters
    ----------
    primitive : PrimitiveCrystal
        The cell and its symmetry.
    max_volume, min_volume : int
        Largest and smallest number of primitive cells.

    Returns
    -------
    list of Superlattice

    Raises
    ------
    InputError
        If the volumes are invalid.
    """
    for name, volume in (("min_volume", min_volume), ("max_volume", max_volume)):
        if isinstance(volume, bool) or not isinstance(volume, int | np.integer) or volume < 1:
            raise InputError(f"{name}: a positive whole number of primitive cells is needed, got {volume!r}")
    if min_volume > max_volume:
        raise InputError(f"min_volume={min_volume} is larger than max_volume={max_volume}")
    shapes = []
    for volume in range(min_volume, max_volume + 1):
        matrices = hermite_normal_forms(volume)
        classes = np.unique(_first_of_class(matrices, primitive.symmetry.rotations), return_counts=True)
        for first, size in zip(*classes, strict=True):
            shapes.append(Superlattice(primitive.structure, matrices[first], volume, int(size)))
    return shapes


def primitive_crystal(structure: Structure, colours: Sequence[int], symprec: float) -> PrimitiveCrystal:
    """Reduce a crystal with coloured sites to a primitive cell.

    Parameters
    ----------
    structure : Structure
        A cell of the crystal.
    colours : sequence of int
        One for each site; only operations that keep the colours count.
    symprec : float
        Distance in angstrom within which positions count as equal.

    Returns
    -------
    PrimitiveCrystal
        `structure` itself if that is primitive, otherwise one with LLL-reduced vectors in the same orientation.

    Raises
    ------
    InputError
        If no symmetry is found.
    """
    numbers = np.array(colours, dtype=np.int64) + 1
    symmetry = _symmetry(structure, numbers, symprec)
    n_cells = len(symmetry.lattice_points)
    if n_cells == 1:
        return PrimitiveCrystal(structure, np.arange(len(structure)), symmetry)
    lattice = np.array(structure.lattice.matrix)
    # n times a translation is a lattice vector, n being the number of primitive cells: whole numbers throughout.
    rows = np.vstack([n_cells * np.eye(3, dtype=np.int64), np.rint(n_cells * symmetry.lattice_points).astype(np.int64)])
    basis = hermite_normal_form(rows[np.newaxis])[0] / n_cells
    reduced = np.array(Lattice(basis @ lattice).get_lll_reduced_lattice().matrix)
    reduced *= np.sign(np.linalg.det(reduced) * np.linalg.det(lattice))
    images, _ = factor_permutations(symmetry, lattice, structure.frac_coords, symprec)
    sites = np.unique(images.min(axis=0)).astype(np.int64)
    species = [structure[int(i)].species for i in sites]
    coords = structure.cart_coords[sites]
    primitive = Structure(Lattice(reduced), species, coords, coords_are_cartesian=True, to_unit_cell=True)
    return PrimitiveCrystal(primitive, sites, _symmetry(primitive, numbers[sites], symprec))


def _symmetry(structure: Structure, colours: NDArray[np.int64], symprec: float) -> SupercellSymmetry:
    lattice, positions = np.array(structure.lattice.matrix), np.array(structure.frac_coords)
    return find_symmetry(lattice, positions, colours, np.eye(3, dtype=np.int64), symprec)


def hermite_normal_forms(volume: int) -> NDArray[np.int64]:
    """List every sublattice of index `volume` of the integer lattice, by its basis in Hermite normal form.

    Parameters
    ----------
    volume : int
        The index.

    Returns
    -------
    (n, 3, 3) int64
        Rows are vectors; ``[[a, b, c], [0, d, e], [0, 0, f]]`` with a d f = volume, b < d, c < f and e < f, in
        ascending order.

    Examples
    --------
    >>> [len(hermite_normal_forms(volume)) for volume in (1, 2, 3, 4)]
    [1, 7, 13, 35]
    """
    divisors = [a for a in range(1, volume + 1) if volume % a == 0]
    found = []
    for a, d in ((a, d) for a in divisors for d in divisors if (volume // a) % d == 0):
        f = volume // (a * d)
        b, c, e = (index.ravel() for index in np.indices((d, f, f)))
        matrices = np.zeros((len(b), 3, 3), dtype=np.int64)
        matrices[:, (0, 1, 2), (0, 1, 2)] = a, d, f
        matrices[:, 0, 1], matrices[:, 0, 2], matrices[:, 1, 2] = b, c, e
        found.append(matrices)
    every = np.concatenate(found)
    return every[np.argsort(_keys(every))]


def hermite_normal_form(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reduce integer vectors to the basis in Hermite normal form of the lattice that they span, many sets at once.

    Parameters
    ----------
    rows : (n, m, 3) int64
        For each of n lattices m >= 3 vectors that span three dimensions.

    Returns
    -------
    (n, 3, 3) int64
        As `hermite_normal_forms` lists them.

    Examples
    --------
    >>> hermite_normal_form(np.array([[[0, 1, 1], [1, 0, 1], [1, 1, 0]]])).tolist()
    [[[1, 0, 1], [0, 1, 1], [0, 0, 2]]]
    """
    rows = rows.copy()
    for column in range(3):
        pivot = rows[:, column]  # a view: Euclid's algorithm between it and each row below leaves zeros there
        for other in (rows[:, k] for k in range(column + 1, rows.shape[1])):
            while (busy := np.flatnonzero(other[:, column])).size:
                quotient = pivot[busy, column] // other[busy, column]
                remainder = pivot[busy] - quotient[:, np.newaxis] * other[busy]
                pivot[busy], other[busy] = other[busy], remainder
        pivot *= np.sign(pivot[:, column])[:, np.newaxis]
        for above in (rows[:, k] for k in range(column)):
            above -= (above[:, column] // pivot[:, column])[:, np.newaxis] * pivot
    return rows[:, :3]


def _first_of_class(matrices: NDArray[np.int64], rotations: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each superlattice the index of the first one that is equivalent to it."""
    keys = _keys(matrices)
    first = np.arange(len(matrices))
    # A lattice is its own inverse image, so that W and -W do the same.
    proper = np.unique(rotations * np.rint(np.linalg.det(rotations)).astype(np.int64)[:, None, None], axis=0)
    for rotation in proper:
        images = hermite_normal_form(matrices @ rotation.T)  # x' = W x is h' = h W^T for a row
        np.minimum(first, np.searchsorted(keys, _keys(images)), out=first)
    return first


def _keys(matrices: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for each Hermite normal form of one volume, ascending as the matrices are, row by row."""
    entries = matrices[:, (0, 0, 0, 1, 1), (0, 1, 2, 1, 2)]  # the last one follows from the volume
    base = int(matrices[:, (0, 1, 2), (0, 1, 2)].prod(axis=1).max()) + 1
    if base**5 >= 2**63:
        raise InputError(f"superlattices: volumes up to 6000 are supported, got {base - 1}")
    return entries @ base ** np.arange(4, -1, -1, dtype=np.int64)
