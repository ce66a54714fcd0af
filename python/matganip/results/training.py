"""What a training reached: `Training`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.results.base import Result, or_null
from matganip.results.content import Table
from matganip.results.evaluation import Assessed, error_tables, parts_frame, plot_parity

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.learning.history import TrainingHistory
    from matganip.plots.style import Place
    from matganip.results.distribution import DistributionScores
    from matganip.results.spans import Span


@dataclass(frozen=True)
class Choice:
    """A representation that was tried.

    Attributes
    ----------
    name, kind : str
        What the columns are, and whether the function of them is "linear" or a "kernel" one.
    n_columns : int
    spans : str
        How much of the pairs and triplets of the space the columns span.
    left_out_mae, standard_error, floor : float
        Mean absolute error of training rows left out one by one and its standard error, and the least that any function
        of the columns can have on the training set; meV/atom, weighted by multiplicity.
    taken : bool
        Whether the model uses it: the simplest one within a standard error of the least.
    """

    name: str
    kind: str
    n_columns: int
    spans: str
    left_out_mae: float
    standard_error: float
    floor: float
    taken: bool


@dataclass(frozen=True, eq=False)
class Training(Result):
    """The errors of a new model on the parts of its labels, and how the game between G and D ended.

    Attributes
    ----------
    calculator, labels : str
        Whose energies were learned, and the name of their table.
    split : str
        How the labels were split, in words.
    leaked : int
        Tested arrangements of which a symmetry copy is in the training set.
    parts : tuple of Assessed
        "train", "validation" and "test", those of them that there are.
    history : TrainingHistory
    objective : str
        The game that was played.
    optimum : (float, float or None)
        loss(D) and D(x) where neither network wins; D is None where a critic's scores have no zero.
    seed : int
    seconds : dict of str to float
        Of each step, by the clock.
    choices : tuple of Choice
        What was tried, where the representation chose itself.
    refused : tuple of str
        Structures that do not fit the parent, each with the reason.
    span : Span or None
        How much of the pairs and triplets of the space the columns know.
    distributions : tuple of DistributionScores
        Of each part, where the model answers with distributions.
    filled_in : int
        Arrangements that these were learned from beside the labels.
    """

    calculator: str
    labels: str
    split: str
    leaked: int
    parts: tuple[Assessed, ...]
    history: TrainingHistory | None
    objective: str
    optimum: tuple[float, float | None] | None
    seed: int
    seconds: dict[str, float]
    choices: tuple[Choice, ...] = ()
    refused: tuple[str, ...] = ()
    span: Span | None = None
    distributions: tuple[DistributionScores, ...] = ()
    filled_in: int = 0

    def __getitem__(self, name: str) -> Assessed:
        """The part of that name.

        Raises
        ------
        KeyError
            If there is no such part.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    @property
    def leak(self) -> str:
        """A sentence that says what the test set owes to symmetry; empty where it owes nothing."""
        if not self.leaked:
            return ""
        tested = self["test"].n_test
        return (
            f"{self.leaked:,} of {tested:,} tested arrangements ({self.leaked / tested:.0%}) are symmetry copies of "
            "arrangements in the training set: these errors show memory. Split by orbit to see what the model predicts."
        )

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the training, as JSON values; nan is null."""
        last = None if self.history is None else self.history.last
        return {
            "seed": self.seed,
            "calculator": self.calculator,
            "labels": self.labels,
            "property": "total energy, meV/atom, weighted by multiplicity",
            "split": self.split,
            "leaked": self.leaked,
            "errors": {part.name: part.to_dict() for part in self.parts},
            "game": None
            if last is None or not np.isfinite(last.loss_d)
            else {
                "objective": self.objective,
                **{name: or_null(getattr(last, name)) for name in ("loss_d", "loss_g", "d_real", "d_fake")},
                "optimum": dict(zip(("loss_d", "d"), self.optimum or (None, None), strict=True)),
            },
            "epochs": 0 if last is None else last.epoch,
            "best_epoch": None if self.history is None else self.history.best_epoch,
            "stopped_early": self.history is not None and self.history.stopped_early,
            **({} if self.span is None else {"span": self.span.as_dict()}),
            **self._distributions(),
            **({"refused": list(self.refused)} if self.refused else {}),
            **({"tried": [asdict(choice) for choice in self.choices]} if self.choices else {}),
            "seconds": self.seconds,
        }

    def to_frame(self) -> pd.DataFrame:
        """One row a labelled orbit."""
        return parts_frame(self.parts)

    def tables(self) -> tuple[Table, ...]:
        """Errors of each part beside those of the mean baseline."""
        errors = error_tables(self.parts, f"{self.labels}: {self.calculator}")
        tables = (self.choice_table(), *errors) if self.choices else errors
        return (*tables, *(table for one in self.distributions for table in one.tables()))

    def _distributions(self) -> dict[str, Any]:
        if not self.distributions:
            return {}
        return {"distributions": {one.name: one.to_dict() for one in self.distributions}, "filled_in": self.filled_in}

    def choice_table(self) -> Table:
        """The representations that were tried, beside the mean baseline."""
        rows = tuple(
            (
                "taken" if one.taken else "",
                one.name,
                one.kind,
                f"{one.n_columns:,}",
                one.spans,
                f"{one.left_out_mae:.4f}",
                f"{one.standard_error:.4f}",
                f"{one.floor:.4f}",
            )
            for one in self.choices
        )
        columns = ("", "columns", "function", "number", "spans", "left out", "±", "floor")
        note = (
            "Mean absolute errors of training rows left out one by one, with standard errors, in meV/atom; the mean "
            f"baseline has {self['train'].metrics.baseline_mae:.4f}. Floor: the least that any function of the columns "
            "can have on these rows. The simplest within a standard error of the least is taken."
        )
        return Table("What was tried", columns, rows, "lllrlrrr", note)

    def sentences(self) -> tuple[str, ...]:
        """What the split leaks, and how the game ended."""
        spans = "" if self.span is None else self.span.sentence("columns" if self.history is None else "vertices")
        if self.history is None:
            filled = (
                f"The distributions were learned from {self.filled_in:,} arrangements of the space, whose energies the "
                "complete columns tell after these labels."
                if self.filled_in
                else ""
            )
            return tuple(filter(None, (self.leak, spans, filled, *self._of_structures())))
        last = self.history.last
        game = ""
        if np.isfinite(last.loss_d) and self.optimum is not None:
            game = (
                f"The game ({self.objective}) ended at loss(D) {last.loss_d:.4f}, D(x_r) {last.d_real:.3f}, D(x_f) "
                f"{last.d_fake:.3f}; where neither network wins loss(D) is {self.optimum[0]:.4f}."
            )
        stopped = f"Stopped early: epoch {self.history.best_epoch} is kept." if self.history.stopped_early else ""
        return tuple(filter(None, (self.leak, spans, game, stopped)))

    def _of_structures(self) -> tuple[str, ...]:
        if not self.refused:
            return ()
        several = len(self.refused)
        return (f"{several} structures do not fit the parent and are left out: {'; '.join(self.refused)}.",)

    def plot(self, ax: Place = None) -> Axes:
        """Predicted against calculated energies of the test set, or of the last part there is."""
        return plot_parity(self.parts[-1], ax)
