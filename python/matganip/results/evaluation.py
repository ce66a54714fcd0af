"""How wrong a model is on labelled arrangements, always beside the mean baseline: `Assessed`, `Evaluation`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.judgement import Judgement
    from matganip.learning.metrics import Metrics
    from matganip.plots.energies import Parity
    from matganip.plots.style import Place
    from matganip.results.spans import Span

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Assessed(Result):
    """Predictions of labelled arrangements beside the labels and the mean baseline.

    Attributes
    ----------
    name : str
        Which arrangements these are: "test", "train", "unseen" ...
    occupations : (n, n_sites) uint8 ndarray
        Representatives of the orbits.
    multiplicity : (n,) int64 ndarray
        How many arrangements each row stands for.
    calculated, predicted : (n,) float64 ndarray
        Total energies in meV/atom.
    baseline : (n,) float64 ndarray
        What the mean of the training set predicts, in meV/atom.
    judgement : Judgement
        In meV/atom.
    n_train, orbits_train : int
        Arrangements and orbits of the (largest) training set.
    n_leaked : int
        Tested arrangements whose orbit is in the training set.
    deviation : (n,) float64 ndarray or None
        Standard deviations of the predictions in meV/atom, where the model gives them.
    """

    name: str
    occupations: NDArray[np.uint8]
    multiplicity: NDArray[np.int64]
    calculated: Floats
    predicted: Floats
    baseline: Floats
    judgement: Judgement
    n_train: int = 0
    orbits_train: int = 0
    n_leaked: int = 0
    deviation: Floats | None = None

    def __len__(self) -> int:
        return len(self.calculated)

    @property
    def metrics(self) -> Metrics:
        """In meV/atom, weighted by multiplicity."""
        return self.judgement.weighted

    @property
    def n_test(self) -> int:
        """Arrangements that the rows stand for."""
        return int(self.multiplicity.sum())

    @property
    def error(self) -> Floats:
        """(n,): absolute errors, in meV/atom."""
        error: Floats = np.abs(self.predicted - self.calculated)
        return error

    @property
    def error_rate(self) -> Floats:
        """(n,): absolute errors in percent of the size of the total energy; nan where that is zero."""
        size = np.abs(self.calculated)
        rate: Floats = np.divide(100.0 * self.error, size, out=np.full(len(size), np.nan), where=size > 0)
        return rate

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values; those of "plain" count every orbit once."""
        found = self.metrics
        return {
            "unit": found.unit,
            "orbits": found.n_rows,
            "arrangements": int(found.weight),
            **self.judgement.as_dict(),
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a labelled orbit."""
        return parts_frame((self,))

    def tables(self) -> tuple[Table, ...]:
        """Errors beside those of the mean baseline."""
        return error_tables((self,))

    def plot(self, ax: Place = None) -> Axes:
        """Predicted against calculated energies."""
        return plot_parity(self, ax)

    def sentence(self) -> str:
        """What the ranking finds, and what no model on these features can do better."""
        top, floor = self.judgement.top, self.judgement.floor
        return (
            f"{self.name}: {top.found} of the {top.k} lowest orbits are among the {top.k} predicted lowest "
            f"({top.by_chance:.2g} by chance). The columns tell {floor.n_classes:,} of {len(self):,} orbits "
            f"apart: no model that reads them has an MAE below {floor.mae:.4f} meV/atom here."
        )


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """A model on a labelled table.

    Attributes
    ----------
    space : ConfigurationSpace
        Of the labels.
    labels : str
        Name of the table.
    calculator, trained_with : str
        Whose energies the labels are, and whose the model learned.
    parts : tuple of Assessed
        "unseen" and "trained on", those of the two that there are.
    remarks : tuple of str
        What must be known of the numbers.
    span : Span or None
        How much of the pairs and triplets of the space trained on the model's columns know.
    """

    space: ConfigurationSpace
    labels: str
    calculator: str
    trained_with: str
    parts: tuple[Assessed, ...]
    remarks: tuple[str, ...] = field(default=())
    span: Span | None = None

    @property
    def unseen(self) -> Assessed | None:
        """The arrangements that the model was not trained on; None where it was trained on all."""
        return next((part for part in self.parts if part.name == "unseen"), None)

    def to_dict(self) -> dict[str, Any]:
        """What ``matganip evaluate --json`` prints."""
        return {
            "labels": self.labels,
            "calculator": self.calculator,
            "trained_with": self.trained_with,
            "space": self.space.key,
            "errors": {part.name: part.to_dict() for part in self.parts},
            "remarks": list(self.remarks),
            **({} if self.span is None else {"span": self.span.as_dict()}),
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a labelled orbit."""
        return parts_frame(self.parts)

    def tables(self) -> tuple[Table, ...]:
        """Errors beside those of the mean baseline."""
        return error_tables(self.parts, f"{self.labels}: {self.calculator}")

    def sentences(self) -> tuple[str, ...]:
        """The remarks, and what the model's columns know."""
        return (*self.remarks, *(() if self.span is None else (self.span.sentence(),)))

    def plot(self, ax: Place = None) -> Axes:
        """Predicted against calculated energies of the first part, the unseen arrangements where there are some."""
        return plot_parity(self.parts[0], ax)


def plot_parity(part: Assessed, ax: Place = None) -> Axes:
    """Predicted against calculated energies, in meV/atom from the mean of the labels."""
    from matganip.plots.energies import parity_panels

    (drawn,) = parity_panels([parity_of(part)], axes=ax)
    made: Axes = drawn
    return made


def parity_of(part: Assessed, title: str | None = None, origin: float | None = None) -> Parity:
    """What a parity figure shows of a part: energies in meV/atom from an origin, the mean of its labels by default."""
    from matganip.plots.energies import Parity, metrics_text

    found = part.metrics
    zero = float(np.average(part.calculated, weights=part.multiplicity)) if origin is None else origin
    return Parity(
        part.calculated - zero,
        part.predicted - zero,
        part.multiplicity,
        part.baseline - zero,
        title or f"{part.name}, {len(part):,} orbits",
        metrics_text(found.mae, found.baseline_mae, found.spearman, found.r2),
    )


def parts_frame(parts: Sequence[Assessed]) -> pd.DataFrame:
    """Labels and predictions, one row an orbit, in meV/atom."""
    import pandas as pd

    return pd.DataFrame(
        {
            "part": [part.name for part in parts for _ in range(len(part))],
            "multiplicity": np.concatenate([part.multiplicity for part in parts]),
            "label_meV_per_atom": np.concatenate([part.calculated for part in parts]),
            "prediction_meV_per_atom": np.concatenate([part.predicted for part in parts]),
            "mean_baseline_meV_per_atom": np.concatenate([part.baseline for part in parts]),
            **(
                {
                    "deviation_meV_per_atom": np.concatenate(
                        [part.deviation for part in parts if part.deviation is not None]
                    )
                }
                if all(part.deviation is not None for part in parts)
                else {}
            ),
        }
    )


def error_tables(parts: Sequence[Assessed], title: str = "") -> tuple[Table, ...]:
    """Errors of each part, and what its deviations are worth where the model gives them."""
    told = any(part.judgement.spread is not None for part in parts)
    return (_metrics_table(parts, title), *((_spread_table(parts),) if told else ()))


def _metrics_table(parts: Sequence[Assessed], title: str) -> Table:
    """Errors beside those of the mean baseline, and of the mean of each composition where there are several."""
    several = any(part.judgement.composition_mean is not None for part in parts)
    rows = tuple(
        (
            name,
            f"{found.n_rows:,}",
            f"{found.mae:.4f}",
            f"{found.baseline_mae:.4f}",
            *(("\u2013" if means is None else f"{means[plain]:.4f}",) if several else ()),
            _text(found.skill),
            *(("\u2013" if means is None else _text(1.0 - found.mae / means[plain]),) if several else ()),
            f"{found.rmse:.4f}",
            _text(found.r2),
            _text(found.spearman),
            f"{found.maer:.2g}",
            f"{found.baseline_maer:.2g}",
        )
        for part in parts
        for means in (part.judgement.composition_mean,)
        for plain, name, found in (
            (0, part.name, part.judgement.weighted),
            (1, "  plain", part.judgement.plain),
        )
    )
    more = ("of each composition",) if several else ()
    skills = ("skill", "skill within") if several else ("skill",)
    columns = ("", "orbits", "MAE", "mean baseline", *more, *skills, "RMSE", "R²", "Spearman", "MAER, %", "(mean)")
    note = (
        "MAE, that of the mean baseline (the mean of the training set) and RMSE in meV/atom, weighted by multiplicity; "
        "plain: every orbit counts once. Skill = 1 - MAE / MAE of the mean baseline. "
    )
    if several:
        note += (
            "Of each composition: the mean of the other known labels of an arrangement's own composition, which knows "
            "nothing of arrangements; skill within is beside that. "
        )
    note += _about_maer(parts) + " ".join(part.sentence() for part in parts)
    return Table(title, columns, rows, "l" + "r" * (len(columns) - 1), note)


def _about_maer(parts: Sequence[Assessed]) -> str:
    if all(part.judgement.weighted.baseline_maer < 1.0 for part in parts):
        return (
            "MAER is relative to the total energy, which hardly differs between arrangements: it is small for the mean "
            "baseline, too. "
        )
    return "MAER is relative to the value itself, and large where that is near zero. "


def _spread_table(parts: Sequence[Assessed]) -> Table:
    """Coverage of the deviations, and their likelihood beside one width for all."""
    rows = tuple(
        (
            part.name,
            f"{np.median(part.deviation):.4f}" if part.deviation is not None else "\u2013",
            f"{found.within_68:.0%}",
            f"{found.within_95:.0%}",
            f"{found.surprise:.3f}",
            f"{found.constant_surprise:.3f}",
        )
        for part in parts
        if (found := part.judgement.spread) is not None
    )
    columns = ("", "median deviation", "in 68 %", "in 95 %", "-log likelihood", "of one width")
    note = (
        "Deviations in meV/atom; the share of errors in the widths that are to hold 68 and 95 % of those of new rows; "
        "the mean negative log likelihood of the errors under a Gaussian of the predicted deviation, and under one of "
        "the constant width that suits the training set best: the lower, the better. Every orbit counts once; of rows "
        "trained on errors are smaller than of new ones."
    )
    return Table("What the deviations are worth", columns, rows, "l" + "r" * 5, note)


def _text(value: float) -> str:
    if not math.isfinite(value):
        return "\u2013"
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.3g}"
