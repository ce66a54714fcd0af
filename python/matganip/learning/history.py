"""What a training was like, for a progress bar while it runs and for figures afterwards."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError


@dataclass(frozen=True)
class Progress:
    """Where a training stands after an epoch; errors never come without the mean baseline's.

    Parameters
    ----------
    epoch, epochs : int
        Passes over the training set done, and wanted.
    loss_d, loss_g : float
        F(D) and F(G), without the supervised term; nan where no game is played.
    d_real, d_fake : float
        Mean D(x_r) and D(x_f); both 0.5 where neither network wins.
    train_mae, baseline_mae : float
        Error on the training set of the generator that would predict now, and of the mean baseline, in `unit`.
    validation_mae, validation_baseline_mae : float
        The same on the validation set; nan without one.
    unit : str
        Of the errors.
    """

    epoch: int
    epochs: int
    loss_d: float
    loss_g: float
    d_real: float
    d_fake: float
    train_mae: float
    baseline_mae: float
    validation_mae: float
    validation_baseline_mae: float
    unit: str


ProgressCallback = Callable[[Progress], object]


class JsonLines:
    """A callback that writes each `Progress` as one line of JSON, so that others can follow a training.

    Parameters
    ----------
    path : Path
        The file; one that is there is replaced unless `append`.
    append : bool
        Write after what an interrupted training has written.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self.path = path
        if not append:
            path.write_text("", encoding="utf-8")

    def __call__(self, progress: Progress) -> None:
        """Write one line; nan becomes null."""
        line = json.dumps({name: _plain(value) for name, value in asdict(progress).items()}, allow_nan=False)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


@dataclass(frozen=True)
class TrainingHistory:
    """A training from its first epoch to its last.

    Parameters
    ----------
    records : tuple of Progress
        One for every ``evaluate_every`` epochs.
    best_epoch : int
        Whose weights were kept: the last, or with a validation set the one with the lowest validation error; 0 is a
        solved readout without a correction.
    stopped_early : bool
        Whether patience ran out before the epochs did.
    n_rows : int
        Rows trained on, equal ones joined.
    """

    records: tuple[Progress, ...]
    best_epoch: int
    stopped_early: bool
    n_rows: int

    @property
    def last(self) -> Progress:
        """The last record."""
        return self.records[-1]

    def column(self, name: str) -> NDArray[np.float64]:
        """Give one field of `Progress` over the records, for a curve."""
        return np.array([getattr(record, name) for record in self.records], dtype=np.float64)

    def scaled(self, factor: float, unit: str) -> TrainingHistory:
        """Give the same history with its errors in another unit, as `Metrics.scaled` does."""
        errors = ("train_mae", "baseline_mae", "validation_mae", "validation_baseline_mae")
        records = (
            replace(record, unit=unit, **{name: getattr(record, name) * factor for name in errors})
            for record in self.records
        )
        return replace(self, records=tuple(records))

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON values; nan becomes None."""
        plain = asdict(self)
        plain["records"] = [{k: _plain(v) for k, v in asdict(record).items()} for record in self.records]
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingHistory:
        """Undo `to_dict`.

        Raises
        ------
        InputError
            If a field is missing or unknown.
        """
        names = {field.name for field in fields(Progress)}
        if set(values) != {field.name for field in fields(cls)}:
            raise InputError("the training history does not have the fields of this version")
        records: list[Progress] = []
        for written in values["records"]:
            record = {_FORMER.get(name, name): value for name, value in written.items()}
            if set(record) != names:
                raise InputError("the training history does not have the fields of this version")
            plain: dict[str, Any] = {k: math.nan if v is None else v for k, v in record.items()}
            records.append(Progress(**plain))
        return cls(**{**values, "records": tuple(records)})


_FORMER = {"constant_mae": "baseline_mae", "validation_constant_mae": "validation_baseline_mae"}
"""Names of fields in histories of version 0.1."""


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
