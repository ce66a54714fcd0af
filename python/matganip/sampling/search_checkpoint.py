"""Checkpoints of a search: NumPy arrays and a JSON text in one file; nothing is unpickled."""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.errors import InputError, damaged
from matganip.files import atomic_path

if TYPE_CHECKING:
    from matganip.sampling.chains import Search

FORMAT, VERSION = "matganip-search", 2


def write_checkpoint(path: Path, search: Search, model: str) -> None:
    """Write the state of a search between two steps, atomically.

    Parameters
    ----------
    path : pathlib.Path
        An .npz file.
    search : Search
    model : str
        Checksum of the model that scores.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    about = {"format": FORMAT, "version": VERSION, "model": model, **search.identity()}
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:  # to a name, NumPy would append .npz
        np.savez(file, **{"about": text, **search.arrays()})  # type: ignore[arg-type]  # its stubs know no **


def read_checkpoint(path: Path, search: Search, model: str) -> None:
    """Restore what `write_checkpoint` wrote; the search then goes on as if it had not been stopped, to the bit.

    Parameters
    ----------
    path : pathlib.Path
    search : Search
        A new search of the same space and settings.
    model : str
        Checksum of the model, as it was written.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or belongs to another search; the message says what differs.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays: dict[str, Any] = {name: stored[name] for name in stored.files}
        about = json.loads(arrays.pop("about").tobytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: no checkpoint of a search, or damaged: {error}") from error
    if not isinstance(about, dict) or (about.get("format"), about.get("version")) != (FORMAT, VERSION):
        found = about.get("version") if isinstance(about, dict) and about.get("format") == FORMAT else None
        what = "not the checkpoint of a search" if found is None else f"a checkpoint of version {found}"
        raise InputError(f"{path}: {what}; this program reads version {VERSION}: start the search again")
    wanted = {"model": model, **search.identity()}
    for name in ("model", "space"):
        if about.get(name) != wanted[name]:
            raise InputError(f"{path}: belongs to another {name}; name that one, or start anew without --resume")
    for name, value in wanted["settings"].items():
        found = about["settings"].get(name)
        if found != value:
            raise InputError(
                f"{path}: the search began with {name} = {found}, not {value}; resume it with the same settings"
            )
    with damaged(path):
        search.restore(arrays)
