"""Processes that calculate, one core each: a crash of one loses the structure it was on, and nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from pymatgen.core.structure import Structure

from matganip.errors import InputError
from matganip.labels.calculation import Calculation
from matganip.labels.calculators import CalculatorChoice, one_line
from matganip.labels.relaxing import Calculating, RelaxationSettings
from matganip.processes import Asker, Crew, Ended


def calculate_all(
    choice: CalculatorChoice, protocol: RelaxationSettings, tasks: Iterable[tuple[int, Structure]], n_workers: int = 1
) -> Iterator[tuple[int, Calculation]]:
    """Calculate structures, in this process or in several; each result as soon as it is there.

    Parameters
    ----------
    choice : CalculatorChoice
        The calculator.
    protocol : RelaxationSettings
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
    # The folder is ours: a worker that is ended clears up nothing.
    with tempfile.TemporaryDirectory(prefix="matganip-") as folder, Crew(_serve, choice, protocol, folder) as crew:
        yield from _work(crew, iter(tasks), n_workers, partial(_lost, choice, protocol))


def _work(
    crew: Crew, tasks: Iterator[tuple[int, Structure]], n_workers: int, lost: Callable[[Structure, str], Calculation]
) -> Iterator[tuple[int, Calculation]]:
    """Let workers calculate; they are given something once they have told that their calculator can be made."""
    for _ in range(n_workers):
        crew.hire()
    for worker, told in crew.hear():
        if isinstance(told, Ended):
            if worker.task is None:
                raise InputError(f"a worker ended before it began: {told.how}")
            crew.hire()
            yield worker.task[0], lost(worker.task[1], told.how)
            continue
        if isinstance(told, str):
            raise InputError(told)
        if isinstance(told, Calculation):
            yield worker.task[0], told
        crew.give(worker, next(tasks, None))


def _lost(choice: CalculatorChoice, protocol: RelaxationSettings, structure: Structure, reason: str) -> Calculation:
    return Calculation(
        structure,
        None,
        converged=False,
        relaxation=protocol.kind,
        calculator=choice.name,
        settings={**choice.recorded, **protocol.recorded},
        error=f"the calculator ended its process: {reason}",
    )


def _serve(asker: Asker, choice: CalculatorChoice, protocol: RelaxationSettings, shared: str) -> None:
    """A worker: says when it is ready, then answers each structure with a calculation."""
    asker.clear_up = partial(_remove, shared)
    calculate = Calculating(choice, protocol, tempfile.mkdtemp(dir=shared))
    try:
        calculate.prepare()
    except Exception as error:
        asker.tell(str(error) if isinstance(error, InputError) else one_line(error))
        return
    asker.tell(None)
    for _, structure in asker.tasks():
        asker.tell(calculate(structure))


def _remove(folder: str) -> None:
    """Remove a folder into which a calculator, here or in another worker, may still write what it had begun."""
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):  # noqa: PTH110
            break
        time.sleep(0.02)
