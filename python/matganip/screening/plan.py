"""What a screen will cost: rates measured on a few of its shards, and the exact number of orbits."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.results.screen import ScreenPlan
from matganip.screening.folder import settings_of, source_of
from matganip.screening.pool import run_shards
from matganip.screening.request import Request
from matganip.screening.run import begin
from matganip.screening.selection import Best
from matganip.screening.shard import ShardRecord, ShardTask
from matganip.screening.shard_files import read_shard, shard_name
from matganip.screening.stream import task_of
from matganip.screening.winners import WINNERS, write_winners
from matganip.thermodynamics.sums import CanonicalSums

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.manifest import ScreenFolder
    from matganip.screening.request import ModelOrFolder

SECONDS = 20.0
"""How long to measure, once the workers are at work."""


def plan_screen(
    model: ModelOrFolder | Sequence[ModelOrFolder],
    space: ConfigurationSpace | None = None,
    *,
    workers: int = 1,
    cores: int | None = None,
    seconds: float = SECONDS,
    already_s: float = 0.0,
    **options: Any,
) -> ScreenPlan:
    """Measure some shards of a screen and work out what all of them cost; nothing stays on disk.

    Parameters
    ----------
    model, space
        As for `screen`.
    workers : int
        Processes to measure with, at least one.
    cores : int, optional
        Number of cores to plan for besides.
    seconds : float
        How long to measure, after the start.
    already_s : float
        CPU time that this process has spent on importing, and that a screen spends too.
    **options
        The other keywords of `screen` that say what is screened.

    Returns
    -------
    ScreenPlan

    Raises
    ------
    InputError
        As `screen`.

    Notes
    -----
    A shard is an even share of the enumeration's subtrees, so that those measured are representative of the others.
    """
    workers = max(1, workers)
    with tempfile.TemporaryDirectory(prefix="matganip-") as name:
        start, own = time.perf_counter(), time.process_time()
        request = Request.of(model, space, **options)
        folder = begin(request, Path(name), _no_op)
        source_of(folder).open()  # as a process that works alone does
        prepare_s, prepare_core_s = time.perf_counter() - start, time.process_time() - own
        began, before, own = time.perf_counter(), _cpu_of_children(), time.process_time()
        records, first = _some_shards(folder, workers, seconds)
        hearing_core_s = time.process_time() - own
        reading, writing = _merging(folder.path, request, records)
        merging = reading / len(records) * request.settings.n_shards + writing
    orbits = sum(record.n_orbits for record in records)
    spent = sum(sum(record.stages.values()) for record in records)
    size = sum(known["bytes"] for record in records for known in record.files.values())
    return ScreenPlan(
        orbits=request.space.count_orbits(),
        configurations=request.space.n_configurations,
        n_shards=request.settings.n_shards,
        workers=workers,
        rate=workers * orbits / sum(record.wall_s for record in records),
        core_seconds=spent / orbits,
        start_s=first - began,
        start_core_s=max(0.0, _cpu_of_children() - before - spent) / workers,
        end_s=merging,
        prepare_s=already_s + prepare_s,
        asking_core_s=already_s + prepare_core_s + hearing_core_s + merging,
        measured=orbits,
        bytes=round(size / len(records) * request.settings.n_shards),
        cores=cores,
    )


def _some_shards(folder: ScreenFolder, workers: int, seconds: float) -> tuple[list[ShardRecord], float]:
    """Run shards for so many seconds from the first block; their records, and when the first block was done."""
    firsts: list[float] = []

    def tasks() -> Iterator[ShardTask]:
        settings, source = settings_of(folder.header), source_of(folder)
        for shard in range(settings.n_shards):
            if shard >= workers and firsts and time.perf_counter() - firsts[0] > seconds:
                return
            yield task_of(folder, source, settings, shard)

    records = []
    for news in run_shards(tasks(), folder.path, workers):
        if isinstance(news, ShardRecord):
            records.append(news)
        if not firsts:
            firsts.append(time.perf_counter())
    return records, firsts[0]


def _merging(path: Path, request: Request, records: list[ShardRecord]) -> tuple[float, float]:
    """Seconds for reading the files of these shards, and for writing their winners."""
    space, settings = request.space, request.settings
    start = time.perf_counter()
    best = Best(settings.selection, space.n_sites, settings.selection.n_properties)
    for record in records:
        best.add(read_shard(path / shard_name(record.shard))[0])
    read = time.perf_counter()
    rows = best.rows.take(slice(0, settings.selection.size))
    sums = CanonicalSums(settings.temperatures)
    sums.add(rows.energy[:, 0], rows.multiplicity)
    write_winners(path / WINNERS, space, settings.selection, rows, sums)
    return read - start, time.perf_counter() - read


def _no_op(sentence: str) -> None:
    """No-op callback."""


def _cpu_of_children() -> float:
    """CPU seconds of the child processes that have ended; 0 on Windows, where no such count is kept."""
    spent = os.times()
    return spent.children_user + spent.children_system
