"""Screens run to their end, and what they left."""

from __future__ import annotations

import shutil
from pathlib import Path

from matganip.learning.model import Model
from matganip.screening.run import Standing, screen, screen_part


def run(model, output: Path, *, part=None, supercell=None, substitutions=None, **options) -> list[Standing]:
    """Screen in this process, unless told otherwise; returns where it stood."""
    options = {"workers": 0, "n_shards": 8, "top": 20, "cascade": False, **options}
    first = model[0] if isinstance(model, list) else model
    space = Model.of(first).space(supercell, substitutions)
    events: list = []
    if part is None:
        screen(model, space, folder=output, follow=events.append, **options)
    else:
        screen_part(model, space, part, output, follow=events.append, **options)
    return [one for one in events if isinstance(one, Standing)]


def final(folder: Path) -> dict[str, bytes]:
    """The files that must not depend on who did what when: result and shards."""
    names = ["winners.parquet", "result.json", *(path.name for path in folder.glob("*-?????.parquet"))]
    return {name: (folder / name).read_bytes() for name in sorted(names)}


def copy(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))
