"""The distilled surrogate against its model, and its files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg
from matganip import _core
from matganip.errors import InputError
from matganip.learning.dataset import Dataset
from matganip.learning.representation import GraphRepresentation
from matganip.learning.surrogate import DistilledSurrogate, SurrogateErrors

SPACE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
REPRESENT = GraphRepresentation(mg.LatticeDiffraction(SPACE, resolution="resolved", vertices=28), 28)
OCCUPATIONS = next(SPACE.orbits(batch_size=1000)).occupations
INTENSITY = REPRESENT.peaks(OCCUPATIONS).intensity


@pytest.fixture(scope="module")
def model():
    rows = mg.read_labels("cspbi3_br/chgnet_X6of24").join(SPACE)
    data = Dataset(REPRESENT(rows.occupations), rows.energy, rows.multiplicity, unit="eV")
    made = mg.Matganip(mg.MatganipConfig(epochs=30, objective="supervised"))
    made.fit(data.subset(np.arange(0, len(data), 6)))
    return made


@pytest.fixture(scope="module")
def surrogate(model):
    return DistilledSurrogate.fit(model, REPRESENT, OCCUPATIONS, seed=0)


class Quadratic:
    """A model that is a quadratic function of the peaks, which it knows by their matrices."""

    config = mg.MatganipConfig()
    unit, fingerprint, baseline, reads_features, per_site = "eV", "quadratic", 3.0, False, False

    def __init__(self):
        rng = np.random.default_rng(1)
        x = INTENSITY / 100
        value = 3 + x @ rng.normal(size=28) + ((x @ rng.normal(size=(28, 28))) * x).sum(axis=1)
        self.known = {matrix.tobytes(): y for matrix, y in zip(REPRESENT(OCCUPATIONS), value, strict=True)}

    def predict(self, matrices):
        return np.array([self.known[matrix.tobytes()] for matrix in matrices])


def test_it_predicts_nearly_what_the_model_says(model, surrogate):
    said, meant = surrogate.predict(INTENSITY), model.predict(REPRESENT(OCCUPATIONS))
    assert np.abs(said - meant).max() < 0.03 * meant.std()
    assert np.abs(said - meant).max() >= surrogate.bound > 0
    assert surrogate.unit == "eV"
    linear = DistilledSurrogate.fit(model, REPRESENT, OCCUPATIONS, degree=1)
    assert surrogate.errors.mean < linear.errors.mean < 0.05 * linear.errors.deviation


def test_a_function_of_its_form_is_found_exactly():
    surrogate = DistilledSurrogate.fit(Quadratic(), REPRESENT, OCCUPATIONS)
    wanted = Quadratic().predict(REPRESENT(OCCUPATIONS))
    assert np.abs(surrogate.predict(INTENSITY) - wanted).max() < 1e-7 * wanted.std()
    assert surrogate.bound < 1e-7 * surrogate.errors.deviation


def test_rows_are_predicted_alike_in_any_company(surrogate):
    whole = surrogate.predict(np.tile(INTENSITY, (4, 1)))
    order = np.random.default_rng(0).permutation(len(INTENSITY))
    assert whole.tobytes() == np.tile(whole[: len(INTENSITY)], 4).tobytes()
    assert surrogate.predict(INTENSITY[order]).tobytes() == whole[order].tobytes()
    assert surrogate.predict(INTENSITY[7:8]).tobytes() == whole[7:8].tobytes()
    assert surrogate.predict(INTENSITY[:0]).shape == (0,)


def test_errors_are_measured_on_distinct_rows_held_out(model, surrogate):
    n_distinct = len(np.unique(INTENSITY.round(9), axis=0))
    assert surrogate.errors.n == round(0.2 * n_distinct)
    assert surrogate.measure(model, REPRESENT, OCCUPATIONS).n == n_distinct
    errors = SurrogateErrors.of(np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.0, 1.0]))
    assert (errors.largest, errors.mean, errors.quantiles["0.5"]) == (3.0, pytest.approx(4 / 3), 1.0)
    assert (1 - replace(errors, n=100).exceeding) ** 100 == pytest.approx(0.05)


def test_the_surrogate_of_an_ensemble_predicts_what_its_mean_says(model):
    class Pair:
        members = (model, model)
        baseline, reads_features, per_site = model.baseline, False, False

        def predict(self, matrices):
            return model.predict(matrices), np.zeros(len(matrices))

    pair, single = (
        DistilledSurrogate.fit(Pair(), REPRESENT, OCCUPATIONS),
        DistilledSurrogate.fit(model, REPRESENT, OCCUPATIONS),
    )
    assert pair.predict(INTENSITY).tobytes() == single.predict(INTENSITY).tobytes()
    assert pair.model == f"{model.fingerprint} {model.fingerprint}"


def test_a_round_trip_is_exact_and_knows_its_model(model, surrogate, tmp_path):
    model.save(tmp_path)
    surrogate.save(tmp_path)
    again = DistilledSurrogate.load(tmp_path, mg.Matganip.load(tmp_path))
    assert again.predict(INTENSITY).tobytes() == surrogate.predict(INTENSITY).tobytes()
    assert again.errors == surrogate.errors
    assert json.loads((tmp_path / "model.json").read_text())["sha256"] == again.model
    with pytest.raises(InputError, match="the surrogate of another model"):
        DistilledSurrogate.load(tmp_path, Quadratic())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: "{", "not JSON"),
        (lambda record: json.dumps({**record, "version": 1}), "version 1, this program reads version 2; distil again"),
        (lambda record: json.dumps({**record, "format": "matganip-student"}), "not a distilled surrogate of matganip"),
        (lambda record: json.dumps({**record, "linear": [1.0]}), "damaged: its arrays do not fit together"),
        (lambda record: json.dumps({**record, "squares": "many"}), "damaged"),
        (lambda record: json.dumps({k: v for k, v in record.items() if k != "unit"}), "damaged: 'unit'"),
    ],
)
def test_damaged_files_are_refused(surrogate, tmp_path, change, message):
    surrogate.save(tmp_path)
    path = tmp_path / "surrogate.json"
    path.write_text(change(json.loads(path.read_text())))
    with pytest.raises(InputError, match=rf"surrogate.json: .*{message}"):
        DistilledSurrogate.load(tmp_path)
    path.rename(tmp_path / "student.json")
    with pytest.raises(InputError, match=r"student.json: version 1, this program reads version 2"):
        DistilledSurrogate.load(tmp_path)
    (tmp_path / "student.json").unlink()
    with pytest.raises(InputError, match=r"surrogate.json: cannot be read: No such file"):
        DistilledSurrogate.load(tmp_path)


def test_what_cannot_be_distilled_is_refused(model, surrogate):
    with pytest.raises(InputError, match="at least 12 arrangements with distinct peaks, these 20 have"):
        DistilledSurrogate.fit(model, REPRESENT, np.repeat(OCCUPATIONS[:2], 10, axis=0))
    with pytest.raises(InputError, match="degree must be 1 or 2"):
        DistilledSurrogate.fit(model, REPRESENT, OCCUPATIONS, degree=3)
    with pytest.raises(InputError, match="held_out must be between 0 and 1"):
        DistilledSurrogate.fit(model, REPRESENT, OCCUPATIONS, held_out=1.0)
    with pytest.raises(InputError, match=r"shape \(n, 28\), not \(603, 27\)"):
        surrogate.predict(INTENSITY[:, :27])
    bad = INTENSITY.copy()
    bad[3, 2] = np.nan
    with pytest.raises(InputError, match="row 3: an intensity is not a finite number"):
        surrogate.predict(bad)


def test_it_is_a_model_too(tmp_path):
    model = mg.train(SPACE, "cspbi3_br/chgnet_X6of24", train_size=100, network={"epochs": 5})
    fast = model.distil()
    exact, near = model.predict(SPACE), fast.predict(SPACE)
    assert abs(near.per_atom - exact.per_atom).max() < 0.1 * exact.per_atom.std()
    assert abs(near.per_atom - exact.per_atom).max() >= fast.predictor.bound
    fast.save(tmp_path / "fast")
    again = mg.load(tmp_path / "fast")
    assert again.predict(SPACE).per_atom.tobytes() == near.per_atom.tobytes()
    assert again.evaluate("cspbi3_br/chgnet_X6of24").to_dict() == fast.evaluate("cspbi3_br/chgnet_X6of24").to_dict()
    found = mg.screen(tmp_path / "fast", top=603)
    assert found.cascade is None
    energy = dict(zip(map(bytes, near.occupations), near.energy.tolist(), strict=True))
    wanted = [energy[bytes(row)] for row in found.winners.occupations]
    np.testing.assert_allclose(found.energy[:, 0], wanted, atol=1e-6)
    np.testing.assert_allclose(
        mg.thermo(found).functions.free_energy,
        mg.thermo(again, SPACE, [300, 600, 1000]).functions.free_energy,
        atol=1e-6,
    )
    with pytest.raises(InputError, match="would be no faster"):
        fast.distil()
    with pytest.raises(InputError, match="does no faster"):
        mg.screen(fast, cascade=True)


def test_the_name_of_version_0_1_still_works():
    with pytest.warns(DeprecationWarning, match=r"matganip\.Student is called DistilledSurrogate now"):
        assert mg.Student is DistilledSurrogate


@given(st.integers(1, 9), st.integers(1, 19), st.integers(0, 23), st.integers(0, 2**32 - 1))
def test_the_sum_of_squares_is_that_of_its_twin(p, r, n, seed):
    rng = np.random.default_rng(seed)
    directions, shift, linear, squares = (rng.normal(size=s) for s in ((p, r), r, r, r))
    rows, constant = rng.normal(size=(n, p)), float(rng.normal())
    function = _core.SumOfSquares(directions=directions, shift=shift, linear=linear, squares=squares, constant=constant)
    expected = []
    for row in rows:
        u = [shift[k] + sum(row[i] * directions[i, k] for i in range(p)) for k in range(r)]
        expected.append(constant + sum(u[k] * (linear[k] + squares[k] * u[k]) for k in range(r)))
    found = function.predict(rows, num_threads=1)
    assert found == pytest.approx(np.array(expected), rel=1e-10, abs=1e-10)
    alone = [function.predict(rows[i : i + 1], num_threads=2)[0] for i in range(n)]
    assert found.tolist() == alone


def test_a_sum_of_squares_that_does_not_fit_is_refused():
    three = np.ones(3)
    with pytest.raises(ValueError, match="directions must have a column for each shift"):
        _core.SumOfSquares(directions=np.ones((2, 4)), shift=three, linear=three, squares=three, constant=0.0)
    with pytest.raises(ValueError, match="directions, shift, linear and squares"):
        _core.SumOfSquares(directions=np.ones((2, 3)), shift=three, linear=np.ones(2), squares=three, constant=0.0)
    function = _core.SumOfSquares(directions=np.ones((2, 3)), shift=three, linear=three, squares=three, constant=0.0)
    with pytest.raises(ValueError, match=r"rows must be \(n, 2\)"):
        function.predict(np.ones((4, 3)))
