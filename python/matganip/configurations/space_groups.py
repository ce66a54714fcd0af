"""The space group of each arrangement as a periodic crystal, by spglib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import spglib
from numpy.typing import NDArray

from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch


@dataclass(frozen=True)
class SpaceGroups:
    """Space groups of arrangements, one for each row.

    Attributes
    ----------
    symbol : (n,) str
        International (Hermann-Mauguin) short symbol: ``"Fm-3m"``.
    number : (n,) int64
        Number in International Tables A.
    """

    symbol: NDArray[np.str_]
    number: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.number)

    @property
    def labels(self) -> list[str]:
        """Symbol and number: ``"Fm-3m (225)"``."""
        return [f"{symbol} ({number})" for symbol, number in zip(self.symbol, self.number, strict=True)]


def space_groups(batch: ConfigurationBatch, symprec: float) -> SpaceGroups:
    """Space group of each arrangement; see `ConfigurationBatch.space_groups`."""
    frame = batch.space.supercell_structure
    lattice, positions = np.array(frame.lattice.matrix), np.array(frame.frac_coords)
    found = [
        _space_group(lattice, positions[atoms > 0], atoms[atoms > 0], symprec, row)
        for row, atoms in enumerate(batch.atomic_numbers())
    ]
    symbols, numbers = zip(*found, strict=True) if found else ((), ())
    return SpaceGroups(np.array(symbols, dtype=np.str_), np.array(numbers, dtype=np.int64))


def _space_group(
    lattice: NDArray[np.float64],
    positions: NDArray[np.float64],
    numbers: NDArray[np.uint8],
    symprec: float,
    row: int,
) -> tuple[str, int]:
    try:
        dataset = spglib.get_symmetry_dataset((lattice.tolist(), positions.tolist(), numbers.tolist()), symprec=symprec)
    except spglib.SpglibError as error:
        raise InputError(f"row {row}: symprec={symprec:g}: no space group found ({error})") from error
    if dataset is None:
        raise InputError(f"row {row}: symprec={symprec:g}: no space group found; give another tolerance")
    return str(dataset.international), int(dataset.number)
