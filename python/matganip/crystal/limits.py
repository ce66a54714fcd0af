"""What numbers can be those of a crystal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pymatgen.core.structure import Structure

from matganip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

FARTHEST = 1e4
"""Cells from the origin beyond which a number is no coordinate of a crystal."""
LONGEST = 1e6
"""Angstrom: components of cell vectors."""
FLATTEST = 1e-6
"""Volume of a cell, by the product of the lengths of its vectors, below which they count as in one plane."""


def first_beyond(places: NDArray[np.float64]) -> int | None:
    """The first of some fractional coordinates, (n, 3), that is not finite or beyond `FARTHEST`."""
    wrong = np.flatnonzero(~(np.abs(places) <= FARTHEST).all(axis=1))
    return int(wrong[0]) if len(wrong) else None


def checked_parent(parent: Structure) -> Structure:
    """Give a structure back whose numbers can be those of a crystal.

    Raises
    ------
    InputError
        If it has no atoms, a number is not finite or is too large, or its cell has no volume.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> checked_parent(Structure(Lattice.cubic(4), ["Cu"], [[0, 0, 2.0**63]]))
    Traceback (most recent call last):
        ...
    matganip.errors.InputError: atom 0 (Cu) stands at 0, 0, 9.22337e+18 of the cell: no such place
    """
    lattice, places = parent.lattice.matrix, parent.frac_coords
    if not len(parent):
        raise InputError("the crystal has no atoms")
    if not (np.abs(lattice) <= LONGEST).all() or not abs(np.linalg.det(lattice)) > max(
        1e-3, FLATTEST * float(np.prod(np.linalg.norm(lattice, axis=1)))
    ):
        raise InputError("the cell's vectors are not finite, too large, or in one plane")
    if (row := first_beyond(places)) is not None:
        place = ", ".join(f"{x:g}" for x in places[row])
        raise InputError(f"atom {row} ({parent[row].species_string}) stands at {place} of the cell: no such place")
    return parent


def stored_parent(record: Mapping[str, Any]) -> Structure:
    """Read the parent crystal of a stored document, pymatgen's dictionary of a structure.

    Raises
    ------
    InputError
        As of `checked_parent`; and if a site holds no single species, or has a label that is no text.
    """
    parent = checked_parent(Structure.from_dict(dict(record)))
    if not isinstance(record.get("charge") or 0, int | float):
        raise InputError(f"the charge of the parent is no number: {record['charge']!r}")
    for number, site in enumerate(parent):
        if not site.is_ordered or not isinstance(site.label, str):
            raise InputError(
                f"site {number} of the parent holds {site.species_string!r}, label {site.label!r}: one species and a "
                "text are needed"
            )
    return parent
