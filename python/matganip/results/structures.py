"""What a model says of structures in any cells of its parent: `StructurePrediction`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StructurePrediction(Result):
    """Predicted energies of structures that were mapped onto the parent's sites.

    Attributes
    ----------
    names : tuple of str
        Files, or numbers of structures.
    energy, deviation : (n,) float64 ndarray
        Total energies and their standard deviations, eV.
    n_atoms : (n,) int64 ndarray
    strain, displacement : (n,) float64 ndarray
        Largest principal strain of each cell beside its change of volume, and the farthest atom from its site, in
        angstrom of the parent: both are taken away before the model looks.
    calculator : str
        Whose energies the model learned.
    beyond : tuple of str
        The structures beyond the training set, and in what.
    """

    names: tuple[str, ...]
    energy: Floats
    deviation: Floats
    n_atoms: NDArray[np.int64]
    strain: Floats
    displacement: Floats
    calculator: str
    beyond: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Floats]:
        """The energies, then the deviations, as this call once returned them."""
        return iter((self.energy, self.deviation))

    @property
    def per_atom(self) -> Floats:
        """(n,): total energies, eV/atom."""
        per_atom: Floats = self.energy / self.n_atoms
        return per_atom

    def to_frame(self) -> pd.DataFrame:
        """One row a structure."""
        import pandas as pd

        return pd.DataFrame(
            {
                "structure": self.names,
                "atoms": self.n_atoms,
                "prediction_eV_per_atom": self.per_atom,
                "deviation_eV_per_atom": self.deviation / self.n_atoms,
                "prediction_eV": self.energy,
                "strain": self.strain,
                "displacement_A": self.displacement,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """What ``matganip predict --json`` prints of structures in any cells."""
        return {
            "calculator": self.calculator,
            "predictions": self.to_frame().to_dict(orient="records"),
            "beyond": list(self.beyond),
        }

    def tables(self) -> tuple[Table, ...]:
        """The structures in their order."""
        rows = tuple(
            (name, str(atoms), f"{energy:.6f}", f"{deviation * 1000:.2f}", f"{strain:.3f}", f"{moved:.2f}")
            for name, atoms, energy, deviation, strain, moved in zip(
                self.names, self.n_atoms, self.per_atom, self.deviation / self.n_atoms, self.strain, self.displacement,
                strict=True,
            )
        )  # fmt: skip
        note = (
            f"Total energies as {self.calculator} would give them, standard deviations in meV/atom, the strain of each "
            "cell and the farthest atom from its site (angstrom), which are taken away first."
        )
        columns = ("structure", "atoms", "eV/atom", "deviation", "strain", "moved")
        return (Table("", columns, rows, "lrrrrr", note),)

    def sentences(self) -> tuple[str, ...]:
        """Which structures lie beyond the training set."""
        if not self.beyond:
            return ()
        return (f"Beyond the training set, where nothing vouches for predictions: {' · '.join(self.beyond)}.",)
