from __future__ import annotations

import json

import numpy as np
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.ensemble import Ensemble


@pytest.fixture(scope="module")
def ensemble(graphs):
    made = Ensemble(MatganipConfig(n_peaks=graphs.n_peaks, epochs=20), n_members=3)
    made.fit(graphs)
    return made


def test_the_mean_and_the_spread_are_those_of_the_members(ensemble, graphs):
    every = np.array([member.predict(graphs.matrices) for member in ensemble.members])
    mean, deviation = ensemble.predict(graphs.matrices)
    assert mean == pytest.approx(every.mean(axis=0))
    assert deviation == pytest.approx(every.std(axis=0, ddof=1))
    assert len({row.tobytes() for row in every}) == 3
    assert ensemble.evaluate(graphs).mae == pytest.approx(
        np.average(np.abs(mean - graphs.target), weights=graphs.weight)
    )


def test_one_seed_gives_the_same_ensemble(ensemble, graphs):
    again = Ensemble(ensemble.config, n_members=3)
    again.fit(graphs)
    assert again.predict(graphs.matrices)[0].tobytes() == ensemble.predict(graphs.matrices)[0].tobytes()


def test_progress_names_the_member(graphs):
    heard = []
    made = mg.Ensemble(MatganipConfig(n_peaks=graphs.n_peaks, epochs=5), n_members=2, resample=False)
    made.fit(graphs, callback=lambda number, progress: heard.append((number, progress.epoch)))
    assert heard == [(0, 5), (1, 5)]


def test_an_ensemble_survives_the_round_trip(ensemble, graphs, tmp_path):
    ensemble.save(tmp_path / "many")
    loaded = Ensemble.load(tmp_path / "many")
    for found, wanted in zip(loaded.predict(graphs.matrices), ensemble.predict(graphs.matrices), strict=True):
        assert found.tobytes() == wanted.tobytes()
    assert (loaded.unit, loaded.baseline) == (ensemble.unit, ensemble.baseline)


def test_a_damaged_ensemble_is_refused(ensemble, tmp_path):
    with pytest.raises(InputError, match=r"ensemble.json: cannot be read"):
        Ensemble.load(tmp_path)
    ensemble.save(tmp_path)
    record = tmp_path / "ensemble.json"
    whole = json.loads(record.read_text())
    for text, message in (
        ("{", "not JSON"),
        ("[]", "not the record"),
        (json.dumps({**whole, "version": 7}), "of version 1"),
        (json.dumps({**whole, "n_members": None}), "damaged"),
        (json.dumps({**whole, "n_members": 4}), "member-3"),
    ):
        record.write_text(text)
        with pytest.raises(InputError, match=message):
            Ensemble.load(tmp_path)


def test_one_member_has_no_spread():
    with pytest.raises(InputError, match="1 members have no spread"):
        Ensemble(n_members=1)


def test_an_ensemble_has_a_bounded_number_of_members():
    with pytest.raises(InputError, match="10,000,000,000 members are more than 1,000"):
        Ensemble(MatganipConfig(n_peaks=8), n_members=10**10)
