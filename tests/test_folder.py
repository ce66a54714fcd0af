"""The output folder is claimed before the work, and nothing foreign in it is touched."""

from __future__ import annotations

import hashlib

import pytest

from matganip.errors import InputError
from matganip.files import claim, sha256


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    claim(tmp_path / "a" / "b", overwrite=False)
    assert (tmp_path / "a" / "b" / "figures").is_dir()


def test_an_empty_folder_is_taken(tmp_path):
    claim(tmp_path, overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]


def test_a_folder_with_something_in_it_is_refused_unless_asked(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"not empty \(thesis.tex, \.\.\.\).*--overwrite"):
        claim(tmp_path, overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    claim(tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_a_path_under_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "results"):
        with pytest.raises(InputError, match="cannot be written"):
            claim(folder, overwrite=True)


def test_the_checksum_is_that_of_the_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"19 orbits")
    assert sha256(tmp_path / "x") == hashlib.sha256(b"19 orbits").hexdigest()
