from __future__ import annotations

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write
from toy_calculators import Pairs

import matganip as mg
from matganip.configurations.codec import occupation_texts
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.exchange import check_export, export_labels, import_labels
from matganip.labels.joining import find_orbits
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


def table_of(path, space, rows, extra=""):
    """A table of (orbit, multiplicity, energy)."""
    texts = occupation_texts(next(space.orbits()).occupations)
    head = f"occupation,multiplicity,energy_eV{',calculator' if extra else ''}\n"
    path.write_text(head + "".join(f"{texts[k]},{m},{e}{',' + extra if extra else ''}\n" for k, m, e in rows))
    return path


def test_a_wrong_multiplicity_and_a_second_energy_are_refused(spaces, tmp_path):
    space, database = spaces[1], LabelDatabase(tmp_path / "labels.db")
    right = next(space.orbits()).multiplicity.tolist()
    wrong = table_of(tmp_path / "wrong.csv", space, [(0, right[0], -1.0), (1, 7, -2.0)], "VASP")
    with pytest.raises(mg.InputError, match=f"row 1 says multiplicity 7, its orbit has {right[1]}"):
        import_labels(database, space, wrong)
    twice = table_of(tmp_path / "twice.csv", space, [(0, right[0], -1.0), (0, right[0], -1.5)], "VASP")
    with pytest.raises(mg.InputError, match=r"twice.csv: row 1 and .*twice.csv: row 0 are the same orbit.* by 0.5 eV"):
        import_labels(database, space, twice)
    assert not database.path.exists()
    good = table_of(tmp_path / "good.csv", space, [(0, right[0], -1.0)], "VASP")
    assert import_labels(database, space, good).n_added == 1
    other = table_of(tmp_path / "other.csv", space, [(0, right[0], -1.25), (1, right[1], -2.0)], "VASP")
    with pytest.raises(mg.InputError, match=r"other.csv: row 0 and .*labels.db are the same orbit"):
        import_labels(database, space, other)
    assert len(mg.read_labels(database.path)) == 1


def test_a_table_without_a_calculator_takes_the_one_that_is_named(spaces, tmp_path):
    space = spaces[1]
    multiplicity = next(space.orbits()).multiplicity.tolist()
    path = table_of(tmp_path / "plain.csv", space, [(0, multiplicity[0], -1.0), (1, multiplicity[1], -1.0)])
    with pytest.raises(mg.InputError, match="lacks the column calculator; .* names what computed them"):
        mg.read_labels(path)
    assert mg.read_labels(path, calculator="vasp").calculator == "vasp"
    database = LabelDatabase(tmp_path / "labels.db")
    assert import_labels(database, space, path, calculator="vasp").n_added == 2
    assert [one.calculator for one in database.sets()] == ["vasp"]


@pytest.mark.parametrize("name", ["all.extxyz", "all.db"])
def test_structures_come_with_their_energies(spaces, tmp_path, name):
    """Frames of several compositions, moved and in another order: each gets its orbit, and keeps energy and forces."""
    frames = []
    for space in spaces[:2]:
        for atoms in next(space.orbits()).atoms():
            atoms.calc = Pairs()
            energy, forces = atoms.get_potential_energy(), np.full((len(atoms), 3), 0.25)
            moved = atoms[np.random.default_rng(0).permutation(len(atoms))]
            moved.positions += 1.3
            moved.calc = SinglePointCalculator(moved, energy=energy, forces=forces)
            frames.append(moved)
    if name.endswith("db"):
        with connect(tmp_path / name) as rows:
            for atoms in frames:
                rows.write(atoms)
        with pytest.raises(mg.InputError, match="holds 8 structures, but no label of an orbit; matganip labels import"):
            LabelDatabase(tmp_path / name).contents()
    else:
        write(tmp_path / name, frames)
    joined = find_orbits(spaces, [tmp_path / name])
    assert len(joined.joined) == 8
    assert joined.joined[0]["energy"] == pytest.approx(frames[0].get_potential_energy(), abs=1e-6)
    database = LabelDatabase(tmp_path / "labels.db")
    with pytest.raises(mg.InputError, match="do not say what computed them"):
        import_labels(database, spaces, tmp_path / name)
    found = import_labels(database, spaces[1], tmp_path / name, calculator="toy")
    assert (found.n_rows, found.n_fitting, found.n_added) == (8, 7, 7)
    labelled = database.labelled(spaces[1])
    label(
        next(spaces[1].orbits()), CalculatorChoice("toy_calculators:Pairs"), other := LabelDatabase(tmp_path / "o.db")
    )
    np.testing.assert_allclose(labelled.energy, other.labelled(spaces[1]).energy, atol=1e-6)
    assert database.sets()[0].relaxation == "static"


def test_a_table_that_could_not_be_written_is_refused_first(spaces, cspbi3, tmp_path):
    with pytest.raises(mg.InputError, match="there is no folder"):
        check_export(tmp_path / "none" / "labels.csv", spaces)
    cspbi3.make_supercell([2, 2, 1], in_place=False).to(str(tmp_path / "supercell.vasp"), fmt="poscar")
    with pytest.raises(mg.InputError, match="is another supercell than that of"):
        check_export(tmp_path / "labels.csv", spaces)
