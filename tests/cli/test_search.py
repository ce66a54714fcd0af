"""`matganip search`: a small model, a space whose best is known, an interruption, and what may go wrong."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
from small_study import invoke, refused

# A shell that runs tests in the background lets its children ignore SIGINT; a user's Ctrl-C is not ignored.
MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from matganip.cli.main import main; main()"
)


def test_search_finds_what_enumerating_finds(model, predictions, tmp_path) -> None:
    lowest = np.round(pq.read_table(predictions)["prediction_eV"].to_numpy(), 7).min()
    path = tmp_path / "best.parquet"
    arguments = ("search", model, "-x", "I:Br=6", "--steps", 10, "--top", 5, "--seed", 2, "-o", path)
    *improved, result = map(json.loads, invoke(*arguments, "--json").splitlines())
    assert result["event"] == "result"
    assert result["finished"]
    assert result["best"][0]["prediction_eV"] == pytest.approx(lowest, abs=2e-6)
    assert [line["event"] for line in improved] == ["best"] * len(improved)
    assert improved[-1]["prediction_eV"] == result["best"][0]["prediction_eV"]
    assert result["orbits"] == 603 > result["orbits_scored"]
    table = pq.read_table(path)
    assert table["rank"].to_pylist() == [1, 2, 3, 4, 5]
    assert table["prediction_eV"].to_pylist() == [one["prediction_eV"] for one in result["best"]]
    assert b"CHGNet" in table.schema.metadata[b"calculator"] or b"GPAW" in table.schema.metadata[b"calculator"]
    first = path.read_bytes()
    invoke(*arguments)
    assert path.read_bytes() == first  # the same seed, the same bytes
    said = invoke(*arguments, "--resume", "--steps", 12)
    assert "in 12 steps" in said.replace("\n", " ")


def test_ctrl_c_leaves_a_checkpoint_and_what_was_found(model, tmp_path) -> None:
    path, stored = tmp_path / "best.parquet", tmp_path / "best.search.npz"
    command = [sys.executable, "-c", MAIN, "search", str(model), "-s", "3,3,3", "-x", "I:Br=20"]
    command += ["--steps", "1000000", "-o", str(path), "--chains", "8", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()  # a first best
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    (line,) = err.splitlines()
    assert f"resume with --resume: {stored}" in line
    result = json.loads(out.splitlines()[-1])
    assert not result["finished"]
    assert pq.read_table(path).num_rows == 20
    assert stored.exists()
    assert not [name for name in tmp_path.iterdir() if name.name.startswith(".")]


def test_search_refusals(model, tmp_path) -> None:
    for arguments, message in (
        (("-o", tmp_path / "best.csv"), "written as .parquet"),
        (("--resume",), "--resume needs --output"),
        (("--method", "genetic"), "'tempering' or 'annealing'"),
        (("--temperatures", "warm"), "LOW,HIGH in kelvin"),
        (("-o", tmp_path / "none.parquet", "--resume"), "cannot be read"),
        (("-x", "I:Br=3-5"), "one number of Br"),
    ):
        assert message in refused("search", model, *arguments)
