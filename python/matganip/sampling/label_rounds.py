"""Rounds of suggesting, labelling and learning, until a budget of labels is spent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.batch import ConfigurationBatch
from matganip.errors import InputError
from matganip.labels.calculators import calculator_of
from matganip.labels.labelling import Database, Labeller, RelaxOption, opened, relaxation_of
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
    from matganip.results.labelling import Tally


def label_rounds(
    space: ConfigurationSpace | ConfigurationBatch,
    calculator: Any,
    database: Database | None,
    budget: int,
    n: int = 8,
    strategy: str = "mixed",
    *,
    settings: Mapping[str, Any] | None = None,
    relax: RelaxOption = None,
    cutoff: float = CUTOFF,
    triplets: bool = True,
    candidates: int = MOST_CANDIDATES,
    seed: int = 0,
    workers: int = 0,
    progress: ProgressOption = None,
) -> LabelRounds:
    """Suggest orbits, label them and learn, round after round, until so many are labelled.

    Parameters
    ----------
    space, n, strategy, cutoff, triplets, candidates, seed
        As for `suggest`; n is the number of labels in a round.
    calculator, settings, relax, workers
        As for `matganip.label`.
    database : path, LabelDatabase or None
        Where the labels are stored. Those that it has already are learned from and count. None keeps them in memory.
    budget : int
        Labelled candidates to have in the end.
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
    batch = candidate_orbits(space, candidates, seed)
    features = patterson_features(batch, cutoff, triplets)
    errors: Counter[str] = Counter()
    with (
        opened(database) as store,
        Labeller(calculator_of(calculator, settings), store, relaxation_of(relax), workers) as labeller,
        reporting(progress) as report,
    ):
        rounds = iterate_rounds(
            batch, features, labeller, strategy=strategy, n=n, budget=budget, seed=seed, errors=errors,
            report=lambda done, text: report("label", done, budget, text),
        )  # fmt: skip
        return LabelRounds(
            tuple(rounds), budget, labeller.calculator.title, None if database is None else store.path, dict(errors),
            labeller.labelled(batch.space),
        )  # fmt: skip


def iterate_rounds(
    batch: ConfigurationBatch,
    features: Floats,
    labeller: Labeller,
    *,
    strategy: str,
    n: int,
    budget: int,
    seed: int,
    errors: Counter[str],
    report: Callable[[int, str], object],
) -> Iterator[Suggestion]:
    """Yield each suggestion before its orbits are labelled, and in the end one without orbits.

    `errors` counts the messages of failures; `report` is called with the number of labels and a detail.
    """
    failed = np.zeros(len(batch), dtype=bool)
    while True:
        labelled, energy = labels_of(batch, labeller.labelled(batch.space))
        n_labels = int(labelled.sum())
        left = budget - n_labels
        found = suggest_rows(batch, features, labelled, energy, strategy, max(1, min(n, left)), seed, failed)
        if left <= 0 or not len(found):
            columns = {name: getattr(found, name)[:0] for name in ("batch", "rows", "prediction", "deviation")}
            yield replace(found, **columns)
            return
        yield found

        def told(tallies: Sequence[Tally], calculation: Calculation | None, before: int = n_labels) -> None:
            energy = None if calculation is None else calculation.energy
            report(before + tallies[0].n_done - tallies[0].n_failed, "" if energy is None else f"{energy:.4f} eV")

        (tally,) = labeller.label([found.batch], told)
        errors.update(tally.errors)
        done, _ = labels_of(batch, labeller.labelled(batch.space))
        failed[found.rows[~done[found.rows]]] = True
