"""Labels written as tables and read from them: CSV for people, Parquet with geometry and forces."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.configurations.composition import element_of
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.structures import read_structure
from matganip.errors import InputError, damaged
from matganip.files import atomic_path
from matganip.labels.calculation import Calculation
from matganip.labels.calculators import title_of
from matganip.labels.database import LabelDatabase, LabelSet
from matganip.labels.rows import codes_of, space_name
from matganip.labels.sqlite import reading
from matganip.labels.tables import REFERENCE, LabelTable, raw_table, read_labels
from matganip.results.labelling import TableExport, TableImport

_QUERY = """SELECT labels.*, systems.numbers, positions, cell, forces FROM labels JOIN systems USING (id)
    WHERE labels.space = ? AND labels.calculator = ? AND labels.settings_hash = ? ORDER BY orbit"""


def export_labels(
    database: LabelDatabase | str | os.PathLike[str],
    spaces: Sequence[ConfigurationSpace] | None,
    path: str | os.PathLike[str],
    *,
    calculator: str | None = None,
    settings_hash: str | None = None,
    title: str | None = None,
    unconverged: bool = False,
) -> TableExport:
    """Write labels to a table that `read_labels` reads, with the undoped supercell beside it.

    Parameters
    ----------
    database : LabelDatabase or path-like
        Where the labels are.
    spaces : sequence of ConfigurationSpace or None
        Compositions of one supercell; None for all that the database has.
    path : path-like
        ``.csv``: orbit, multiplicity, energy, largest force and how it was computed. ``.parquet``: also the final
        geometry and the forces, so that `import_labels` brings everything back.
    calculator, settings_hash : str, optional
        Whose labels; needed where the database leaves a choice.
    title : str, optional
        What the column ``calculator`` says; by default the calculator's name with what matters of its settings.
    unconverged : bool
        Write results that are not converged too.

    Returns
    -------
    TableExport

    Raises
    ------
    InputError
        If there are none, labels of several kinds to choose from, or the supercell beside the table is another one.
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: labels are written as .csv or .parquet")
    labels = database if isinstance(database, LabelDatabase) else LabelDatabase(database)
    kind, keys = _one_kind(labels, calculator, settings_hash)
    if spaces is None:
        every = labels.spaces()
        spaces = [every[key] for key in keys]
    if title is None:
        title = title_of(kind.calculator, kind.settings)
    rows = []
    with reading(labels.path) as connection:
        connection.row_factory = lambda cursor, row: dict(zip((d[0] for d in cursor.description), row, strict=True))
        for space in spaces:
            atoms = _numbering(space, path.parent / REFERENCE)
            for row in connection.execute(_QUERY, (space_name(space), kind.calculator, kind.settings_hash)):
                if row["quality"] >= (1 if unconverged else 2):
                    rows.append(_plain(space, atoms, row, title, path.suffix == ".parquet"))
    if not rows:
        raise InputError(f"{labels.path}: no labels by {kind.calculator} {kind.settings_hash} to write")
    table = pa.Table.from_pylist(rows)
    with atomic_path(path) as temporary:
        if path.suffix == ".csv":
            csv.write_csv(table, temporary, csv.WriteOptions(quoting_style="needed"))
        else:
            parquet.write_table(table, temporary, compression="zstd")
    return TableExport(path, len(rows))


def _one_kind(labels: LabelDatabase, calculator: str | None, settings: str | None) -> tuple[LabelSet, list[str]]:
    """The one kind of labels that is meant, and the keys of the spaces that have such labels."""
    sets = labels.sets()
    found = [one for one in sets if calculator in (None, one.calculator) and settings in (None, one.settings_hash)]
    kinds = sorted({(one.calculator, one.settings_hash) for one in found or sets})
    listed = "; ".join(" ".join(kind) for kind in kinds)
    if not found:
        raise InputError(f"{labels.path}: no such labels; it has {listed or 'none'}")
    if len(kinds) > 1:
        raise InputError(f"{labels.path}: name one with --calculator and --settings; it has {listed}")
    return found[0], [one.space for one in found]


def import_labels(
    database: LabelDatabase | str | os.PathLike[str],
    spaces: ConfigurationSpace | Iterable[ConfigurationSpace],
    path: str | os.PathLike[str],
    *,
    calculator: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> TableImport:
    """Add the rows of a table to the database; those that are there already stay as they are.

    Parameters
    ----------
    database : LabelDatabase or path-like
        Where they go.
    spaces : ConfigurationSpace or several
        The spaces of the rows; those of other compositions are left out.
    path : path-like
        What `read_labels` reads, or a name of a shipped table. Columns of `export_labels` are used where there are any:
        settings, relaxation, convergence, geometry, forces.
    calculator : str, optional
        Name of the calculator where the table does not give one.
    settings : mapping, optional
        Its settings, likewise.

    Returns
    -------
    TableImport

    Raises
    ------
    InputError
        If the table does not read, or none of its rows has one of the compositions.
    """
    labels = database if isinstance(database, LabelDatabase) else LabelDatabase(database)
    table = importable(path)
    several = [spaces] if isinstance(spaces, ConfigurationSpace) else spaces
    found = [(space, *table.rows_of(space)) for space in several]
    n_fitting = sum(len(rows) for _, rows, _ in found)
    if not n_fitting:
        raise InputError(f"{path}: none of its {len(table)} rows has a composition that was asked for")
    columns = raw_table(table.path).to_pydict() if table.path else {}
    n_added = 0
    for space, rows, codes in found:
        for row, occupation in zip(rows.tolist(), codes, strict=True):
            cells = {name: values[row] for name, values in columns.items()}
            with damaged(f"{path}: row {row}"):
                geometry, forces = _geometry(cells)
                calculation = Calculation(
                    structure=geometry or space.structure(occupation),
                    energy=float(table.energy[row]),
                    forces=forces,
                    converged=cells.get("converged") in (None, True, 1, "true"),
                    relaxation=cells.get("relaxation") or "static",
                    calculator=calculator or cells.get("calculator_name") or table.calculator,
                    settings=settings if settings is not None else _settings(cells, f"{path}: row {row}"),
                    n_steps=int(cells.get("n_steps") or 0),
                    wall_s=float(cells.get("wall_s") or 0.0),
                )
            n_added += labels.add(space, occupation, calculation)
    return TableImport(os.fspath(path), labels.path, len(table), n_fitting, n_added)


def _settings(cells: Mapping[str, Any], where: str) -> dict[str, Any]:
    with damaged(f"{where}, settings"):
        found = json.loads(cells.get("settings") or "{}")
        if not isinstance(found, dict):
            raise InputError(f"{where}: settings must be a JSON object, not {found!r}")
        return found


def importable(path: str | os.PathLike[str]) -> LabelTable:
    """A table as `read_labels` reads it; a database is refused: its settings, geometry and forces would be lost."""
    if Path(path).suffix == ".db":
        raise InputError(f"{path}: is a database; write its labels with matganip labels export to a .parquet first")
    return read_labels(path)


def _plain(
    space: ConfigurationSpace, atoms: NDArray[np.int64], row: dict[str, Any], title: str, everything: bool
) -> dict[str, Any]:
    """One label as the cells of a table."""
    codes = codes_of(row["orbit"])
    taken: dict[str, list[int]] = {}
    for site, sublattice, code in zip(space.site_indices, space.sublattices, codes, strict=True):
        name = space.species[sublattice][code]
        if code != space.host_codes[sublattice]:
            taken.setdefault(name, []).append(int(atoms[site]))
    cells = {
        "calculator": title,
        "substitutions": ";".join(f"{name}:{' '.join(map(str, sorted(where)))}" for name, where in taken.items()),
        "multiplicity": int(row["multiplicity"]),
        "energy_eV": row["energy"],
        "max_force_eV_per_A": row["max_force"],
        "relaxation": row["relaxation"],
        "converged": bool(row["converged"]),
        "n_steps": int(row["n_steps"]),
        "wall_s": round(row["wall_s"], 3),
        "calculator_name": row["calculator"],
        "settings": row["settings"],
    }
    if everything:
        numbers = np.frombuffer(row["numbers"], np.int32)
        forces = row["forces"]
        cells |= {
            "numbers": numbers.tolist(),
            "positions": np.frombuffer(row["positions"]).tolist(),
            "cell": np.frombuffer(row["cell"]).tolist(),
            "forces": None if forces is None else np.frombuffer(forces).tolist(),
        }
    return cells


def _numbering(space: ConfigurationSpace, reference: Path) -> NDArray[np.int64]:
    """For each site of the supercell the number of its atom in the file beside the table, which is made if missing."""
    frame = space.supercell_structure
    if not reference.exists():
        with atomic_path(reference) as temporary:
            temporary.write_text(frame.to(fmt="poscar"))
    there = read_structure(reference)
    if len(there) == len(frame) and np.allclose(there.lattice.matrix, frame.lattice.matrix, atol=1e-3):
        distances = frame.lattice.get_all_distances(frame.frac_coords, there.frac_coords)
        atoms = distances.argmin(axis=1)
        same = all(element_of(frame, i) == element_of(there, int(a)) for i, a in enumerate(atoms))
        if same and distances.min(axis=1).max() < 1e-2:
            return np.asarray(atoms, dtype=np.int64)
    raise InputError(
        f"{reference}: is another supercell than that of {space!r}; write the table to a folder of its own"
    )


def _geometry(cells: dict[str, Any]) -> tuple[Structure | None, NDArray[np.float64] | None]:
    """Final geometry and forces, where the table has them."""
    if cells.get("positions") is None:
        return None, None
    structure = Structure(
        Lattice(np.reshape(cells["cell"], (3, 3))),
        cells["numbers"],
        np.reshape(cells["positions"], (-1, 3)),
        coords_are_cartesian=True,
    )
    forces = cells.get("forces")
    return structure, None if forces is None else np.reshape(np.array(forces), (-1, 3))
