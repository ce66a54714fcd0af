"""NumPy arrays and a JSON text in one file: what searches store to be resumed from. Nothing is unpickled."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.files import atomic_path

_DAMAGES = (
    ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, MemoryError,
)  # fmt: skip
"""What NumPy and zipfile raise of a file that is damaged, says that it holds petabytes, or is none of theirs."""


def write_arrays(path: Path, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays, and what they are as JSON values, atomically and under the name that is given.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    text = np.frombuffer(json.dumps(about, sort_keys=True).encode(), dtype=np.uint8)
    with atomic_path(path) as temporary, temporary.open("wb") as file:  # to a name, NumPy would append .npz
        np.savez(file, **{"about": text, **arrays})  # type: ignore[arg-type]  # its stubs know no **


def read_arrays(path: Path, what: str) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Read what `write_arrays` wrote.

    Parameters
    ----------
    path : pathlib.Path
    what : str
        What it should be, for the message: ``"a search"``.

    Returns
    -------
    about : Any
        A JSON value, whatever it is.
    arrays : dict of str to ndarray

    Raises
    ------
    InputError
        If the file cannot be read, or is damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if any(member.compress_type != zipfile.ZIP_STORED for member in stored.zip.infolist()):
                raise ValueError("it is compressed, as none is that was written here")
            arrays = {name: stored[name] for name in stored.files}
        return json.loads(arrays.pop("about").tobytes()), arrays
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except _DAMAGES as error:
        raise InputError(f"{path}: no checkpoint of {what}, or damaged: {error}") from error
