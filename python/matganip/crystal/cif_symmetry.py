"""Symmetry operations of a data block, checked against its cell."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.io.cif import CifBlock, CifParser

from matganip.crystal.cif_table import CifTable
from matganip.errors import InputError

METRIC_TOL = 0.02
"""Relative change of the cell's metric under an operation, above which the two do not belong together."""


@dataclass(frozen=True, eq=False)
class Operations:
    """x -> R x + t in fractional coordinates: `rotations` (n, 3, 3) and `translations` (n, 3)."""

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]

    @property
    def content(self) -> set[tuple[int, ...]]:
        """The operations modulo the lattice, in any order, in units of 1/24."""
        shifts = np.rint(24 * self.translations).astype(int) % 24
        rows = np.hstack([np.rint(self.rotations).astype(int).reshape(-1, 9), shifts])
        return {tuple(row) for row in rows.tolist()}


def operations_of(parser: CifParser, block: CifBlock, table: CifTable, lattice: Lattice) -> Operations:
    """Find the operations: those that are listed, or those of the space group that is named.

    Parameters
    ----------
    parser : CifParser
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
        If an operation does not fit the cell.
    """
    named = None if _listed(table) else _by_symbol(table, lattice)
    with warnings.catch_warnings(record=named is not None):  # a symbol that pymatgen does not know, gemmi does
        ops = parser.get_symops(block)
    found = Operations(
        np.array([op.rotation_matrix for op in ops], dtype=np.float64),
        np.array([op.translation_vector for op in ops], dtype=np.float64),
    )
    if named is not None and named.content != found.content:
        found = named
    metric = lattice.matrix @ lattice.matrix.T
    turned = found.rotations.transpose(0, 2, 1) @ metric @ found.rotations
    wrong = np.abs(turned - metric).max(axis=(1, 2)) > METRIC_TOL * np.abs(metric).max()
    if wrong.any():
        rotation = np.rint(found.rotations[int(np.argmax(wrong))]).astype(int).tolist()
        name = table.text("_symmetry_space_group_name_h-m") or table.text("_space_group_name_h-m_alt") or "its symmetry"
        cell = ", ".join(f"{value:g}" for value in lattice.parameters)
        raise InputError(f"{name} has the operation {rotation}, which does not fit the cell ({cell})")
    return found


def _listed(table: CifTable) -> bool:
    return any(table.column(name) for name in ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz"))


def _by_symbol(table: CifTable, lattice: Lattice) -> Operations | None:
    """Operations by the Hall symbol, or by the Hermann-Mauguin symbol where the setting follows from the cell."""
    hall = table.text("_space_group_name_hall") or table.text("_symmetry_space_group_name_hall")
    if hall is not None:
        try:
            return _of(gemmi.symops_from_hall(hall))
        except (ValueError, RuntimeError):
            warnings.warn(f"the Hall symbol {hall!r} is not understood", stacklevel=2)
    name = table.text("_symmetry_space_group_name_h-m") or table.text("_space_group_name_h-m_alt")
    if name is None:
        return None
    for suffix in ("Z", "S", "H", "R"):  # as ICSD writes a setting
        if name.strip().endswith(f" {suffix}"):
            name = name.strip().removesuffix(suffix).strip() + ":" + {"Z": "2", "S": "1"}.get(suffix, suffix)
    group: gemmi.SpaceGroup | None = gemmi.find_spacegroup_by_name(name, lattice.alpha, lattice.gamma)
    if group is None:
        return None
    if ":" not in name and group.ext == "1":
        warnings.warn(
            f"{name} has two origins and the file does not say which; the first is taken (add :2 to the symbol, or "
            "list the operations, for the centre of inversion)",
            stacklevel=2,
        )
    return _of(group.operations())


def _of(group: gemmi.GroupOps) -> Operations:
    ops = list(group)
    return Operations(
        np.array([op.rot for op in ops], dtype=np.float64) / gemmi.Op.DEN,
        np.array([op.tran for op in ops], dtype=np.float64) / gemmi.Op.DEN,
    )
