"""`matganip screen` and `verify` as a user meets them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app


def _model_writer():
    path = Path(__file__).parents[1] / "screening" / "conftest.py"
    spec = importlib.util.spec_from_file_location("screening_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory, space_6of24, cspbi3) -> Path:
    return _model_writer()(tmp_path_factory.mktemp("trained") / "model", space_6of24, cspbi3, epochs=5)


def matganip(*arguments: object):
    return CliRunner().invoke(app, [str(word) for word in arguments])


@pytest.fixture(scope="module")
def screened(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("screen") / "screen"
    done = matganip("screen", model, "-o", folder, "-j", 0, "--shards", 6, "--top", 12, "--export", "cif")
    return done, folder


def test_it_tells_what_it_found_and_what_it_cost(screened):
    done, folder = screened
    assert done.exit_code == 0, done.output
    for word in ("enumeration", "network", "writing", "point group", "603 orbits, 134,596 arrangements, all of them"):
        assert word in done.output
    assert len(list((folder / "winners-cif").glob("*.cif"))) == 12


def test_lines_of_json(model, tmp_path):
    done = matganip("screen", model, "-o", tmp_path / "s", "-j", 0, "--shards", 4, "--cascade", "--json")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert (lines[0]["event"], lines[-1]["event"]) == ("note", "done")
    assert sorted(line["shard"] for line in lines if line["event"] == "shard") == [0, 1, 2, 3]
    last = lines[-1]
    assert (last["orbits"], last["of_orbits"], last["configurations"]) == (603, 603, "134596")
    assert last["best_eV"] < -126


def test_verify_says_all_is_right(screened, tmp_path):
    done = matganip("verify", screened[1], "--json", "--shards", 6)
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["good"]
    names = [check["what"] for check in found["checks"]]
    assert {"checksums", "orbits", "multiplicities", "result.json", "winners.parquet", "predictions"} <= set(names)
    assert sum(name.startswith("shard ") for name in names) == 6


@pytest.mark.parametrize("harm", ["shard", "result", "swapped", "lost"])
def test_verify_finds_what_is_wrong(model, screened, tmp_path, harm):
    import shutil

    folder = shutil.copytree(screened[1], tmp_path / "screen")
    if harm == "shard":
        data = bytearray((folder / "shard-00002.parquet").read_bytes())
        data[100] ^= 1
        (folder / "shard-00002.parquet").write_bytes(data)
    elif harm == "result":
        text = (folder / "result.json").read_text()
        (folder / "result.json").write_text(text.replace('"orbits": 603', '"orbits": 604'))
    elif harm == "swapped":
        shutil.copyfile(folder / "shard-00001.parquet", folder / "shard-00000.parquet")
    else:
        lines = (folder / "manifest.jsonl").read_text().splitlines(keepends=True)
        (folder / "manifest.jsonl").write_text("".join(lines[:-1]))
    done = matganip("verify", folder)
    assert done.exit_code == 2
    assert "WRONG" in done.output
    assert "Not all is right" in done.output
    done = matganip("screen", "--resume", "-o", folder, "-j", 0)
    assert done.exit_code == 0, done.output
    assert matganip("verify", folder).exit_code == 0
    assert (folder / "result.json").read_bytes() == (screened[1] / "result.json").read_bytes()


def test_parts_and_merge(model, screened, tmp_path):
    for k in range(2):
        done = matganip(
            "screen", model, "-o", tmp_path / f"p{k}", "-j", 0, "--shards", 6, "--top", 12, "--shard", f"{k}/2"
        )
        assert done.exit_code == 0, done.output
        assert f"Part {k} of 2" in done.output
    done = matganip("screen", "--merge", tmp_path / "p0", tmp_path / "p1", "-o", tmp_path / "whole", "-j", 0)
    assert done.exit_code == 0, done.output
    for name in ("winners.parquet", "result.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (screened[1] / name).read_bytes()


def test_a_plan_stores_nothing_and_counts_exactly(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = matganip("screen", model, "--dry-run", "--cores", 2000, "-j", 1, "--shards", 4, "--json")
    assert done.exit_code == 0, done.output
    plan = json.loads(done.output)
    assert (plan["orbits"], plan["configurations"], plan["shards"]) == (603, "134596", 4)
    assert plan["measured"]["orbits"] == 603
    assert [one["cores"] for one in plan["plans"]] == [1, 2000]
    assert plan["plans"][0]["seconds"] > plan["plans"][1]["seconds"] > 0
    assert plan["bytes"] > 10_000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x"], "a model folder is needed"),
        (["{model}"], "--output is needed"),
        (["nowhere", "-o", "x"], "no model of `matganip train`"),
        (["{model}", "-o", "x", "--temperatures", "warm"], "not numbers"),
        (["{model}", "-o", "x", "--shard", "3/2"], "not of the form k/n"),
        (["{model}", "-o", "x", "--study", "a.toml", "-x", "I:Br=3"], "leave --supercell and --substitute out"),
        (["--resume", "-o", "x"], "no screen is there"),
        (["{model}", "-o", "x", "--scheduler", "tcp://a:1", "--cluster", "b.toml"], "give one of the two"),
        (["--dry-run"], "--dry-run needs a model folder"),
        (["{model}", "-o", "x", "--select", "nearest"], "target"),
    ],
)
def test_a_mistake_is_one_line(model, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    done = matganip("screen", *(word.format(model=model) for word in arguments))
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.startswith("matganip: error: ")
    assert len(done.stderr.splitlines()) == 1


def test_the_generator_of_version_0_1_still_works(model, tmp_path):
    with pytest.warns(DeprecationWarning, match="folder=folder"):
        standings = list(mg.screen(model, tmp_path / "s", top=5, n_shards=4, workers=0))
    assert standings[-1].phase == "done"
    assert sum(one.record is not None for one in standings) == 4
