"""A study as a Python call: what it finds, and the ways that the demo does not take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.results.study import StudyResult
from matganip.workflows.inputs import study_space
from matganip.workflows.labelling import OrbitsStudy
from matganip.workflows.reading import checked, study_from
from matganip.workflows.run import run_study

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


@pytest.fixture(scope="module")
def moves() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def result(moves, tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    folder = tmp_path_factory.mktemp("results")
    return run_study(
        study_from(STUDY), Path.cwd(), folder, progress=lambda step, done, total, _: moves.append((step, done, total))
    )


def test_the_steps_come_in_order_and_each_is_timed(result: StudyResult):
    assert list(result.seconds) == ["read", "evaluate", "train", "screen", "write"]


def test_progress_ends_where_it_said_it_would(result: StudyResult, moves):
    assert result.seconds
    last = {step: (done, total) for step, done, total in moves}
    assert last["evaluate, leave-one-orbit-out"] == (7, 7)
    assert last["train"] == (3, 3)
    assert last["screen"] == (7, 7)


def test_a_study_that_screens_its_own_space_counts_it_once(result: StudyResult):
    (row,) = result.count_table().rows
    assert row[:2] == ("evaluate and screen", "Cs8 Pb8 Br2 I22")
    assert row[3:5] == ("276", "7")
    assert len(result.labels) == 1


def test_a_graph_of_more_vertices_than_peaks_is_padded_and_says_so(result: StudyResult):
    graphs = result.graphs
    assert graphs.n_listed < graphs.n_vertices == 12
    assert f"{12 - graphs.n_listed} of them empty" in graphs.table().rows[1][1]
    assert graphs.n_apart <= graphs.n_orbits == 7


def test_spreads_are_those_of_the_labels(result: StudyResult):
    (labels,) = result.labels
    energy = np.repeat(labels.labelled.energy, labels.labelled.multiplicity) * 1000 / 40
    off = np.abs(energy - energy.mean()).mean()
    assert labels.row()[3:] == (f"{np.ptp(energy):.2f}", f"{energy.std():.3f}", f"{off:.3f}")


def test_each_left_out_orbit_has_the_mean_of_the_others(result: StudyResult):
    (evaluated,) = result.evaluated
    weight = evaluated.multiplicity
    others = [np.average(np.delete(evaluated.calculated, i), weights=np.delete(weight, i)) for i in range(7)]
    np.testing.assert_allclose(evaluated.baseline, others, atol=1e-9)
    baseline_mae = np.average(np.abs(evaluated.calculated - others), weights=weight)
    assert evaluated.metrics.baseline_mae == pytest.approx(baseline_mae)
    assert evaluated.n_leaked == 0


def test_with_every_label_trained_on_nothing_is_checked(result: StudyResult):
    ranking = result.ranking
    assert ranking.trained.all()
    assert ranking.check is None
    assert ranking.sentences() == ("Every labelled orbit was trained on: nothing is left to check the ranking with.",)


def test_without_a_game_none_is_told_of(result: StudyResult):
    assert "loss(D)" not in str(result.model.training)
    assert result.verdict() == ()


def test_the_labels_caveats_are_those_of_their_calculator(result: StudyResult):
    (caveat,) = result.caveats()
    assert caveat.startswith("GPAW")
    assert "k-mesh" in caveat


def test_fifteen_lines_of_python_give_the_numbers_of_a_study(tmp_path):
    """The same calls without a study file or a folder: equal to the last digit."""
    study = study_from({**STUDY, "screen": {"substitutions": {"I": {"Br": 3}}, "train": 12, "top": 5}})
    found = run_study(study, Path.cwd(), tmp_path)
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    model = mg.train(
        space, "cspbi3_br/gpaw_mp2", diffraction=STUDY["diffraction"], network=STUDY["model"], train_size=12
    )
    screened = mg.screen(model, space, top=19)
    np.testing.assert_array_equal(screened.energy[:, 0], found.ranking.prediction)
    assert model.evaluate("cspbi3_br/gpaw_mp2").unseen.metrics.mae == pytest.approx(
        found.ranking.check.metrics.mae, abs=1e-5
    )
    reread = mg.load(tmp_path)
    np.testing.assert_array_equal(reread.predict(space).per_atom, model.predict(space).per_atom)


def test_no_more_vertices_are_made_than_there_are_peaks():
    """999 vertices of which 34 exist would be matrices of 999 x 999 for each arrangement."""
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 2}})
    settings = {"two_theta_range": [0, 45], "n_peaks": 999}
    model = mg.train(
        space, "cspbi3_br/gpaw_mp2", diffraction=settings, network={"epochs": 1, "objective": "supervised"}
    )
    n_peaks = mg.LatticeDiffraction(space, two_theta_range=(0, 45)).n_peaks
    assert model.card.diffraction.n_peaks == model.predictor.config.n_peaks == n_peaks < 60


def test_a_partly_occupied_parent_needs_no_substitutions(tmp_path):
    cif = Structure(
        Lattice.cubic(3.905), ["Sr", "Ti"] + [{"O": 11 / 12}] * 3,
        [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
    ).to(fmt="cif")  # fmt: skip
    (tmp_path / "SrTiO3.cif").write_text(str(cif))
    study = study_from(
        {
            "name": "SrTiO2.75",
            "supercell": [2, 2, 2],
            "parent": {"file": "SrTiO3.cif"},
            "labels": {"table": "srtio3/chgnet_V1_6of24", "protocols": []},
        }
    )
    assert study_space(study, tmp_path).composition == {"Sr": 8, "Ti": 8, "O": 22, "vac": 2}
    labelling = {"name": "x", "supercell": [2, 2, 2], "parent": {"file": "SrTiO3.cif"}}
    (space,) = checked(labelling, OrbitsStudy, "x.toml").spaces(tmp_path)
    assert space.n_atoms == 38
    ordered = study_from({name: value for name, value in STUDY.items() if name != "substitutions"})
    with pytest.raises(mg.InputError, match="substitutions: missing, and the parent has no partial occupancies"):
        study_space(ordered, tmp_path)
