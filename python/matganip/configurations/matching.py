"""Reading the occupation of a structure: which atom is on which site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.configurations.composition import VACANCY, element_of
from matganip.configurations.species import Occupant, occupant_of, parse_species, symbol_of
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.supercell import SubstitutedSupercell


def occupation_of(space: SubstitutedSupercell, structure: Structure, tolerance: float) -> NDArray[np.uint8]:
    """Codes (n_sites,) of a structure in the space's own order; see `SubstitutedSupercell.occupation_of`."""
    frame = space.supercell_structure
    same = np.allclose(structure.lattice.matrix, frame.lattice.matrix, atol=tolerance)
    if not same and not np.allclose(_upright(structure.lattice), _upright(frame.lattice), atol=tolerance):
        raise InputError(
            f"the structure's lattice {np.round(structure.lattice.matrix, 3).tolist()} is not the supercell's "
            f"{np.round(frame.lattice.matrix, 3).tolist()}"
        )
    occupants = _occupants_of_sites(frame, structure, tolerance)
    columns = {int(site): column for column, site in enumerate(space.site_indices)}
    codes = np.zeros(space.n_sites, dtype=np.uint8)
    for site, found in enumerate(occupants):
        if site not in columns:
            if found.symbol != element_of(frame, site):
                raise InputError(
                    f"site {site} ({element_of(frame, site)}) is not substituted, the structure has {found.text} there"
                )
            continue
        codes[columns[site]] = _code(space.species[space.sublattices[columns[site]]], found, site)
    return codes


def _upright(lattice: Lattice) -> NDArray[np.float64]:
    """The vectors as a CIF file has them, which keeps lengths and angles but no orientation."""
    return np.array(Lattice.from_parameters(*lattice.parameters).matrix)


def _code(species: tuple[str, ...], found: Occupant, site: int) -> int:
    """The code of what is on a site: by its element, and by its state where two states of the element may be there."""
    alike = [code for code, name in enumerate(species) if symbol_of(name) == found.symbol]
    if len(alike) > 1:
        # Files write 0 for an unknown state.
        exact = [code for code in alike if (parse_species(species[code]).state or None) == (found.state or None)]
        if not exact:
            raise InputError(
                f"site {site} may hold {', '.join(species[code] for code in alike)}, the structure has {found.text} "
                "there: its oxidation state is needed"
            )
        return exact[0]
    if not alike:
        raise InputError(f"site {site} may hold {', '.join(species)}, the structure has {found.text} there")
    return alike[0]


def _occupants_of_sites(frame: Structure, structure: Structure, tolerance: float) -> list[Occupant]:
    """For each site of the frame what is on it: an atom or a vacancy."""
    distances = frame.lattice.get_all_distances(structure.frac_coords, frame.frac_coords)
    occupants = [Occupant(VACANCY)] * len(frame)
    for atom, row in enumerate(distances):
        site = int(row.argmin())
        if row[site] > tolerance:
            raise InputError(
                f"atom {atom} ({element_of(structure, atom)}) is {row[site]:.2f} angstrom from the nearest site "
                f"{site}, the tolerance is {tolerance:g}"
            )
        if occupants[site].symbol != VACANCY:
            raise InputError(f"two atoms of the structure sit on site {site}")
        occupants[site] = occupant_of(structure[atom].specie)
    return occupants
