"""Orbits and rankings as Parquet: equal content is equal bytes; pandas, polars and DuckDB read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.ranking import Ranking

_DIGITS = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", dtype=np.uint8)


def arrangement_columns(space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> dict[str, pa.Array]:
    """Columns that say where every atom is, for people and for programs.

    Parameters
    ----------
    space : ConfigurationSpace
        Whose sites and species the codes are.
    occupations : (n, n_sites) uint8 ndarray
        One row an arrangement.

    Returns
    -------
    dict of str to pyarrow.Array
        ``occupation``: one character a site, the code of its species. Then for each species but the last (the
        most frequent one) of each sublattice ``Br_on_I``: the sites it takes, a list of fixed length.
    """
    codes = np.ascontiguousarray(_DIGITS[occupations]).view(f"S{space.n_sites}").ravel()
    columns = {"occupation": pa.array(codes.astype(str))}
    for number, (species, counts) in enumerate(zip(space.species, space.counts, strict=True)):
        sites = np.flatnonzero(space.sublattices == number)
        host = space.supercell_structure[int(space.site_indices[sites[0]])].specie.symbol
        for code, (name, count) in enumerate(zip(species[:-1], counts[:-1], strict=True)):
            if count:
                taken = np.nonzero(occupations[:, sites] == code)[1]
                flat = pa.array(sites[taken], type=pa.int32())
                columns[f"{name}_on_{host}"] = pa.FixedSizeListArray.from_arrays(flat, count)
    return columns


def write_orbits(path: Path, space: ConfigurationSpace, batches: Iterable[ConfigurationBatch]) -> int:
    """Write orbits (``orbit``, ``multiplicity``, where the atoms are) as they come; return how many."""
    done = 0
    writer = None
    with atomic_path(path) as temporary:
        try:
            for batch in batches:
                table = pa.table(
                    {
                        "orbit": pa.array(np.arange(done, done + len(batch))),
                        "multiplicity": pa.array(batch.multiplicity),
                        **arrangement_columns(space, batch.occupations),
                    }
                ).replace_schema_metadata(_metadata(space))
                writer = writer or pq.ParquetWriter(temporary, table.schema, compression="zstd")
                writer.write_table(table)
                done += len(batch)
        finally:
            if writer is not None:
                writer.close()
    return done


def write_ranking(
    path: Path,
    ranking: Ranking,
    *,
    label: NDArray[np.float64],
    trained: NDArray[np.bool_],
    about: Mapping[str, str],
) -> None:
    """Write a ranking, best first.

    Parameters
    ----------
    path : pathlib.Path
        The Parquet file. No time stands in it, so that equal rankings are equal bytes.
    ranking : Ranking
        What to write.
    label : (n,) float64 ndarray
        The calculated energy of each row in eV, nan (written as null) where there is none.
    trained : (n,) bool ndarray
        Whether the model was trained on it.
    about : mapping of str to str
        Goes into the file's metadata: the calculator above all.
    """
    table = pa.table(
        {
            "rank": pa.array(np.arange(1, len(ranking) + 1)),
            "orbit": pa.array(ranking.orbit),
            "multiplicity": pa.array(ranking.multiplicity),
            "prediction_eV": pa.array(ranking.prediction),
            "relative_meV_per_atom": pa.array(ranking.relative),
            "label_eV": pa.array(label, mask=np.isnan(label)),
            "trained_on": pa.array(trained),
            **arrangement_columns(ranking.space, ranking.occupations),
        }
    )
    table = table.replace_schema_metadata({**_metadata(ranking.space), **about})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def _metadata(space: ConfigurationSpace) -> dict[str, str]:
    """What the codes and site numbers mean."""
    return {
        "space": space.key,
        "species": json.dumps(space.species),
        "counts": json.dumps(space.counts),
        "sublattices": json.dumps(space.sublattices.tolist()),
        "atoms_of_sites": json.dumps(space.site_indices.tolist()),
        "supercell": json.dumps(np.asarray(space.supercell_matrix).tolist()),
    }
