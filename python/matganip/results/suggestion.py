"""Which arrangements to label next, and the rounds of labelling that follow such suggestions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import occupation_texts, sites_text
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.labels.labelled import Labelled
    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Suggestion(Result):
    """Arrangements to label next, the most valuable first.

    Attributes
    ----------
    batch : ConfigurationBatch
        The suggested arrangements.
    rows : (m,) int64 ndarray
        Their rows among the candidates.
    prediction, deviation : (m,) float64 ndarray
        Mean and spread of the committee of models, eV per supercell; nan without enough labels.
    strategy : str
        How they were chosen.
    n_candidates, n_labels : int
        Orbits to choose among, and how many of them have a label.
    left_out_mae, baseline_mae : float
        Mean absolute error over the labels, each predicted by a model that was fitted without it, and by the mean of
        the others, meV/atom; nan without enough labels.
    """

    batch: ConfigurationBatch
    rows: NDArray[np.int64]
    prediction: Floats
    deviation: Floats
    strategy: str
    n_candidates: int
    n_labels: int
    left_out_mae: float
    baseline_mae: float

    def __len__(self) -> int:
        return len(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The state of the labels, and the suggested orbits, as JSON values."""
        return {"strategy": self.strategy, **self.standing(), "suggested": self._records()}

    def standing(self) -> dict[str, Any]:
        """Number of labels, and what is learned from them, as JSON values."""
        left_out, baseline = _finite([self.left_out_mae, self.baseline_mae])
        return {"labels": self.n_labels, "left_out_mae": left_out, "constant_mae": baseline}

    def to_frame(self) -> pd.DataFrame:
        """One row for each suggested orbit."""
        import pandas as pd

        columns = ("occupation", "sites", "multiplicity", "prediction_eV", "deviation_eV")
        return pd.DataFrame(self._records(), columns=columns)

    def tables(self) -> tuple[Table, ...]:
        """The suggested orbits."""
        lines = tuple(
            (str(number), one["sites"], f"{one['multiplicity']:,}", _number(one["prediction_eV"]),
             _number(one["deviation_eV"]))
            for number, one in enumerate(self._records(), 1)
        )  # fmt: skip
        title = f"Next by {self.strategy}, of {self.n_candidates:,} orbits, {self.n_labels:,} of them labelled"
        columns = ("", "sites taken", "multiplicity", "predicted, eV", "± eV")
        return (Table(title, columns, lines, "rwrrr", self._note),)

    @property
    def _note(self) -> str:
        if np.isnan(self.left_out_mae):
            return "Too few labels to learn from: these are chosen by their diffraction alone."
        return (
            f"MAE of the labels, each predicted by a model fitted without it: {self.left_out_mae:.4f} meV/atom; mean "
            f"baseline {self.baseline_mae:.4f}."
        )

    def _records(self) -> list[dict[str, Any]]:
        batch = self.batch
        return [
            {
                "occupation": digits,
                "sites": sites_text(batch.space, occupation),
                "multiplicity": int(multiplicity),
                "prediction_eV": prediction,
                "deviation_eV": deviation,
            }
            for digits, occupation, multiplicity, prediction, deviation in zip(
                occupation_texts(batch.occupations),
                batch.occupations,
                batch.multiplicity,
                _finite(self.prediction.tolist()),
                _finite(self.deviation.tolist()),
                strict=True,
            )
        ]


@dataclass(frozen=True, eq=False)
class LabelRounds(Result):
    """Rounds of suggesting, labelling and learning.

    Attributes
    ----------
    rounds : tuple of Suggestion
        What was suggested in each round, before it was labelled; the last one, without arrangements, has what was
        learned in the end.
    budget : int
        Labels to have in the end.
    calculator : str
        What labelled.
    database : pathlib.Path or None
        Where the labels are; None if they were kept in memory.
    errors : dict of str to int
        Messages of failed calculations, and how often each came.
    labels : Labelled or None
        All labels of the space in the end: what a model is trained on.
    """

    rounds: tuple[Suggestion, ...]
    budget: int
    calculator: str
    database: Path | None
    errors: dict[str, int]
    labels: Labelled | None

    @property
    def n_labels(self) -> int:
        """Labelled orbits in the end."""
        return self.rounds[-1].n_labels

    def to_dict(self) -> dict[str, Any]:
        """The rounds as JSON values."""
        rounds = [
            {
                **one.standing(),
                "suggested": occupation_texts(one.batch.occupations),
            }
            for one in self.rounds
        ]
        return {
            "strategy": self.rounds[-1].strategy, "budget": self.budget, "rounds": rounds, "errors": self.errors
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """One row for each round."""
        import pandas as pd

        return pd.DataFrame(
            {
                "labels": [one.n_labels for one in self.rounds],
                "left_out_mae_meV_per_atom": [one.left_out_mae for one in self.rounds],
                "baseline_mae_meV_per_atom": [one.baseline_mae for one in self.rounds],
                "suggested": [len(one) for one in self.rounds],
            }
        )

    def tables(self) -> tuple[Table, ...]:
        """The error before each round."""
        lines = tuple(
            (f"{one.n_labels:,}", _number(one.left_out_mae), _number(one.baseline_mae), str(len(one)))
            for one in self.rounds
        )
        note = "MAE of each label predicted by a model fitted without it, beside the mean of the others, meV/atom."
        columns = ("labels", "MAE", "mean baseline", "labelled next")
        return (Table(f"{self.calculator}, {self.rounds[-1].strategy}", columns, lines, "rrrr", note),)

    def sentences(self) -> tuple[str, ...]:
        """Where the labels are, and whether the budget was spent."""
        last = self.rounds[-1]
        where = f", in {self.database}" if self.database else "."
        said = f"{last.n_labels:,} of {last.n_candidates:,} orbits are labelled{where}"
        return (said,) if last.n_labels >= self.budget else (said, "No other orbit is left to label.")

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the error against the number of labels."""
        known = [one for one in self.rounds if not np.isnan(one.left_out_mae)]
        if not known:
            return None
        from matganip.plots.learning_curves import learning_curve

        errors = {
            "labels left out": [one.left_out_mae for one in known],
            "mean of the others": [one.baseline_mae for one in known],
        }
        return learning_curve([one.n_labels for one in known], errors, title=self.calculator, ax=ax)


def _finite(values: list[float]) -> list[float | None]:
    """Numbers for JSON: nan becomes None."""
    return [None if value != value else value for value in values]


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.4f}"
