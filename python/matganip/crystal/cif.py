"""Reading a CIF: one of its data blocks, and what its author says in it."""

from __future__ import annotations

import warnings
from pathlib import Path

from pymatgen.core.structure import Structure
from pymatgen.io.cif import CifBlock, CifFile, CifParser

from matganip.errors import InputError, ReadingWarning, first_line


def read_cif(path: Path, text: str, block: str | None, occupancy_tolerance: float) -> Structure:
    """Read the structure of one data block.

    Parameters
    ----------
    path : Path
        For messages.
    text : str
        The file's content.
    block : str or None
        Name of the block; the first that holds a structure without it.
    occupancy_tolerance : float
        By how much the occupancies of a site may pass 1; they are scaled to it.

    Returns
    -------
    Structure

    Raises
    ------
    InputError
        If the file does not parse, has no such block, or its block no structure; the message says why.
    """
    try:
        blocks = {name: data for name, data in CifFile.from_str(text).data.items() if _holds_atoms(data)}
    except Exception as error:  # the parser raises anything
        raise InputError(f"{path}: does not parse as a CIF: {first_line(error)}") from error
    chosen = _chosen(path, blocks, block)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parser = CifParser.from_str(str(chosen), occupancy_tolerance=1 + occupancy_tolerance)
        try:
            (structure,) = parser.parse_structures(primitive=False, on_error="raise")
        except Exception as error:
            raise InputError(f"{path}: does not parse as a structure: {str(error).splitlines()[-1]}") from error
    return structure


def _holds_atoms(data: CifBlock) -> bool:
    return any(name.lower().startswith("_atom_site") for name in data.data)


def _chosen(path: Path, blocks: dict[str, CifBlock], block: str | None) -> CifBlock:
    names = ", ".join(blocks)
    if not blocks:
        raise InputError(f"{path}: does not parse as a CIF: no data block has atoms (_atom_site_...)")
    if block is not None and block not in blocks:
        raise InputError(f"{path}: has no data block {block!r} with a structure, only {names}")
    if block is None and len(blocks) > 1:
        warnings.warn(
            f"{path}: holds {len(blocks)} structures ({names}); the first one is read, name another by block (--block)",
            ReadingWarning,
            stacklevel=4,
        )
    return blocks[block or next(iter(blocks))]
