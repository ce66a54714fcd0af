"""One SQLite file that several processes write to: transactions, and its errors in plain words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from matganip.errors import InputError

if TYPE_CHECKING:
    from ase.db.sqlite import SQLite3Database

TIMEOUT = 60.0
"""Seconds to wait for another program that writes."""

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS spaces (
        space TEXT PRIMARY KEY,  -- as in the key-value pairs
        definition TEXT NOT NULL -- JSON: parent, supercell, species, counts, atoms_of_sites, sublattices
    )""",
    """CREATE VIEW IF NOT EXISTS labels AS SELECT
        id,
        json_extract(key_value_pairs, '$.space') AS space,
        json_extract(key_value_pairs, '$.orbit') AS orbit,
        json_extract(key_value_pairs, '$.multiplicity') AS multiplicity,
        calculator,
        json_extract(key_value_pairs, '$.settings_hash') AS settings_hash,
        calculator_parameters AS settings,
        json_extract(key_value_pairs, '$.relaxation') AS relaxation,
        json_extract(key_value_pairs, '$.relaxed') AS relaxed,
        json_extract(key_value_pairs, '$.converged') AS converged,
        energy,
        natoms AS n_atoms,
        fmax AS max_force,
        json_extract(key_value_pairs, '$.n_steps') AS n_steps,
        json_extract(key_value_pairs, '$.wall_s') AS wall_s,
        json_extract(key_value_pairs, '$.error') AS error,
        CASE WHEN energy IS NULL THEN 0 WHEN json_extract(key_value_pairs, '$.converged') THEN 2 ELSE 1 END AS quality,
        unique_id
    FROM systems WHERE json_extract(key_value_pairs, '$.orbit') IS NOT NULL""",
)
"""Added to ase.db's own tables: the definitions of the spaces, and the labels as one flat view."""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a connection that reads what other processes have committed.

    Raises
    ------
    InputError
        If the file is locked, damaged, or not an ASE database.
    """
    with _complaining(path), closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", TIMEOUT, uri=True)) as one:
        yield one


def has_labels(connection: sqlite3.Connection) -> bool:
    """Whether the file has the view of labels: one left empty by a killed process, or written by ASE alone, has not."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    if names and not {"systems", "information"} <= names:
        raise sqlite3.OperationalError("no such table: systems")
    return "labels" in names


def n_rows(connection: sqlite3.Connection) -> int:
    """Rows of an ASE database, labels or not."""
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return int(connection.execute("SELECT COUNT(*) FROM systems").fetchone()[0]) if "systems" in names else 0


@contextmanager
def writing(path: Path, durable: bool = True) -> Iterator[SQLite3Database]:
    """Open one transaction on an ASE database: all of it is stored when the context is left, or nothing.

    No other process writes meanwhile. The file is made if it is missing. Unless `durable`, a power cut may damage it.

    Raises
    ------
    InputError
        If the file is locked, damaged, cannot be written, or not an ASE database.
    """
    from ase.db.sqlite import SQLite3Database

    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    # ASE's lock file beside the database would stay behind a killed process; SQLite's own locks do not.
    database = SQLite3Database(str(path), use_lock_file=False, serial=True)
    with _complaining(path), database:
        connection = cast("sqlite3.Connection", database.connection)
        connection.execute(f"PRAGMA busy_timeout = {round(TIMEOUT * 1000)}")
        if not durable:
            connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        database._initialize(connection)  # type: ignore[no-untyped-call] # commits what it makes; a second process that waits finds it made
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            connection.execute(statement)
        yield database


@contextmanager
def _complaining(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into advice; what was committed before stays in any case."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file, as in {path / 'labels.db'}")
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {complaint(error)}") from error


def complaint(error: Exception) -> str:
    """Say in one line what went wrong and what to do.

    Examples
    --------
    >>> complaint(sqlite3.OperationalError("database or disk is full"))
    'the disk is full; free some space and start again, all that was stored before is still there'
    """
    text = " ".join(str(error).split())
    for sign, meaning in _MEANINGS.items():
        if sign in text:
            return meaning
    return f"SQLite says: {text}"


_MEANINGS: dict[str, str] = {
    "disk is full": "the disk is full; free some space and start again, all that was stored before is still there",
    "disk I/O error": "the disk cannot be written or read (is it full, or a network folder that is not mounted?); all "
    "that was stored before is still there",
    "locked": f"another program has held it locked for {TIMEOUT:g} s; end it and start again, all that was "
    "stored before is still there",
    "readonly": "may not be written to; all that was stored before is still there",
    "unable to open": "cannot be opened; is it yours to read?",
    "not a database": "is not an SQLite database; name another file",
    "malformed": "is damaged; matganip labels rescue copies what can still be read into a new one",
    "no such table": "is an SQLite database, but neither ASE nor matganip has written labels to it",
    "no such column": "is an SQLite database of another schema than ASE's",
    "Can not read new ase.db format": "was written by a newer ASE; update ase",
    "Please convert": "was written by an ASE from before 2016; convert it with: python -m ase.db.convert",
}
