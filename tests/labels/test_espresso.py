"""Quantum ESPRESSO through ASE, with a program in the place of pw.x that answers with an output of the real one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.labelling import label

# What pw.x 6.7 wrote for this silicon with the settings below.
OUTPUT = Path(__file__).parent / "files" / "espresso.pwo"
STAND_IN = """
import sys
asked = open(sys.argv[sys.argv.index("-in") + 1]).read()
if "nothing.UPF" in asked:
    print("%" * 78, "     Error in routine readpp (1):", "     file nothing.UPF not found", "%" * 78, sep="\\n")
    sys.exit(1)
if "electron_maxstep = 2" in asked:
    print("     convergence NOT achieved after   2 iterations: stopping")
    sys.exit(2)
for wanted in ("ecutwfc          = 12", "Si 28.085 Si.UPF", "2 2 2  0 0 0", "tprnfor          = .true."):
    assert wanted in asked, asked
print(open(OUTPUT).read())
"""


@pytest.fixture
def batch():
    silicon = Structure.from_spacegroup("Fd-3m", Lattice.cubic(5.43), ["Si"], [[0, 0, 0]]).get_primitive_structure()
    return next(mg.ConfigurationSpace(silicon, (1, 1, 1), {"Si": {"C": 0}}).orbits())


def espresso(folder: Path, pseudopotential: str = "Si.UPF", **electrons: int) -> CalculatorChoice:
    (folder / "pw.py").write_text(STAND_IN.replace("OUTPUT", repr(str(OUTPUT))))
    settings = {
        "command": f"{sys.executable} {folder / 'pw.py'}",
        "pseudo_dir": ".",
        "pseudopotentials": {"Si": pseudopotential},
        "kpts": [2, 2, 2],
        "input_data": {"control": {"tprnfor": True}, "system": {"ecutwfc": 12}, "electrons": electrons},
    }
    return CalculatorChoice("espresso", settings)


def test_what_the_program_prints_is_stored(batch, tmp_path):
    database = LabelDatabase(tmp_path / "labels.db")
    assert label(batch, espresso(tmp_path), database).errors == {}
    # -15.61688788 Ry, in ASE's units of Quantum ESPRESSO.
    assert database.labelled(batch.space).energy == pytest.approx([-15.61688788 * 13.605693], abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pseudopotential": "nothing.UPF"}, "exit status 1. Error in routine readpp (1): file nothing.UPF not found"),
        ({"electron_maxstep": 2}, "exit status 2. convergence NOT achieved after 2 iterations: stopping"),
    ],
)
def test_why_it_failed_is_told_in_its_own_words(batch, tmp_path, changes, message):
    (error,) = label(batch, espresso(tmp_path, **changes), tmp_path / "labels.db").errors
    assert error.startswith("CalledProcessError")
    assert error.endswith(message)
