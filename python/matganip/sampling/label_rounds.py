"""Rounds of suggesting, labelling and learning, until a budget of labels is spent."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.configurations.batch import ConfigurationBatch
from matganip.errors import InputError
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.labelling import label, missing_of
from matganip.labels.relaxing import RelaxationSettings
from matganip.progress import ProgressOption, reporting
from matganip.results.suggestion import LabelRounds, Suggestion
from matganip.sampling.suggest import (
    CUTOFF,
    MOST_CANDIDATES,
    Floats,
    candidate_orbits,
    labels_of,
    patterson_features,
    suggest_rows,
)

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.calculation import Calculation
    from matganip.labels.labelled import Labelled
    from matganip.labels.labelling import Tally


def label_rounds(
    space: ConfigurationSpace | ConfigurationBatch,
    calculator: CalculatorChoice | str,
    database: LabelDatabase | str | os.PathLike[str],
    budget: int,
    n: int = 8,
    strategy: str = "mixed",
    *,
    relaxation: RelaxationSettings | None = None,
    cutoff: float = CUTOFF,
    triplets: bool = True,
    candidates: int = MOST_CANDIDATES,
    seed: int = 0,
    workers: int = 0,
    progress: ProgressOption = None,
) -> LabelRounds:
    """Suggest orbits, label them, learn, and go on until so many are labelled.

    Parameters
    ----------
    space, n, strategy, cutoff, triplets, candidates, seed
        As for `suggest`; n is the number of labels in a round.
    calculator : CalculatorChoice or str
        What labels: a name that `matganip label` knows, or an import path.
    database : LabelDatabase or path
        Where the labels go. Those that it has already are learned from and count.
    budget : int
        Labelled candidates to have in the end.
    relaxation : RelaxationSettings, optional
        What relaxes before the energy is taken; a single point by default.
    workers : int
        Processes that label; 0 labels in this one.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    LabelRounds

    Raises
    ------
    InputError
        If the budget is not positive, or as `suggest` and `matganip.labels.labelling.label`.

    Notes
    -----
    The database is the whole state: a call that was killed resumes from the labels that are there. An orbit on which
    the calculator fails is left out until the next call.
    """
    if budget < 1:
        raise InputError(f"budget: {budget} is no number of labels")
    choice = calculator if isinstance(calculator, CalculatorChoice) else CalculatorChoice(name=calculator)
    store = database if isinstance(database, LabelDatabase) else LabelDatabase(Path(database))
    batch = candidate_orbits(space, candidates, seed)
    features = patterson_features(batch, cutoff, triplets)
    errors: Counter[str] = Counter()
    with reporting(progress) as report:
        rounds = iterate_rounds(
            batch, features, choice, store, relaxation or RelaxationSettings(), strategy=strategy, n=n, budget=budget,
            seed=seed, workers=workers, errors=errors, report=lambda done, text: report("label", done, budget, text),
        )  # fmt: skip
        return LabelRounds(tuple(rounds), budget, choice.title, store.path, dict(errors))


def iterate_rounds(
    batch: ConfigurationBatch,
    features: Floats,
    choice: CalculatorChoice,
    database: LabelDatabase,
    relaxation: RelaxationSettings,
    *,
    strategy: str,
    n: int,
    budget: int,
    seed: int,
    workers: int,
    errors: Counter[str],
    report: Callable[[int, str], object],
) -> Iterator[Suggestion]:
    """Yield each suggestion before its orbits are labelled, and in the end one without orbits.

    `errors` counts the messages of failures; `report` is called with the number of labels and a detail.
    """
    failed = np.zeros(len(batch), dtype=bool)
    while True:
        labelled, energy = labels_of(batch, database_labels(batch, database, choice, relaxation))
        n_labels = int(labelled.sum())
        left = budget - n_labels
        found = suggest_rows(batch, features, labelled, energy, strategy, max(1, min(n, left)), seed, failed)
        if left <= 0 or not len(found):
            yield _without_orbits(found)
            return
        yield found

        def told(tally: Tally, calculation: Calculation | None, before: int = n_labels) -> None:
            energy = None if calculation is None else calculation.energy
            report(before + tally.n_done - tally.n_failed, "" if energy is None else f"{energy:.4f} eV")

        tally = label(database, found.batch, choice, relaxation, n_workers=workers, progress=told)
        errors.update(tally.errors)
        done, _ = labels_of(batch, database_labels(batch, database, choice, relaxation))
        failed[found.rows[~done[found.rows]]] = True


def database_labels(
    batch: ConfigurationBatch, database: LabelDatabase, choice: CalculatorChoice, relaxation: RelaxationSettings
) -> Labelled | None:
    """The converged labels that a database has of the orbits of a batch; None if it has none."""
    if missing_of(database, batch, choice, relaxation, retry=True).all():
        return None
    settings = {**choice.recorded, **relaxation.recorded}
    return database.labelled(batch.space, choice.name, settings, relaxation.kind)


def _without_orbits(found: Suggestion) -> Suggestion:
    none = ConfigurationBatch(found.batch.space, found.batch.occupations[:0], found.batch.multiplicity[:0])
    return Suggestion(
        none, found.rows[:0], found.prediction[:0], found.deviation[:0], found.strategy, found.n_candidates,
        found.n_labels, found.left_out_mae, found.baseline_mae,
    )  # fmt: skip
