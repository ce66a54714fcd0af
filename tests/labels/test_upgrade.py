"""Databases of version 0.1 named spaces without their symmetry: they are renamed once, and nothing is lost."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from matganip.labels.calculation import Calculation
from matganip.labels.database import LabelDatabase
from matganip.labels.rows import row_name
from matganip.labels.upgrade import upgrade


@pytest.fixture
def old(tmp_path, space_3of24):
    """A database as version 0.1 wrote it: its keys, and definitions without a tolerance."""
    path = tmp_path / "labels.db"
    database = LabelDatabase(path)
    for energy, row in zip((-1.0, -2.0, -3.0), next(space_3of24.orbits()).occupations, strict=False):
        database.add(space_3of24, row, Calculation(space_3of24.structure(row), energy=energy, calculator="toy"))
    name = f"s{space_3of24.stored_keys[1]}"
    with closing(sqlite3.connect(path)) as connection, connection:
        ((definition,),) = connection.execute("SELECT definition FROM spaces").fetchall()
        values = {key: text for key, text in json.loads(definition).items() if key != "symprec"}
        values["space"] = name[1:]
        connection.execute("UPDATE spaces SET space = ?, definition = ?", (name, json.dumps(values)))
        connection.execute("UPDATE systems SET key_value_pairs = json_set(key_value_pairs, '$.space', ?)", (name,))
        connection.execute("UPDATE text_key_values SET value = ? WHERE key = 'space'", (name,))
        for number, orbit, tag in connection.execute("SELECT id, orbit, settings_hash FROM labels").fetchall():
            unique = row_name(name, orbit, "toy", tag)
            connection.execute("UPDATE systems SET unique_id = ? WHERE id = ?", (unique, number))
    return path


def test_labels_of_version_0_1_are_found_again(old, space_3of24):
    database = LabelDatabase(old)
    labelled = database.labelled(space_3of24)
    assert sorted(labelled.energy.tolist()) == [-3.0, -2.0, -1.0]
    assert list(database.spaces()) == [f"s{space_3of24.key}"]
    rows = next(space_3of24.orbits()).occupations
    assert database.missing(space_3of24, rows, "toy").sum() == 16
    assert not database.add(space_3of24, rows[0], Calculation(space_3of24.structure(rows[0]), -9.0, calculator="toy"))
    assert upgrade(old) == 0  # once is enough
    assert len(database.sets()) == 1


def test_ase_finds_them_by_the_new_name(old, space_3of24):
    from ase.db import connect

    LabelDatabase(old)
    with connect(old) as database:
        assert database.count(space=f"s{space_3of24.key}") == 3


def test_a_file_that_is_no_database_is_left_to_its_reader(tmp_path):
    path = tmp_path / "labels.db"
    path.write_text("nothing")
    assert upgrade(path) == 0
    assert upgrade(tmp_path / "nowhere.db") == 0
    assert path.read_text() == "nothing"
