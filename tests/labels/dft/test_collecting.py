"""Collecting batches of DFT runs: genuine outputs land on their orbits, and what is not good is named and kept out."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from pymatgen.core import Structure
from pymatgen.io.vasp.outputs import Vasprun
from vasp_outputs import from_ase, from_parsevasp

import matganip as mg
from matganip.labels.database import LabelDatabase
from matganip.labels.dft.collecting import collect
from matganip.labels.dft.inputs import write_inputs
from matganip.labels.dft.settings import DftSettings
from matganip.results.dft import Collected

SODIUM_CHLORIDE = DftSettings(encut=400.0, kpoints=(3, 3, 3), incar={"SIGMA": 0.1, "LASPH": False}, potcar={"Na": "Na"})


def rows(database: LabelDatabase) -> list[tuple[str, float, int]]:
    """Orbit, energy and quality of every row; quality 2 is what a model is trained on."""
    if not database.path.exists():
        return []
    with sqlite3.connect(database.path) as connection:
        return connection.execute("SELECT orbit, energy, quality FROM labels ORDER BY orbit").fetchall()


def told(collected: Collected) -> dict[str, tuple[str, str]]:
    return {one.folder: (one.status, one.why) for one in collected.outcomes}


@pytest.fixture(scope="module")
def nacl() -> Structure:
    """The crystal that ASE's genuine run is of."""
    a = 2.72739551
    return Structure([[0, a, a], [a, 0, a], [a, a, 0]], ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.fixture
def batch(nacl, tmp_path):
    """NaCl and NaBr, one orbit each; and a database."""
    series = mg.CompositionSeries(nacl, (1, 1, 1), {"Cl": {"Br": [0, 1]}})
    root = tmp_path / "runs"
    write_inputs(root, series.orbits(), SODIUM_CHLORIDE)
    return root, series.spaces[0], LabelDatabase(tmp_path / "labels.db")


def folder_of(root: Path, start: str) -> Path:
    (found,) = root.glob(f"{start}*")
    return found


def test_a_genuine_run_of_the_orbit_is_stored_as_good(batch):
    root, space, database = batch
    (folder_of(root, "Na1Cl1") / "vasprun.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
    collected = collect(root, database)
    assert told(collected) == {"Na1Cl1-o1-x1": ("done", ""), "Na1Br1-o1-x1": ("missing", "not run yet")}
    assert rows(database) == [("o1", pytest.approx(-6.74587304, abs=1e-8), 2)]
    labelled = database.labelled(space, "vasp")
    assert labelled.energy.tolist() == [pytest.approx(-6.74587304, abs=1e-8)]
    (kind,) = database.sets(space)
    assert kind.settings == {**SODIUM_CHLORIDE.asked(space.supercell_structure), "program": "vasp 6.3.2"}
    assert collected.n_stored == 1
    again = collect(root, database)
    assert (again.n_stored, again.count("done"), len(rows(database))) == (0, 1, 1)


def test_the_papers_19_orbits_with_outputs_that_are_not_theirs(space_3of24, tmp_path):
    root, database = tmp_path / "runs", LabelDatabase(tmp_path / "labels.db")
    folders = write_inputs(root, space_3of24.orbits(), DftSettings()).folders
    xml = from_ase("vasprun_dfpt.xml")
    (folders[0] / "vasprun.xml").write_bytes(xml)
    (folders[1] / "vasprun.xml").write_bytes(xml[:40000])
    (folders[2] / "vasprun.xml").write_bytes(from_parsevasp("overflow.xml"))
    (folders[3] / "OUTCAR").write_bytes(from_parsevasp("OUTCAR.unfinished"))
    (folders[4] / "vasprun.xml.gz").write_bytes(gzip.compress(from_ase("vasprun_pstress.xml")))
    collected = collect(root, database)
    assert [collected.count(status) for status in ("done", "unconverged", "failed", "missing")] == [0, 0, 5, 14]
    why = [told(collected)[folder.name][1] for folder in folders[:5]]
    assert why[0].startswith("its geometry is not the orbit's: its cell has 40.6 cubic angstrom, the supercell 1989.9")
    assert why[1].startswith("vasprun.xml is cut off or damaged")
    assert why[2].startswith("its geometry is not the orbit's: its cell has")
    assert why[2].endswith("the electronic loop of the last step used up its 60 iterations (NELM)")
    assert "OUTCAR does not come to its end" in why[3]
    assert why[4].startswith("its geometry is not the orbit's")
    assert rows(database) == []
    assert sum(collected.reasons().values()) == 19


def test_truncated_unconverged_and_foreign_runs_of_one_batch(batch, tmp_path):
    root, _, database = batch
    place = folder_of(root, "Na1Cl1")
    xml = from_ase("vasprun_dfpt.xml")
    for name, data in {
        "good": xml,
        "cut": xml[:50000],
        "diamond": from_ase("vasprun_pstress.xml"),
        "stopped": xml.replace(b'name="NELM">   100<', b'name="NELM">    13<'),
        "coarse": xml.replace(b'name="ENMAX">    400.0', b'name="ENMAX">    300.0'),
    }.items():
        (place / name).mkdir()
        (place / name / "vasprun.xml").write_bytes(data)
    collected = collect(root, database)
    found = told(collected)
    assert found.pop(f"{place.name}/good") == ("done", "")
    status, why = found.pop(f"{place.name}/stopped")
    assert (status, why) == ("unconverged", "the electronic loop of the last step used up its 13 iterations (NELM)")
    assert found.pop(f"{place.name}/coarse") == ("failed", "ENCUT 300.0, asked 400.0")
    assert found.pop(f"{place.name}/cut")[1].startswith("vasprun.xml is cut off")
    status, why = found.pop(f"{place.name}/diamond")
    assert (status, why.startswith("its geometry is not the orbit's")) == ("failed", True)
    assert found == {"Na1Br1-o1-x1": ("missing", "not run yet")}
    assert rows(database) == [("o1", pytest.approx(-6.74587304, abs=1e-8), 2)]


def test_an_unconverged_run_of_its_own_crystal_is_stored_as_such(tmp_path):
    xml = tmp_path / "vasprun.xml"
    xml.write_bytes(from_parsevasp("overflow.xml"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crystal = Vasprun(str(xml), parse_dos=False, parse_eigen=False, parse_potcar_file=False).final_structure
    space = mg.ConfigurationSpace(crystal, (1, 1, 1), {"Cl": {"Br": 0}})
    settings = DftSettings(encut=341.2136, kpoints=(2, 2, 1), incar={"GGA": "PS", "SIGMA": 0.01, "LASPH": False})
    root, database = tmp_path / "runs", LabelDatabase(tmp_path / "labels.db")
    (folder,) = write_inputs(root, space.orbits(), settings).folders
    shutil.move(xml, folder / "vasprun.xml")
    (outcome,) = collect(root, database).outcomes
    assert (outcome.status, outcome.stored) == ("unconverged", True)
    assert outcome.why == "the electronic loop of the last step used up its 60 iterations (NELM)"
    assert [row[2] for row in rows(database)] == [1]
    with pytest.raises(mg.InputError, match="none of the 1 labels .* is converged"):
        database.labelled(space)
    assert database.labelled(space, unconverged=True).energy.tolist() == [pytest.approx(-518.37919169, abs=1e-6)]
    assert len(write_inputs(tmp_path / "again", space.orbits(), settings, database=database).folders) == 1


def silicon() -> Structure:
    """The crystal of the genuine relaxations: two Si in a cell of 40.9 cubic angstrom."""
    a = 3.86697465 / np.sqrt(2)
    return Structure([[0, a, a], [a, 0, a], [a, a, 0]], ["Si", "Si"], [[0, 0, 0], [0.25, 0.25, 0.25]])


def test_genuine_relaxations_converged_unconverged_and_killed(tmp_path):
    space = mg.ConfigurationSpace(silicon(), (1, 1, 1), {"Si": {"Ge": 0}})
    settings = DftSettings(relaxation="positions", encut=300, kpoints=(4, 4, 4), incar={"LREAL": True})
    root, database = tmp_path / "runs", LabelDatabase(tmp_path / "labels.db")
    (folder,) = write_inputs(root, space.orbits(), settings).folders
    for name in ("nelm-breach-consistent", "nelm-breach-partial", "unfinished", "crashed", "converged"):
        (folder / name).mkdir()
        (folder / name / "OUTCAR").write_bytes(from_parsevasp(f"OUTCAR.{name}"))
    first = collect(root, database)
    # These runs ended by the change of the energy: their EDIFFG is no force, which is not what was asked for.
    assert told(first)[f"{folder.name}/converged"] == ("failed", "EDIFFG 0.05, asked -0.01")
    assert rows(database) == []
    note = folder / "orbit.json"
    data = json.loads(note.read_text())
    data["settings"]["incar"]["EDIFFG"] = 0.05
    note.write_text(json.dumps(data))
    found = told(collect(root, database))
    assert found[f"{folder.name}/converged"] == ("done", "vasprun.xml is missing; read from OUTCAR")
    for name in ("nelm-breach-consistent", "nelm-breach-partial"):
        status, why = found[f"{folder.name}/{name}"]
        assert status == "unconverged"
        assert "the relaxation ended after 5 steps without reaching EDIFFG" in why
    for name in ("unfinished", "crashed"):
        status, why = found[f"{folder.name}/{name}"]
        assert (status, "does not come to its end" in why) == ("failed", True)
    assert rows(database) == [("o11", pytest.approx(-10.84171139, abs=1e-8), 2)]


def moved_run(space, row, energy, folder, shift=0.0, seed=0, calculator="gpaw"):
    """A run's trajectory, its atoms in random order and its origin moved: what a real code's output may look like."""
    atoms = next(one for number, one in enumerate(next(space.orbits()).atoms()) if number == row)
    generator = np.random.default_rng(seed)
    atoms = atoms[generator.permutation(len(atoms))]
    atoms.translate(generator.uniform(size=3))
    if shift:
        atoms.positions[[atom.symbol for atom in atoms].index("Br")] += [shift, 0, 0]
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.zeros((len(atoms), 3)))
    atoms.calc.name = calculator
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "result.traj", atoms)


def test_folders_moved_and_renamed_and_runs_known_by_their_geometry(space_3of24, tmp_path):
    root, database = tmp_path / "runs", LabelDatabase(tmp_path / "labels.db")
    folders = write_inputs(root, space_3of24.orbits(), DftSettings("gpaw")).folders
    renamed = root / "second try" / "x"
    renamed.parent.mkdir()
    folders[3].rename(renamed)
    moved_run(space_3of24, 3, -3.0, renamed)
    moved_run(space_3of24, 4, -4.0, folders[4] / "below")
    moved_run(space_3of24, 5, -5.0, folders[6])  # another orbit's
    moved_run(space_3of24, 7, -7.0, root / "without a note", seed=3)
    moved_run(space_3of24, 8, -8.0, folders[8], shift=0.8)  # a Br where none belongs
    moved_run(space_3of24, 11, -11.0, folders[11], calculator="chgnetcalculator")
    moved_run(space_3of24, 12, -12.0, folders[12], calculator="unknown")
    shutil.rmtree(folders[9])
    (folders[10] / "orbit.json").write_text("{}")
    moved_run(space_3of24, 10, -10.0, folders[10])
    collected = collect(root, database)
    found = told(collected)
    assert found["second try/x"][0] == found[f"{folders[4].name}/below"][0] == "done"
    assert found["without a note"][0] == "done"
    assert "its orbit is known by its geometry" in found["without a note"][1]
    assert found[folders[6].name] == ("failed", f"its geometry is another orbit's: {folders[5].name.split('-')[1]}")
    assert "(Br) is 0.7" in found[folders[8].name][1]
    assert "orbit.json: is damaged" in found[folders[10].name][1]
    assert found[folders[11].name] == ("failed", "it is a run of chgnetcalculator, asked for gpaw")
    assert found[folders[12].name] == ("failed", "result.traj does not say which program it is of")
    assert found[folders[9].name] == ("missing", "its folder is not here")
    (batch,) = space_3of24.orbits()
    assert sorted(energy for _, energy, _ in rows(database)) == [-7.0, -4.0, -3.0]
    assert database.missing(space_3of24, batch.occupations, "gpaw", kind(database)).nonzero()[0].tolist() == [
        row for row in range(19) if row not in (3, 4, 7)
    ]


def kind(database: LabelDatabase) -> dict[str, object]:
    (one,) = database.sets()
    return one.settings


def test_a_batch_without_any_note_is_known_by_the_study(space_3of24, tmp_path):
    moved_run(space_3of24, 7, -7.0, tmp_path / "runs" / "a", seed=5)
    moved_run(mg.ConfigurationSpace(space_3of24.parent, (2, 2, 2), {"I": {"Br": 2}}), 1, -1.0, tmp_path / "runs" / "b")
    database = LabelDatabase(tmp_path / "labels.db")
    with pytest.raises(mg.InputError, match=r"no orbit.json or dft.json is in it or below"):
        collect(tmp_path / "runs", database)
    settings = DftSettings("gpaw")
    found = told(collect(tmp_path / "runs", database, spaces=[space_3of24], settings=settings))
    assert found["a"][0] == "done"
    assert found["b"][1].startswith("no orbit.json, and its geometry is no arrangement that was asked for: ")
    assert [row[1] for row in rows(database)] == [-7.0]


def test_relaxed_trajectories_are_judged_by_their_forces(space_3of24, tmp_path):
    settings = DftSettings("gpaw", "positions", fmax=0.02)
    root, database = tmp_path / "runs", LabelDatabase(tmp_path / "labels.db")
    folders = write_inputs(root, space_3of24.orbits(), settings).folders
    for row, force in [(0, 0.01), (1, 0.05)]:
        atoms = next(one for number, one in enumerate(next(space_3of24.orbits()).atoms()) if number == row)
        atoms.rattle(0.1, seed=row)
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.full((40, 3), force / np.sqrt(3)))
        atoms.calc.name = "gpaw"
        write(folders[row] / "relax.traj", atoms)
    found = told(collect(root, database))
    assert found[folders[0].name][0] == "done"
    assert found[folders[1].name][0] == "unconverged"
    assert "the largest force is 0.050 eV/angstrom" in found[folders[1].name][1]
    assert sorted(row[2] for row in rows(database)) == [1, 2]


def test_two_runs_of_one_orbit_that_differ(space_3of24, tmp_path):
    root, database = tmp_path / "runs", LabelDatabase(tmp_path / "labels.db")
    folders = write_inputs(root, [space_3of24.unrank(2)], DftSettings("gpaw")).folders
    moved_run(space_3of24, 2, -3.0, folders[0] / "a")
    moved_run(space_3of24, 2, -3.04, folders[0] / "b")
    found = told(collect(root, database))
    assert found[f"{folders[0].name}/a"] == ("done", "result.traj names no settings, nor whether anything converged")
    assert (
        "a second run of this orbit, -1.00 meV/atom off the first; the first counts" in found[f"{folders[0].name}/b"][1]
    )
    assert [row[1] for row in rows(database)] == [-3.0]


def test_what_the_database_has_is_not_missing(batch, tmp_path):
    root, _, database = batch
    (folder_of(root, "Na1Cl1") / "vasprun.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
    collect(root, database)
    shutil.rmtree(folder_of(root, "Na1Cl1"))
    collected = collect(root, database)
    assert (collected.n_labelled, collected.count("missing")) == (1, 1)


@pytest.mark.parametrize("changes", [{"code": "vesp"}, {"relaxation": "all"}, {"settings": {}}, {"orbit": "o5"}, None])
def test_a_damaged_note_is_named_and_its_run_kept_out(batch, changes):
    root, _, database = batch
    folder = folder_of(root, "Na1Cl1")
    (folder / "vasprun.xml").write_bytes(from_ase("vasprun_dfpt.xml"))
    data = json.loads((folder / "orbit.json").read_text())
    (folder / "orbit.json").write_text(json.dumps(data | changes) if changes else "{")
    status, why = told(collect(root, database))[folder.name]
    assert status == "failed"
    assert "orbit.json: is" in why
    assert rows(database) == []
    (folder / "vasprun.xml").unlink()
    assert told(collect(root, database))[folder.name][0] == "missing"


def test_bad_input_is_refused(batch, tmp_path):
    root, _, database = batch
    with pytest.raises(mg.InputError, match="no such folder"):
        collect(tmp_path / "nowhere", database)
    (root / "dft.json").write_text("[]")
    with pytest.raises(mg.InputError, match="dft.json: does not hold a JSON object"):
        collect(root, database)


if find_spec("gpaw"):

    @pytest.mark.slow
    def test_gpaws_own_runs_end_to_end(nacl, tmp_path):
        """Written, run by the script that is written, collected: a single point, a relaxation, one cut short."""
        space = mg.ConfigurationSpace(nacl, (1, 1, 1), {"Cl": {"Br": 0}})
        database = LabelDatabase(tmp_path / "labels.db")
        given = {"encut": 250.0, "kpoints": (2, 2, 2), "fmax": 0.05}
        for name, settings in {
            "static": DftSettings("gpaw", **given),
            "cell": DftSettings("gpaw", "cell", max_steps=1, **given),
            "stopped": DftSettings("gpaw", gpaw={"maxiter": 3}, **given),
        }.items():
            root = tmp_path / name
            write_inputs(root, space.orbits(), settings)
            environment = os.environ | {"COMMAND": f"{sys.executable} run.py", "OMP_NUM_THREADS": "1"}
            subprocess.run(["bash", root / "run_all.sh"], env=environment, check=False, capture_output=True)
        (static,) = collect(tmp_path / "static", database).outcomes
        (cell,) = collect(tmp_path / "cell", database).outcomes
        (stopped,) = collect(tmp_path / "stopped", database).outcomes
        assert (static.status, static.source, cell.status) == ("done", "gpaw.gpw", "unconverged")
        assert cell.why == "the relaxation used up its 1 steps"
        assert (stopped.status, stopped.why) == (
            "failed",
            "gpaw.txt: the last electronic loop did not converge, or was killed (3 iterations)",
        )
        assert sorted(row[2] for row in rows(database)) == [1, 2]
