"""MATGANIP.f from the study file to the map of double perovskites, on a few crystals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import matganip as mg
from matganip.benchmarks.double_perovskites import arrangement_map
from matganip.benchmarks.tolerance import compare, diffractable, results_frame
from matganip.cli.main import app
from matganip.errors import InputError
from matganip.learning.crystals import CONFIG, CrystalModel
from matganip.workflows.crystals import PAPER, read_crystal_study

EXAMPLE = Path(__file__).parents[2] / "examples" / "matganip_f" / "tolerance.toml"
STUDY = """
name = "a few"
kind = "crystals"
[crystals]
anions = ["Br", "I"]
cations = ["K", "Rb", "Cs", "Ca", "Ge", "Sn", "Pb", "Cd"]
[model]
epochs = 2
[double_perovskites]
formulas = ["Cs2AgBiBr6", "Cs2SnCaI6"]
calculator = "ase.calculators.lj:LennardJones"
"""


@pytest.fixture(scope="module")
def few():
    return mg.datasets.abx3(anions=("Br", "I"), cations=("K", "Rb", "Cs", "Ca", "Ge", "Sn", "Pb", "Cd"))


def test_the_example_is_a_study():
    study = read_crystal_study(EXAMPLE)
    assert study.double_perovskites is not None
    assert study.double_perovskites.formulas == PAPER
    assert len(PAPER) == 15
    assert (study.input.intensities, study.input.name) == ("absolute", "absolute per formula unit")


def test_compare_gives_rows_beside_the_mean_baseline(few):
    rows = compare([0, 1], few, config=CONFIG.replace(epochs=1), n_trees=5)
    assert len(rows) == 12
    assert {row.split for row in rows} == {"by formula"}
    baseline = [row for row in rows if row.method == "mean baseline"]
    assert [row.ratio for row in baseline] == [1.0, 1.0]
    frame = results_frame(rows)
    assert frame.groupby(["method", "input"], sort=False).size().to_dict() == {
        ("MATGANIP", "absolute per formula unit"): 2,
        ("MATGANIP", "ionic_radius, absolute per formula unit"): 2,
        ("mean baseline", "nothing"): 2,
        ("extra trees", "absolute per formula unit"): 2,
        ("extra trees", "scaled to 100"): 2,
        ("gradient boosting", "atomic numbers, cell edge"): 2,
    }
    assert frame.groupby("seed").baseline_mae.nunique().tolist() == [1, 1]  # one split, one mean, for all methods
    assert (frame.mae / frame.baseline_mae).tolist() == pytest.approx(frame.ratio.tolist())


def test_crystals_without_form_factors_are_left_out():
    table, missing = diffractable(mg.datasets.abx3(anions=("I",), cations=("Cs", "No", "Pb", "K")))
    assert missing == ("No",)
    assert "CsPbI3" in table.formulas
    assert not any("No" in formula for formula in table.formulas)


def test_train_writes_the_model_the_metrics_and_the_map(tmp_path):
    (tmp_path / "study.toml").write_text(STUDY)
    result = CliRunner().invoke(app, ["train", str(tmp_path / "study.toml"), "-o", str(tmp_path / "run")])
    assert result.exit_code == 0, result.output
    printed = " ".join(result.stdout.split())
    assert "absolute per formula unit" in printed
    assert "mean baseline" in printed
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert record["input"] == "absolute per formula unit"
    assert record["errors"]["test"]["constant_mae"] > 0
    rows = list(csv.DictReader((tmp_path / "run" / "double_perovskites.csv").read_text().splitlines()))
    assert sorted({row["arrangement"] for row in rows}) == ["C2", "C3v", "C4v", "Cs", "D2h", "Td"]
    assert sum(int(row["multiplicity"]) for row in rows) == 2 * 70
    assert len({row["factor_from_radii"] for row in rows}) == 2  # one for each formula
    assert all(row["energy_eV_per_atom"] for row in rows)
    assert {row["calculator"].split()[0] for row in rows} == {"LennardJones"}
    assert (tmp_path / "run" / "figures" / "double_perovskites.png").stat().st_size > 10_000
    model = CrystalModel.load(tmp_path / "run" / "model")
    cell = mg.double_perovskite("Cs2AgBiBr6")
    td = next(row for row in rows if row["formula"] == "Cs2AgBiBr6" and row["arrangement"] == "Td")
    assert model.predict([cell])[0] == pytest.approx(float(td["factor"]), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        (('kind = "crystals"', 'kind = "crystals"\ncolour = 1'), (), "colour: unknown key"),
        (("epochs = 2", "epoch = 2"), (), "model.epoch: unknown key; the nearest known key is model.epochs"),
        (("epochs = 2", "epochs = 0"), (), "model: epochs = 0 must be an integer, 1 or more"),
        (('"K", "Rb", "Cs", "Ca", "Ge", "Sn", "Pb", "Cd"', '"Cs", "Pb"'), (), "leaves one part empty"),
        (('"Cs2AgBiBr6", ', '"CsPbI3", '), (), "CsPbI3"),
        (("lj:LennardJones", "lj:Nobody"), (), "calculator"),
        (("", ""), ("--split", "random"), "crystals are split by formula"),
        (("", ""), ("--resume",), "--resume are for studies of arrangements"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, change, arguments, message):
    (tmp_path / "study.toml").write_text(STUDY.replace(*change, 1))
    result = CliRunner().invoke(app, ["train", str(tmp_path / "study.toml"), "-o", str(tmp_path / "run"), *arguments])
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert message in line


def test_an_arrangement_map_needs_four_and_four_b_atoms(few):
    model = CrystalModel()
    with pytest.raises(InputError, match="CsPb"):
        arrangement_map(model, ["CsPb(I0.5Br0.5)3"])
