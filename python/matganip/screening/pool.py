"""Processes that do shards, one core each: one that ends is replaced, and its shard is done again."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from matganip.errors import InputError, MissingExtraError
from matganip.processes import Asker, Crew, Ended
from matganip.screening.shard import Pulse, ShardRecord, ShardTask, run_shard

ATTEMPTS = 3
"""How often a shard is given out whose worker ends on it."""

News = ShardRecord | Pulse
Engine = Callable[[Iterable[ShardTask], Path], Iterator[ShardRecord | Pulse]]
"""Does shards and puts their files into a folder: `run_shards` with its number of workers, or a cluster."""


def run_shards(tasks: Iterable[ShardTask], folder: Path, n_workers: int) -> Iterator[News]:
    """Do shards, in this process or in several.

    Parameters
    ----------
    tasks : iterable of ShardTask
        Taken one by one, as a worker is free.
    folder : pathlib.Path
        Where their files go.
    n_workers : int
        Processes beside this one, each with one thread; 0 computes in this process.

    Yields
    ------
    Pulse or ShardRecord
        How far a shard is, and what it did once its files are in their places; shards end in any order.

    Raises
    ------
    InputError
        As `run_shard` does, or if a worker ends on the same shard three times.

    Notes
    -----
    Workers are spawned: a fork after OpenMP hangs. They end when this process does, however that ends.
    """
    if n_workers < 1:
        for task in tasks:
            pulses: list[Pulse] = []
            record = run_shard(task, folder, pulses.append)
            yield from pulses[-1:]
            yield record
        return
    with Crew(_serve, folder) as crew:
        yield from _work(crew, iter(tasks), n_workers)


def _work(crew: Crew, tasks: Iterator[ShardTask], n_workers: int) -> Iterator[News]:
    """Let workers do shards; one that ends is replaced, and its shard done again, `ATTEMPTS` times in all."""
    ended: Counter[int] = Counter()
    for task in islice(tasks, n_workers):
        crew.hire(task)
    for worker, told in crew.hear():
        if isinstance(told, Ended):
            shard = worker.task.shard
            ended[shard] += 1
            if ended[shard] >= ATTEMPTS:
                raise InputError(
                    f"shard {shard}: its worker ended {ATTEMPTS} times, the last time by {told.how}; what is complete "
                    "is kept, go on with --resume and fewer --workers"
                )
            crew.hire(worker.task)
            continue
        if isinstance(told, Failure):
            told.raise_again()
        yield told
        if isinstance(told, ShardRecord):
            crew.give(worker, next(tasks, None))


@dataclass(frozen=True)
class Failure:
    """What went wrong in a worker: a sentence for the user, or a traceback."""

    message: str
    is_input: bool

    def raise_again(self) -> None:
        """Raise it in the asking process."""
        raise InputError(self.message) if self.is_input else RuntimeError(f"in a worker:\n{self.message}")


def _serve(asker: Asker, folder: Path) -> None:
    """A worker: does the shards that it is given until it is given none."""
    for task in asker.tasks():
        try:
            asker.tell(run_shard(task, folder, asker.tell))
        except (InputError, MissingExtraError) as error:
            asker.tell(Failure(str(error), is_input=True))
            return
        except Exception:
            asker.tell(Failure(traceback.format_exc(), is_input=False))
            return
