"""Worker pools: processes of one thread each, whose deaths are reported, and which end when their parent does."""

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
    """Set the environment so that processes started within compute with one thread each.

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


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Ended:
    """Reported for a worker that ended without being told to: the signal or the exit status."""

    how: str


@dataclass(eq=False)
class Worker:
    """A process of a pool.

    Attributes
    ----------
    process : SpawnProcess
        The process.
    connection : Connection
        This end of its pipe.
    task : object
        What it is computing; None if nothing.
    reported : bool
        Whether it has sent anything yet.
    dismissed : bool
        Whether it was told to end.
    """

    process: SpawnProcess
    connection: Connection
    task: Any
    reported: bool = False
    dismissed: bool = False


class WorkerPool:
    """Processes that compute one task at a time each; leaving the `with` block ends them, whatever they compute.

    Parameters
    ----------
    serve : callable
        What a worker runs: ``serve(parent, *arguments)``, with the `Parent` that it takes its tasks from.
    *arguments
        Picklable, the same for every worker.

    Notes
    -----
    Workers are spawned: a fork after OpenMP hangs. Why this is not a library's pool is in
    ``docs/adr/0009-worker-pools.md``.
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

    def start(self, task: Any = None) -> None:
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
        """Give a worker its next task; None tells it to end."""
        worker.task, worker.dismissed = task, task is None
        _send(worker.connection, task)

    def messages(self) -> Iterator[tuple[Worker, Any]]:
        """Yield what workers send, or that one has `Ended`, until none is left.

        Raises
        ------
        InputError
            If a worker ends by itself before it has sent anything: the next one would do the same.
        """
        while self.workers:
            for connection in wait(list(self.workers)):
                worker = self.workers[connection]  # type: ignore[index]
                try:
                    message = worker.connection.recv()
                except (EOFError, ConnectionError):
                    del self.workers[worker.connection]
                    worker.process.join()
                    if worker.dismissed:
                        continue
                    message = Ended(_how_it_ended(worker.process))
                    if not worker.reported and (worker.process.exitcode or 0) >= 0:
                        raise InputError(
                            f"a worker ended before it began ({message.how}); the reason is printed above. A program "
                            'of your own must start its work behind `if __name__ == "__main__":`: workers import it'
                        ) from None
                worker.reported = True
                yield worker, message


class Parent:
    """The parent process as a worker sees it.

    Attributes
    ----------
    clean_up : callable
        Called before the worker ends because its parent did, also where the parent was killed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.clean_up: Callable[[], None] = lambda: None
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
        threading.Thread(target=self._end_with_parent, daemon=True).start()

    def tasks(self) -> Iterator[Any]:
        """Yield the tasks it gives, until there are no more."""
        while True:
            try:
                task = self._connection.recv()
            except (EOFError, ConnectionError):
                self._end_with_parent()
                return
            if task is None:
                return
            yield task

    def send(self, message: Any) -> None:
        """Send it a result or a state."""
        try:
            self._connection.send(message)
        except ConnectionError:
            self._end_with_parent()

    def _end_with_parent(self) -> None:
        """Wait until it ends, then end too: nobody would receive the result."""
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            self.clean_up()
            os._exit(1)


def _work(connection: Connection, serve: Callable[..., None], *arguments: Any) -> None:
    serve(Parent(connection), *arguments)
    sys.stdout.flush()
    os._exit(0)  # everything is sent; unloading torch would take half a second, for which the parent waits


def _send(connection: Connection, task: Any) -> None:
    with suppress(ConnectionError):  # that a worker has ended meanwhile is reported by `messages`
        connection.send(task)


def _how_it_ended(process: SpawnProcess) -> str:
    """The signal that a process ended by, or its exit status."""
    code = process.exitcode
    return signal.Signals(-code).name if code is not None and code < 0 else f"exit status {code}"
