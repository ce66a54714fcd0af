"""The list of keys, in the program and in the documentation."""

from __future__ import annotations

from pathlib import Path

from matganip.workflows.reading import known_keys
from matganip.workflows.reference import markdown, reference

DOCS = Path(__file__).parents[2] / "docs" / "study.md"


def test_the_documentation_holds_the_table_made_from_the_schema():
    assert markdown() in DOCS.read_text(encoding="utf-8")


def test_the_reference_lists_every_key_that_takes_a_value():
    listed = {key.key for key in reference()}
    sections = {path for path, _ in known_keys()} - listed
    assert sections == {"parent", "diffraction", "labels", "model", "distribution", "screen"}


def test_types_and_defaults_are_in_a_toml_writers_words():
    keys = {key.key: key for key in reference()}
    assert keys["diffraction.n_peaks"].type == "integer"
    assert keys["diffraction.n_peaks"].default == "28"
    assert keys["diffraction.two_theta_range"].type == "list of 2 numbers"
    assert keys["diffraction.radiation"].type == "text or number or table of number"
    assert keys["diffraction.resolution"].type == '"powder" or "resolved" or "clusters"'
    assert keys["substitutions"].type == "table of table of integer"
    assert keys["name"].default == "required"
    assert keys["parent.file"].default == ""
