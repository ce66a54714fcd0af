"""Labels written as tables and read from them: CSV for people, Parquet with geometry and forces."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.configurations.codec import composition_text
from matganip.configurations.composition import VACANCY, element_of
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.structures import read_structure
from matganip.errors import InputError, damaged
from matganip.files import atomic_path
from matganip.labels.calculation import Calculation, Relaxation
from matganip.labels.calculators import title_of
from matganip.labels.database import LabelDatabase, LabelSet
from matganip.labels.joining import find_orbits
from matganip.labels.rows import codes_of, orbit_names, space_name
from matganip.labels.sqlite import reading
from matganip.labels.structures import holds_structures, read_structures
from matganip.labels.tables import REFERENCE, SAME_ENERGY, raw_table, read_labels
from matganip.results.labelling import JoinedStructures, TableExport, TableImport

STRAINED = 1e-3
"""Change of volume above which a cell was relaxed."""
MOVED = 0.01
"""Distance in angstrom from its site above which an atom was relaxed."""

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
    check_export(path, spaces or ())
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
                    with damaged(f"{labels.path}: row {row['id']}"):
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


def check_export(path: str | os.PathLike[str], spaces: Sequence[ConfigurationSpace] = ()) -> None:
    """Refuse a table that could not be written, before hours of work: its name, its folder, the supercell beside it.

    Raises
    ------
    InputError
    """
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path}: labels are written as .csv or .parquet")
    if not path.parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: the folder {path.parent} cannot be written to")
    if (path.parent / REFERENCE).exists():
        for space in spaces:
            _numbering(space, path.parent / REFERENCE)


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
    energy: str | None = None,
) -> TableImport:
    """Add the rows of a table, or labelled structures, to the database; those that are there stay as they are.

    Parameters
    ----------
    database : LabelDatabase or path-like
        Where they go.
    spaces : ConfigurationSpace or several
        The spaces of the rows; those of other compositions are left out.
    path : path-like
        What `read_labels` reads, or a name of a shipped table. Columns of `export_labels` are used where there are any:
        settings, relaxation, convergence, geometry, forces. Or structures as `read_structures` reads them (extended
        XYZ, an ASE database, a folder of VASP runs), whose orbits are found as `find_orbits` does.
    calculator : str, optional
        Name of the calculator where the file does not give one.
    settings : mapping, optional
        Its settings, likewise.
    energy : str, optional
        Of structures: key of the property, where it is not the energy.

    Returns
    -------
    TableImport

    Raises
    ------
    InputError
        If the file does not read, none of its rows has one of the compositions, a multiplicity is not that of its
        orbit, two energies of one orbit differ, in the file or with the database, or a structure fits no orbit;
        nothing is added then.
    """
    labels = database if isinstance(database, LabelDatabase) else LabelDatabase(database)
    several = [spaces] if isinstance(spaces, ConfigurationSpace) else list(spaces)
    if holds_structures(path):
        n_rows, found = _of_structures(path, several, calculator, settings, energy)
    else:
        n_rows, found = _of_table(path, several, calculator, settings)
    if not found:
        raise InputError(f"{path}: none of its {n_rows} rows has a composition that was asked for")
    _check_energies(labels, found)
    n_added = sum(labels.add(one.space, one.occupation, one.calculation) for one in found)
    return TableImport(os.fspath(path), labels.path, n_rows, len(found), n_added)


@dataclass(frozen=True)
class _Arriving:
    """A label on its way into a database, and what to call it in messages."""

    name: str
    space: ConfigurationSpace
    occupation: NDArray[np.uint8]
    calculation: Calculation


def _of_table(
    path: str | os.PathLike[str],
    spaces: Sequence[ConfigurationSpace],
    calculator: str | None,
    settings: Mapping[str, Any] | None,
) -> tuple[int, list[_Arriving]]:
    """The number of rows of a table, and those that have one of the compositions."""
    if Path(path).suffix == ".db":  # its settings, geometry and forces would be lost
        raise InputError(f"{path}: is a database; write its labels with matganip labels export to a .parquet first")
    table = read_labels(path, calculator=calculator)
    columns = raw_table(table.path, calculator).to_pydict() if table.path else {}
    found = []
    for space in spaces:
        rows, orbits = table.orbits_of(space)
        for row, occupation in zip(rows.tolist(), orbits.occupations, strict=True):
            cells = {name: values[row] for name, values in columns.items()}
            name = f"{path}: row {row}"
            with damaged(name):
                geometry, forces = _geometry(cells)
                calculation = Calculation(
                    structure=geometry or space.structure(occupation),
                    energy=float(table.energy[row]),
                    forces=forces,
                    converged=cells.get("converged") in (None, True, 1, "true"),
                    relaxation=cells.get("relaxation") or "static",
                    calculator=calculator or cells.get("calculator_name") or table.calculator,
                    settings=settings if settings is not None else _settings(cells, name),
                    n_steps=int(cells.get("n_steps") or 0),
                    wall_s=float(cells.get("wall_s") or 0.0),
                )
            found.append(_Arriving(name, space, occupation, calculation))
    return len(table), found


def _of_structures(
    path: str | os.PathLike[str],
    spaces: Sequence[ConfigurationSpace],
    calculator: str | None,
    settings: Mapping[str, Any] | None,
    energy: str | None,
) -> tuple[int, list[_Arriving]]:
    """The number of structures in a file, and those that have one of the compositions; what fits no orbit is named."""
    if calculator is None:
        raise InputError(f"{path}: structures do not say what computed them; name it: calculator=, --calculator")
    every = read_structures(path, energy=energy)
    wanted = {composition_text(space): space for space in spaces}
    compositions = [_atoms_of(space.composition) for space in spaces]
    structures = [read_structure(one) for one in every.structures]
    rows = [row for row, one in enumerate(structures) if _atoms_of(one.composition.get_el_amt_dict()) in compositions]
    joined = find_orbits(spaces, [structures[row] for row in rows])
    if joined.refused:
        names = {f"structure {number}": every.names[row] for number, row in enumerate(rows)}
        name, _, reason = joined.refused[0].partition(": ")
        raise InputError(f"{path}: {names.get(name, name)}: {reason}")
    relaxation = _relaxation(joined, [structures[row] for row in rows], wanted)
    found = []
    for row, one in zip(rows, joined.joined, strict=True):
        space, results = wanted[one["composition"]], getattr(every.structures[row].calc, "results", {})
        done = Calculation(
            structure=structures[row],
            energy=float(every.energy[row]),
            forces=results.get("forces"),
            relaxation=relaxation,
            calculator=calculator,
            settings=settings or {},
        )
        found.append(_Arriving(f"{path}: {every.names[row]}", space, codes_of(f"o{one['occupation']}"), done))
    return len(every), found


def _atoms_of(composition: Mapping[str, float]) -> dict[str, int]:
    return {name: round(n) for name, n in composition.items() if round(n) and name != VACANCY}


def _relaxation(
    joined: JoinedStructures, structures: Sequence[Structure], spaces: Mapping[str, ConfigurationSpace]
) -> Relaxation:
    """What was allowed to move in a set of structures, told by what moved: 0.001 of a cell, 0.01 angstrom."""
    for one, structure in zip(joined.joined, structures, strict=True):
        lattice = spaces[one["composition"]].supercell_structure.lattice
        if abs(structure.volume / lattice.volume - 1) > STRAINED:
            return "cell"
    return "positions" if any(one["displacement"] > MOVED for one in joined.joined) else "static"


def _check_energies(labels: LabelDatabase, arriving: Sequence[_Arriving]) -> None:
    """Refuse a second, different energy of an orbit by the same calculator, settings and relaxation."""
    known: dict[tuple[str, str, str, str], tuple[str, float]] = {}
    for space in {one.space.key: one.space for one in arriving}.values():
        for kind in labels.sets(space) if labels.path.exists() else []:
            for orbit, energy in labels.energies(kind.calculator, kind.settings_hash, space):
                known[space.key, kind.calculator, kind.settings_hash, orbit] = (str(labels.path), energy)
    for one in arriving:
        done, (orbit,) = one.calculation, orbit_names(one.space.canonical(one.occupation[np.newaxis]).occupations)
        if done.energy is None or not done.converged:
            continue
        other, energy = known.setdefault(
            (one.space.key, done.calculator, done.settings_hash, orbit), (one.name, done.energy)
        )
        if abs(done.energy - energy) > SAME_ENERGY:
            raise InputError(
                f"{one.name} and {other} are the same orbit, their energies differ by {abs(done.energy - energy):.3g} "
                "eV; keep one, or name other settings"
            )


def _settings(cells: Mapping[str, Any], where: str) -> dict[str, Any]:
    with damaged(f"{where}, settings"):
        found = json.loads(cells.get("settings") or "{}")
        if not isinstance(found, dict):
            raise InputError(f"{where}: settings must be a JSON object, not {found!r}")
        return found


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
