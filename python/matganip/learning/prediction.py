"""Predictions of a model as they come: orbits batch after batch, written to a file, the lowest kept."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.codec import occupation_texts, sites_text
from matganip.configurations.io.parquet import arrangement_columns
from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.learning.distribution import Distribution
from matganip.learning.evaluation import energies_of
from matganip.progress import reporting
from matganip.results.prediction import NO_DISTRIBUTION, Prediction, quantile_name

if TYPE_CHECKING:
    from matganip.learning.model import Model
    from matganip.learning.representation import GraphRepresentation
    from matganip.progress import ProgressOption

BATCH = 4096
SUFFIXES = (".parquet", ".csv")
Put = Callable[[Prediction], object]


@dataclass(frozen=True)
class Writing:
    """A model asked about a space, and the file that its predictions go to.

    Parameters
    ----------
    model : Model
    represent : GraphRepresentation
        Of the space.
    output : path-like, optional
        ``.parquet`` or ``.csv``.
    levels : tuple of float
        Probabilities of the quantiles that are told beside each prediction.
    """

    model: Model
    represent: GraphRepresentation
    output: str | os.PathLike[str] | None
    levels: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.output is not None and Path(self.output).suffix not in SUFFIXES:
            raise InputError(
                f"{self.output}: predictions are written as {' or '.join(SUFFIXES)}, by the suffix of the file"
            )

    def predict(self, batch: ConfigurationBatch, first: int, kind: str, names: tuple[str, ...] = ()) -> Prediction:
        """Predict a batch whose rows are numbered from `first`."""
        predictor = self.model.predictor
        per_atom, deviation = energies_of(predictor, self.represent, batch.occupations)
        return Prediction(
            space=batch.space,
            occupations=batch.occupations,
            multiplicity=batch.multiplicity,
            per_atom=per_atom,
            deviation=deviation,
            n_atoms=batch.space.atoms_of(batch.occupations),
            number=np.arange(first, first + len(batch)),
            kind=kind,
            n_predicted=len(batch),
            calculator=self.model.calculator,
            remark=self.model.remark(batch.space) if kind != "structure" else "",
            names=names,
            sampler=predictor.sampler(self.represent) if isinstance(predictor, Distribution) else None,
            levels=self.levels,
        )


def checked_levels(model: Model, levels: Sequence[float]) -> tuple[float, ...]:
    """Probabilities of quantiles in ascending order; refused where they are none, or the model has no distributions."""
    if levels and not isinstance(model.predictor, Distribution):
        raise InputError(f"quantiles: {NO_DISTRIBUTION}")
    for level in levels:
        if not 0.0 < level < 1.0:
            raise InputError(f"quantiles: {level:g} is no probability above 0 and below 1")
    return tuple(sorted(set(map(float, levels))))


def predict_batches(
    writing: Writing, *, number: int | None, seed: int, keep: int | None, progress: ProgressOption
) -> Prediction:
    """Predict the orbits of a space, or a uniform sample; keep the lowest, write all."""
    space = writing.represent.space
    kind = "orbit" if number is None else "drawn"
    total = space.count_orbits() if number is None else number
    batches = space.orbits(batch_size=BATCH) if number is None else _pieces(space.sample_orbits(number, seed=seed))
    kept: list[Prediction] = []
    done = 0
    with reporting(progress) as report, prediction_writer(writing, kind) as put:
        for batch in batches:
            found = writing.predict(batch, done, kind)
            put(found)
            done += len(batch)
            kept.append(found)
            if keep is not None:
                kept = [_joined(kept).lowest(keep)]
            report("predict", done, total, "")
    whole = _joined(kept, n_predicted=done)
    return whole if keep is None else whole.lowest(keep)


def predict_rows(
    writing: Writing, batch: ConfigurationBatch, names: tuple[str, ...], *, structures: bool
) -> Prediction:
    """Predict the rows of a batch, or structures."""
    kind = "structure" if structures else "orbit"
    names = names or (tuple(f"row {row}" for row in range(len(batch))) if structures else ())
    found = writing.predict(batch, 0, kind, names)
    with prediction_writer(writing, kind) as put:
        put(found)
    return found


@contextmanager
def prediction_writer(writing: Writing, kind: str) -> Iterator[Put]:
    """Write predictions as they come, Parquet or CSV; the file appears under its name when all is written."""
    if writing.output is None:
        yield lambda _: None
        return
    path = Path(writing.output)
    with atomic_path(path) as temporary:
        if kind == "structure":
            yield lambda found: _write_structures(found, path, temporary)
        elif path.suffix == ".csv":
            with temporary.open("w", newline="", encoding="utf-8") as file:
                lines = csv.writer(file, lineterminator="\n")
                told = ("orbit", "multiplicity", "prediction_eV", "prediction_eV_per_atom")
                lines.writerow((*told, *map(quantile_name, writing.levels), "occupation", "sites"))
                yield lambda found: lines.writerows(_lines(found))
        else:
            space = writing.represent.space
            none = ConfigurationBatch(space, np.empty((0, space.n_sites), np.uint8), np.empty(0, np.int64))
            metadata = {**space.metadata(), "calculator": writing.model.calculator}
            schema = _table(writing.predict(none, 0, kind)).schema.with_metadata(metadata)
            with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
                yield lambda found: writer.write_table(_table(found).replace_schema_metadata(schema.metadata))


def _pieces(batch: ConfigurationBatch) -> Iterator[ConfigurationBatch]:
    return (batch[start : start + BATCH] for start in range(0, len(batch), BATCH))


def _joined(parts: list[Prediction], n_predicted: int | None = None) -> Prediction:
    columns = ("occupations", "multiplicity", "per_atom", "deviation", "n_atoms", "number")
    whole: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    first = parts[0]
    return Prediction(
        space=first.space,
        kind=first.kind,
        n_predicted=len(whole["number"]) if n_predicted is None else n_predicted,
        calculator=first.calculator,
        remark=first.remark,
        sampler=first.sampler,
        levels=first.levels,
        **whole,
    )


def _table(found: Prediction) -> pa.Table:
    return pa.table(
        {
            "orbit": pa.array(found.number),
            "multiplicity": pa.array(found.multiplicity),
            "prediction_eV": pa.array(found.energy),
            "prediction_eV_per_atom": pa.array(found.per_atom),
            **{name: pa.array(column) for name, column in found.quantile_columns().items()},
            **arrangement_columns(found.space, found.occupations),
        }
    )


def _lines(found: Prediction) -> Iterator[tuple[object, ...]]:
    digits = occupation_texts(found.occupations)
    columns = (found.number.tolist(), found.multiplicity.tolist(), found.energy.tolist(), found.per_atom.tolist())
    for number, multiplicity, energy, per_atom, quantiles, occupation, row in zip(
        *columns, _quantile_texts(found), digits, found.occupations, strict=True
    ):
        yield number, multiplicity, repr(energy), repr(per_atom), *quantiles, occupation, sites_text(found.space, row)


def _quantile_texts(found: Prediction) -> list[list[str]]:
    """Quantiles of each row, as a CSV file has them."""
    columns = [list(map(repr, column.tolist())) for column in found.quantile_columns().values()]
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in range(len(found))]


def _write_structures(found: Prediction, path: Path, temporary: Path) -> None:
    if path.suffix != ".csv":
        raise InputError(f"{path}: predictions of structures are written as .csv")
    with temporary.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(("structure", "prediction_eV_per_atom", *map(quantile_name, found.levels)))
        rows = zip(found.names, map(repr, found.per_atom.tolist()), _quantile_texts(found), strict=True)
        lines.writerows((name, energy, *quantiles) for name, energy, quantiles in rows)
