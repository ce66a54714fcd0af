"""The output folder: claimed before any long work, never emptied."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from matganip.errors import InputError


def claim(folder: Path, *, overwrite: bool) -> None:
    """Make the folder, or make sure that what is in it may be replaced, and that files can be written there.

    Parameters
    ----------
    folder : pathlib.Path
        The output folder; its parents are made too.
    overwrite : bool
        Whether files of an earlier run may be replaced, one by one. Files of other names are never touched.

    Raises
    ------
    InputError
        If the folder is a file, holds files and ``overwrite`` is False, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        present = sorted(path.name for path in folder.iterdir())
        if present and not overwrite:
            raise InputError(
                f"{folder}: the output folder is not empty ({present[0]}, ...); "
                "name another with --output, or replace its files with --overwrite"
            )
        with tempfile.TemporaryFile(dir=folder):
            pass
        (folder / "figures").mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: the output folder cannot be written: {error.strerror}") from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
