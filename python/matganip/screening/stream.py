"""A screen from its first shard to its result: missing shards are done, entered in the manifest, and merged."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from matganip.screening.folder import settings_of
from matganip.screening.merge import merged, next_round, write_result
from matganip.screening.shard import Pulse, ShardRecord, ShardTask

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.screening.manifest import ScreenFolder
    from matganip.screening.pool import Engine
    from matganip.screening.shard import ScreenSettings, Source

Phase = Literal["screen", "screen again", "merge", "done"]


@dataclass(frozen=True)
class Standing:
    """Where a screen stands.

    Attributes
    ----------
    phase : {"screen", "screen again", "merge", "done"}
        "screen again" reruns the shards whose re-scoring stopped too early for the bound that was needed elsewhere.
    n_orbits, of_orbits : int
        Done, including those of an earlier start, and in all; for a part of the shards, its share of the exact total.
    n_configurations : int
        Done.
    n_shards, of_shards : int
    seconds : float
        Since this start.
    orbits_per_s : float
        Of this start.
    best : float
        Best energy so far, eV per supercell; nan before the first.
    record : ShardRecord or None
        The shard that has just been entered in the manifest.
    """

    phase: Phase
    n_orbits: int
    of_orbits: int
    n_configurations: int
    n_shards: int
    of_shards: int
    seconds: float
    orbits_per_s: float
    best: float
    record: ShardRecord | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, an event of ``--json``."""
        return {
            "event": "shard" if self.record else self.phase,
            "orbits": self.n_orbits,
            "of_orbits": self.of_orbits,
            "configurations": str(self.n_configurations),
            "shards": self.n_shards,
            "of_shards": self.of_shards,
            "seconds": round(self.seconds, 3),
            "orbits_per_s": round(self.orbits_per_s, 1),
            "arrangements_per_s": round(self.arrangements_per_s, 1),
            "seconds_left": None if math.isnan(self.seconds_left) else round(self.seconds_left, 1),
            "best_eV": None if math.isnan(self.best) else self.best,
            "shard": self.record.shard if self.record else None,
        }

    @property
    def detail(self) -> str:
        """Rates and the best energy so far, for a progress bar."""
        best = "" if math.isnan(self.best) else f", best {self.best:.4f} eV"
        return f"{self.arrangements_per_s:,.0f} arrangements/s, {self.orbits_per_s:,.0f} orbits/s{best}"

    @property
    def arrangements_per_s(self) -> float:
        """Arrangements a second, symmetry not counted, at the mean multiplicity so far."""
        return self.orbits_per_s * self.n_configurations / self.n_orbits if self.n_orbits else 0.0

    @property
    def seconds_left(self) -> float:
        """At the rate so far; nan before there is one."""
        return (self.of_orbits - self.n_orbits) / self.orbits_per_s if self.orbits_per_s > 0 else float("nan")


def stream(folder: ScreenFolder, source: Source, space: ConfigurationSpace, engine: Engine) -> Iterator[Standing]:
    """Do the missing shards of a folder that this process has locked, and merge them.

    Parameters
    ----------
    folder : ScreenFolder
    source : Source
        Of models and space.
    space : ConfigurationSpace
    engine : callable
        Does the shards.

    Yields
    ------
    Standing
        Several times a second while shards are at work, and after each.

    Raises
    ------
    InputError
        As the engine and `write_result` do; what is in the manifest stays, and a later call resumes from it.
    """
    settings = settings_of(folder.header)
    meter = _Meter(folder, space, settings)
    while True:
        tasks = [task_of(folder, source, settings, shard) for shard in folder.missing()]
        again = bool(folder.rounds)
        for news in engine(tasks, folder.path):
            if isinstance(news, ShardRecord):
                folder.add(news)
                yield meter.entered(news, "screen again" if again else "screen")
            elif meter.is_time(news):
                yield meter.standing("screen again" if again else "screen")
        if folder.part != (0, 1):
            break
        yield meter.standing("merge")
        found = merged(folder, space, settings)
        decided = next_round(folder, settings, found)
        if decided is None:
            write_result(folder, space, settings, found)
            break
        folder.add_round(decided)
        meter.forget()
    yield meter.standing("done")


def task_of(folder: ScreenFolder, source: Source, settings: ScreenSettings, shard: int) -> ShardTask:
    """A shard with the bound and ceiling of the header, or of the last round that named it."""
    surrogate = folder.header.get("surrogate") or {"bound_eV": 0.0, "ceiling_eV": None}
    bound, ceiling = surrogate["bound_eV"], surrogate["ceiling_eV"]
    for decided in folder.rounds:
        if shard in decided["shards"]:
            bound, ceiling = decided["bound"], decided["ceiling"]
    return ShardTask(source, settings, shard, bound, np.inf if ceiling is None else ceiling)


class _Meter:
    """Counts what is done, in complete shards and in those at work."""

    INTERVAL = 0.2

    def __init__(self, folder: ScreenFolder, space: ConfigurationSpace, settings: ScreenSettings) -> None:
        self.folder, self.selection = folder, settings.selection
        self.begun = time.perf_counter()
        wanted = len(folder.wanted())
        self.of_shards = wanted
        self.of_orbits = round(space.count_orbits() * wanted / settings.n_shards)
        self.at_work: dict[int, Pulse] = {}
        self.before = sum(record.n_orbits for record in folder.shards.values())
        self.done = 0  # orbits of this start, in shards that are complete
        self.best = float("nan")
        self.told = 0.0

    def entered(self, record: ShardRecord, phase: Phase) -> Standing:
        self.at_work.pop(record.shard, None)
        self.done += record.n_orbits
        return self.standing(phase, record)

    def is_time(self, pulse: Pulse) -> bool:
        self.at_work[pulse.shard] = pulse
        if np.isnan(self.best) or self.selection.key(np.array([pulse.best]))[0] < self._best_key():
            self.best = pulse.best
        return time.perf_counter() - self.told > self.INTERVAL

    def forget(self) -> None:
        """Do not count twice what is rerun."""
        self.before = sum(record.n_orbits for record in self.folder.shards.values()) - self.done

    def standing(self, phase: Phase, record: ShardRecord | None = None) -> Standing:
        now = time.perf_counter()
        self.told = now
        here = self.done + sum(pulse.n_orbits for pulse in self.at_work.values())
        configurations = sum(one.n_configurations for one in self.folder.shards.values())
        return Standing(
            phase,
            n_orbits=self.before + here,
            of_orbits=self.of_orbits,
            n_configurations=configurations + sum(pulse.n_configurations for pulse in self.at_work.values()),
            n_shards=len(self.folder.shards),
            of_shards=self.of_shards,
            seconds=now - self.begun,
            orbits_per_s=here / max(now - self.begun, 1e-9),
            best=self.best,
            record=record,
        )

    def _best_key(self) -> float:
        return float(self.selection.key(np.array([self.best]))[0])
