"""How good predicted distributions are on labelled arrangements: `DistributionScores`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from matganip.results.base import Result
from matganip.results.content import Table
from matganip.results.proper_scores import coverage, crps, pit

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]
LEVELS = (0.5, 0.68, 0.9, 0.95)


@dataclass(frozen=True, eq=False)
class DistributionScores(Result):
    """Distributions beside the labels that they speak of, in meV/atom.

    Attributes
    ----------
    name : str
        Which arrangements these are.
    truth, weight : (n,) float64 ndarray
        Labels and multiplicities.
    samples : (n, m) float64 ndarray
        Of each row's distribution.
    crps, marginal : (n,) float64 ndarray
        Continuous ranked probability score of each row, and that of the distribution of all training labels.
    pit : (n,) float64 ndarray
        Share of each row's distribution below its label.
    """

    name: str
    truth: Floats
    weight: Floats
    samples: Floats
    crps: Floats
    marginal: Floats
    pit: Floats

    @classmethod
    def of(cls, name: str, truth: Floats, weight: Floats, samples: Floats, marginal: Floats) -> Self:
        """Score samples (n, m) of rows, beside samples (m,) of one distribution for all."""
        everywhere = np.broadcast_to(marginal, (len(truth), len(marginal)))
        return cls(name, truth, weight, samples, crps(samples, truth), crps(everywhere, truth), pit(samples, truth))

    @property
    def mean_crps(self) -> float:
        """Weighted mean of `crps`, meV/atom."""
        return float(np.average(self.crps, weights=self.weight))

    @property
    def marginal_crps(self) -> float:
        """The same of `marginal`."""
        return float(np.average(self.marginal, weights=self.weight))

    def coverage(self, level: float) -> float:
        """Share of the labels, by weight, within the central interval of that probability."""
        return coverage(self.pit, self.weight, level)

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values."""
        return {
            "rows": len(self.truth),
            "crps_meV_per_atom": self.mean_crps,
            "marginal_crps_meV_per_atom": self.marginal_crps,
            "coverage": {f"{level:g}": self.coverage(level) for level in LEVELS},
        }

    def to_frame(self) -> pd.DataFrame:
        """One row an arrangement."""
        import pandas as pd

        columns = {
            "label_meV_per_atom": self.truth,
            "weight": self.weight,
            "crps_meV_per_atom": self.crps,
            "pit": self.pit,
        }
        return pd.DataFrame({"part": self.name, **columns})

    def tables(self) -> tuple[Table, ...]:
        """Scores beside the marginal's, and how much the intervals hold."""
        row = (self.name, f"{self.mean_crps:.4f}", f"{self.marginal_crps:.4f}")
        shares = tuple(f"{self.coverage(level):.0%}" for level in LEVELS)
        columns = ("distributions", "CRPS", "marginal", *(f"in {level:.0%}" for level in LEVELS))
        note = "CRPS in meV/atom, by multiplicity; marginal: one distribution for all, that of the training labels."
        return (Table("", columns, ((*row, *shares),), "l" + "r" * 6, note),)

    def plot(self, ax: Place = None) -> Axes:
        """PIT histogram: flat where the distributions are calibrated."""
        from matganip.plots.distributions import pit_histogram

        return pit_histogram(self.pit, self.weight, ax=ax)
