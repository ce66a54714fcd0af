"""The files of a shard: Parquet, under a temporary name, flushed, then renamed; equal content is equal bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.configurations.codec import occupation_digits, occupations_from_digits
from matganip.errors import InputError
from matganip.files import atomic_path, flush_folder, sha256
from matganip.screening.selection import Rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.configurations.space import ConfigurationSpace

Files = dict[str, dict[str, Any]]


def shard_name(shard: int) -> str:
    """Name of the file with a shard's best rows and sums.

    >>> shard_name(12)
    'shard-00012.parquet'
    """
    return f"shard-{shard:05d}.parquet"


def every_name(shard: int) -> str:
    """Name of the file with all rows of a shard."""
    return f"all-{shard:05d}.parquet"


def columns_of(rows: Rows) -> dict[str, pa.Array]:
    """Columns of rows, in the order of a shard's file.

    ``row``, ``multiplicity``, ``prediction_eV``, ``deviation_eV`` (null where there is one model), the same of a second
    property with ``_2``, and ``occupation``.
    """
    columns = {"row": pa.array(rows.row), "multiplicity": pa.array(rows.multiplicity)}
    for number in range(rows.energy.shape[1]):
        suffix = "" if number == 0 else f"_{number + 1}"
        columns[f"prediction{suffix}_eV"] = pa.array(rows.energy[:, number])
        columns[f"deviation{suffix}_eV"] = pa.array(rows.deviation[:, number], mask=np.isnan(rows.deviation[:, number]))
    columns["occupation"] = pa.array(occupation_digits(rows.occupations)).cast(pa.string())
    return columns


def write_shard(folder: Path, shard: int, space: ConfigurationSpace, rows: Rows, facts: Mapping[str, str]) -> Files:
    """Write a shard's best rows, its sums among the metadata; return size and SHA-256 of the file by its name."""
    path = folder / shard_name(shard)
    table = pa.table(columns_of(rows)).replace_schema_metadata({**space.metadata(), **facts})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
        record = file_record(temporary, len(rows))
    flush_folder(folder)
    return {path.name: record}


def read_shard(path: Path) -> tuple[Rows, dict[str, str]]:
    """Read what `write_shard` wrote: the rows, and the metadata.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        table = pq.read_table(path)
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        return _rows(table), metadata
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise InputError(f"{path}: damaged: {str(error).splitlines()[0]}") from error


def _rows(table: pa.Table) -> Rows:
    names = [name for name in table.column_names if name.startswith("prediction")]
    text = table["occupation"].to_pylist()
    return Rows(
        table["row"].to_numpy(),
        table["multiplicity"].to_numpy(),
        occupations_from_digits(text, len(text[0]) if text else 0),
        np.column_stack([table[name].to_numpy() for name in names]).reshape(len(text), len(names)),
        np.column_stack([_floats(table[name.replace("prediction", "deviation")]) for name in names]).reshape(
            len(text), len(names)
        ),
    )


def _floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    found: NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def file_record(path: Path, n_rows: int) -> dict[str, Any]:
    """Rows, bytes and SHA-256 of a file."""
    return {"rows": n_rows, "bytes": path.stat().st_size, "sha256": sha256(path)}


class EveryRow:
    """Writes every row of a shard as it comes, or nothing.

    Parameters
    ----------
    folder : pathlib.Path
    shard : int
    space : ConfigurationSpace
    wanted : bool

    Attributes
    ----------
    files : dict
        Size and SHA-256 of the file by its name, once it is written.
    """

    def __init__(self, folder: Path, shard: int, space: ConfigurationSpace, wanted: bool) -> None:
        self.path, self.space, self.wanted = folder / every_name(shard), space, wanted
        self.files: Files = {}
        self._temporary: Path | None = None
        self._writer: pq.ParquetWriter | None = None
        self._n_rows = 0

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The file appears when the context is left without an error."""
        if not self.wanted:
            yield
            return
        with atomic_path(self.path) as temporary:
            self._temporary = temporary
            try:
                yield
            finally:
                if self._writer is not None:
                    self._writer.close()
            self.files = {self.path.name: file_record(temporary, self._n_rows)}

    def put(self, rows: Rows) -> None:
        """Write a block."""
        if self._temporary is None:
            return
        table = pa.table(columns_of(rows)).replace_schema_metadata(self.space.metadata())
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._temporary, table.schema, compression="zstd")
        self._writer.write_table(table)
        self._n_rows += len(rows)
