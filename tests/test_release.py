"""One version everywhere, and a changelog that a release can be made of."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def places(tmp_path, monkeypatch):
    """`release/version.py` with copies of the files that it writes."""
    spec = importlib.util.spec_from_file_location("release_version", ROOT / "release" / "version.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for place in (*module.PLACES, "CHANGELOG.md"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes((ROOT / place).read_bytes())
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_every_place_has_the_version_of_the_package(places):
    assert set(places.found().values()) == {version("matganip")}


def test_a_step_raises_the_version_everywhere_and_nothing_else(places):
    before = {place: (ROOT / place).read_text().splitlines() for place in (*places.PLACES, "CHANGELOG.md")}
    places.step("9.8.7")
    assert set(places.found().values()) == {"9.8.7"}
    assert places.released()[0] == "9.8.7"
    for place in places.PLACES:
        after = (places.ROOT / place).read_text().splitlines()
        assert sum(one != other for one, other in zip(before[place], after, strict=True)) == 1
    log = (places.ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"## \[Unreleased\]\n\n## \[9.8.7\] - \d{4}-\d\d-\d\d\n", log)
    with pytest.raises(SystemExit, match="the changelog has it already"):
        places.step("9.8.7")
    with pytest.raises(SystemExit, match="three numbers"):
        places.step("next")


def test_the_recipe_asks_for_what_the_package_needs():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {one.replace(">=", " >=") for one in project["dependencies"]}
    needs = (ROOT / "release" / "conda" / "recipe.yaml").read_text().partition("  run:")[2].partition("  run_")[0]
    assert set(re.findall(r"- (\S+ >=\S+)", needs)) == wanted
