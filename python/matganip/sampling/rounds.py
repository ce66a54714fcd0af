"""Labels where they teach most: suggest, label, learn, and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.labels.labelling import label
from matganip.sampling.suggest import LEAST, Known, RidgeCommittee, Rows, Strategy, coordinates, suggest
from matganip.screening.ranking import locate

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.calculators import CalculatorChoice
    from matganip.labels.database import LabelDatabase
    from matganip.labels.labelling import Tally
    from matganip.labels.relaxing import Protocol
    from matganip.labels.results import Calculation

Floats = NDArray[np.float64]


def clusters(space: ConfigurationSpace, occupations: NDArray[np.uint8], cutoff: float, triplets: bool = True) -> Floats:
    """What a suggestion looks at, (n, f): the Patterson function up to a distance.

    Parameters
    ----------
    space : ConfigurationSpace
    occupations : (n, n_sites) uint8 ndarray
        The candidates.
    cutoff : float
        Angstrom.
    triplets : bool
        Triplets of sites beside the pairs.

    Returns
    -------
    (n, f) float64 ndarray
    """
    order = 3 if triplets else 2
    diffraction = LatticeDiffraction(space, domain="patterson", cutoff=cutoff, order=order)  # type: ignore[arg-type]
    peaks = diffraction.peaks(occupations)
    return peaks.triplets_as_vertices().intensity if triplets else peaks.intensity


@dataclass(frozen=True, eq=False)
class Suggestion:
    """Arrangements to label next, and what is thought of them.

    Attributes
    ----------
    rows : (m,) int64 ndarray
        Of the candidates, the most wanted first.
    prediction, deviation : (m,) float64 ndarray
        Committee's mean and spread, eV per supercell; nan without labels to learn from.
    n_labels : int
        Labels that were learned from.
    left_out_mae, constant_mae : float
        Mean absolute error over the labels, each predicted without itself, by the committee's model and by the mean of
        the others, meV/atom; nan without enough labels.
    """

    rows: Rows
    prediction: Floats
    deviation: Floats
    n_labels: int
    left_out_mae: float
    constant_mae: float


def next_batch(
    batch: ConfigurationBatch,
    features: Floats,
    labelled: NDArray[np.bool_],
    energy: Floats,
    strategy: Strategy,
    n: int,
    seed: int = 0,
    closed: NDArray[np.bool_] | None = None,
) -> Suggestion:
    """Suggest what to label next.

    Parameters
    ----------
    batch : ConfigurationBatch
        The candidates, labelled ones among them.
    features : (n, f) float64 ndarray
        Theirs, see `clusters`.
    labelled : (n,) bool ndarray
        Which have a label.
    energy : (n,) float64 ndarray
        The labels, eV per supercell; ignored where there is none.
    strategy, n, seed
        As for `suggest`; the seed is also that of the committee.
    closed : (n,) bool ndarray, optional
        Not to be suggested though they have no label: those on which the calculator failed.

    Returns
    -------
    Suggestion
    """
    scale = 1000.0 / batch.space.n_atoms
    n_labels = int(labelled.sum())
    shut = labelled if closed is None else labelled | closed
    apart = coordinates(features)
    if n_labels < LEAST or np.ptp(energy[labelled]) == 0:
        rows = suggest(strategy, Known(apart, shut), n, seed + n_labels)
        nothing = np.full(len(rows), np.nan)
        return Suggestion(rows, nothing, nothing, n_labels, float("nan"), float("nan"))
    committee = RidgeCommittee(seed=seed)
    x, y = features[labelled], energy[labelled]
    committee.fit(x, y)
    members = committee.members(features)
    rows = suggest(strategy, Known(apart, shut, members, float(y.min())), n, seed + n_labels)
    return Suggestion(
        rows,
        committee.predict(features[rows]),
        members[:, rows].std(axis=0, ddof=1),
        n_labels,
        committee.left_out_mae * scale,
        float(np.abs(y - y.mean()).mean() * n_labels / (n_labels - 1)) * scale,
    )


def labels_of(
    database: LabelDatabase, batch: ConfigurationBatch, choice: CalculatorChoice, protocol: Protocol
) -> tuple[NDArray[np.bool_], Floats]:
    """Which candidates have a converged label, (n,), and their energies in eV per supercell."""
    labelled, energy = np.zeros(len(batch), dtype=bool), np.full(len(batch), np.nan)
    settings = {**choice.recorded, **protocol.recorded}
    missing = database.missing(batch.space, batch.occupations, choice.name, settings, protocol.relaxation, retry=True)
    if not missing.all():
        found = database.labelled(batch.space, choice.name, settings, protocol.relaxation)
        place = locate(found.occupations, batch.occupations)
        labelled[place[place >= 0]] = True
        energy[place[place >= 0]] = found.energy[place >= 0]
    return labelled, energy


def active_rounds(
    database: LabelDatabase,
    batch: ConfigurationBatch,
    features: Floats,
    choice: CalculatorChoice,
    protocol: Protocol,
    *,
    strategy: Strategy = "mixed",
    n: int = 8,
    budget: int,
    seed: int = 0,
    n_workers: int = 0,
    errors: dict[str, int] | None = None,
    progress: Callable[[Tally, Calculation | None], None] | None = None,
) -> Iterator[Suggestion]:
    """Suggest, label and learn until so many candidates are labelled.

    Parameters
    ----------
    database : LabelDatabase
        Where labels go, and where those that are there already are learned from.
    batch, features, strategy, n, seed
        As for `next_batch`; n is the size of a round.
    choice, protocol, n_workers, progress
        As for `label`.
    budget : int
        Labelled candidates at which it ends, those that were there before included.

    errors : dict of str to int, optional
        What failures say is counted here.

    Yields
    ------
    Suggestion
        Before its arrangements are labelled; the last one, with no rows, when the budget is spent.

    Notes
    -----
    All that it knows stands in the database: killed at any moment and started again, it goes on from the labels that
    are there. An arrangement on which the calculator fails is not tried again.
    """
    failed = np.zeros(len(batch), dtype=bool)
    while True:
        labelled, energy = labels_of(database, batch, choice, protocol)
        left = budget - int(labelled.sum())
        found = next_batch(batch, features, labelled, energy, strategy, max(1, min(n, left)), seed, failed)
        if left <= 0 or not len(found.rows):
            yield Suggestion(found.rows[:0], found.prediction[:0], found.deviation[:0], *_standing(found))
            return
        yield found
        part = ConfigurationBatch(batch.space, batch.occupations[found.rows], batch.multiplicity[found.rows])
        tally = label(database, part, choice, protocol, n_workers=n_workers, progress=progress)
        if errors is not None:
            for error, times in tally.errors.items():
                errors[error] = errors.get(error, 0) + times
        done, _ = labels_of(database, batch, choice, protocol)
        failed[found.rows[~done[found.rows]]] = True


def _standing(found: Suggestion) -> tuple[int, float, float]:
    return found.n_labels, found.left_out_mae, found.constant_mae
