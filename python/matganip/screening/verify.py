"""Is a screen what it says? Counts against Burnside's, files against their checksums, rows against the model."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.errors import InputError
from matganip.screening.manifest import ScreenFolder
from matganip.screening.merge import merged, read_result, write_result
from matganip.screening.selection import Rows
from matganip.screening.shard import Opened, Settings, run_shard
from matganip.screening.shard_files import read_shard, shard_name
from matganip.screening.stream import task_of
from matganip.screening.winners import RESULT, WINNERS

if TYPE_CHECKING:
    from matganip.screening.shard import Source

Check = tuple[str, bool, str]


@dataclass
class Verified:
    """What `verify` found.

    Attributes
    ----------
    checks : list of (str, bool, str)
        What was looked at, whether it is right, and the numbers behind it.
    """

    checks: list[Check] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all is right."""
        return all(right for _, right, _ in self.checks)

    def note(self, what: str, right: bool, numbers: str) -> None:
        """Add a check."""
        self.checks.append((what, bool(right), numbers))


def verify(
    folder: ScreenFolder,
    source: Source,
    settings: Settings,
    *,
    rows: int = 200,
    shards: int = 1,
    seed: int = 0,
    tell: Callable[[str], object] | None = None,
) -> Verified:
    """Look at a screen's folder as if somebody else had made it.

    Parameters
    ----------
    folder : ScreenFolder
    source : Source
        Of its models and space.
    settings : Settings
    rows : int
        So many of the rows in its files are predicted again.
    shards : int
        So many shards are done again from nothing, and compared byte for byte.
    seed : int
        Of both draws.
    tell : callable, optional
        Is told what is looked at next.

    Returns
    -------
    Verified
    """
    found, say = Verified(), tell or _nothing
    say("files")
    damaged = folder.damaged()
    n_files = sum(len(record.files) for record in folder.shards.values())
    found.note("checksums", not damaged, next(iter(damaged.values()), f"{n_files} files are as they were written"))
    missing = folder.missing()
    found.note(
        "shards", not missing, f"{len(folder.shards)} of {len(folder.wanted())} are complete, go on with --resume"
        if missing else f"all {len(folder.shards)} are complete",
    )  # fmt: skip
    opened = source.open()
    whole = folder.part == (0, 1) and not missing and not damaged
    if whole:
        _check_counts(found, folder, opened)
        say("result")
        _check_result(found, folder, opened, settings)
    good = [shard for shard in sorted(folder.shards) if shard not in damaged]
    draw = np.random.default_rng(seed)
    if good and rows:
        say("rows")
        _check_rows(found, folder, opened, good, rows, draw)
    for shard in sorted(draw.permutation(good)[:shards].tolist()):
        say(f"shard {shard}")
        _check_shard(found, folder, source, settings, shard)
    return found


def _check_counts(found: Verified, folder: ScreenFolder, opened: Opened) -> None:
    space = opened.space
    orbits = sum(record.n_orbits for record in folder.shards.values())
    configurations = sum(record.n_configurations for record in folder.shards.values())
    found.note("orbits", orbits == space.count_orbits(), f"{orbits:,}; by Burnside's lemma {space.count_orbits():,}")
    found.note(
        "multiplicities",
        configurations == space.n_configurations,
        f"sum to {configurations:,}; arrangements of the space: {space.n_configurations:,}",
    )


def _check_result(found: Verified, folder: ScreenFolder, opened: Opened, settings: Settings) -> None:
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
                file, same, "is what the shards give" if same else "is not what the shards give: remove it, --resume"
            )


def _check_rows(
    found: Verified,
    folder: ScreenFolder,
    opened: Opened,
    shards: list[int],
    wanted: int,
    draw: np.random.Generator,
) -> None:
    """Predict rows again, and look for their orbits and multiplicities."""
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
    found.note("predictions", apart == 0.0, f"{len(rows)} rows: the model's word differs by {apart:g} eV")


def _some(path: Path, shard: int, wanted: int, draw: np.random.Generator) -> Rows:
    """Rows of a shard: those of its best."""
    rows, _ = read_shard(path / shard_name(shard))
    return rows.take(draw.permutation(len(rows))[:wanted])


def _check_shard(found: Verified, folder: ScreenFolder, source: Source, settings: Settings, shard: int) -> None:
    """Do a shard again and compare the bytes."""
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
        f"{record.n_orbits:,} orbits, done again: " + ("the same bytes" if same else "other bytes"),
    )


def _nothing(what: str) -> None:
    """Nobody listens."""
