"""Worker processes: one core each, replaced or told of when they end, and gone when the process that asked is."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Self

from matganip.errors import InputError

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@contextmanager
def one_thread() -> Iterator[None]:
    """An environment in which what starts now computes with one thread: one core each.

    Examples
    --------
    >>> with one_thread():
    ...     os.environ["OMP_NUM_THREADS"]
    '1'
    """
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@dataclass(frozen=True)
class Ended:
    """What is heard of a worker that ended without being told to."""

    how: str


@dataclass(eq=False)
class Worker:
    """A process, our end of its pipe, the task that it is on; whether it was heard of, and told to leave."""

    process: SpawnProcess
    connection: Connection
    task: Any
    heard: bool = False
    leaving: bool = False


class Crew:
    """Processes that each do one task at a time; leaving the `with` block ends them, whatever they are on.

    Parameters
    ----------
    serve : callable
        What a worker does: ``serve(asker, *arguments)``, with the `Asker` that it takes its tasks from.
    *arguments
        Picklable, for every worker.

    Notes
    -----
    Workers are spawned: a fork after OpenMP hangs. `concurrent.futures` has no use here, since there one process that
    ends takes the work of all along.
    """

    def __init__(self, serve: Callable[..., None], *arguments: Any) -> None:
        self.serve, self.arguments = serve, arguments
        self.workers: dict[Connection, Worker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in self.workers.values():
            worker.process.terminate()
        for worker in self.workers.values():
            worker.process.join(5)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
        self.workers.clear()

    def hire(self, task: Any = None) -> None:
        """Start a worker, and give it its first task if there is one already."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self.serve, *self.arguments), daemon=True)
        with one_thread():
            process.start()
        theirs.close()
        self.workers[ours] = Worker(process, ours, task)
        if task is not None:
            _send(ours, task)

    def give(self, worker: Worker, task: Any) -> None:
        """Give a worker its next task; None tells it to leave."""
        worker.task, worker.leaving = task, task is None
        _send(worker.connection, task)

    def hear(self) -> Iterator[tuple[Worker, Any]]:
        """What workers tell, or that one has `Ended`, until none is left.

        Raises
        ------
        InputError
            If one ends by itself before it has told anything: the next one would do the same.
        """
        while self.workers:
            for connection in wait(list(self.workers)):
                worker = self.workers[connection]  # type: ignore[index]
                try:
                    told = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    del self.workers[worker.connection]
                    worker.process.join()
                    if worker.leaving:
                        continue
                    told = Ended(_how_it_ended(worker.process))
                    if not worker.heard and (worker.process.exitcode or 0) >= 0:
                        raise InputError(
                            f"a worker ended before it began ({told.how}); above stands why. A program of your own "
                            'must do its work behind `if __name__ == "__main__":`, since workers import it'
                        ) from None
                worker.heard = True
                yield worker, told


class Asker:
    """Seen from a worker: the process that asks, and hears.

    Attributes
    ----------
    clear_up : callable
        Called before the worker ends because the asking process did, also by SIGKILL.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.clear_up: Callable[[], None] = lambda: None
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asking process's to handle
        threading.Thread(target=self._end_with_it, daemon=True).start()

    def tasks(self) -> Iterator[Any]:
        """What it asks for, until it asks for no more."""
        while True:
            try:
                task = self._connection.recv()
            except (EOFError, ConnectionError):
                self._end_with_it()
                return
            if task is None:
                return
            yield task

    def tell(self, news: Any) -> None:
        """Send it news."""
        try:
            self._connection.send(news)
        except ConnectionError:
            self._end_with_it()

    def _end_with_it(self) -> None:
        """Wait for its end, and end: nobody would hear the result."""
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            self.clear_up()
            os._exit(1)


def _work(connection: Connection, serve: Callable[..., None], *arguments: Any) -> None:
    serve(Asker(connection), *arguments)
    sys.stdout.flush()
    os._exit(0)  # what it had to say is said; taking torch down takes half a second, which the asking process waits for


def _send(connection: Connection, task: Any) -> None:
    with suppress(ConnectionError):  # a worker that has ended meanwhile is heard of at its end of the pipe
        connection.send(task)


def _how_it_ended(process: SpawnProcess) -> str:
    """The signal that a process ended by, or its exit status."""
    code = process.exitcode
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"
