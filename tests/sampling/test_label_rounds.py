"""The loop of suggesting, labelling and learning, on a calculator that tests can afford."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import matganip as mg
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.labelling import Labeller, label
from matganip.sampling.label_rounds import iterate_rounds, label_rounds
from matganip.sampling.suggest import candidate_orbits, labels_of, patterson_features, suggest, suggest_rows

PAIRS = CalculatorChoice("toy_calculators:Pairs", {"decay": 1.5})
SPACE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 5}})
BATCH = candidate_orbits(SPACE)
FEATURES = patterson_features(BATCH)


@pytest.fixture
def database(tmp_path):
    return LabelDatabase(tmp_path / "labels.db")


def rounds(database, **more):
    """The rounds one by one, so that they can be stopped anywhere."""
    options = {"strategy": "mixed", "n": 8, "budget": 30, "seed": 0, "errors": Counter()} | more
    with Labeller(PAIRS, database) as labeller:
        yield from iterate_rounds(BATCH, FEATURES, labeller, report=lambda done, text: None, **options)


def known(database):
    return labels_of(BATCH, Labeller(PAIRS, database).labelled(SPACE))


def test_it_labels_until_the_budget_is_spent_and_learns_on_the_way(database):
    found = list(rounds(database))
    assert [one.n_labels for one in found] == [0, 8, 16, 24, 30]
    assert [len(one.rows) for one in found] == [8, 8, 8, 6, 0]
    every = np.concatenate([one.rows for one in found])
    assert len(np.unique(every)) == 30
    labelled, energy = known(database)
    assert np.flatnonzero(labelled).tolist() == sorted(every.tolist())
    assert np.isfinite(energy[labelled]).all()
    assert np.isnan(energy[~labelled]).all()
    assert np.isnan(found[0].left_out_mae)
    assert found[-1].left_out_mae < 0.2 * found[-1].baseline_mae


def test_predictions_come_true(database):
    *_, last = rounds(database, budget=40)
    after = suggest_rows(BATCH, FEATURES, *known(database), "mixed", 6)
    label(after.batch, PAIRS, database)
    _, energy = known(database)
    assert np.abs(after.prediction - energy[after.rows]).max() < 0.3 * np.nanstd(energy)
    assert (after.deviation >= 0).all()
    assert last.n_labels == after.n_labels == 40


def test_a_killed_loop_resumes_from_the_labels_that_are_there(database):
    loop = rounds(database)
    next(loop), next(loop), next(loop)  # killed before the third batch is labelled
    loop.close()
    labelled, _ = known(database)
    assert labelled.sum() == 16
    again = list(rounds(database))
    assert [one.n_labels for one in again] == [16, 24, 30]
    assert not labelled[np.concatenate([one.rows for one in again])].any()
    assert [one.n_labels for one in rounds(database)] == [30]


def test_failed_orbits_are_reported_and_not_tried_again(database):
    found = label_rounds(BATCH, "toy_calculators:OneInTen", database, 60)
    suggested = np.concatenate([one.rows for one in found.rounds])
    assert len(np.unique(suggested)) == len(suggested)
    (message,) = found.errors
    assert "SCF did not find its way" in message
    assert found.n_labels == 60 == len(suggested) - found.errors[message]


def test_a_space_smaller_than_the_budget_is_labelled_whole(database):
    small = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 2}})
    seen = []
    found = label_rounds(small, PAIRS, database.path, 100, 3, triplets=False, progress=lambda *now: seen.append(now))
    assert found.n_labels == 7
    assert [now[:3] for now in seen] == [("label", done, 100) for done in range(1, 8)]
    assert found.sentences()[1] == "No other orbit is left to label."
    assert found.to_frame()["labels"].tolist() == [0, 3, 6, 7]
    assert found.plot().get_ylabel() == "MAE, meV/atom"


def test_suggest_takes_a_space_and_a_table_of_labels(space_3of24):
    found = suggest(space_3of24, "cspbi3_br/chgnet_X3of24", 4)
    assert (found.n_candidates, found.n_labels, len(found)) == (19, 19, 0)
    first = suggest(space_3of24, n=19)
    assert sorted(first.rows.tolist()) == list(range(19))
    assert first.to_dict()["suggested"][0]["prediction_eV"] is None
    assert "Too few labels" in str(first)


def test_energies_per_atom_count_atoms_where_sites_are_vacant(database):
    space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 3}})
    rounds = label_rounds(space, "toy_calculators:Pairs", database, 12, 6, cutoff=6.0).rounds
    known = database.labelled(space).energy
    others = (known.sum() - known) / (len(known) - 1)
    assert rounds[-1].baseline_mae == pytest.approx(np.abs(known - others).mean() * 1000 / 37, rel=1e-9)


def test_labels_in_memory_train_a_model(space_3of24):
    found = label_rounds(space_3of24, "toy_calculators:Pairs", None, 12, settings={"decay": 1.5})
    assert found.labels is not None
    assert (len(found.labels.energy), found.labels.n_atoms, found.database) == (12, 40, None)
    assert "12 of 19 orbits are labelled." in found.sentences()[0]
