"""The orderings of a disordered crystal on all supercells of a size, with its own species and charges."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core.lattice import Lattice
from pymatgen.core.periodic_table import DummySpecies, Element, Species
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.composition import VACANCY, Substitutions
from matganip.configurations.disorder import order_parent
from matganip.configurations.exclusions import check_split_occupancies
from matganip.configurations.notation import SITE_TOLERANCE
from matganip.configurations.space import ConfigurationSpace
from matganip.configurations.superlattices import PrimitiveCrystal, Superlattice, shapes_of
from matganip.configurations.symmetry import factor_permutations, find_symmetry
from matganip.errors import InputError

BATCH_SIZE = 4096
"""Orderings of a batch."""

Specie = Element | Species | DummySpecies

# Without the noble gases, at whose missing electronegativity pymatgen warns.
_STAND_INS = [Element.from_Z(number).symbol for number in range(1, 95) if number not in (2, 10, 18, 36, 54, 86)]


class DisorderedCrystal:
    """A disordered structure whose species are each represented by an element in a configuration space.

    A space knows elements only: Fe2+ and Fe3+ on one site are represented by two elements.

    Parameters
    ----------
    structure : Structure
        With partial occupancies.
    symprec : float
        Tolerance of the search for its symmetry, in angstrom.
    tolerance : float
        Largest difference between an occupancy and a whole number of atoms divided by the number of sites.

    Attributes
    ----------
    stand_in : Structure
        The structure written in these elements.
    species : dict of str to Specie
        The species that each of these elements represents.
    """

    def __init__(self, structure: Structure, symprec: float, tolerance: float) -> None:
        self.structure = structure
        self.symprec = symprec
        self.tolerance = tolerance
        species: list[Specie] = list(dict.fromkeys(specie for site in structure for specie in site.species))
        if len(species) > len(_STAND_INS):
            raise InputError(f"at most {len(_STAND_INS)} species are supported, the structure has {len(species)}")
        self.species = dict(zip(_STAND_INS, species, strict=False))
        symbol = dict(zip(species, _STAND_INS, strict=False))
        occupancies = [{symbol[specie]: amount for specie, amount in site.species.items()} for site in structure]
        self.stand_in = Structure(structure.lattice, occupancies, structure.frac_coords)

    def cells(self, size: int) -> Iterator[OrderedCell]:
        """All shapes of a supercell of ``size`` cells of the structure, each once up to its symmetry.

        Returns
        -------
        iterator of OrderedCell

        Raises
        ------
        InputError
            Immediately, if the occupancies give no whole numbers of atoms on this many cells.
        """
        check_split_occupancies(self.stand_in, SITE_TOLERANCE, self.tolerance)
        parent, substitutions = order_parent(self.stand_in, size, self.tolerance, self.symprec)
        return (OrderedCell(self, shape, parent, substitutions) for shape in shapes_of(self._cell, size, size))

    @cached_property
    def _cell(self) -> PrimitiveCrystal:
        """The cell as given; the superlattices are those of this cell, primitive or not."""
        kinds = [tuple(sorted((str(s), round(x, 4)) for s, x in site.species.items())) for site in self.stand_in]
        symmetry = find_symmetry(
            np.array(self.stand_in.lattice.matrix),
            np.array(self.stand_in.frac_coords),
            np.array([kinds.index(kind) + 1 for kind in kinds]),
            np.eye(3, dtype=np.int64),
            self.symprec,
        )
        return PrimitiveCrystal(self.stand_in, np.arange(len(kinds)), symmetry)


class OrderedCell:
    """The orderings of a disordered crystal on one supercell.

    Parameters
    ----------
    crystal : DisorderedCrystal
        The crystal to order.
    shape : Superlattice
        The supercell in units of its cell.
    parent : Structure
        The ordered parent in stand-ins.
    substitutions : mapping
        The species on the supercell's sites.
    """

    def __init__(
        self, crystal: DisorderedCrystal, shape: Superlattice, parent: Structure, substitutions: Substitutions
    ) -> None:
        matrix = _compact(shape.matrix, crystal.structure.lattice)
        self.space = ConfigurationSpace(parent, matrix, substitutions, symprec=crystal.symprec)
        self.n_shapes = shape.multiplicity
        """How many supercells the crystal's symmetry makes of this one."""
        self.frame: Structure = crystal.structure.make_supercell(matrix, in_place=False)
        """The disordered supercell, site by site the space's."""
        self.species: list[list[Specie | None]] = [
            [None if name == VACANCY else crystal.species[name] for name in names] for names in self.space.species
        ]
        """For each sublattice the species of its codes; None is a vacancy."""

    def batches(self) -> Iterator[ConfigurationBatch]:
        """Orbits of orderings, without those that repeat in a smaller supercell of the crystal's cell.

        Yields
        ------
        ConfigurationBatch
            Never empty.
        """
        for batch in self.space.orbits(batch_size=BATCH_SIZE):
            repeats = np.zeros(len(batch), dtype=bool)
            for translation in self._translations:
                repeats |= np.all(batch.occupations[:, translation] == batch.occupations, axis=1)
            if not repeats.all():
                yield batch[~repeats]

    @property
    def n_atoms(self) -> int:
        """Number of atoms of any ordering."""
        counted = zip(self.species, self.space.counts, strict=True)
        vacant = sum(n for names, counts in counted for name, n in zip(names, counts, strict=True) if name is None)
        return len(self.frame) - vacant

    def structure(self, occupation: NDArray[np.uint8]) -> Structure:
        """An ordering with the crystal's own species and site properties, sorted as pymatgen sorts.

        Parameters
        ----------
        occupation : (n_sites,) uint8
            Codes of the space.

        Returns
        -------
        Structure
        """
        species = [site.specie if site.is_ordered else None for site in self.frame]
        for site, sublattice, code in zip(self.space.site_indices, self.space.sublattices, occupation, strict=True):
            species[site] = self.species[sublattice][code]
        present = [i for i, specie in enumerate(species) if specie is not None]
        properties = {name: [values[i] for i in present] for name, values in self.frame.site_properties.items()}
        ordered = Structure(
            self.frame.lattice,
            [specie for specie in species if specie is not None],
            self.frame.frac_coords[present],
            site_properties=properties,
        )
        return ordered.get_sorted_structure()

    def electrostatic_energies(self, occupations: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Electrostatic energy of the ions of each ordering: a quadratic form of their charges.

        Parameters
        ----------
        occupations : (n, n_sites) uint8
            Codes of the space.

        Returns
        -------
        (n,) float64
            Ewald's sum in eV for a cell, without the constant of a charged cell's background.
        """
        charges = np.zeros((len(occupations), len(self.frame)))
        charges[:] = [site.specie.oxi_state if site.is_ordered else 0.0 for site in self.frame]
        for sublattice, names in enumerate(self.species):
            columns = np.flatnonzero(self.space.sublattices == sublattice)
            of_code = np.array([0.0 if name is None else name.oxi_state for name in names])
            charges[:, self.space.site_indices[columns]] = of_code[occupations[:, columns]]
        energies: NDArray[np.float64] = np.einsum("ni,ni->n", charges @ self._ewald_matrix, charges)
        return energies

    @cached_property
    def _ewald_matrix(self) -> NDArray[np.float64]:
        """Energies of pairs of unit charges on the sites."""
        unit = Structure(self.frame.lattice, ["H+"] * len(self.frame), self.frame.frac_coords)
        return np.asarray(EwaldSummation(unit).total_energy_matrix)  # type: ignore[no-untyped-call]

    @cached_property
    def _translations(self) -> list[NDArray[np.uint16]]:
        """Permutations of the columns by the translations of the crystal's given cell, without the identity."""
        space = self.space
        positions = np.array(space.supercell_structure.frac_coords[space.site_indices])
        lattice = np.array(space.supercell_structure.lattice.matrix)
        permutations, _ = factor_permutations(space.symmetry, lattice, positions, space.symprec)
        points = space.symmetry.lattice_points @ space.supercell_matrix
        of_cell = np.all(np.abs(points - np.rint(points)) < 1e-6, axis=1) & np.any(np.abs(points) > 1e-6, axis=1)
        return list(permutations[of_cell])


def _compact(matrix: NDArray[np.int64], lattice: Lattice) -> NDArray[np.int64]:
    """The same supercell with short vectors; a diagonal matrix stays."""
    if np.count_nonzero(matrix) == 3:
        return matrix
    reduced = np.array(Lattice(matrix @ lattice.matrix).get_lll_reduced_lattice().matrix)
    compact = np.rint(reduced @ np.linalg.inv(lattice.matrix)).astype(np.int64)
    return compact if np.linalg.det(compact) > 0 else -compact
