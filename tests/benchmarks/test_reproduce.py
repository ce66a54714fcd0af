"""`matganip reproduce`: what is measured once, the page, and the numbers that the page stands for."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import matganip as mg
from matganip.benchmarks.reproduce import registry, runner
from matganip.benchmarks.reproduce.arrangements import held_out, paper_split
from matganip.benchmarks.reproduce.benchmark import Benchmark, Column, Measured
from matganip.benchmarks.reproduce.labelled_orbits import TRAIN_SIZE, labelled_orbits
from matganip.benchmarks.reproduce.methods import CLUSTERS, DEFAULT, KERNEL_RIDGE
from matganip.benchmarks.reproduce.registry import chosen
from matganip.benchmarks.reproduce.runner import measure, reproduce
from matganip.benchmarks.reproduce.transfer import OWN_MEAN, RIDGE, TRAINING_MEAN, TRANSFER
from matganip.cli.main import app
from matganip.errors import InputError
from matganip.learning.fitting import train


@pytest.fixture
def asked():
    """(method, seed) of every measurement of the toy."""
    return []


@pytest.fixture
def toy(asked, monkeypatch):
    """A benchmark that learns nothing and notes what it is asked."""

    def numbers(method, seed):
        asked.append((method, seed))
        return Measured({"mae": seed + (method == "bad"), "spearman": float("nan"), "cpu_s": 2.0})

    columns = (Column("mae", "MAE, eV", 2), Column("spearman", "Spearman"), Column("cpu_s", "CPU s", 1))
    made = Benchmark("toy", "A toy", "Nothing is learned.", ("good", "bad"), columns, numbers)
    for module in (registry, runner):
        monkeypatch.setattr(module, "BENCHMARKS", (made,))
    return made


def test_a_result_is_measured_once_and_again_where_its_settings_changed(toy, asked, monkeypatch, tmp_path):
    found = measure((toy,), range(2), tmp_path, workers=1)
    assert asked == [("good", 0), ("good", 1), ("bad", 0), ("bad", 1)]
    again = measure((toy,), range(3), tmp_path, workers=1)
    assert asked[4:] == [("good", 2), ("bad", 2)]
    assert [again[one]["mae"] for one in found] == [0, 1, 1, 2]
    changed = replace(toy, settings=lambda method: f"other {method}")
    monkeypatch.setattr(runner, "BENCHMARKS", (changed,))
    measure((changed,), range(1), tmp_path, workers=1)
    assert asked[6:] == [("good", 0), ("bad", 0)]


def test_the_page_has_mean_and_spread_and_the_json_every_value(toy, tmp_path):
    seen = []
    page = tmp_path / "docs" / "page.md"
    found = reproduce("", 2, tmp_path, page, workers=1, progress=lambda *now: seen.append(now))
    text = page.read_text()
    assert "| good | 0.50 ± 0.50 |  | 2.0 |" in text
    assert "| bad | 1.50 ± 0.50 |  | 2.0 |" in text
    assert "2 seeds (0, 1)" in text
    assert "| MAE | toy |" in text
    assert "](figures/page/toy.png)" in text
    assert (page.parent / "figures" / "page" / "toy.png").stat().st_size > 0
    assert "| bad | 1.5000 ± 0.5000 |" in text
    kept = json.loads((tmp_path / "docs" / "page.json").read_text())
    assert {**kept, "page": str(page)} == found.to_dict()
    assert kept["tasks"]["toy"]["methods"]["bad"]["mae"]["values"] == [1.0, 2.0]
    assert kept["tasks"]["toy"]["methods"]["bad"]["spearman"]["mean"] is None
    assert [now[:3] for now in seen] == [("reproduce", done, 4) for done in range(5)]
    frame = found.to_frame()
    assert frame[(frame.method == "bad") & (frame.number == "mae")]["value"].tolist() == [1.0, 2.0]


def test_a_damaged_result_is_said(toy, tmp_path):
    measure((toy,), range(1), tmp_path, workers=1)
    next((tmp_path / "cache").iterdir()).write_text("[]")
    with pytest.raises(InputError, match="damaged"):
        measure((toy,), range(1), tmp_path, workers=1)


@pytest.mark.parametrize("by", ["orbit", "random"])
def test_models_and_baselines_have_the_same_split(by):
    orbits = labelled_orbits("cspbi3_br/chgnet_X3of24", 3, "resolved")
    split = orbits.split(by, 1)
    test = train(orbits.space, orbits.labelled, split=by, train_size=TRAIN_SIZE, seed=1).training["test"]
    assert np.array_equal(test.occupations, orbits.labelled.occupations[split.test_rows])
    assert np.array_equal(test.multiplicity, split.test.weight)
    assert test.baseline == pytest.approx(split.train.baseline)


def test_the_models_of_the_first_seed_are_kept(monkeypatch, tmp_path):
    one = replace(paper_split("paper", "cspbi3_br/chgnet_X3of24", "CHGNet"), methods=(KERNEL_RIDGE, DEFAULT))
    monkeypatch.setattr(runner, "BENCHMARKS", (one,))
    found = measure((one,), range(2), tmp_path, workers=1)
    (folder,) = (tmp_path / "models" / "paper").iterdir()
    assert folder.name == "matganip.train-without-settings-default"
    evaluation = mg.load(folder).evaluate("cspbi3_br/chgnet_X3of24")
    assert evaluation.parts[-1].name == "trained on"
    (kept,) = (numbers for task, numbers in found.items() if (task.method, task.seed) == (DEFAULT, 0))
    assert evaluation.parts[-1].metrics.mae < 2 * kept["mae"]


def test_an_unknown_task_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="'powdr' is unknown; there are: powder"):
        chosen("powdr")
    result = CliRunner().invoke(app, ["reproduce", "--tasks", "powdr", "-o", str(tmp_path)])
    assert result.exit_code == 2
    assert "'powdr' is unknown" in result.stderr


def test_the_command_prints_tables_or_json(toy, tmp_path):
    arguments = ["reproduce", "--quick", "--workers", "1", "-o", str(tmp_path)]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert "A toy" in shown.stdout
    plain = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert plain["tasks"]["toy"]["methods"]["good"]["mae"]["values"] == [0.0]
    assert (tmp_path / "results.md").exists()


def test_pairs_and_triplets_solved_alone_pass_the_cluster_expansion():
    found = {method: held_out("triplets").measure(method, 0).numbers for method in (CLUSTERS, "readout alone")}
    assert found[CLUSTERS]["mae"] == pytest.approx(0.006, abs=0.001)
    assert found["readout alone"]["mae"] < 0.0040
    assert found["readout alone"]["constant_mae"] > 0.3


def test_in_the_papers_split_everything_has_been_seen():
    found = paper_split("paper", "cspbi3_br/chgnet_X3of24", "CHGNet").measure(KERNEL_RIDGE, 0).numbers
    assert found["seen_percent"] > 90
    assert found["mae"] < found["constant_mae"] / 20


def test_linear_models_carry_over_to_larger_cells():
    found = {method: TRANSFER.measure(method, 0).numbers for method in (TRAINING_MEAN, OWN_MEAN, RIDGE)}
    assert set(found[RIDGE]) == {column.key for column in TRANSFER.columns}
    assert found[RIDGE]["mean"] < 0.1 * found[OWN_MEAN]["mean"] < found[TRAINING_MEAN]["mean"]
