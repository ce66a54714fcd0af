"""Whatever is wrong with the input is one clear line, exit status 2, and no traceback; nothing is left behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from small_study import EXAMPLE, STUDY, matganip
from typer.testing import CliRunner

from matganip.cli.main import app

CIF = EXAMPLE / "CsPbI3.cif"
POSCAR = """CsPbI3
1.0
6.289 0 0
0 6.289 0
0 0 6.289
1 1 3
Direct
0 0 0
0.5 0.5 0.5
0 0.5 0.5
0.5 0 0.5
0.5 0.5 0
"""


def refused(*arguments: object) -> str:
    """The single line that a command prints when it refuses its input."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("matganip: error: ")
    return line.removeprefix("matganip: error: ")


def study(folder: Path, *changes: tuple[str, str]) -> Path:
    """The small study with some of its text replaced."""
    text = STUDY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "study.toml"
    path.write_text(text)
    return path


def count(structure: Path, *options: str) -> str:
    return refused("count", structure, "-s", "2,2,2", *(options or ("-x", "I:Br=3")))


def test_triplets_without_a_cutoff_or_without_room(tmp_path):
    peaks = 'resolution = "resolved"\nn_peaks = 16'
    path = study(tmp_path, (peaks, "triplets = true"))
    assert "triplets need a cutoff, in angstrom" in refused("run", path, "--output", tmp_path / "out")
    path = study(tmp_path, (peaks, "triplets = true\ncutoff = 9.0\nn_peaks = 28"))
    line = refused("run", path, "--output", tmp_path / "out")
    assert "diffraction: n_peaks: a cutoff of 9 angstrom gives 7 pairs and 23 triplets; set n_peaks = 30" in line


def test_what_distinguish_cannot_do():
    space = ("distinguish", CIF, "-s", "2,2,2", "-x", "I:Br=3")
    assert "radiation 'CuKx' is unknown" in refused(*space, "--radiation", "CuKx")
    assert "cutoff must be a positive distance" in refused(*space, "--cutoff", "0")
    assert "nothing.csv" in refused(*space, "--labels", "nothing.csv")
    assert "--two-theta 10-80: not of the form LOW,HIGH" in refused(*space, "--two-theta", "10-80")
    assert "two_theta_range must be two rising angles" in refused(*space, "--two-theta", "80,10")
    assert "--sample and --labels" in refused(*space, "--sample", 5, "--labels", "cspbi3_br/gpaw_mp2")
    many = ("distinguish", CIF, "-s", "3,3,3", "-x", "I:Br=40")
    assert "orbits are too many to compare each with each" in refused(*many)


def test_a_missing_structure(tmp_path):
    assert str(tmp_path / "nowhere.cif") in count(tmp_path / "nowhere.cif")


def test_a_cif_that_does_not_parse(tmp_path):
    (tmp_path / "broken.cif").write_text("data_CsPbI3\n_cell_length_a 6.289\nloop_\n")
    assert "broken.cif" in count(tmp_path / "broken.cif")


def test_a_poscar_without_its_element_line(tmp_path):
    (tmp_path / "POSCAR").write_text(POSCAR)
    said = count(tmp_path / "POSCAR")
    assert "POSCAR" in said
    assert "element" in said


def test_a_species_that_is_not_in_the_parent():
    said = count(CIF, "-x", "Cl:Br=3")
    assert "Cl" in said
    assert "Cs" in said  # what there is


def test_more_dopants_than_sites():
    said = count(CIF, "-x", "I:Br=25")
    assert "25" in said
    assert "24" in said


def test_a_species_that_is_no_element():
    assert "Qq" in count(CIF, "-x", "I:Qq=3")


@pytest.mark.parametrize("supercell", ["2,2,0", "2,2", "2,2,x", "1,0,0,0,1,0,0,0,0"])
def test_a_supercell_that_is_none(supercell: str):
    assert refused("count", CIF, "-s", supercell, "-x", "I:Br=3").startswith(f"--supercell {supercell}: ")


@pytest.mark.parametrize("substitute", ["Br=3", "I:Br", "I:Br=x", "I:=3", "I:Br=-3", ":Br=3"])
def test_a_substitution_that_cannot_be_read(substitute: str):
    assert refused("count", CIF, "-x", substitute).startswith(f"--substitute {substitute}: ")


def test_a_species_said_twice():
    said = refused("count", CIF, "-x", "I:Br=1", "-x", "I:Br=2")
    assert said == "--substitute I:Br=2: gives the number of Br again"


def test_a_structure_needs_a_substitution():
    assert "--substitute" in refused("count", CIF)


def test_a_study_file_says_its_own_supercell(tmp_path):
    assert "leave them out" in refused("count", study(tmp_path), "-s", "2,2,2")


def run(path: Path, *options: object) -> str:
    output = () if "--output" in options else ("--output", path.parent / "results")
    said = refused("run", path, *output, *options)
    assert not (path.parent / "results").exists()
    return said


def test_a_missing_study(tmp_path):
    assert run(tmp_path / "nowhere.toml").endswith("nowhere.toml: no such file")


def test_an_unknown_key_names_the_nearest(tmp_path):
    said = run(study(tmp_path, ("train = 12", "trian = 12")))
    assert said.endswith("study.toml: screen.trian: unknown key; the nearest known key is screen.train")


def test_a_value_that_the_networks_do_not_take(tmp_path):
    said = run(study(tmp_path, ("epochs = 6", "epochs = 0")))
    assert "study.toml: model: epochs = 0 must be an integer, 1 or more" in said


def test_a_missing_parent_file(tmp_path):
    assert "nowhere.cif" in run(study(tmp_path, (str(CIF), "nowhere.cif")))


def test_a_supercell_of_the_study(tmp_path):
    said = run(study(tmp_path, ("supercell = [2, 2, 2]", "supercell = [2, 2, -2]")))
    assert "study.toml: supercell: -2 is not a positive number of cells" in said


def test_more_dopants_than_sites_in_the_screen(tmp_path):
    said = run(study(tmp_path, ("Br = 3", "Br = 30")))
    assert "study.toml: screen.substitutions.I: 30 sites asked for" in said


def test_a_table_that_is_not_shipped(tmp_path):
    assert "cspbi3_br/gpaw_mp9" in run(study(tmp_path, ("cspbi3_br/gpaw_mp2", "cspbi3_br/gpaw_mp9")))


def test_a_labels_file_that_misses_columns(tmp_path):
    (tmp_path / "labels.csv").write_text("calculator,energy\nme,-1.0\n")
    said = run(study(tmp_path, ("cspbi3_br/gpaw_mp2", "labels.csv")))
    assert "labels.csv" in said
    assert "energy_eV" in said
    assert "occupation" in said


def test_labels_of_another_composition(tmp_path):
    said = run(study(tmp_path, ("cspbi3_br/gpaw_mp2", "cspbi3_br/chgnet_X6of24")))
    assert "cspbi3_br/chgnet_X6of24" in said


def test_more_orbits_to_train_on_than_are_labelled(tmp_path):
    said = run(study(tmp_path, ("train = 12", "train = 40")))
    assert "screen.train: 40 orbits to train on, but cspbi3_br/gpaw_mp2 labels 19" in said


def test_an_unknown_radiation(tmp_path):
    said = run(study(tmp_path, ("n_peaks = 16", 'n_peaks = 16\nradiation = "CuKz"')))
    assert "study.toml: diffraction: radiation 'CuKz' is unknown" in said


def test_a_device_that_is_not_there(tmp_path):
    device = "mps" if torch.cuda.is_available() else "cuda"
    said = run(study(tmp_path, ("epochs = 6", f'epochs = 6\ndevice = "{device}"')))
    assert f"device = '{device}' is not available here" in said


def test_a_formula_that_is_no_perovskite(tmp_path):
    said = run(study(tmp_path, (f'file = "{CIF}"', 'formula = "CsPbI4"\na = 6.2')))
    assert "study.toml: parent: 'CsPbI4'" in said


def test_an_output_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    said = run(study(tmp_path), "--output", tmp_path / "file" / "results")
    assert "the output folder cannot be written" in said


def test_an_output_file_that_cannot_be_written(tmp_path):
    said = refused("enumerate", CIF, "-s", "2,2,2", "-x", "I:Br=2", "--output", tmp_path / "no" / "o.parquet")
    assert "cannot be written" in said


def test_several_mistakes_are_a_line_each_under_one_heading(tmp_path):
    path = study(tmp_path, ("seed = 3", "sed = 3\noutput = 1"))
    result = CliRunner().invoke(app, ["run", str(path)])
    assert result.exit_code == 2
    heading, *lines = result.stderr.splitlines()
    assert heading == f"matganip: error: {path}: 2 mistakes"
    assert [line.partition(":")[0] for line in lines] == ["  sed", "  output"]


def test_a_traceback_is_there_for_who_asks(tmp_path):
    done = matganip("--debug", "count", tmp_path / "nowhere.cif", "-x", "I:Br=3")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(("module", "extra"), [("torch", "learn"), ("matplotlib", "report"), ("jinja2", "report")])
def test_a_missing_extra_is_named_before_any_work(tmp_path, monkeypatch, module: str, extra: str):
    monkeypatch.setitem(sys.modules, module, None)
    said = run(study(tmp_path))
    assert said == f"{module} is needed for this and is not installed: pip install 'matganip[{extra}]'"
