"""Inputs of DFT runs: what is in the folders, that nothing is written over, that the scripts run what is left."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
from pathlib import Path

import pytest
from ase.io import read
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar
from vasp_outputs import from_ase

import matganip as mg
from matganip.labels.calculation import Calculation
from matganip.labels.database import LabelDatabase
from matganip.labels.dft.folders import Notes, folder_name
from matganip.labels.dft.inputs import write_inputs
from matganip.labels.dft.jobs import JobSettings
from matganip.labels.dft.settings import DftSettings
from matganip.labels.joining import join_structures


def state(root: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a folder: when it was written, and what is in it."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture(scope="module")
def written(space_3of24, tmp_path_factory):
    root = tmp_path_factory.mktemp("dft") / "runs"
    return root, write_inputs(root, space_3of24.orbits(), DftSettings())


def test_each_orbit_has_a_folder_with_the_papers_defaults(written, space_3of24):
    root, result = written
    assert (result.n_orbits, result.n_there, len(result.folders)) == (19, 0, 19)
    structures = [folder / "POSCAR" for folder in result.folders]
    joined = join_structures(space_3of24, structures)
    (batch,) = space_3of24.orbits()
    assert (joined.occupations == batch.occupations).all()
    folder = result.folders[4]
    incar = Incar.from_file(folder / "INCAR")
    assert (incar["ENCUT"], incar["EDIFF"], incar["NSW"], incar["GGA"].upper()) == (550, 40 * 5e-5, 0, "PE")
    assert Kpoints.from_file(folder / "KPOINTS").kpts == [(2, 2, 2)]
    assert (folder / "POTCAR.spec").read_text().split() == ["Cs_sv", "Pb_d", "I", "Br"]
    assert Poscar.from_file(folder / "POSCAR").site_symbols == ["Cs", "Pb", "I", "Br"]
    assert not (folder / "POTCAR").exists()
    assert not list(root.rglob(".*"))


def test_the_name_and_the_json_file_say_which_orbit_it_is(written, space_3of24):
    _, result = written
    (batch,) = space_3of24.orbits()
    note = Notes().read(result.folders[2] / "orbit.json")
    assert note.space.key == space_3of24.key
    assert (note.occupation == batch.occupations[2]).all()
    assert note.multiplicity == batch.multiplicity[2]
    assert result.folders[2].name == f"Cs8Pb8Br3I21-{note.orbit}-x{note.multiplicity}"
    assert note.settings["incar"]["ENCUT"] == 550
    assert sum(Notes().read(folder / "orbit.json").multiplicity for folder in result.folders) == 2024


def test_a_second_writing_touches_nothing(written, space_3of24):
    root, _ = written
    before = state(root)
    again = write_inputs(root, space_3of24.orbits(), DftSettings())
    assert (again.n_there, again.folders, again.scripts) == (19, [], [])
    assert state(root) == before


def test_renamed_folders_are_known_and_outputs_are_never_touched(space_3of24, tmp_path):
    (batch,) = space_3of24.orbits()
    first = write_inputs(tmp_path, [batch], DftSettings()).folders[0]
    moved = tmp_path / "other name" / "deeper"
    moved.parent.mkdir()
    first.rename(moved)
    (moved / "vasprun.xml").write_text("a result")
    (moved / "INCAR").write_text("changed by hand")
    again = write_inputs(tmp_path, [batch], DftSettings())
    assert (again.n_there, again.folders) == (19, [])
    assert (moved / "INCAR").read_text() == "changed by hand"
    assert "other name/deeper" in (tmp_path / "folders.txt").read_text().splitlines()
    forced = write_inputs(tmp_path, [batch], DftSettings(), overwrite=True)
    assert len(forced.folders) == 19
    assert "ENCUT" in (moved / "INCAR").read_text()
    assert (moved / "vasprun.xml").read_text() == "a result"
    assert not first.exists()


def test_other_settings_do_not_go_into_the_same_folder(space_3of24, tmp_path):
    batches = [space_3of24.sample_orbits(2)]
    write_inputs(tmp_path, batches, DftSettings())
    other = DftSettings(encut=400)
    with pytest.raises(mg.InputError, match=r"inputs of other settings \(ENCUT 550.0 there, 400.0 asked for\)"):
        write_inputs(tmp_path, batches, other)
    write_inputs(tmp_path, batches, other, overwrite=True)
    folder = next(path.parent for path in tmp_path.glob("*/INCAR"))
    assert Incar.from_file(folder / "INCAR")["ENCUT"] == 400
    (folder / "OUTCAR").write_text("a result")
    with pytest.raises(mg.InputError, match=r"holds results of other settings .* in .*; name another folder"):
        write_inputs(tmp_path, batches, DftSettings(), overwrite=True)


def test_only_what_the_database_lacks(space_3of24, tmp_path):
    (batch,) = space_3of24.orbits()
    database = LabelDatabase(tmp_path / "labels.db")
    settings = DftSettings()
    asked = settings.asked(space_3of24.supercell_structure)
    for row, more in enumerate([{"program": "vasp 6.4.2"}, {"program": "vasp 5.4.4"}, {"encut": 300}]):
        structure = space_3of24.structure(batch.occupations[row])
        kind = {"calculator": "vasp", "settings": {**asked, **more}}
        database.add(space_3of24, batch.occupations[row], Calculation(structure, -1.0 - row, **kind))
    structure = space_3of24.structure(batch.occupations[7])
    database.add(space_3of24, batch.occupations[7], Calculation(structure, -9.0, calculator="vasp", settings={}))
    wrong = Calculation(
        structure, -9.0, converged=False, calculator="vasp", settings={**asked, "program": "vasp 6.4.2"}
    )
    database.add(space_3of24, batch.occupations[8], wrong)
    written = write_inputs(tmp_path / "runs", [batch], settings, database=database)
    assert (written.n_labelled, len(written.folders)) == (3, 16)


def test_several_compositions_and_a_folder_of_one_supercell(cspbi3, tmp_path):
    series = mg.CompositionSeries(cspbi3, (2, 1, 1), {"I": {"Br": [0, 1, 2]}})
    assert len(write_inputs(tmp_path, series.orbits(), DftSettings()).folders) == series.count_orbits()
    larger = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 1}})
    with pytest.raises(mg.InputError, match="other settings"):
        write_inputs(tmp_path, larger.orbits(), DftSettings())


@pytest.mark.parametrize(("relaxation", "keys"), [("positions", {"ISIF": 2}), ("cell", {"ISIF": 3})])
def test_relaxations_have_the_papers_threshold(space_3of24, tmp_path, relaxation, keys):
    settings = DftSettings(relaxation=relaxation, incar={"ispin": 2, "LASPH": None, "MAGMOM": {"Pb": 0.1}})
    folder = write_inputs(tmp_path, [space_3of24.sample_orbits(1)], settings).folders[0]
    incar = Incar.from_file(folder / "INCAR")
    assert {"EDIFFG": incar["EDIFFG"], "IBRION": incar["IBRION"], "ISIF": incar["ISIF"]} == {
        "EDIFFG": -0.01,
        "IBRION": 2,
        **keys,
    }
    assert (incar["ISPIN"], incar["NSW"], "LASPH" in incar, incar["MAGMOM"][8]) == (2, 100, False, 0.1)


def test_spaces_are_made_again_from_their_definition(cspbi3):
    vacancies = {"I": {"Br": 3, "Cl": 3, "vac": 1}, (0,): {"Rb": 2}}
    for space in [
        mg.ConfigurationSpace(cspbi3, (2, 2, 1), vacancies),
        mg.ConfigurationSpace(cspbi3, [[1, 1, 0], [1, -1, 0], [0, 0, 2]], {(2, 3): {"Br": 4}, (4,): {"Cl": 1}}),
        mg.ConfigurationSpace(cspbi3, (1, 1, 1), {"I": {"Br": 3}}),
    ]:
        again = mg.ConfigurationSpace.from_dict(json.loads(json.dumps(space.to_dict())), space.key)
        assert again.key == space.key
        assert again.count_orbits() == space.count_orbits()
    broken = space.to_dict()
    broken["elements"][0] = "Rb"
    with pytest.raises(mg.InputError, match="was it changed"):
        mg.ConfigurationSpace.from_dict(broken, space.key)


def test_long_occupations_have_short_names(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (4, 4, 4), {"I": {"Br": 1}})
    name = folder_name(space, "o" + "1" * space.n_sites, 3)
    assert len(name) < 80
    assert name != folder_name(space, "o0" + "1" * (space.n_sites - 1), 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"code": "vesp"}, "code = 'vesp': input should be 'vasp', 'gpaw' or 'espresso'"),
        ({"incar": {"ENCTU": 400}}, "incar.ENCTU: VASP has no such key; the nearest known key is ENCUT"),
        ({"incar": {"ENCUT": 400}}, "incar.ENCUT: give it as encut"),
        ({"encut": -1.0}, "encut = -1.0: input should be greater than 0"),
        ({"kpoints": (2, 2, 0)}, "kpoints = 0: input should be greater than or equal to 1"),
        ({"relaxation": "all"}, "relaxation = 'all': input should be 'static', 'positions' or 'cell'"),
        ({"code": "gpaw", "incar": {"ISPIN": 2}}, "incar: is not for gpaw"),
        ({"gpaw": {"xc": "PBE"}}, "gpaw: is not for vasp"),
    ],
)
def test_bad_settings_are_refused(given, message):
    with pytest.raises(mg.InputError, match=message):
        DftSettings(**given)


def test_bad_jobs_and_damaged_files_are_refused(space_3of24, tmp_path):
    batches = [space_3of24.sample_orbits(1)]
    with pytest.raises(mg.InputError, match="nodes = 0: input should be greater than or equal to 1"):
        JobSettings(nodes=0)
    with pytest.raises(mg.InputError, match="setup: must be on one line"):
        JobSettings(setup=["a\nb"])
    with pytest.raises(mg.InputError, match="custodian's handlers are VASP's"):
        write_inputs(tmp_path / "a", batches, DftSettings("gpaw"), job=JobSettings(custodian=True))
    with pytest.raises(mg.InputError, match="potcar_functional: 'PBE_99' must be one of"):
        write_inputs(tmp_path / "b", batches, DftSettings(potcar_functional="PBE_99"))
    (tmp_path / "file").write_text("")
    with pytest.raises(mg.InputError, match="cannot be made"):
        write_inputs(tmp_path / "file" / "below", batches, DftSettings())
    write_inputs(tmp_path / "c", batches, DftSettings())
    (tmp_path / "c" / "dft.json").write_text('{"code": "vasp"')
    with pytest.raises(mg.InputError, match=r"dft.json: is not valid JSON"):
        write_inputs(tmp_path / "c", batches, DftSettings())


def test_gpaw_and_espresso(space_3of24, tmp_path):
    batches = [space_3of24.sample_orbits(1)]
    folder = write_inputs(tmp_path / "gpaw", batches, DftSettings("gpaw", gpaw={"nbands": 192})).folders[0]
    compile((folder / "run.py").read_text(), "run.py", "exec")
    assert json.loads((folder / "orbit.json").read_text())["settings"]["gpaw"] == {"nbands": 192, "xc": "PBE"}
    assert len(read(folder / "POSCAR")) == 40

    with pytest.raises(mg.InputError, match="pseudopotentials: the file of Br, Cs, I is needed"):
        write_inputs(tmp_path / "qe", batches, DftSettings("espresso", pseudopotentials={"Pb": "Pb.upf"}))
    files = {name: f"{name}.upf" for name in ("Cs", "Pb", "I", "Br")}
    settings = DftSettings("espresso", relaxation="cell", pseudopotentials=files, input_data={"ecutrho": 400.0})
    folder = write_inputs(tmp_path / "qe2", batches, settings).folders[0]
    text = (folder / "espresso.pwi").read_text()
    assert "'vc-relax'" in text
    assert "ecutwfc          = 40.424" in text
    assert "ecutrho          = 400.0" in text
    assert "2 2 2  0 0 0" in text
    assert join_structures(space_3of24, [read(folder / "espresso.pwi")]).multiplicity == batches[0].multiplicity


# -- the scripts ---------------------------------------------------------------------------------------------------


def run(root: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", *command], cwd=root, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def sodium_chloride(tmp_path):
    """A batch with a stand-in for VASP, which leaves a genuine output, and for its licensed POTCARs."""
    cl = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]]
    parent = mg.read_structure(Poscar.from_str(POSCAR).structure)
    assert parent.frac_coords.tolist() == cl
    series = mg.CompositionSeries(parent, (1, 1, 2), {"Cl": {"Br": [0, 1, 2]}})
    root = tmp_path / "runs"
    write_inputs(root, series.orbits(), DftSettings(encut=400, kpoints=(3, 3, 3)), job=JobSettings(max_tasks=2))
    family = tmp_path / "potcars" / "POT_GGA_PAW_PBE_54"
    family.mkdir(parents=True)
    (family / "POTCAR.Na_pv.gz").write_bytes(gzip.compress(b"sodium\n"))
    (family / "POTCAR.Cl").write_text("chlorine\n")
    (family / "Br").mkdir()
    (family / "Br" / "POTCAR").write_text("bromine\n")
    (tmp_path / "genuine.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
    return root


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


def test_the_loop_puts_potcars_together_and_skips_what_has_ended(sodium_chloride, tmp_path):
    log = tmp_path / "log"
    environment = {
        "PMG_VASP_PSP_DIR": str(tmp_path / "potcars"),
        "COMMAND": f"pwd >>{log} && cp {tmp_path}/genuine.xml vasprun.xml",
    }
    refused = run(sodium_chloride, "run_all.sh", COMMAND=environment["COMMAND"], PMG_VASP_PSP_DIR="")
    assert refused.returncode == 1
    assert "no POTCAR: set PMG_VASP_PSP_DIR to the folder that holds POT_GGA_PAW_PBE_54" in refused.stderr
    first = run(sodium_chloride, "run_all.sh", **environment)
    assert (first.returncode, first.stderr) == (0, "")
    folders = (sodium_chloride / "folders.txt").read_text().split()
    assert len(log.read_text().split()) == len(folders) == 3
    mixed = next(folder for folder in folders if "Br1Cl1" in folder)
    assert sorted((sodium_chloride / mixed / "POTCAR").read_text().split()) == ["bromine", "chlorine", "sodium"]
    again = run(sodium_chloride, "run_all.sh", **environment)
    assert again.stdout.count("has ended before") == 3
    assert len(log.read_text().split()) == 3
    cut = sodium_chloride / folders[0] / "vasprun.xml"
    cut.write_bytes(cut.read_bytes()[:9000])
    run(sodium_chloride, "run_all.sh", **environment)
    assert log.read_text().split()[3:] == [str(cut.parent)]
    run(sodium_chloride, "run_all.sh", **environment, AGAIN="1")
    assert len(log.read_text().split()) == 7


def test_a_missing_potcar_and_a_run_that_fails_are_named(sodium_chloride, tmp_path):
    (tmp_path / "potcars" / "POT_GGA_PAW_PBE_54" / "POTCAR.Cl").unlink()
    told = run(sodium_chloride, "run_all.sh", PMG_VASP_PSP_DIR=str(tmp_path / "potcars"), COMMAND="false")
    assert told.returncode == 1
    assert "no POTCAR of Cl in" in told.stderr
    assert "did not end as it should (exit status 1)" in told.stderr  # pure NaBr has its POTCARs
    assert not list(sodium_chloride.glob("*/POTCAR.part"))


@pytest.mark.parametrize("n_tasks", [1, 2, 3, 7])
def test_an_array_of_any_size_runs_each_folder_once(sodium_chloride, tmp_path, n_tasks):
    script = (sodium_chloride / "job_array.sh").read_text()
    assert "#SBATCH --array=0-1\n" in script
    assert "# 3 folders in 2 tasks, 2 each at most" in script
    log = tmp_path / "log"
    for task in range(5, 5 + n_tasks):
        done = run(
            sodium_chloride,
            "job_array.sh",
            PMG_VASP_PSP_DIR=str(tmp_path / "potcars"),
            COMMAND=f"pwd >>{log} && cp {tmp_path}/genuine.xml vasprun.xml",
            SLURM_SUBMIT_DIR=str(sodium_chloride),
            SLURM_ARRAY_TASK_ID=str(task),
            SLURM_ARRAY_TASK_MIN="5",
            SLURM_ARRAY_TASK_COUNT=str(n_tasks),
        )
        assert done.returncode == 0, done.stderr
    folders = (sodium_chloride / "folders.txt").read_text().split()
    assert sorted(log.read_text().split()) == sorted(str(sodium_chloride / folder) for folder in folders)


def test_arrays_of_more_folders_than_slurm_allows(cspbi3, tmp_path, monkeypatch):
    from matganip.labels.dft.jobs import write_scripts

    folders = [f"folder {n}" for n in range(2500)]
    job = JobSettings("Br on I", at_once=50, partition="long", directives=["--mem=64G"], setup=["module load vasp/6.4"])
    write_scripts(tmp_path, folders, DftSettings(), job)
    script = (tmp_path / "job_array.sh").read_text()
    for line in (
        "#SBATCH --array=0-999%50",
        "#SBATCH --job-name=Br_on_I",
        "#SBATCH --partition=long",
        "#SBATCH --mem=64G",
        "# 2500 folders in 1000 tasks, 3 each at most",
        "module load vasp/6.4",
        "[ -n \"${COMMAND:-}\" ] || COMMAND='srun vasp_std'",
    ):
        assert line in script.splitlines()
    assert os.access(tmp_path / "job_array.sh", os.X_OK)
    (tmp_path / "run_one.sh").write_text("mine")
    assert [path.name for path in write_scripts(tmp_path, folders[:2], DftSettings(), job)] == ["folders.txt"]
    assert (tmp_path / "run_one.sh").read_text() == "mine"
