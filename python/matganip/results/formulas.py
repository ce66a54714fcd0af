"""What a model across chemistry says of formulas: `FormulaPrediction`, `FormulaEvaluation`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from matganip.results.base import Result, or_null
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]
SHOWN = 20
"""Formulas that a terminal shows."""

APART = 1e-3
"""eV/atom: the lowest arrangement counts as one where it lies further below the next than this."""


@dataclass(frozen=True, eq=False)
class FormulaPrediction(Result):
    """Energies of the arrangements of formulas, each from the mean over all arrangements of its formula.

    Attributes
    ----------
    formulas : tuple of n str
    arrangements : tuple of m str
        Point groups of the cluster of one species on B.
    multiplicity : (m,) int64 ndarray
    energy, deviation : (n, m) float64 ndarray
        eV/atom, with the weighted mean of each row 0; and standard deviations.
    mean : (n,) float64 ndarray
        Total energy of that mean where labels of the formula itself were given, eV/atom; nan elsewhere.
    calculator : str
        Whose energies the model learned.
    new_elements : tuple of n tuple of str
        Elements of each formula that the model never met.
    """

    formulas: tuple[str, ...]
    arrangements: tuple[str, ...]
    multiplicity: NDArray[np.int64]
    energy: Floats
    deviation: Floats
    mean: Floats
    calculator: str
    new_elements: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.formulas)

    @property
    def lowest(self) -> tuple[str, ...]:
        """The arrangement of lowest energy of each formula."""
        return tuple(self.arrangements[k] for k in self.energy.argmin(axis=1))

    def to_frame(self) -> pd.DataFrame:
        """One row a formula and arrangement."""
        import pandas as pd

        n, m = self.energy.shape
        return pd.DataFrame(
            {
                "formula": np.repeat(self.formulas, m),
                "arrangement": list(self.arrangements) * n,
                "multiplicity": np.tile(self.multiplicity, n),
                "energy_from_mean_eV_per_atom": self.energy.ravel(),
                "deviation_eV_per_atom": self.deviation.ravel(),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """What ``matganip predict --json`` prints."""
        return {
            "calculator": self.calculator,
            "arrangements": dict(zip(self.arrangements, self.multiplicity.tolist(), strict=True)),
            "predictions": [
                {
                    "formula": formula,
                    "lowest": lowest,
                    "energy_from_mean_eV_per_atom": dict(zip(self.arrangements, energy, strict=True)),
                    "deviation_eV_per_atom": dict(zip(self.arrangements, deviation, strict=True)),
                    "mean_eV_per_atom": or_null(mean),
                    "new_elements": list(new),
                }
                for formula, lowest, energy, deviation, mean, new in zip(
                    self.formulas, self.lowest, self.energy.tolist(), self.deviation.tolist(), self.mean.tolist(),
                    self.new_elements, strict=True,
                )
            ],
        }  # fmt: skip

    def tables(self) -> tuple[Table, ...]:
        """The first formulas, energies in meV/atom."""
        rows = tuple(
            (formula, lowest, *(f"{value * 1000:.2f}" for value in energy), f"{deviation.mean() * 1000:.2f}")
            for formula, lowest, energy, deviation in zip(
                self.formulas[:SHOWN], self.lowest, self.energy, self.deviation, strict=False
            )
        )
        more = f"The first {SHOWN} of {len(self):,} formulas. " if len(self) > SHOWN else ""
        note = f"{more}Energies as {self.calculator} would give them, meV/atom from the mean over all arrangements."
        return (Table("", ("formula", "lowest", *self.arrangements, "deviation"), rows, "ll" + "r" * 7, note),)

    def sentences(self) -> tuple[str, ...]:
        """Which elements are new to the model."""
        new = sorted({name for names in self.new_elements for name in names})
        return (f"The model never met {', '.join(new)}: expect larger errors.",) if new else ()


@dataclass(frozen=True, eq=False)
class FormulaEvaluation(Result):
    """Predicted beside calculated ordering energies.

    Attributes
    ----------
    part : str
        Of what: "formulas unseen", "elements unseen", "trained on" ...
    prediction : FormulaPrediction
    truth : (n, m) float64 ndarray
        Calculated energies, eV/atom, from the weighted mean of each row.
    n_train : int
        Formulas that the model was trained on.
    """

    part: str
    prediction: FormulaPrediction
    truth: Floats
    n_train: int

    @property
    def error(self) -> float:
        """Mean absolute error over formulas and arrangements, each counted once, eV/atom."""
        return self._error(self.prediction.energy - self.truth)

    @property
    def baseline_error(self) -> float:
        """Of "all arrangements of a formula are equal", eV/atom."""
        return self._error(self.truth)

    def _error(self, wrong: Floats) -> float:
        return float(np.abs(wrong - wrong.mean(axis=1, keepdims=True)).mean())

    @property
    def ratio(self) -> float:
        """The one over the other."""
        return self.error / self.baseline_error if self.baseline_error > 0 else float("nan")

    @property
    def apart(self) -> NDArray[np.bool_]:
        """(n,): whether the true lowest arrangement lies more than 1 meV/atom below the next."""
        order = np.sort(self.truth, axis=1)
        found: NDArray[np.bool_] = order[:, 1] - order[:, 0] > APART
        return found

    @property
    def lowest_found(self) -> float:
        """Share of those formulas whose lowest arrangement is predicted to be lowest; nan where there is none."""
        found = self.prediction.energy.argmin(axis=1) == self.truth.argmin(axis=1)
        return float(found[self.apart].mean()) if self.apart.any() else float("nan")

    @property
    def spearman(self) -> float:
        """Median over the formulas of the rank correlation over their arrangements."""
        pairs = zip(self.prediction.energy, self.truth, strict=True)
        return float(np.median([np.corrcoef(rankdata(one), rankdata(other))[0, 1] for one, other in pairs]))

    def to_frame(self) -> pd.DataFrame:
        """The prediction's, with the calculated energies."""
        return self.prediction.to_frame().assign(calculated_from_mean_eV_per_atom=self.truth.ravel())

    def to_dict(self) -> dict[str, Any]:
        """The errors as JSON values."""
        return {
            "part": self.part,
            "calculator": self.prediction.calculator,
            "formulas": len(self.prediction),
            "trained_on": self.n_train,
            "mae_eV_per_atom": self.error,
            "mean_baseline_mae_eV_per_atom": self.baseline_error,
            "ratio": or_null(self.ratio),
            "lowest_found": or_null(self.lowest_found),
            "apart": int(self.apart.sum()),
            "spearman_median": or_null(self.spearman),
        }

    def tables(self) -> tuple[Table, ...]:
        """One row."""
        row = (
            f"{len(self.prediction):,}", f"{self.error * 1000:.3f}", f"{self.baseline_error * 1000:.3f}",
            f"{self.ratio:.3f}", f"{self.lowest_found:.1%} of {self.apart.sum():,}", f"{self.spearman:.3f}",
        )  # fmt: skip
        columns = ("formulas", "MAE", "mean baseline", "ratio", "lowest found", "Spearman, median")
        note = (
            "Errors in meV/atom, of energies from the mean of each formula; the baseline says that all arrangements of "
            f"a formula are equal. Trained on {self.n_train:,} formulas."
        )
        return (Table(self.part, columns, (row,), "rrrrrr", note),)

    def plot(self, ax: Place = None) -> Axes:
        """Predicted against calculated."""
        from matganip.plots.energies import parity

        return parity(self.truth.ravel() * 1000, self.prediction.energy.ravel() * 1000, ax=ax)
