"""The space of arrangements of a crystal with substitutional disorder: `ConfigurationSpace`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.structure import Structure

from matganip import _core
from matganip.configurations import counting, sampling
from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.composition import (
    VACANCY,
    Sublattice,
    Substitutions,
    element_of,
    resolve_substitutions,
    supercell_matrix,
)
from matganip.configurations.cycles import multinomial
from matganip.configurations.orbits import OrbitStream
from matganip.configurations.symmetry import SupercellSymmetry, find_symmetry, site_permutations
from matganip.crystal.structures import read_structure
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms


class ConfigurationSpace:
    """All arrangements of given species on given sublattices of a supercell, up to the parent crystal's symmetry.

    Parameters
    ----------
    parent : Structure, ase.Atoms or path
        The parent crystal, every site fully occupied.
    supercell : three int, or (3, 3) array_like of int
        The supercell's vectors in units of the parent's.
    substitutions : mapping
        For each sublattice, by its element or by a tuple of site indices of the parent, how many of its supercell
        sites other species take: ``{"I": {"Br": 6, "Cl": 2}, "Pb": {"Sn": 4}}``. The rest keeps its own. A vacancy is
        ``"vac"``; 0 or all is allowed.
    symprec : float
        Distance in angstrom within which the parent's symmetry is looked for.

    Raises
    ------
    InputError
        If anything given makes no sense; the message names it.

    Notes
    -----
    A *configuration* is one arrangement; an *orbit* is the set of configurations that the symmetry operations of the
    parent make of it, and its *multiplicity* their number. An orbit is represented by its smallest member: rows are
    compared sublattice by sublattice and within one code by code, by where the code sits first. With two species on
    each sublattice, that is the lexicographic order of the rows (docs/adr/0002).

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> space.n_configurations, space.count_orbits()
    (2024, 19)
    >>> batch = next(space.orbits())
    >>> batch.occupations.shape, int(batch.multiplicity.sum())
    ((19, 24), 2024)
    """

    def __init__(
        self,
        parent: Structure | Atoms | str | os.PathLike[str],
        supercell: ArrayLike = (1, 1, 1),
        substitutions: Substitutions | None = None,
        *,
        symprec: float = 0.01,
    ) -> None:
        self.parent: Structure = read_structure(parent)
        """The parent crystal."""
        self.supercell_matrix: NDArray[np.int64] = supercell_matrix(supercell)
        """(3, 3): rows are the supercell's vectors in units of the parent's."""
        self.symprec = float(symprec)
        """Distance in angstrom within which positions count as equal."""
        _check_parent(self.parent, self.symprec)
        n_cells = round(abs(float(np.linalg.det(self.supercell_matrix))))
        self.sublattice_table: tuple[Sublattice, ...] = resolve_substitutions(self.parent, n_cells, substitutions or {})
        """The substituted sublattices, in the order of the parent's sites."""
        self.supercell_structure: Structure = self.parent.make_supercell(self.supercell_matrix, in_place=False)
        """The supercell with nothing substituted."""
        # make_supercell puts the copies of each parent site one after the other.
        self._parent_sites = np.repeat(np.arange(len(self.parent)), n_cells)

    # -- what the columns mean ---------------------------------------------------------------------------------

    @cached_property
    def site_indices(self) -> NDArray[np.int64]:
        """(n_sites,): the atom of `supercell_structure` that each column stands for, grouped by sublattice."""
        return np.concatenate(
            [np.flatnonzero(np.isin(self._parent_sites, s.parent_sites)) for s in self.sublattice_table]
        )

    @cached_property
    def sublattices(self) -> NDArray[np.int64]:
        """(n_sites,): the sublattice that each column belongs to."""
        return np.repeat(np.arange(len(self.sublattice_table)), [sum(s.counts) for s in self.sublattice_table])

    @property
    def n_sites(self) -> int:
        """Number of substituted sites of the supercell: the columns of an occupation."""
        return len(self.site_indices)

    @property
    def species(self) -> tuple[tuple[str, ...], ...]:
        """For each sublattice what codes 0, 1, 2, ... stand for: the rarest species first, the host last on ties."""
        return tuple(s.species for s in self.sublattice_table)

    @property
    def counts(self) -> tuple[tuple[int, ...], ...]:
        """For each sublattice the number of sites of each species, in the order of `species`."""
        return tuple(s.counts for s in self.sublattice_table)

    @property
    def host_codes(self) -> tuple[int, ...]:
        """For each sublattice the code of the species that the parent has there."""
        return tuple(s.species.index(s.host) for s in self.sublattice_table)

    # -- symmetry ----------------------------------------------------------------------------------------------

    @cached_property
    def symmetry(self) -> SupercellSymmetry:
        """Operations of the parent that keep the supercell's lattice and each sublattice."""
        colours: dict[tuple[str, int], int] = {}
        numbers = []
        for i in range(len(self.parent)):
            owner = next((k for k, s in enumerate(self.sublattice_table) if i in s.parent_sites), -1)
            numbers.append(colours.setdefault((element_of(self.parent, i), owner), len(colours) + 1))
        return find_symmetry(
            np.array(self.parent.lattice.matrix),
            np.array(self.parent.frac_coords),
            np.array(numbers, dtype=np.int64),
            self.supercell_matrix,
            self.symprec,
        )

    @cached_property
    def group(self) -> NDArray[np.uint16]:
        """(n_ops, n_sites): the distinct permutations of the columns, as the kernels take them."""
        return site_permutations(
            self.symmetry,
            np.array(self.supercell_structure.lattice.matrix),
            self.supercell_structure.frac_coords[self.site_indices],
            self.symprec,
        )

    @property
    def site_permutations(self) -> NDArray[np.int32]:
        """(n_ops, n_sites): entry [g, i] is the column to which operation g takes column i; each row is distinct."""
        return self.group.astype(np.int32)

    # -- exact counts ------------------------------------------------------------------------------------------

    @cached_property
    def n_configurations(self) -> int:
        """Number of arrangements, symmetry not counted: the exact integer."""
        return int(np.prod([multinomial(c) for c in self.counts], dtype=object))

    @overload
    def count_orbits(self, all_compositions: Literal[False] = False) -> int: ...
    @overload
    def count_orbits(self, all_compositions: Literal[True]) -> dict[tuple[tuple[int, ...], ...], int]: ...
    def count_orbits(self, all_compositions: bool = False) -> int | dict[tuple[tuple[int, ...], ...], int]:
        """Count the symmetry-distinct arrangements by Burnside's lemma, without enumerating them.

        Parameters
        ----------
        all_compositions : bool
            Count every composition of the same species on the same sublattices instead of the space's own.

        Returns
        -------
        int or dict
            The exact number, of any size; or for each composition, written as `counts` is, its number.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"Pb": {"Sn": 4}})
        >>> space.count_orbits()
        6
        >>> space.count_orbits(all_compositions=True)[((2, 6),)]  # 2 Sn, 6 Pb
        3
        """
        if not all_compositions:
            return self._n_orbits
        return counting.count_orbits_of_all_compositions(
            self.group, [sum(c) for c in self.counts], [len(c) for c in self.counts]
        )

    @cached_property
    def _n_orbits(self) -> int:
        return counting.count_orbits(self.group, [sum(c) for c in self.counts], self.counts)

    # -- the arrangements themselves ---------------------------------------------------------------------------

    def orbits(
        self,
        batch_size: int = 65536,
        shard: tuple[int, int] = (0, 1),
        num_threads: int | None = None,
        cursor: Mapping[str, Any] | None = None,
    ) -> OrbitStream:
        """Enumerate the orbits, each once, in ascending order of their representatives.

        Parameters
        ----------
        batch_size : int
            Rows of a batch; the last one may have fewer. Memory depends on it, not on the number of orbits.
        shard : (int, int)
            ``(k, n)``: part k of n near-equal parts.
        num_threads : int, optional
            Threads to use; all cores by default. Order and content do not depend on it.
        cursor : mapping, optional
            The ``cursor`` of an earlier stream of this space and shard: goes on exactly where that one stopped.

        Returns
        -------
        OrbitStream
            An iterator of `ConfigurationBatch` whose ``cursor``, a small JSON value, says where it stands.

        Raises
        ------
        InputError
            If the batch size, the shard or the cursor makes no sense.
        RuntimeError
            If a complete enumeration contradicts the exact counts (Burnside's number of orbits, the sum of
            multiplicities): each one checks itself.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
        >>> stream = space.orbits(batch_size=100)
        >>> len(next(stream)), sum(len(batch) for batch in space.orbits(cursor=stream.cursor))
        (100, 503)
        """
        return OrbitStream(self, batch_size, shard, num_threads, cursor)

    def sample_orbits(self, n: int, seed: int = 0) -> ConfigurationBatch:
        """Draw orbits independently and uniformly, without enumerating: each one equally likely, whatever its size.

        Parameters
        ----------
        n : int
            Number of draws; an orbit may be drawn more than once.
        seed : int
            Same seed, same sample.

        Returns
        -------
        ConfigurationBatch

        Notes
        -----
        Dixon and Wilf, J. Algorithms 4, 205 (1983). For the average of a property over orbits take the mean; for one
        over configurations weight by multiplicity, or use `sample_configurations`.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (3, 3, 3), {"I": {"Br": 27, "Cl": 27}})
        >>> space.count_orbits()
        3464649986810534376568350785049204
        >>> space.sample_orbits(5, seed=1).occupations.shape
        (5, 81)
        """
        return sampling.sample_orbits(self, n, np.random.default_rng(seed))

    def sample_configurations(self, n: int, seed: int = 0) -> ConfigurationBatch:
        """Draw configurations independently and uniformly; what comes back are their orbits.

        An orbit is thus drawn in proportion to its multiplicity, as an ensemble at infinite temperature draws it.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int
            Same seed, same sample.

        Returns
        -------
        ConfigurationBatch
        """
        return sampling.sample_configurations(self, n, np.random.default_rng(seed))

    def canonical(self, occupations: ArrayLike, num_threads: int | None = None) -> ConfigurationBatch:
        """Find the orbit of each configuration.

        Parameters
        ----------
        occupations : (n, n_sites) array_like of int
            Codes into `species`; each row must have the composition of the space.
        num_threads : int, optional
            Threads to use; all cores by default.

        Returns
        -------
        ConfigurationBatch
            Row by row the representative of the orbit, and its multiplicity.

        Raises
        ------
        InputError
            If the shape is wrong or a row has another composition.
        """
        rows = self.checked_occupations(occupations)
        representatives, multiplicity = _core.canonical_form(
            self.group, self.counts, rows, num_threads=num_threads or 0
        )
        return ConfigurationBatch(self, representatives, multiplicity)

    def checked_occupations(self, occupations: ArrayLike) -> NDArray[np.uint8]:
        """Occupations as a C-contiguous (n, n_sites) uint8 array whose every row has the space's composition.

        Raises
        ------
        InputError
            Names the first row that does not fit.
        """
        given = np.asarray(occupations)
        if given.ndim != 2 or given.shape[1] != self.n_sites:
            raise InputError(f"occupations: (n, {self.n_sites}) codes are needed, got shape {given.shape}")
        if given.dtype != np.uint8 and not (np.issubdtype(given.dtype, np.integer) and (given >= 0).all()):
            raise InputError(f"occupations: codes are small non-negative integers, got dtype {given.dtype}")
        for sublattice, counts in enumerate(self.counts):
            columns = given[:, self.sublattices == sublattice]
            for code, count in enumerate(counts):
                wrong = np.flatnonzero((columns == code).sum(axis=1) != count)
                if len(wrong):
                    name = self.species[sublattice][code]
                    found = int((columns[wrong[0]] == code).sum())
                    raise InputError(
                        f"occupations: row {wrong[0]} has {found} {name} (code {code}) on sublattice {sublattice}, "
                        f"the space has {count}"
                    )
        return np.ascontiguousarray(given, dtype=np.uint8)

    def structure(self, occupation: ArrayLike) -> Structure:
        """The supercell with its sites occupied as one row of codes says.

        Parameters
        ----------
        occupation : (n_sites,) array_like of int
            Codes into `species`.

        Returns
        -------
        Structure
            Vacant sites are left out.
        """
        (row,) = self.checked_occupations(np.asarray(occupation)[np.newaxis])
        structure = self.supercell_structure.copy()
        vacant = []
        for site, sublattice, code in zip(self.site_indices, self.sublattices, row, strict=True):
            name = self.species[sublattice][code]
            if name == VACANCY:
                vacant.append(int(site))
            elif name != element_of(structure, site):
                structure[int(site)] = name
        structure.remove_sites(vacant)
        return structure

    def occupation_of(
        self, structure: Structure | Atoms | str | os.PathLike[str], tolerance: float = 0.5
    ) -> NDArray[np.uint8]:
        """Read the codes of a structure that is an arrangement of this space, its atoms in any order.

        Parameters
        ----------
        structure : Structure, ase.Atoms or path
            A supercell of the same lattice and origin.
        tolerance : float
            Distance in angstrom within which an atom sits on a site.

        Returns
        -------
        (n_sites,) uint8

        Raises
        ------
        InputError
            If the lattice differs, an atom sits on no site, or a site holds what it must not; the message names it.
        """
        from matganip.configurations.matching import occupation_of

        return occupation_of(self, read_structure(structure), tolerance)

    @cached_property
    def key(self) -> str:
        """A short name for the space: the same lattice, sites, species, counts and order of columns give the same."""
        content = {
            "lattice": np.round(self.supercell_structure.lattice.matrix, 5).tolist(),
            "sites": np.round(self.supercell_structure.frac_coords, 5).tolist(),
            "elements": [element_of(self.supercell_structure, i) for i in range(len(self.supercell_structure))],
            "columns": self.site_indices.tolist(),
            "species": self.species,
            "counts": self.counts,
        }
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        sites = ", ".join(
            " ".join(f"{name}:{count}" for name, count in zip(s.species, s.counts, strict=True))
            for s in self.sublattice_table
        )
        formula = self.parent.composition.reduced_formula
        return f"ConfigurationSpace({formula}, {len(self._parent_sites)} atoms, {sites})"


def _check_parent(parent: Structure, symprec: float) -> None:
    """Refuse what cannot be a parent: partial occupancies, and sites that coincide."""
    for i, site in enumerate(parent):
        if not site.is_ordered:
            raise InputError(
                f"site {i} of the parent ({site.species_string}) is partially occupied; give an ordered parent and "
                "say in the substitutions how many atoms each species takes"
            )
    if not symprec > 0:
        raise InputError(f"symprec must be positive, got {symprec}")
    distances = parent.distance_matrix + 1e3 * np.eye(len(parent))
    if distances.min() < max(symprec, 1e-3):
        first, second = np.unravel_index(int(distances.argmin()), distances.shape)
        raise InputError(f"sites {first} and {second} of the parent coincide ({distances.min():.3g} angstrom apart)")
