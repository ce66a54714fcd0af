"""ASE Atoms as a Structure: shared sites, isotopes by mass, and what a crystal needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core.composition import Composition
from pymatgen.core.structure import Structure

from matganip.crystal.species import VACANT, SiteType, site_type, specie_of
from matganip.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

MASS_TOL = 0.05
"""Atomic mass units by which a mass must differ from the natural one, and may from an isotope's."""


def from_atoms(atoms: Atoms) -> Structure:
    """Convert ASE Atoms.

    Occupancies are taken from ``info["occupancy"]``, by the array ``spacegroup_kinds`` where there is one and by index
    otherwise, as ASE's reader of CIFs leaves them; isotopes from masses that are not the natural ones.

    Parameters
    ----------
    atoms : ase.Atoms
        With a cell.

    Returns
    -------
    Structure

    Raises
    ------
    InputError
        If there is no cell, or an occupancy is given for no kind of site.

    Examples
    --------
    >>> from ase import Atoms
    >>> atoms = Atoms("LiO", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5)], cell=[4.2, 4.2, 4.2], pbc=True)
    >>> atoms.info["occupancy"] = {"0": {"Li": 0.5, "Fe": 0.5}, "1": {"O": 1.0}}
    >>> from_atoms(atoms)[0].species_string
    'Li:0.5, Fe:0.5'
    """
    cell = np.array(atoms.cell)
    if abs(np.linalg.det(cell)) < 1e-9:
        raise InputError(
            f"the Atoms {atoms.symbols} have no cell, as a molecule has none; give them one "
            "(atoms.center(vacuum=10) makes a box around it)"
        )
    from pymatgen.io.ase import AseAtomsAdaptor

    structure: Structure = AseAtomsAdaptor.get_structure(atoms)
    _set_isotopes(structure, atoms)
    occupancy = atoms.info.get("occupancy")
    if occupancy is not None:
        _set_occupancies(structure, atoms, occupancy)
    structure.properties.pop("occupancy", None)
    return structure


def _set_occupancies(structure: Structure, atoms: Atoms, occupancy: Any) -> None:
    kinds = atoms.arrays.get("spacegroup_kinds", np.arange(len(atoms)))
    try:
        table = {int(kind): dict(shares) for kind, shares in occupancy.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError("info['occupancy'] is no mapping of kinds of sites to shares of elements") from None
    empty = []
    for index, kind in enumerate(np.asarray(kinds).tolist()):
        if kind not in table:
            raise InputError(f"info['occupancy'] has no entry for atom {index}, of kind {kind}")
        shares: dict[Any, float] = {}
        for name, share in table[kind].items():
            found = site_type(str(name)) if str(name).lower() not in VACANT else None
            if found is not None and found.element is not None:
                specie = specie_of(found, found.charge)
                shares[specie] = shares.get(specie, 0.0) + float(share)
            elif found is None and str(name).lower() not in VACANT:
                raise InputError(f"info['occupancy'] of atom {index}: {name!r} is no element")
        if not all(share >= 0 for share in shares.values()) or sum(shares.values()) > 1 + 1e-6:
            raise InputError(f"info['occupancy'] of atom {index}: the shares {table[kind]} must add up to 1 or less")
        if shares and list(shares.values()) != [1.0]:
            structure[index].species = Composition(shares)
        elif not shares:
            empty.append(index)
    structure.remove_sites(empty)


def _set_isotopes(structure: Structure, atoms: Atoms) -> None:
    """Deuterium and tritium by their symbols, other isotopes as a site property."""
    if "masses" not in atoms.arrays:
        return
    import periodictable
    from ase.data import atomic_masses

    isotopes: list[int] = []  # 0 is the natural mixture
    for index, (number, mass) in enumerate(zip(atoms.numbers.tolist(), atoms.arrays["masses"].tolist(), strict=True)):
        isotope = 0
        if abs(mass - atomic_masses[number]) > MASS_TOL and number > 0:
            element = periodictable.elements[number]
            near = min(element.isotopes, key=lambda a: abs(element[a].mass - mass))
            isotope = near if abs(element[near].mass - mass) < MASS_TOL else 0
        if number == 1 and isotope in (2, 3):
            structure[index].species = Composition({specie_of(SiteType("D" if isotope == 2 else "T"), None): 1})
            isotope = 0
        isotopes.append(isotope)
    if any(isotopes):
        structure.add_site_property("isotope", isotopes)
