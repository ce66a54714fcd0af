"""Which orbits to label next, given the labels that there are."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch, locate
from matganip.errors import InputError
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.labels.choosing import Labellable, chosen_batches
from matganip.labels.tables import LabelTable, read_labels
from matganip.results.suggestion import Suggestion
from matganip.sampling.committee import RidgeCommittee
from matganip.sampling.strategies import FEWEST_LABELS, Candidates, choose, coordinates

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.labelled import Labelled

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CUTOFF = 9.0
"""Angstrom: pairs and triplets of sites up to this distance are the features."""
MOST_CANDIDATES = 20_000
"""Orbits to choose among; of larger spaces a uniform sample of so many."""


def suggest(
    space: ConfigurationSpace | ConfigurationBatch,
    labels: LabelTable | Labelled | str | os.PathLike[str] | None = None,
    n: int = 8,
    strategy: str = "mixed",
    *,
    cutoff: float = CUTOFF,
    triplets: bool = True,
    candidates: int = MOST_CANDIDATES,
    seed: int = 0,
) -> Suggestion:
    """Suggest the orbits to label next.

    A committee of ridge regressions on the Patterson function of each arrangement learns from the labels; the strategy
    chooses by its predictions, by the features, or by both.

    Parameters
    ----------
    space : ConfigurationSpace or ConfigurationBatch
        A space, whose orbits are the candidates, or the candidates themselves.
    labels : LabelTable, Labelled or path, optional
        What is labelled already, as `matganip.read_labels` takes or returns it.
    n : int
        How many to suggest.
    strategy : {"mixed", "uncertainty", "d-optimal", "farthest", "improvement", "random"}
        See `matganip.sampling.strategies.choose`.
    cutoff : float
        Pairs and triplets of sites up to this distance in angstrom are the features.
    triplets : bool
        False reads pairs only.
    candidates : int
        The most orbits to choose among; of a larger space they are a uniform sample.
    seed : int
        Seed of that sample, of the committee and of the strategy "random".

    Returns
    -------
    Suggestion

    Raises
    ------
    InputError
        If the labels do not fit the space, the strategy is unknown, or all candidates look the same.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> found = suggest(space, n=4)
    >>> len(found), found.n_candidates, found.n_labels
    (4, 19, 0)
    >>> suggest(space, "cspbi3_br/chgnet_X3of24").n_labels
    19
    """
    batch = candidate_orbits(space, candidates, seed)
    labelled, energy = labels_of(batch, labels)
    features = patterson_features(batch, cutoff, triplets)
    return suggest_rows(batch, features, labelled, energy, strategy, n, seed)


def candidate_orbits(
    space: Labellable | Iterable[Labellable], most: int | None = MOST_CANDIDATES, seed: int = 0
) -> ConfigurationBatch:
    """The orbits to choose among: a batch as it is, all orbits of a space, or a uniform sample of a larger one."""
    batches = chosen_batches(space, most, seed)
    if len(batches) != 1:
        raise InputError(f"{len(batches)} compositions; suggestions are made for one at a time")
    return batches[0]


def patterson_features(batch: ConfigurationBatch, cutoff: float = CUTOFF, triplets: bool = True) -> Floats:
    """The Patterson function (n, f) of arrangements up to a distance in angstrom, triplets beside the pairs."""
    diffraction = LatticeDiffraction(batch.space, domain="patterson", cutoff=cutoff, order=3 if triplets else 2)
    peaks = diffraction.peaks(batch.occupations)
    return peaks.triplets_as_vertices().intensity if triplets else peaks.intensity


def labels_of(
    batch: ConfigurationBatch, labels: LabelTable | Labelled | str | os.PathLike[str] | None
) -> tuple[Mask, Floats]:
    """Which candidates have a label, (n,), and their energies (n,) in eV per supercell, nan for the others."""
    labelled, energy = np.zeros(len(batch), dtype=bool), np.full(len(batch), np.nan)
    if labels is None:
        return labelled, energy
    if isinstance(labels, str | os.PathLike):
        labels = read_labels(labels)
    found = labels.join(batch.space) if isinstance(labels, LabelTable) else labels
    place = locate(found.occupations, batch.occupations)
    labelled[place[place >= 0]] = True
    energy[place[place >= 0]] = found.energy[place >= 0]
    return labelled, energy


def suggest_rows(
    batch: ConfigurationBatch,
    features: Floats,
    labelled: Mask,
    energy: Floats,
    strategy: str,
    n: int,
    seed: int = 0,
    excluded: Mask | None = None,
) -> Suggestion:
    """Suggest rows of a batch of candidates.

    Parameters
    ----------
    batch : ConfigurationBatch
        The candidates, labelled ones among them.
    features : (n, f) float64 ndarray
        Their features, from `patterson_features`.
    labelled : (n,) bool ndarray
        Which have a label.
    energy : (n,) float64 ndarray
        The labels, eV per supercell; ignored for candidates without one.
    strategy, n, seed
        As for `suggest`.
    excluded : (n,) bool ndarray, optional
        Candidates without a label that must not be suggested: the calculator failed on them.

    Returns
    -------
    Suggestion
    """
    n_labels = int(labelled.sum())
    closed = labelled if excluded is None else labelled | excluded
    known = Candidates(coordinates(features), closed)
    committee = None
    if n_labels >= FEWEST_LABELS and np.ptp(energy[labelled]) > 0:
        committee = RidgeCommittee(seed=seed)
        committee.fit(features[labelled], energy[labelled])
        known = Candidates(known.features, closed, committee.members(features), float(energy[labelled].min()))
    rows = choose(strategy, known, n, seed + n_labels)
    left_out, baseline = float("nan"), float("nan")
    prediction, deviation = np.full((2, len(rows)), np.nan)
    if committee is not None and known.members is not None:
        prediction = committee.predict(features[rows])
        deviation = known.members[:, rows].std(axis=0, ddof=1)
        left_out, baseline = committee.left_out_mae, _left_out_mae_of_mean(energy[labelled])
    scale = 1000.0 / batch.space.n_atoms
    return Suggestion(
        batch[rows],
        rows, prediction, deviation, strategy, len(batch), n_labels, left_out * scale, baseline * scale,
    )  # fmt: skip


def _left_out_mae_of_mean(energy: Floats) -> float:
    """Mean absolute error of each number predicted by the mean of the others."""
    return float(np.abs(energy - energy.mean()).mean() * len(energy) / (len(energy) - 1))
