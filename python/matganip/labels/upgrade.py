"""Databases of version 0.1, whose space keys did not include the symmetry: rows are renamed once, in place."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import cast

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import damaged
from matganip.labels.rows import row_name, space_name
from matganip.labels.sqlite import writing

_OLD = "SELECT space, definition FROM spaces WHERE json_extract(definition, '$.symprec') IS NULL"


def upgrade(path: Path) -> int:
    """Give the labels of a database of version 0.1 the keys that their spaces have now.

    The energies belong to arrangements and stay as they are. Nothing happens to a database that is up to date, and
    nothing to a file that cannot be read: whoever reads it next says why.

    Parameters
    ----------
    path : pathlib.Path
        The database.

    Returns
    -------
    int
        How many rows were renamed.

    Raises
    ------
    InputError
        If a space that is described there cannot be made again, or the file may not be written to.
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            if connection.execute(_OLD).fetchone() is None:
                return 0
    except (sqlite3.Error, UnicodeDecodeError):  # whoever reads it next tells of it
        return 0
    n_renamed = 0
    with writing(path) as database:
        connection = cast("sqlite3.Connection", database.connection)
        for old, definition in connection.execute(_OLD).fetchall():
            with damaged(f"{path}: the definition of the space {old}"):
                space = ConfigurationSpace.from_metadata(json.loads(definition))
            new = space_name(space)
            connection.execute("DELETE FROM spaces WHERE space = ?", (old,))
            connection.execute("INSERT OR IGNORE INTO spaces VALUES (?, ?)", (new, json.dumps(space.metadata())))
            for (number,) in connection.execute("SELECT id FROM labels WHERE space = ?", (old,)).fetchall():
                row = next(database.select(id=number))
                pairs = {**row.key_value_pairs, "space": new}
                row.unique_id = row_name(new, row.orbit, row.calculator, row.settings_hash)
                database.write(row, pairs, id=number)
                n_renamed += 1
    return n_renamed
