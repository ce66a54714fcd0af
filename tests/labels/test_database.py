from __future__ import annotations

import multiprocessing
import sqlite3
import subprocess
import sys

import ase.db
import numpy as np
import pytest

import matganip as mg
from matganip.labels import sqlite
from matganip.labels.calculation import Calculation, settings_hash
from matganip.labels.database import LabelDatabase, orbit_names, space_name
from matganip.labels.rescue import rescue

SETTINGS = {"model": "toy", "kpts": [2, 2, 2]}


def calculation(space, row, energy=-1.0, **changes):
    structure = space.structure(row)
    forces = np.full((len(structure), 3), 0.25)
    given = {"calculator": "toy", "settings": SETTINGS, "forces": forces, "wall_s": 1.5} | changes
    return Calculation(structure, energy, **given)


def failure(space, row):
    return calculation(space, row, None, forces=None, converged=False, error="RuntimeError: no\n licence")


@pytest.fixture
def filled(tmp_path, space_3of24):
    """A database with all 19 orbits, energies in the order of the stream."""
    database = LabelDatabase(tmp_path / "labels.db")
    for number, row in enumerate(next(space_3of24.orbits()).occupations):
        assert database.add(space_3of24, row, calculation(space_3of24, row, -100 - number / 7))
    return database


def test_what_is_added_comes_back_in_the_order_of_the_orbits(filled, space_3of24):
    labelled = filled.labelled(space_3of24)
    batch = next(space_3of24.orbits())
    assert np.array_equal(labelled.occupations, batch.occupations)
    assert np.array_equal(labelled.multiplicity, batch.multiplicity)
    assert labelled.energy.tolist() == [-100 - number / 7 for number in range(19)]
    assert (labelled.n_atoms, labelled.n_elsewhere) == (40, 0)
    assert not filled.missing(space_3of24, batch.occupations, "toy", SETTINGS).any()


def test_any_member_of_an_orbit_is_the_same_row(filled, space_3of24):
    row = next(space_3of24.orbits()).occupations[4]
    for permutation in space_3of24.site_permutations[::37]:
        member = row[np.argsort(permutation)]
        assert not filled.add(space_3of24, member, calculation(space_3of24, member, -5.0))
    assert len(filled.labelled(space_3of24)) == 19


def test_other_settings_calculators_and_relaxations_are_other_rows(filled, space_3of24):
    row = next(space_3of24.orbits()).occupations[0]
    for changes in ({"settings": {}}, {"calculator": "other"}, {"relaxation": "cell"}):
        assert filled.add(space_3of24, row, calculation(space_3of24, row, -5.0, **changes))
        assert not filled.add(space_3of24, row, calculation(space_3of24, row, -5.0, **changes))
    assert [one.n_rows for one in filled.sets(space_3of24)] == [19, 1, 1, 1]
    with pytest.raises(mg.InputError, match="several labels of .* to choose from, name one: .*toy h"):
        filled.labelled(space_3of24)
    assert len(filled.labelled(space_3of24, "toy", SETTINGS, "static")) == 19
    assert len(filled.labelled(space_3of24, settings=settings_hash(SETTINGS, "cell"))) == 1
    with pytest.raises(mg.InputError, match="no such labels of .*; it has .*other h"):
        filled.labelled(space_3of24, "vasp")


def test_a_result_takes_the_place_of_an_error_and_a_converged_one_of_an_unconverged_one(tmp_path, space_3of24):
    database = LabelDatabase(tmp_path / "labels.db")
    row = next(space_3of24.orbits()).occupations[3]

    def is_missing(**options):
        return bool(database.missing(space_3of24, [row], "toy", SETTINGS, **options)[0])

    assert is_missing()
    assert database.add(space_3of24, row, failure(space_3of24, row))
    assert is_missing()
    assert next(iter(database.failures(space_3of24)))[1:] == ("toy", "error: RuntimeError: no licence")
    with pytest.raises(mg.InputError, match="none of the 1 labels of .* by toy is converged"):
        database.labelled(space_3of24)
    assert database.add(space_3of24, row, calculation(space_3of24, row, -3.0, converged=False))
    assert not is_missing()
    assert is_missing(retry=True)
    assert not database.add(space_3of24, row, failure(space_3of24, row))
    with pytest.raises(mg.InputError, match="is converged"):
        database.labelled(space_3of24)
    assert database.labelled(space_3of24, unconverged=True).energy.tolist() == [-3.0]
    assert database.add(space_3of24, row, calculation(space_3of24, row, -4.0))
    assert not database.add(space_3of24, row, calculation(space_3of24, row, -5.0))
    assert database.labelled(space_3of24).energy.tolist() == [-4.0]
    assert not list(database.failures(space_3of24))


def test_ase_reads_it(filled, space_3of24):
    row = next(space_3of24.orbits()).occupations[0]
    with ase.db.connect(filled.path) as database:
        (found,) = database.select(orbit=orbit_names(row[None])[0], calculator="toy", converged=True)
        assert database.count(space=space_name(space_3of24)) == 19
    assert found.energy == -100
    assert (found.natoms, found.symbols.count("Br")) == (40, 3)
    assert found.toatoms().get_forces()[0].tolist() == [0.25] * 3
    assert found.calculator_parameters == SETTINGS


def test_a_row_that_ase_deletes_is_missing_again(filled, space_3of24):
    rows = next(space_3of24.orbits()).occupations
    with ase.db.connect(filled.path) as database:
        database.delete([3])
    assert filled.missing(space_3of24, rows, "toy", SETTINGS).tolist() == [number == 2 for number in range(19)]


def test_plain_sql_reads_it(filled, space_3of24):
    connection = sqlite3.connect(filled.path)
    query = "SELECT orbit, multiplicity, energy, converged, settings FROM labels ORDER BY energy DESC LIMIT 1"
    first = connection.execute(query).fetchone()
    definition = connection.execute("SELECT definition FROM spaces").fetchall()
    connection.close()
    assert first == ("o" + "0" * 3 + "1" * 21, 24, -100.0, 1, '{"kpts": [2, 2, 2], "model": "toy"}')
    assert len(definition) == 1
    assert '"species"' in definition[0][0]


def test_compositions_keep_apart(filled, cspbi3):
    other = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 2}})
    with pytest.raises(mg.InputError, match="no such labels .*; it has none of this space"):
        filled.labelled(other)
    row = next(other.orbits()).occupations[0]
    filled.add(other, row, calculation(other, row))
    assert filled.labelled(other).n_elsewhere == 19


def _add_all(path, space, first):
    database = LabelDatabase(path)
    rows = next(space.orbits()).occupations
    for number in np.roll(np.arange(19), first).tolist():
        database.add(space, rows[number], calculation(space, rows[number], -100 - number / 7))


def test_processes_that_write_at_once_make_each_row_once(tmp_path, cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 3}})
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_add_all, args=(tmp_path / "labels.db", space, first)) for first in (0, 7)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    with ase.db.connect(tmp_path / "labels.db") as database:
        assert database.count() == 19
    assert LabelDatabase(tmp_path / "labels.db").labelled(space).energy.tolist() == [-100 - n / 7 for n in range(19)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": None}, "either an energy or an error"),
        ({"error": "x"}, "either an energy or an error"),
        ({"energy": float("nan")}, "must be a finite number of at most 1e12, got nan"),
        ({"energy": None, "error": "x"}, "with an error is not converged"),
        ({"forces": np.zeros((39, 3))}, r"\(40, 3\) numbers are needed, got shape \(39, 3\)"),
        ({"relaxation": "all"}, "'all' must be one of static, positions, cell"),
        ({"settings": {"a": object()}}, "must be JSON values"),
        ({"settings": {"a": float("inf")}}, "must be JSON values"),
        ({"calculator": ""}, "needs the name of its calculator"),
    ],
)
def test_a_calculation_that_contradicts_itself_is_refused(space_3of24, changes, message):
    row = next(space_3of24.orbits()).occupations[0]
    with pytest.raises(mg.InputError, match=message):
        calculation(space_3of24, row, **changes)


# -- files that are not as they should be ----------------------------------------------------------------------


def refused(database, space, message):
    """Reading and writing are both refused in one line that names the file."""
    rows = next(space.orbits()).occupations
    for action in (
        lambda: database.missing(space, rows, "toy", SETTINGS),
        lambda: database.add(space, rows[0], calculation(space, rows[0], calculator="new")),
    ):
        with pytest.raises(mg.InputError, match=message) as caught:
            action()
        assert str(caught.value).startswith(str(database.path))
        assert "\n" not in str(caught.value)


def test_no_database_is_named_with_what_it_is(tmp_path, space_3of24):
    (tmp_path / "labels.db").write_text("calculator,energy_eV\n" * 99)
    refused(LabelDatabase(tmp_path / "labels.db"), space_3of24, "is not an SQLite database")


def test_a_folder_is_no_database(tmp_path, space_3of24):
    refused(LabelDatabase(tmp_path), space_3of24, "is a folder; name a file")


def test_another_sqlite_file_is_refused(tmp_path, space_3of24):
    connection = sqlite3.connect(tmp_path / "labels.db")
    connection.execute("CREATE TABLE systems (x)")
    connection.commit()
    connection.close()
    refused(LabelDatabase(tmp_path / "labels.db"), space_3of24, "SQLite database")


def test_a_file_that_was_only_just_begun_is_an_empty_database(tmp_path, space_3of24):
    rows = next(space_3of24.orbits()).occupations
    (tmp_path / "nothing.db").touch()
    with ase.db.connect(tmp_path / "tables.db") as tables:  # a process killed here has made ASE's tables, no more
        assert tables.count() == 0
    for name in ("nothing.db", "tables.db"):
        database = LabelDatabase(tmp_path / name)
        assert database.missing(space_3of24, rows, "toy", SETTINGS).all()
        with pytest.raises(mg.InputError, match="it has none of this space"):
            database.labelled(space_3of24)
        assert database.add(space_3of24, rows[0], calculation(space_3of24, rows[0]))
        assert database.missing(space_3of24, rows, "toy", SETTINGS).sum() == 18


def test_a_damaged_file_is_refused_and_left_alone(filled, space_3of24):
    content = bytearray(filled.path.read_bytes())
    content[4096 : len(content) // 2] = b"\xaa" * (len(content) // 2 - 4096)
    filled.path.write_bytes(content)
    refused(filled, space_3of24, "is damaged; matganip labels rescue")
    assert filled.path.read_bytes() == content


def test_what_can_be_read_of_a_damaged_file_is_rescued(filled, space_3of24, tmp_path):
    content = bytearray(filled.path.read_bytes())
    rows = next(space_3of24.orbits()).occupations
    # A page in the middle of the file is lost.
    page = 4096 * (len(content) // 4096 // 2)
    content[page : page + 4096] = b"\xaa" * 4096
    filled.path.write_bytes(content)
    saved = rescue(filled.path, tmp_path / "rescued.db")
    n_rescued, n_lost = saved.n_rescued, saved.n_lost
    assert n_rescued + n_lost == 19
    assert 10 < n_rescued < 19
    rescued = LabelDatabase(tmp_path / "rescued.db")
    labelled = rescued.labelled(space_3of24)
    assert len(labelled) == n_rescued
    number = {row.tobytes(): i for i, row in enumerate(rows)}
    expected = [-100 - number[row.tobytes()] / 7 for row in labelled.occupations]
    assert labelled.energy.tolist() == expected
    assert rescued.missing(space_3of24, rows, "toy", SETTINGS).sum() == n_lost
    assert filled.path.read_bytes() == content
    with pytest.raises(mg.InputError, match="exists already; name a new file"):
        rescue(filled.path, tmp_path / "rescued.db")


def test_a_folder_that_is_not_there_is_named(tmp_path, space_3of24):
    row = next(space_3of24.orbits()).occupations[0]
    with pytest.raises(mg.InputError, match="there is no folder"):
        LabelDatabase(tmp_path / "none" / "labels.db").add(space_3of24, row, calculation(space_3of24, row))
    with pytest.raises(mg.InputError, match="no such database"):
        LabelDatabase(tmp_path / "none.db").labelled(space_3of24)


def test_a_locked_file_is_waited_for_and_then_named(filled, space_3of24, monkeypatch):
    monkeypatch.setattr(sqlite, "TIMEOUT", 0.2)
    other = sqlite3.connect(filled.path)
    other.execute("BEGIN EXCLUSIVE")
    refused(filled, space_3of24, "another program has held it locked for")
    other.rollback()
    other.close()
    assert len(filled.labelled(space_3of24)) == 19


FULL = """
import resource, sys
import matganip as mg
from test_database import calculation
from matganip.labels.database import LabelDatabase

space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
for row in next(space.orbits()).occupations:
    LabelDatabase(sys.argv[1]).add(space, row, calculation(space, row, calculator="new"))
"""


def test_on_a_full_disk_all_that_was_stored_is_still_there(filled, space_3of24, request):
    limit = filled.path.stat().st_size + 8192
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(filled.path), str(limit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=request.path.parent,
    )
    assert "InputError" in done.stderr.splitlines()[-1]
    assert "all that was stored before is still there" in done.stderr.splitlines()[-1]
    assert filled.labelled(space_3of24, "toy").energy.tolist() == [-100 - number / 7 for number in range(19)]
    rest = filled.missing(space_3of24, next(space_3of24.orbits()).occupations, "new", SETTINGS)
    assert 0 < rest.sum() < 19  # and what it had added before the disk was full
