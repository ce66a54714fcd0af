"""Checkpoints of `certify`: NumPy arrays and a JSON text in one file; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.errors import InputError
from matganip.files import atomic_path

if TYPE_CHECKING:
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
    about = {
        "format": FORMAT,
        "version": VERSION,
        "search": search.fingerprint,
        "sha256": {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in state.items()},
    }
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary:
        np.savez(temporary, **{"about": text, **state})  # type: ignore[arg-type]  # its stubs know no **


def read_certify_checkpoint(path: Path, search: LowestOrbits) -> None:
    """Restore what `write_certify_checkpoint` wrote.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or belongs to another model, space, top or window.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            state = {name: stored[name] for name in stored.files}
        about = json.loads(state.pop("about").tobytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no checkpoint of certify, or damaged: {error}") from error
    if not isinstance(about, dict) or (about.get("format"), about.get("version")) != (FORMAT, VERSION):
        raise InputError(f"{path}: not a checkpoint of certify of version {VERSION}; start without resume")
    sums = {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in state.items()}
    if sums != about.get("sha256"):
        raise InputError(f"{path}: damaged: a checksum is wrong; start without resume")
    if about.get("search") != search.fingerprint:
        raise InputError(
            f"{path}: belongs to another model, space, top or window; name the same, or start without resume"
        )
    search.resume(state)
