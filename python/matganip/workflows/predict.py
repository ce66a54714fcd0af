"""Predictions of a trained model for the arrangements of a space, or for structures, as they come."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.codec import occupation_digits, sites_text, space_metadata
from matganip.configurations.io.parquet import arrangement_columns
from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.learning.card import Card
from matganip.learning.model import model_folder
from matganip.learning.remarks import remark_on

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.gan import Matganip
    from matganip.learning.representation import GraphRepresentation

Floats = NDArray[np.float64]
Put = Callable[["Predicted"], None]
SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class Predicted:
    """A batch of arrangements with their energies.

    Parameters
    ----------
    batch : ConfigurationBatch
    first : int
        Number of the first of them.
    per_atom : (n,) float64 ndarray
        Total energies in eV/atom.
    """

    batch: ConfigurationBatch
    first: int
    per_atom: Floats


@dataclass(frozen=True)
class Predictor:
    """A trained model and the space that it is asked about.

    Parameters
    ----------
    model : Matganip
    card : Card
    space : ConfigurationSpace
    represent : GraphRepresentation
    """

    model: Matganip
    card: Card
    space: ConfigurationSpace
    represent: GraphRepresentation

    @classmethod
    def load(
        cls,
        path: Path,
        *,
        supercell: Any = None,
        substitutions: dict[str, dict[str, int]] | None = None,
        device: str = "cpu",
    ) -> Predictor:
        """Read a model folder, and make the space that it was trained on, or another one of the same parent.

        Raises
        ------
        InputError
            If the folder is no model's, or the model cannot speak of that space: other species, other peaks.
        """
        from matganip.learning.gan import Matganip

        folder = model_folder(path)
        card, model = Card.read(folder), Matganip.load(folder, device=device)
        space = card.space(supercell, substitutions)
        card.check(space)
        return cls(model, card, space, card.represent(space))

    @property
    def remark(self) -> str:
        """What the model cannot know of this space, in sentences; nothing where it can."""
        return remark_on(self.card, self.space)

    def predict(self, occupations: NDArray[np.uint8]) -> Floats:
        """Total energies, (n,) in eV/atom, of arrangements (n, n_sites) of any composition of the space's species."""
        return self.model.predict(self.represent(occupations))

    def stream(self, batches: Iterable[ConfigurationBatch]) -> Iterator[Predicted]:
        """Predict batch after batch; nothing is held."""
        first = 0
        for batch in batches:
            yield Predicted(batch, first, self.predict(batch.occupations))
            first += len(batch)

    def of_structures(self, structures: Sequence[Any], names: Sequence[str]) -> tuple[NDArray[np.uint8], Floats]:
        """Predict structures on the ideal lattice: their codes (n, n_sites), and their energies (n,) in eV/atom.

        Raises
        ------
        InputError
            Names the structure and the site that does not fit the model's supercell.
        """
        rows = []
        for structure, name in zip(structures, names, strict=True):
            try:
                rows.append(self.space.occupation_of(structure))
            except InputError as error:
                text = str(error)
                raise InputError(text if text.startswith(name) else f"{name}: {text}") from error
        occupations = np.array(rows, dtype=np.uint8).reshape(len(rows), self.space.n_sites)
        return occupations, self.predict(occupations)


class Lowest:
    """The lowest of a stream of predictions.

    Parameters
    ----------
    size : int
        How many to keep.

    Attributes
    ----------
    rows : list of (per_atom, orbit, multiplicity, occupation)
        Ascending; ties in the order of the stream.
    n_seen : int
        How many there were.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.rows: list[tuple[float, int, int, NDArray[np.uint8]]] = []
        self.n_seen = 0

    def add(self, found: Predicted) -> None:
        """Look at a batch."""
        self.n_seen += len(found.batch)
        for row in np.argsort(found.per_atom, kind="stable")[: self.size].tolist():
            orbit = found.first + row
            multiplicity = int(found.batch.multiplicity[row])
            self.rows.append((float(found.per_atom[row]), orbit, multiplicity, found.batch.occupations[row]))
        self.rows = sorted(self.rows, key=lambda one: one[:2])[: self.size]


@contextmanager
def prediction_writer(path: Path, space: ConfigurationSpace, about: dict[str, str]) -> Iterator[Put]:
    """Write predictions as they come, as Parquet or CSV by the suffix; the file appears when all is written.

    Parameters
    ----------
    path : pathlib.Path
        ``.parquet`` or ``.csv``.
    space : ConfigurationSpace
        Of all batches.
    about : dict of str to str
        Goes into the metadata of Parquet: the calculator above all.

    Yields
    ------
    callable
        Takes a `Predicted`.

    Raises
    ------
    InputError
        If the suffix is another, or the file cannot be written.
    """
    check_suffix(path)
    atoms = space.n_atoms
    with atomic_path(path) as temporary:
        if path.suffix == ".csv":
            with temporary.open("w", newline="", encoding="utf-8") as file:
                lines = csv.writer(file, lineterminator="\n")
                lines.writerow(
                    ("orbit", "multiplicity", "prediction_eV", "prediction_eV_per_atom", "occupation", "sites")
                )
                yield lambda found: lines.writerows(_lines(found, atoms))
            return
        nothing = Predicted(
            ConfigurationBatch(space, np.empty((0, space.n_sites), np.uint8), np.empty(0, np.int64)), 0, np.empty(0)
        )
        schema = _table(nothing, atoms).schema.with_metadata({**space_metadata(space), **about})
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            yield lambda found: writer.write_table(_table(found, atoms).replace_schema_metadata(schema.metadata))


def check_suffix(path: Path) -> None:
    """Refuse a file that is neither Parquet nor CSV, before any work."""
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: predictions are written as {' or '.join(SUFFIXES)}, by the suffix of the file")


def _table(found: Predicted, atoms: int) -> pa.Table:
    n = len(found.batch)
    return pa.table(
        {
            "orbit": pa.array(np.arange(found.first, found.first + n)),
            "multiplicity": pa.array(found.batch.multiplicity),
            "prediction_eV": pa.array(found.per_atom * atoms),
            "prediction_eV_per_atom": pa.array(found.per_atom),
            **arrangement_columns(found.batch.space, found.batch.occupations),
        }
    )


def _lines(found: Predicted, atoms: int) -> Iterator[tuple[object, ...]]:
    digits = occupation_digits(found.batch.occupations).astype(str).tolist()
    for row, (energy, occupation) in enumerate(zip(found.per_atom.tolist(), digits, strict=True)):
        yield (
            found.first + row,
            int(found.batch.multiplicity[row]),
            repr(energy * atoms),
            repr(energy),
            occupation,
            sites_text(found.batch.space, found.batch.occupations[row]),
        )
