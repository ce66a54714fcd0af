"""The small study, run once for all tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_study import PATTERSON, STUDY, invoke, matganip


@pytest.fixture(scope="session")
def small_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "small.toml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="session")
def results(small_study: Path, tmp_path_factory: pytest.TempPathFactory):
    """The small study, run once: (what the command did, the folder with its results)."""
    folder = tmp_path_factory.mktemp("run") / "results"
    return matganip("run", small_study, "--output", folder), folder


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    (folder / "study.toml").write_text(PATTERSON)
    invoke("train", folder / "study.toml", "-o", folder / "run", "--train-size", 1)
    return folder / "run"


@pytest.fixture(scope="session")
def predictions(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("predictions") / "six.parquet"
    invoke("predict", model, "-x", "I:Br=6", "-o", path)
    return path
