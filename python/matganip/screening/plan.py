"""What a screen will cost: rates measured on a few shards of it, and the exact number of orbits."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.screening.pool import run_shards
from matganip.screening.selection import Best
from matganip.screening.shard import ShardRecord, ShardTask
from matganip.screening.shard_files import read_shard, shard_name
from matganip.screening.winners import WINNERS, write_winners
from matganip.thermo.sums import CanonicalSums

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.shard import Settings, Source

SECONDS = 20.0
"""How long is measured, once workers are at work."""


@dataclass(frozen=True)
class Plan:
    """What a screen costs.

    Attributes
    ----------
    orbits, configurations : int
        Exact.
    n_shards : int
    workers : int
        Of the measurement.
    rate : float
        Orbits a second by all of them together, once they were at work.
    core_seconds : float
        CPU time that they spent on an orbit.
    start_s, start_core_s : float
        From starting a worker to its first block, wall time (of all workers at once) and CPU time of each.
    end_s : float
        Merging the shards and writing the winners, estimated from those measured.
    prepare_s : float
        Before the first shard: a surrogate, where there is one.
    asking_core_s : float
        CPU time of the process that asks: starting, preparing, hearing and merging.
    measured : int
        Orbits.
    bytes : int
        Of all files.
    """

    orbits: int
    configurations: int
    n_shards: int
    workers: int
    rate: float
    core_seconds: float
    start_s: float
    start_core_s: float
    end_s: float
    prepare_s: float
    asking_core_s: float
    measured: int
    bytes: int

    def shards_for(self, cores: int) -> int:
        """Shards to ask for on so many cores: at least four for each, of at least a thousand orbits."""
        return max(self.n_shards, min(4 * cores, self.orbits // 1000))

    def seconds(self, cores: int) -> float:
        """Wall time on so many cores like those measured, in seconds.

        A core does whole shards, which are alike: at the end half a shard's time is spent waiting for the last.
        """
        shards = self.n_shards if cores == self.workers else self.shards_for(cores)
        of_shard = self.orbits / shards / (self.rate / self.workers)
        even = shards / cores
        rounds = -(-shards // cores) if even < 4 else even + 0.5
        return self.prepare_s + self.start_s + of_shard * rounds + self.end_s * shards / self.n_shards

    def core_hours(self, cores: int) -> float:
        """CPU time in hours."""
        starting = self.start_core_s * min(cores, self.shards_for(cores))
        return (self.orbits * self.core_seconds + starting + self.asking_core_s) / 3600.0

    def to_dict(self, cores: int | None = None) -> dict[str, Any]:
        """As JSON values."""
        return {
            "orbits": self.orbits,
            "configurations": str(self.configurations),
            "shards": self.n_shards,
            "bytes": self.bytes,
            "measured": {"orbits": self.measured, "workers": self.workers, "orbits_per_s": self.rate},
            "plans": [
                {"cores": n, "shards": self.shards_for(n), "core_hours": self.core_hours(n), "seconds": self.seconds(n)}
                for n in dict.fromkeys([self.workers, *([cores] if cores else [])])
            ],
        }


def measure(
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
) -> Plan:
    """Do some shards of a screen in a temporary folder, and work out what all of them cost.

    Parameters
    ----------
    source : Source
    settings : Settings
    space : ConfigurationSpace
    workers : int
        At least one.
    prepare_s, prepare_core_s : float
        What has been spent before the first shard: wall time, and CPU time of this process.
    bound, ceiling : float
        Of a surrogate, as in `ShardTask`.
    seconds : float
        After which no other shard is begun, counted from the first block.

    Returns
    -------
    Plan

    Notes
    -----
    Shards are alike, whole subtrees of the enumeration dealt out evenly, so that those done speak for the others.
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
    return Plan(
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
    )


def _cpu_of_children() -> float:
    """CPU seconds of the processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
