"""A block of configurations: rows of codes with multiplicities, and structures made from them on demand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from matganip.configurations import codec, notebook
from matganip.configurations.composition import VACANCY, element_of
from matganip.configurations.species import occupant_of, symbol_of
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure

    from matganip.configurations.point_groups import PointGroups
    from matganip.configurations.space import ConfigurationSpace
    from matganip.configurations.space_groups import SpaceGroups


@dataclass(frozen=True)
class ConfigurationBatch:
    """Orbits of a configuration space, each by its representative.

    Attributes
    ----------
    space : ConfigurationSpace
        The space that the codes belong to.
    occupations : (n, n_sites) uint8
        Codes into ``space.species``, one column for each of ``space.site_indices``.
    multiplicity : (n,) int64
        Number of configurations in each orbit.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
    >>> batch = next(space.orbits())
    >>> len(batch), int(batch.multiplicity.sum())
    (6, 70)
    >>> next(batch.structures()).composition.reduced_formula
    'Cs2SnPbI6'
    """

    space: ConfigurationSpace = field(repr=False)
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.occupations)

    def __getitem__(self, rows: int | slice | NDArray[Any] | Sequence[int]) -> Self:
        """Take some of the orbits.

        Parameters
        ----------
        rows : int, slice, (m,) array of int, or (n,) array of bool
            As numpy takes them; one number gives a batch of one row.

        Returns
        -------
        ConfigurationBatch

        Raises
        ------
        IndexError
            If there is no such row.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
        >>> batch = next(space.orbits())
        >>> len(batch[:5]), len(batch[[2, 7]]), len(batch[batch.multiplicity > 100])
        (5, 2, 6)
        """
        taken = np.arange(len(self))[rows].reshape(-1)
        return replace(
            self,
            occupations=np.ascontiguousarray(self.occupations[taken]),
            multiplicity=np.ascontiguousarray(self.multiplicity[taken]),
        )

    def distinct(self) -> Self:
        """Remove repeated orbits, as a random sample has them; the order of first appearance is kept."""
        _, first = np.unique(self.occupations, axis=0, return_index=True)
        return self[np.sort(first)]

    def structures(self) -> Iterator[Structure]:
        """Iterate over the representatives as structures.

        Yields
        ------
        pymatgen.core.Structure
            The supercell with its sites occupied; vacant sites are left out.
        """
        for row in self.occupations:
            yield self.space.structure(row)

    def atoms(self) -> Iterator[Atoms]:
        """Iterate over the representatives as ASE Atoms.

        Yields
        ------
        ase.Atoms
            With the atoms in the order of `structures`; where two states of an element share a sublattice, with the
            array ``oxi_states``, which pymatgen's adaptor reads.
        """
        from ase import Atoms

        if self.space.molecular:
            from pymatgen.io.ase import AseAtomsAdaptor

            for structure in self.structures():
                yield AseAtomsAdaptor.get_atoms(structure, msonable=False)
            return
        frame = self.space.supercell_structure
        stated = any(name[-1] in "+-" for species in self.space.species for name in species)
        for numbers, row in zip(self.atomic_numbers(), self.occupations, strict=True):
            present = numbers > 0
            atoms = Atoms(
                numbers=numbers[present],
                scaled_positions=frame.frac_coords[present],
                cell=frame.lattice.matrix,
                pbc=True,
            )
            if stated:
                states = [occupant_of(specie).state for specie in self.space.structure(row).species]
                atoms.arrays["oxi_states"] = np.array([0.0 if state is None else state for state in states])
            yield atoms

    def atomic_numbers(self) -> NDArray[np.uint8]:
        """Give the element on every site of the supercell, substituted or not.

        Returns
        -------
        (n, n_atoms) uint8
            Atomic numbers, columns in the order of ``space.supercell_structure``; 0 is a vacancy.

        Raises
        ------
        InputError
            If molecular cations are among the species.
        """
        space = self.space
        if space.molecular:
            raise InputError("molecular cations have no atomic number; take structures() or atoms()")
        frame = space.supercell_structure
        host = [Element(element_of(frame, site)).Z for site in range(len(frame))]
        numbers = np.tile(np.array(host, dtype=np.uint8), (len(self), 1))
        for sublattice, species in enumerate(space.species):
            columns = np.flatnonzero(space.sublattices == sublattice)
            of_code = np.array([0 if name == VACANCY else Element(symbol_of(name)).Z for name in species], np.uint8)
            numbers[:, space.site_indices[columns]] = of_code[self.occupations[:, columns]]
        return numbers

    def orbit_keys(self) -> list[str]:
        """Names of the orbits by which they can be found again: the key of the space, and the representative's codes.

        Returns
        -------
        list of str
            ``"41c8f0de9b1f2a37:000111..."``.
        """
        return [f"{self.space.key}:{text}" for text in codec.occupation_texts(self.occupations)]

    def _repr_html_(self) -> str:
        return notebook.batch_html(self)

    def point_groups(self) -> PointGroups:
        """Point group of each arrangement in its supercell.

        These are the rotations (proper and improper) of the parent's operations that keep the supercell's lattice and
        map the arrangement, a periodic crystal, onto itself. Where the arrangement is that of a smaller cell of higher
        symmetry than the supercell's, or has a symmetry that the parent has not, the crystal's own point group, which
        `space_groups` implies, is larger.

        Returns
        -------
        PointGroups
            Order times translations is the number of operations in the stabilizer,
            ``space.symmetry.n_operations / multiplicity``.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 1}})
        >>> next(space.orbits()).point_groups().labels
        ['D4h (4/mmm)']
        """
        from matganip.configurations.point_groups import point_groups

        return point_groups(self.space, self.occupations)

    def cluster_point_groups(self) -> PointGroups:
        """Point group of each arrangement as a finite figure: the occupied substituted sites of *one* cell.

        The figure is the set of substituted sites with fractional coordinates in [0, 1), as points in space without
        periodic images, together with the species on them. Its point group consists of the rotations of the parent
        about the centroid of the sites that map it onto itself. For the eight B sites of a 2x2x2 perovskite the figure
        is a cube, and four of its vertices have one of the names Td, C3v, C4v, D2h, Cs, C2.

        All members of an orbit have the same name only if every site permutation of the crystal is a rotation of the
        bare figure; otherwise none is given.

        Returns
        -------
        PointGroups
            `translations` is 1 throughout.

        Raises
        ------
        InputError
            If the substituted sites are no such figure.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
        >>> batch = next(space.orbits())
        >>> names = batch.cluster_point_groups().schoenflies.tolist()
        >>> for name, label, multiplicity in zip(names, batch.space_groups().labels, batch.multiplicity):
        ...     print(f"{name:3} {label:14} {multiplicity:2}")
        C4v P4/mmm (123)    6
        C3v Pm-3m (221)     8
        C2  P4_2/mmc (131) 24
        Cs  P4/mmm (123)   24
        D2h P4/mmm (123)    6
        Td  Fm-3m (225)     2
        """
        from matganip.configurations.point_groups import cluster_point_groups

        return cluster_point_groups(self.space, self.occupations)

    def space_groups(self, symprec: float = 0.01) -> SpaceGroups:
        """Space group of each arrangement as a periodic crystal, found by spglib: about a millisecond each.

        Parameters
        ----------
        symprec : float
            Distance in angstrom within which positions count as equal.

        Returns
        -------
        SpaceGroups

        Raises
        ------
        InputError
            If spglib finds none at this tolerance; the message names the row.
        """
        from matganip.configurations.space_groups import space_groups

        return space_groups(self, symprec)

    def write(self, path: str | os.PathLike[str], fmt: str | None = None) -> int:
        """Write the arrangements: Parquet, extended XYZ, or CIF or POSCAR files in a folder or an archive.

        Parameters
        ----------
        path : path-like
            Where to; what it may be, and streams of batches: `matganip.configurations.io.writers.open_writer`.
        fmt : {"parquet", "extxyz", "cif", "poscar"}, optional
            By default that of the path's suffix.

        Returns
        -------
        int
            How many were written.
        """
        from matganip.configurations.io.writers import write

        return write(path, self.space, [self], fmt)


def concatenate(batches: Iterable[ConfigurationBatch]) -> ConfigurationBatch:
    """Concatenate batches of one space.

    Parameters
    ----------
    batches : iterable of ConfigurationBatch
        One or more, ``space.orbits()`` for instance: all of them are held.

    Returns
    -------
    ConfigurationBatch

    Raises
    ------
    InputError
        If there is no batch, or they belong to several spaces.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> len(concatenate(space.orbits(batch_size=100)))
    603
    """
    found = list(batches)
    if not found:
        raise InputError("there is no arrangement: no batch, or none that keeps the distances asked for")
    space = found[0].space
    if any(batch.space is not space and batch.space.key != space.key for batch in found):
        raise InputError("the batches are of several spaces; take those of one")
    return ConfigurationBatch(
        space,
        np.concatenate([batch.occupations for batch in found]),
        np.concatenate([batch.multiplicity for batch in found]),
    )


def locate(occupations: NDArray[np.uint8], among: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find rows among others.

    Parameters
    ----------
    occupations : (m, n_sites) uint8 ndarray
        Canonical representatives to look for.
    among : (n, n_sites) uint8 ndarray
        Distinct rows, in any order.

    Returns
    -------
    (m,) int64 ndarray
        Index of each row in `among`, -1 for rows that are not there.

    Examples
    --------
    >>> rows = np.array([[0, 1], [1, 0], [1, 1]], dtype=np.uint8)
    >>> locate(rows[[2, 0]], rows), locate(rows[[1]], rows[[0]])
    (array([2, 0]), array([-1]))
    """
    if not len(among):
        return np.full(len(occupations), -1, dtype=np.int64)
    wanted, known = _as_bytes(occupations), _as_bytes(among)
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known[order], wanted), len(known) - 1)
    found: NDArray[np.int64] = order[place]
    return np.where(known[found] == wanted, found, -1)


def _as_bytes(occupations: NDArray[np.uint8]) -> NDArray[np.void]:
    """Each row as one value that sorts and compares as its bytes do."""
    rows = np.ascontiguousarray(occupations)
    return rows.view(f"V{rows.shape[1]}").ravel()
