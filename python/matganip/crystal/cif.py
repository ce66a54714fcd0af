"""Reading a CIF: one of its data blocks, with all that it says of its atoms, or a word on what is left out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from pymatgen.io.cif import CifBlock, CifFile, CifParser

from matganip.crystal.atom_rows import atom_rows
from matganip.crystal.cif_symmetry import operations_of
from matganip.crystal.cif_table import CifTable
from matganip.crystal.shared_sites import SharedSites
from matganip.crystal.species import symbol_of
from matganip.errors import InputError, ReadingWarning, first_line

THINNEST = 0.01
"""Angstrom: a cell must be thicker."""

FORMULA_TOL = 0.02
"""Relative difference of two compositions that is worth a word."""


def read_cif(path: Path, text: str, block: str | None, occupancy_tolerance: float) -> Structure:
    """Read the structure of one data block.

    Sites that several rows share hold all their species, and have their labels, with commas between. Displacements are
    site properties, see `matganip.crystal.displacements`.

    Parameters
    ----------
    path : Path
        For messages.
    text : str
        The file's content.
    block : str or None
        Name of the block; the first that holds a structure without it.
    occupancy_tolerance : float
        By how much the occupancies of a site may pass 1; they are scaled to it.

    Returns
    -------
    Structure

    Raises
    ------
    InputError
        If the file does not parse, has no such block, or its block no structure; the message says why.

    Warns
    -----
    ReadingWarning
        Of what is read otherwise than it stands in the file, or left out.
    """
    try:
        blocks = {name: data for name, data in CifFile.from_str(text).data.items() if _holds_atoms(data)}
    except Exception as error:  # the parser raises anything
        raise InputError(f"{path}: does not parse as a CIF: {first_line(error)}") from error
    chosen = _chosen(path, blocks, block)
    with _speaking_for(path):
        return _structure(chosen, occupancy_tolerance)


@contextmanager
def _speaking_for(path: Path) -> Iterator[None]:
    """Put the file's name before errors, and before what was remarked while reading."""
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        try:
            yield
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        except Exception as error:  # the parser raises anything
            raise InputError(f"{path}: does not parse as a structure: {first_line(error)}") from error
    for text in dict.fromkeys(" ".join(str(remark.message).split()) for remark in remarks):
        warnings.warn(f"{path}: {text}", ReadingWarning, stacklevel=6)


def _holds_atoms(data: CifBlock) -> bool:
    return any(name.lower().replace(".", "_").startswith("_atom_site_fract_x") for name in data.data)


def _chosen(path: Path, blocks: dict[str, CifBlock], block: str | None) -> CifBlock:
    names = ", ".join(blocks)
    if not blocks:
        raise InputError(f"{path}: does not parse as a structure: no data block has atoms (_atom_site_fract_x ...)")
    wanted = block if block is None or block in blocks else block.removeprefix("data_")
    if wanted is not None and wanted not in blocks:
        raise InputError(f"{path}: has no data block {block!r} with a structure, only {names}")
    if wanted is None and len(blocks) > 1:
        warnings.warn(
            f"{path}: holds {len(blocks)} structures ({names}); the first one is read, name another by block (--block)",
            ReadingWarning,
            stacklevel=5,
        )
    return blocks[wanted or next(iter(blocks))]


def _structure(data: CifBlock, occupancy_tolerance: float) -> Structure:
    parser: Any = CifParser.from_str(
        str(_as_the_dictionary_spells(data)), frac_tolerance=0.0, occupancy_tolerance=1 + occupancy_tolerance
    )
    (values,) = parser.as_dict().values()
    table = CifTable(values)
    if parser.feature_flags["magcif"]:
        return _magnetic(parser, table)
    block = CifBlock(values, [], data.header)
    lattice = _lattice(parser, block)
    if any(name.startswith("_cell_modulation_dimension") for name in table.names):
        warnings.warn("the structure is modulated; its average structure is read", stacklevel=2)
    for remark in parser.warnings:
        if "rounded to ideal values" not in remark:  # nothing was: the tolerance is 0
            warnings.warn(remark, stacklevel=2)
    operations = operations_of(parser, block, table, lattice)
    sites = SharedSites(lattice, operations)
    for row in atom_rows(table, lattice):
        sites.add(row)
    structure = sites.structure(occupancy_tolerance)
    _compare_formula(table, structure)
    return structure


def _as_the_dictionary_spells(data: CifBlock) -> CifBlock:
    """Names do not depend on case in a CIF; in pymatgen they do."""

    def spelt(name: str) -> str:
        lower = name.lower()
        if "magn" in lower or not lower.startswith(
            ("_atom_site_", "_atom_type_", "_cell_", "_symmetry_", "_space_group_")
        ):
            return name
        return lower.replace("_name_h-m", "_name_H-M").replace("_name_hall", "_name_Hall")

    values = {spelt(name): value for name, value in data.data.items()}
    return CifBlock(values, [[spelt(name) for name in loop] for loop in data.loops], data.header)


def _lattice(parser: CifParser, block: CifBlock) -> Lattice:
    lattice = parser.get_lattice(block)
    if lattice is None:
        raise InputError("has no cell: _cell_length_a ... _cell_angle_gamma are needed")
    if not np.isfinite(lattice.matrix).all() or min(lattice.d_hkl(h) for h in np.eye(3)) < THINNEST:
        raise InputError(f"its cell {lattice.parameters} has no volume")
    return lattice


def _magnetic(parser: Any, table: CifTable) -> Structure:
    """A magCIF, by pymatgen: moments become the site property ``magmom``, which no pattern knows of."""
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


def _compare_formula(table: CifTable, structure: Structure) -> None:
    """Say where the atoms are not those of the formula that the file states."""
    stated = table.text("_chemical_formula_sum")
    if stated is None:
        return
    try:
        formula = {symbol_of(one): amount for one, amount in Composition(stated.replace(",", " ")).items()}
    except Exception:  # not a formula
        return
    found: dict[str, float] = {}
    for specie, amount in structure.composition.items():
        found[symbol_of(specie)] = found.get(symbol_of(specie), 0.0) + amount
    missing = [name for name in formula if name not in found]
    if missing:
        warnings.warn(f"its formula {stated} has {', '.join(missing)}, its atoms have none", stacklevel=2)
        return
    common = {name: found[name] / formula[name] for name in formula}
    if max(common.values()) > min(common.values()) * (1 + FORMULA_TOL):
        of_atoms = structure.composition.reduced_formula
        warnings.warn(f"its formula is {stated}, its atoms make {of_atoms}", stacklevel=2)
