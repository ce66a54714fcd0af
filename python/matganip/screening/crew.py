"""Processes that do shards, one core each: one that ends is replaced, and its shard is done again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from matganip.errors import InputError, MissingExtraError
from matganip.processes import how_it_ended, one_thread
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
    crew = _Crew(iter(tasks), folder)
    try:
        yield from crew.work(n_workers)
    finally:
        crew.dismiss()


@dataclass
class _Member:
    process: SpawnProcess
    on: ShardTask


class _Crew:
    """The workers, and what each is on."""

    def __init__(self, tasks: Iterator[ShardTask], folder: Path) -> None:
        self.tasks, self.folder = tasks, folder
        self.again: list[ShardTask] = []
        self.members: dict[Connection, _Member] = {}
        self.attempts: dict[int, int] = {}

    def work(self, size: int) -> Iterator[News]:
        for _ in range(size):
            self._hire()
        while self.members:
            for connection in wait(list(self.members)):
                if not isinstance(connection, Connection):
                    continue
                try:
                    news = connection.recv()
                except (EOFError, ConnectionResetError):
                    self._replace(connection)
                    continue
                if isinstance(news, Failure):
                    news.raise_again()
                yield news
                if isinstance(news, ShardRecord):
                    self._give(connection)

    def dismiss(self) -> None:
        """End all workers, whatever they are on."""
        for member in self.members.values():
            member.process.terminate()
        for member in self.members.values():
            member.process.join(5)
            if member.process.is_alive():
                member.process.kill()
                member.process.join()
        self.members.clear()

    def _next(self) -> ShardTask | None:
        return self.again.pop() if self.again else next(self.tasks, None)

    def _hire(self) -> None:
        """Start a worker, where there is something to do."""
        task = self._next()
        if task is None:
            return
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.folder), daemon=True)
        with one_thread():
            process.start()
        theirs.close()
        self.members[ours] = _Member(process, task)
        self._send(ours, task)

    def _give(self, connection: Connection) -> None:
        member = self.members[connection]
        task = self._next()
        if task is None:
            self._send(connection, None)
            member.process.join()
            del self.members[connection]
            connection.close()
            return
        member.on = task
        self._send(connection, task)

    @staticmethod
    def _send(connection: Connection, task: ShardTask | None) -> None:
        # A worker that has ended meanwhile says so at its end of the pipe.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.send(task)

    def _replace(self, connection: Connection) -> None:
        """Do the shard of a worker that has ended again, by a new one."""
        member = self.members.pop(connection)
        member.process.join()
        shard = member.on.shard
        self.attempts[shard] = self.attempts.get(shard, 0) + 1
        if self.attempts[shard] >= ATTEMPTS:
            raise InputError(
                f"shard {shard}: its worker ended {ATTEMPTS} times, the last time by {how_it_ended(member.process)}; "
                "what is complete is kept, go on with --resume and fewer --workers"
            )
        self.again.append(member.on)
        self._hire()


@dataclass(frozen=True)
class Failure:
    """What went wrong in a worker: a sentence for the user, or a traceback."""

    message: str
    is_input: bool

    def raise_again(self) -> None:
        """Raise it in the asking process."""
        raise InputError(self.message) if self.is_input else RuntimeError(f"in a worker:\n{self.message}")


def _serve(connection: Connection, folder: Path) -> None:
    """A worker: does the shards that it is given until it is given none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asking process's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        task: ShardTask | None = connection.recv()
        if task is None:
            return
        try:
            connection.send(run_shard(task, folder, connection.send))
        except (InputError, MissingExtraError) as error:
            connection.send(Failure(str(error), is_input=True))
            return
        except Exception:
            connection.send(Failure(traceback.format_exc(), is_input=False))
            return


def _end_with_parent() -> None:
    """Wait for the end of the asking process, also by SIGKILL, and end: nobody would hear the result."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
