"""Reading a crystal from a Structure, ASE Atoms or a file."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pymatgen.core.structure import Structure

from matganip.crystal.limits import first_beyond
from matganip.errors import InputError, ReadingWarning, first_line

if TYPE_CHECKING:
    from ase import Atoms


OCCUPANCY_TOLERANCE = 0.005
"""By how much the occupancies of a site may pass 1 by the rounding of their digits."""


def read_structure(
    source: Structure | Atoms | str | os.PathLike[str],
    *,
    block: str | None = None,
    occupancy_tolerance: float = OCCUPANCY_TOLERANCE,
) -> Structure:
    """Convert a structure, ASE Atoms or a structure file into a pymatgen Structure.

    Parameters
    ----------
    source : Structure, ase.Atoms or path
        A structure, or a file that pymatgen reads: CIF, POSCAR (with its line of element symbols), ...
    block : str, optional
        Which data block of a CIF; without it, the first that holds a structure.
    occupancy_tolerance : float
        By how much the occupancies of a site may pass 1; they are scaled to it.

    Returns
    -------
    Structure

    Raises
    ------
    InputError
        If the file is missing or does not parse, names no elements, or a site holds more than one atom; the message
        names the file and says why.

    Warns
    -----
    ReadingWarning
        Of what is read otherwise than it stands in the file, or left out: docs/powder.md has the list.

    Examples
    --------
    >>> import matganip as mg
    >>> mg.read_structure(mg.perovskite("CsPbI3", a=6.289)).composition.reduced_formula
    'CsPbI3'
    """
    if isinstance(source, Structure):
        if block is not None:
            raise InputError("block: only a CIF has data blocks")
        return source
    if isinstance(source, str | os.PathLike):
        return _read_file(Path(source), block, occupancy_tolerance)
    if block is not None:
        raise InputError("block: only a CIF has data blocks")
    if not hasattr(source, "get_scaled_positions"):  # what ASE's Atoms have, without importing ASE
        raise InputError(f"a Structure, ASE Atoms or a path is needed, got {type(source).__name__}")
    from matganip.crystal.ase_atoms import from_atoms

    return _checked(from_atoms(source), "Atoms")


def _read_file(path: Path, block: str | None, occupancy_tolerance: float) -> Structure:
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a structure file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    # As editors save text: UTF-16 has a mark in front, and so may UTF-8.
    utf_16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = (
        content.decode("utf-16" if utf_16 else "utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    )
    if _is_cif(path):
        from matganip.crystal.cif import read_cif

        return _checked(read_cif(path, text, block, occupancy_tolerance), str(path))
    if block is not None:
        raise InputError(f"{path}: has no data blocks, a CIF has; leave block ({block!r}) out")
    if _is_poscar(path):
        _require_element_line(path, text)
    with warnings.catch_warnings(record=True) as remarks:
        warnings.simplefilter("always")
        try:
            structure = Structure.from_file(path)
        except Exception as error:  # pymatgen's readers raise anything
            raise InputError(f"{path}: does not parse as a structure: {first_line(error)}") from error
    for remark in dict.fromkeys(" ".join(str(one.message).split()) for one in remarks):
        warnings.warn(f"{path}: {remark}", ReadingWarning, stacklevel=4)
    return _checked(structure, str(path))


def _checked(structure: Structure, name: str) -> Structure:
    """Refuse coordinates that are none."""
    coordinates = structure.frac_coords
    if (site := first_beyond(coordinates)) is not None:
        raise InputError(f"{name}: site {site} has the coordinates {coordinates[site].tolist()}, which are none")
    return structure


def _is_cif(path: Path) -> bool:
    return path.suffix.lower() in (".cif", ".mcif")


def _is_poscar(path: Path) -> bool:
    return path.name.upper().startswith(("POSCAR", "CONTCAR")) or path.suffix.lower() in (".vasp", ".poscar")


def _require_element_line(path: Path, text: str) -> None:
    """Refuse a VASP 4 file, for which pymatgen would make up H, He, Li ... as elements."""
    lines = text.splitlines()
    sixth = lines[5].split() if len(lines) > 5 else []
    if sixth and all(word.isdigit() for word in sixth):
        raise InputError(
            f"{path}: has no line of element symbols (line 6 holds the numbers of atoms); insert one before it, "
            "for example 'Cs Pb I'"
        )


def name_of(structure: Any, number: int) -> str:
    """What to call one of several structures: its path, or its number."""
    return os.fspath(structure) if isinstance(structure, str | os.PathLike) else f"structure {number}"


@contextmanager
def naming(name: str) -> Iterator[None]:
    """What is wrong with a structure is told with its name, once."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error) if str(error).startswith(name) else f"{name}: {error}") from error
