"""How many labels each strategy needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LearningCurves(Result):
    """Test error against number of labels, for several strategies and seeds.

    Attributes
    ----------
    n_labels : (s,) int64 ndarray
    error : dict of str to (k, s) float64 ndarray
        By strategy: for each seed and number of labels, the MAE on the test orbits weighted by multiplicity, meV/atom.
    final, baseline : (k,) float64 ndarray
        For each seed the error with all orbits of the pool labelled, and that of their mean.
    seeds : tuple of int
    n_pool, n_test : int
        Orbits to choose among, and orbits held out.
    calculator : str
        What labelled.
    """

    n_labels: NDArray[np.int64]
    error: dict[str, Floats]
    final: Floats
    baseline: Floats
    seeds: tuple[int, ...]
    n_pool: int
    n_test: int
    calculator: str = ""

    def needed(self, strategy: str, factor: float = 2.0) -> Floats:
        """Labels (k,) from which on the error stays below `factor` times the final one; nan where it never does."""
        below = self.error[strategy] <= factor * self.final[:, None]
        stays = np.logical_and.accumulate(below[:, ::-1], axis=1)[:, ::-1]
        return np.where(stays.any(axis=1), self.n_labels[stays.argmax(axis=1)], np.nan).astype(np.float64)

    def to_dict(self) -> dict[str, Any]:
        """The curves and the labels needed, as JSON values."""
        needed = {name: self.needed(name).tolist() for name in self.error}
        return {
            "n_labels": self.n_labels.tolist(),
            "error_meV_per_atom": {name: rows.tolist() for name, rows in self.error.items()},
            "final": self.final.tolist(),
            "constant": self.baseline.tolist(),
            "needed": {name: [None if n != n else n for n in counts] for name, counts in needed.items()},
            "seeds": list(self.seeds),
            "n_pool": self.n_pool,
            "n_test": self.n_test,
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each strategy, seed and number of labels."""
        import pandas as pd

        return pd.DataFrame(
            [
                (name, seed, n, error)
                for name, rows in self.error.items()
                for seed, row in zip(self.seeds, rows.tolist(), strict=True)
                for n, error in zip(self.n_labels.tolist(), row, strict=True)
            ],
            columns=("strategy", "seed", "labels", "mae_meV_per_atom"),
        )

    def tables(self) -> tuple[Table, ...]:
        """Labels that each strategy needs."""
        note = (
            f"Labels from which on the MAE on {self.n_test} held-out orbits stays below twice that of all "
            f"{self.n_pool} of the pool ({self.final.mean():.4f}; mean baseline {self.baseline.mean():.4f} "
            f"meV/atom), for each of {len(self.seeds)} seeds; then their mean and standard deviation, how many times "
            f"as many random choice needs, and the MAE at {self.n_labels[-1]} labels."
        )
        columns = ("strategy", "labels needed", "mean", "random's / its", "MAE at the end")
        rows = tuple(self._line(name) for name in self.error)
        return (Table(f"{self.calculator}, rounds of {self.n_labels[0]}", columns, rows, "llrrr", note),)

    def plot(self, ax: Place = None) -> Axes:
        """Draw the curves, on a logarithmic axis."""
        from matganip.plots.learning_curves import learning_curve

        return learning_curve(
            self.n_labels,
            self.error,
            baseline=float(self.baseline.mean()),
            final=float(self.final.mean()),
            n_pool=self.n_pool,
            n_test=self.n_test,
            title=f"{self.n_pool + self.n_test} orbits, {self.calculator}",
            ax=ax,
        )

    def _line(self, name: str) -> tuple[str, ...]:
        counts = self.needed(name)
        ratio = self.needed("random") / counts if "random" in self.error else np.full(len(counts), np.nan)
        return (
            name,
            " ".join("-" if np.isnan(n) else f"{n:.0f}" for n in counts),
            _spread(counts, 1, 0),
            _spread(ratio, 2, 2),
            f"{self.error[name][:, -1].mean():.4f}",
        )


def _spread(values: Floats, digits: int, digits_of_one: int) -> str:
    """Mean and standard deviation; the number itself if there is one; a dash if one is not known."""
    if np.isnan(values).any():
        return "-"
    if len(values) == 1:
        return f"{values[0]:.{digits_of_one}f}"
    return f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}"
