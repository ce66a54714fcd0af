"""Readers of outputs, on genuine ones: VASP 5.3 to 6.3, GPAW, Quantum ESPRESSO."""

from __future__ import annotations

import gzip
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from vasp_outputs import from_ase, from_parsevasp

from matganip.crystal.structures import read_structure
from matganip.labels.dft.ase_output import is_gpaw_text
from matganip.labels.dft.checks import differences
from matganip.labels.dft.outputs import output_of, read_run
from matganip.labels.dft.run import OutputError, Run
from matganip.labels.dft.settings import DftSettings


def put(folder: Path, **content: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, data in content.items():
        (folder / name).write_bytes(data)
    return folder


def read(folder: Path) -> Run:
    return read_run(folder, sorted(path.name for path in folder.iterdir()))


def refused(folder: Path) -> str:
    with pytest.raises(OutputError) as error:
        read(folder)
    return str(error.value)


# -- VASP ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compressed", [False, True])
def test_a_vasprun_xml(tmp_path, compressed):
    xml = from_ase("vasprun_dfpt.xml")
    name, data = ("vasprun.xml.gz", gzip.compress(xml)) if compressed else ("vasprun.xml", xml)
    run = read(put(tmp_path, **{name: data}))
    assert (run.code, run.program, run.converged, run.n_steps) == ("vasp", "vasp 6.3.2", True, 0)
    assert run.energy == pytest.approx(-6.74587304, abs=1e-8)
    assert run.structure.composition.formula == "Na1 Cl1"
    assert run.forces.shape == (2, 3)
    assert (run.found["kpoints"], run.found["gamma"], run.found["potcar"]) == ([3, 3, 3], True, ["Na", "Cl"])
    keys = run.found["incar"]
    assert (keys["ENCUT"], keys["GGA"], keys["EDIFF"], keys["ISMEAR"]) == (400, "PE", 1e-8, 0)


def test_the_functional_of_the_potcars_where_the_incar_names_none(tmp_path):
    run = read(put(tmp_path, **{"vasprun.xml": from_ase("vasprun_pstress.xml")}))
    assert (run.found["incar"]["GGA"], run.found["kpoints"], run.found["gamma"]) == ("CA", [4, 4, 4], False)
    run = read(put(tmp_path, **{"vasprun.xml": from_parsevasp("basic.xml")}))
    assert (run.found["incar"]["GGA"], run.found["incar"]["ENCUT"]) == ("PE", 245.345)


def test_an_energy_is_the_one_extrapolated_to_no_smearing_in_both_files(tmp_path):
    run = read(put(tmp_path, **{"vasprun.xml": from_ase("vasprun_pstress.xml")}))
    assert run.energy == pytest.approx(-20.24010135, abs=1e-8)  # e_0_energy; without entropy -20.24058451
    run = read(put(tmp_path / "outcar", OUTCAR=from_parsevasp("OUTCAR_MAG")))
    assert run.energy == pytest.approx(-28.41720662, abs=1e-8)  # without entropy -28.41675367


def test_a_truncated_xml_is_named_and_outcar_stands_in(tmp_path):
    xml = from_ase("vasprun_dfpt.xml")
    for share in (0.1, 0.5, 0.99):
        folder = put(tmp_path, **{"vasprun.xml": xml[: int(share * len(xml))]})
        assert refused(folder).startswith("vasprun.xml is cut off or damaged (still running, or killed?)")
    assert refused(folder).endswith("and there is no OUTCAR")
    put(tmp_path, **{"vasprun.xml": b"", "vasprun.xml.gz": b""})
    assert "cut off" in refused(folder)
    run = read(put(tmp_path, OUTCAR=from_parsevasp("OUTCAR.converged")))
    assert run.converged
    assert "cut off" in run.notes[0]
    assert run.notes[0].endswith("read from OUTCAR")
    compressed = gzip.compress(xml)
    only = put(tmp_path / "gz", **{"vasprun.xml.gz": compressed[: len(compressed) // 2]})
    assert "cut off" in refused(only)


@pytest.mark.parametrize(
    ("name", "electronic", "ionic", "n_steps", "energy"),
    [
        ("OUTCAR.converged", True, True, 8, -10.84171139),
        ("OUTCAR.not-converged", True, False, 2, -3.64854068),
        ("OUTCAR.nelm-breach-consistent", False, False, 5, -10.67704639),
        ("OUTCAR.nelm-breach-partial", True, False, 5, -10.53653116),
        ("OUTCAR_MAG_SINGLE", True, True, 0, -7.70462057),
    ],
)
def test_an_outcar(tmp_path, name, electronic, ionic, n_steps, energy):
    run = read(put(tmp_path, OUTCAR=from_parsevasp(name)))
    assert (run.program, run.electronic, run.ionic, run.n_steps) == ("vasp 5.4.4", electronic, ionic, n_steps)
    assert run.energy == pytest.approx(energy, abs=1e-8)
    assert run.forces.shape == (len(run.structure), 3)
    assert ("NELM" in run.why, "EDIFFG" in run.why) == (not electronic, not ionic)
    assert run.wall_s > 1


@pytest.mark.parametrize("key", [b"NELM", b"NSW"])
def test_an_outcar_without_its_numbers_of_steps_is_refused(tmp_path, key):
    text = from_parsevasp("OUTCAR.converged")
    assert key in text
    assert "does not say NELM and NSW" in refused(put(tmp_path, OUTCAR=text.replace(key, b"NONE")))


@pytest.mark.parametrize("name", ["OUTCAR.crashed", "OUTCAR.unfinished"])
def test_an_outcar_without_an_end(tmp_path, name):
    said = refused(put(tmp_path, **{"OUTCAR.gz": gzip.compress(from_parsevasp(name))}))
    assert said == "vasprun.xml is missing; OUTCAR.gz does not come to its end (still running, or killed?)"


def test_an_electronic_loop_that_used_up_its_iterations(tmp_path):
    run = read(put(tmp_path, **{"vasprun.xml": from_parsevasp("overflow.xml")}))
    assert (run.electronic, run.converged) == (False, False)
    assert run.why == "the electronic loop of the last step used up its 60 iterations (NELM)"


def test_outputs_that_hold_no_energy_or_do_not_parse_are_named(tmp_path):
    assert "holds no energy" in refused(put(tmp_path, **{"vasprun.xml": from_parsevasp("gw.xml")}))
    assert "does not parse: ValueError" in refused(put(tmp_path, **{"vasprun.xml": from_parsevasp("basicrelax.xml")}))
    assert "does not parse" in refused(put(tmp_path, **{"vasprun.xml": b"<html>404</html>"}))


# -- the checks ----------------------------------------------------------------------------------------------------

GOOD = {
    "encut": 400.0,
    "kpoints": (3, 3, 3),
    "incar": {"SIGMA": 0.1, "LASPH": False},
    "potcar": {"Na": "Na"},
}


def complaints(run: Run, n_atoms: int = 2, **changes: object) -> list[str]:
    settings = DftSettings(**{**GOOD, **changes})
    return differences(settings.asked(run.structure), run, settings.relaxation, n_atoms)


def test_settings_of_a_genuine_run_are_compared(tmp_path):
    run = read(put(tmp_path, **{"vasprun.xml": from_ase("vasprun_dfpt.xml")}))
    assert complaints(run) == []
    for changes, said in [
        ({"encut": 550.0}, ["ENCUT 400.0, asked 550.0"]),
        ({"kpoints": (2, 2, 2)}, ["k-points 3x3x3, asked 2x2x2"]),
        ({"potcar": {}}, ["POTCAR Na, asked Na_pv"]),
        ({"relaxation": "cell"}, ["it was not relaxed, as was asked for"]),
        ({"ediff_per_atom": 1e-10}, ["EDIFF 1e-08, asked 2e-10"]),
        ({"incar": {**GOOD["incar"], "GGA": "PS"}}, ["GGA PE, asked PS"]),
        ({"incar": {**GOOD["incar"], "METAGGA": "R2SCAN"}}, ["METAGGA None, asked R2SCAN"]),
        ({"incar": {**GOOD["incar"], "LHFCALC": True, "HFSCREEN": 0.2}}, ["LHFCALC False, asked True", "HFSCREEN 0.0"]),
        (
            {"incar": {"SIGMA": 0.05, "ISPIN": 2}},
            ["ISPIN 1, asked 2", "SIGMA 0.1, asked 0.05", "LASPH False, asked True"],
        ),
    ]:
        found = complaints(run, **changes)
        assert [one[: len(start)] for one, start in zip(found, said, strict=True)] == said


def test_a_functional_that_was_not_asked_for_is_told(tmp_path):
    run = read(put(tmp_path, **{"vasprun.xml": from_ase("vasprun_dfpt.xml")}))
    run.found["incar"] |= {"LDAU": True, "IVDW": 12}
    assert complaints(run) == ["LDAU True, asked False", "IVDW 12, asked 0"]


def test_relaxations_are_compared(tmp_path):
    run = read(put(tmp_path, OUTCAR=from_parsevasp("OUTCAR.converged"), KPOINTS=b"k\n0\nMonkhorst\n4 4 4\n0 0 0\n"))
    given = {"encut": 300.0, "kpoints": (4, 4, 4), "incar": {"LREAL": True}, "potcar": {}, "relaxation": "positions"}
    assert complaints(run, **given) == [
        "k-points away from Gamma, asked with their centre there",
        "EDIFFG 0.05, asked -0.01",
    ]
    run.found["gamma"] = True
    assert complaints(run, **{**given, "relaxation": "cell"}) == ["ISIF 2, asked 3"]
    assert complaints(run, **{**given, "relaxation": "static"}) == ["it was relaxed, asked for a single point"]


# -- GPAW, Quantum ESPRESSO, ASE -------------------------------------------------------------------------------------


def test_gpaws_text(tmp_path):
    text = (files("ase.test") / "testdata" / "gpaw_expected_text_output").read_text()
    folder = put(tmp_path, **{"gpaw.txt": text.encode()})
    assert is_gpaw_text(folder / "gpaw.txt")
    assert output_of(folder, ["gpaw.txt"]) == "gpaw"
    run = read(folder)
    assert (run.code, run.program, run.electronic, run.ionic) == ("gpaw", "gpaw 20.1.1b1", True, None)
    assert run.energy == pytest.approx(-6.707307, abs=1e-6)
    cut = text[: text.index("Converged after")]
    assert "did not converge, or was killed" in refused(put(tmp_path, **{"gpaw.txt": cut.encode()}))


def test_pwscfs_text(tmp_path):
    from ase.test.fio.test_espresso import pw_output_text  # a genuine vc-relax, its other lines left out

    pwi = b"K_POINTS automatic\n3 3 3  0 0 0\n"
    run = read(put(tmp_path, **{"espresso.pwo": pw_output_text.encode(), "espresso.pwi": pwi}))
    assert (run.code, run.program, run.converged, run.n_steps) == ("espresso", "espresso 5.3.0", True, 2)
    assert run.energy == pytest.approx(-509.83806077 * 13.605693, rel=1e-6)
    assert run.found["encut"] == pytest.approx(144 * 13.605693, rel=1e-6)
    files_of = {"Fe": "Fe.upf", "H": "H.upf"}
    asked = DftSettings("espresso", "cell", encut=run.found["encut"], kpoints=(3, 3, 3), pseudopotentials=files_of)
    assert differences(asked.asked(run.structure), run, "cell", 3) == []
    coarse = DftSettings("espresso", "static", kpoints=(2, 2, 2), pseudopotentials=files_of)
    assert differences(coarse.asked(run.structure), run, "static", 3) == [
        "k-points 3x3x3, asked 2x2x2",
        "cut-off 1959.2 eV, asked 550.0",
        "it was relaxed, asked for a single point",
    ]
    unconverged = pw_output_text.replace("convergence has been achieved in  23", "convergence NOT achieved after 100")
    run = read(put(tmp_path, **{"espresso.pwo": unconverged.encode()}))
    assert (run.electronic, run.why) == (False, "the last electronic loop did not converge")
    start = pw_output_text[: pw_output_text.index("Cartesian axes")]
    stopped = f"{start}convergence NOT achieved after   2 iterations: stopping\n   JOB DONE.\n".encode()
    said = refused(put(tmp_path, **{"espresso.pwo": stopped}))
    assert said.startswith("the last electronic loop did not converge; espresso.pwo does not parse")
    cut = pw_output_text[: pw_output_text.index("Begin final")].encode()
    assert "does not come to its end" in refused(put(tmp_path, **{"espresso.pwo": cut}))
    stopped = b" Program PWSCF v.6.7 starts\n %%%%\n     Error in routine readpp (1):\n     file Si.UPF not found\n"
    assert "stopped in readpp (1): file Si.UPF not found" in refused(put(tmp_path, **{"espresso.pwo": stopped}))


@pytest.mark.parametrize("name", ["relax.traj", "result.json"])
def test_ases_files(tmp_path, name):
    atoms = Atoms("NaCl", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=np.eye(3) * 4, pbc=True)
    images = []
    for energy in (-6.0, -6.5):
        image = atoms.copy()
        image.calc = SinglePointCalculator(image, energy=energy, forces=np.full((2, 3), 0.001))
        image.calc.name = "gpaw"
        images.append(image)
    write(tmp_path / name, images)
    run = read(tmp_path)
    assert (run.energy, run.ionic, run.code) == (-6.5, None, "gpaw")
    assert read_structure(run.structure).composition.formula == "Na1 Cl1"
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:50])
    assert f"{name} does not parse (cut off?)" in refused(tmp_path)


def test_our_own_json_files_are_no_outputs(tmp_path):
    (tmp_path / "orbit.json").write_text(json.dumps({}))
    assert output_of(tmp_path, ["orbit.json", "dft.json", "POSCAR"]) == ""
    with pytest.raises(OutputError, match="no output is there"):
        read_run(tmp_path, ["orbit.json"])
