"""Checkpoints of a search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matganip.array_files import read_arrays, write_arrays
from matganip.errors import InputError, damaged

if TYPE_CHECKING:
    from matganip.sampling.chains import Search

FORMAT, VERSION = "matganip-search", 2


def write_checkpoint(path: Path, search: Search, model: str) -> None:
    """Write the state of a search between two steps, atomically.

    Parameters
    ----------
    path : pathlib.Path
        Of any name.
    search : Search
    model : str
        Checksum of the model that scores.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    about = {"format": FORMAT, "version": VERSION, "model": model, **search.identity()}
    write_arrays(path, about, search.arrays())


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
    about, arrays = read_arrays(path, "a search")
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
