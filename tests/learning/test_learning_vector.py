"""A property that is a vector: energy and tolerance factor at once, each in its unit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from learning_graphs import make_graphs

from matganip.errors import InputError
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.ensemble import Ensemble
from matganip.learning.gan import Matganip
from matganip.learning.networks import Discriminator, Generator
from matganip.learning.scaling import TargetScaler


def both(n=12, seed=0):
    """Energy in eV near -127 and a number near 0.9, both linear in the peaks of the same graphs."""
    one = make_graphs(n, seed=seed)
    t = 0.9 + 0.01 * one.matrices[:, 0, 5, 2].astype(np.float64)
    return Dataset(one.matrices, np.c_[one.target, t], one.weight, unit=["eV", ""], names=["energy", "t"])


def config(**changes):
    return MatganipConfig(n_peaks=8, n_properties=2, **{"epochs": 5} | changes)


def test_targets_are_scaled_each_by_itself_and_come_back():
    data = both()
    scaler = TargetScaler.fit(data)
    scaled = scaler.transform(data.target)
    np.testing.assert_allclose(np.average(scaled, axis=0, weights=data.weight), 0.0, atol=1e-9)
    np.testing.assert_allclose(np.average(scaled**2, axis=0, weights=data.weight), 1.0, rtol=1e-9)
    np.testing.assert_allclose(scaler.inverse(scaled), data.target, rtol=1e-12)
    for number in (0, 1):
        alone = TargetScaler.fit(data.only(number))
        np.testing.assert_allclose(
            [alone.mean[0], alone.scale[0]], [scaler.mean[number], scaler.scale[number]], rtol=1e-12
        )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"objective": "wasserstein"},
        {"objective": "supervised", "readout_fit": "ridge"},
        {"discriminator": "sequence", "objective": "minimax"},
        {"discriminator": "single", "objective": "least_squares", "linear_readout": False},
    ],
)
def test_every_game_is_played_for_a_vector(changes):
    data = both()
    model = Matganip(config(**changes))
    history = model.fit(data, data)
    assert history.last.unit == "standard deviations"
    assert model.predict(data.matrices).shape == (12, 2)
    assert (model.names, model.units, model.unit) == (("energy", "t"), ("eV", ""), "eV, ")
    np.testing.assert_allclose(model.baselines, np.average(data.target, axis=0, weights=data.weight), rtol=1e-12)


def test_ten_graphs_with_two_properties_are_learned_by_heart():
    data = both(10)
    model = Matganip(config(epochs=1, objective="supervised", readout_fit="ridge"))
    model.fit(data)
    found = model.evaluate_each(data)
    assert found["energy"].skill > 0.999
    assert found["t"].skill > 0.999
    assert [one.unit for one in found.values()] == ["eV", ""]


def test_the_ridge_readout_of_a_vector_is_that_of_each_alone():
    data = both(20)
    changes = {"epochs": 1, "objective": "supervised", "readout_fit": "ridge", "correction_gain": 0.0}
    together = Matganip(config(**changes))
    together.fit(data)
    for number in (0, 1):
        alone = Matganip(MatganipConfig(n_peaks=8, **changes))
        alone.fit(data.only(number))
        np.testing.assert_allclose(together.predict(data.matrices)[:, number], alone.predict(data.matrices), rtol=1e-6)


def test_a_checkpoint_keeps_scaler_names_and_units(tmp_path):
    data = both()
    model = Matganip(config())
    model.fit(data)
    model.save(tmp_path)
    again = Matganip.load(tmp_path)
    assert again.predict(data.matrices).tobytes() == model.predict(data.matrices).tobytes()
    assert (again.names, again.units, again.unit) == (model.names, model.units, model.unit)
    assert again.evaluate_each(data) == model.evaluate_each(data)


def test_a_checkpoint_of_version_1_still_loads(graphs, tmp_path):
    model = Matganip(MatganipConfig(n_peaks=8, epochs=2))
    model.fit(graphs)
    model.save(tmp_path)
    record = json.loads((tmp_path / "model.json").read_text())
    target = record["target"]
    record |= {"version": 1, "target": {"mean": target["mean"][0], "scale": target["scale"][0], "unit": "eV"}}
    del record["config"]["n_properties"]
    (tmp_path / "model.json").write_text(json.dumps(record))
    again = Matganip.load(tmp_path)
    assert again.predict(graphs.matrices).tobytes() == model.predict(graphs.matrices).tobytes()
    assert (again.unit, again.names) == ("eV", ("property",))


def test_predictions_do_not_depend_on_the_batch():
    data = both(30)
    model = Matganip(config())
    model.fit(data)
    whole = model.predict(data.matrices)
    np.testing.assert_array_equal(model.predict(data.matrices, batch_size=7), whole)
    np.testing.assert_array_equal(model.predict(data.matrices[::-1])[::-1], whole)


def test_an_ensemble_predicts_vectors():
    data = both()
    ensemble = Ensemble(config(epochs=2), n_members=2)
    ensemble.fit(data)
    mean, deviation = ensemble.predict(data.matrices)
    assert mean.shape == deviation.shape == (12, 2)
    assert ensemble.baselines.shape == (2,)
    with pytest.raises(InputError, match=r"2 properties \(energy, t\) where one is asked for"):
        ensemble.evaluate(data)


def test_networks_have_the_shapes_that_they_say():
    made = config(discriminator="single")
    assert Generator(made).linear.out_features == 2
    assert Discriminator(made).lstm.input_size == 2


def test_one_column_is_one_property():
    one = make_graphs(4)
    assert Dataset(one.matrices, one.target[:, None], unit="eV").target.shape == (4,)


def test_rows_are_joined_only_where_the_whole_vector_is_equal():
    matrices = np.zeros((3, 4, 4))
    data = Dataset(matrices, [[1.0, 2.0], [1.0, 2.0], [1.0, 3.0]], group=[0, 0, 0])
    joined = data.collapsed()
    assert (joined.target.tolist(), joined.weight.tolist()) == ([[1.0, 2.0], [1.0, 3.0]], [2.0, 1.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda d: Matganip(MatganipConfig(n_peaks=8)).fit(d), "have 2 properties, the model is made for 1"),
        (lambda d: d.baseline, "2 properties .energy, t. where one is asked for"),
        (lambda d: d.only(2), "property 2: there are 2, numbered from 0"),
        (lambda d: Dataset(d.matrices, d.target, unit="eV"), "units: 'eV' does not give one text for each of the 2"),
        (lambda d: Dataset(d.matrices, d.target, names=["t", "t"]), "two properties have one name"),
        (lambda d: Dataset(d.matrices, d.target[:5]), "one row for each of the 12 matrices"),
        (lambda d: Dataset(d.matrices, d.target * [1, np.nan]), "row 0: its target is not a finite number"),
        (lambda d: Matganip(config()).fit(Dataset(d.matrices, d.target * [1, 0])), "targets of property 2 .* are 0"),
    ],
)
def test_bad_vectors_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make(both())


def test_other_names_and_units_than_learned_are_refused():
    data = both()
    model = Matganip(config(epochs=1))
    model.fit(data)
    swapped = Dataset(data.matrices, data.target, unit=["eV", ""], names=["t", "energy"])
    with pytest.raises(InputError, match="the targets are t, energy, the model learns energy, t"):
        model.evaluate_each(swapped)
    other = Dataset(data.matrices, data.target, unit=["meV", ""], names=["energy", "t"])
    with pytest.raises(InputError, match="the targets of energy are in meV, the model learns in eV"):
        model.evaluate_each(other)
