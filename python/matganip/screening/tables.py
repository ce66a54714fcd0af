"""Rankings as Parquet, beside the tables of orbits: equal content is equal bytes; pandas, polars and DuckDB read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from matganip.configurations.tables import arrangement_columns, space_metadata, write_orbits
from matganip.files import atomic_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matganip.screening.ranking import Ranking

__all__ = ["write_orbits", "write_ranking"]


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
    table = table.replace_schema_metadata({**space_metadata(ranking.space), **about})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
