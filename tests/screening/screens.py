"""Screens run to their end, and what they left."""

from __future__ import annotations

import shutil
from pathlib import Path

from matganip.screening.run import screen

FINAL = ("winners.parquet", "result.json")


def run(model, output: Path, **options) -> list:
    """Screen in this process, unless told otherwise."""
    options = {"workers": 0, "n_shards": 8, "top": 20, "cascade": False, **options}
    return list(screen(model, output, **options))


def final(folder: Path) -> dict[str, bytes]:
    """The files that must not depend on who did what when: result and shards."""
    names = [*FINAL, *(path.name for path in folder.glob("*-?????.parquet"))]
    return {name: (folder / name).read_bytes() for name in sorted(names)}


def copy(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))
