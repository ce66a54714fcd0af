"""Reading a CIF: one of its data blocks, with all that it says of its atoms, or a word on what is left out."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.crystal.atom_rows import atom_rows
from matganip.crystal.cif_blocks import CifBlock, cif_blocks
from matganip.crystal.cif_symmetry import operations_of
from matganip.crystal.cif_table import CifTable
from matganip.crystal.shared_sites import SharedSites
from matganip.crystal.species import symbol_of
from matganip.errors import InputError, ReadingWarning, first_line

THINNEST = 0.01
"""Angstrom: a cell must be thicker."""

MAGNETIC = ("_space_group_magn", "_atom_site_moment", "_space_group_symop_magn", "_magnetic_space_group")
"""What a magCIF has names of."""

_ANGLES: dict[str, tuple[float | None, float | None, float | None]] = {
    **dict.fromkeys(("cubic", "tetragonal", "orthorhombic"), (90.0, 90.0, 90.0)),
    **dict.fromkeys(("hexagonal", "trigonal"), (90.0, 90.0, 120.0)),
    "monoclinic": (90.0, None, 90.0),
}

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
        blocks = {one.name: one for one in cif_blocks(text) if _holds_atoms(one)}
    except InputError as error:
        raise InputError(f"{path}: does not parse as a CIF: {error}") from None
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
        except Exception as error:  # pymatgen raises anything
            raise InputError(f"{path}: does not parse as a structure: {first_line(error)}") from error
    for text in dict.fromkeys(" ".join(str(remark.message).split()) for remark in remarks):
        warnings.warn(f"{path}: {text}", ReadingWarning, stacklevel=6)


def _holds_atoms(block: CifBlock) -> bool:
    return any(name.lower().replace(".", "_").startswith("_atom_site_fract_x") for name in block.values)


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


def _structure(block: CifBlock, occupancy_tolerance: float) -> Structure:
    table = CifTable(block.values)
    if any(name.startswith(MAGNETIC) for name in table.names):
        from matganip.crystal.cif_pymatgen import magnetic_structure

        return magnetic_structure(block, table)
    lattice = _lattice(table)
    if any(name.startswith("_cell_modulation_dimension") for name in table.names):
        warnings.warn("the structure is modulated; its average structure is read", stacklevel=2)
    if block.stray:
        warnings.warn(f"the words {' '.join(block.stray[:5])!r} belong to no name and are left out", stacklevel=2)
    operations = operations_of(block, table, lattice)
    sites = SharedSites(lattice, operations)
    for row in atom_rows(table, lattice):
        sites.add(row)
    structure = sites.structure(occupancy_tolerance)
    _compare_formula(table, structure)
    return structure


def _lattice(table: CifTable) -> Lattice:
    """The cell; what the crystal system says of its edges and angles need not be written."""
    edges = [table.number(f"_cell_length_{name}") for name in "abc"]
    angles = [table.number(f"_cell_angle_{name}") for name in ("alpha", "beta", "gamma")]
    system = (table.first("_symmetry_cell_setting", "_space_group_crystal_system") or "").lower()
    a, b, c = edges
    if system in ("cubic", "rhombohedral"):
        b, c = (a if b is None else b), (a if c is None else c)
    elif system in ("tetragonal", "hexagonal", "trigonal"):
        b = a if b is None else b
    usual = _ANGLES.get(system, (None, None, None))
    angles = [value if value is not None else other for value, other in zip(angles, usual, strict=True)]
    values = [a, b, c, *angles]
    if system == "rhombohedral" and values[3] is not None:
        values[3:] = [value if value is not None else values[3] for value in values[3:]]
    known = [value for value in values if value is not None]
    if len(known) < 6:
        raise InputError("has no cell: _cell_length_a ... _cell_angle_gamma are needed")
    lattice = Lattice.from_parameters(*known)
    if (
        not np.isfinite(lattice.matrix).all()
        or lattice.volume < THINNEST**3
        or min(lattice.d_hkl(h) for h in np.eye(3)) < THINNEST
    ):
        raise InputError(f"its cell {lattice.parameters} has no volume")
    return lattice


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
