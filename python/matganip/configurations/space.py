"""The space of arrangements of a crystal with substitutional disorder: `ConfigurationSpace`."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike
from pymatgen.core.structure import Structure

from matganip import _core
from matganip.configurations import codec, counting, notebook, uniform_samples
from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.colourings import TooManyStatesError
from matganip.configurations.composition import Substitutions, resolve_substitutions
from matganip.configurations.cycles import multinomial
from matganip.configurations.indexing import StagedProblem
from matganip.configurations.orbits import OrbitStream
from matganip.configurations.site_groups import groups_of
from matganip.configurations.supercell import SubstitutedSupercell
from matganip.crystal.structures import naming
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms


class ConfigurationSpace(SubstitutedSupercell):
    """All arrangements of given species on given sublattices of a supercell, up to the parent crystal's symmetry.

    Parameters
    ----------
    parent : Structure, ase.Atoms or path
        The parent crystal. If it has partial occupancies, these are the substitutions.
    supercell : three int, or (3, 3) array_like of int
        The supercell's vectors in units of the parent's. A left-handed matrix is replaced by its negative.
    substitutions : mapping, optional
        For each sublattice, by its element (``"I"``), ion (``"Fe2+"``), label of the CIF file (``"O2"``, several with
        commas) or site indices of the parent, ``(2, 3)`` or ``"2,3"``, how many of its supercell sites other species
        take: ``{"I": {"Br": 6, "Cl": 2}, "Pb": {"Sn": 4}}``. The rest keeps its own. A species is an element or an ion;
        two ions of one element, ``{"Fe2+": {"Fe3+": 4}}``, are two species. A vacancy is ``"vac"``, ``"X"``, ``"Va"``
        or ``"[]"``; 0 or all is allowed. With partial occupancies, sublattices that are given override the file's: of
        the species that the file has there, the one that is not listed takes the rest.
    symprec : float
        Tolerance of the search for the parent's symmetry, in angstrom.
    occupancy_tolerance : float or None
        Largest difference between a partial occupancy and a whole number of atoms divided by the number of sites; with
        None the nearest whole numbers are taken (`file_sublattices` has the file's).
    site_tolerance : float
        Sites closer than this, in angstrom, are positions of one site: an arrangement takes one of them or none.
    min_distance : mapping, optional
        The distance in angstrom that atoms of two species keep in every arrangement, ``{"Na-Na": 2.5}`` or
        ``{("Na", "Na"): 2.5}``; either of them may be one that is not substituted.

    Raises
    ------
    InputError
        If an argument is invalid; the message names it.

    Notes
    -----
    A *configuration* is one arrangement; an *orbit* is the set of configurations that the symmetry operations of the
    parent make of it, and its *multiplicity* their number. An orbit is represented by its smallest member: rows are
    compared sublattice by sublattice and within one code by code, by where the code sits first. With two species on
    each sublattice, that is the lexicographic order of the rows (docs/adr/0002).

    `site_tolerance` and `min_distance` exclude arrangements: counts, enumeration, samples and searches know only those
    that obey them (docs/adr/0016).

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

    def with_substitutions(self, substitutions: Substitutions) -> ConfigurationSpace:
        """The space of another composition on the same sublattices, which shares the symmetry found so far.

        Parameters
        ----------
        substitutions : mapping
            As for the constructor. Sublattices of a disordered parent that are not given keep their composition.

        Returns
        -------
        ConfigurationSpace

        Raises
        ------
        InputError
            If the sublattices differ.
        """
        table = resolve_substitutions(self.parent, self.n_cells, self._numbers(substitutions))
        if [s.parent_sites for s in table] != [s.parent_sites for s in self.sublattice_table]:
            raise InputError("substitutions: the sublattices must be those of the space")
        other = copy.copy(self)
        other.sublattice_table = table
        for one in ("n_configurations", "_n_orbits", "_staged", "key", "exclusions", "countable", "_groups", "_listed"):
            other.__dict__.pop(one, None)
        return other

    # -- to and from files ---------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Write the space as JSON values.

        Returns
        -------
        dict
            ``lattice`` (angstrom), ``elements`` and ``positions`` (fractional) of the parent, the ``supercell`` matrix,
            ``symprec`` (angstrom), and for each sublattice ``sites`` of the parent and the numbers of its ``species``.
        """
        return codec.space_values(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], key: str | None = None) -> ConfigurationSpace:
        """Rebuild a space from the output of `to_dict`.

        Parameters
        ----------
        values : mapping
            The JSON values.
        key : str, optional
            The `key` that the space must have.

        Returns
        -------
        ConfigurationSpace

        Raises
        ------
        InputError
            If the values are damaged, or the keys differ.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
        >>> mg.ConfigurationSpace.from_dict(space.to_dict(), space.key).count_orbits()
        19
        """
        return cls._remade(codec.space_arguments(values), key)

    def metadata(self) -> dict[str, str]:
        """Describe the codes and site numbers of a table, as text for the metadata of its file.

        Returns
        -------
        dict of str to str
            All but ``space`` (the key) and ``matganip`` (the version that wrote) is JSON: ``species`` and ``counts`` of
            each sublattice, ``sublattices`` and ``atoms_of_sites`` of each site, the ``supercell`` matrix, ``symprec``
            and the ``parent``, a pymatgen Structure as a dictionary.
        """
        return codec.space_metadata(self)

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str] | Mapping[bytes, bytes]) -> ConfigurationSpace:
        """Rebuild a space from the output of `metadata`.

        Parameters
        ----------
        metadata : mapping of str to str, or of bytes to bytes
            That of ``pyarrow.parquet.read_schema(path)``, for instance. Version 0.1 wrote no ``symprec``: 0.01 then.

        Returns
        -------
        ConfigurationSpace

        Raises
        ------
        InputError
            If the description is damaged, or the keys differ.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
        >>> mg.ConfigurationSpace.from_metadata(space.metadata()).key == space.key
        True
        """
        text = {codec.as_text(name): codec.as_text(value) for name, value in metadata.items()}
        return cls._remade(codec.metadata_arguments(text), text.get("space"))

    @classmethod
    def _remade(cls, arguments: codec.SpaceArguments, key: str | None) -> ConfigurationSpace:
        space = cls(**arguments)
        if key is not None:
            codec.check_key(space, key)
        return space

    # -- exact counts ------------------------------------------------------------------------------------------

    @cached_property
    def n_configurations(self) -> int:
        """Number of arrangements before symmetry: the exact integer."""
        if not len(self.exclusions):
            return int(np.prod([multinomial(c) for c in self.counts], dtype=object))
        counted = self._unmoved if self.countable else groups_of(self)
        return self._listed[1] if counted is None else counted.count()

    @cached_property
    def _listed(self) -> tuple[int, int]:
        """Orbits and arrangements, by going through them."""
        stream = self.orbits()
        for _ in stream:
            pass
        return stream.n_orbits, stream.n_configurations

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
        if len(self.exclusions):
            try:
                return counting.count_orbits_of_all_under_exclusions(self.group, self.counts, self.exclusions)
            except TooManyStatesError:
                raise InputError(
                    "all compositions: too many sites exclude one another to count them without listing; count one "
                    "composition after the other"
                ) from None
        return counting.count_orbits_of_all_compositions(self.cycle_types, [len(c) for c in self.counts])

    @cached_property
    def _n_orbits(self) -> int:
        if len(self.exclusions):
            if not self.countable:
                return self._listed[0]
            return counting.count_orbits_under_exclusions(self.group, self.counts, self.exclusions)
        return counting.count_orbits(self.cycle_types, self.counts)

    # -- arrangements --------------------------------------------------------------------------------------------

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
            The ``cursor`` of an earlier stream of this space and shard: the stream resumes where that one stopped.

        Returns
        -------
        OrbitStream
            An iterator of `ConfigurationBatch`; its ``cursor``, a small JSON value, is its position.

        Raises
        ------
        InputError
            If the batch size, the shard or the cursor is invalid.
        RuntimeError
            If a complete enumeration contradicts the exact counts (Burnside's number of orbits, the sum of
            multiplicities), which is checked wherever the space is `countable`.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
        >>> stream = space.orbits(batch_size=100)
        >>> len(next(stream)), sum(len(batch) for batch in space.orbits(cursor=stream.cursor))
        (100, 503)
        """
        return OrbitStream(self, batch_size, shard, num_threads, cursor)

    def first_orbits(self, n: int, shard: tuple[int, int] = (0, 1)) -> ConfigurationBatch:
        """Get the first n orbits of the stream of `orbits`, or all if there are fewer; `shard` as there.

        Returns
        -------
        ConfigurationBatch
        """
        nothing = ConfigurationBatch(self, np.empty((0, self.n_sites), np.uint8), np.empty(0, np.int64))
        return next(self.orbits(n, shard), nothing)

    def unrank(self, rank: int) -> ConfigurationBatch:
        """Get the orbit of a given rank in the stream of `orbits`, without streaming up to it.

        Parameters
        ----------
        rank : int
            From 0 to ``count_orbits() - 1``.

        Returns
        -------
        ConfigurationBatch
            Of one row.

        Raises
        ------
        IndexError
            If there is no such orbit.
        InputError
            If the space is too large for it: its first stage has more than 200,000 choices, or the last one, while
            some symmetry is left, more than 20 million orbits.

        Examples
        --------
        >>> import matganip as mg
        >>> parent = mg.perovskite("CsPbI3", a=6.289)
        >>> space = mg.ConfigurationSpace(parent, (2, 2, 2), {"Pb": {"Sn": 4}, "I": {"Br": 6}})
        >>> space.rank(space.unrank(20_000).occupations[0])
        20000
        """
        if not 0 <= rank < self.count_orbits():
            raise IndexError(f"rank {rank}: the space has {self.count_orbits()} orbits, numbered from 0")
        return self.canonical(self._staged.unrank(rank)[np.newaxis])

    def rank(self, occupation: ArrayLike) -> int:
        """Find the rank of an arrangement's orbit in the stream of `orbits`: the inverse of `unrank`.

        Parameters
        ----------
        occupation : (n_sites,) array_like of int
            Codes into `species`, any member of the orbit.

        Returns
        -------
        int

        Raises
        ------
        InputError
            If the row does not fit the space, or the space is too large (see `unrank`).
        """
        return self._staged.rank(self.canonical(np.asarray(occupation)[np.newaxis]).occupations[0])

    @cached_property
    def _staged(self) -> StagedProblem:
        if len(self.exclusions):
            raise InputError(
                "rank: not where arrangements are excluded by distance; stream or sample the space instead"
            )
        return StagedProblem(self.group, self.counts)

    def sample_orbits(self, n: int, seed: int = 0) -> ConfigurationBatch:
        """Draw orbits independently and uniformly, without enumerating; large and small ones are equally likely.

        Parameters
        ----------
        n : int
            Number of draws; an orbit may be drawn several times.
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
        return uniform_samples.sample_orbits(self, n, np.random.default_rng(seed))

    def sample_configurations(self, n: int, seed: int = 0, *, canonical: bool = True) -> ConfigurationBatch:
        """Draw configurations independently and uniformly, and return their orbits.

        An orbit is thus drawn with a probability proportional to its multiplicity, as at infinite temperature.

        Parameters
        ----------
        n : int
            Number of draws.
        seed : int
            Same seed, same sample.
        canonical : bool
            If False, the configurations are returned as they were drawn, each standing for itself with multiplicity 1.
            Neither symmetry nor counts are worked out then: a cell of ten thousand sites takes a moment.

        Returns
        -------
        ConfigurationBatch

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (16, 16, 16), {"I": {"Br": 4000}})
        >>> space.sample_configurations(2, canonical=False).occupations.sum(axis=1).tolist()
        [8288, 8288]

        Notes
        -----
        Where exclusions tie so many sites together that the space is not `countable`, the draws come from Markov
        chains, and are independent and uniform in the limit of long ones only.
        """
        rows = uniform_samples.draw_rows(self, n, np.random.default_rng(seed))
        return self.canonical(rows) if canonical else ConfigurationBatch(self, rows, np.ones(n, dtype=np.int64))

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

    def from_structures(
        self, structures: Iterable[Structure | Atoms | str | os.PathLike[str]], tolerance: float = 0.5
    ) -> ConfigurationBatch:
        """Find the orbits of given structures.

        Parameters
        ----------
        structures : iterable of Structure, ase.Atoms or path
            Arrangements of this space, their atoms in any order.
        tolerance : float
            Largest distance between an atom and its site, in angstrom.

        Returns
        -------
        ConfigurationBatch
            One row for each structure.

        Raises
        ------
        InputError
            Names the structure, by its position in the sequence, and the site that does not fit.
        """
        rows = []
        for number, structure in enumerate(structures):
            with naming(f"structure {number}"):
                rows.append(self.occupation_of(structure, tolerance))
        return self.canonical(np.array(rows, dtype=np.uint8).reshape(len(rows), self.n_sites))

    def _repr_html_(self) -> str:
        return notebook.space_html(self)
