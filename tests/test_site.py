"""The pages of the site: the reference has every public name, and the check of links finds dead ones."""

import importlib.util
import re
from pathlib import Path

import pytest

import matganip as mg

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def check_links():
    spec = importlib.util.spec_from_file_location("check_links", DOCS / "check_links.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_is_in_the_reference_once():
    listed = re.findall(r"^   (\w+)$", (DOCS / "api.rst").read_text(), flags=re.MULTILINE)
    assert sorted(listed) == sorted(set(mg.__all__) - {"__version__", "datasets"})


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ('<a href="b.html#there">', ""),
        ('<a href="https://example.org/">', ""),
        ('<img src="data:image/png;base64,AA">', ""),
        ('<a href="c.html">', "does not exist"),
        ('<a href="b.html#nowhere">', "has no such anchor"),
        ('<img src="missing.png">', "does not exist"),
        ('<script src="https://example.org/x.js">', "is loaded from a network"),
        ('<link href="//example.org/x.css">', "is loaded from a network"),
    ],
)
def test_dead_links_and_loads_are_found(check_links, tmp_path, capsys, reference, said):
    (tmp_path / "a.html").write_text(f"<html>{reference}</html>")
    (tmp_path / "b.html").write_text('<h2 id="there">There</h2>')
    assert check_links.main(tmp_path) == bool(said)
    assert said in capsys.readouterr().out
