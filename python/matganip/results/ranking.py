"""Screened arrangements in their order, with the labels that there are: `Ranking`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import sites_text
from matganip.results.base import Result, or_null
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.metrics import TopK
    from matganip.plots.style import Place
    from matganip.results.evaluation import Assessed

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranking(Result):
    """Orbits by predicted energy, lowest first, and how the ranking compares with labels.

    Attributes
    ----------
    space : ConfigurationSpace
    orbit : (n,) int64 ndarray
        Place of each orbit in the order of enumeration.
    occupations : (n, n_sites) uint8 ndarray
        Representatives.
    multiplicity : (n,) int64 ndarray
    prediction : (n,) float64 ndarray
        eV per supercell, ascending.
    deviation : (n,) float64 ndarray
        Standard deviation of each prediction, eV per supercell; nan where the model has none.
    label : (n,) float64 ndarray
        eV per supercell, nan where there is none.
    trained : (n,) bool ndarray
        Whether the model was trained on that label.
    calculator : str
        Whose energies these are.
    n_orbits : int
        Of the space; more than there are rows here where the ranking was cut.
    top : int
        How many rows a table shows, and how many of the lowest labels are looked for.
    lowest : TopK or None
        How many of the `top` lowest unseen labels are among the `top` lowest predictions of unseen orbits; None where
        every label was trained on.
    check : Assessed or None
        The errors on the unseen labels.
    """

    space: ConfigurationSpace
    orbit: NDArray[np.int64]
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    prediction: Floats
    deviation: Floats
    label: Floats
    trained: NDArray[np.bool_]
    calculator: str
    n_orbits: int
    top: int
    lowest: TopK | None
    check: Assessed | None

    def __len__(self) -> int:
        return len(self.orbit)

    @property
    def relative(self) -> Floats:
        """(n,): prediction above the lowest one, meV/atom."""
        above: Floats = (self.prediction - self.prediction[:1]) * (1000.0 / self.space.n_atoms)
        return above

    @property
    def error(self) -> Floats:
        """(n,): standard deviation of each prediction, meV/atom."""
        width: Floats = self.deviation * (1000.0 / self.space.n_atoms)
        return width

    def to_frame(self) -> pd.DataFrame:
        """A row for each orbit, best first."""
        import pandas as pd

        return pd.DataFrame(
            {
                "rank": np.arange(1, len(self) + 1),
                "orbit": self.orbit,
                "multiplicity": self.multiplicity,
                "prediction_eV": self.prediction,
                "relative_meV_per_atom": self.relative,
                "deviation_meV_per_atom": self.error,
                "label_eV": self.label,
                "trained_on": self.trained,
                "sites": [sites_text(self.space, row) for row in self.occupations],
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The first rows, and how many of the true lowest they hold, as JSON values."""
        return {
            "true_lowest_found": None
            if self.lowest is None
            else {
                "top": self.lowest.k,
                "found": self.lowest.found,
                "by_chance": self.lowest.by_chance,
                "calculator": self.calculator,
            },
            "ranking": [
                {
                    "rank": place + 1,
                    "orbit": int(self.orbit[place]),
                    "multiplicity": int(self.multiplicity[place]),
                    "occupation": self.occupations[place].tolist(),
                    "prediction_eV": float(self.prediction[place]),
                    "relative_meV_per_atom": float(self.relative[place]),
                    "deviation_meV_per_atom": or_null(float(self.error[place])),
                }
                for place in range(min(self.top, len(self)))
            ],
        }

    def tables(self) -> tuple[Table, ...]:
        """The lowest arrangements."""
        shown, known = min(self.top, len(self)), np.isfinite(self.label)
        lowest = float(np.nanmin(self.label)) if known.any() else float("nan")
        per_atom, error = 1000.0 / self.space.n_atoms, self.error[:shown]
        wide = bool(np.isfinite(error).any())
        cells = tuple(
            (
                str(place + 1),
                sites_text(self.space, self.occupations[place]),
                f"{self.multiplicity[place]:,}",
                f"{self.prediction[place]:.4f}",
                f"{self.relative[place]:.3f}",
                *([f"{error[place]:.3f}"] if wide else []),
                f"{(self.label[place] - lowest) * per_atom:.3f}" if known[place] else "",
                "seen" if self.trained[place] else "unseen" if known[place] else "none",
            )
            for place in range(shown)
        )
        columns = (
            *("rank", "sites taken", "multiplicity", "predicted, eV", "above first"),
            *(["±"] if wide else []),
            *("label above", "label"),
        )
        note = (
            f"Energies of the supercell by {self.calculator}: predicted; above the first prediction"
            f"{', with the standard deviation of each,' if wide else ''} and labels above the lowest label, in "
            "meV/atom. Sites are numbered as in ranking.parquet."
        )
        aligned = "rlrrr" + "r" * wide + "rl"
        return (Table(f"The {shown} lowest of {self.n_orbits:,} orbits", columns, cells, aligned, note),)

    def sentences(self) -> tuple[str, ...]:
        """What the unseen labels say about the ranking."""
        check, lowest = self.check, self.lowest
        if check is None or lowest is None:
            told = "Every labelled orbit was trained on: nothing is left to check the ranking with."
            error = self.error[: self.top]
            return (f"{told} {self._near(np.hypot(error[1:], error[0]))}" if np.isfinite(error).all() else told,)
        return (
            f"On the {len(check):,} orbits whose {short(self.calculator)} labels the model has not seen: "
            f"Spearman {check.metrics.spearman:.3f}; {lowest.found} of the true {lowest.k} lowest are in its "
            f"first {lowest.k} ({lowest.by_chance:.1f} by chance); MAE {check.metrics.mae:.4f} meV/atom, that of the "
            f"mean baseline is {check.metrics.baseline_mae:.4f}. {self._near(check.metrics.mae)}",
        )

    def _near(self, error: float | Floats) -> str:
        """How many of the rows shown lie closer to the first than the error of the model, one for all or of each."""
        shown = min(self.top, len(self))
        near = int((self.relative[1:shown] <= error).sum())
        return f"{near} of the {shown - 1} that follow the first are nearer to it than that error."

    def plot(self, ax: Place = None) -> Axes:
        """Draw the predictions in order, labels as dots."""
        from matganip.plots.energies import ranked

        above = (self.label - self.prediction[0]) * (1000.0 / self.space.n_atoms)
        return ranked(
            self.relative, self.multiplicity, above, self.trained, top=self.top,
            title=f"{len(self):,} orbits, ranked", ax=ax,
        )  # fmt: skip


def short(calculator: str) -> str:
    """A calculator without its settings: what stands before the first comma or parenthesis.

    >>> short("CHGNet 0.3.0 (chgnet 0.4.2)"), short("GPAW 26.7.0 PBE PW 200 eV, MP 2x2x2")
    ('CHGNet 0.3.0', 'GPAW 26.7.0 PBE PW 200 eV')
    """
    return calculator.partition(",")[0].partition(" (")[0]
