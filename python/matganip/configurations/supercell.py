"""The substituted sites of a supercell: columns, species, symmetry, and structures to and from rows of codes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.colourings import Colourings, TooManyStatesError
from matganip.configurations.composition import (
    VACANCY,
    Sublattice,
    Substitutions,
    cells_of,
    check_distances,
    element_of,
    resolve_substitutions,
    sites_of,
    supercell_matrix,
)
from matganip.configurations.cycles import CycleTypes, elements_by_cycle_type
from matganip.configurations.disorder import WHOLE, DisorderedParent, MixedSublattice, Rounding
from matganip.configurations.exclusions import (
    MinDistance,
    broken,
    check_split_occupancies,
    checked_min_distance,
    find_exclusions,
    limit_of,
    told,
)
from matganip.configurations.matching import occupation_of
from matganip.configurations.notation import SITE_TOLERANCE, SublatticeKey
from matganip.configurations.species import Occupant, symbol_of
from matganip.configurations.symmetry import PrimitiveCell, SupercellSymmetry, find_primitive_cell, site_permutations
from matganip.crystal.disorder_tags import DISORDER, tag_colour
from matganip.crystal.displacements import carry_displacements
from matganip.crystal.molecular_ions import MOLECULAR_CATIONS
from matganip.crystal.molecules import MOLECULE, atoms_in, expanded, molecular_sites, names_in, with_molecules
from matganip.crystal.structures import read_structure
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

T = TypeVar("T")


class SubstitutedSupercell:
    """A supercell of a parent crystal with substituted sublattices: the part of `ConfigurationSpace` about sites.

    It knows what the columns of an occupation mean, their symmetry, and how occupations and structures translate into
    each other; `ConfigurationSpace` adds the arrangements. The parameters are the same.
    """

    def __init__(
        self,
        parent: Structure | Atoms | str | os.PathLike[str],
        supercell: ArrayLike = (1, 1, 1),
        substitutions: Substitutions | None = None,
        *,
        symprec: float = 0.01,
        occupancy_tolerance: float | None = WHOLE,
        site_tolerance: float = SITE_TOLERANCE,
        min_distance: MinDistance | None = None,
    ) -> None:
        self.supercell_matrix: NDArray[np.int64] = supercell_matrix(supercell)
        """(3, 3): rows are the supercell's vectors in units of the parent's."""
        self.n_cells: int = cells_of(self.supercell_matrix)
        """Number of parent cells in the supercell."""
        if not symprec > 0:
            raise InputError(f"symprec must be positive, got {symprec}")
        self.symprec = float(symprec)
        """Distance in angstrom within which positions count as equal."""
        if not site_tolerance >= 0:
            raise InputError(f"site_tolerance must not be negative, got {site_tolerance}")
        self.site_tolerance = float(site_tolerance)
        """Distance in angstrom below which sites are positions of one site, which holds one atom at most."""
        wanted: Substitutions = substitutions or {}
        self.parent: Structure = with_molecules(read_structure(parent), names_in(wanted))
        """The parent crystal; a disordered one with the most abundant species on each site, and one site for each
        molecular cation where these are species or disordered in orientation."""
        check_distances(self.parent, self.symprec)
        self._disordered: DisorderedParent | None = None
        if not self.parent.is_ordered:
            check_split_occupancies(self.parent, self.site_tolerance, occupancy_tolerance or WHOLE)
            self._disordered = DisorderedParent(self.parent, self.symprec)
            rounding: Rounding = "nearest" if occupancy_tolerance is None else "exact"
            numbers = self._disordered.substitutions(self.n_cells, wanted, rounding, occupancy_tolerance or 0.0)
            self.parent, wanted = self._disordered.ordered(wanted), numbers
        self.sublattice_table: tuple[Sublattice, ...] = resolve_substitutions(self.parent, self.n_cells, wanted)
        """The substituted sublattices, in the order of the parent's sites."""
        self.min_distance: dict[tuple[str, str], float] = checked_min_distance(min_distance or {}, self._names)
        """Smallest distance in angstrom between two species, alphabetical pairs."""
        self._check_fixed_sites()
        self.supercell_structure: Structure = self.parent.make_supercell(self.supercell_matrix, in_place=False)
        """The supercell with nothing substituted."""
        carry_displacements(self.supercell_structure, self.parent.lattice)
        self._of_lattice: dict[str, Any] = {}
        # make_supercell puts the copies of each parent site one after the other.
        self._parent_sites = np.repeat(np.arange(len(self.parent)), self.n_cells)

    @property
    def file_sublattices(self) -> tuple[MixedSublattice, ...]:
        """The partial occupancies that the parent was given with; none for an ordered parent."""
        return () if self._disordered is None else self._disordered.sublattices

    @property
    def occupancies(self) -> tuple[tuple[MixedSublattice, dict[Occupant, int]], ...]:
        """The partial occupancies of the file beside the numbers of atoms here; joined sublattices are left out."""
        here = {one.parent_sites: dict(zip(one.occupants, one.counts, strict=True)) for one in self.sublattice_table}
        return tuple((one, here[one.sites]) for one in self.file_sublattices if one.sites in here)

    def smallest_supercell(self) -> tuple[int, int, int] | None:
        """The smallest supercell on which the occupancies of the file are whole; None without one of up to 64 cells."""
        return None if self._disordered is None else self._disordered.smallest_supercell()

    def _numbers(self, substitutions: Substitutions) -> Substitutions:
        """Substitutions of all sublattices: of a disordered parent those that are not given stay as they are."""
        if self._disordered is None:
            return substitutions
        numbers: dict[SublatticeKey, Mapping[str, int]] = {}
        numbers.update((one.parent_sites, one.substitutes) for one in self.sublattice_table)
        for sites, counts in self._disordered.overrides(self.n_cells, substitutions).items():
            numbers[sites] = counts
        return numbers

    def parent_sites(self, sublattice: SublatticeKey) -> tuple[int, ...]:
        """The parent's sites that a key of `substitutions` names: an element, a label or site indices."""
        given = self.parent if self._disordered is None else self._disordered.structure
        return tuple(sites_of(given, sublattice)[0])

    # -- columns -----------------------------------------------------------------------------------------------

    @cached_property
    def site_indices(self) -> NDArray[np.int64]:
        """(n_sites,): the atom of `supercell_structure` of each column, grouped by sublattice."""
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
        """For each sublattice the species of the codes 0, 1, 2, ...: the rarest first, the host last on ties."""
        return tuple(s.species for s in self.sublattice_table)

    @property
    def counts(self) -> tuple[tuple[int, ...], ...]:
        """For each sublattice the number of sites of each species, in the order of `species`."""
        return tuple(s.counts for s in self.sublattice_table)

    @property
    def host_codes(self) -> tuple[int, ...]:
        """For each sublattice the code of the species that the parent has there."""
        return tuple(s.species.index(s.host) for s in self.sublattice_table)

    # -- the composition ----------------------------------------------------------------------------------------------

    @property
    def composition(self) -> dict[str, int]:
        """Number of sites of each species in an arrangement, vacancies included, in the order of the parent.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 4}})
        >>> space.composition
        {'Sr': 8, 'Ti': 8, 'vac': 4, 'O': 20}
        """
        sublattice_of = {site: s for s in self.sublattice_table for site in s.parent_sites}
        found: dict[str, int] = {}
        for site in range(len(self.parent)):
            sublattice = sublattice_of.get(site)
            if sublattice is None:
                name = element_of(self.parent, site)
                found[name] = found.get(name, 0) + self.n_cells
            elif site == sublattice.parent_sites[0]:
                for name, count in zip(sublattice.species, sublattice.counts, strict=True):
                    found[name] = found.get(name, 0) + count
        return found

    @property
    def n_atoms(self) -> int:
        """Atoms of an arrangement: the sites of the supercell, substituted or not, less the vacancies.

        Energies per atom are per atom of these, everywhere; a molecular cation counts as its atoms.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 4}})
        >>> len(space.supercell_structure), space.n_atoms
        (40, 36)
        """
        present = ((symbol_of(name), count) for name, count in self.composition.items() if name != VACANCY)
        return sum(count * atoms_in(symbol) for symbol, count in present)

    # -- what may not stand together -----------------------------------------------------------------------------

    @property
    def _names(self) -> set[str]:
        """All species of the crystal, vacancies not among them."""
        fixed = {element_of(self.parent, i) for i in range(len(self.parent))}
        names = fixed.union(*self.species) - {VACANCY}
        return names | {symbol_of(name) for name in names}

    def _check_fixed_sites(self) -> None:
        """Refuse a parent with two sites that are not substituted and closer than the site tolerance."""
        substituted = {site for s in self.sublattice_table for site in s.parent_sites}
        fixed = np.array([i for i in range(len(self.parent)) if i not in substituted], dtype=int)
        distances = self.parent.distance_matrix[np.ix_(fixed, fixed)] + 1e3 * np.eye(len(fixed))
        if distances.size and distances.min() < self.site_tolerance:
            first, second = fixed[list(np.unravel_index(int(distances.argmin()), distances.shape))]
            raise InputError(
                f"sites {first} and {second} of the parent are {distances.min():.3g} angstrom apart and both fully "
                f"occupied: two atoms on top of each other; correct them, or give a site_tolerance (now "
                f"{self.site_tolerance:g}) below that"
            )

    def distance_limit(self, one: str, two: str) -> float:
        """Distance in angstrom that atoms of two species keep in every arrangement; 0 where one is a vacancy."""
        return limit_of(self.min_distance, self.site_tolerance, one, two)

    @cached_property
    def exclusions(self) -> NDArray[np.uint16]:
        """(m, 4): column, code, other column, other code that no arrangement holds together; mostly none.

        They follow from `site_tolerance`, `min_distance` and the disorder groups of a file. A row with twice the same
        is a code that the column never holds, because of an atom that stays or of its own periodic image.
        """
        return find_exclusions(self)

    @cached_property
    def countable(self) -> bool:
        """Whether arrangements and orbits are counted without listing them.

        Always, but for exclusions (`site_tolerance`, `min_distance`) that tie many sites together: `count_orbits` and
        `n_configurations` then go through all orbits once, and are as exact.
        """
        if not len(self.exclusions):
            return True
        try:
            self._unmoved.count()
        except TooManyStatesError:
            return False
        return True

    @property
    def _unmoved(self) -> Colourings:
        """The arrangements that the identity fixes: all."""
        return Colourings(np.arange(self.n_sites, dtype=np.uint16), self.counts, self.exclusions)

    # -- symmetry ----------------------------------------------------------------------------------------------

    @cached_property
    def primitive_cell(self) -> PrimitiveCell:
        """The parent's primitive cell, and its operations that keep each sublattice."""
        colours: dict[tuple[str, int], int] = {}
        numbers = []
        for i in range(len(self.parent)):
            owner = next((k for k, s in enumerate(self.sublattice_table) if i in s.parent_sites), -1)
            colour = (self.parent[i].species_string + tag_colour(self.parent, i), owner)
            numbers.append(colours.setdefault(colour, len(colours) + 1))
        return find_primitive_cell(
            np.array(self.parent.lattice.matrix),
            np.array(self.parent.frac_coords),
            np.array(numbers, dtype=np.int64),
            self.symprec,
        )

    @cached_property
    def symmetry(self) -> SupercellSymmetry:
        """Operations of the parent that keep the supercell's lattice and each sublattice."""
        return self.primitive_cell.symmetry.on_superlattice(self.primitive_cell.vectors_of(self.supercell_matrix))

    @property
    def group(self) -> NDArray[np.uint16]:
        """(n_ops, n_sites): the distinct permutations of the columns, as the kernels take them."""
        return self._shared("group", self._permutations)

    @property
    def cycle_types(self) -> CycleTypes:
        """The elements of `group` by their cycle types, on which exact counts and uniform samples depend."""
        return self._shared("cycle_types", lambda: elements_by_cycle_type(self.group, [sum(c) for c in self.counts]))

    def _permutations(self) -> NDArray[np.uint16]:
        lattice, positions = self.supercell_structure.lattice.matrix, self.supercell_structure.frac_coords
        return site_permutations(self.symmetry, np.array(lattice), positions[self.site_indices], self.symprec)

    def _shared(self, name: str, found: Callable[[], T]) -> T:
        """What depends on the sublattices alone: found when first needed, and shared by all compositions."""
        value: T = self._of_lattice[name] if name in self._of_lattice else found()
        return self._of_lattice.setdefault(name, value)  # type: ignore[no-any-return]

    @property
    def site_permutations(self) -> NDArray[np.int32]:
        """(n_ops, n_sites): entry [g, i] is the column to which operation g takes column i; each row is distinct."""
        return self.group.astype(np.int32)

    # -- rows of codes ------------------------------------------------------------------------------------------

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
        rows = np.ascontiguousarray(given, dtype=np.uint8)
        first = broken(rows, self.exclusions)
        if (first >= 0).any():
            row = int(np.flatnonzero(first >= 0)[0])
            raise InputError(f"occupations: row {row} has {told(self, self.exclusions[first[row]].tolist())}")
        return rows

    def atoms_of(self, occupations: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Count the atoms of arrangements of any composition of the space's species, those of molecules one by one.

        Parameters
        ----------
        occupations : (n, n_sites) uint8 ndarray

        Returns
        -------
        (n,) int64 ndarray
        """
        frame = self.supercell_structure
        fixed = np.setdiff1d(np.arange(len(frame)), self.site_indices)
        atoms = np.full(len(occupations), sum(atoms_in(element_of(frame, int(i))) for i in fixed), dtype=np.int64)
        for sublattice, table in enumerate(self.sublattice_table):
            size = np.array([0 if one.symbol == VACANCY else atoms_in(one.symbol) for one in table.occupants])
            atoms += size[occupations[:, self.sublattices == sublattice]].sum(axis=1)
        return atoms

    @property
    def molecular(self) -> bool:
        """Whether molecular cations are among the species."""
        hosts = {element_of(self.parent, i) for i in range(len(self.parent))}
        return not MOLECULAR_CATIONS.keys().isdisjoint(
            hosts | {one.symbol for table in self.sublattice_table for one in table.occupants}
        )

    def structure(self, occupation: ArrayLike) -> Structure:
        """Make the supercell with its sites occupied by one row of codes.

        Parameters
        ----------
        occupation : (n_sites,) array_like of int
            Codes into `species`.

        Returns
        -------
        Structure
            Vacant sites are left out, and molecular cations are rigid molecules.
        """
        (row,) = self.checked_occupations(np.asarray(occupation)[np.newaxis])
        species = list(self.supercell_structure.species)
        labels: list[str | None] = [site.label for site in self.supercell_structure]
        properties = {name: list(values) for name, values in self.supercell_structure.site_properties.items()}
        properties.pop(DISORDER, None)
        shapes = self._shapes
        vacant = []
        for site, sublattice, code in zip(self.site_indices, self.sublattices, row, strict=True):
            table = self.sublattice_table[sublattice]
            name = table.species[code]
            if name == VACANCY:
                vacant.append(int(site))
            elif name != table.host:
                species[site] = table.occupants[code].specie
                labels[site] = None  # that of the atom that was replaced, as is its isotope
                if "isotope" in properties:
                    properties["isotope"][site] = 0
                if MOLECULE in properties:
                    properties[MOLECULE][site] = shapes.get(name, "")
        frame = self.supercell_structure
        structure = Structure(frame.lattice, species, frame.frac_coords, site_properties=properties, labels=labels)
        structure.remove_sites(vacant)
        return expanded(structure)

    @cached_property
    def _shapes(self) -> dict[str, str]:
        """The shape of each molecular cation of the parent, as it first occurs there."""
        stored = self.parent.site_properties.get(MOLECULE, [""] * len(self.parent))
        return {element_of(self.parent, i): str(shape) for i, shape in reversed(list(enumerate(stored))) if shape}

    def occupation_of(
        self, structure: Structure | Atoms | str | os.PathLike[str], tolerance: float = 0.5
    ) -> NDArray[np.uint8]:
        """Read the codes of a structure that is an arrangement of this space, its atoms in any order.

        Parameters
        ----------
        structure : Structure, ase.Atoms or path
            A supercell of the same lattice and origin.
        tolerance : float
            Largest distance between an atom and its site, in angstrom.

        Returns
        -------
        (n_sites,) uint8

        Raises
        ------
        InputError
            If the lattice differs, an atom is on no site, or a site has a species that it may not have; names it.
        """
        found = read_structure(structure)
        return occupation_of(self, molecular_sites(found) if self.molecular else found, tolerance)

    def __repr__(self) -> str:
        sites = ", ".join(
            " ".join(f"{name}:{count}" for name, count in zip(s.species, s.counts, strict=True))
            for s in self.sublattice_table
        )
        formula = self.parent.composition.reduced_formula
        what = "sites" if self.molecular else "atoms"
        return f"{type(self).__name__}({formula}, {len(self._parent_sites)} {what}, {sites})"

    # -- names ---------------------------------------------------------------------------------------------------

    @cached_property
    def key(self) -> str:
        """A short name for the space, 16 hexadecimal digits.

        Equal lattice, sites, species, counts, order of the columns, site permutations and exclusions give the same key.
        Tolerances and distances are not part of it: those that give the same permutations and exclusions give the same
        orbits.
        """
        large = self.symmetry.n_operations * self.n_sites > _LARGE  # a name must not cost gigabytes
        digest = self.symmetry.digest if large else hashlib.sha256(self.group.astype("<u2").tobytes()).hexdigest()
        return _digest({**self._content, "permutations": digest})

    @property
    def stored_keys(self) -> tuple[str, str]:
        """Keys by which files may know the space: `key`, and that of version 0.1, without the symmetry."""
        return self.key, _digest(self._content)

    @property
    def _content(self) -> dict[str, Any]:
        exclusions = self.exclusions.tolist()
        return {
            **({"exclusions": exclusions} if exclusions else {}),
            "lattice": np.round(self.supercell_structure.lattice.matrix, 5).tolist(),
            "sites": np.round(self.supercell_structure.frac_coords, 5).tolist(),
            "elements": [element_of(self.supercell_structure, i) for i in range(len(self.supercell_structure))],
            "columns": self.site_indices.tolist(),
            "species": self.species,
            "counts": self.counts,
        }


_LARGE = 50_000_000  # entries of permutations; beyond them the key has what they follow from


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
