"""The folder of a screen: its manifest, the lock on it, and what is still to be done.

``manifest.jsonl`` has a line of JSON for what is screened, and one for each complete shard; lines are only ever
appended. Each carries the start of its own SHA-256: a torn last line, which a full disk or a power cut leaves, is
dropped, and any other damage is reported.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matganip.errors import InputError, damaged
from matganip.files import checksum_of, flush_folder, locked, stamped
from matganip.screening.header import check_header
from matganip.screening.shard import ShardRecord
from matganip.screening.shard_files import file_record

MANIFEST, LOCK = "manifest.jsonl", ".lock"
FORMAT, VERSION = "matganip-screen", 2

Header = dict[str, Any]


class ScreenFolder:
    """The folder of a screen.

    Parameters
    ----------
    path : pathlib.Path
    header : dict
        What is screened, the manifest's first line.
    shards : dict of int to ShardRecord
        The complete ones; of a shard that was done twice, the later record.
    rounds : list of dict
        Shards that were found to need a rerun, see `stream`.
    """

    def __init__(self, path: Path, header: Header, lines: list[dict[str, Any]]) -> None:
        self.path, self.header = path, header
        self.shards: dict[int, ShardRecord] = {}
        self.rounds: list[dict[str, Any]] = []
        for line in lines:
            self._take(line)

    @staticmethod
    def is_begun(path: Path) -> bool:
        """Whether a folder holds a manifest."""
        return (path / MANIFEST).exists()

    @classmethod
    def create(cls, path: Path, header: Header) -> ScreenFolder:
        """Begin a manifest; the folder must be there, and hold none.

        Raises
        ------
        InputError
            If there is one, or it cannot be written.
        """
        if (path / MANIFEST).exists():
            raise InputError(f"{path}: holds a screen already; resume it with --resume, or name another folder")
        folder = cls(path, {"format": FORMAT, "version": VERSION, **header}, [])
        folder._append(folder.header)
        return folder

    @classmethod
    def read(cls, path: Path) -> ScreenFolder:
        """Read a manifest.

        Raises
        ------
        InputError
            If there is none, or it is damaged elsewhere than at its torn end.
        """
        file = path / MANIFEST
        try:
            text = file.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path}: no screen is there: it holds no {MANIFEST}") from None
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        lines = []
        whole, _, torn = text.rpartition(b"\n")
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            lines.append(_checked(file, number, line))
        del torn  # its write was never confirmed
        if not lines:
            raise InputError(f"{file}: has no complete line; remove the folder and start anew")
        header = lines[0]
        if header.get("format") != FORMAT:
            raise InputError(f"{file}: not the manifest of a screen")
        if header.get("version") != VERSION:
            raise InputError(
                f"{file}: version {header.get('version')}, this program reads version {VERSION}; resume it with "
                f"matganip {header.get('versions', {}).get('matganip', '?')}, which began it, or start anew in "
                "another folder"
            )
        with damaged(file):
            check_header(header)
            return cls(path, header, lines[1:])

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what is screened: all that results depend on."""
        return fingerprint(self.header)

    @property
    def part(self) -> tuple[int, int]:
        """Which of the shards belong to this folder: those with ``shard % n == k``."""
        k, n = self.header["part"]
        return int(k), int(n)

    def wanted(self) -> list[int]:
        """Numbers of the shards that belong to this folder."""
        k, n = self.part
        return list(range(k, int(self.header["settings"]["n_shards"]), n))

    def missing(self) -> list[int]:
        """Those of `wanted` that are not complete."""
        return [shard for shard in self.wanted() if shard not in self.shards]

    def add(self, record: ShardRecord) -> None:
        """Enter a shard whose files are in their places."""
        line = {"shard": record.shard, "record": record.to_dict()}
        self._append(line)
        self._take(line)

    def add_round(self, decided: Mapping[str, Any]) -> None:
        """Enter that shards must be rerun: their numbers, the bound and the ceiling."""
        line = {"round": dict(decided)}
        self._append(line)
        self._take(line)

    def damaged(self) -> dict[int, str]:
        """Which complete shards have a file that is missing, truncated or changed, and what is wrong with it."""
        found = {}
        for shard, record in sorted(self.shards.items()):
            for name, known in record.files.items():
                if wrong := _wrong(self.path / name, known):
                    found[shard] = f"{name}: {wrong}"
        return found

    def forget(self, shard: int) -> None:
        """Treat a shard as not done, because its file is damaged."""
        del self.shards[shard]

    def clear_temporary(self) -> None:
        """Remove half-written files that a killed screen has left."""
        for pattern in (".shard-*.parquet", ".all-*.parquet", ".winners*", ".result-*.json", ".verified-*"):
            for file in self.path.glob(pattern):
                if file.is_file():
                    file.unlink(missing_ok=True)

    def _take(self, line: dict[str, Any]) -> None:
        if "round" in line:
            self.rounds.append(line["round"])
            for shard in line["round"]["shards"]:
                self.shards.pop(shard, None)
        else:
            self.shards[int(line["shard"])] = ShardRecord.from_dict(line["record"])

    def _append(self, line: dict[str, Any]) -> None:
        file = self.path / MANIFEST
        data = json.dumps(stamped(line), allow_nan=False).encode() + b"\n"
        try:
            handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                end = _end_of_lines(handle)
                os.ftruncate(handle, end)
                try:
                    _write(handle, data, end)
                    os.fsync(handle)
                except OSError:
                    os.ftruncate(handle, end)
                    raise
            finally:
                os.close(handle)
            flush_folder(self.path)
        except OSError as error:
            raise InputError(f"{file}: cannot be written: {error.strerror}") from error


def _write(handle: int, data: bytes, end: int) -> None:
    os.lseek(handle, end, os.SEEK_SET)
    while data:
        data = data[os.write(handle, data) :]


def _end_of_lines(handle: int) -> int:
    """Where the last complete line ends."""
    text = b""
    os.lseek(handle, 0, os.SEEK_SET)
    while part := os.read(handle, 1 << 20):
        text += part
    return text.rfind(b"\n") + 1


def _checked(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
        good = record.pop("check") == checksum_of(record)
    except (ValueError, KeyError, AttributeError):
        good, record = False, {}
    if not good:
        raise InputError(
            f"{file}: line {number} is damaged; remove that line (its shard is then rerun), or restore the file"
        )
    return dict(record)


def _wrong(path: Path, known: Mapping[str, Any]) -> str:
    """What is wrong with a file; empty where it is as it was written."""
    try:
        if path.stat().st_size != known["bytes"]:
            return f"has {path.stat().st_size} bytes, not {known['bytes']}"
        if file_record(path, 0)["sha256"] != known["sha256"]:
            return "its checksum is not that in the manifest"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


OUTSIDE = ("part", "command")
"""Keys of the header that results do not depend on."""


def fingerprint(header: Header) -> str:
    """SHA-256 of the keys of a header that results depend on."""
    known = {key: value for key, value in header.items() if key not in OUTSIDE}
    return hashlib.sha256(json.dumps(known, sort_keys=True, allow_nan=False).encode()).hexdigest()


def differences(one: Header, other: Header, prefix: str = "") -> list[str]:
    """What two headers differ in, ``key: value and value``, shortest first.

    >>> differences({"settings": {"top": 5}, "part": [0, 1]}, {"settings": {"top": 6}, "part": [0, 2]})
    ['settings.top: 5 and 6']
    """
    found = []
    for key in sorted(one.keys() | other.keys()):
        a, b = one.get(key), other.get(key)
        if a == b or (not prefix and key in OUTSIDE):
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, f"{prefix}{key}.")
        else:
            found.append(f"{prefix}{key}: {_short(a)} and {_short(b)}")
    return sorted(found, key=len)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


@contextmanager
def locked_screen(path: Path) -> Iterator[None]:
    """Be the only screen at work in a folder; the lock ends with the process, however that ends.

    Raises
    ------
    InputError
        If another screen is at work there, or the folder cannot be written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: the output folder cannot be written: {error.strerror}") from error
    with locked(path / LOCK, f"{path}: another screen is at work in this folder; wait for it, or name another"):
        yield
