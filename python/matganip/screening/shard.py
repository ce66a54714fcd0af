"""One shard of a screen: a pure function of the screen and the shard's number, which writes one file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from pydantic import TypeAdapter

from matganip.errors import InputError
from matganip.screening.cascade import Rescorer, TooNarrow
from matganip.screening.selection import Best, Rows, Selection
from matganip.screening.shard_files import EveryRow, write_shard
from matganip.thermodynamics.histogram import EnergyHistogram
from matganip.thermodynamics.sums import CanonicalSums, checked_temperatures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.scoring import GraphScorer
    from matganip.screening.cascade import SurrogateScorer

    Floats = NDArray[np.float64]

Tell = Callable[["Pulse"], None]
STAGES = ("enumeration", "peaks", "surrogate", "network", "ranking", "sums", "writing")
WIDENED_BY = 1.25
"""A bound that proves too narrow becomes this many times the difference found."""


@dataclass(frozen=True)
class ScreenSettings:
    """What a screen looks for, and how it is cut into shards; results depend on all of it.

    Parameters
    ----------
    selection : Selection
    n_shards : int
    temperatures : tuple of float
        Kelvin, of the canonical sums.
    bin_width : float
        Of the energy histogram, eV per supercell.
    keep : {"best", "all"}
        Whether every orbit is written, or only the best of each shard.
    batch_size : int
        Orbits of a block.

    Raises
    ------
    InputError
        If one of them makes no sense.
    """

    selection: Selection
    n_shards: int
    temperatures: tuple[float, ...] = (300.0,)
    bin_width: float = 0.005
    keep: str = "best"
    batch_size: int = 16384

    def __post_init__(self) -> None:
        checked_temperatures(self.temperatures)
        EnergyHistogram(self.bin_width)
        if self.keep not in ("best", "all"):
            raise InputError(f"keep: {self.keep!r} is neither best nor all")


@dataclass(frozen=True)
class Opened:
    """What a shard computes with.

    Parameters
    ----------
    space : ConfigurationSpace
    scorers : tuple of GraphScorer
        One for each property; the first is the energy that is summed over.
    surrogate : SurrogateScorer or None
        Of the first property; it screens in the model's place where there is one.
    """

    space: ConfigurationSpace
    scorers: tuple[GraphScorer, ...]
    surrogate: SurrogateScorer | None = None


class Source(Protocol):
    """Small and picklable: says where models and space are."""

    def open(self) -> Opened:
        """Read the models and make the space; a process may cache them."""
        ...


@dataclass(frozen=True)
class ShardTask:
    """All that a shard depends on.

    Parameters
    ----------
    source : Source
    settings : ScreenSettings
    shard : int
        From 0 to n_shards - 1.
    bound : float
        Largest difference assumed between surrogate and model, eV per supercell; unused without a surrogate.
    ceiling : float
        An upper limit of the key of the last winner; infinity where none is known.
    """

    source: Source
    settings: ScreenSettings
    shard: int
    bound: float = 0.0
    ceiling: float = np.inf


@dataclass(frozen=True)
class Pulse:
    """How far a shard is: orbits and configurations so far, and the best energy, eV per supercell."""

    shard: int
    n_orbits: int
    n_configurations: int
    best: float


@dataclass(frozen=True)
class ShardRecord:
    """A completed shard, for the manifest.

    Attributes
    ----------
    shard : int
    n_orbits, n_configurations : int
        Exact.
    n_predicted : int
        Graphs that the network has seen.
    n_rescored : int
        Arrangements that the network re-scored; 0 without a surrogate.
    bound, reach, widest : float
        The bound that was used; the smallest surrogate key of an arrangement that was not re-scored (infinity where
        there is none); the largest difference of surrogate and model on those that were.
    files : dict of str to dict
        Rows, bytes and SHA-256 of each file.
    stages : dict of str to float
        CPU seconds of each stage.
    wall_s : float
        Without the time for opening the source, which a process does once.
    """

    shard: int
    n_orbits: int
    n_configurations: int
    n_predicted: int
    n_rescored: int
    bound: float
    reach: float
    widest: float
    files: dict[str, dict[str, Any]]
    stages: dict[str, float]
    wall_s: float

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; infinity is null."""
        record = asdict(self)
        record["n_configurations"] = str(self.n_configurations)
        record["reach"] = None if np.isinf(self.reach) else self.reach
        return record

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> ShardRecord:
        """Undo `to_dict`."""
        reach = np.inf if record["reach"] is None else record["reach"]
        found = {**record, "n_configurations": int(record["n_configurations"]), "reach": reach}
        return TypeAdapter(cls).validate_python(found)


@dataclass
class _Stages:
    """CPU time of each stage of a shard."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.seconds[stage] += time.process_time() - start


def run_shard(task: ShardTask, folder: Path, tell: Tell | None = None) -> ShardRecord:
    """Screen one shard and write its file.

    Parameters
    ----------
    task : ShardTask
    folder : pathlib.Path
        Where ``shard-00012.parquet`` goes, and with ``keep="all"`` also ``all-00012.parquet``; each under a temporary
        name first.
    tell : callable, optional
        Called with a `Pulse` after each block.

    Returns
    -------
    ShardRecord

    Raises
    ------
    InputError
        If a file cannot be written, or a model diverges.

    Notes
    -----
    The same task gives the same bytes, whichever process runs it, at any time and with any number of threads.
    """
    opened = task.source.open()
    begun = time.perf_counter()
    bound = task.bound
    while True:
        try:
            return _Shard(task, opened, bound).run(folder, tell, begun)
        except TooNarrow as found:  # its error is larger than on the sample: rerun the shard
            bound = WIDENED_BY * found.gap


class _Shard:
    """A shard at work."""

    def __init__(self, task: ShardTask, opened: Opened, bound: float) -> None:
        settings, n_sites = task.settings, opened.space.n_sites
        self.task, self.opened = task, opened
        self.stages = _Stages()
        self.sums = CanonicalSums(settings.temperatures)
        self.histogram = EnergyHistogram(settings.bin_width)
        self.best = Best(settings.selection, n_sites, len(opened.scorers))
        self.rescorer = (
            None
            if opened.surrogate is None
            else Rescorer(opened.scorers[0], self.best, bound, task.ceiling, self.stages.of)
        )
        self.n_predicted = 0
        self.lead = float("nan")  # best energy so far, by the first stage

    def run(self, folder: Path, tell: Tell | None, begun: float) -> ShardRecord:
        settings, space = self.task.settings, self.opened.space
        stream = space.orbits(settings.batch_size, (self.task.shard, settings.n_shards), num_threads=1)
        every = EveryRow(folder, self.task.shard, space, settings.keep == "all")
        with every.writing():
            first = 0
            while True:
                with self.stages.of("enumeration"):
                    batch = next(stream, None)
                if batch is None:
                    break
                rows = self._score(batch, first)
                with self.stages.of("writing"):
                    every.put(rows)
                first += len(batch)
                if tell is not None:
                    tell(Pulse(self.task.shard, stream.n_orbits, stream.n_configurations, self.lead))
            if self.rescorer is not None:
                self.rescorer.finish()
        with self.stages.of("writing"):
            facts = {
                "shard": str(self.task.shard),
                "n_shards": str(settings.n_shards),
                "sums": json.dumps(self.sums.to_dict()),
                "histogram": json.dumps(self.histogram.to_dict()),
            }
            files = {**write_shard(folder, self.task.shard, space, self.best.rows, facts), **every.files}
        return self._record(stream.n_orbits, stream.n_configurations, files, time.perf_counter() - begun)

    def _score(self, batch: ConfigurationBatch, first: int) -> Rows:
        """Score a block, by the surrogate where there is one, and add it to sums, histogram and best rows."""
        opened, stages = self.opened, self.stages
        energy = np.empty((len(batch), len(opened.scorers)))
        deviation = np.full_like(energy, np.nan)
        if opened.surrogate is not None:
            with stages.of("peaks"):
                features = opened.surrogate.features(batch.occupations)
            with stages.of("surrogate"):
                energy[:, 0] = opened.surrogate.energy(features)
        else:
            for column, scorer in enumerate(opened.scorers):
                with stages.of("peaks"):
                    features = scorer.features(batch.occupations)
                with stages.of("network"):
                    scores = scorer.predict(features)
                energy[:, column], deviation[:, column] = scores.energy, scores.deviation
                self.n_predicted += scores.n_computed
        rows = Rows(_numbers(first, len(batch)), batch.multiplicity, batch.occupations, energy, deviation)
        with stages.of("sums"):
            self.sums.add(energy[:, 0], batch.multiplicity)
            self.histogram.add(energy[:, 0], batch.multiplicity)
        with stages.of("ranking"):
            self._follow(energy[:, 0])
        if self.rescorer is not None:
            self.rescorer.offer(rows)
        else:
            with stages.of("ranking"):
                self.best.add(rows)
        return rows

    def _follow(self, energy: Floats) -> None:
        key = self.task.settings.selection.key
        found = energy[np.argmin(key(energy))]
        if not key(np.array([self.lead]))[0] <= key(np.array([found]))[0]:  # also where there was none
            self.lead = float(found)

    def _record(self, n_orbits: int, n_configurations: int, files: dict[str, Any], wall: float) -> ShardRecord:
        by = self.rescorer
        return ShardRecord(
            shard=self.task.shard,
            n_orbits=n_orbits,
            n_configurations=n_configurations,
            n_predicted=self.n_predicted + (0 if by is None else by.n_predicted),
            n_rescored=0 if by is None else by.n_rescored,
            bound=0.0 if by is None else by.bound,
            reach=np.inf if by is None else by.reach,
            widest=0.0 if by is None else by.widest,
            files=files,
            stages={name: round(seconds, 4) for name, seconds in self.stages.seconds.items()},
            wall_s=round(wall, 4),
        )


def _numbers(first: int, n: int) -> NDArray[np.int64]:
    return np.arange(first, first + n, dtype=np.int64)
