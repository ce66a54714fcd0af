"""Symmetry operations of a data block, checked against its cell."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.operations import SymmOp

from matganip.crystal.cif_blocks import CifBlock
from matganip.crystal.cif_table import CifTable
from matganip.errors import InputError

METRIC_TOL = 0.02
"""Relative change of the cell's metric under an operation, above which the two do not belong together."""

LISTED = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")
HALL = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
HERMANN_MAUGUIN = (
    "_symmetry_space_group_name_h-m",
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h_m",
    "_space_group_name_h-m_full",
)
NUMBER = ("_space_group_it_number", "_symmetry_int_tables_number")


@dataclass(frozen=True, eq=False)
class Operations:
    """x -> R x + t in fractional coordinates: `rotations` (n, 3, 3) and `translations` (n, 3)."""

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]


def operations_of(block: CifBlock, table: CifTable, lattice: Lattice) -> Operations:
    """Find the operations: those that are listed, or those of the space group that is named.

    Parameters
    ----------
    block : CifBlock
    table : CifTable
        Of the same block.
    lattice : Lattice

    Returns
    -------
    Operations

    Raises
    ------
    InputError
        If an operation is none, or does not fit the cell.

    Warns
    -----
    UserWarning
        If no group is named, or one that is not known; of two origins; of a list that is not the group that is named.
    """
    found = _listed(table, lattice) or _by_symbol(table, lattice) or _by_pymatgen(block, table)
    if found is None:
        warnings.warn("names no space group and lists no operations: P 1 is taken", stacklevel=2)
        found = Operations(np.eye(3)[None], np.zeros((1, 3)))
    metric = lattice.matrix @ lattice.matrix.T
    turned = found.rotations.transpose(0, 2, 1) @ metric @ found.rotations
    wrong = np.abs(turned - metric).max(axis=(1, 2)) > METRIC_TOL * np.abs(metric).max()
    if wrong.any():
        rotation = np.rint(found.rotations[int(np.argmax(wrong))]).astype(int).tolist()
        name = table.first(*HERMANN_MAUGUIN) or "its symmetry"
        cell = ", ".join(f"{value:g}" for value in lattice.parameters)
        raise InputError(f"{name} has the operation {rotation}, which does not fit the cell ({cell})")
    return found


def _listed(table: CifTable, lattice: Lattice) -> Operations | None:
    texts = [text for text in table.column(*LISTED) or [] if text is not None]
    if not texts:
        return None
    try:
        found = _of([SymmOp.from_xyz_str(text) for text in texts])
    except ValueError as error:
        raise InputError(f"its list of operations is none: {error}") from None
    none = [text for text, one in zip(texts, found.rotations, strict=True) if abs(abs(np.linalg.det(one)) - 1) > 1e-6]
    if none:
        raise InputError(f"its list of operations is none: {none[0]!r} is no operation")
    if not _is_group(found):
        warnings.warn(f"its {len(texts)} listed operations are no group; they are taken as they are", stacklevel=3)
    group = _named(table, lattice)
    if group is not None and len(list(group.operations())) != len(texts):
        warnings.warn(
            f"it lists {len(texts)} operations, and {group.xhm()} has {len(list(group.operations()))}; those that are "
            "listed are taken",
            stacklevel=3,
        )
    return found


def _is_group(found: Operations) -> bool:
    """Whether all products are among the operations, translations up to those of the lattice."""
    turned = np.einsum("aij,bjk->abik", found.rotations, found.rotations)
    moved = np.einsum("aij,bj->abi", found.rotations, found.translations) + found.translations[:, None]

    def keys(rotations: NDArray[np.float64], translations: NDArray[np.float64]) -> set[bytes]:
        steps = np.rint(translations * 24) % 24
        rows = np.concatenate([rotations.reshape(-1, 9), steps.reshape(-1, 3)], axis=1)
        return {row.tobytes() for row in np.unique(np.rint(rows).astype(np.int8), axis=0)}

    return keys(turned, moved) <= keys(found.rotations, found.translations)


def _of(operations: list[SymmOp]) -> Operations:
    return Operations(
        np.array([one.rotation_matrix for one in operations], dtype=np.float64),
        np.array([one.translation_vector for one in operations], dtype=np.float64),
    )


def _by_symbol(table: CifTable, lattice: Lattice) -> Operations | None:
    """Operations by the Hall symbol, or by the Hermann-Mauguin symbol where the setting follows from the cell."""
    hall = table.first(*HALL)
    if hall is not None:
        try:
            return _of_gemmi(gemmi.symops_from_hall(hall))
        except (ValueError, RuntimeError):
            warnings.warn(f"the Hall symbol {hall!r} is not understood", stacklevel=2)
    group = _named(table, lattice)
    if group is None:
        return None
    name = table.first(*HERMANN_MAUGUIN) or f"space group {group.number}"
    if group.ext == "1" and not name.rstrip().endswith((":1", " S")):
        warnings.warn(
            f"{name} has two origins and the file does not say which; the first is taken (add :2 to the symbol, or "
            "list the operations, for the centre of inversion)",
            stacklevel=2,
        )
    return _of_gemmi(group.operations())


def _named(table: CifTable, lattice: Lattice) -> gemmi.SpaceGroup | None:
    """The space group that is named, or numbered, in the setting that fits the cell; None where it is not known."""
    name = table.first(*HERMANN_MAUGUIN)
    if name is None:
        number = table.number(NUMBER[0]) or table.number(NUMBER[1])
        numbered = gemmi.find_spacegroup_by_number(int(number)) if number and 1 <= number <= 230 else None
        return numbered and gemmi.find_spacegroup_by_name(numbered.hm, lattice.alpha, lattice.gamma)
    for suffix in ("Z", "S", "H", "R"):  # as ICSD writes a setting
        if name.strip().endswith(f" {suffix}"):
            name = name.strip().removesuffix(suffix).strip() + ":" + {"Z": "2", "S": "1"}.get(suffix, suffix)
    return gemmi.find_spacegroup_by_name(name, lattice.alpha, lattice.gamma)


def _of_gemmi(group: gemmi.GroupOps) -> Operations:
    ops = list(group)
    return Operations(
        np.array([op.rot for op in ops], dtype=np.float64) / gemmi.Op.DEN,
        np.array([op.tran for op in ops], dtype=np.float64) / gemmi.Op.DEN,
    )


def _by_pymatgen(block: CifBlock, table: CifTable) -> Operations | None:
    """Operations by a symbol that gemmi does not know, or by a number of the International Tables."""
    if table.first(*HALL, *HERMANN_MAUGUIN, *NUMBER) is None:
        return None
    from matganip.crystal.cif_pymatgen import operations

    return _of(operations(block))
