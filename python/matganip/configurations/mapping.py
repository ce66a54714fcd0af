r"""Structures in any cell onto the sites of a parent lattice: which supercell, which species on which site.

A structure comes in any setting, orientation and origin, strained and with its atoms moved. Its reduced cell is matched
with vectors of the parent's primitive lattice, scaled to the structure's volume; what is left of the difference is its
strain. Fractional coordinates carry the atoms over, so that the strain is gone; the origin is the one that leaves the
least displacement, of which the mean, the drift, is taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.configurations.composition import VACANCY, element_of
from matganip.configurations.lattice_points import CellCodes, distinct_points
from matganip.crystal.structures import read_structure
from matganip.errors import InputError

if TYPE_CHECKING:
    import os

    from ase import Atoms
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]
_Filled = tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]
"""Basis and cell of every site of a supercell, and what is on it."""
STRAIN, DISTANCE = 0.1, 1.0
"""Largest strain of a cell beside a change of volume, and largest displacement of an atom, angstrom, by default."""
_SETTINGS = 60
"""Tried settings of a cell."""


@dataclass(frozen=True, eq=False)
class MappedStructure:
    """A structure on the sites of a parent lattice.

    Attributes
    ----------
    vectors : (3, 3) int64 ndarray
        Rows are its cell in units of the parent's primitive vectors.
    basis, cell : (n,), (n, 3) int64 ndarrays
        Basis site and primitive cell of every site, vacant ones included; substituted sites first.
    species : tuple of str
        What is on each; ``"vac"`` where nothing is.
    n_atoms : int
    strain : float
        Largest principal strain of the cell, beside the change of volume.
    displacements : (n_atoms,) float64 ndarray
        Distance of each atom from its site after strain and drift are taken away, in angstrom of the parent.
    """

    vectors: NDArray[np.int64]
    basis: NDArray[np.int64]
    cell: NDArray[np.int64]
    species: tuple[str, ...]
    n_atoms: int
    strain: float
    displacements: Floats

    @property
    def displacement(self) -> float:
        """The largest of the displacements."""
        return float(self.displacements.max())

    @property
    def n_cells(self) -> int:
        """Primitive cells of the parent."""
        return abs(round(float(np.linalg.det(self.vectors))))


class ParentLattice:
    """The sites of a parent crystal's primitive cell, and what may be on each.

    Parameters
    ----------
    space : ConfigurationSpace
        Of any supercell and composition: its parent, and the species of each sublattice, count.

    Examples
    --------
    >>> import matganip as mg
    >>> from pymatgen.core import Lattice, Structure
    >>> fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Ag"], [[0, 0, 0]])
    >>> lattice = ParentLattice(mg.ConfigurationSpace(fcc, (1, 1, 1), {"Ag": {"Pd": 0}}))
    >>> found = lattice.map(Structure(Lattice.tetragonal(2.8, 3.9), ["Ag", "Pd"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    >>> found.n_cells, sorted(found.species)
    (2, ['Ag', 'Pd'])
    """

    def __init__(self, space: ConfigurationSpace) -> None:
        cell = space.primitive_cell
        self.space = space
        self.vectors: Floats = cell.basis @ np.array(space.parent.lattice.matrix)
        """(3, 3): rows are the primitive vectors, angstrom."""
        to_primitive = np.linalg.inv(cell.basis)
        owner = {site: one for one in space.sublattice_table for site in one.parent_sites}
        sites = np.array([*owner, *(site for site in range(len(space.parent)) if site not in owner)])
        points = np.array(space.parent.frac_coords)[sites] @ to_primitive
        kept = distinct_points(points, Lattice(self.vectors), 2 * space.symprec)
        self.positions: Floats = points[kept]
        """(n_basis, 3): fractional coordinates of the basis sites, substituted ones first."""
        self.allowed = tuple(
            set(owner[site].species) if site in owner else {element_of(space.parent, site)}
            for site in sites[kept].tolist()
        )
        """What may be on each basis site."""

    def map(
        self,
        structure: Structure | Atoms | str | os.PathLike[str],
        *,
        strain: float = STRAIN,
        distance: float = DISTANCE,
    ) -> MappedStructure:
        """Find a structure's cell and sites.

        Parameters
        ----------
        structure : Structure, ase.Atoms or path
        strain : float
            Largest principal strain of its cell that is accepted, beside a change of volume.
        distance : float
            Largest displacement of an atom from its site that is accepted, angstrom.

        Returns
        -------
        MappedStructure

        Raises
        ------
        InputError
            Says what does not fit: the number of atoms, the cell, or which atom.
        """
        given = read_structure(structure)
        symbols = [element_of(given, i) for i in range(len(given))]
        unknown = sorted(set(symbols) - {name for one in self.allowed for name in one})
        if unknown:
            raise InputError(f"holds {unknown[0]}, which is on no site of the parent")
        reduced = np.array(given.lattice.get_lll_reduced_lattice().matrix)
        if np.linalg.det(reduced) < 0:
            reduced = -reduced
        n_cells = self._number_of_cells(symbols, abs(float(np.linalg.det(reduced))))
        best: MappedStructure | None = None
        closest = (np.inf, "")
        points = np.array(given.cart_coords) @ np.linalg.inv(reduced)
        for vectors, found_strain in self._cells(reduced, n_cells, strain):
            found, off, atom = self._sites(points @ vectors, vectors, symbols)
            if found is None:
                closest = min(closest, (off, atom))
                continue
            (basis, cell, species), moved = found
            if off <= distance and (best is None or off < best.displacement):
                best = MappedStructure(vectors, basis, cell, species, len(given), found_strain, moved)
            closest = min(closest, (off, atom))
            if best is not None and best.displacement < 0.05:
                break
        if best is not None:
            return best
        if not closest[1]:
            raise InputError(f"its cell is no supercell of {n_cells} parent cells within a strain of {strain:g}")
        raise InputError(f"{closest[1]} does not fit the parent's sites within {distance:g} angstrom")

    def _number_of_cells(self, symbols: list[str], volume: float) -> int:
        """Primitive cells, from the atoms that cannot be missing, or from the volume where all can."""
        fixed = [one for one in self.allowed if VACANCY not in one]
        missing = {name for one in self.allowed if VACANCY in one for name in one}
        always = {name for one in fixed for name in one} - missing
        if fixed and all(one <= always for one in fixed):
            n, rest = divmod(sum(symbol in always for symbol in symbols), len(fixed))
            if rest or not n:
                raise InputError(f"{len(symbols)} atoms make no whole number of parent cells of {len(fixed)} sites")
            return n
        return max(1, round(volume / abs(float(np.linalg.det(self.vectors)))))

    def _cells(self, reduced: Floats, n_cells: int, strain: float) -> list[tuple[NDArray[np.int64], float]]:
        """Supercells that the reduced cell may be, with the strain of each, the least first."""
        scale = (abs(float(np.linalg.det(reduced))) / (n_cells * abs(float(np.linalg.det(self.vectors))))) ** (1 / 3)
        primitive = scale * self.vectors
        lengths = np.linalg.norm(reduced, axis=1)
        radius = float(lengths.max()) * (1.0 + strain)
        reach = np.ceil(radius * np.linalg.norm(np.linalg.inv(primitive), axis=0)).astype(int)
        grid = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, 3)
        vectors = grid @ primitive
        norms = np.linalg.norm(vectors, axis=1)
        near = [np.flatnonzero(np.abs(norms - length) <= strain * length) for length in lengths]
        wanted = reduced @ reduced.T
        limit = [[2.0 * strain * lengths[a] * lengths[b] for b in range(3)] for a in range(3)]
        inner = [[None if a == b else vectors[near[a]] @ vectors[near[b]].T for b in range(3)] for a in range(3)]
        cells = [np.empty((0, 3, 3), dtype=np.int64)]
        for i, first in enumerate(grid[near[0]]):
            second = np.flatnonzero(np.abs(inner[0][1][i] - wanted[0, 1]) <= limit[0][1])  # type: ignore[index]
            third = np.flatnonzero(np.abs(inner[0][2][i] - wanted[0, 2]) <= limit[0][2])  # type: ignore[index]
            block = inner[1][2][np.ix_(second, third)]  # type: ignore[index]
            j, k = np.nonzero(np.abs(block - wanted[1, 2]) <= limit[1][2])
            others = grid[near[1][second[j]]], grid[near[2][third[k]]]
            volume = np.cross(*others) @ first
            kept = volume * np.sign(np.linalg.det(primitive)) == n_cells
            cells.append(np.stack([np.broadcast_to(first, others[0].shape), *others], axis=1)[kept])
        found = np.concatenate(cells)
        size = _strains(found @ primitive, reduced)
        order = np.lexsort((*found.reshape(-1, 9).T[::-1], np.round(size, 6)))[:_SETTINGS]
        least = size[order[0]] if len(order) else 0.0
        # Settings that symmetry makes equal map alike; a few of those with the least strain are enough.
        return [(found[row], float(size[row])) for row in order if size[row] <= min(strain, least + 0.03)]

    def _sites(
        self, points: Floats, vectors: NDArray[np.int64], symbols: list[str]
    ) -> tuple[tuple[_Filled, Floats] | None, float, str]:
        """Sites of atoms at points (n, 3), primitive coordinates: those of the cell, and how far each atom is off."""
        rarest = min(sorted(set(symbols)), key=symbols.count)
        first = symbols.index(rarest)
        best: tuple[float, Any, str] = (np.inf, None, f"atom {first} ({rarest})")
        for basis, allowed in enumerate(self.allowed):
            if rarest not in allowed:
                continue
            moved = points + (self.positions[basis] - points[first])
            for _ in range(2):  # the drift is known once the sites are
                site, cell, off = self._nearest(moved, symbols)
                moved = moved - (moved - self.positions[site] - cell).mean(axis=0)
            site, cell, off = self._nearest(moved, symbols)
            worst = int(off.argmax())
            if off[worst] < best[0]:
                best = (float(off[worst]), (site, cell, off), f"atom {worst} ({symbols[worst]})")
        if best[1] is None:
            return None, np.inf, best[2]
        site, cell, off = best[1]
        filled = self._filled(site, cell, vectors, symbols)
        return None if filled is None else (filled, off), best[0], best[2]

    def _nearest(self, points: Floats, symbols: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Nearest basis site that may hold each atom, its cell, and the distance, angstrom of the parent."""
        difference = points[:, None] - self.positions
        cells = np.rint(difference)
        apart = np.linalg.norm((difference - cells) @ self.vectors, axis=2)
        for column, allowed in enumerate(self.allowed):
            apart[[symbol not in allowed for symbol in symbols], column] = np.inf
        site = apart.argmin(axis=1)
        row = np.arange(len(points))
        return site, cells[row, site].astype(np.int64), apart[row, site]

    def _filled(
        self, site: NDArray[np.int64], cell: NDArray[np.int64], vectors: NDArray[np.int64], symbols: list[str]
    ) -> _Filled | None:
        """Every site of the supercell with what is on it; None where two atoms share one or one must not be empty."""
        codes = CellCodes(vectors, len(self.positions))
        cells = codes.cells()
        basis = np.repeat(np.arange(len(self.positions)), len(cells))
        every = np.tile(cells, (len(self.positions), 1))
        place = {int(number): row for row, number in enumerate(codes.code(basis, every))}
        species = [VACANCY] * len(basis)
        for number, symbol in zip(codes.code(site, cell).tolist(), symbols, strict=True):
            row = place[number]
            if species[row] != VACANCY:
                return None
            species[row] = symbol
        if any(name == VACANCY and VACANCY not in self.allowed[b] for name, b in zip(species, basis, strict=True)):
            return None
        return basis, every, tuple(species)


def _strains(ideal: Floats, actual: Floats) -> Floats:
    """Largest principal strain between each of some cells (n, 3, 3) and one, whatever their orientation."""
    stretch = np.linalg.svd(np.linalg.inv(ideal) @ actual, compute_uv=False)
    strains: Floats = np.abs(stretch - 1.0).max(axis=1)
    return strains
