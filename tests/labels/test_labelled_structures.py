"""Labelled structures from the files in which they come."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write

import matganip as mg
from matganip.errors import InputError


@pytest.fixture
def frames():
    found = []
    for n, energy in ((1, -1.0), (2, -2.5), (3, -4.5)):
        atoms = bulk("Ag", cubic=False) * (n, 1, 1)
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
        found.append(atoms)
    return found


@pytest.mark.parametrize("name", ["labels.extxyz", "labels.traj"])
def test_frames_keep_the_energy_of_their_calculator(frames, tmp_path, name):
    write(tmp_path / name, frames)
    labels = mg.read_structures(tmp_path / name)
    assert labels.energy.tolist() == [-1.0, -2.5, -4.5]
    assert [len(one) for one in labels.structures] == [1, 2, 3]


def test_a_database_with_a_property_per_atom(frames, tmp_path):
    with connect(tmp_path / "labels.db") as database:
        for atoms in frames:
            database.write(atoms, mixing=0.5)
    assert mg.read_structures(tmp_path / "labels.db").energy.tolist() == [-1.0, -2.5, -4.5]
    labels = mg.read_structures(tmp_path / "labels.db", energy="mixing", per_atom=True)
    assert labels.energy.tolist() == [0.5, 1.0, 1.5]
    assert labels.names[2] == "row 3"


def test_a_row_without_the_property_is_named(frames, tmp_path):
    with connect(tmp_path / "labels.db") as database:
        database.write(frames[0], mixing=0.5)
        database.write(frames[1])
    with pytest.raises(InputError, match="row 2 has no 'mixing'"):
        mg.read_structures(tmp_path / "labels.db", energy="mixing")


def test_a_database_without_energies_tells_its_keys(frames, tmp_path):
    frames[0].calc = None
    with connect(tmp_path / "labels.db") as database:
        database.write(frames[0], mixing=0.5, gap=1.0)
    with pytest.raises(InputError, match="name one of its keys: gap, mixing"):
        mg.read_structures(tmp_path / "labels.db")


@pytest.mark.parametrize("text", ["", "no structure at all\n"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "labels.extxyz").write_text(text)
    with pytest.raises(InputError, match=r"labels\.extxyz"):
        mg.read_structures(tmp_path / "labels.extxyz")


def test_a_missing_file_and_a_folder_without_runs(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        mg.read_structures(tmp_path / "none.db")
    with pytest.raises(InputError, match="holds no labelled structure"):
        mg.read_structures(tmp_path)


def test_objects_and_energies_must_be_as_many(frames):
    labels = mg.LabelledStructures.of(frames, [1.0, 2.0, 3.0])
    assert np.array_equal(labels.energy, [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match="3 structures, but 2 energies"):
        mg.LabelledStructures.of(frames, [1.0, 2.0])
    with pytest.raises(InputError, match="structure 1 has no finite energy"):
        mg.LabelledStructures.of(frames, [1.0, np.nan, 2.0])
