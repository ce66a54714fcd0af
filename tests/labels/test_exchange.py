from __future__ import annotations

import numpy as np
import pytest
from toy_calculators import Pairs

import matganip as mg
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.exchange import export_labels, import_labels
from matganip.labels.labelling import label
from matganip.labels.relaxing import RelaxationSettings
from matganip.labels.sqlite import reading
from matganip.labels.tables import shipped_tables

LJ = CalculatorChoice("ase.calculators.lj:LennardJones", {"sigma": 2.4, "epsilon": 0.05, "rc": 6.0, "smooth": True})


@pytest.fixture(scope="module")
def spaces(cspbi3):
    return mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": [0, 2, 22]}}).spaces


@pytest.fixture
def filled(tmp_path, spaces):
    database = LabelDatabase(tmp_path / "labels.db")
    for space in spaces:
        label(next(space.orbits()), CalculatorChoice("toy_calculators:Pairs"), database)
    return database


def exported(database, spaces, path):
    one = database.sets(spaces[0])[0]
    return export_labels(
        database, spaces, path, calculator=one.calculator, settings_hash=one.settings_hash, title="Toy"
    ).n_rows


def rows_of(database):
    query = """SELECT labels.space, orbit, labels.calculator, settings, relaxation, converged, n_steps, labels.energy,
        numbers, positions, cell, forces FROM labels JOIN systems USING (id) ORDER BY labels.space, orbit"""
    with reading(database.path) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_several_compositions_comes_back_as_it_went(filled, spaces, tmp_path, suffix):
    (tmp_path / "table").mkdir()
    path = tmp_path / "table" / f"labels.{suffix}"
    assert exported(filled, spaces, path) == 15
    table = mg.read_labels(path)
    assert table.calculator == "Toy"
    for space in spaces:
        labelled, there = table.join(space), filled.labelled(space)
        assert np.array_equal(labelled.occupations, there.occupations)
        assert np.array_equal(labelled.energy, there.energy)
    other = LabelDatabase(tmp_path / "other.db")
    assert import_labels(other, spaces, path).n_added == 15
    assert import_labels(other, spaces, path).n_added == 0
    before, after = rows_of(filled), rows_of(other)
    assert [row[:8] for row in before] == [row[:8] for row in after]
    for one, two in zip(before, after, strict=True):
        assert one[8] == two[8]
        assert np.frombuffer(one[9]) == pytest.approx(np.frombuffer(two[9]), abs=1e-9)
        assert np.array_equal(one[10], two[10])
        assert (two[11] is None) == (suffix == "csv")
        if two[11] is not None:
            assert np.array_equal(one[11], two[11])


def test_a_database_reads_as_a_table_does(filled, spaces):
    table = mg.read_labels(filled.path)
    assert len(table) == 15
    for space in spaces:
        assert np.array_equal(table.join(space).energy, filled.labelled(space).energy)
    label(next(spaces[0].orbits()), CalculatorChoice("toy_calculators:Pairs", {"decay": 1.0}), filled)
    with pytest.raises(mg.InputError, match="one choice of settings are needed, it has toy_calc.* and toy_calc"):
        mg.read_labels(filled.path)


def test_relaxed_geometries_travel_by_parquet(spaces, tmp_path):
    database = LabelDatabase(tmp_path / "labels.db")
    label(spaces[1], LJ, database, relax=RelaxationSettings(kind="cell", fmax=0.01, max_steps=2))
    (one,) = database.sets()
    assert (one.n_rows, one.n_converged) == (7, 0)
    path = tmp_path / "labels.parquet"
    export_labels(
        database,
        [spaces[1]],
        path,
        calculator=one.calculator,
        settings_hash=one.settings_hash,
        unconverged=True,
    )
    other = LabelDatabase(tmp_path / "other.db")
    assert import_labels(other, spaces[1], path).n_added == 7
    assert other.sets() == database.sets()
    ideal = spaces[1].supercell_structure.lattice.matrix
    for one, two in zip(rows_of(database), rows_of(other), strict=True):
        assert np.frombuffer(two[10]).reshape(3, 3) == pytest.approx(np.frombuffer(one[10]).reshape(3, 3), abs=1e-12)
        assert not np.allclose(np.frombuffer(two[10]).reshape(3, 3), ideal)


def test_vacancies_and_two_sublattices_travel(cspbi3, tmp_path):
    space = mg.ConfigurationSpace(cspbi3, (2, 1, 1), {"I": {"Br": 1, "vac": 1}, "Pb": {"Sn": 1}})
    database = LabelDatabase(tmp_path / "labels.db")
    label(next(space.orbits()), CalculatorChoice("toy_calculators:Pairs"), database)
    exported(database, [space], tmp_path / "labels.csv")
    joined = mg.read_labels(tmp_path / "labels.csv").join(space)
    assert np.array_equal(joined.energy, database.labelled(space).energy)
    atoms = next(next(space.orbits()).atoms())
    atoms.calc = Pairs()
    assert joined.energy[0] == pytest.approx(atoms.get_potential_energy(), abs=1e-9)


@pytest.mark.parametrize("name", [name for name in shipped_tables() if name.endswith(("X3of24", "mp2"))])
def test_shipped_tables_import(space_3of24, tmp_path, name):
    database = LabelDatabase(tmp_path / "labels.db")
    assert import_labels(database, space_3of24, name, calculator="x", settings={"table": name}).n_added == 19
    labelled = database.labelled(space_3of24)
    assert np.array_equal(labelled.energy, mg.read_labels(name).join(space_3of24).energy)


def test_what_cannot_be_written_is_refused(filled, spaces, cspbi3, tmp_path):
    with pytest.raises(mg.InputError, match=r"written as \.csv or \.parquet"):
        exported(filled, spaces, tmp_path / "labels.txt")
    with pytest.raises(mg.InputError, match="no such labels; it has toy_calculators:Pairs"):
        export_labels(filled, spaces, tmp_path / "labels.csv", calculator="nobody", settings_hash="h0")
    cspbi3.make_supercell([2, 2, 1], in_place=False).to(str(tmp_path / "supercell.vasp"), fmt="poscar")
    with pytest.raises(mg.InputError, match="is another supercell than that of"):
        exported(filled, spaces, tmp_path / "labels.csv")
