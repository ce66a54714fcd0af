"""Processes that calculate, one core each: a crash costs the structure being computed and nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pickle import PicklingError
from typing import Self, TypeVar

from pymatgen.core.structure import Structure

from matganip.errors import InputError
from matganip.labels.calculation import Calculation
from matganip.labels.calculators import Calculator, one_line
from matganip.labels.relaxing import Calculating, RelaxationSettings
from matganip.processes import Ended, Parent, Worker, WorkerPool

Key = TypeVar("Key")


class CalculatorPool:
    """Workers that calculate structures; they stay, with their calculators made, from one call to the next.

    Parameters
    ----------
    calculator : CalculatorChoice or GivenCalculator
        What calculates.
    relaxation : RelaxationSettings
        What may move first.
    n_workers : int
        Processes beside this one, each with one thread; 0 computes in this process. A calculator that crashes takes
        its worker with it, which is replaced, and the calculation's error says so.

    Raises
    ------
    InputError
        If the number is negative.

    Notes
    -----
    Workers are spawned: a fork after OpenMP hangs. A program of one's own that asks for them must keep its main part
    behind ``if __name__ == "__main__"``.
    """

    def __init__(self, calculator: Calculator, relaxation: RelaxationSettings, n_workers: int = 0) -> None:
        if n_workers < 0:
            raise InputError(f"workers: {n_workers} is no number of processes")
        self.calculator, self.relaxation, self.n_workers = calculator, relaxation, n_workers

    def __enter__(self) -> Self:
        # The folder is this process's: a worker that is ended removes nothing.
        self._folder = tempfile.TemporaryDirectory(prefix="matganip-")
        self._here = Calculating(self.calculator, self.relaxation, self._folder.name)
        self._pool = WorkerPool(_serve, self.calculator, self.relaxation, self._folder.name)
        self._idle: list[Worker] = []
        return self

    def __exit__(self, *error: object) -> None:
        with self._folder, self._pool:
            pass

    def calculate(
        self, tasks: Iterable[tuple[Key, Structure]], n_tasks: int | None = None
    ) -> Iterator[tuple[Key, Calculation]]:
        """Calculate structures; yield each result as soon as it is computed.

        Parameters
        ----------
        tasks : iterable of (key, Structure)
            Taken one by one as a worker is free, so that the iterator can skip what has been done meanwhile.
        n_tasks : int, optional
            How many there are at most: no more workers are started.

        Yields
        ------
        (key, Calculation)
            In the order in which they come.

        Raises
        ------
        InputError
            If the calculator cannot be made, or no worker starts.
        """
        if n_tasks == 0:
            return
        if self.n_workers == 0:
            self._here.prepare()
            for key, structure in tasks:
                yield key, self._here(structure)
            return
        yield from self._by_workers(iter(tasks), self.n_workers if n_tasks is None else min(self.n_workers, n_tasks))

    def _by_workers(self, tasks: Iterator[tuple[Key, Structure]], n_workers: int) -> Iterator[tuple[Key, Calculation]]:
        """Give tasks to the workers that are there, and to new ones once their calculators are made."""
        idle, self._idle = self._idle, []
        n_active = sum(self._give_next(worker, tasks) for worker in idle)
        n_new = n_workers - len(self._pool.workers)
        for _ in range(n_new):
            self._start()
        n_active += max(n_new, 0)
        for worker, message in self._pool.messages() if n_active else ():
            if worker in self._idle:  # it was ended from outside while it had nothing to do
                self._idle.remove(worker)
                continue
            if isinstance(message, Ended):
                if worker.task is None:
                    raise InputError(f"a worker ended before it began: {message.how}")
                self._start()
                yield worker.task[0], self._lost(worker.task[1], message.how)
                continue
            if isinstance(message, str):
                raise InputError(message)
            if isinstance(message, Calculation):
                yield worker.task[0], message
            n_active -= not self._give_next(worker, tasks)
            if not n_active:
                return

    def _give_next(self, worker: Worker, tasks: Iterator[tuple[Key, Structure]]) -> bool:
        """Give a worker its next task; without one it stays idle."""
        task = next(tasks, None)
        if task is None:
            worker.task = None
            self._idle.append(worker)
        else:
            self._pool.give(worker, task)
        return task is not None

    def _start(self) -> None:
        try:
            self._pool.start()
        except (TypeError, AttributeError, PicklingError) as error:
            if "pickle" not in str(error):
                raise
            raise InputError(
                f"calculator {self.calculator.name}: cannot be sent to other processes ({one_line(error)}); "
                "use workers=0, or name it by its import path"
            ) from error

    def _lost(self, structure: Structure, reason: str) -> Calculation:
        return Calculation(
            structure,
            None,
            converged=False,
            relaxation=self.relaxation.kind,
            calculator=self.calculator.name,
            settings={**self.calculator.recorded, **self.relaxation.recorded},
            error=f"the calculator ended its process: {reason}",
        )


def _serve(parent: Parent, calculator: Calculator, relaxation: RelaxationSettings, shared: str) -> None:
    """Run a worker: report when the calculator is made, then answer each structure with a calculation."""
    parent.clean_up = partial(_remove, shared)
    calculate = Calculating(calculator, relaxation, tempfile.mkdtemp(dir=shared))
    try:
        calculate.prepare()
    except Exception as error:
        parent.send(str(error) if isinstance(error, InputError) else one_line(error))
        return
    parent.send(None)
    for _, structure in parent.tasks():
        parent.send(calculate(structure))


def _remove(folder: str) -> None:
    """Remove a folder into which a calculator, here or in another worker, may still be writing."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):  # noqa: PTH110
            break
        time.sleep(0.02)
