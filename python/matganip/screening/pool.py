"""Worker processes that do shards, one core each: dead workers are replaced and their shard is rerun."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from matganip.errors import InputError, MissingExtraError
from matganip.processes import Ended, Parent, WorkerPool
from matganip.screening.shard import Pulse, ShardRecord, ShardTask, run_shard

ATTEMPTS = 3
"""How often a shard is tried before its dead workers stop the screen."""

News = ShardRecord | Pulse
Engine = Callable[[Iterable[ShardTask], Path], Iterator[ShardRecord | Pulse]]
"""Does shards and writes their files into a folder: `run_shards` with its number of workers, or a cluster."""


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
        How far a shard is, and its record once its files are in their places; shards end in any order.

    Raises
    ------
    InputError
        As `run_shard` does, or if workers die three times on the same shard.

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
    with WorkerPool(_serve, folder) as pool:
        yield from _work(pool, iter(tasks), n_workers)


def _work(pool: WorkerPool, tasks: Iterator[ShardTask], n_workers: int) -> Iterator[News]:
    """Let workers do shards; dead workers are replaced and their shard is rerun, `ATTEMPTS` times in all."""
    ended: Counter[int] = Counter()
    for task in islice(tasks, n_workers):
        pool.start(task)
    for worker, told in pool.messages():
        if isinstance(told, Ended):
            shard = worker.task.shard
            ended[shard] += 1
            if ended[shard] >= ATTEMPTS:
                raise InputError(
                    f"shard {shard}: its worker died {ATTEMPTS} times, the last time by {told.how}; complete shards "
                    "are kept, resume with --resume and fewer --workers"
                )
            pool.start(worker.task)
            continue
        if isinstance(told, Failure):
            told.raise_again()
        yield told
        if isinstance(told, ShardRecord):
            pool.give(worker, next(tasks, None))


@dataclass(frozen=True)
class Failure:
    """An error in a worker: a sentence for the user, or a traceback."""

    message: str
    is_input: bool

    def raise_again(self) -> None:
        """Raise it in the asking process."""
        raise InputError(self.message) if self.is_input else RuntimeError(f"in a worker:\n{self.message}")


def _serve(parent: Parent, folder: Path) -> None:
    """Work of a process: shards, until there are no more."""
    for task in parent.tasks():
        try:
            parent.send(run_shard(task, folder, parent.send))
        except (InputError, MissingExtraError) as error:
            parent.send(Failure(str(error), is_input=True))
            return
        except Exception:
            parent.send(Failure(traceback.format_exc(), is_input=False))
            return
