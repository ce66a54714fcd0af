"""`thermo` and `mixing`: one call, from a model, a screen or a table, with the same numbers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import matganip as mg
from matganip.thermodynamics.run import mean_pattern

TEMPERATURES = [300.0, 1000.0]


@pytest.fixture(scope="module")
def space() -> mg.ConfigurationSpace:
    return mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})


@pytest.fixture(scope="module")
def model(space):
    return mg.train(
        space,
        "cspbi3_br/gpaw_mp2",
        network={"epochs": 3, "objective": "supervised"},
        diffraction={"cutoff": 7.0, "n_peaks": 4},
    )


@pytest.fixture(scope="module")
def exact(model, space):
    return mg.thermo(model, space, TEMPERATURES)


def test_a_screen_in_memory_has_the_same_ensemble(model, space, exact):
    screened = mg.screen(model, space, temperatures=TEMPERATURES)
    found = mg.thermo(screened)
    np.testing.assert_allclose(found.functions.free_energy, exact.functions.free_energy, atol=1e-6)
    np.testing.assert_allclose(found.functions.entropy, exact.functions.entropy, atol=1e-8)
    assert [row[1] for row in found.lowest] == [row[1] for row in exact.lowest]
    with pytest.raises(mg.InputError, match="kept its best rows and sums at 300, 1000 K"):
        mg.thermo(screened, temperatures=[400.0])
    with pytest.raises(mg.InputError, match="are for a model"):
        mg.thermo(screened, sample=1000)


def test_the_space_of_the_model_is_the_default(model, exact):
    assert mg.thermo(model, temperatures=TEMPERATURES).to_dict() == exact.to_dict()


def test_a_sample_has_error_bars(model, space, exact):
    found = mg.thermo(model, space, TEMPERATURES, sample=1500, seed=1)
    frame = found.to_frame()
    assert (abs(frame["F_eV"] - exact.to_frame()["F_eV"]) < 2 * frame["F_error_eV"]).all()
    assert found.estimate.n == 1500
    assert "±" in str(found)
    drawn = mg.thermo(model, space, TEMPERATURES, sample=1500, seed=1)
    assert drawn.to_dict() == found.to_dict()


def test_what_no_sample_reaches_is_walked_to(model, space):
    found = mg.thermo(model, space, [20.0], sample=200, seed=1)
    assert not found.estimate.reliable.all()
    assert "Draw more" in found.sentences()[0]
    beyond = replace(found, n_configurations=10**28).sentences()[0]
    assert "Draw more" not in beyond
    assert "`matganip monte-carlo`" in beyond


def test_progress_is_called_back(model, space):
    seen = []
    mg.thermo(model, space, TEMPERATURES, progress=lambda *now: seen.append(now[:3]))
    assert seen[-1] == ("thermodynamics", 19, 19)


def test_results_show_and_draw_themselves(exact):
    json.dumps(exact.to_dict(), allow_nan=False)
    assert exact.to_frame()["temperature_K"].tolist() == TEMPERATURES
    assert "data:image/png" in exact._repr_html_()
    labels = {line.get_label() for line in exact.plot().lines}
    assert {"F", "U"} <= labels


def test_mixing_of_a_series(model, space, tmp_path):
    series = mg.CompositionSeries(space.parent, (2, 1, 1), {"I": {"Br": range(0, 7, 3)}})
    found = mg.mixing(model, series, [300.0, 600.0])
    assert found.species == "Br on I"
    assert found.lowest.fraction.tolist() == [0, 0.5, 1]
    assert [t for t, _ in found.at_temperatures] == [300.0, 600.0]
    assert len(found.to_frame()) == len(found.ensembles) == 3
    for one, energy in zip(found.ensembles, found.lowest.energy, strict=True):
        assert energy == one.functions.ground / 10
    json.dumps(found.to_dict(), allow_nan=False)
    found.save_figure(tmp_path / "mixing.png")
    assert (tmp_path / "mixing.png").stat().st_size > 1000
    with pytest.raises(mg.InputError, match="two or more"):
        mg.mixing(model, [])


def test_the_mean_pattern_of_equal_weights_is_the_mean_over_arrangements(model, space, tmp_path):
    found = mean_pattern(model, space, [np.inf])
    batch = next(iter(space.orbits()))
    peaks = mg.LatticeDiffraction(space, scaled=False).peaks(batch.occupations)
    mean = batch.multiplicity @ peaks.intensity / batch.multiplicity.sum()
    np.testing.assert_allclose(found.intensity[0], 100 * mean / mean.max(), rtol=1e-9, atol=1e-9)
    found.write(tmp_path / "mean.csv")
    head = (tmp_path / "mean.csv").read_text().splitlines()[0]
    assert head == ",".join(found.to_frame().columns) == "two_theta,d_spacing,intensity_infK,deviation_infK"


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(mg.InputError, match="neither a .parquet file, nor a folder"):
        mg.thermo(tmp_path)
