"""`matganip dft write` and `matganip dft collect`: from a crystal to labels, by way of a stand-in for a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_study import EXAMPLE
from typer.testing import CliRunner
from vasp_outputs import from_ase

from matganip.cli.main import app
from matganip.labels.database import LabelDatabase
from matganip.workflows.dft import read_dft_study

CIF = EXAMPLE / "CsPbI3.cif"

STUDY = """
name = "rock salt"
folder = "@FOLDER@/runs"
supercell = [1, 1, 1]
substitutions = { Cl = { Br = [0, 1] } }

[parent]
file = "NaCl.vasp"

[dft]
encut = 400.0
kpoints = [3, 3, 3]
incar = { SIGMA = 0.1, LASPH = false }
potcar = { Na = "Na" }

[job]
setup = ["module load vasp"]
at_once = 4
"""

POSCAR = """NaCl
1.0
0 2.72739551 2.72739551
2.72739551 0 2.72739551
2.72739551 2.72739551 0
Na Cl
1 1
direct
0 0 0
0.5 0.5 0.5
"""


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> list[str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    return [line.removeprefix("matganip: error: ") for line in result.stderr.splitlines()]


@pytest.fixture
def study(tmp_path):
    (tmp_path / "NaCl.vasp").write_text(POSCAR)
    path = tmp_path / "study.toml"
    path.write_text(STUDY.replace("@FOLDER@", str(tmp_path)))
    return path


def test_the_19_orbits_from_a_crystal_and_options(tmp_path):
    options = ["dft", "write", CIF, "-s", "2,2,2", "-x", "I:Br=3", "-o", tmp_path / "runs"]
    document = json.loads(invoke(*options, "--incar", "ISPIN=2", "--json"))
    assert (document["orbits"], len(document["written"]), document["kpoints"]) == (19, 19, [2, 2, 2])
    assert "ISPIN = 2" in (Path(document["written"][0]) / "INCAR").read_text()
    assert json.loads(invoke(*options, "--incar", "ISPIN=2", "--json"))["there"] == 19
    printed = invoke(*options, "--incar", "ISPIN=2")
    assert "POTCARs are licensed" in printed
    assert "0.05 meV/atom" in printed
    assert "holds inputs of other settings (ISPIN 2 there, 1 asked for)" in refused(*options)[0]
    collected = json.loads(invoke("dft", "collect", tmp_path / "runs", "-d", tmp_path / "labels.db", "--json"))
    assert (collected["missing"], collected["done"]) == (19, 0)
    assert not (tmp_path / "labels.db").exists()


def test_write_run_and_collect(study, tmp_path):
    invoke("dft", "write", study)
    root, database = tmp_path / "runs", tmp_path / "labels.db"
    assert "#SBATCH --array=0-1%4" in (root / "job_array.sh").read_text()
    (tmp_path / "genuine.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
    for folder in root.glob("*/"):
        (folder / "POTCAR").write_text("a stand-in")
    command = f"cp {tmp_path}/genuine.xml vasprun.xml"
    subprocess.run(["bash", root / "run_all.sh"], env={**os.environ, "COMMAND": command}, check=True)
    printed = invoke("dft", "collect", root, "-d", database)
    assert "Na1Br1-o1-x1: failed: its geometry is not the orbit's" in printed
    assert "Na1Cl1" not in printed
    assert "Na1Cl1-o1-x1: done" in invoke("dft", "collect", root, "-d", database, "--all")
    document = json.loads(invoke("dft", "collect", root, "-d", database, "--json"))
    assert {key: document[key] for key in ("done", "unconverged", "failed", "missing", "stored_now")} == {
        "done": 1,
        "unconverged": 0,
        "failed": 1,
        "missing": 0,
        "stored_now": 0,
    }
    chloride = read_dft_study(study).spaces(tmp_path)[0]
    assert LabelDatabase(database).labelled(chloride, "vasp").energy.tolist() == [pytest.approx(-6.74587304)]
    rest = json.loads(invoke("dft", "write", study, "-o", tmp_path / "rest", "-d", database, "--json"))
    assert (rest["labelled"], [Path(one).name for one in rest["written"]]) == (1, ["Na1Br1-o1-x1"])


def test_a_foreign_folder_is_collected_with_the_study(study, tmp_path):
    (tmp_path / "elsewhere" / "run7").mkdir(parents=True)
    (tmp_path / "elsewhere" / "run7" / "vasprun.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
    options = ["dft", "collect", tmp_path / "elsewhere", "-d", tmp_path / "labels.db"]
    assert "so nothing says what the runs are" in refused(*options)[0]
    assert "run7: done: no orbit.json; its orbit is known by its geometry" in invoke(*options, "--study", study)


def test_the_study_file_of_the_documentation(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "dft.md").read_text()
    (tmp_path / "study.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    (tmp_path / "CsPbI3.cif").write_text(CIF.read_text())
    document = json.loads(invoke("dft", "write", tmp_path / "study.toml", "-o", tmp_path / "runs", "--json"))
    assert document["orbits"] == 1 + 7 + 19
    script = (tmp_path / "runs" / "job_array.sh").read_text()
    assert "#SBATCH --array=0-26%50\n" in script
    assert "#SBATCH --account=perovskites\n" in script
    assert "custodian_run.py" in (tmp_path / "runs" / "run_one.sh").read_text()


def test_long_lists_are_cut(tmp_path):
    invoke("dft", "write", CIF, "-s", "2,2,2", "-x", "I:Br=0-3", "-x", "Pb:Sn=1", "-N", 20, "-o", tmp_path / "runs")
    options = ["dft", "collect", tmp_path / "runs", "-d", tmp_path / "labels.db"]
    printed = invoke(*options)
    assert printed.count(": missing: not run yet") == 30
    assert "more; --all lists every run" in printed
    assert invoke(*options, "--all").count(": missing: not run yet") > 30


def test_gpaw_and_espresso_are_written(tmp_path):
    options = ["dft", "write", CIF, "-x", "I:Br=1"]
    folder = json.loads(invoke(*options, "-c", "gpaw", "--setting", "xc=PBEsol", "-o", tmp_path / "a", "--json"))
    note = json.loads((Path(folder["written"][0]) / "orbit.json").read_text())
    assert note["settings"]["gpaw"] == {"xc": "PBEsol"}
    files = [text for name in ("Cs", "Pb", "I", "Br") for text in ("--pseudo", f"{name}={name}.upf")]
    more = ["-c", "espresso", *files, "--setting", "ecutrho=400", "--relax", "cell", "--kpoints", "3,3,3"]
    folder = json.loads(invoke(*options, *more, "-o", tmp_path / "b", "--json"))
    assert "ecutrho" in (Path(folder["written"][0]) / "espresso.pwi").read_text()


def test_what_a_user_gets_wrong_is_one_line_each(study, tmp_path):
    space = ["dft", "write", CIF, "-s", "2,2,2", "-x", "I:Br=3", "-o", tmp_path / "runs"]
    assert refused(*space, "--incar", "ISMAER=0") == [
        "incar.ISMAER: VASP has no such key; the nearest known key is ISMEAR"
    ]
    assert refused(*space, "--kpoints", "4x4") == ["--kpoints 4x4: three integers are needed, as in 4,4,4"]
    assert refused(*space, "--pseudo", "Pb") == ["--pseudo Pb: not of the form ELEMENT=NAME, as in Pb=Pb_d"]
    assert refused(*space, "--setting", "xc=PBE") == [
        "--setting: is for gpaw and espresso; VASP's keys are given by --incar"
    ]
    assert "no such database" in refused(*space, "-d", tmp_path / "none.db")[0]
    assert "leave them out" in refused("dft", "write", study, "-s", "2,2,2")[0]
    assert not (tmp_path / "runs").exists()
    study.write_text(study.read_text().replace("encut", "encutt").replace("at_once = 4", "at_once = true"))
    lines = refused("dft", "write", study)
    assert lines[:2] == [f"{study}: 2 mistakes", "  dft.encutt: unknown key; the nearest known key is dft.encut"]
    assert lines[2].startswith("  job.at_once: should be")
    assert refused("dft", "collect", tmp_path / "runs")[0] == f"{tmp_path / 'runs'}: no such folder"
    assert "there is no folder" in refused("dft", "collect", tmp_path, "-d", tmp_path / "x" / "labels.db")[0]


@pytest.mark.slow
def test_under_custodian(study, tmp_path):
    """The script that is written runs under the real custodian; its polling takes ten seconds."""
    invoke("dft", "write", study, "--custodian", "-o", tmp_path / "runs")
    folder = tmp_path / "runs" / "Na1Cl1-o1-x1"
    potcar = (
        "  PAW_PBE {0}\n 1.0\n parameters from PSCTR are:\n   TITEL  = PAW_PBE {0}\n   LEXCH  = PE\nEnd of Dataset\n"
    )
    (folder / "POTCAR").write_text(potcar.format("Na 08Apr2002") + potcar.format("Cl 06Sep2000"))
    (tmp_path / "genuine.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
    vasp = tmp_path / "vasp"
    vasp.write_text(f"#!/bin/sh\ncp {tmp_path}/genuine.xml vasprun.xml\ntouch OUTCAR CONTCAR OSZICAR\n")
    vasp.chmod(0o755)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "COMMAND": str(vasp), "PATH": path}
    done = subprocess.run(
        ["bash", tmp_path / "runs" / "run_one.sh", folder], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "custodian.json").exists()
    assert "done" in invoke("dft", "collect", folder, "-d", tmp_path / "labels.db", "--all")
