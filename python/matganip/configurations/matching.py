"""Reading the occupation of a structure: which atom is on which site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.composition import VACANCY, element_of
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.supercell import SubstitutedSupercell


def occupation_of(space: SubstitutedSupercell, structure: Structure, tolerance: float) -> NDArray[np.uint8]:
    """Codes (n_sites,) of a structure in the space's own order; see `SubstitutedSupercell.occupation_of`."""
    frame = space.supercell_structure
    if not np.allclose(structure.lattice.matrix, frame.lattice.matrix, atol=tolerance):
        raise InputError(
            f"the structure's lattice {np.round(structure.lattice.matrix, 3).tolist()} is not the supercell's "
            f"{np.round(frame.lattice.matrix, 3).tolist()}"
        )
    elements = _elements_on_sites(frame, structure, tolerance)
    columns = {int(site): column for column, site in enumerate(space.site_indices)}
    codes = np.zeros(space.n_sites, dtype=np.uint8)
    for site, found in enumerate(elements):
        if site not in columns:
            if found != element_of(frame, site):
                raise InputError(
                    f"site {site} ({element_of(frame, site)}) is not substituted, the structure has {found} there"
                )
            continue
        species = space.species[space.sublattices[columns[site]]]
        if found not in species:
            raise InputError(f"site {site} may hold {', '.join(species)}, the structure has {found} there")
        codes[columns[site]] = species.index(found)
    return codes


def _elements_on_sites(frame: Structure, structure: Structure, tolerance: float) -> list[str]:
    """For each site of the frame the element of the atom on it, or a vacancy."""
    distances = frame.lattice.get_all_distances(structure.frac_coords, frame.frac_coords)
    elements = [VACANCY] * len(frame)
    for atom, row in enumerate(distances):
        site = int(row.argmin())
        if row[site] > tolerance:
            raise InputError(
                f"atom {atom} ({element_of(structure, atom)}) is {row[site]:.2f} angstrom from the nearest site "
                f"{site}, the tolerance is {tolerance:g}"
            )
        if elements[site] != VACANCY:
            raise InputError(f"two atoms of the structure sit on site {site}")
        elements[site] = element_of(structure, atom)
    return elements
