"""`matganip suggest`: a batch, the loop, and the replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_study import EXAMPLE
from typer.testing import CliRunner

from matganip.cli.main import app

SPACE = [EXAMPLE / "CsPbI3.cif", "-s", "2,2,2", "-x"]


def invoke(*arguments: object, code: int = 0):
    result = CliRunner().invoke(app, ["suggest", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def options(database: Path, *more: object) -> list[object]:
    return [*SPACE, "I:Br=4", "-c", "toy_calculators:Pairs", "-d", database, *more]


def test_a_batch_is_shown_and_written(tmp_path):
    shown = invoke(*options(tmp_path / "labels.db", "-N", 3, "--output", tmp_path / "next.parquet")).stdout
    assert "Next by mixed, of 80 orbits, 0 of them labelled" in shown
    assert "Too few labels to learn from" in shown
    assert (tmp_path / "next.parquet").stat().st_size > 0
    assert not (tmp_path / "labels.db").exists()


def test_the_loop_spends_its_budget_and_a_batch_then_predicts(tmp_path):
    database = tmp_path / "labels.db"
    told = json.loads(invoke(*options(database, "-N", 10, "--budget", 24, "-j", 0, "--json")).stdout)
    assert [one["labels"] for one in told["rounds"]] == [0, 10, 20, 24]
    assert [len(one["suggested"]) for one in told["rounds"]] == [10, 10, 4, 0]
    assert told["rounds"][-1]["left_out_mae"] < told["rounds"][-1]["constant_mae"]
    again = invoke(*options(database, "--budget", 24, "-j", 0)).stdout
    assert "24 of 80 orbits are labelled" in again
    found = json.loads(invoke(*options(database, "-N", 5, "-S", "improvement", "--json")).stdout)
    assert (found["labels"], len(found["suggested"])) == (24, 5)
    assert all(isinstance(row["prediction_eV"], float) for row in found["suggested"])
    done = {orbit for one in told["rounds"] for orbit in one["suggested"]}
    assert not done & {row["occupation"] for row in found["suggested"]}


def test_the_replay_says_how_many_labels_each_strategy_needs(tmp_path):
    told = [*SPACE, "I:Br=3", "--replay", "cspbi3_br/chgnet_X3of24", "-N", 4]
    shown = invoke(*told, "--budget", 8, "--seeds", 2, "--figure", tmp_path / "curves.png").stdout
    assert "mean baseline" in shown
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    curves = json.loads(invoke(*told, "--budget", 4, "--seeds", 1, "--json").stdout)
    assert curves["n_labels"] == [4]
    assert set(curves["error_meV_per_atom"]) == set(curves["needed"]) >= {"random", "mixed"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["I:Br=4"], "--calculator is needed"),
        (["I:Br=4", "-c", "toy_calculators:Pairs", "-S", "guess"], "strategy 'guess': not one of"),
        (["I:Br=2-3", "-c", "toy_calculators:Pairs"], "2 compositions; suggestions are made for one at a time"),
        (["I:Br=4", "--replay", "nowhere.csv"], "nowhere.csv"),
        (["I:Br=2-3", "--replay", "cspbi3_br/chgnet_X3of24"], "2 compositions; labels of one are replayed"),
        (["I:Br=3", "--replay", "cspbi3_br/chgnet_X3of24", "--budget", 4], "rounds of 8 labels do not fit"),
        (["I:Br=4", "-c", "toy_calculators:Pairs", "--cutoff", "0.5"], "equal"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path, arguments, message):
    (line,) = invoke(*SPACE, *arguments, "-d", tmp_path / "none.db", code=2).stderr.splitlines()
    assert message in line
