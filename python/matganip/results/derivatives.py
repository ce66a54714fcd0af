"""How many shapes of supercells a crystal has, and how many derivative structures on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

    from matganip.configurations.superlattices import Superlattice


@dataclass(frozen=True)
class VolumeCount:
    """Derivative structures of one volume.

    Attributes
    ----------
    volume : int
        Primitive cells of the superlattices.
    n_shapes : int
        Superlattices that differ by more than the crystal's symmetry.
    all_species : int
        Structures in which every allowed species occurs, as the tables of Hart and Forcade count.
    any_species : int
        Structures in all, those with fewer species as well.
    """

    volume: int
    n_shapes: int
    all_species: int
    any_species: int


@dataclass(frozen=True)
class Derivatives(Result):
    """Superlattices and derivative structures by volume.

    Attributes
    ----------
    name : str
        What the parent is called.
    volumes : tuple of VolumeCount
    remarks : tuple of str
        What was counted.
    file : pathlib.Path, optional
        Where structures were written, of which `written` is the number.
    written : int
    """

    name: str
    volumes: tuple[VolumeCount, ...]
    remarks: tuple[str, ...] = ()
    file: Path | None = None
    written: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The counts of each volume, as JSON values."""
        found = {"name": self.name, "volumes": [vars(one) for one in self.volumes], "remarks": list(self.remarks)}
        return found if self.file is None else {**found, "file": str(self.file), "written": self.written}

    def to_frame(self) -> pd.DataFrame:
        """One row for each volume."""
        import pandas as pd

        return pd.DataFrame([vars(one) for one in self.volumes])

    def tables(self) -> tuple[Table, ...]:
        """One row for each volume."""
        rows = tuple(
            (f"{one.volume:,}", f"{one.n_shapes:,}", f"{one.all_species:,}", f"{one.any_species:,}")
            for one in self.volumes
        )
        total = tuple(f"{sum(getattr(one, key) for one in self.volumes):,}" for key in ("all_species", "any_species"))
        shapes = f"{sum(one.n_shapes for one in self.volumes):,}"
        columns = ("primitive cells", "shapes", "with every species", "with any")
        return (Table(f"{self.name}: derivative structures", columns, (*rows, ("all", shapes, *total)), "rrrr"),)

    def sentences(self) -> tuple[str, ...]:
        """What was counted, and where the structures are."""
        where = () if self.file is None else (f"{self.written:,} structures are in {self.file}",)
        return (*self.remarks, *where)


@dataclass(frozen=True)
class Shapes(Result):
    """The superlattices of a crystal, one of each class under its point group.

    Attributes
    ----------
    name : str
        What the parent is called.
    superlattices : sequence of Superlattice
    """

    name: str
    superlattices: Sequence[Superlattice]

    def records(self) -> list[dict[str, Any]]:
        """Volume, Hermite normal form and number of equivalent superlattices of each."""
        return [
            {"volume": one.volume, "matrix": one.matrix.tolist(), "multiplicity": one.multiplicity}
            for one in self.superlattices
        ]

    def to_dict(self) -> dict[str, Any]:
        """The superlattices, as JSON values."""
        return {"name": self.name, "superlattices": self.records()}

    def to_frame(self) -> pd.DataFrame:
        """One row for each superlattice."""
        import pandas as pd

        return pd.DataFrame(self.records(), columns=("volume", "matrix", "multiplicity"))

    def tables(self) -> tuple[Table, ...]:
        """One row for each superlattice."""
        rows = tuple((f"{one.volume:,}", hermite_text(one), f"{one.multiplicity:,}") for one in self.superlattices)
        columns = ("primitive cells", "Hermite normal form, row by row", "equivalent")
        return (Table(f"{self.name}: {len(rows):,} shapes of supercells", columns, rows, "rlr"),)


def hermite_text(shape: Superlattice) -> str:
    """The matrix of a superlattice as ``--supercell`` reads it, row by row."""
    return ",".join(str(n) for row in shape.matrix.tolist() for n in row)
