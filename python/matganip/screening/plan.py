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
from matganip.screening.winners import WINNERS, write_winners
from matganip.thermodynamics.sums import CanonicalSums

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.request import ModelOrFolder
    from matganip.screening.shard import Settings, Source

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
    """
    with tempfile.TemporaryDirectory(prefix="matganip-") as name:
        start, own = time.perf_counter(), time.process_time()
        request = Request.of(model, space, **options)
        folder = begin(request, Path(name), _no_op)
        source = source_of(folder)
        source.open()
        surrogate = folder.header["surrogate"] or {"bound_eV": 0.0, "ceiling_eV": None}
        ceiling = surrogate["ceiling_eV"]
        return measured(
            source,
            settings_of(folder.header),
            request.space,
            workers=max(1, workers),
            prepare_s=already_s + time.perf_counter() - start,
            prepare_core_s=already_s + time.process_time() - own,
            bound=surrogate["bound_eV"],
            ceiling=float("inf") if ceiling is None else ceiling,
            seconds=seconds,
            cores=cores,
        )


def measured(
    source: Source,
    settings: Settings,
    space: ConfigurationSpace,
    *,
    workers: int,
    prepare_s: float = 0.0,
    prepare_core_s: float = 0.0,
    bound: float = 0.0,
    ceiling: float = float("inf"),
    seconds: float = SECONDS,
    cores: int | None = None,
) -> ScreenPlan:
    """Do some shards in a temporary folder, and extrapolate to all of them.

    Parameters
    ----------
    source : Source
    settings : Settings
    space : ConfigurationSpace
    workers : int
        At least one.
    prepare_s, prepare_core_s : float
        Spent before the first shard: wall time, and CPU time of this process.
    bound, ceiling : float
        Of a surrogate, as in `ShardTask`.
    seconds : float
        After which no other shard is begun, counted from the first block.
    cores : int, optional
        To plan for besides.

    Returns
    -------
    ScreenPlan

    Notes
    -----
    A shard is an even share of the enumeration's subtrees, so that those measured are representative of the others.
    """
    began, before, own_before = time.perf_counter(), _cpu_of_children(), time.process_time()
    records: list[ShardRecord] = []
    firsts: list[float] = []

    def tasks() -> Iterator[ShardTask]:
        for shard in range(settings.n_shards):
            if shard >= workers and firsts and time.perf_counter() - firsts[0] > seconds:
                return
            yield ShardTask(source, settings, shard, bound, ceiling)

    with tempfile.TemporaryDirectory(prefix="matganip-") as name:
        folder = Path(name)
        for news in run_shards(tasks(), folder, workers):
            if isinstance(news, ShardRecord):
                records.append(news)
            if not firsts:
                firsts.append(time.perf_counter())
        hearing_core_s, end = time.process_time() - own_before, time.perf_counter()
        best = Best(settings.selection, space.n_sites, settings.selection.n_properties)
        for record in records:
            best.add(read_shard(folder / shard_name(record.shard))[0])
        reading = time.perf_counter() - end
        end = time.perf_counter()
        rows = best.rows.take(slice(0, settings.selection.size))
        sums = CanonicalSums(settings.temperatures)
        sums.add(rows.energy[:, 0], rows.multiplicity)
        write_winners(folder / WINNERS, space, settings.selection, rows, sums)
        writing = time.perf_counter() - end
    orbits = sum(record.n_orbits for record in records)
    spent = sum(sum(record.stages.values()) for record in records)
    merging = reading / len(records) * settings.n_shards + writing
    size = sum(known["bytes"] for record in records for known in record.files.values())
    return ScreenPlan(
        orbits=space.count_orbits(),
        configurations=space.n_configurations,
        n_shards=settings.n_shards,
        workers=workers,
        rate=workers * orbits / sum(record.wall_s for record in records),
        core_seconds=spent / orbits,
        start_s=firsts[0] - began,
        start_core_s=max(0.0, _cpu_of_children() - before - spent) / workers,
        end_s=merging,
        prepare_s=prepare_s,
        asking_core_s=prepare_core_s + hearing_core_s + merging,
        measured=orbits,
        bytes=round(size / len(records) * settings.n_shards),
        cores=cores,
    )


def _no_op(sentence: str) -> None:
    """No-op callback."""


def _cpu_of_children() -> float:
    """CPU seconds of the child processes that have ended; 0 on Windows, where no such count is kept."""
    spent = os.times()
    return spent.children_user + spent.children_system
