"""The loop of suggesting, labelling and learning, on a calculator that tests can afford."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.labelling import label
from matganip.labels.relaxing import Protocol
from matganip.sampling.rounds import active_rounds, clusters, labels_of, next_batch
from matganip.workflows.labelling import batch_of

PAIRS = CalculatorChoice("toy_calculators:Pairs", {"decay": 1.5})
SPACE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 5}})
BATCH = batch_of(SPACE)
FEATURES = clusters(SPACE, BATCH.occupations, 9.0)


@pytest.fixture
def database(tmp_path):
    return LabelDatabase(tmp_path / "labels.db")


def rounds(database, choice=PAIRS, **more):
    return active_rounds(database, BATCH, FEATURES, choice, Protocol(), **{"n": 8, "budget": 30, **more})


def test_it_labels_until_the_budget_is_spent_and_learns_on_the_way(database):
    found = list(rounds(database))
    assert [one.n_labels for one in found] == [0, 8, 16, 24, 30]
    assert [len(one.rows) for one in found] == [8, 8, 8, 6, 0]
    every = np.concatenate([one.rows for one in found])
    assert len(np.unique(every)) == 30
    labelled, energy = labels_of(database, BATCH, PAIRS, Protocol())
    assert np.flatnonzero(labelled).tolist() == sorted(every.tolist())
    assert np.isfinite(energy[labelled]).all()
    assert np.isnan(energy[~labelled]).all()
    assert np.isnan(found[0].left_out_mae)
    assert found[-1].left_out_mae < 0.2 * found[-1].constant_mae


def test_predictions_come_true(database):
    *_, last = rounds(database, budget=40)
    labelled, energy = labels_of(database, BATCH, PAIRS, Protocol())
    after = next_batch(BATCH, FEATURES, labelled, energy, "mixed", 6)
    part = mg.ConfigurationBatch(SPACE, BATCH.occupations[after.rows], BATCH.multiplicity[after.rows])
    label(database, part, PAIRS)
    _, energy = labels_of(database, BATCH, PAIRS, Protocol())
    assert np.abs(after.prediction - energy[after.rows]).max() < 0.3 * np.nanstd(energy)
    assert (after.deviation >= 0).all()
    assert last.n_labels == after.n_labels == 40


def test_a_killed_loop_goes_on_from_what_is_there(database):
    loop = rounds(database)
    next(loop), next(loop), next(loop)  # killed before the third batch is labelled
    loop.close()
    labelled, _ = labels_of(database, BATCH, PAIRS, Protocol())
    assert labelled.sum() == 16
    again = list(rounds(database))
    assert [one.n_labels for one in again] == [16, 24, 30]
    assert not labelled[np.concatenate([one.rows for one in again])].any()
    assert [one.n_labels for one in rounds(database)] == [30]


def test_what_the_calculator_fails_on_is_told_of_and_not_tried_again(database):
    errors = {}
    found = list(rounds(database, CalculatorChoice("toy_calculators:OneInTen"), budget=60, errors=errors))
    suggested = np.concatenate([one.rows for one in found])
    assert len(np.unique(suggested)) == len(suggested)
    (message,) = errors
    assert "SCF did not find its way" in message
    assert found[-1].n_labels == 60 == len(suggested) - errors[message]


def test_a_space_smaller_than_the_budget_is_labelled_whole(database):
    small = batch_of(mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 2}}))
    features = clusters(small.space, small.occupations, 9.0, triplets=False)
    *_, last = active_rounds(database, small, features, PAIRS, Protocol(), n=3, budget=100)
    assert last.n_labels == len(small) == 7
