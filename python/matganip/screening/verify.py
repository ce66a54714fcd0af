"""Is a screen what it says? Counts against Burnside's lemma, files against their checksums, rows against the model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.errors import InputError
from matganip.progress import ProgressOption, reporting
from matganip.results.screen import ScreenCheck
from matganip.screening.folder import same_versions, settings_of, source_of
from matganip.screening.manifest import ScreenFolder
from matganip.screening.merge import merged, read_result, write_result
from matganip.screening.selection import Rows
from matganip.screening.shard import Opened, ScreenSettings, run_shard
from matganip.screening.shard_files import read_shard, shard_name
from matganip.screening.stream import task_of
from matganip.screening.winners import RESULT, WINNERS

if TYPE_CHECKING:
    from matganip.screening.request import PathLike
    from matganip.screening.shard import Source


class _Checks:
    """What has been checked so far."""

    def __init__(self) -> None:
        self.checks: list[tuple[str, bool, str]] = []

    def note(self, what: str, right: bool, numbers: str) -> None:
        self.checks.append((what, bool(right), numbers))


def verify_screen(
    folder: PathLike, *, rows: int = 200, shards: int = 1, seed: int = 0, progress: ProgressOption = None
) -> ScreenCheck:
    """Check a screen's folder as if somebody else had made it.

    Parameters
    ----------
    folder : path-like
        Of a screen, or of a part of one.
    rows : int
        Number of rows in its files to predict again.
    shards : int
        Number of shards to rerun from nothing and compare byte for byte.
    seed : int
        Of both draws.
    progress : bool or callable, optional
        Draw a bar, or call back with what is checked next.

    Returns
    -------
    ScreenCheck

    Raises
    ------
    InputError
        If there is no screen, or it was begun with other versions of the packages that decide about bytes.
    """
    screen = ScreenFolder.read(Path(folder))
    same_versions(screen.header, screen.path)
    source, settings = source_of(screen), settings_of(screen.header)
    found = _Checks()
    with reporting(progress) as report:
        report("files", 0, 3 + shards, "")
        damaged = screen.damaged()
        n_files = sum(len(record.files) for record in screen.shards.values())
        found.note("checksums", not damaged, next(iter(damaged.values()), f"{n_files} files are as they were written"))
        missing = screen.missing()
        complete = f"{len(screen.shards)} of {len(screen.wanted())} are complete, resume with --resume"
        found.note("shards", not missing, complete if missing else f"all {len(screen.shards)} are complete")
        opened = source.open()
        if screen.part == (0, 1) and not missing and not damaged:
            _check_counts(found, screen, opened)
            report("result", 1, 3 + shards, "")
            _check_result(found, screen, opened, settings)
        good = [shard for shard in sorted(screen.shards) if shard not in damaged]
        draw = np.random.default_rng(seed)
        if good and rows:
            report("rows", 2, 3 + shards, "")
            _check_rows(found, screen, opened, good, rows, draw)
        for number, shard in enumerate(sorted(draw.permutation(good)[:shards].tolist())):
            report(f"shard {shard}", 3 + number, 3 + shards, "")
            _check_shard(found, screen, source, settings, shard)
    return ScreenCheck(tuple(found.checks))


def _check_counts(found: _Checks, folder: ScreenFolder, opened: Opened) -> None:
    space = opened.space
    orbits = sum(record.n_orbits for record in folder.shards.values())
    configurations = sum(record.n_configurations for record in folder.shards.values())
    found.note("orbits", orbits == space.count_orbits(), f"{orbits:,}; by Burnside's lemma {space.count_orbits():,}")
    found.note(
        "multiplicities",
        configurations == space.n_configurations,
        f"sum to {configurations:,}; arrangements of the space: {space.n_configurations:,}",
    )


def _check_result(found: _Checks, folder: ScreenFolder, opened: Opened, settings: ScreenSettings) -> None:
    """Merge again, elsewhere, and compare."""
    try:
        read_result(folder.path)
        again = merged(folder, opened.space, settings)
    except InputError as error:
        found.note("result", False, str(error))
        return
    with tempfile.TemporaryDirectory(prefix="matganip-") as name:
        copy = ScreenFolder(Path(name), folder.header, [])
        copy.shards, copy.rounds = folder.shards, folder.rounds
        write_result(copy, opened.space, settings, again)
        for file in (RESULT, WINNERS):
            same = (folder.path / file).is_file() and (Path(name) / file).read_bytes() == (
                folder.path / file
            ).read_bytes()
            found.note(
                file,
                same,
                "is what the shards give"
                if same
                else "is not what the shards give: remove it and resume with --resume",
            )


def _check_rows(
    found: _Checks,
    folder: ScreenFolder,
    opened: Opened,
    shards: list[int],
    wanted: int,
    draw: np.random.Generator,
) -> None:
    """Predict rows again, and check their representatives and multiplicities."""
    chosen = draw.choice(shards, size=min(len(shards), 20), replace=False).tolist()
    parts = [part for part in (_some(folder.path, shard, wanted, draw) for shard in chosen) if len(part)]
    if not parts:
        return
    rows = Rows.joined(parts)
    rows = rows.take(draw.permutation(len(rows))[:wanted])
    canonical = opened.space.canonical(np.ascontiguousarray(rows.occupations))
    same = (canonical.occupations == rows.occupations).all() and (canonical.multiplicity == rows.multiplicity).all()
    found.note("orbits of rows", same, f"{len(rows)} rows: representatives and multiplicities, found again")
    apart = 0.0
    for column, scorer in enumerate(opened.scorers):
        said = scorer.predict(scorer.features(np.ascontiguousarray(rows.occupations))).energy
        apart = max(apart, float(np.abs(said - rows.energy[:, column]).max()))
    found.note("predictions", apart == 0.0, f"{len(rows)} rows: the model's prediction differs by {apart:g} eV")


def _some(path: Path, shard: int, wanted: int, draw: np.random.Generator) -> Rows:
    """Some of the best rows of a shard."""
    rows, _ = read_shard(path / shard_name(shard))
    return rows.take(draw.permutation(len(rows))[:wanted])


def _check_shard(found: _Checks, folder: ScreenFolder, source: Source, settings: ScreenSettings, shard: int) -> None:
    """Rerun a shard and compare the bytes."""
    with tempfile.TemporaryDirectory(prefix="matganip-") as name:
        record = run_shard(task_of(folder, source, settings, shard), Path(name))
        known = folder.shards[shard]
        same = record.files == known.files and (record.n_orbits, record.n_configurations) == (
            known.n_orbits,
            known.n_configurations,
        )
    found.note(
        f"shard {shard}",
        same,
        f"{record.n_orbits:,} orbits, rerun: " + ("the same bytes" if same else "other bytes"),
    )
