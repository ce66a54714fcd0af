"""Orbits as Parquet files, which pandas, polars and DuckDB read; equal content gives equal bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.configurations.codec import occupation_digits
from matganip.errors import InputError
from matganip.files import atomic_path

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

ROW_GROUP = 65536
"""Rows of a row group, whatever the size of the batches, so that equal orbits give equal bytes."""


def arrangement_columns(space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> dict[str, pa.Array]:
    """Make the columns that describe each arrangement, for people and for programs.

    Parameters
    ----------
    space : ConfigurationSpace
        The space that the codes belong to.
    occupations : (n, n_sites) uint8
        One row for each arrangement.

    Returns
    -------
    dict of str to pyarrow.Array
        ``occupation``: one character a site, the code of its species. Then for each species but the last (the
        most frequent one) of each sublattice ``Br_on_I``: the sites it takes, a list of fixed length. Where several
        sublattices have the same host, ``Br_on_I_0``, with the number of the sublattice. Rows that do not all have
        the space's composition have lists of several lengths.
    """
    columns = {"occupation": pa.array(occupation_digits(occupations)).cast(pa.string())}
    hosts = [sublattice.host for sublattice in space.sublattice_table]
    for number, (species, counts) in enumerate(zip(space.species, space.counts, strict=True)):
        sites = np.flatnonzero(space.sublattices == number)
        host = hosts[number] if hosts.count(hosts[number]) == 1 else f"{hosts[number]}_{number}"
        for code, (name, count) in enumerate(zip(species[:-1], counts[:-1], strict=True)):
            if count:
                rows, taken = np.nonzero(occupations[:, sites] == code)
                flat, lengths = pa.array(sites[taken], type=pa.int32()), np.bincount(rows, minlength=len(occupations))
                columns[f"{name}_on_{host}"] = (
                    pa.FixedSizeListArray.from_arrays(flat, count)
                    if (lengths == count).all()
                    else pa.ListArray.from_arrays(np.append(0, np.cumsum(lengths)).astype(np.int32), flat)
                )
    return columns


def _table(
    space: ConfigurationSpace,
    occupations: NDArray[np.uint8],
    multiplicity: NDArray[np.int64],
    orbits: Sequence[int],
    values: Mapping[str, Sequence[float] | NDArray[np.float64]],
) -> pa.Table:
    """Orbits as a table: ``orbit`` (its number), ``multiplicity``, further numbers, columns of the arrangement."""
    return pa.table(
        {
            "orbit": pa.array(np.asarray(orbits, dtype=np.int64)),
            "multiplicity": pa.array(multiplicity),
            **{name: pa.array(np.asarray(column, dtype=np.float64)) for name, column in values.items()},
            **arrangement_columns(space, occupations),
        }
    )


@contextmanager
def parquet_writer(
    path: str | os.PathLike[str], space: ConfigurationSpace, values: Sequence[str] = ()
) -> Iterator[Callable[[ConfigurationBatch, list[int], Mapping[str, Any]], None]]:
    """Write orbits batch by batch; the file is renamed to its final name when the context ends without an error.

    Parameters
    ----------
    path : path-like
        The Parquet file.
    space : ConfigurationSpace
        The space of all batches.
    values : sequence of str
        Names of further columns of numbers.

    Yields
    ------
    callable
        Takes a batch, the numbers of its orbits, and their further numbers.

    Raises
    ------
    InputError
        If the file cannot be written, or a batch is of another space.
    """
    nothing = _table(
        space, np.empty((0, space.n_sites), np.uint8), np.empty(0, np.int64), [], {name: [] for name in values}
    )
    schema = nothing.schema.with_metadata(space.metadata())
    waiting = [schema.empty_table()]

    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def write_groups(least: int) -> None:
            table = pa.concat_tables(waiting).combine_chunks()
            done = 0
            while table.num_rows - done >= least and table.num_rows > done:
                writer.write_table(table.slice(done, ROW_GROUP), row_group_size=ROW_GROUP)
                done += ROW_GROUP
            waiting[:] = [table.slice(done)]

        def put(batch: ConfigurationBatch, orbits: list[int], numbers: Mapping[str, Any]) -> None:
            if batch.space.key != space.key:
                raise InputError(f"{path}: one Parquet file holds one space, {space!r}; got a batch of {batch.space!r}")
            table = _table(space, batch.occupations, batch.multiplicity, orbits, numbers)
            waiting.append(table.replace_schema_metadata(schema.metadata))
            if sum(table.num_rows for table in waiting) >= ROW_GROUP:
                write_groups(ROW_GROUP)

        yield put
        write_groups(1)
