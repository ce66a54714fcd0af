"""A screen beside labels: every orbit that it kept, in order, and how well the unseen labels bear it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.configurations.batch import locate
from matganip.configurations.io.parquet import arrangement_columns
from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.learning.asked import joined
from matganip.learning.evaluation import assessed
from matganip.learning.metrics import top_k_recall
from matganip.learning.model import Model
from matganip.results.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.screen import ScreenResult


def rank(screened: ScreenResult, model: Model, labels: Any, top: int = 20) -> Ranking:
    """Put labels beside the winners of a screen and judge it by those that the model has not seen.

    Parameters
    ----------
    screened : ScreenResult
        For the lowest energies; labels of orbits that it did not keep are left out.
    model : Model
        That screened.
    labels : LabelTable, Labelled, or name or path of a table
        Of the screened space.
    top : int
        How many rows to show, and how many of the lowest labels to look for.

    Returns
    -------
    Ranking

    Raises
    ------
    InputError
        If the screen looked for something else, or no label fits the space.
    """
    if screened.selection != "lowest":
        raise InputError(
            f"a screen for {screened.selection} energies is not ranked beside labels; screen for the lowest"
        )
    space, winners, energy = screened.space, screened.winners, screened.energy[:, 0]
    _, labelled = joined(labels, space)
    place = locate(labelled.occupations, winners.occupations)
    kept = labelled[place >= 0]
    place = place[place >= 0]
    label, trained = np.full(len(winners), np.nan), np.zeros(len(winners), dtype=bool)
    label[place] = kept.energy
    trained[place] = model.card.seen(space, kept.occupations)
    lowest = check = None
    unseen = ~trained[place]
    if unseen.any():
        rows, n_trained = place[unseen], int(kept.multiplicity[~unseen].sum())
        n_unseen = int(unseen.sum())
        lowest = top_k_recall(energy[rows], label[rows], min(top, n_unseen))
        check = assessed(
            "screen",
            model.represent(space),
            kept[unseen],
            predicted=energy[rows] / space.n_atoms,
            baseline=np.full(n_unseen, model.predictor.baseline),
            n_train=n_trained,
            orbits_train=len(kept) - n_unseen,
        )
    return Ranking(
        space, _numbers(screened), winners.occupations, winners.multiplicity, energy, screened.deviation[:, 0], label,
        trained, labelled.calculator, screened.n_orbits, top, lowest, check,
    )  # fmt: skip


def _numbers(screened: ScreenResult) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The place of each winner in the order of enumeration."""
    space: ConfigurationSpace = screened.space
    found = np.full(len(screened), -1, dtype=np.int64)
    first = 0
    for batch in space.orbits():
        place = locate(screened.winners.occupations, batch.occupations)
        here = place >= 0
        found[here] = place[here] + first
        first += len(batch)
        if (found >= 0).all():
            break
    return found


def write_ranking(path: Path, ranking: Ranking, about: Mapping[str, str]) -> None:
    """Write a ranking as Parquet, best first; equal rankings are equal bytes.

    Parameters
    ----------
    path : pathlib.Path
    ranking : Ranking
        A label that there is not is null.
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
            "deviation_eV": pa.array(ranking.deviation, mask=np.isnan(ranking.deviation)),
            "label_eV": pa.array(ranking.label, mask=np.isnan(ranking.label)),
            "trained_on": pa.array(ranking.trained),
            **arrangement_columns(ranking.space, ranking.occupations),
        }
    )
    with atomic_path(path) as temporary:
        pq.write_table(
            table.replace_schema_metadata({**ranking.space.metadata(), **about}), temporary, compression="zstd"
        )
