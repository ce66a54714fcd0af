"""Checkpoints of `certify`."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.array_files import read_arrays, write_arrays
from matganip.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.learning.lowest import LowestOrbits

FORMAT, VERSION = "matganip-certify", 1


def write_certify_checkpoint(path: Path, search: LowestOrbits) -> None:
    """Write the state of a search between two rounds, atomically.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    state = search.state()
    about = {"format": FORMAT, "version": VERSION, "search": search.fingerprint, "sha256": _checksums(state)}
    write_arrays(path, about, state)


def read_certify_checkpoint(path: Path, search: LowestOrbits) -> None:
    """Restore what `write_certify_checkpoint` wrote.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or belongs to another model, space, top or window.
    """
    about, state = read_arrays(path, "certify")
    if not isinstance(about, dict) or (about.get("format"), about.get("version")) != (FORMAT, VERSION):
        raise InputError(f"{path}: not a checkpoint of certify of version {VERSION}; start without resume")
    if _checksums(state) != about.get("sha256"):
        raise InputError(f"{path}: damaged: a checksum is wrong; start without resume")
    if about.get("search") != search.fingerprint:
        raise InputError(
            f"{path}: belongs to another model, space, top or window; name the same, or start without resume"
        )
    search.resume(state)


def _checksums(state: dict[str, NDArray[Any]]) -> dict[str, str]:
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in state.items()}
