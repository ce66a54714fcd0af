"""What a model predicts of arrangements: `Prediction`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text, sites_text
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.space import ConfigurationSpace
    from matganip.plots.style import Place

Floats = NDArray[np.float64]
SHOWN = 20
"""Rows of the table that a terminal or notebook shows."""


@dataclass(frozen=True, eq=False)
class Prediction(Result):
    """Predicted energies of arrangements.

    Attributes
    ----------
    space : ConfigurationSpace
        Whose sites and species the codes are.
    occupations : (n, n_sites) uint8 ndarray
        The arrangements.
    multiplicity : (n,) int64 ndarray
        Configurations in each orbit; ones for structures.
    per_atom : (n,) float64 ndarray
        Total energies, eV/atom; vacancies are no atoms.
    deviation : (n,) float64 ndarray
        Standard deviation of each prediction, eV/atom; over the members of an ensemble; nan for a single network.
    n_atoms : (n,) int64 ndarray
        Atoms of each arrangement.
    number : (n,) int64 ndarray
        Place of each in the enumeration, in the sample or among the structures.
    kind : {"orbit", "drawn", "structure"}
        What `number` counts.
    n_predicted : int
        How many were predicted; more than there are rows here where only the lowest were kept.
    calculator : str
        Whose energies the model learned.
    remark : str
        What the model cannot know of this space, in sentences; empty where it can.
    names : tuple of str
        Of the structures; empty for orbits.
    """

    space: ConfigurationSpace
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    per_atom: Floats
    deviation: Floats
    n_atoms: NDArray[np.int64]
    number: NDArray[np.int64]
    kind: str
    n_predicted: int
    calculator: str
    remark: str = ""
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.per_atom)

    @property
    def energy(self) -> Floats:
        """(n,): total energies of the supercell, eV."""
        energy: Floats = self.per_atom * self.n_atoms
        return energy

    def __getitem__(self, rows: slice | NDArray[np.generic]) -> Prediction:
        """Some of the rows, in the order asked for."""
        columns = ("occupations", "multiplicity", "per_atom", "deviation", "n_atoms", "number")
        names = tuple(np.array(self.names, dtype=object)[rows].tolist()) if self.names else ()
        return replace(self, names=names, **{name: getattr(self, name)[rows] for name in columns})

    def lowest(self, n: int | None = None) -> Prediction:
        """The n rows of lowest energy per atom, ascending; ties in the order of the rows."""
        return self[np.argsort(self.per_atom, kind="stable")[:n]]

    def to_frame(self) -> pd.DataFrame:
        """One row an arrangement, in the order of prediction."""
        import pandas as pd

        return pd.DataFrame(
            {
                self.kind: self.names or self.number,
                "multiplicity": self.multiplicity,
                "prediction_eV_per_atom": self.per_atom,
                "deviation_eV_per_atom": self.deviation,
                "prediction_eV": self.energy,
                "sites": [sites_text(self.space, row) for row in self.occupations],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """What ``matganip predict --json`` prints: the rows of lowest energy, or every structure in its order."""
        if self.kind == "structure":
            rows = zip(self.names, self.per_atom.tolist(), self._deviations(), self.occupations.tolist(), strict=True)
            return {
                "calculator": self.calculator,
                "predictions": [
                    {"structure": name, "eV_per_atom": energy, **spread, "occupation": occupation}
                    for name, energy, spread, occupation in rows
                ],
            }
        found = self.lowest()
        columns = (found.number.tolist(), found.multiplicity.tolist(), found.per_atom.tolist(), found._deviations())
        return {
            "composition": composition_text(self.space),
            "calculator": self.calculator,
            "remark": self.remark,
            "predicted": self.n_predicted,
            "lowest": [
                {"orbit": number, "multiplicity": multiplicity, "eV_per_atom": energy, **spread, "occupation": row}
                for number, multiplicity, energy, spread, row in zip(*columns, found.occupations.tolist(), strict=True)
            ],
        }

    def _deviations(self) -> list[dict[str, float]]:
        """The spread of each row as JSON values, nothing where there is none."""
        return [{"deviation_eV_per_atom": s} if math.isfinite(s) else {} for s in self.deviation.tolist()]

    def tables(self) -> tuple[Table, ...]:
        """The lowest rows, or the structures in their order."""
        note = f"Total energies as {self.calculator} would give them"
        if self.kind == "structure":
            rows = tuple(
                (name, f"{energy:.6f}", sites_text(self.space, row))
                for name, energy, row in zip(self.names, self.per_atom, self.occupations, strict=True)
            )
            return (Table("", ("structure", "eV/atom", "sites taken"), rows, "lrl", f"{note}."),)
        found, spread = self.lowest(SHOWN), bool(np.isfinite(self.deviation).any())
        above = (found.per_atom - found.per_atom[:1]) * 1000.0
        rows = tuple(
            (
                str(place + 1),
                str(found.number[place]),
                f"{found.multiplicity[place]:,}",
                f"{found.per_atom[place]:.6f}",
                f"{above[place]:.4f}",
                *((f"{found.deviation[place] * 1000:.4f}",) if spread else ()),
                sites_text(self.space, found.occupations[place]),
            )
            for place in range(len(found))
        )
        more = ("deviation",) if spread else ()
        columns = ("rank", self.kind, "multiplicity", "eV/atom", "above first", *more, "sites taken")
        drawn = "drawn " if self.kind == "drawn" else ""
        title = f"{composition_text(self.space)}: the {len(rows)} lowest of {self.n_predicted:,} {drawn}orbits"
        spread_note = "; the standard deviation of each prediction, also in meV/atom" if spread else ""
        note = f"{note}; above the first in meV/atom{spread_note}."
        return (Table(title, columns, rows, "r" * (len(columns) - 1) + "l", note),)

    def sentences(self) -> tuple[str, ...]:
        """The remark, where there is one."""
        return (self.remark,) if self.remark else ()

    def plot(self, ax: Place = None) -> Axes | None:
        """Histogram of the predicted energies, weighted by multiplicity."""
        if len(self) < 2:
            return None
        from matganip.plots.energies import energy_histogram

        above = (self.per_atom - self.per_atom.min()) * 1000.0
        return energy_histogram(above, self.multiplicity, label="above the lowest, meV/atom", ax=ax)
