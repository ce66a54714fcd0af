"""How many arrangements look alike to a diffractometer, and what that costs any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matganip.configurations.codec import composition_text
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.lattice.distinct import Distinguishability


@dataclass(frozen=True)
class Distinguished(Result):
    """What diffraction tells apart of the orbits of a space.

    Attributes
    ----------
    space : ConfigurationSpace
        The space.
    found : Distinguishability
        Numbers of distinct rows of each set of features, and with labels the lowest errors of any model, meV/atom.
    calculator : str, optional
        Of the labels.
    n_drawn, seed : int, optional
        Size and seed of the sample, where one was drawn.
    """

    space: ConfigurationSpace
    found: Distinguishability
    calculator: str | None = None
    n_drawn: int | None = None
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        values = {
            "composition": composition_text(self.space),
            "orbits_of_space": self.space.count_orbits(),
            **self.found.as_dict(),
            "calculator": self.calculator,
        }
        return values if self.n_drawn is None else {**values, "drawn": self.n_drawn, "seed": self.seed}

    def to_frame(self) -> pd.DataFrame:
        """One row for each set of features; errors in the unit of the labels."""
        import pandas as pd

        return pd.DataFrame(self.found.as_dict()["rows"])

    def tables(self) -> tuple[Table, ...]:
        """Classes of each set of features, with labels beside the lowest errors and the mean baseline."""
        found = self.found
        title = f"{composition_text(self.space)}: {self._orbits}"
        columns: tuple[str, ...] = ("features", "columns", "distinct", "largest class")
        rows: list[tuple[str, ...]] = [
            (row.features, f"{row.n_features:,}", f"{row.n_classes:,}", f"{row.largest_class:,}") for row in found.rows
        ]
        note = "Distinct: rows that differ by more than 1e-6 of 100. Largest class: orbits that look alike."
        if found.baseline_mae is None:
            return (Table(title, columns, tuple(rows), "lrrr", note),)
        floors = [(f"{row.floor_mae:.4f}", f"{row.floor_rmse:.4f}") for row in found.rows]
        rows = [(*row, *floor) for row, floor in zip(rows, floors, strict=True)]
        baseline = (f"{found.baseline_mae:.4f}", f"{found.baseline_rmse:.4f}")
        rows.append(("(mean baseline)", "0", "1", f"{found.n_orbits:,}", *baseline))
        note += (
            f" MAE, RMSE, in {found.unit}, weighted by multiplicity: the lowest that any model on these features can "
            f"have on these orbits; labels of {self.calculator}."
        )
        return (Table(title, (*columns, "MAE", "RMSE"), tuple(rows), "lrrrrr", note),)

    @property
    def _orbits(self) -> str:
        here, there = f"{self.found.n_orbits:,}", f"{self.space.count_orbits():,}"
        if self.n_drawn is not None:
            return f"{here} different orbits in a sample of {self.n_drawn:,} from {there}"
        return f"all {there} orbits" if self.calculator is None else f"the {here} labelled of {there} orbits"
