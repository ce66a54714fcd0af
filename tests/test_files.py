"""Atomic writes, with what differs on Windows."""

from __future__ import annotations

import pytest

from matganip import files
from matganip.errors import InputError


@pytest.mark.parametrize("windows", [False, True])
def test_a_folder_takes_the_place_of_an_empty_one(tmp_path, monkeypatch, windows):
    monkeypatch.setattr(files, "_WINDOWS", windows)
    (tmp_path / "results").mkdir()
    with files.atomic_folder(tmp_path / "results") as temporary:
        (temporary / "count.txt").write_text("19")
    assert (tmp_path / "results" / "count.txt").read_text() == "19"
    files.flush_folder(tmp_path / "results")
    with pytest.raises(InputError, match="exists already"), files.atomic_folder(tmp_path / "results"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    (tmp_path / "count.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt), files.atomic_path(tmp_path / "count.txt") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert (tmp_path / "count.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["count.txt"]
