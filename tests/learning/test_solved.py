"""Models in closed form: rows left out against refitting, spreads against errors, and what chooses itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.learning import solved, solving
from matganip.learning.solved import Solved
from matganip.learning.solving import Columns, solve

RNG = np.random.default_rng(0)
X = RNG.random((60, 7)) * 100
FLAT = Columns(np.full(7, 2), np.arange(7.0))


def bent(x: np.ndarray) -> np.ndarray:
    return x @ [1.0, -2.0, 0.5, 0.0, 0.0, 3.0, 0.1] + 40.0 * np.sin(x[:, 0] / 20.0)


@pytest.mark.parametrize("curved", [False, True])
def test_errors_of_rows_left_out_are_those_of_refitting_without_them(curved, monkeypatch):
    """The settings held as they are: each row's error in closed form is that of a fit to the others."""
    monkeypatch.setattr(solving, "ROWS_PER_COLUMN", 1000)  # no scales of their own, whose errors are those of folds
    weight = RNG.integers(1, 5, 60).astype(float)
    fit = solve(X, bent(X), weight, FLAT, curved=curved)
    z, w = fit.prior * (X - fit.mean), weight / weight.mean()
    for row in (0, 17, 59):
        rest = np.delete(np.arange(60), row)
        if fit.kind == "linear":
            middle = np.average(z[rest], axis=0, weights=w[rest])
            y = np.average(bent(X)[rest], weights=w[rest])
            penalty = _penalty_of(fit, z, w)
            a = (z[rest] - middle).T @ (w[rest, None] * (z[rest] - middle)) + penalty * np.eye(7)
            slope = np.linalg.solve(a, (z[rest] - middle).T @ (w[rest] * (bent(X)[rest] - y)))
            predicted = y + (z[row] - middle) @ slope
        else:
            inner = z @ z.T
            square = np.maximum(np.diag(inner)[:, None] + np.diag(inner) - 2 * inner, 0)
            kernel = fit.linear * inner + 1 / (1 + fit.curvature * square) + solved.INTERCEPT
            y = np.average(bent(X), weights=w)
            alpha = np.linalg.solve(kernel[np.ix_(rest, rest)] + np.diag(fit.noise / w[rest]), bent(X)[rest] - y)
            predicted = y + kernel[row, rest] @ alpha
        assert bent(X)[row] - predicted == pytest.approx(fit.left_out[row], rel=1e-4, abs=1e-6)


def _penalty_of(fit: Solved, z: np.ndarray, w: np.ndarray) -> float:
    """The penalty that the slope of a linear fit solves its normal equations with."""
    middle = np.average(z, axis=0, weights=w)
    a = (z - middle).T @ (w[:, None] * (z - middle))
    b = (z - middle).T @ (w * (bent(X) - np.average(bent(X), weights=w)))
    return float((b - a @ fit.slope) @ fit.slope / (fit.slope @ fit.slope))


@pytest.mark.parametrize("seed", range(6))
def test_a_curved_function_meets_the_rows_it_was_fitted_to_better_than_rows_left_out(seed):
    """A penalty below the rounding of the kernel's eigenvalues gave coefficients of 1e7 and errors of 10 meV/atom."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(50, 10))
    y = x @ draw.normal(size=10) * 100.0 + (x[:, 0] * x[:, 1]) + 0.01 * draw.normal(size=50)
    fit = solving.Fit("curved", 0.0, np.full(10, 0.5), 1e-11, 10000.0, 0.03)
    found = solving.Solver(x, y, np.ones(50), Columns(np.full(10, 2), np.zeros(10))).solved(fit)
    assert (np.abs(found.predict(x)[0] - y) <= np.abs(found.left_out) + 1e-9 * np.ptp(y)).all()


def test_rows_left_out_that_folds_contradict_are_no_judge():
    """Of nearly as many columns as rows, one of a thousand settings is right about every row that chose it."""
    x = np.random.default_rng(0).normal(size=(25, 23))
    for seed in range(40):
        y = np.random.default_rng(seed + 1).normal(size=25)
        solver = solving.Solver(x, y, np.ones(25), Columns(np.full(23, 2), np.linspace(0, 9, 23)))
        told = float(np.abs(solver.solved(solver.linear).left_out).mean())
        folds = np.concatenate([one.error for _, _, one in solver.held_out("linear")])
        assert told > np.abs(folds).mean() / solving.BROKEN - 1e-12


def test_a_linear_function_is_found_whatever_its_prior():
    y = X @ np.arange(7.0) - 5.0
    fit = solve(X[:30], y[:30], np.ones(30), FLAT)
    assert fit.kind == "linear"
    mean, _ = fit.predict(X[30:])
    np.testing.assert_allclose(mean, y[30:], atol=1e-6 * np.ptp(y))


def test_a_bent_function_takes_the_kernel():
    fit = solve(X, bent(X), np.ones(60), FLAT)
    assert fit.kind == "kernel"
    new = RNG.random((200, 7)) * 100
    straight = solve(X, bent(X), np.ones(60), FLAT, curved=False)
    errors = [np.abs(one.predict(new)[0] - bent(new)).mean() for one in (fit, straight)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("curved", [False, True])
def test_spreads_cover_what_they_say(curved):
    noise = np.random.default_rng(1).normal(size=400)
    x = np.random.default_rng(2).random((400, 7)) * 100
    y = (bent(x) if curved else x @ np.arange(7.0)) + 3.0 * noise
    fit = solve(x[:150], y[:150], np.ones(150), FLAT, curved=curved)
    mean, deviation = fit.predict(x[150:])
    ratio = np.abs(mean - y[150:]) / deviation
    assert 0.58 < (ratio < 1).mean() < 0.80
    assert 0.87 < (ratio < 1.96).mean() < 0.99


def test_directions_without_labels_are_uncertain():
    x = np.zeros((30, 7))
    x[:, :3] = X[:30, :3]
    x[:, 3] = np.where(np.arange(30) < 2, 0.0, 1e-3 * RNG.random(30))
    fit = solve(x, x[:, 0] + 0.01 * RNG.normal(size=30), np.ones(30), FLAT)
    far = x[:1] + np.array([[0, 0, 0, 50.0, 0, 0, 0]])
    assert fit.predict(far)[1][0] > 3 * fit.predict(x[:1])[1][0]


@pytest.mark.parametrize("curved", [False, True])
def test_a_row_does_not_depend_on_the_rows_beside_it_and_survives_a_round_trip(curved, tmp_path):
    fit = solve(X, bent(X), np.ones(60), FLAT, curved=curved)
    whole = fit.predict(X)
    for some in (slice(3, 4), slice(10, 47), np.arange(59, -1, -1)):
        for one, all_of_them in zip(fit.predict(X[some]), whole, strict=True):
            np.testing.assert_array_equal(one, all_of_them[some])
    fit.save(tmp_path)
    for one, other in zip(Solved.load(tmp_path).predict(X), whole, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(fit.predict(X, deviations=False)[0], whole[0])


def test_damaged_files_are_refused(tmp_path):
    solve(X, bent(X), np.ones(60), FLAT).save(tmp_path)
    record = tmp_path / solved.RECORD
    whole = record.read_text()
    record.write_text(whole.replace('"version": 2', '"version": 9'))
    with pytest.raises(InputError, match="not the record of a solved model of version 2"):
        Solved.load(tmp_path)
    record.write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        Solved.load(tmp_path)
    record.write_text(whole)
    arrays = tmp_path / solved.ARRAYS
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="its checksum is not that of"):
        Solved.load(tmp_path)
    arrays.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        Solved.load(tmp_path)


def test_what_cannot_be_learned_from_is_refused():
    with pytest.raises(InputError, match="at least 2"):
        solve(X[:1], np.ones(1), np.ones(1), FLAT)
    with pytest.raises(InputError, match="all labels are equal"):
        solve(X, np.ones(60), np.ones(60), FLAT)


# -- the representation that chooses itself ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def space() -> mg.ConfigurationSpace:
    return mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})


@pytest.fixture(scope="module")
def model(space) -> mg.Model:
    return mg.train(space, "cspbi3_br/chgnet_X6of24", train_size=150)


def test_the_default_takes_pairs_and_triplets_and_says_what_it_tried(model):
    (taken,) = [choice for choice in model.training.choices if choice.taken]
    assert taken.spans == "6 of 6 pairs, 3 of 12 triplets"  # near ones: the best over rows left out of 150
    assert taken.left_out_mae == min(choice.left_out_mae for choice in model.training.choices)
    powder = model.training.choices[0]
    assert (powder.name, powder.spans) == ("powder peaks", "4 of 6 pairs, 0 of 12 triplets")
    assert taken.left_out_mae < 0.006 < powder.floor
    assert "What was tried" in str(model.training)
    assert "6 of 6 pair and 3 of 12 triplet dimensions. Pairs: Br-Br 6. Triplets: Br-Br-Br 18." in " ".join(
        str(model.training).split()
    )
    assert model.to_dict()["span"]["pair_rank"] == 6
    assert [one["taken"] for one in model.training.to_dict()["tried"]].count(True) == 1


def test_it_is_better_than_the_tuned_study_it_replaces(model):
    tested = model.training["test"].metrics
    assert tested.mae < 0.0065  # 28 resolved peaks with a network: 0.0116
    assert tested.baseline_mae == pytest.approx(0.387, abs=0.001)
    predicted = model.predict(model.own_space)
    assert np.isfinite(predicted.deviation).all()
    assert predicted.deviation.max() < 1e-3


def test_it_is_saved_loaded_screened_and_evaluated_as_any_model(model, space, tmp_path):
    model.save(tmp_path)
    names = {"card.json", "checksums.json", "solved.json", "solved.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == names
    again = mg.load(tmp_path)
    np.testing.assert_array_equal(again.predict().per_atom, model.predict().per_atom)
    screened = mg.screen(again, space, top=10)
    np.testing.assert_allclose(screened.energy[:, 0], model.predict(keep=10).energy, atol=2e-6)
    assert np.isfinite(screened.deviation).all()
    assert len(model.evaluate("cspbi3_br/chgnet_X6of24").unseen) == 453
    with pytest.raises(InputError, match="fitted in closed form"):
        _ = again.history
    with pytest.raises(InputError, match="no faster"):
        again.distil()


def test_ranks_are_those_of_all_compositions_that_are_trained_on():
    """A single vacancy has no pairs: "0 of 0 pairs", the first composition's, was printed whatever the others."""
    oxide = mg.perovskite("SrTiO3", a=3.905)
    spaces = [mg.ConfigurationSpace(oxide, (2, 2, 2), {"O": {"vac": n}}) for n in (1, 2, 3)]
    model = mg.train(spaces, "srtio3/chgnet_V1_6of24")
    assert model.training.choices[-1].spans.startswith("8 of 8 pairs")
    assert model.to_dict()["span"]["pair_rank"] == 8  # classes of two vacancies, and how many there are


def test_few_labels_are_enough_for_pairs(space):
    """25 labels: near before far and pairs before triplets; icet's best has 0.0094 on this split's kind."""
    errors = [
        mg.train(space, "cspbi3_br/chgnet_X6of24", train_size=25, seed=seed).training["test"].metrics.mae
        for seed in range(3)
    ]
    assert np.mean(errors) < 0.0115


def test_labels_of_another_supercell_are_refused(model):
    other = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 3), {"I": {"Br": 9}})
    labels = mg.read_labels("cspbi3_br_2x2x3/chgnet_X3_5_7_9of36").join(other)
    with pytest.raises(InputError, match="give the space that was labelled"):
        model.evaluate(labels)
    with pytest.raises(InputError, match="not NoneType"):
        model.evaluate(None)


def test_a_given_representation_is_solved_on(space):
    model = mg.train(space, "cspbi3_br/chgnet_X6of24", train_size=100, diffraction={"resolution": "resolved"})
    assert {choice.name for choice in model.training.choices} == {"as set"}
    assert model.card.diffraction.resolution == "resolved"
    json.dumps(model.training.to_dict())


def test_a_linear_function_on_request(space):
    model = mg.train(space, "cspbi3_br/chgnet_X6of24", diffraction={"resolution": "resolved"}, linear=True)
    assert model.predictor.kind == "linear"
    assert mg.certify(model, space, top=3).proved
    with pytest.raises(InputError, match="linear: goes with a model that is solved"):
        mg.train(space, "cspbi3_br/chgnet_X6of24", linear=True, members=2)


def test_no_row_is_ten_times_as_certain_as_a_typical_one():
    """As many columns as rows: the posterior may be sure of anything."""
    x = RNG.random((24, 30)) * 100
    fit = solve(x, bent(x[:, :7]), np.ones(24), Columns(np.full(30, 2), np.zeros(30)), curved=False)
    _, deviation = fit.predict(RNG.random((200, 30)) * 100)
    assert deviation.min() >= 0.0999 * fit.width
    _, plain = fit.predict(x, calibrated=False)
    assert plain.min() > 0.0
