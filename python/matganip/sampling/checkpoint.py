"""A search on disk: NumPy arrays and a JSON text in one file, nothing that is unpickled."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.errors import InputError
from matganip.files import atomic_path

if TYPE_CHECKING:
    from matganip.sampling.search import Search

FORMAT, VERSION = "matganip-search", 1


def write_checkpoint(path: Path, search: Search, model: str) -> None:
    """Write a search between two steps, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        An .npz file.
    search : Search
    model : str
        What the scores come from: a checksum.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    about = {"format": FORMAT, "version": VERSION, "model": model, **search.identity()}
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary:
        np.savez(temporary, **{"about": text, **search.arrays()})  # type: ignore[arg-type]  # its stubs know no **


def read_checkpoint(path: Path, search: Search, model: str) -> None:
    """Take up what `write_checkpoint` left; the search then goes on bit for bit.

    Parameters
    ----------
    path : pathlib.Path
    search : Search
        New, of the same space and settings.
    model : str
        As it was written with.

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
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no checkpoint of a search, or damaged: {error}") from error
    if not isinstance(about, dict) or (about.get("format"), about.get("version")) != (FORMAT, VERSION):
        raise InputError(f"{path}: not the checkpoint of a search that this version reads")
    wanted = {"model": model, **search.identity()}
    for name in ("model", "space"):
        if about.get(name) != wanted[name]:
            raise InputError(f"{path}: is of another {name}; leave --resume out, or name that one")
    for name, value in wanted["settings"].items():
        found = about["settings"].get(name)
        if found != value:
            raise InputError(f"{path}: was searched with {name} = {found}, not {value}; a search goes on as it began")
    try:
        search.restore(arrays)
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(f"{path}: damaged: {error}") from error
