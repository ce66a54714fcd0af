"""The job as a Python call: its steps in order, what they find, and the ways that the demo does not take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from matganip.workflows.job import Outcome, run
from matganip.workflows.reading import study_from
from matganip.workflows.story import caveats, check_sentences, tell, train_sentences, verdict

STUDY = {
    "name": "2 Br, its own screen, no game",
    "supercell": [2, 2, 2],
    "substitutions": {"I": {"Br": 2}},
    "parent": {"formula": "CsPbI3", "a": 6.289},
    "diffraction": {"two_theta_range": [0, 22], "n_peaks": 12, "scaling": "paper"},
    "labels": {"table": "cspbi3_br/gpaw_mp2", "protocols": ["leave-one-orbit-out"]},
    "model": {"objective": "supervised", "epochs": 3, "evaluate_every": 1},
    "screen": {"top": 3},
}


class Recorder:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.results: dict[str, tuple[object, ...]] = {}
        self.moves: list[tuple[str, int, int]] = []

    def begin(self, step: str) -> None:
        self.steps.append(step)

    def progress(self, step: str, done: int, total: int, detail: str) -> None:
        assert detail
        self.moves.append((step, done, total))

    def found(self, step: str, *results: object) -> None:
        self.results[step] = results


@pytest.fixture(scope="module")
def heard() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def outcome(heard: Recorder, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("results")
    return run(study_from(STUDY), Path.cwd(), folder, listener=heard)


def test_the_steps_come_in_order_and_each_is_timed(outcome: Outcome, heard: Recorder):
    steps = ["read", "count", "enumerate", "diffract", "label", "evaluate", "train", "screen", "write"]
    assert heard.steps == steps
    assert list(outcome.seconds) == steps
    assert set(heard.results) == set(steps) - {"read", "write"}


def test_progress_ends_where_it_said_it_would(outcome: Outcome, heard: Recorder):
    assert outcome.counted
    last = {step: (done, total) for step, done, total in heard.moves}
    assert last["evaluate, leave-one-orbit-out"] == (7, 7)
    assert last["train"] == (3, 3)
    assert last["screen"] == (7, 7)


def test_a_study_that_screens_its_own_space_counts_it_once(outcome: Outcome):
    (counted,) = outcome.counted
    assert counted.name == "evaluate and screen"
    assert (counted.space.n_configurations, counted.n_orbits) == (276, 7)
    assert len(outcome.joined) == 1


def test_a_graph_of_more_vertices_than_peaks_is_padded_and_says_so(outcome: Outcome):
    found = outcome.diffracted
    n_peaks = len(found.peaks.two_theta)
    assert n_peaks < 12
    assert found.matrices.shape == (7, 12, 12)
    assert not found.matrices[:, n_peaks:].any()
    (table,) = tell("diffract", (found,))[1]
    assert f"{12 - n_peaks} of them empty" in table.rows[1][1]


def test_spreads_are_those_of_the_labels(outcome: Outcome):
    (joined,) = outcome.joined
    energy = np.repeat(joined.labelled.energy, joined.labelled.multiplicity) * 1000 / 40
    assert joined.deviation == pytest.approx(energy.std())
    assert joined.baseline_mae == pytest.approx(np.abs(energy - energy.mean()).mean())
    assert joined.spread == pytest.approx(np.ptp(energy))


def test_each_left_out_orbit_has_the_constant_of_the_others(outcome: Outcome):
    (evaluated,) = outcome.evaluated
    weight = evaluated.multiplicity
    others = [np.average(np.delete(evaluated.calculated, i), weights=np.delete(weight, i)) for i in range(7)]
    np.testing.assert_allclose(evaluated.baseline, others, atol=1e-9)
    baseline_mae = np.average(np.abs(evaluated.calculated - others), weights=weight)
    assert evaluated.metrics.baseline_mae == pytest.approx(baseline_mae)
    assert evaluated.n_leaked == 0


def test_with_every_label_trained_on_nothing_is_checked(outcome: Outcome):
    screened = outcome.screened
    assert screened.trained.all()
    assert screened.check is None
    assert check_sentences(screened) == (
        "Every labelled orbit was trained on: nothing is left to check the ranking with.",
    )


def test_without_a_game_none_is_told_of(outcome: Outcome):
    assert "loss(D)" not in train_sentences(outcome.trained)[0]
    assert verdict(outcome.evaluated) == ()


def test_the_labels_caveats_are_those_of_their_calculator(outcome: Outcome):
    (caveat,) = caveats(outcome.joined)
    assert caveat.startswith("GPAW")
    assert "k-mesh" in caveat
