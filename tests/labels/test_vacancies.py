"""Energies per atom count atoms: 4 vacancies on the 24 O sites of SrTiO3 leave 36 of 40."""

from __future__ import annotations

import numpy as np
import pytest
from toy_calculators import Pairs

import matganip as mg
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.exchange import export_labels, import_labels
from matganip.labels.joining import join_structures
from matganip.labels.labelling import label

PAIRS = CalculatorChoice("toy_calculators:Pairs")


@pytest.fixture(scope="module")
def oxide():
    return mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 4}})


@pytest.fixture(scope="module")
def batch(oxide):
    every = next(oxide.orbits())
    return mg.ConfigurationBatch(oxide, every.occupations[::20].copy(), every.multiplicity[::20])


@pytest.fixture(scope="module")
def database(batch, tmp_path_factory):
    database = LabelDatabase(tmp_path_factory.mktemp("oxide") / "labels.db")
    label(batch, PAIRS, database)
    return database


def per_atom(batch):
    """Orbit and energy per atom by the calculator alone: each ASE object counts its own atoms."""
    found = {}
    for row, atoms in zip(batch.occupations, batch.atoms(), strict=True):
        atoms.calc = Pairs()
        assert len(atoms) == 36
        found[row.tobytes()] = atoms.get_potential_energy() / len(atoms)
    return found


def of(labelled):
    return {
        row.tobytes(): energy / labelled.n_atoms
        for row, energy in zip(labelled.occupations, labelled.energy, strict=True)
    }


def test_labels_of_the_database_divide_by_atoms(oxide, batch, database):
    labelled = database.labelled(oxide)
    assert labelled.n_atoms == 36
    assert of(labelled) == pytest.approx(per_atom(batch), abs=1e-12)
    assert of(mg.read_labels(database.path).join(oxide)) == pytest.approx(per_atom(batch), abs=1e-12)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_goes_out_and_comes_in_with_its_energies_per_atom(oxide, batch, database, tmp_path, suffix):
    (kind,) = database.sets()
    table = tmp_path / f"labels.{suffix}"
    export_labels(database, [oxide], table, calculator=kind.calculator, settings_hash=kind.settings_hash)
    assert of(mg.read_labels(table).join(oxide)) == pytest.approx(per_atom(batch), abs=1e-12)
    again = LabelDatabase(tmp_path / "again.db")
    assert import_labels(again, oxide, table).n_added == len(batch)
    assert of(again.labelled(oxide)) == pytest.approx(per_atom(batch), abs=1e-12)
    if suffix == "parquet":
        (row,) = [one for one in again.sets() if one.n_converged == len(batch)]
        assert row.settings == kind.settings


def test_structures_with_vacancies_are_joined(oxide, batch):
    moved = [one.translate_sites(range(36), [0.21, 0.4, 0.07]) for one in batch.structures()]
    assert np.array_equal(join_structures(oxide, moved).occupations, batch.occupations)
