"""Ctrl-C at any moment: one line, exit status 130, and no half-written file under a final name."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image
from small_study import STUDY

# A shell that runs tests in the background lets its children ignore SIGINT; a user's Ctrl-C is not ignored.
MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from matganip.cli.main import main; main()"
)


def interrupt_when(study: Path, folder: Path, ready: Callable[[], bool]) -> subprocess.CompletedProcess[str]:
    """Start a run, send SIGINT as soon as `ready` says so, and wait for its end."""
    command = [sys.executable, "-c", MAIN, "run", str(study), "--output", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not ready():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the run did not get so far"
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def assert_whole(folder: Path) -> list[str]:
    """Check that every file under a final name is complete, and that no temporary one was left."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if path.name.startswith(".")]
    for path in files:
        if path.suffix == ".parquet":
            assert pq.read_table(path).num_rows > 0
        elif path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".png":
            with Image.open(path) as image:
                image.load()
        elif path.suffix == ".html":
            assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")
    return sorted(path.name for path in files)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return path


def test_while_training_nothing_is_written(study: Path, tmp_path: Path):
    study.write_text(STUDY.replace("epochs = 6", "epochs = 1000000"))
    folder = tmp_path / "results"
    begun = time.monotonic()

    def training() -> bool:
        return (folder / "figures").is_dir() and time.monotonic() - begun > 4.0

    done = interrupt_when(study, folder, training)
    assert done.returncode == 130
    (line,) = done.stderr.splitlines()
    assert line.startswith("matganip: error: interrupted")
    assert assert_whole(folder) == []


@pytest.mark.parametrize("seen", ["orbits.parquet", "figures/patterns.png"])
def test_while_writing_what_is_there_is_whole(study: Path, tmp_path: Path, seen: str):
    folder = tmp_path / "results"
    done = interrupt_when(study, folder, (folder / seen).exists)
    assert done.returncode == 130, done.stderr
    assert done.stderr.startswith("matganip: error: interrupted")
    assert "Traceback" not in done.stderr
    written = assert_whole(folder)
    assert Path(seen).name in written
    assert "provenance.json" not in written  # it comes last, and says that all is there
