"""The model that reads crystals of any elements."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.features.powder.crystal_peaks import CrystalInput, CrystalPeaks, crystal_peaks
from matganip.learning.crystals import CONFIG, CrystalModel, Innovations, formulas_apart

CELLS = [mg.perovskite(f"{a}{b}I3", a=e) for a, e in (("Cs", 6.2), ("Rb", 6.0)) for b in ("Pb", "Sn", "Ge", "Ca", "Cd")]
MADE = CrystalInput(n_peaks=8)
QUICK = CONFIG.replace(epochs=3)


@pytest.fixture(scope="module")
def peaks():
    return crystal_peaks(CELLS, MADE)


@pytest.fixture(scope="module")
def model(peaks):
    fitted = CrystalModel(QUICK, MADE)
    fitted.fit(peaks, np.linspace(0.8, 1.0, len(CELLS)))
    return fitted


def test_innovations_are_uncorrelated_and_in_the_order_of_the_peaks():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(400, 1))
    amplitude = 50 + base + 0.05 * rng.normal(size=(400, 8)).cumsum(axis=1)  # all but one number, eight times
    many = CrystalPeaks(np.repeat(20 + rng.normal(size=(400, 1)), 8, axis=1), amplitude, MADE)
    found = (Innovations.fit(many).strengths(many) - 1) / Innovations.CONTRAST
    np.testing.assert_allclose(np.corrcoef(found.T), np.eye(8), atol=0.02)
    changed = CrystalPeaks(many.two_theta, amplitude + np.eye(8)[5], MADE)  # the sixth peak alone
    moved = (Innovations.fit(many).strengths(changed) - 1) / Innovations.CONTRAST - found
    np.testing.assert_allclose(moved[:, :5], 0.0, atol=1e-9)
    assert (moved[:, 5] > 0).any()


def test_a_model_is_the_same_after_a_round_trip(model, peaks, tmp_path):
    model.save(tmp_path)
    again = CrystalModel.load(tmp_path)
    assert again.made == MADE
    assert again.predict(CELLS).tobytes() == model.predict(peaks).tobytes()


def test_two_fits_are_the_same_and_a_supercell_is_predicted_as_its_cell(model, peaks):
    again = CrystalModel(QUICK, MADE)
    again.fit(peaks, np.linspace(0.8, 1.0, len(CELLS)))
    assert again.predict(peaks).tobytes() == model.predict(peaks).tobytes()
    np.testing.assert_allclose(model.predict([CELLS[0] * (2, 2, 2)]), model.predict(CELLS[:1]), rtol=1e-5)


def test_no_formula_is_on_both_sides():
    train, test = formulas_apart(["CsPbI3", "PbCsI3", "CsSnI3", "RbSnI3", "SnRbI3"], 0.6, 0)
    sides = [{{0: "a", 1: "a", 2: "b", 3: "c", 4: "c"}[row] for row in rows.tolist()} for rows in (train, test)]
    assert not sides[0] & sides[1]
    assert sides[0] | sides[1] == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda m, _p, _f: CrystalModel(QUICK, MADE).predict(CELLS), "not fitted yet"),
        (lambda m, _p, f: CrystalModel(QUICK, MADE).save(f), "not fitted yet"),
        (lambda m, p, _f: m.predict(CrystalPeaks(p.two_theta, p.amplitude, CrystalInput())), "the model reads"),
        (lambda m, _p, f: CrystalModel.load(f / "none"), "crystals.json: cannot be read"),
    ],
)
def test_bad_input_is_refused(model, peaks, tmp_path, ask, message):
    with pytest.raises(InputError, match=message):
        ask(model, peaks, tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "matganip-crystals", "version": 1}', '{"version": 2}'])
def test_a_damaged_record_is_refused(model, tmp_path, text):
    model.save(tmp_path)
    (tmp_path / "crystals.json").write_text(text)
    with pytest.raises(InputError, match=r"crystals.json: (damaged|not the record)"):
        CrystalModel.load(tmp_path)
