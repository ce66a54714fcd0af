"""Ions as numbers: what the periodic table and Shannon's radii say of a species in a charge state."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from matganip.crystal.radii import ionic_radius
from matganip.errors import InputError

DESCRIPTORS = (
    "radius", "electronegativity", "mendeleev", "row", "group", "ionization_to_ion", "ionization_beyond",
    "first_ionization", "electron_affinity", "d_electrons", "f_electrons", "lone_pair", "atomic_radius", "s_block",
    "p_block", "d_block", "f_block", "charge",
)  # fmt: skip
"""Names of the columns of `ion_descriptors`."""

CLOSED_SHELL = 60.0
"""eV: stands for an ionization energy that no table has, far above those of valence electrons."""


@cache
def _descriptors(species: str, charge: int) -> tuple[float, ...]:
    if not Element.is_valid_symbol(species):
        raise InputError(f"{species!r}: no element; ions of molecules have no descriptors")
    element = Element(species)
    row, block = element.row, element.block
    group = 3 if element.is_lanthanoid or element.is_actinoid else element.group
    energies = [value for value in element.ionization_energies if value is not None]

    def ionization(number: int) -> float:
        return float(energies[number]) if 0 <= number < len(energies) else CLOSED_SHELL

    return (
        ionic_radius(species, charge).value,
        float(element.data.get("X") or np.nan),  # the attribute warns where there is none
        float(element.mendeleev_no or np.nan),
        float(row),
        float(group),
        ionization(charge - 1) if charge > 0 else 0.0,
        ionization(max(charge, 0)),
        ionization(0),
        float(element.electron_affinity or 0.0),
        _d_electrons(block, row, group, charge),
        _f_electrons(element, charge),
        float(block == "p" and group - 10 - charge == 2),
        float(element.atomic_radius or np.nan),
        *(float(block == one) for one in "spdf"),
        float(charge),
    )


def _d_electrons(block: str, row: int, group: int, charge: int) -> float:
    """Electrons in the outermost d shell of the ion: those of the group that the charge leaves, 10 below a p block."""
    if block == "d":
        return float(np.clip(group - charge, 0, 10))
    return 10.0 if block == "p" and row >= 4 else 0.0


def _f_electrons(element: Element, charge: int) -> float:
    """Electrons in the outermost f shell of the ion."""
    if element.is_lanthanoid or element.is_actinoid:
        return float(np.clip(element.Z - (54 if element.is_lanthanoid else 86) - charge, 0, 14))
    return 14.0 if element.row >= 6 and element.block in "dp" else 0.0


def ion_descriptors(species: str, charge: int) -> NDArray[np.float64]:
    """Describe an ion by numbers that vary smoothly over the periodic table.

    Radius at coordination VI (Shannon), electronegativity (Pauling), Mendeleev number (Pettifor), row and group
    (lanthanides in 3), the ionization energies that made the ion, of its next electron and of the neutral atom,
    electron affinity, d and f electrons, a lone s pair, atomic radius (Slater), blocks, and charge; elements' data are
    pymatgen's.

    Parameters
    ----------
    species : str
        Symbol of an element.
    charge : int
        In units of e; anions have negative ones.

    Returns
    -------
    (18,) float64 ndarray
        In the order of `DESCRIPTORS`: angstrom, eV. nan where there is no table of the element.

    Raises
    ------
    InputError
        If it is no element, or no radius of the ion is known.

    Examples
    --------
    >>> dict(zip(DESCRIPTORS, ion_descriptors("Bi", 3).tolist()))["lone_pair"]
    1.0
    >>> ion_descriptors("Eu", 2)[DESCRIPTORS.index("f_electrons")], ion_descriptors("Ag", 1)[0]
    (np.float64(7.0), np.float64(1.15))
    """
    return np.array(_descriptors(species, charge))
