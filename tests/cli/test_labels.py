"""`matganip labels`: look into a database, exchange tables, join structures."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from pymatgen.io.vasp.inputs import Poscar
from small_study import EXAMPLE
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.main import app
from matganip.labels.database import LabelDatabase

CIF = EXAMPLE / "CsPbI3.cif"
SPACE = (CIF, "-s", "2,2,2", "-x")


def run(*arguments: object, status: int = 0) -> tuple[str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result.stdout, result.stderr


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """All orbits of 0 to 2 Br, of which about one in ten failed."""
    path = tmp_path_factory.mktemp("filled") / "labels.db"
    run("label", *SPACE, "I:Br=0-2", "-c", "toy_calculators:OneInTen", "-d", path, "-j", 0)
    return path


def test_what_is_there_and_what_failed_is_listed(filled):
    out, err = run("labels", "list", filled)
    assert "Cs8 Pb8 Br2 I22" in out
    assert all(
        line.startswith("matganip: error: toy_calculators:OneInTen: orbit ") and "SCF did not find its way" in line
        for line in err.splitlines()
    )
    told = json.loads(run("labels", "list", filled, "--json")[0])
    assert [one["n_rows"] for one in told["sets"]] == [1, 1, 7]
    assert len(told["failures"]) == sum(one["n_failed"] for one in told["sets"]) == len(err.splitlines())


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_tables_go_out_and_come_in(filled, tmp_path, suffix):
    (tmp_path / "out").mkdir()
    table = tmp_path / "out" / f"labels.{suffix}"
    n_good = sum(one.n_converged for one in LabelDatabase(filled).sets())
    assert f"{n_good} labels are in" in run("labels", "export", filled, table)[0]
    asked = ("labels", "import", table, *SPACE, "I:Br=0-3", "-d", tmp_path / "again.db")
    assert f"{n_good} of the {n_good} rows" in run(*asked)[0].replace("\n ", "")
    assert f"0 of the {n_good} rows" in run(*asked)[0].replace("\n ", "")
    for space in LabelDatabase(filled).spaces().values():
        before, after = (LabelDatabase(path).labelled(space) for path in (filled, tmp_path / "again.db"))
        assert np.array_equal(before.occupations, after.occupations)
        assert np.array_equal(before.energy, after.energy)


def test_a_shipped_table_comes_in_by_its_name(tmp_path, space_3of24):
    asked = ("labels", "import", "cspbi3_br/gpaw_mp2", *SPACE, "I:Br=3", "-d", tmp_path / "labels.db")
    printed, _ = run(*asked, "-c", "gpaw", "--setting", "kpts=[2,2,2]")
    assert "19 of the 28 rows" in printed
    assert len(LabelDatabase(tmp_path / "labels.db").labelled(space_3of24, "gpaw", {"kpts": [2, 2, 2]})) == 19


def test_where_there_is_a_choice_one_is_asked_for(filled, tmp_path):
    path = tmp_path / "two.db"
    for decay in (1, 2):
        setting = f"decay={decay}"
        run("label", *SPACE, "I:Br=1", "-c", "toy_calculators:Pairs", "--setting", setting, "-d", path, "-j", 0)
    _, err = run("labels", "export", path, tmp_path / "labels.csv", status=2)
    assert "name one with --calculator and --settings; it has toy_calculators:Pairs h" in err
    one, _ = LabelDatabase(path).sets()
    run("labels", "export", path, tmp_path / "labels.csv", "--settings", one.settings_hash)
    assert len(mg.read_labels(tmp_path / "labels.csv")) == 1
    assert "no such labels; it has" in run("labels", "export", path, tmp_path / "x.csv", "-c", "vasp", status=2)[1]
    assert "none of its 1 rows has a composition" in run(
        *("labels", "import", tmp_path / "labels.csv", *SPACE, "I:Br=5", "-d", tmp_path / "none.db"), status=2
    )[1]  # fmt: skip
    _, err = run("labels", "import", path, *SPACE, "I:Br=1", "-d", tmp_path / "none.db", status=2)
    assert "two.db: is a database; write its labels with matganip labels export" in err
    assert not (tmp_path / "none.db").exists()


def test_labels_of_another_supercell_are_not_numbered_by_the_first(tmp_path):
    path = tmp_path / "labels.db"
    for cells in ("2,2,1", "2,1,2"):
        run("label", CIF, "-s", cells, "-x", "I:Br=1", "-c", "toy_calculators:Pairs", "-d", path, "-j", 0)
    _, err = run("labels", "export", path, tmp_path / "labels.csv", status=2)
    assert "supercell.vasp: is another supercell than that of" in err
    assert not (tmp_path / "labels.csv").exists()


@pytest.mark.filterwarnings("ignore::matganip.errors.ReadingWarning")  # told on stderr, of mixed.cif
def test_files_from_elsewhere_are_joined_and_the_bad_ones_refused(tmp_path, space_3of24):
    """POSCARs with atoms in random order, so that elements alternate, turned and moved; and what others lack."""
    generator = np.random.default_rng(3)
    drawn = next(space_3of24.orbits()).occupations[generator.integers(19, size=6)]
    files = []
    for number, row in enumerate(drawn):
        structure = space_3of24.structure(row)
        rotation = np.eye(3)[generator.permutation(3)] * generator.choice([-1, 1], size=3)
        moved = structure.frac_coords @ rotation + generator.random(3)
        order = generator.permutation(40)
        disguised = type(structure)(structure.lattice, [structure[int(i)].specie for i in order], moved[order])
        files.append(tmp_path / f"POSCAR_{number}")
        Poscar(disguised, sort_structure=False).write_file(files[-1])
    whole = files[0].read_text().splitlines()
    (tmp_path / "POSCAR_4").with_name("POSCAR_old").write_text("\n".join(whole[:5] + whole[6:]))
    (tmp_path / "mixed.cif").write_text(CIF.read_text().rstrip().removesuffix("1") + "0.9\n")
    bad = [tmp_path / "POSCAR_old", tmp_path / "mixed.cif", tmp_path / "none.cif"]
    out, err = run("labels", "join", *SPACE, "I:Br=2-3", *files, *bad, "--json", status=2)
    told = json.loads(out)
    digits = ["".join(map(str, row)) for row in space_3of24.canonical(drawn).occupations]
    assert [one["occupation"] for one in told["joined"]] == digits
    assert [one["composition"] for one in told["joined"]] == ["Cs8 Pb8 Br3 I21"] * 6
    old, partial, none = err.splitlines()
    assert old.startswith(f"matganip: error: {bad[0]}: ")
    assert "has no line of element symbols" in old
    assert "mixed.cif: site" in partial
    assert "is partially occupied" in partial
    assert "none.cif: cannot be read" in none


def test_ase_lists_it(filled):
    command = [sys.executable, "-m", "ase", "db", str(filled), "converged=True", "-c", "id,calculator,energy,orbit"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    n_good = sum(one.n_converged for one in LabelDatabase(filled).sets())
    assert f"Rows: {n_good}" in listed
    assert "toy_calculators:OneInTen" in listed
