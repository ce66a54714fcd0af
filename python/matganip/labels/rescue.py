"""Copy what can still be read of a damaged database into a new one."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from matganip.errors import InputError
from matganip.labels.rows import row_name
from matganip.labels.sqlite import writing
from matganip.results.labelling import Rescue


def rescue(damaged: str | os.PathLike[str], target: str | os.PathLike[str]) -> Rescue:
    """Copy the labels that can be read, one by one, into a new database; the damaged one is only read.

    Parameters
    ----------
    damaged : path-like
        The database.
    target : path-like
        The new one.

    Returns
    -------
    Rescue
        Labels that were copied, and rows that cannot be read. Rows that were deleted before are among neither.

    Raises
    ------
    InputError
        If `target` exists already, or not even the header of `damaged` can be read.

    Notes
    -----
    A row is looked up by its number, which reads a handful of the file's pages: damage elsewhere does not matter.
    """
    from ase.db.sqlite import SQLite3Database

    damaged, target = Path(damaged), Path(target)
    if target.exists():
        raise InputError(f"{target}: exists already; name a new file")
    if not damaged.is_file():
        raise InputError(f"{damaged}: no such database")
    n_rescued = n_lost = 0
    source = SQLite3Database(str(damaged), use_lock_file=False, serial=True)
    with closing(sqlite3.connect(f"{damaged.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            ((n_rows,),) = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'systems'").fetchall()
        except (sqlite3.DatabaseError, ValueError) as error:
            raise InputError(f"{damaged}: not even the number of its rows can be read: {error}") from error
        with writing(target) as database:
            new: Any = database.connection
            for definition in _readable(connection, "SELECT space, definition FROM spaces"):
                new.execute("INSERT OR IGNORE INTO spaces VALUES (?, ?)", definition)
            for number in range(1, n_rows + 1):
                try:
                    row = next(source.select(id=number), None)
                    if row is not None:
                        _check(row, *connection.execute("SELECT fmax FROM systems WHERE id = ?", (number,)).fetchone())
                        database.write(row, row.key_value_pairs)
                        n_rescued += 1
                except Exception:  # ASE may raise anything on damaged bytes
                    n_lost += 1
    return Rescue(target, n_rescued, n_lost)


def _check(row: Any, largest: Any) -> None:
    """Compare what a row stores twice: its unique_id is a hash of its keys, its largest force has its own column."""
    of = (row.space, row.orbit, row.calculator, row.settings_hash) if "orbit" in row else None
    if of and row_name(*of) != row.unique_id:
        raise ValueError("its unique_id belongs to another row")
    if row.get("forces") is not None and not np.isclose(np.linalg.norm(row.forces, axis=1).max(), largest):
        raise ValueError("its forces are not those that were stored")


def _readable(connection: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query up to the one that cannot be read."""
    found: list[tuple[Any, ...]] = []
    try:
        found.extend(connection.execute(query))
    except sqlite3.DatabaseError:
        return found
    return found
