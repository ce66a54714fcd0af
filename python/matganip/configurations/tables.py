"""Orbits as Parquet: equal content is equal bytes; pandas, polars and DuckDB read it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch, occupation_digits
from matganip.configurations.composition import element_of
from matganip.errors import InputError
from matganip.files import atomic_path

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

ROW_GROUP = 65536
"""Rows of a row group, whatever the size of the batches: equal orbits are equal bytes."""


def arrangement_columns(space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> dict[str, pa.Array]:
    """Columns that say where every atom is, for people and for programs.

    Parameters
    ----------
    space : ConfigurationSpace
        Whose sites and species the codes are.
    occupations : (n, n_sites) uint8
        One row an arrangement.

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


def space_metadata(space: ConfigurationSpace) -> dict[str, str]:
    """What the codes and site numbers of a table mean, as text for a file's metadata.

    Parameters
    ----------
    space : ConfigurationSpace
        The space of the rows.

    Returns
    -------
    dict of str to str
        All but ``space`` (its key) and ``matganip`` (the version that wrote) is JSON: ``species`` and ``counts`` of
        each sublattice, ``sublattices`` and ``atoms_of_sites`` of each site, the ``supercell`` matrix and the
        ``parent``, a pymatgen Structure as a dictionary.
    """
    return {
        "matganip": version("matganip"),
        "space": space.key,
        "species": json.dumps(space.species),
        "counts": json.dumps(space.counts),
        "sublattices": json.dumps(space.sublattices.tolist()),
        "atoms_of_sites": json.dumps(space.site_indices.tolist()),
        "supercell": json.dumps(space.supercell_matrix.tolist()),
        "parent": space.parent.to_json(),
    }


def space_from_metadata(metadata: Mapping[str, str]) -> ConfigurationSpace:
    """The space that `space_metadata` describes.

    Parameters
    ----------
    metadata : mapping
        What `space_metadata` returned.

    Returns
    -------
    ConfigurationSpace

    Raises
    ------
    InputError
        If what is described has another key now: the symmetry was looked for with a tolerance of its own.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> space_from_metadata(space_metadata(space)).key == space.key
    True
    """
    from matganip.configurations.space import ConfigurationSpace

    parent = Structure.from_dict(json.loads(metadata["parent"]))
    supercell = np.array(json.loads(metadata["supercell"]))
    if parent.is_ordered:
        n_cells = abs(round(float(np.linalg.det(supercell))))
        atoms, sublattices = (np.array(json.loads(metadata[name])) for name in ("atoms_of_sites", "sublattices"))
        wanted: dict[str | tuple[int, ...], dict[str, int]] = {}
        for number, (species, counts) in enumerate(
            zip(json.loads(metadata["species"]), json.loads(metadata["counts"]), strict=True)
        ):
            # The copies of each site of the parent follow one another.
            sites = tuple(np.unique(atoms[sublattices == number] // n_cells).tolist())
            host = element_of(parent, sites[0])
            wanted[sites] = {name: n for name, n in zip(species, counts, strict=True) if name != host}
        space = ConfigurationSpace(parent, supercell, wanted)
    else:
        space = ConfigurationSpace(parent, supercell)
    if space.key != metadata["space"]:
        raise InputError(
            f"the space {metadata['space']} that was stored is {space.key} when it is made again; describe it by "
            "parent, supercell and substitutions"
        )
    return space


def orbit_table(batch: ConfigurationBatch, first: int) -> pa.Table:
    """A batch as rows of ``orbit`` (a running number), ``multiplicity`` and where the atoms are.

    Parameters
    ----------
    batch : ConfigurationBatch
        Orbits.
    first : int
        The number of the first of them.

    Returns
    -------
    pyarrow.Table
    """
    return pa.table(
        {
            "orbit": pa.array(np.arange(first, first + len(batch))),
            "multiplicity": pa.array(batch.multiplicity),
            **arrangement_columns(batch.space, batch.occupations),
        }
    )


@contextmanager
def parquet_writer(
    path: str | os.PathLike[str], space: ConfigurationSpace
) -> Iterator[Callable[[ConfigurationBatch, int], None]]:
    """Write orbits as they come; the file appears under its name when the context is left without an error.

    Parameters
    ----------
    path : path-like
        The Parquet file.
    space : ConfigurationSpace
        The space of all batches.

    Yields
    ------
    callable
        Takes a batch and the number of its first orbit.

    Raises
    ------
    InputError
        If the file cannot be written, or a batch is of another space.
    """
    nothing = ConfigurationBatch(space, np.empty((0, space.n_sites), np.uint8), np.empty(0, np.int64))
    schema = orbit_table(nothing, 0).schema.with_metadata(space_metadata(space))
    waiting = [schema.empty_table()]

    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

        def write_groups(least: int) -> None:
            table = pa.concat_tables(waiting).combine_chunks()
            done = 0
            while table.num_rows - done >= least and table.num_rows > done:
                writer.write_table(table.slice(done, ROW_GROUP), row_group_size=ROW_GROUP)
                done += ROW_GROUP
            waiting[:] = [table.slice(done)]

        def put(batch: ConfigurationBatch, first: int) -> None:
            if batch.space.key != space.key:
                raise InputError(f"{path}: one Parquet file holds one space, {space!r}; got a batch of {batch.space!r}")
            waiting.append(orbit_table(batch, first).replace_schema_metadata(schema.metadata))
            if sum(table.num_rows for table in waiting) >= ROW_GROUP:
                write_groups(ROW_GROUP)

        yield put
        write_groups(1)


def write_orbits(path: str | os.PathLike[str], space: ConfigurationSpace, batches: Iterable[ConfigurationBatch]) -> int:
    """Write orbits to a Parquet file as they come; return how many.

    Parameters
    ----------
    path : path-like
        The Parquet file.
    space : ConfigurationSpace
        The space of all batches.
    batches : iterable of ConfigurationBatch
        ``space.orbits()``, or any part of it.

    Returns
    -------
    int
    """
    done = 0
    with parquet_writer(path, space) as put:
        for batch in batches:
            put(batch, done)
            done += len(batch)
    return done
