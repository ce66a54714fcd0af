"""Ordering energies across chemistry: the kernel against loops, the model, and its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app
from matganip.errors import InputError
from matganip.labels.formulas import ARRANGEMENTS, DoublePerovskite
from matganip.learning import formula_kernel, formula_model
from matganip.learning.formula_kernel import COMPONENTS, ON_A, ON_X, Hosts, HostScales

SAMPLE = Path(__file__).parents[2] / "examples" / "double_perovskites" / "chgnet_sample.csv"
STEPS = 12


@pytest.fixture(scope="module")
def sample():
    return mg.read_formulas(SAMPLE)


@pytest.fixture(scope="module")
def model(sample):
    return mg.train_on_formulas(sample, train_size=0.8, steps=STEPS)


def slow_covariance(hosts, parameters, scales, i, j):
    """One entry of the kernel, as the docstring of its module has it."""

    def ions(values, site, one, other, kept, scale):
        described = [(mg_descriptors(*ion)[list(kept)] - scale[0]) / scale[1] for ion in (one, other)]
        apart = (described[0] - described[1]) / np.exp(values[site].numpy())
        own = 1 / (1 + np.exp(-values["own_" + site].item()))
        return (1 - own) * np.exp(-0.5 * apart @ apart) + own * (one[0] == other[0])

    total = 0.0
    for kind, values in zip(COMPONENTS, parameters, strict=True):

        def k(one, other, values=values):
            return ions(values, "b", one, other, formula_kernel.ON_B, scales.b)

        b, c, d, e = hosts[i].b1, hosts[i].b2, hosts[j].b1, hosts[j].b2
        if kind == "difference":
            pair = (k(b, d) - k(b, e) - k(c, d) + k(c, e)) ** 2
        else:
            pair = k(b, d) * k(c, e) + k(b, e) * k(c, d)
        apart = (np.log(hosts[i].edge) - np.log(hosts[j].edge)) / scales.edge[1]
        near = np.exp(2 * values["size"].item() - 0.5 * apart**2 * np.exp(-2 * values["edge"].item()))
        a = ions(values, "a", hosts[i].a, hosts[j].a, ON_A, scales.a)
        total += pair * near * a * ions(values, "x", hosts[i].x, hosts[j].x, ON_X, scales.x)
    return total


mg_descriptors = formula_kernel.ion_descriptors


def test_the_kernel_is_that_of_its_docstring(sample):
    hosts = sample.hosts[:7]
    parameters, scales = formula_kernel.initial_parameters(3), HostScales.of(sample.hosts)
    rows = torch.arange(7)
    found = formula_kernel.covariance(Hosts(hosts, scales), parameters, rows, rows).numpy()
    slow = [[slow_covariance(hosts, parameters, scales, i, j) for j in range(7)] for i in range(7)]
    assert found == pytest.approx(np.array(slow), abs=1e-12)
    diagonal = formula_kernel.variance(Hosts(hosts, scales), parameters, rows).numpy()
    assert diagonal == pytest.approx(np.diag(found), abs=1e-12)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 159), st.booleans())
def test_nothing_depends_on_which_species_on_b_is_named_first(model, sample, row, all_of_them):
    host = sample.hosts[row]
    swapped = replace(host, b1=host.b2, b2=host.b1)
    asked = [*sample.hosts[:3], host] if all_of_them else [host]
    other = [*asked[:-1], swapped]
    assert model.predict(other).energy == pytest.approx(model.predict(asked).energy, abs=1e-12)


def test_two_numbers_span_what_pairs_tell_of_six_arrangements():
    basis = formula_model.star_basis()
    assert basis.shape == (6, 2)
    # Intensities of the three stars X, M, R for contrast 1: |F|^2 of +1 and -1 on the corners of a cube.
    stars = np.array([(64, 0, 0), (48, 0, 16), (32, 32, 0), (16, 32, 16), (0, 64, 0), (0, 0, 64)], dtype=float)
    centred = stars - stars.mean(axis=0)
    assert centred == pytest.approx(basis @ basis.T @ centred, abs=1e-9)
    assert tuple(ARRANGEMENTS) == ("C4v", "C3v", "C2", "Cs", "D2h", "Td")


def test_it_predicts_formulas_that_it_has_not_seen(model):
    training = model.training
    assert training.ratio < 0.4  # the mean baseline is 1
    assert training.n_train == 128
    assert len(training.prediction) == 32
    weight = np.array(list(ARRANGEMENTS.values())) / 70
    assert np.abs(training.prediction.energy @ weight).max() < 1e-12
    told = training.to_dict()
    assert told["mae_eV_per_atom"] < told["mean_baseline_mae_eV_per_atom"]


def test_labels_of_its_own_condition_the_prediction(model, sample):
    asked = model.training.prediction.formulas
    row = max((sample.formulas.index(name) for name in asked), key=lambda k: np.ptp(sample.energy[k]))
    host, energy = sample.hosts[row], sample.energy[row]
    weight = np.array(list(ARRANGEMENTS.values())) / 70
    truth, names = energy - energy @ weight, list(ARRANGEMENTS)
    wrong = []
    for n in (0, 2, 4, 6):
        found = model.predict(host, known={name: energy[names.index(name)] for name in names[:n]})
        wrong.append(np.abs(found.energy[0] - truth).mean())
        assert np.isnan(found.mean[0]) == (n == 0)
    assert wrong[3] < 1e-6 < wrong[0]
    assert found.mean[0] == pytest.approx(energy @ weight, abs=1e-6)


def test_conditioning_is_that_of_a_gaussian_with_a_wide_constant():
    generator = np.random.default_rng(0)
    half = generator.normal(size=(6, 6))
    spread, centre = half @ half.T, generator.normal(size=6)
    given = {"Td": 1.5, "C2": -0.5, "C4v": 0.25}
    rows = [list(ARRANGEMENTS).index(name) for name in given]
    weight = np.array(list(ARRANGEMENTS.values())) / 70
    relative = np.eye(6) - weight
    wide = spread + 1e7
    gain = wide[:, rows] @ np.linalg.inv(wide[np.ix_(rows, rows)])
    expected = relative @ (centre + gain @ (np.array(list(given.values())) - centre[rows]))
    left = relative @ (wide - gain @ wide[rows]) @ relative.T
    energy, found, mean = formula_model._conditioned(centre, spread, given)
    assert energy == pytest.approx(expected, abs=1e-5)
    assert found == pytest.approx(left, abs=1e-5)
    assert np.isfinite(mean)


def test_a_saved_model_predicts_the_same(model, tmp_path):
    model.save(tmp_path / "model")
    again = mg.load(tmp_path)
    assert isinstance(again, mg.FormulaModel)
    asked = ["Cs2AgBiBr6", "K2NaScF6"]
    one, other = model.predict(asked), again.predict(asked)
    assert one.energy.tobytes() == other.energy.tobytes()
    assert other.new_elements[1] == ("Sc",)
    assert "Sc" in other.sentences()[0]
    assert again.to_dict()["trained_on"] == 128


@pytest.mark.parametrize("change", ["energy", "processes", "hosts", "version"])
def test_a_damaged_model_is_refused(model, tmp_path, change):
    model.save(tmp_path)
    path = tmp_path / "formulas.json"
    record = json.loads(path.read_text())
    record[change] = record[change][:-1] if change != "version" else 99
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"was changed"):
        mg.load(tmp_path)
    (tmp_path / "checksums.json").unlink()
    with pytest.raises(InputError, match=r"damaged|version"):
        mg.load(tmp_path)


def test_elements_can_be_held_out(sample):
    model = mg.train_on_formulas(sample, held_out=("Ag",), steps=2)
    assert "Ag" not in model.elements
    assert "Ag" in model.training.part
    assert all(names == ("Ag",) for names in model.training.prediction.new_elements)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_size": 0.0}, "train_size"),
        ({"train_size": 0.5, "held_out": ("Ag",)}, "held out"),
        ({"held_out": ("Xe",)}, "none holds Xe"),
        ({"steps": 0}, "steps"),
        ({"train_size": 0.01}, "are needed"),
    ],
)
def test_what_cannot_be_trained_is_refused(sample, options, message):
    with pytest.raises(InputError, match=message):
        mg.train_on_formulas(sample, **options)


@pytest.mark.parametrize("asked", ["NaCl", "SrTiO3", "Cs2SnI6", "MA2AgBiBr6", "Cs2AgBiBr6x", []])
def test_what_is_no_such_formula_is_refused(model, asked):
    with pytest.raises(InputError):
        model.predict(asked)


def test_labels_of_its_own_are_checked(model):
    for known in ({"Oh": 1.0}, {"Td": float("nan")}, [{}, {}]):
        with pytest.raises(InputError, match="known"):
            model.predict("Cs2AgBiBr6", known=known)


def test_charges_may_be_told(model):
    host = DoublePerovskite.of("Cs2FeCuBr6", {"Cu": 2, "Fe": 2})
    one = model.predict("Cs2FeCuBr6", charges={"Cu": 2, "Fe": 2})
    assert one.energy == pytest.approx(model.predict(host).energy, abs=1e-12)
    assert np.abs(one.energy - model.predict("Cs2FeCuBr6").energy).max() > 1e-4


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_the_commands(tmp_path, model):
    model.save(tmp_path / "model")
    found = run("predict", tmp_path, "Cs2AgBiBr6", "K2NaScF6", "--output", tmp_path / "found.csv", "--json")
    assert found.exit_code == 0, found.output
    assert [one["formula"] for one in json.loads(found.stdout)["predictions"]] == ["Cs2AgBiBr6", "K2NaScF6"]
    assert len((tmp_path / "found.csv").read_text().splitlines()) == 13
    table = run("predict", tmp_path, SAMPLE, "--json")
    assert len(json.loads(table.stdout)["predictions"]) == 160
    judged = run("evaluate", tmp_path, "--labels", SAMPLE, "--json")
    assert json.loads(judged.stdout)["formulas"] == 160
    for wrong in (("predict", tmp_path), ("predict", tmp_path, "NaCl"), ("predict", tmp_path, "Cs2AgBiBr6", "-N", 3)):
        refused = run(*wrong)
        assert refused.exit_code == 2
        assert refused.stderr.count("\n") == 1


def test_a_table_is_trained_on_from_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setattr("matganip.learning.formula_model.STEPS", 2)
    few = tmp_path / "few.csv"
    few.write_text("".join(SAMPLE.read_text().splitlines(keepends=True)[:31]))
    done = run("train", few, "--output", tmp_path / "run", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["formulas"] == 6
    assert isinstance(mg.load(tmp_path / "run"), mg.FormulaModel)
    assert run("train", few, "--output", tmp_path / "run").exit_code == 2  # it is there already
    assert run("train", few, "--split", "orbit", "--resume").exit_code == 2
