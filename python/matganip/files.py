"""Atomic writes of files and folders, locks and checksums."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from matganip.errors import InputError

_WINDOWS = os.name == "nt"


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file atomically: give a temporary path beside it, which is flushed and renamed on success.

    After an interruption or an exception the final name has the old file, or none.

    Parameters
    ----------
    path : path-like
        The final name.

    Yields
    ------
    pathlib.Path
        The temporary file, in the same folder and with the same suffix.

    Raises
    ------
    InputError
        If the folder cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with atomic_path(folder / "count.txt") as temporary:
    ...     _ = temporary.write_text("19")
    >>> (folder / "count.txt").read_text()
    '19'
    """
    final = Path(path)
    # Named here and made within the try: an interruption while the file is made removes it too.
    temporary = final.with_name(f".{final.stem}-{secrets.token_hex(4)}{final.suffix}")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield temporary
        _flush(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(final)
    except OSError as error:
        raise InputError(f"{final}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(FileNotFoundError, NotADirectoryError):
            temporary.unlink()


@contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a folder atomically: give a temporary folder beside it, whose files are flushed before it is renamed.

    After an interruption or an exception there is no folder of the final name.

    Parameters
    ----------
    path : path-like
        The final name. A folder of that name must be empty.

    Yields
    ------
    pathlib.Path
        The temporary folder.

    Raises
    ------
    InputError
        If there is something of that name already, or it cannot be written to.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp()) / "results"
    >>> with atomic_folder(folder) as temporary:
    ...     _ = (temporary / "count.txt").write_text("19")
    >>> [file.name for file in folder.iterdir()]
    ['count.txt']
    """
    final = Path(path)
    try:
        if final.exists() and not (final.is_dir() and not any(final.iterdir())):
            raise InputError(f"{final}: exists already; name another folder, or remove it first")
    except OSError as error:
        raise InputError(f"{final}: cannot be written: {error.strerror}") from error
    temporary = final.with_name(f".{final.name}-{secrets.token_hex(4)}")
    try:
        temporary.mkdir(mode=0o700)
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _flush(file)
        temporary.chmod(0o777 & ~_umask())
        if _WINDOWS and final.is_dir():  # an empty folder, which only POSIX systems replace by another
            final.rmdir()
        temporary.replace(final)
    except OSError as error:
        raise InputError(f"{final}: cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(path: str | os.PathLike[str], busy: str) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is missing; the lock ends with the process, however that ends.

    Parameters
    ----------
    path : path-like
        The lock file. It may stay behind; it is the lock on it that counts.
    busy : str
        What the error says where another process holds the lock.

    Raises
    ------
    InputError
        If the lock is held elsewhere, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / ".lock"
    >>> with locked(file, "somebody else is at work"), locked(file, "somebody else is at work"):
    ...     pass
    Traceback (most recent call last):
        ...
    matganip.errors.InputError: somebody else is at work
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise InputError(busy) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be locked: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(path: Path) -> None:
    """Flush a folder to disk, so that a new name in it survives a power cut; Windows cannot, and does nothing."""
    if _WINDOWS:
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    """The process's umask: temporary files are made for their owner alone, results are for everyone."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document whole or not at all; nan is refused."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_text(path: Path) -> str:
    """Read a file of UTF-8 text.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, or it is no such text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}") from error


def read_json(path: Path) -> Any:
    """Read a JSON document.

    Raises
    ------
    InputError
        If the file cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: damaged: not JSON ({error})") from error


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


def stamped(document: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON document with a checksum of everything else in it under ``check``, for `unstamped`."""
    return {**document, "check": checksum_of(document)}


def unstamped(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """The document without its ``check``; one that has none passes.

    Raises
    ------
    InputError
        If something in the document was changed.
    """
    document = dict(document)
    check = document.pop("check", None)
    if check is not None and check != checksum_of(document):
        raise InputError(
            f'{path}: was changed after it was written: its checksum is not "check"; restore it, or, if the change was '
            'meant, remove "check" from it'
        )
    return document


def checksum_of(document: Mapping[str, Any]) -> str:
    """16 hexadecimal digits of the SHA-256 of a JSON document, in the order of its keys."""
    return hashlib.sha256(json.dumps(document, allow_nan=False).encode()).hexdigest()[:16]


CHECKSUMS = "checksums.json"


def seal(folder: Path, names: Collection[str]) -> None:
    """Write the SHA-256 of files of these names, in and below a folder, into ``checksums.json`` for `check_seal`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name in names)
    write_json(folder / CHECKSUMS, {path.relative_to(folder).as_posix(): sha256(path) for path in files})


def check_seal(folder: Path) -> None:
    """Refuse a folder whose files are not those that `seal` saw; one without ``checksums.json`` has no seal.

    Raises
    ------
    InputError
        Names the file that is missing or was changed, and says how to accept a change that was meant.
    """
    path = folder / CHECKSUMS
    if not path.is_file():
        return
    known = read_json(path)
    if not isinstance(known, dict) or not all(isinstance(one, str) for one in known.values()):
        raise InputError(f"{path}: damaged: no list of files and their SHA-256")
    for name, digest in known.items():
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: is missing, though {CHECKSUMS} lists it")
        if sha256(folder / name) != digest:
            raise InputError(
                f"{folder / name}: was changed after it was written: its SHA-256 is not that in {CHECKSUMS}; restore "
                f"it, or, if the change was meant, remove {path}"
            )
