"""`certify` beside `screen`, which visits every orbit; checkpoints, models of other kinds, refusals."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

import matganip as mg

certify_module = importlib.import_module("matganip.screening.certify")  # of the name of what it holds
PARENT = mg.perovskite("CsPbI3", a=6.289)
SPACE = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 6}})
TABLE = "cspbi3_br/chgnet_X6of24"


@pytest.fixture(scope="module")
def pairs() -> mg.Model:
    return mg.train(SPACE, TABLE, diffraction={"cutoff": 7.0, "triplets": True, "n_peaks": 60})


def assert_same_winners(found: mg.certify, screened: mg.screen) -> None:
    assert found.winners.occupations.tobytes() == screened.winners.occupations.tobytes()
    assert found.winners.multiplicity.tobytes() == screened.winners.multiplicity.tobytes()
    assert found.energy.tobytes() == screened.energy.tobytes()
    assert found.deviation.tobytes() == screened.deviation.tobytes()
    assert found.point_groups == screened.point_groups


@pytest.mark.parametrize("top", [1, 17, 700])
def test_winners_are_those_of_the_screen_to_the_byte(pairs: mg.Model, top: int) -> None:
    found = mg.certify(pairs, SPACE, top=top)
    assert found.proved
    assert found.gap == 0.0
    assert found.n_proved == len(found) == min(top, 603)
    assert_same_winners(found, mg.screen(pairs, SPACE, top=top))
    assert "Proved" in found.sentences()[0]


def test_a_window_is_all_that_lies_in_it(pairs: mg.Model) -> None:
    screened = mg.screen(pairs, SPACE, top=603)
    found = mg.certify(pairs, SPACE, window=0.3)
    assert len(found) == int((screened.relative <= 0.3).sum()) > 5
    assert found.energy.tobytes() == screened.energy[: len(found)].tobytes()


@pytest.mark.parametrize("limits", [{"top": 9}, {"window": 0.3}])
def test_low_arrangements_that_a_walk_met_change_no_winner(pairs: mg.Model, monkeypatch, limits) -> None:
    plain = mg.certify(pairs, SPACE, **limits)
    monkeypatch.setattr(certify_module, "LONG", 0)
    helped = mg.certify(pairs, SPACE, **limits)
    assert helped.proved
    assert helped.n_visited <= plain.n_visited
    assert helped.winners.occupations.tobytes() == plain.winners.occupations.tobytes()
    assert helped.energy.tobytes() == plain.energy.tobytes()


def test_a_proof_cut_short_tells_the_best_that_a_walk_met() -> None:
    """Of three species, bounds are far from energies: 12 million nodes had not met what a walk meets in seconds."""
    space = mg.ConfigurationSpace(PARENT, (2, 2, 3), {"I": {"Br": 9}})
    labels = mg.read_labels("cspbi3_br_2x2x3/chgnet_X3_5_7_9of36")
    model = mg.train(space, labels, diffraction={"cutoff": 7.0, "triplets": True, "n_peaks": 60}, linear=True)
    found = mg.certify(model, space, top=3, time_limit=1e-9)
    assert (found.proved, found.n_proved) == (False, 0)
    lowest = mg.search(model, space, top=3)
    np.testing.assert_array_equal(found.winners.occupations, lowest.batch.occupations)
    assert found.gap > 0


def test_another_composition_and_a_model_of_pairs(pairs: mg.Model) -> None:
    space = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 5}})
    assert_same_winners(mg.certify(pairs, space, top=30), mg.screen(pairs, space, top=30))


def test_minimum_distances_are_kept(pairs: mg.Model) -> None:
    space = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 5}}, min_distance={"Br-Br": 5.0})
    free = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 5}})
    assert 3 < space.count_orbits() < free.count_orbits()
    assert_same_winners(mg.certify(pairs, space, top=20), mg.screen(pairs, space, top=20))


def test_a_bent_model_is_proved_within_the_measured_error_of_a_sum() -> None:
    labels = mg.read_labels(TABLE)
    model = mg.train(SPACE, labels, diffraction={"resolution": "powder"}, train_size=60)
    if model.predictor.kind == "linear":  # type: ignore[union-attr]
        with pytest.raises(mg.InputError, match="no sum over pairs and triplets"):
            mg.certify(model, SPACE, top=5)
        return
    found = mg.certify(model, SPACE, top=5)
    assert_same_winners(found, mg.screen(model, SPACE, top=5))
    assert found.surrogate_bound > 0
    assert "measured, not proved" in " ".join(found.sentences())


def test_checkpoint_resume_and_a_gap(pairs: mg.Model, tmp_path: Path) -> None:
    space = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 12}})
    file = tmp_path / "proof.npz"
    stopped = mg.certify(pairs, space, top=5, time_limit=1e-9, checkpoint=file)
    assert not stopped.proved
    assert stopped.gap > 0
    assert stopped.n_open > 0
    whole = mg.certify(pairs, space, top=5)
    resumed = mg.certify(pairs, space, top=5, checkpoint=file, resume=True)
    assert resumed.proved
    assert resumed.n_visited == whole.n_visited
    assert resumed.winners.occupations.tobytes() == whole.winners.occupations.tobytes()
    assert stopped.lower_bound <= whole.energy[0, 0] + 1e-9
    with pytest.raises(mg.InputError, match="another model, space, top or window"):
        mg.certify(pairs, space, top=6, checkpoint=file, resume=True)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(mg.InputError, match="damaged"):
        mg.certify(pairs, space, top=5, checkpoint=file, resume=True)


def test_result_as_values_table_and_file(pairs: mg.Model, tmp_path: Path) -> None:
    found = mg.certify(pairs, SPACE, top=4)
    values = found.to_dict()
    assert values["proved"]
    assert values["winners_proved"] == 4
    assert values["orbits"] == 603
    assert found.to_frame()["proved"].all()
    found.write(tmp_path / "winners.csv")
    assert (tmp_path / "winners.csv").read_text().count("\n") == 5
    with pytest.raises(mg.InputError, match=r"\.parquet or \.csv"):
        found.write(tmp_path / "winners.txt")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top"),
        ({"window": -1.0}, "window"),
        ({"time_limit": 0.0}, "time_limit"),
        ({"checkpoint": "x.txt"}, "npz"),
        ({"resume": True}, "checkpoint"),
    ],
)
def test_what_makes_no_sense_is_refused(pairs: mg.Model, options: dict, message: str) -> None:
    with pytest.raises(mg.InputError, match=message):
        mg.certify(pairs, SPACE, **options)


def test_energies_of_rows_do_not_depend_on_threads(pairs: mg.Model) -> None:
    space = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 10}})
    one, three = (mg.certify(pairs, space, top=50, num_threads=n) for n in (1, 3))
    assert (one.n_visited, one.winners.occupations.tobytes()) == (three.n_visited, three.winners.occupations.tobytes())
    assert np.array_equal(one.energy, three.energy)
