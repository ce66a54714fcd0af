"""Runs trainings side by side and keeps each result, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matganip
from matganip.benchmarks.reproduce.registry import TASKS
from matganip.benchmarks.reproduce.task import Task
from matganip.errors import InputError, require
from matganip.files import atomic_path
from matganip.workflows.listener import Listener, Silent
from matganip.workflows.provenance import versions

Numbers = dict[str, float]


@dataclass(frozen=True)
class Job:
    """One training."""

    task: str
    method: str
    seed: int
    key: str


def run(
    tasks: tuple[Task, ...],
    seeds: range,
    folder: Path,
    workers: int = 2,
    listener: Listener | None = None,
) -> dict[Job, Numbers]:
    """Measure every method of some tasks with every seed.

    Parameters
    ----------
    tasks : tuple of Task
    seeds : range
    folder : pathlib.Path
        Each result is kept in its ``cache/``; what is there already is not measured again.
    workers : int
        Processes, of one thread each. Results are the same for any number.
    listener : Listener, optional
        Hears how far it is.

    Returns
    -------
    dict of Job to dict of str to float
        In the order of tasks, methods and seeds.

    Raises
    ------
    InputError, MissingExtraError
        If a kept result is damaged, or an optional dependency is not installed.
    """
    for module, extra in (("torch", "learn"), ("icet", "icet"), ("threadpoolctl", "learn")):
        require(module, extra)
    hear = listener or Silent()
    kept = folder / "cache"
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{kept}: cannot be made a folder: {error.strerror}") from error
    jobs = [_job(task, method, seed) for task in tasks for method in task.methods for seed in seeds]
    found = {job: _kept(kept / f"{job.key}.json") for job in jobs}
    missing = [job for job in jobs if found[job] is None]
    done = len(jobs) - len(missing)
    hear.progress("reproduce", done, len(jobs), "")
    with _measuring(missing, workers) as results:
        for job, numbers in results:
            with atomic_path(kept / f"{job.key}.json") as temporary:
                temporary.write_text(json.dumps(numbers), encoding="utf-8")
            found[job] = numbers
            done += 1
            hear.progress("reproduce", done, len(jobs), f"{job.task}: {job.method}, seed {job.seed}")
    return {job: numbers for job, numbers in found.items() if numbers is not None}


@cache
def _code() -> str:
    """SHA-256 of the rooms that a number comes from: after an edit of one of them it is measured again."""
    digest = hashlib.sha256()
    for room in ("crystal", "configurations", "features", "labels", "learning", "benchmarks"):
        for path in sorted(Path(matganip.__file__).parent.joinpath(room).rglob("*.py")):
            if path.name not in ("page.py", "runner.py"):
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _job(task: Task, method: str, seed: int) -> Job:
    about = [task.name, method, task.settings(method), seed, versions(), _code()]
    return Job(task.name, method, seed, hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24])


def _kept(path: Path) -> Numbers | None:
    if not path.exists():
        return None
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in numbers.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: damaged ({error}); remove it to measure again") from error


@contextmanager
def _measuring(jobs: list[Job], workers: int) -> Iterator[Iterator[tuple[Job, Numbers]]]:
    if workers == 1 or len(jobs) < 2:
        yield map(_measure, jobs)
        return
    # Not forked: OpenMP does not survive that. Leaving the block ends the processes at once.
    with multiprocessing.get_context("spawn").Pool(min(workers, len(jobs))) as pool:
        yield pool.imap_unordered(_measure, jobs)


def _measure(job: Job) -> tuple[Job, Numbers]:
    from threadpoolctl import threadpool_limits

    logging.getLogger("matganip").setLevel(logging.ERROR)  # what learns nothing stands in the table
    task = next(task for task in TASKS if task.name == job.task)
    with threadpool_limits(1):
        return job, task.measure(job.method, job.seed)
