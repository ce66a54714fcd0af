"""A model of structures in many cells: mapped onto the parent's sites, learned on columns that all supercells share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.mapping import MappedStructure, ParentLattice
from matganip.errors import InputError
from matganip.features.lattice.distinct import feature_classes, floor_of_classes
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.features.settings import DiffractionSettings
from matganip.learning import splits
from matganip.learning.aliased_columns import told_apart
from matganip.learning.blas import threads_for
from matganip.learning.card import Card
from matganip.learning.choosing import mean_and_error, simplest
from matganip.learning.dataset import Dataset
from matganip.learning.evaluation import means_of_compositions
from matganip.learning.judgement import Spread, judge
from matganip.learning.ranks import rank_of
from matganip.learning.representation import representation
from matganip.learning.shared_columns import SharedColumns, measures, shortest_distance
from matganip.learning.solved import Solved
from matganip.learning.solving import Columns, solve
from matganip.results.evaluation import Assessed
from matganip.results.training import Choice, Training

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.structures import LabelledStructures

Floats = NDArray[np.float64]
PAIRS = (2.0, 3.0, 4.5)
"""Tried longest distances of pairs, in units of the shortest distance between two sites."""
TRIPLETS = (1.05, 1.5, 2.05)
"""The same for triplets."""
MOST_COLUMNS = 1200
_SAME = 6
"""Decimals, of 100, to which the columns of two structures agree where they are one arrangement."""


@dataclass(frozen=True, eq=False)
class MappedLabels:
    """Labelled structures on the parent's sites.

    Attributes
    ----------
    mapped : tuple of MappedStructure
    per_site, per_atom : (n,) float64 ndarray
        eV per site, vacant ones included, and per atom.
    sites_per_atom : (n,) float64 ndarray
    composition : (n,) object ndarray of str
        Share of each species on the sites, as text.
    names : tuple of str
    refused : tuple of str
        Structures that do not map, each with the reason.
    """

    mapped: tuple[MappedStructure, ...]
    per_site: Floats
    per_atom: Floats
    sites_per_atom: Floats
    composition: NDArray[np.object_]
    names: tuple[str, ...]
    refused: tuple[str, ...]

    @classmethod
    def of(cls, lattice: ParentLattice, labels: LabelledStructures) -> MappedLabels:
        """Map every structure; those that do not fit are named.

        Raises
        ------
        InputError
            If fewer than two fit.
        """
        mapped, rows, refused = [], [], []
        for row, structure in enumerate(labels.structures):
            try:
                mapped.append(lattice.map(structure))
                rows.append(row)
            except InputError as error:
                refused.append(f"{labels.names[row]}: {error}")
        if len(rows) < 2:
            told = "; ".join(refused[:3])
            raise InputError(f"{labels.name}: {len(rows)} of {len(labels)} structures fit the parent's sites: {told}")
        energy = labels.energy[rows]
        sites = np.array([len(one.species) for one in mapped])
        atoms = np.array([one.n_atoms for one in mapped])
        text = [
            " ".join(f"{name}{one.species.count(name) / len(one.species):.6f}" for name in sorted(set(one.species)))
            for one in mapped
        ]
        names = tuple(labels.names[row] for row in rows)
        return cls(
            tuple(mapped), energy / sites, energy / atoms, sites / atoms, np.array(text, dtype=object), names,
            tuple(refused),
        )  # fmt: skip


def train_on_structures(
    space: ConfigurationSpace,
    labels: LabelledStructures,
    *,
    train_size: float | int | None,
    seed: int,
) -> tuple[Solved, Card, Training]:
    """Train on structures in many cells; the arguments are those of `matganip.train`, whose model these make.

    Raises
    ------
    InputError
        If too few structures fit the parent, or a part of the split would be empty.
    """
    clock = time.perf_counter()
    data = MappedLabels.of(ParentLattice(space), labels)
    reach = shortest_distance(space)
    every = _largest(space, reach)
    shared = SharedColumns(space, every)
    table = np.array([shared.of(one) for one in data.mapped])
    train_rows, test_rows, kind = _split(data, table, train_size, seed)
    known = Columns(every.order, every.distance, told_apart(shared, [data.mapped[row] for row in train_rows]))
    prepared = time.perf_counter()
    with threads_for(len(train_rows)):
        tried = list(_candidates(data, table, known, reach, train_rows))
    taken, choices = _chosen(data, table, known, train_rows, tried)
    _, cutoffs, solved = tried[taken]
    columns = _columns(known, *cutoffs)
    trained = time.perf_counter()
    parts = tuple(
        _assessed(name, data, table[:, columns], rows, train_rows, solved)
        for name, rows in (("train", train_rows), ("test", test_rows))
        if len(rows)
    )
    settings = DiffractionSettings(
        resolution="clusters", classes="parent", cutoff=cutoffs[0], triplets=cutoffs[1] is not None,
        triplet_cutoff=cutoffs[1],
    )  # fmt: skip
    card = Card.of(
        representation(settings, space), settings, readout=solved.kind, calculator=labels.calculator, table=labels.name
    )
    card = replace(card, ranges=_ranges(space, [data.mapped[row] for row in train_rows]))
    seconds = {"map": prepared - clock, "train": trained - prepared, "evaluate": time.perf_counter() - trained}
    training = Training(
        calculator=labels.calculator, labels=labels.name, split=kind, leaked=0, parts=parts, history=None, objective="",
        optimum=None, seed=seed, seconds={step: round(taken, 3) for step, taken in seconds.items()}, choices=choices,
        refused=data.refused,
    )  # fmt: skip
    return solved, card, training


def evaluate_structures(
    solved: Solved, settings: DiffractionSettings, space: ConfigurationSpace, labels: LabelledStructures
) -> tuple[Assessed, tuple[str, ...]]:
    """Errors of a model on labelled structures in any cells, and why others were left out.

    Raises
    ------
    InputError
        If fewer than two structures fit the parent's sites.
    """
    data = MappedLabels.of(ParentLattice(space), labels)
    shared = SharedColumns(space, SharedClusters.of(space, settings.cutoff or 0.0, settings.longest_triplet))
    table = np.array([shared.of(one) for one in data.mapped])
    every = np.arange(len(table))
    return _assessed("structures", data, table, every, every, solved), data.refused


def _ranges(space: ConfigurationSpace, mapped: list[MappedStructure]) -> dict[str, tuple[float, float]]:
    """Least and largest of each measure of the training structures."""
    found = [measures(space, one) for one in mapped]
    return {name: (min(one[name] for one in found), max(one[name] for one in found)) for name in found[0]}


def _largest(space: ConfigurationSpace, reach: float) -> SharedClusters:
    """The clusters of the longest cutoffs that give no more than so many columns."""
    for triplet in (*reversed(TRIPLETS), None):
        for pair in reversed(PAIRS):
            found = SharedClusters.of(space, pair * reach, None if triplet is None else triplet * reach)
            if len(found.size) <= MOST_COLUMNS:
                return found
    return found


def _columns(known: Columns, pair: float, triplet: float | None) -> NDArray[np.int64]:
    """The columns up to two cutoffs."""
    within = known.distance <= np.where(known.order == 3, triplet or 0.0, pair) + 1e-6
    return np.flatnonzero(within & ((known.order < 3) | (triplet is not None)))


def _split(
    data: MappedLabels, table: Floats, train_size: float | int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Rows to train on and to test on; copies of one arrangement stay together."""
    every = np.arange(len(table))
    if train_size is None or (isinstance(train_size, float) and train_size == 1.0):
        return every, every[:0], "no test"
    _, group = np.unique(np.round(table, _SAME), axis=0, return_inverse=True)
    rows = Dataset(np.zeros((len(table), 1, 1)), data.per_atom, group=group.reshape(-1), unit="eV/atom")
    split = splits.by_orbit(rows, train_size, seed)
    return split.train_rows, split.test_rows, "by arrangement, symmetry copies kept together"


def _candidates(
    data: MappedLabels, table: Floats, every: Columns, reach: float, rows: NDArray[np.int64]
) -> Iterator[tuple[str, tuple[float, float | None], Solved]]:
    """Models on growing sets of columns, the simplest first."""
    longest = float(every.distance[every.order == 2].max(initial=0.0))
    largest = float(every.distance[every.order == 3].max(initial=0.0))
    pairs = [r for r in (scale * reach for scale in PAIRS) if r <= longest + reach]
    triplets = [None, *(scale * reach for scale in TRIPLETS if largest and scale * reach <= largest + 0.5 * reach)]
    weight, baseline = np.ones(len(rows)), float(data.per_atom[rows].mean())
    for triplet in triplets:
        for pair in pairs:
            kept = _columns(every, pair, triplet)
            name = f"pairs to {pair:.1f} Å" + ("" if triplet is None else f", triplets to {triplet:.1f} Å")
            arguments = (table[np.ix_(rows, kept)], data.per_site[rows], weight, every.select(kept))
            yield name, (pair, triplet), solve(*arguments, baseline=baseline, curved=False)


def _chosen(
    data: MappedLabels,
    table: Floats,
    every: Columns,
    rows: NDArray[np.int64],
    tried: list[tuple[str, tuple[float, float | None], Solved]],
) -> tuple[int, tuple[Choice, ...]]:
    """The simplest model within a standard error of the best over rows left out."""
    scale, ones = 1000.0 * data.sites_per_atom[rows], np.ones(len(rows))
    left_out = [solved.left_out * scale for _, _, solved in tried]
    errors = [mean_and_error(one, ones) for one in left_out]
    taken = simplest(left_out, ones)
    choices = []
    for k, (name, cutoffs, solved) in enumerate(tried):
        columns = _columns(every, *cutoffs)
        features = table[np.ix_(rows, columns)]
        floor, _ = floor_of_classes(feature_classes(features), 1000.0 * data.per_atom[rows], ones)
        spans = _spanned(features, every.order[columns])
        choices.append(Choice(name, solved.kind, len(columns), spans, *errors[k], floor, k == taken))
    return taken, tuple(choices)


def _spanned(features: Floats, order: NDArray[np.int64]) -> str:
    """How many independent columns of pairs, and of triplets beside them, the training structures show."""
    pairs, every = rank_of(features[:, order < 3]), rank_of(features)
    told = f"{pairs} of {int((order < 3).sum())} pairs and points"
    return told if not (order == 3).any() else f"{told}, {every - pairs} of {int((order == 3).sum())} triplets"


def _assessed(
    name: str,
    data: MappedLabels,
    features: Floats,
    rows: NDArray[np.int64],
    train_rows: NDArray[np.int64],
    solved: Solved,
) -> Assessed:
    mean, deviation = (1000.0 * one * data.sites_per_atom[rows] for one in solved.predict(features[rows]))
    calculated, baseline = 1000.0 * data.per_atom[rows], np.full(len(rows), 1000.0 * solved.baseline)
    known = data.composition[train_rows], 1000.0 * data.per_atom[train_rows], np.ones(len(train_rows))
    place = {row: k for k, row in enumerate(train_rows.tolist())}
    same = np.array([place.get(row, -1) for row in rows.tolist()])
    found = judge(
        mean, calculated, baseline=baseline, features=features[rows], unit="meV/atom",
        composition_mean=means_of_compositions(data.composition[rows], known, same, baseline),
        spread=Spread.of(
            mean - calculated, deviation, 1000.0 * solved.constant * data.sites_per_atom[rows], solved.inner,
            solved.outer,
        ),
    )  # fmt: skip
    none = np.zeros((len(rows), 0), dtype=np.uint8)
    ones = np.ones(len(rows), dtype=np.int64)
    return Assessed(name, none, ones, calculated, mean, baseline, found, len(train_rows), len(train_rows), 0, deviation)
