"""Processes that calculate, one core each: a crash of one loses the structure it was on, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from pymatgen.core.structure import Structure

from matganip.errors import InputError
from matganip.labels.calculators import CalculatorChoice, one_line
from matganip.labels.relaxing import Calculating, Protocol
from matganip.labels.results import Calculation
from matganip.processes import how_it_ended, one_thread


def calculate_all(
    choice: CalculatorChoice, protocol: Protocol, tasks: Iterable[tuple[int, Structure]], n_workers: int = 1
) -> Iterator[tuple[int, Calculation]]:
    """Calculate structures, in this process or in several; each result as soon as it is there.

    Parameters
    ----------
    choice : CalculatorChoice
        The calculator.
    protocol : Protocol
        The treatment of the geometry.
    tasks : iterable of (int, Structure)
        Taken one by one as a worker is free, so that it may look what is still to be done.
    n_workers : int
        Processes beside this one, each with one thread; 0 computes in this process. A calculator that crashes takes
        its worker along, which is replaced, and the calculation's error says so.

    Yields
    ------
    (int, Calculation)
        The task's number and its result, in the order in which they come.

    Raises
    ------
    InputError
        If the calculator cannot be made, or no worker starts.

    Notes
    -----
    Workers are spawned: a fork after OpenMP hangs. A program of one's own that asks for them must keep its main part
    behind ``if __name__ == "__main__"``.
    """
    if n_workers < 0:
        raise InputError(f"workers: {n_workers} is no number of processes")
    if n_workers == 0:
        with tempfile.TemporaryDirectory(prefix="matganip-") as folder:
            calculate = Calculating(choice, protocol, folder)
            calculate.prepare()
            for number, structure in tasks:
                yield number, calculate(structure)
        return
    crew = _Crew(choice, protocol, n_workers)
    try:
        yield from crew.work(iter(tasks))
    finally:
        crew.dismiss()


class _Crew:
    """The workers, and what each is on."""

    def __init__(self, choice: CalculatorChoice, protocol: Protocol, size: int) -> None:
        self.choice, self.protocol, self.size = choice, protocol, size
        self.members: dict[Connection, tuple[SpawnProcess, tuple[int, Structure] | None]] = {}
        self.folder = tempfile.TemporaryDirectory(prefix="matganip-")  # ours: a worker that is ended clears up nothing
        self.n_ready = 0

    def work(self, tasks: Iterator[tuple[int, Structure]]) -> Iterator[tuple[int, Calculation]]:
        for _ in range(self.size):
            self._hire()
        while self.members:
            for connection in wait(list(self.members)):
                if not isinstance(connection, Connection):
                    continue
                process, on = self.members[connection]
                try:
                    answer = connection.recv()
                except (EOFError, ConnectionResetError):
                    process.join()
                    del self.members[connection]
                    if on is None:
                        raise InputError(f"a worker ended before it began: {how_it_ended(process)}") from None
                    self._hire()
                    yield on[0], self._lost(on[1], how_it_ended(process))
                    continue
                if isinstance(answer, str):
                    raise InputError(answer)
                if isinstance(answer, Calculation) and on is not None:
                    yield on[0], answer
                self._give(connection, next(tasks, None))

    def dismiss(self) -> None:
        """End all workers, whatever they are on."""
        for process, _ in self.members.values():
            process.terminate()
        for process, _ in self.members.values():
            process.join(5)
            if process.is_alive():
                process.kill()
                process.join()
        self.members.clear()
        self.folder.cleanup()

    def _hire(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(
            target=_serve, args=(theirs, self.choice, self.protocol, self.folder.name), daemon=True
        )
        with one_thread():
            process.start()
        theirs.close()
        self.members[ours] = (process, None)

    def _give(self, connection: Connection, task: tuple[int, Structure] | None) -> None:
        process, _ = self.members[connection]
        if task is None:
            del self.members[connection]
            with suppress(ConnectionError):  # one that has ended by itself needs no word
                connection.send(None)
            connection.close()
            process.join()
            return
        self.members[connection] = (process, task)
        connection.send(task[1])

    def _lost(self, structure: Structure, reason: str) -> Calculation:
        return Calculation(
            structure,
            None,
            converged=False,
            relaxation=self.protocol.relaxation,
            calculator=self.choice.name,
            settings={**self.choice.recorded, **self.protocol.recorded},
            error=f"the calculator ended its process: {reason}",
        )


def _serve(connection: Connection, choice: CalculatorChoice, protocol: Protocol, shared: str) -> None:
    """A worker: says when it is ready, then answers each structure with a calculation, until nobody asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asking process's to handle
    threading.Thread(target=_end_with_parent, args=(shared,), daemon=True).start()
    calculate = Calculating(choice, protocol, tempfile.mkdtemp(dir=shared))
    try:
        calculate.prepare()
    except Exception as error:
        connection.send(str(error) if isinstance(error, InputError) else one_line(error))
        return
    connection.send(None)
    try:
        while (structure := connection.recv()) is not None:
            connection.send(calculate(structure))
    except (EOFError, ConnectionError):  # whoever asked has ended without a word
        _end_with_parent(shared)


def _end_with_parent(shared: str) -> None:
    """Wait for the end of the asking process, also by SIGKILL, and end: nobody would hear the result."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        for _ in range(50):  # meanwhile a calculator, here or in another worker, may write what it had begun
            shutil.rmtree(shared, ignore_errors=True)
            if not os.path.exists(shared):  # noqa: PTH110
                break
            time.sleep(0.02)
        os._exit(1)
