"""What pymatgen knows of a CIF besides: rare names of space groups, and magnetic structures.

Its parser takes longer to import than most files to read: this module is imported where a file needs it.
"""

from __future__ import annotations

import warnings
from typing import Any

import pymatgen.io.cif as pymatgen_cif
from pymatgen.core.operations import SymmOp
from pymatgen.core.structure import Structure

from matganip.crystal.cif_blocks import CifBlock
from matganip.crystal.cif_table import CifTable
from matganip.errors import InputError


def operations(block: CifBlock) -> list[SymmOp]:
    """The operations of the space group that a block names or numbers; the identity, with a warning, without one."""
    theirs = _as_pymatgen_spells(block)
    found: list[SymmOp] = _parser(theirs).get_symops(theirs)
    return found


def magnetic_structure(block: CifBlock, table: CifTable) -> Structure:
    """Read a magCIF: moments become the site property ``magmom``, which no pattern knows of.

    Raises
    ------
    InputError
        If it is incommensurate, or does not parse.
    """
    parser = _parser(_as_pymatgen_spells(block))
    if parser.feature_flags["magcif_incommensurate"]:
        raise InputError("holds an incommensurate magnetic structure, which cannot be read")
    try:
        structure: Structure
        (structure,) = parser.parse_structures(primitive=False, on_error="raise")
    except Exception as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise InputError(f"does not parse as a magnetic structure: {reason}") from error
    warnings.warn("is a magnetic structure; patterns have its nuclear lines only", stacklevel=2)
    if any("_u_iso" in name or "_b_iso" in name or "_aniso_" in name for name in table.names):
        warnings.warn("displacements in a magCIF are left out", stacklevel=2)
    return structure


def _parser(block: pymatgen_cif.CifBlock) -> Any:
    return pymatgen_cif.CifParser.from_str(str(block), frac_tolerance=0.0)


def _as_pymatgen_spells(block: CifBlock) -> pymatgen_cif.CifBlock:
    """Names do not depend on case in a CIF; in pymatgen they do."""

    def spelt(name: str) -> str:
        lower = name.lower()
        if "magn" in lower or not lower.startswith(
            ("_atom_site_", "_atom_type_", "_cell_", "_symmetry_", "_space_group_")
        ):
            return name
        for ours, theirs in (("h-m", "H-M"), ("hall", "Hall"), ("_it_", "_IT_"), ("int_tables", "Int_Tables")):
            lower = lower.replace(ours, theirs)
        return lower

    values = {spelt(name): value for name, value in block.values.items()}
    return pymatgen_cif.CifBlock(values, [[spelt(name) for name in loop] for loop in block.loops], block.name)
