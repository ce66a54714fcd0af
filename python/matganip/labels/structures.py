"""Labelled structures in any cells: from ASE databases, extended XYZ, trajectories, VASP runs, or objects."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, first_line
from matganip.labels.calculation import is_energy

if TYPE_CHECKING:
    from ase import Atoms

RUN = "vasprun.xml"
FRAMES = (".extxyz", ".xyz", ".traj")
STRUCTURE_COLUMNS = ("structure", "file", "path")


@dataclass(frozen=True, eq=False)
class LabelledStructures:
    """Structures with total energies, by one calculator.

    Attributes
    ----------
    name : str
        Where they come from.
    calculator : str
        What computed them.
    structures : tuple of ase.Atoms
    energy : (n,) float64 ndarray
        Total energies, eV; or another property that adds up over the atoms.
    names : tuple of str
        Of each, for messages.
    """

    name: str
    calculator: str
    structures: tuple[Any, ...]
    energy: NDArray[np.float64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.energy)

    @classmethod
    def of(
        cls, structures: Iterable[Any], energies: Iterable[float], calculator: str = "given", name: str = "structures"
    ) -> LabelledStructures:
        """Put structures (pymatgen or ASE) and their total energies in eV together.

        Raises
        ------
        InputError
            If there are not as many energies as structures, or one is not finite.
        """
        from matganip.crystal.structures import read_structure

        found = tuple(read_structure(one) for one in structures)
        energy = np.array(list(energies), dtype=np.float64)
        if len(found) != len(energy):
            raise InputError(f"{name}: {len(found)} structures, but {len(energy)} energies")
        bad = np.flatnonzero(~is_energy(energy))
        if len(bad):
            raise InputError(f"{name}: structure {bad[0]} has no finite energy")
        return cls(name, calculator, found, energy, tuple(f"structure {row}" for row in range(len(found))))


def read_structures(
    source: str | os.PathLike[str], *, energy: str | None = None, per_atom: bool = False
) -> LabelledStructures:
    """Read labelled structures.

    Parameters
    ----------
    source : path-like
        An ASE database (``.db``, ``.json``), a file of several structures that ASE reads (``.extxyz``, ``.xyz``,
        ``.traj``), a folder with ``vasprun.xml`` files in or below it, or a ``.csv`` file with a column ``structure``,
        ``file`` or ``path``, of files relative to it, and one of energies.
    energy : str, optional
        Key of the property: of a database's key-value pairs, of ``info`` in extended XYZ, or a column. By default the
        energy that the calculator gave, and the column ``energy_eV`` or ``energy``.
    per_atom : bool
        Whether that property is per atom.

    Returns
    -------
    LabelledStructures

    Raises
    ------
    InputError
        Names the file, and the row that has no such energy.
    """
    path = Path(source)
    structures, values, names = [], [], []
    for name, atoms, value in named_structures(path, energy):
        if value is None or not is_energy(value):
            wanted = "energy" if energy is None else repr(energy)
            raise InputError(f"{path}: {name} has no {wanted}; {_properties(atoms)}")
        structures.append(atoms)
        values.append(float(value) * (len(atoms) if per_atom else 1))
        names.append(name)
    if not structures:
        raise InputError(f"{path}: holds no labelled structure")
    what = "energy" if energy is None else energy
    return LabelledStructures(str(path), f"{what} of {path.name}", tuple(structures), np.array(values), tuple(names))


def named_structures(source: str | os.PathLike[str], energy: str | None = None) -> list[tuple[str, Any, float | None]]:
    """Name, atoms and energy of each structure in a file or folder that `read_structures` reads; None without energy.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, or an energy is no number.
    """
    path = Path(source)
    if path.is_dir():
        return _runs(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder of labelled structures")
    read = {".db": _database, ".json": _database, ".csv": _listed}.get(path.suffix, _frames)
    return [(name, atoms, _number(value, f"{path}: {name}", energy)) for name, atoms, value in read(path, energy)]


def _number(value: Any, where: str, key: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where} has no number as {key or 'energy'}: {value!r}") from error


def _properties(atoms: Atoms) -> str:
    """What to do about a structure without energy."""
    there = sorted(name for name, value in atoms.info.get("key_value_pairs", atoms.info).items() if _is_number(value))
    if there:
        return f"name one of its keys: {', '.join(there)}"
    return "name the property with energy="


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def holds_structures(source: Any) -> bool:
    """Whether labels are a file or folder of structures, not a table of a supercell's arrangements.

    Databases of `matganip label`, whose rows name their orbits, are tables; other databases of ASE hold structures.
    """
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    if path.is_dir() or path.suffix in FRAMES:
        return True
    if not path.is_file():
        return False
    if path.suffix in (".db", ".json"):
        return not _is_of_orbits(path)
    return path.suffix == ".csv" and bool(set(STRUCTURE_COLUMNS) & set(_header(path)))


def _is_of_orbits(path: Path) -> bool:
    from ase.db import connect

    try:
        first = next(iter(connect(path, use_lock_file=False).select(limit=1)), None)  # type: ignore[no-untyped-call]
    except Exception:  # ASE raises whatever its back end does; who reads it as a table says what is wrong
        return True
    return first is None or "orbit" in first.key_value_pairs


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        return next(csv.reader(file), [])


def _listed(path: Path, energy: str | None) -> list[tuple[str, Any, Any]]:
    """Structures named in a table."""
    from matganip.crystal.structures import read_structure

    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = list(csv.DictReader(file))
    columns = _header(path)
    files = next((name for name in STRUCTURE_COLUMNS if name in columns), None)
    wanted = (energy,) if energy else ("energy_eV", "energy")
    value = next((name for name in wanted if name in columns), None)
    if files is None or value is None:
        missing = f"a column {', '.join(STRUCTURE_COLUMNS)}" if files is None else f"a column {' or '.join(wanted)}"
        raise InputError(f"{path}: lacks {missing}; it has {', '.join(columns)}; name that of energies with energy=")
    found: list[tuple[str, Any, float | None]] = []
    for number, row in enumerate(rows, 1):
        if not row[files]:
            raise InputError(f"{path}: row {number} names no structure")
        amount = _number(row[value], f"{path}: row {number}", value)
        structure = read_structure(path.parent / row[files])
        found.append((row[files], structure.to_ase_atoms(msonable=False), amount))
    return found


def _database(path: Path, energy: str | None) -> list[tuple[str, Any, Any]]:
    from ase.db import connect

    try:
        rows = [(row, row.toatoms()) for row in connect(path, use_lock_file=False).select()]  # type: ignore[no-untyped-call]
    except Exception as error:  # ASE raises whatever its back end does
        raise InputError(f"{path}: cannot be read as an ASE database: {first_line(error)}") from error
    found = []
    for row, atoms in rows:
        value = row.get("energy") if energy is None else row.key_value_pairs.get(energy)
        atoms.info["key_value_pairs"] = row.key_value_pairs
        found.append((f"row {row.id}", atoms, value))
    return found


def _frames(path: Path, energy: str | None) -> list[tuple[str, Any, Any]]:
    from ase.io import iread

    _check_columns(path)
    try:
        frames = list(iread(path, index=":"))
    except Exception as error:  # whatever the reader of the format raises
        raise InputError(f"{path}: cannot be read as structures: {error}") from error
    return [(f"structure {row}", atoms, _energy_of(atoms, energy)) for row, atoms in enumerate(frames)]


def _check_columns(path: Path) -> None:
    """Refuse an extended XYZ file that claims more columns for an atom than there can be, before ASE makes them."""
    if "xyz" not in path.suffix:
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if b"Properties=" in line and (wide := re.search(rb"Properties=\S*?:(\d{4,})", line)):
                raise InputError(f"{path}: line {number}: {wide[1].decode()[:20]} columns of one property of an atom")


def _runs(folder: Path) -> list[tuple[str, Any, Any]]:
    from ase.io import iread

    found = []
    for path in sorted(folder.rglob(RUN)):
        try:
            atoms = list(iread(path, index=-1))[-1]
        except Exception as error:  # whatever the reader of the format raises
            raise InputError(f"{path}: cannot be read as a VASP run: {error}") from error
        found.append((str(path.parent.relative_to(folder)), atoms, _energy_of(atoms, None)))
    return found


def _energy_of(atoms: Atoms, key: str | None) -> Any:
    """The property of a frame, whatever it is; the calculator's energy by default."""
    if key is not None:
        return atoms.info.get(key)
    if atoms.calc is not None:
        return atoms.calc.results.get("energy")
    return atoms.info.get("energy")
