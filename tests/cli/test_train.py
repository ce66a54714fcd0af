"""train, evaluate and predict: one small training, asked in many ways."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_study import EXAMPLE, STUDY
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app
from matganip.configurations.codec import occupation_digits
from matganip.learning.card import Card

PATTERSON = (
    STUDY.replace('resolution = "resolved"\nn_peaks = 16', "cutoff = 9.0\ntriplets = true\nn_peaks = 30")
    .replace("Br = 2", "Br = 3")
    .replace("[model]", '[model]\nreadout_fit = "linear"')
)
FIGURES = {"training", "errors", "parity", "saliency", "feature_maps"}


MODEL_FILES = {"model.json", "model.safetensors", "card.json", "checksums.json"}


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    """The single line that a command prints when it refuses its input."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("matganip: error: ")
    return line.removeprefix("matganip: error: ")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, dict]:
    """12 of the 19 orbits of 3 Br trained on, Patterson columns with triplets: the folder, and what --json said."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "study.toml").write_text(PATTERSON)
    said = invoke("train", folder / "study.toml", "-o", folder / "run", "--train-size", 0.65, "--json")
    return folder / "run", json.loads(said)


@pytest.fixture(scope="module")
def bragg(tmp_path_factory) -> Path:
    """A model of resolved peaks, trained on all orbits of 2 Br but those that choose the epoch."""
    folder = tmp_path_factory.mktemp("train")
    (folder / "study.toml").write_text(STUDY)
    invoke("train", folder / "study.toml", "-o", folder / "run", "--train-size", 1, "--validation", 0.3)
    return folder / "run"


def test_train_writes_the_model_the_metrics_the_predictions_and_the_figures(trained):
    folder, said = trained
    record = json.loads((folder / "metrics.json").read_text())
    assert {key: record[key] for key in said if key not in ("output", "seconds")} == {
        key: value for key, value in said.items() if key not in ("output", "seconds")
    }
    assert {path.name for path in (folder / "model").iterdir()} == MODEL_FILES
    assert {path.stem for path in (folder / "figures").iterdir()} == FIGURES
    for path in (folder / "figures").iterdir():
        with Image.open(path) as image:
            assert image.width > 500
    assert record["errors"]["train"]["orbits"] == 12
    assert record["errors"]["test"]["orbits"] == 7
    assert all(part["constant_mae"] > 0 for part in record["errors"].values())
    assert set(record["game"]["optimum"]) == {"loss_d", "d"}
    assert any(name.endswith("gpaw_mp2.csv") for name in record["inputs"])


def test_the_predictions_file_holds_every_labelled_orbit(trained):
    folder, said = trained
    table = pq.read_table(folder / "predictions.parquet").to_pydict()
    assert sum(table["multiplicity"]) == 2024
    test = np.array(table["part"]) == "test"
    error = np.abs(np.subtract(table["label_eV"], table["prediction_eV"]))[test] * 1000 / 40
    weight = np.array(table["multiplicity"])[test]
    assert np.average(error, weights=weight) == pytest.approx(said["errors"]["test"]["mae"], rel=1e-9)


def test_the_card_is_all_that_a_prediction_needs(trained):
    folder, _ = trained
    card = Card.read(folder / "model")
    assert (card.diffraction.cutoff, card.diffraction.triplets) == (9.0, True)
    assert (len(card.positions), len(card.trained_on)) == (30, 12)
    model, space = mg.load(folder), card.space()
    rows = next(space.orbits()).occupations
    predicted = json.loads(invoke("predict", folder, "--json", "-n", 30))
    expected = np.sort(model.predictor.predict(model.represent(space)(rows)))
    assert [one["eV_per_atom"] for one in predicted["lowest"]] == pytest.approx(expected.tolist(), abs=1e-12)
    assert predicted["composition"] == "Cs8 Pb8 Br3 I21"


def test_a_model_of_a_small_cell_holds_in_a_larger_one(tmp_path):
    """603 orbits of 40 atoms, one composition: their 30 columns span 18 dimensions, those of 60 atoms all."""
    study = PATTERSON.replace("Br = 3", "Br = 6").replace("gpaw_mp2", "chgnet_X6of24")
    (tmp_path / "study.toml").write_text(study)
    trained = json.loads(invoke("train", tmp_path / "study.toml", "-o", tmp_path / "run", "--json"))
    larger = ("-l", "cspbi3_br_2x2x3/chgnet_X3_5_7_9of36", "-s", "2,2,3", "-x", "I:Br=9", "--json")
    found = json.loads(invoke("evaluate", tmp_path / "run", *larger))["errors"]["unseen"]
    assert found["orbits"] == 25
    assert found["mae"] < 0.05 * found["constant_mae"]
    assert found["mae"] < 3 * trained["errors"]["test"]["mae"]


def test_evaluate_tells_trained_from_unseen_and_agrees_with_train(trained, tmp_path):
    folder, said = trained
    found = json.loads(invoke("evaluate", folder / "model", "-l", "cspbi3_br/gpaw_mp2", "--json", "-o", tmp_path / "e"))
    for name, part in (("unseen", "test"), ("trained on", "train")):
        one, other = found["errors"][name], said["errors"][part]
        assert one["mae"] == pytest.approx(other["mae"])
        assert one["plain"] == pytest.approx(other["plain"])
        assert (one["top_k"], one["floor"]) == (other["top_k"], other["floor"])
    assert found["remarks"] == ["9 rows of the table are of another composition and were left out."]
    assert {path.stem for path in (tmp_path / "e" / "figures").iterdir()} == {"errors", "parity", "saliency"}
    assert json.loads((tmp_path / "e" / "metrics.json").read_text()) == found


ALSO = PATTERSON.replace(
    'table = "cspbi3_br/gpaw_mp2"',
    'table = "cspbi3_br/gpaw_mp2"\nalso = [{ table = "cspbi3_br/gpaw_mp2", substitutions = { I = { Br = 2 } } }]',
)


@pytest.mark.parametrize("split", ["composition", "formula", "random"])
def test_other_splits_say_what_they_hold_out(tmp_path, split):
    (tmp_path / "study.toml").write_text(ALSO)
    train = ("train", tmp_path / "study.toml", "-o", tmp_path / "run", "--split", split, "--train-size")
    printed = " ".join(invoke(*train, 0.5).split())
    record = json.loads((tmp_path / "run" / "metrics.json").read_text())
    table = pq.read_table(tmp_path / "run" / "predictions.parquet").to_pydict()
    dopants = {
        part: {digits.count("0") for digits, one in zip(table["occupation"], table["part"], strict=True) if one == part}
        for part in ("train", "test")
    }
    assert sum(table["multiplicity"]) == 2024 + 276
    if split == "random":
        test = record["errors"]["test"]["arrangements"]
        assert record["leaked"] == test == 1150
        assert "1,150 of 1,150 tested arrangements (100%) are symmetry copies" in printed
        assert dopants == {"train": {2, 3}, "test": {2, 3}}
    else:
        assert (record["leaked"], record["split"]) == (0, f"by {split}")
        assert sorted(map(sorted, dopants.values())) == [[2], [3]]
        assert "symmetry copies" not in printed


def test_every_metric_is_weighted_and_plain_and_has_the_floor(trained):
    part = trained[1]["errors"]["test"]
    errors = {"mae", "constant_mae", "skill", "rmse", "r2", "spearman", "maer_percent", "constant_maer_percent"}
    assert errors <= set(part)
    assert errors == set(part["plain"])
    assert part["plain"]["mae"] != part["mae"]
    assert part["floor"] == {"mae": 0.0, "plain_mae": 0.0, "rows_told_apart": 7}
    assert part["top_k"]["k"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--split", "element"), "no element can be held out"),
        (("--split", "colour"), "split 'colour': must be one of orbit, composition, formula, element, random"),
        (("--split", "composition"), "1 of 1 compositions"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused(tmp_path, change, message):
    (tmp_path / "study.toml").write_text(STUDY)
    assert message in refused("train", tmp_path / "study.toml", "-o", tmp_path / "run", *change)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("table", "substitutions", "message"),
    [
        ("cspbi3_br/chgnet_X6of24", "{ I = { Br = 6 } }", "they do not compare"),
        ("cspbi3_br/gpaw_mp2", "{ I = { Br = 3 } }", "this composition is labelled already"),
        ("cspbi3_br/chgnet_B4of8", "{ Pb = { Sn = 4 } }", "the same species on the same sublattices"),
    ],
)
def test_further_labels_that_do_not_fit_are_refused(tmp_path, table, substitutions, message):
    also = f'also = [{{ table = "{table}", substitutions = {substitutions} }}]'
    (tmp_path / "study.toml").write_text(
        PATTERSON.replace('table = "cspbi3_br/gpaw_mp2"', f'table = "cspbi3_br/gpaw_mp2"\n{also}')
    )
    said = refused("train", tmp_path / "study.toml", "-o", tmp_path / "run")
    assert "labels.also[0]: " in said
    assert message in said


def test_evaluate_prints_the_constant_and_says_what_does_not_compare(trained):
    printed = " ".join(invoke("evaluate", trained[0], "-l", "cspbi3_br/chgnet_X6of24", "-x", "I:Br=6").split())
    assert "mean baseline" in printed
    assert "unseen 603" in printed
    assert "no common origin" in printed
    assert "Cs8 Pb8 Br3 I21 alone and is asked about Cs8 Pb8 Br6 I18" in printed


def test_evaluate_says_when_all_was_trained_on(bragg):
    printed = " ".join(invoke("evaluate", bragg, "-l", "cspbi3_br/gpaw_mp2").split())
    assert "the errors show memory, not prediction" in printed


def test_predict_writes_parquet_and_csv_with_the_same_numbers(trained, tmp_path):
    for suffix in ("parquet", "csv"):
        invoke("predict", trained[0], "--output", tmp_path / f"p.{suffix}")
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.schema.metadata[b"calculator"].startswith(b"GPAW")
    with (tmp_path / "p.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [float(line["prediction_eV"]) for line in lines] == table["prediction_eV"].to_pylist()
    assert [line["occupation"] for line in lines] == table["occupation"].to_pylist()
    assert lines[0]["sites"].startswith("Br ")
    per_atom = np.array(table["prediction_eV_per_atom"].to_pylist())
    np.testing.assert_allclose(per_atom * 40, table["prediction_eV"].to_pylist(), rtol=1e-12)


def test_predict_another_supercell_draws_a_sample(trained, tmp_path):
    found = json.loads(
        invoke("predict", trained[0], "-s", "2,2,4", "-x", "I:Br=6", "-N", 50, "-o", tmp_path / "p.parquet", "--json")
    )
    assert (found["predicted"], found["remark"]) == (50, "")
    assert pq.read_table(tmp_path / "p.parquet").num_rows == 50
    assert "is asked about" in " ".join(invoke("predict", trained[0], "-s", "2,2,3", "-x", "I:Br=1").split())


def test_a_doubled_cell_has_the_energy_of_the_cell(trained):
    """Patterson columns mean the same in every supercell: an arrangement repeated is itself."""
    card, model = Card.read(trained[0] / "model"), mg.Matganip.load(trained[0] / "model")
    small, large = card.space(), card.space((2, 2, 4), {"I": {"Br": 6}})
    rows = next(small.orbits()).occupations[:4]
    doubled = large.from_structures([small.structure(row) * (1, 1, 2) for row in rows]).occupations
    np.testing.assert_allclose(
        model.predict(card.represent(large)(doubled)), model.predict(card.represent(small)(rows)), atol=1e-7
    )


def test_predict_structures(trained, tmp_path):
    space = Card.read(trained[0] / "model").space()
    rows = next(space.orbits()).occupations
    names = [tmp_path / f"{k}.cif" for k in range(3)]
    for name, row in zip(names, rows, strict=False):
        space.structure(row).to(str(name))
    found = json.loads(invoke("predict", trained[0], *names, "--json", "-o", tmp_path / "p.csv"))["predictions"]
    lowest = json.loads(invoke("predict", trained[0], "--json", "-n", 30))["lowest"]
    expected = {one["orbit"]: one["eV_per_atom"] for one in lowest}
    assert [one["eV_per_atom"] for one in found] == pytest.approx([expected[k] for k in range(3)], abs=1e-9)
    assert [one["structure"] for one in found] == [str(name) for name in names]
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 4
    assert "0.cif" in invoke("predict", trained[0], names[0])


def test_seen_knows_the_training_set_in_other_codes_and_compositions(trained):
    card = Card.read(trained[0] / "model")
    space = card.space()
    rows = next(space.orbits()).occupations
    seen = card.seen(space, rows)
    digits = occupation_digits(rows).astype(str)
    assert set(digits[seen].tolist()) == set(card.trained_on)
    swapped = mg.ConfigurationSpace(card.parent, (2, 2, 2), {"I": {"Br": 3, "Cl": 0}})
    assert card.seen(swapped, next(swapped.orbits()).occupations).sum() == 12
    other = card.space(substitutions={"I": {"Br": 4}})
    assert not card.seen(other, next(other.orbits()).occupations).any()
    larger = card.space((2, 2, 3))
    assert not card.seen(larger, larger.sample_orbits(3).occupations).any()


def test_bragg_peaks_belong_to_one_supercell(bragg):
    message = refused("predict", bragg, "-s", "2,2,3", "-x", "I:Br=3", "-N", 10)
    assert (
        "peaks belong to one supercell; for several, train with diffraction.cutoff, the Patterson function" in message
    )


def test_what_train_cannot_use_is_refused(tmp_path):
    study = tmp_path / "study.toml"
    study.write_text(PATTERSON.replace("n_peaks = 30", "n_peaks = 28"))
    assert "gives 7 pairs and 23 triplets; set n_peaks = 30" in refused("train", study, "-o", tmp_path / "run")
    study.write_text(PATTERSON.replace("cutoff = 9.0\n", ""))
    assert "cutoff" in refused("train", study)
    study.write_text(STUDY.replace('"resolved"', '"resolved"\ntriplets = true'))
    assert "triplets need a cutoff" in refused("train", study)
    study.write_text(STUDY)
    assert "train_size = 1.5" in refused("train", study, "--train-size", 1.5)
    assert "leaves one part empty" in refused("train", study, "-o", tmp_path / "a", "--train-size", 0.01)
    assert not (tmp_path / "a").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "not empty" in refused("train", study, "-o", tmp_path / "full")


def test_a_folder_that_is_no_model_is_refused(trained, tmp_path):
    assert "no model of `matganip train`" in refused("predict", tmp_path)
    shutil.copytree(trained[0] / "model", tmp_path / "model")
    (tmp_path / "model" / "checksums.json").unlink()
    card = tmp_path / "model" / "card.json"
    whole = card.read_text()
    for text, message in (
        ("{", "damaged: not JSON"),
        ("{}", "not the card of a matganip model"),
        (whole.replace('"version": 3', '"version": 9', 1), "version 9"),
        (whole.replace('"triplets"', '"triplet"', 1), "damaged"),
        (whole.replace('"calculator"', '"calculater"', 1), "damaged"),
    ):
        card.write_text(text)
        assert message in refused("predict", tmp_path / "model")


def test_what_evaluate_and_predict_cannot_use_is_refused(trained, tmp_path):
    folder = trained[0]
    assert "never met Cl" in refused("predict", folder, "-x", "I:Cl=3")
    assert "written as .parquet or .csv" in refused("predict", folder, "-o", tmp_path / "p.txt")
    assert "one number of Br" in refused("predict", folder, "-x", "I:Br=1-3")
    assert "leave --number" in refused("predict", folder, EXAMPLE / "CsPbI3.cif", "-N", 3)
    assert "CsPbI3.cif" in refused("predict", folder, EXAMPLE / "CsPbI3.cif")
    assert "no such labels file" in refused("evaluate", folder, "-l", "nothing")
    assert "none of its" in refused("evaluate", folder, "-l", "cspbi3_br/chgnet_X6of24")
    assert "--device abacus: must be one of cpu" in refused(
        "evaluate", folder, "-l", "cspbi3_br/gpaw_mp2", "--device", "abacus"
    )


def test_a_killed_training_goes_on(tmp_path, monkeypatch):
    study = tmp_path / "study.toml"
    study.write_text(STUDY)
    invoke("train", study, "-o", tmp_path / "whole")
    from matganip.learning import fitting as module

    class Stopping(module.JsonLines):
        def __call__(self, progress):
            super().__call__(progress)
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "JsonLines", Stopping)
        CliRunner().invoke(app, ["train", str(study), "-o", str(tmp_path / "stopped")])
    assert (tmp_path / "stopped" / "training.safetensors").exists()
    assert "not empty" in refused("train", study, "-o", tmp_path / "stopped")
    invoke("train", study, "-o", tmp_path / "stopped", "--resume")
    for name in ("model/model.safetensors", "training.jsonl"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "stopped" / "training.safetensors").exists()
