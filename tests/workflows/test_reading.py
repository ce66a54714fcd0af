"""A study file is read strictly, and every mistake is one line that names file, key and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from matganip.errors import InputError
from matganip.workflows.reading import known_keys, read_study, study_from

GOOD: dict[str, Any] = {
    "name": "a study",
    "parent": {"file": "a.cif"},
    "substitutions": {"I": {"Br": 3}},
    "labels": {"table": "cspbi3_br/gpaw_mp2"},
}


def complaint(**changes: Any) -> str:
    with pytest.raises(InputError) as caught:
        study_from({**GOOD, **changes}, name="s.toml")
    return str(caught.value)


def test_the_least_study_leaves_the_columns_to_choose_and_networks_have_the_papers_graphs():
    study = study_from(GOOD)
    assert study.seed == 0
    assert study.supercell == (1, 1, 1)
    assert (study.diffraction, study.model, study.graphs) == (None, None, None)  # columns choose themselves
    network = study_from({**GOOD, "model": {}})
    assert (network.graphs.n_peaks, network.graphs.radiation) == (28, "CuKa")
    assert study.labels.protocols == ("random-80-20", "leave-one-orbit-out")
    assert study.screen.substitutions is None


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"sed": 1}, "s.toml: sed: unknown key; the nearest known key is seed"),
        (
            {"screen": {"trian": 3}},
            "s.toml: screen.trian: unknown key; the nearest known key is screen.train",
        ),
        ({"n_peaks": 3}, "s.toml: n_peaks: unknown key; the nearest known key is diffraction.n_peaks"),
        (
            {"parent": {"file": "a.cif", "symprek": 0.1}},
            "s.toml: parent.symprek: unknown key; the nearest known key is parent.symprec",
        ),
        ({"model": {"epoch": 3}}, "s.toml: model.epoch: unknown key; the nearest known key is model.epochs"),
        ({"seed": "a"}, 's.toml: seed: should be an integer, not "a"'),
        ({"seed": True}, "s.toml: seed: should be an integer, not true"),
        ({"seed": 1.0}, "s.toml: seed: should be an integer, not 1.0"),
        ({"seed": -1}, "s.toml: seed: should be at least 0, not -1"),
        ({"name": ""}, 's.toml: name: should be a text of at least 1 characters, not ""'),
        (
            {"diffraction": {"radiation": [1]}},
            "s.toml: diffraction.radiation: should be a text in quotes or a number or a table, not [1]",
        ),
        (
            {"diffraction": {"two_theta_range": [0, 200]}},
            "s.toml: diffraction.two_theta_range[1]: should be at most 180, not 200",
        ),
        (
            {"diffraction": {"two_theta_range": [90, 0]}},
            "s.toml: diffraction: two_theta_range runs from 90 to 0; the first must be the smaller",
        ),
        (
            {"diffraction": {"resolution": "low"}},
            "s.toml: diffraction.resolution: should be 'powder', 'resolved' or 'clusters', not \"low\"",
        ),
        ({"substitutions": {"I": {"Br": -1}}}, "s.toml: substitutions.I.Br: should be at least 0, not -1"),
        ({"substitutions": {"I": 3}}, "s.toml: substitutions.I: should be a table, not 3"),
        ({"substitutions": {}}, "s.toml: substitutions: should be longer: at least 1 entries, not {}"),
        ({"parent": "a.cif"}, 's.toml: parent: should be a table, not "a.cif"'),
        ({"screen": {"train": 1}}, "s.toml: screen.train: should be at least 2, not 1"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(changes: dict[str, Any], line: str):
    assert complaint(**changes) == line


@pytest.mark.parametrize(
    ("supercell", "words"),
    [
        ([2, 2, 0], "0 is not a positive number of cells"),
        ([2, -1, 2], "-1 is not a positive number of cells"),
        ([2, 2], "not a supercell"),
        ([2.0, 2, 2], "not a supercell"),
        ([[1, 0, 0], [1, 0, 0], [0, 0, 1]], "the matrix has determinant 0"),
        ("2x2x2", "not a supercell"),
    ],
)
def test_a_supercell_that_is_none_is_refused(supercell: object, words: str):
    said = complaint(supercell=supercell)
    assert said.startswith(f"s.toml: supercell: {words}")
    assert "\n" not in said


def test_a_matrix_is_a_supercell():
    study = study_from({**GOOD, "supercell": [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]})
    assert study.supercell == ((1, 1, 0), (-1, 1, 0), (0, 0, 1))
    left_handed = study_from({**GOOD, "supercell": [[1, 0, 0], [0, 1, 0], [0, 0, -1]]})
    assert left_handed.supercell == ((-1, 0, 0), (0, -1, 0), (0, 0, 1))  # the same lattice


@pytest.mark.parametrize("parent", [{}, {"file": "a.cif", "formula": "CsPbI3", "a": 6.3}])
def test_a_parent_has_one_source(parent: dict[str, Any]):
    assert "give either file" in complaint(parent=parent)


def test_a_formula_needs_its_lattice_constant():
    assert "lattice constant" in complaint(parent={"formula": "CsPbI3"})


def test_several_mistakes_are_several_lines_and_a_misspelling_comes_first():
    lines = complaint(labels={"tabel": "x"}, seed="a").splitlines()
    assert lines[:2] == ["s.toml: 3 mistakes", "  labels.tabel: unknown key; the nearest known key is labels.table"]
    assert any(line.startswith("  labels.table: missing") for line in lines)
    assert any(line.startswith("  seed:") for line in lines)


def test_a_missing_file_and_bad_toml_are_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml: no such file"):
        read_study(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_text('name = "a"\nseed = = 2\n')
    with pytest.raises(InputError, match=r"bad\.toml: not valid TOML: .*line 2"):
        read_study(tmp_path / "bad.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.toml: cannot be read: not UTF-8"):
        read_study(tmp_path / "binary.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_study(tmp_path)


def test_every_key_is_documented():
    undocumented = [path for path, field in known_keys() if not field.description]
    assert undocumented == []
