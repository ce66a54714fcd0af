"""`matganip run` from end to end: every file that it promises, and what stands in it."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_study import STUDY, invoke, matganip, refused

import matganip as mg
from matganip.files import sha256
from matganip.labels.tables import read_labels

FIGURES = ("graph", "parity", "patterns", "ranking", "training", "winners")


@pytest.fixture(scope="module")
def folder(results):
    done, folder = results
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def printed(results) -> str:
    return re.sub(r"\s+", " ", results[0].stdout)


def test_the_folder_holds_what_is_promised_and_nothing_else(folder):
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    promised = {"orbits.parquet", "ranking.parquet", "report.html", "provenance.json"}
    promised |= {"model/model.safetensors", "model/model.json", "model/card.json", "model/checksums.json"}
    assert found == promised | {f"figures/{name}.png" for name in FIGURES}


def test_orbits_are_those_of_the_evaluated_space(folder):
    orbits = pq.read_table(folder / "orbits.parquet").to_pydict()
    assert len(orbits["orbit"]) == 7
    assert sum(orbits["multiplicity"]) == 276
    assert {len(sites) for sites in orbits["Br_on_I"]} == {2}


def test_the_ranking_is_of_the_screened_space_and_says_what_was_seen(folder):
    table = pq.read_table(folder / "ranking.parquet")
    rows = table.to_pydict()
    assert sorted(rows["orbit"]) == list(range(19))
    assert sum(rows["multiplicity"]) == 2024
    assert rows["rank"] == list(range(1, 20))
    assert np.all(np.diff(rows["prediction_eV"]) >= 0)
    assert rows["relative_meV_per_atom"][0] == 0.0
    assert sum(rows["trained_on"]) == 12
    assert table.schema.metadata[b"calculator"].startswith(b"GPAW")


def test_labels_in_the_ranking_are_the_tables(folder):
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    labelled = read_labels("cspbi3_br/gpaw_mp2").join(space)
    energy = {row.tobytes(): value for row, value in zip(labelled.occupations, labelled.energy, strict=True)}
    rows = pq.read_table(folder / "ranking.parquet").to_pydict()
    for text, label in zip(rows["occupation"], rows["label_eV"], strict=True):
        assert label == energy[np.array([int(code) for code in text], dtype=np.uint8).tobytes()]


def test_the_saved_model_makes_the_ranking_again(folder):
    prediction = mg.load(folder).predict()
    rows = pq.read_table(folder / "ranking.parquet").to_pydict()
    np.testing.assert_allclose(np.sort(prediction.energy), rows["prediction_eV"], atol=2e-7)


def test_what_run_trained_is_asked_by_predict_evaluate_and_screen(folder):
    rows = pq.read_table(folder / "ranking.parquet").to_pydict()
    predicted = json.loads(invoke("predict", folder, "--json"))["lowest"]
    assert [row["orbit"] for row in predicted[:5]] == rows["orbit"][:5]
    judged = invoke("evaluate", folder, "--labels", "cspbi3_br/gpaw_mp2", "--json")
    assert set(json.loads(judged)["errors"]) == {"unseen", "trained on"}
    screened = json.loads(invoke("screen", folder, "-o", folder.parent / "screened", "--json").splitlines()[-1])
    assert screened["orbits"] == 19


def test_figures_are_pictures(folder):
    for name in FIGURES:
        with Image.open(folder / "figures" / f"{name}.png") as image:
            assert image.width > 700
            low, high = image.convert("L").getextrema()
            assert high - low > 100


def test_the_report_is_self_contained_and_says_what_it_speaks_of(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    outside = re.sub(r"data:image/png;base64,[\w+/=]+", "", text)
    assert not re.search(r"https?:|src=\"[^\"]|@import|url\(|<script|<link", outside)
    assert text.count("data:image/png;base64,") == len(FIGURES)
    for words in ("a small study", "GPAW 26.7.0", "leave one orbit out", "mean baseline", "2,024", "276"):
        assert words in text


def test_the_provenance_can_make_the_result_again(folder, small_study):
    record = json.loads((folder / "provenance.json").read_text())
    assert record["seed"] == 3
    assert record["study"]["model"]["epochs"] == 6
    assert record["study"]["diffraction"]["radiation"] == "CuKa"  # a default, resolved
    assert record["study"]["supercell"] == [2, 2, 2]
    assert record["versions"]["matganip"] == mg.__version__
    assert {"torch", "numpy", "pymatgen", "spglib"} <= set(record["versions"])
    assert record["inputs"][str(small_study)] == sha256(small_study)
    assert any(name.endswith("gpaw_mp2.csv") for name in record["inputs"])
    assert any(name.endswith("CsPbI3.cif") for name in record["inputs"])
    assert record["outputs"]["ranking.parquet"] == sha256(folder / "ranking.parquet")
    assert set(record["seconds"]) >= {"read", "evaluate", "train", "screen"}


def test_every_number_has_its_calculator_its_split_and_the_mean_baseline(folder):
    numbers = json.loads((folder / "provenance.json").read_text())["numbers"]
    assert [number["split"] for number in numbers] == [
        "random 80:20 (the paper's)",
        "leave one orbit out",
        "screen, unseen orbits",
    ]
    for number in numbers:
        assert number["calculator"].startswith("GPAW")
        assert number["mae"] > 0
        assert number["constant_mae"] > 0
    random, orbits, screen = numbers
    assert random["arrangements_trained_on"] == 221  # 80 % of 276
    assert random["tested_arrangements_whose_orbit_was_trained_on"] > 0
    assert orbits["tested_arrangements_whose_orbit_was_trained_on"] == 0
    assert orbits["arrangements_tested"] == 276
    assert screen["arrangements_trained_on"] + screen["arrangements_tested"] == 2024


def test_it_prints_counts_errors_beside_the_mean_baselines_and_the_ranking(printed):
    assert "276 7 384" in printed
    assert "2,024 19 384" in printed
    assert "leave one orbit out" in printed
    assert "have their orbit in the training set" in printed
    assert "The 5 lowest of 19 orbits" in printed
    assert "GPAW" in printed


def test_no_error_is_printed_without_the_mean_baselines(printed):
    for _ in re.finditer(r"\bMAE \d", printed):
        assert re.search(r"MAE \d\S* meV/atom, that of the mean baseline is \d", printed)


def test_nothing_is_on_stderr_where_it_is_no_terminal(results):
    assert results[0].stderr == ""


def test_the_same_seed_gives_the_same_bytes_and_json_is_alone_on_stdout(folder, small_study, tmp_path):
    again = matganip("run", small_study, "--output", tmp_path / "again", "--json")
    assert again.returncode == 0, again.stderr
    for name in ("orbits.parquet", "ranking.parquet", "model/model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
    document = json.loads(again.stdout)
    assert document["spaces"]["screen"] == {"arrangements": 2024, "orbits": 19}
    assert len(document["ranking"]) == 5
    assert document["true_lowest_found"]["by_chance"] == pytest.approx(25 / 7)
    assert again.stderr == ""


def test_a_folder_with_results_is_refused_then_overwritten_and_a_seed_matters(folder, small_study, tmp_path):
    target = tmp_path / "results"
    target.mkdir()
    (target / "ranking.parquet").write_text("an earlier one")
    (target / "notes.txt").write_text("mine")
    assert "--overwrite" in refused("run", small_study, "--output", target)
    assert (target / "ranking.parquet").read_text() == "an earlier one"
    printed = invoke("run", small_study, "--output", target, "--overwrite", "--seed", 4, "--quiet")
    assert (target / "notes.txt").read_text() == "mine"
    assert (target / "ranking.parquet").read_bytes() != (folder / "ranking.parquet").read_bytes()
    assert "The 5 lowest" in printed
    assert "Count" not in printed
    assert json.loads((target / "provenance.json").read_text())["seed"] == 4


def test_a_study_may_take_the_patterson_function_with_triplets(tmp_path):
    text = STUDY.replace('resolution = "resolved"\nn_peaks = 16', "cutoff = 7.0\ntriplets = true\nn_peaks = 14")
    assert text != STUDY
    (tmp_path / "study.toml").write_text(text)
    printed = re.sub(r"\s+", " ", invoke("run", tmp_path / "study.toml", "--output", tmp_path / "out"))
    assert "classes of pairs and triplets 11, up to 7 angstrom" in printed
    assert "vertices of the graph 14, 3 of them empty" in printed
    assert (tmp_path / "out" / "figures" / "graph.png").stat().st_size > 10_000
