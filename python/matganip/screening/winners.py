"""The winners of a screen: a table with their rank, energy, multiplicity and point group, and their structures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.io.parquet import arrangement_columns
from matganip.errors import InputError
from matganip.files import atomic_folder, atomic_path
from matganip.screening.shard_files import columns_of

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.screen import ScreenResult
    from matganip.screening.selection import Rows, Selection
    from matganip.thermodynamics.sums import CanonicalSums

WINNERS, RESULT = "winners.parquet", "result.json"
FORMATS = ("cif", "poscar", "extxyz")


def write_winners(path: Path, space: ConfigurationSpace, selection: Selection, rows: Rows, sums: CanonicalSums) -> None:
    """Write the winners, best first.

    Parameters
    ----------
    path : pathlib.Path
        A Parquet file with ``rank``, ``prediction_eV`` (per supercell; of a second property ``prediction_2_eV``),
        ``deviation_eV``, ``relative_meV_per_atom`` (above the first), ``multiplicity``, ``point_group``, for each
        temperature ``probability_300K`` of the orbit, and where the atoms are.
    space : ConfigurationSpace
    selection : Selection
        Goes into the metadata.
    rows : Rows
    sums : CanonicalSums
        Of the whole space.
    """
    batch = ConfigurationBatch(space, np.ascontiguousarray(rows.occupations), rows.multiplicity)
    energy = rows.energy[:, 0]
    columns = columns_of(rows)
    del columns["row"], columns["occupation"]
    multiplicity = columns.pop("multiplicity")
    table = pa.table(
        {
            "rank": pa.array(np.arange(1, len(rows) + 1)),
            **columns,
            "relative_meV_per_atom": pa.array((energy - energy[:1]) * (1000.0 / space.n_atoms)),
            "multiplicity": multiplicity,
            "point_group": pa.array(batch.point_groups().labels if len(rows) else [], type=pa.string()),
            **{
                f"probability_{temperature:g}K": pa.array(probability)
                for temperature, probability in zip(
                    sums.temperatures.tolist(), sums.probability(energy, rows.multiplicity), strict=True
                )
            },
            **arrangement_columns(space, batch.occupations),
        }
    )
    about = {"selection": selection.kind, "top": str(selection.size), "target_eV": json.dumps(selection.target)}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata({**space.metadata(), **about}), temporary, compression="zstd")


def read_winners(folder: Path) -> pa.Table:
    """The table of the winners.

    Raises
    ------
    InputError
        If the screen is not complete, or the file is damaged.
    """
    path = folder / WINNERS
    try:
        return pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"{folder}: no winners there yet; resume it with `matganip screen --resume`") from None
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: damaged: {str(error).splitlines()[0]}") from error


def export_winners(screen: ScreenResult, path: str | Path, fmt: str, number: int | None = None) -> int:
    """Write the structures of the winners of a screen.

    Parameters
    ----------
    screen : ScreenResult
    path : path-like
        For ``cif`` and ``poscar`` a folder that does not exist yet; for ``extxyz`` one file with a frame for each.
    fmt : {"cif", "poscar", "extxyz"}
    number : int, optional
        Only so many, from the first.

    Returns
    -------
    int
        How many were written.

    Raises
    ------
    InputError
        If the format is unknown, or nothing can be written there.

    Notes
    -----
    Rank, energy, multiplicity and point group stand in a comment line of CIF and POSCAR files, and in ``Atoms.info``
    of extended XYZ.
    """
    if fmt not in FORMATS:
        raise InputError(f"export: {fmt!r} is none of {', '.join(FORMATS)}")
    batch = screen.winners[: len(screen) if number is None else number]
    facts = [
        {"rank": rank, "prediction_eV": energy, "multiplicity": multiplicity, "point_group": group}
        for rank, (energy, multiplicity, group) in enumerate(
            zip(screen.energy[:, 0].tolist(), screen.winners.multiplicity.tolist(), screen.point_groups, strict=True), 1
        )
    ][: len(batch)]
    if fmt == "extxyz":
        from ase.io.extxyz import write_extxyz

        with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for atoms, fact in zip(batch.atoms(), facts, strict=True):
                atoms.info.update(fact)
                write_extxyz(file, [atoms])
        return len(facts)
    with atomic_folder(path) as temporary:
        for structure, fact in zip(batch.structures(), facts, strict=True):
            comment = " ".join(f"{key} {value}" for key, value in fact.items())
            if fmt == "cif":
                from pymatgen.io.cif import CifWriter

                name, text = f"{fact['rank']:05d}.cif", f"# {comment}\n{CifWriter(structure)}"
            else:
                from pymatgen.io.vasp.inputs import Poscar

                name = f"POSCAR_{fact['rank']:05d}.vasp"
                text = Poscar(structure, comment=comment, sort_structure=True).get_str()
            (temporary / name).write_text(text, encoding="utf-8")
    return len(facts)
