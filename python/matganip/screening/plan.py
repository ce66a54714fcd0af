"""What a screen will cost: rates measured on a few shards of it, and the exact number of orbits."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.screening.crew import run_shards
from matganip.screening.shard import ShardRecord, ShardTask
from matganip.screening.shard_files import read_shard, shard_name

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
    start_s : float
        From starting a worker to its first block; spent by each worker, all at once.
    end_s : float
        Merging the shards, estimated from those measured.
    prepare_s : float
        Before the first shard: a student, where there is one.
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
    end_s: float
    prepare_s: float
    measured: int
    bytes: int

    def seconds(self, cores: int) -> float:
        """Wall time on so many cores like those measured, in seconds.

        A core does whole shards: where there are fewer shards than cores, cores stay idle.
        """
        per_shard = self.orbits / self.n_shards / (self.rate / self.workers)
        rounds = -(-self.n_shards // cores)
        even = self.n_shards / cores  # shards are alike, and one more for some than for others
        return self.prepare_s + self.start_s + per_shard * (rounds if even < 4 else even + 0.5) + self.end_s

    def core_hours(self, cores: int) -> float:
        """CPU time in hours."""
        return (self.orbits * self.core_seconds + self.start_s * min(cores, self.n_shards)) / 3600.0

    def to_dict(self, cores: int | None = None) -> dict[str, Any]:
        """As JSON values."""
        return {
            "orbits": self.orbits,
            "configurations": str(self.configurations),
            "shards": self.n_shards,
            "bytes": self.bytes,
            "measured": {"orbits": self.measured, "workers": self.workers, "orbits_per_s": self.rate},
            "plans": [
                {"cores": n, "core_hours": self.core_hours(n), "seconds": self.seconds(n)}
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
    prepare_s : float
        What has been spent before the first shard.
    bound, ceiling : float
        Of a student, as in `ShardTask`.
    seconds : float
        After which no other shard is begun, counted from the first block.

    Returns
    -------
    Plan

    Notes
    -----
    Shards are alike, whole subtrees of the enumeration dealt out evenly, so that those done speak for the others.
    """
    began = time.perf_counter()
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
        reading = time.perf_counter()
        for record in records:
            read_shard(folder / shard_name(record.shard))
        reading = time.perf_counter() - reading
    orbits = sum(record.n_orbits for record in records)
    size = sum(known["bytes"] for record in records for known in record.files.values())
    return Plan(
        orbits=space.count_orbits(),
        configurations=space.n_configurations,
        n_shards=settings.n_shards,
        workers=workers,
        rate=workers * orbits / sum(record.wall_s for record in records),
        core_seconds=sum(sum(record.stages.values()) for record in records) / orbits,
        start_s=firsts[0] - began,
        end_s=reading / len(records) * settings.n_shards,
        prepare_s=prepare_s,
        measured=orbits,
        bytes=round(size / len(records) * settings.n_shards),
    )
