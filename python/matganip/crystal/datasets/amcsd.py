"""Measured perovskites of the American Mineralogist Crystal Structure Database, as the larixite package carries it."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import sqlite3
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pymatgen.core.structure import Structure

from matganip.crystal.datasets.reading import Entry, read_table
from matganip.crystal.datasets.table import PerovskiteTable
from matganip.errors import InputError, MissingExtraError

DATABASE = "amcsd_cif1.db"
COORDINATE_SCALE = 4.0e6
"""Coordinates and occupancies are kept as int32 multiples of 1 / 4,000,000."""

_QUERY = """
    SELECT cif.id, cif.formula, minerals.name, publications.journalname, publications.year, spacegroups.symmetry_xyz,
           a, b, c, alpha, beta, gamma, atoms_sites, atoms_x, atoms_y, atoms_z, atoms_occupancy
    FROM cif
    JOIN spacegroups ON spacegroups.id = cif.spacegroup_id
    JOIN minerals ON minerals.id = cif.mineral_id
    JOIN publications ON publications.id = cif.publication_id
    ORDER BY cif.id
"""


def abx3_from_amcsd(database: str | os.PathLike[str] | None = None, *, disordered: bool = False) -> PerovskiteTable:
    """Read the measured perovskites of the AMCSD (R. T. Downs & M. Hall-Wallace, Am. Mineral. 88, 247 (2003)).

    The rules are those of `abx3_from_folder`; rows are named as in ``AMCSD 0002890 Perovskite, American Mineralogist
    (2002)``. Their order, which says which of several equal entries stays, is that of the AMCSD's numbers.

    Parameters
    ----------
    database : path-like, optional
        The SQLite file; by default that of the installed larixite package, which is not imported.
    disordered : bool, default False
        Whether partial occupancies are taken; many minerals have some.

    Returns
    -------
    PerovskiteTable

    Raises
    ------
    MissingExtraError
        If larixite is not installed: ``pip install 'matganip[amcsd]'``.
    InputError
        If the file is no such database.
    """
    path = _installed() if database is None else Path(database)
    if not path.is_file():
        raise InputError(f"{path}: is not a file")
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            return read_table(_entries(connection), disordered)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise InputError(f"{path}: is not an AMCSD database of larixite: {error}") from error


def _installed() -> Path:
    found = importlib.util.find_spec("larixite")
    if found is None or found.origin is None:
        raise MissingExtraError("larixite is needed for this and is not installed: pip install 'matganip[amcsd]'")
    return Path(found.origin).parent / DATABASE


def _entries(connection: sqlite3.Connection) -> Iterator[Entry]:
    for number, formula, mineral, journal, year, *crystal in connection.execute(_QUERY):
        label = "" if mineral.startswith("<") else f" {mineral}"
        name = f"AMCSD {number:07d}{label}, {journal} ({year})"
        yield Entry(name, lambda crystal=crystal: _structure(*crystal), formula)  # type: ignore[misc]


def _structure(
    operations: str,
    a: str,
    b: str,
    c: str,
    alpha: str,
    beta: str,
    gamma: str,
    labels: str,
    x: str,
    y: str,
    z: str,
    occupancy: str,
) -> Structure:
    """Build a crystal by way of a CIF, so that pymatgen merges what symmetry and shared sites put in one place."""
    try:
        names = json.loads(labels)
        columns = [_decode(column, len(names)) for column in (x, y, z, occupancy)]
        lines = ["data_amcsd"]
        cell = zip(("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"),
                   (a, b, c, alpha, beta, gamma), strict=True)  # fmt: skip
        lines += [f"_cell_{key} {value}" for key, value in cell]
        lines += ["loop_", "_space_group_symop_operation_xyz", *(f"'{text}'" for text in json.loads(operations))]
        lines += ["loop_", "_atom_site_label", *(f"_atom_site_fract_{axis}" for axis in "xyz"), "_atom_site_occupancy"]
        lines += [" ".join([name, *map(str, row)]) for name, *row in zip(names, *columns, strict=True)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pymatgen tells of the rounding of coordinates
            return Structure.from_str("\n".join(lines) + "\n", fmt="cif")
    except Exception as error:  # pymatgen's reader raises whatever its parsing trips over
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(reason) from error


def _decode(packed: str, n: int) -> list[float]:
    """Numbers of a column; a column that is not there ("0") is of occupancies, all one."""
    if packed in ("0", "", None):
        return [1.0] * n
    values = np.frombuffer(base64.b64decode(packed), dtype="<i4") / COORDINATE_SCALE
    return [float(value) for value in values]
