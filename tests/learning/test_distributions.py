"""Models that answer with distributions: known laws are found, bytes repeat, files keep all, the rest is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import norm

import matganip as mg
from matganip.errors import InputError
from matganip.learning.conditional import ConditionalDistribution
from matganip.learning.distribution_settings import FAMILIES, GAMES, DistributionSettings
from matganip.results.proper_scores import coverage, crps, energy_score, pit

TABLE = "cspbi3_br/gpaw_mp2"
QUICK = {"steps": 12, "members": 2, "hidden": (16,), "batch_size": 64}


def _two_branches(n, seed=0):
    """y is x or -x, each half of the time, and a little noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0.5, 1.5, (n, 1))
    return x, np.where(rng.random((n, 1)) < 0.5, x, -x) + 0.1 * rng.normal(size=(n, 1))


def _slow_crps(samples, truth):
    far = np.mean([abs(one - truth) for one in samples])
    return far - np.mean([[abs(one - other) for other in samples] for one in samples]) / 2


def test_scores_are_their_definitions_and_that_of_a_gaussian_its_closed_form():
    rng = np.random.default_rng(3)
    samples, truth = rng.normal(size=(4, 30)), rng.normal(size=4)
    slow = [_slow_crps(row, one) for row, one in zip(samples, truth, strict=True)]
    np.testing.assert_allclose(crps(samples, truth), slow, atol=1e-12)
    np.testing.assert_allclose(energy_score(samples[..., None], truth[:, None]), slow, atol=1e-12)
    even = norm.ppf((np.arange(4000) + 0.5) / 4000)[None]
    closed = truth * (2 * norm.cdf(truth) - 1) + 2 * norm.pdf(truth) - 1 / np.sqrt(np.pi)  # equation 5 of the source
    np.testing.assert_allclose(crps(np.repeat(even, 4, axis=0), truth), closed, atol=1e-3)
    assert coverage(pit(np.repeat(even, 4, axis=0), norm.ppf([0.02, 0.2, 0.5, 0.99])), np.ones(4), 0.9) == 0.5


def test_a_mixture_finds_both_branches_of_a_law_that_no_gaussian_has():
    x, y = _two_branches(400)
    settings = DistributionSettings(steps=250, members=1, hidden=(32,), components=4)
    found = ConditionalDistribution.fit(x, y, settings=settings)
    asked = np.array([[0.6], [1.4]])
    drawn = found.draw(asked, 2000)[..., 0]
    for samples, (place,) in zip(drawn, asked, strict=True):
        np.testing.assert_allclose((samples > 0).mean(), 0.5, atol=0.1)
        np.testing.assert_allclose(np.median(samples[samples > 0]), place, atol=0.12)
        np.testing.assert_allclose(np.median(samples[samples < 0]), -place, atol=0.12)
    new_x, new_y = _two_branches(300, seed=1)
    told = crps(found.draw(new_x, 400)[..., 0], new_y[:, 0]).mean()
    one_gaussian = ConditionalDistribution.fit(x, y, settings=DistributionSettings(family="constant", members=1))
    assert told < 0.9 * crps(one_gaussian.draw(new_x, 400)[..., 0], new_y[:, 0]).mean()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_widths_and_gives_the_same_bytes_for_a_seed(family):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (120, 2))
    y = np.exp(x[:, :1]) * rng.normal(size=(120, 1))
    settings = DistributionSettings(family=family, **QUICK)
    one, other = (ConditionalDistribution.fit(x, y, settings=settings, seed=5) for _ in range(2))
    drawn = one.draw(x, 30, seed=2)
    assert drawn.tobytes() == other.draw(x, 30, seed=2).tobytes()
    assert drawn.shape == (120, 30, 1)
    assert np.isfinite(drawn).all()
    np.testing.assert_allclose(one.draw(x[50:53], 30, seed=2), drawn[50:53], atol=1e-12)
    assert not np.array_equal(one.draw(x, 30, seed=3), drawn)
    game = [moment.loss_d for moment in one.moments]
    assert np.isfinite(game[-1]) == (family in GAMES)


def test_two_properties_keep_their_dependence():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (300, 1))
    first = rng.normal(size=(300, 1))
    y = np.c_[first, 0.9 * first + 0.3 * rng.normal(size=(300, 1))] * [1.0, 40.0]
    for family in ("gaussian", "energy_score"):
        settings = DistributionSettings(family=family, steps=120, members=1, hidden=(16,), batch_size=128)
        found = ConditionalDistribution.fit(x, y, settings=settings)
        drawn = found.draw(x[:20], 200).reshape(-1, 2)
        assert np.corrcoef(drawn.T)[0, 1] > 0.7
        np.testing.assert_allclose(drawn.std(axis=0), y.std(axis=0), rtol=0.3)
    with pytest.raises(InputError, match="quantiles belong to one property"):
        ConditionalDistribution.fit(x, y, settings=DistributionSettings(family="quantiles"))


@pytest.fixture(scope="module")
def model():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    powder = {"resolution": "powder"}
    return mg.train(space, TABLE, diffraction=powder, distribution={"convolutions": True, "fill_in": 0, **QUICK})


def test_a_model_with_a_distribution_is_saved_and_read_as_every_other(model, tmp_path):
    model.save(tmp_path / "one")
    read = mg.load(tmp_path / "one")
    before, after = (one.predict(model.own_space, quantiles=(0.9, 0.1)) for one in (model, read))
    for name in ("per_atom", "deviation"):
        assert getattr(before, name).tobytes() == getattr(after, name).tobytes()
    assert before.samples(9, seed=4).tobytes() == after.samples(9, seed=4).tobytes()
    read.save(tmp_path / "two")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    data = bytearray((tmp_path / "two" / "distribution.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "two" / "distribution.safetensors").write_bytes(bytes(data))
    with pytest.raises(InputError, match=r"distribution\.safetensors"):
        mg.load(tmp_path / "two")


@pytest.mark.parametrize("hidden", [[10**9, 10**9], [2**62, 2**62], [2**70]])
def test_networks_of_sizes_that_the_file_has_not_take_no_memory(model, tmp_path, hidden):
    model.save(tmp_path)
    (tmp_path / "checksums.json").unlink()
    record = json.loads((tmp_path / "distribution.json").read_text())
    record["settings"]["hidden"] = hidden
    (tmp_path / "distribution.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"distribution.safetensors: damaged"):
        mg.load(tmp_path)


def test_a_prediction_tells_quantiles_and_probabilities(model, tmp_path):
    space = model.own_space
    found = model.predict(space, quantiles=(0.9, 0.1), output=tmp_path / "all.csv")
    low, high = found.quantiles((0.1, 0.9)).T
    assert (low < found.per_atom).all()
    assert (found.per_atom < high).all()
    np.testing.assert_array_equal(found.to_frame()["q0.1_eV_per_atom"], low)
    assert "q0.1_eV_per_atom,q0.9_eV_per_atom" in (tmp_path / "all.csv").read_text().splitlines()[0]
    json.dumps(found.to_dict())
    assert "0.1 below" in str(found)
    np.testing.assert_allclose(found.probability_below(found.quantiles([0.3])[4, 0] * 40)[4], 0.3, atol=0.01)
    np.testing.assert_allclose(found.probability_among_lowest(3).sum(), 3.0, atol=1e-9)
    some = found.lowest(4)
    np.testing.assert_allclose(some.samples(5), found.samples(5)[np.argsort(found.per_atom, kind="stable")[:4]])
    assert model.evaluate_distributions(TABLE).mean_crps == pytest.approx(
        {one.name: one for one in model.training.distributions}["train"].mean_crps
    )


def test_what_has_no_distribution_refuses_by_name(tmp_path):
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    value = mg.train(space, TABLE, diffraction={"resolution": "powder"})
    with pytest.raises(
        InputError, match='quantiles: this model answers with values; train one with mode="distribution"'
    ):
        value.predict(space, quantiles=(0.5,))
    with pytest.raises(InputError, match="answers with values"):
        value.predict(space).samples(3)
    with pytest.raises(InputError, match="answers with values"):
        value.evaluate_distributions(TABLE)
    with pytest.raises(InputError, match="mode 'both'"):
        mg.train(space, TABLE, mode="both")
    with pytest.raises(InputError, match="networks and members of its own"):
        mg.train(space, TABLE, mode="distribution", members=3)
    with pytest.raises(InputError, match="unknown key 'familly'"):
        mg.train(space, TABLE, distribution={"familly": "mixture"})
    value.save(tmp_path)
    from typer.testing import CliRunner

    from matganip.cli.main import app

    told = CliRunner().invoke(app, ["predict", str(tmp_path), "--quantiles", "0.5"])
    assert told.exit_code == 2
    assert "answers with values" in told.output + (told.stderr or "")


def test_arrangements_of_a_pattern_are_filled_in_where_the_columns_are_coarse():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    coarse = mg.train(
        space, "cspbi3_br/chgnet_X3of24", train_size=16, diffraction={"resolution": "powder"}, distribution=QUICK
    )
    assert coarse.training.filled_in == 19  # the whole space, what was held out included
    assert [one.name for one in coarse.training.distributions] == ["train", "test"]
    assert "19 arrangements of the space" in " ".join(coarse.training.sentences())
    assert coarse.training.to_dict()["filled_in"] == 19
    found = mg.screen(coarse, space, top=3)
    np.testing.assert_allclose(found.energy[:, 0], np.sort(coarse.predict(space).energy)[:3], atol=1e-6)
