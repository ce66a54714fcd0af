"""`matganip label`: one command that may be killed, started twice, and started again."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_study import EXAMPLE
from typer.testing import CliRunner

import matganip as mg
from matganip.cli.label import parse_setting
from matganip.cli.main import app
from matganip.labels.choosing import chosen_orbits
from matganip.labels.database import LabelDatabase
from matganip.labels.tables import shipped_tables
from matganip.workflows.labelling import read_label_study

CIF = EXAMPLE / "CsPbI3.cif"
ROOM = Path(__file__).parents[1] / "labels"  # where the toy calculators are
SHIPPED = Path(mg.__file__).parent / "labels" / "data"


def options(database: Path, *more: object) -> list[str]:
    given = ["label", CIF, "-s", "2,2,2", "-x", "I:Br=3", "-c", "toy_calculators:Pairs", "-d", database, *more]
    return [str(one) for one in given]


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return line.removeprefix("matganip: error: ")


# A shell that runs tests in the background lets its children ignore SIGINT; a user's Ctrl-C is not ignored.
INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from matganip.cli.main import main; main()"
)


def start(
    *arguments: str, main: str = "from matganip.cli.main import main; main()", **variables: str
) -> subprocess.Popen[str]:
    """The real command, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOM)} | variables
    command = [sys.executable, "-c", main, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def rows(database: Path) -> dict[str, float]:
    if not database.exists():
        return {}
    connection = sqlite3.connect(database, timeout=60)
    try:
        found = connection.execute("SELECT orbit, energy FROM labels").fetchall()
    except sqlite3.OperationalError:  # the file is there, its tables not yet
        found = []
    finally:
        connection.close()
    assert len(dict(found)) == len(found)
    return dict(found)


def test_labels_are_stored_and_told_of(tmp_path, space_3of24):
    printed = invoke(*options(tmp_path / "labels.db", "-j", 0))
    assert "Pairs" in printed
    assert "Cs8 Pb8 Br3 I21" in printed
    assert len(rows(tmp_path / "labels.db")) == 19
    again = json.loads(invoke(*options(tmp_path / "labels.db", "-j", 0, "--json")))
    assert (again["labelled_before"], again["labelled_now"]) == (19, 0)


def test_a_dry_run_stores_nothing(tmp_path):
    printed = invoke(*options(tmp_path / "labels.db", "--setting", "nap=0.02", "-j", 2, "--dry-run"))
    assert "19 of 19 orbits are missing, " in printed
    assert "nothing was stored" in printed
    assert list(tmp_path.iterdir()) == []
    told = json.loads(invoke(*options(tmp_path / "labels.db", "--setting", "nap=0.02", "--dry-run", "--json", "-j", 2)))
    assert told["missing"] == 19
    assert told["seconds"] == pytest.approx(told["seconds_an_orbit"] * 19 / 2)


def test_a_dry_run_adds_compositions_up(tmp_path):
    asked = options(tmp_path / "labels.db", "-j", 0, "--dry-run")
    asked[asked.index("I:Br=3")] = "I:Br=0-2"
    assert "Together: 9 orbits are missing, about " in invoke(*asked)


def test_a_table_is_written_beside(tmp_path, space_3of24):
    invoke(*options(tmp_path / "labels.db", "-j", 0, "--export", tmp_path / "labels.csv"))
    joined = mg.read_labels(tmp_path / "labels.csv").join(space_3of24)
    assert sorted(joined.energy) == sorted(rows(tmp_path / "labels.db").values())


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> dict[str, float]:
    database = tmp_path_factory.mktemp("whole") / "labels.db"
    invoke(*options(database, "-j", 0))
    return rows(database)


def test_killed_thrice_and_started_again_it_ends_with_the_same_rows(tmp_path, uninterrupted):
    database = tmp_path / "labels.db"
    slowly = options(database, "-j", "2")
    slowly[slowly.index("toy_calculators:Pairs")] = "toy_calculators:Slow"
    (tmp_path / "tmp").mkdir()
    for least in (3, 7, 12):
        wanted = max(least, len(rows(database)) + 1)  # killed at work, not while it starts
        process = start(*slowly, TMPDIR=str(tmp_path / "tmp"))
        deadline = time.monotonic() + 60
        while len(rows(database)) < wanted:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert 12 <= len(rows(database)) < 19
    process = start(*slowly)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert rows(database) == pytest.approx(uninterrupted, abs=1e-9)
    deadline = time.monotonic() + 30  # workers whose parent was killed clear up before they end, in their own time
    while list((tmp_path / "tmp").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_interruption_keeps_what_is_stored_and_leaves_nothing_behind(tmp_path, uninterrupted):
    database = tmp_path / "labels.db"
    asked = options(database, "-j", "2")
    asked[asked.index("toy_calculators:Pairs")] = "toy_calculators:Slow"
    (tmp_path / "tmp").mkdir()
    with start(*asked, main=INTERRUPTIBLE, TMPDIR=str(tmp_path / "tmp")) as process:
        deadline = time.monotonic() + 60
        while len(rows(database)) < 3:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == "matganip: error: interrupted; files that were finished stay, no half-written one was left\n"
    assert list((tmp_path / "tmp").iterdir()) == []
    there = rows(database)
    assert 3 <= len(there) < 19
    assert there == pytest.approx({orbit: uninterrupted[orbit] for orbit in there}, abs=1e-9)


def test_two_at_once_share_the_work(tmp_path, uninterrupted):
    slowly = [*options(tmp_path / "labels.db", "-j", "1", "--json")]
    slowly[slowly.index("toy_calculators:Pairs")] = "toy_calculators:Slow"
    both = [start(*slowly) for _ in range(2)]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert rows(tmp_path / "labels.db") == pytest.approx(uninterrupted, abs=1e-9)
    assert sum(one["labelled_now"] for one in told) == 19  # what both were on counts for the one that stored it
    assert all(one["labelled_now"] + one["labelled_elsewhere"] + one["labelled_before"] == 19 for one in told)


def test_what_fails_is_told_of_after_the_rest_is_done(tmp_path):
    arguments = options(tmp_path / "labels.db", "-j", 0)
    arguments[arguments.index("toy_calculators:Pairs")] = "toy_calculators:OneInTen"
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert "failed: RuntimeError: SCF did not find its way; start again" in result.stderr
    assert len(rows(tmp_path / "labels.db")) == 19


# -- a file of its own -----------------------------------------------------------------------------------------

STUDY = """
name = "toy"

[parent]
formula = "CsPbI3"
a = 6.289

[calculator]
name = "toy_calculators:Pairs"
settings = { decay = 1.4 }
"""
SPACE = "supercell = [2, 2, 2]\nsubstitutions = { I = { Br = [1, 6] } }\n"


def study(folder: Path, text: str = SPACE + STUDY) -> Path:
    (folder / "label.toml").write_text(text)
    return folder / "label.toml"


def test_a_study_file_says_it_all(tmp_path):
    path = study(tmp_path, SPACE + STUDY + "\n[sample]\nnumber = 4\nseed = 2\n")
    told = json.loads(invoke("label", path, "-d", tmp_path / "labels.db", "-j", 0, "--json"))
    assert [one["orbits"] for one in told] == [1, 4]
    (one, four) = LabelDatabase(tmp_path / "labels.db").sets()
    assert (one.n_rows, four.n_rows) == (1, 4)
    assert one.settings == {"decay": 1.4, "program": "toy_calculators of no package"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[calculator]", "[calculators]", "calculators: unknown key; the nearest known key is calculator"),
        ("decay = 1.4", "decay = inf", "settings: must be JSON values"),
        ('name = "toy"', 'name = "toy"\ndatabse = "x.db"', "databse: unknown key; the nearest known key is database"),
        ("Br = [1, 6]", 'Br = "many"', "substitutions.I.Br: should be"),
        ("Br = [1, 6]", "Br = [25]", "substitutions.I: 25 sites asked for, but the supercell has only 24 I sites"),
        ('"toy_calculators:Pairs"', '"gpa"', "calculator.name: 'gpa' is no calculator: neither one of"),
        ("a = 6.289", "", "parent: formula and a belong together"),
    ],
)
def test_a_bad_study_file_is_refused_with_the_first_mistake_first(tmp_path, old, new, message):
    text = SPACE + STUDY
    assert old in text
    path = study(tmp_path, text.replace(old, new))
    result = CliRunner().invoke(app, ["label", str(path), "-j", "0", "-d", str(tmp_path / "labels.db")])
    assert result.exit_code == 2, result.output
    assert message in "".join(result.stderr.splitlines()[:2])
    assert "Traceback" not in result.stderr


def test_bad_options_are_refused(tmp_path):
    assert "--calculator is needed" in refused("label", CIF, "-s", "2,2,2", "-x", "I:Br=3")
    assert "--setting decay: not of the form" in refused(*options(tmp_path / "labels.db", "--setting", "decay"))
    assert "leave them out" in refused("label", study(tmp_path), "-c", "chgnet")
    assert "kind = 'all': input should be 'static'" in refused(*options(tmp_path / "labels.db", "--relax", "all"))
    (tmp_path / "notes.db").write_text("no database\n" * 99)
    assert "notes.db: is not an SQLite database" in refused(*options(tmp_path / "notes.db", "-j", 0))


def test_settings_are_json_or_text():
    assert parse_setting('mode={"name": "pw"}') == ("mode", {"name": "pw"})
    assert parse_setting("xc=PBE") == ("xc", "PBE")


INCOMPLETE = ("cspbi3_br/gpaw_mp4", "cspbi3_br/gpaw_mp4_fixed")
"""Tables whose orbits cost minutes to an hour each: what is there is of those asked for."""


@pytest.mark.parametrize("name", shipped_tables())
def test_the_file_beside_a_shipped_table_asks_for_its_orbits(name):
    described = read_label_study(SHIPPED / f"{name}.toml")
    assert described.calculator.name == name.split("/")[1].split("_")[0]
    number, seed = (described.sample.number, described.sample.seed) if described.sample else (None, 0)
    for space in described.spaces((SHIPPED / name).parent):
        asked = {row.tobytes() for row in chosen_orbits(space, number, seed).occupations}
        table = mg.read_labels(name)
        if name in INCOMPLETE and not len(table.rows_of(space)[0]):
            continue
        there = {row.tobytes() for row in table.join(space).occupations}
        assert there <= asked if name in INCOMPLETE else there == asked
