"""Runs the benchmarks in several processes and stores each result, so that a run that was stopped can be resumed."""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import matganip
from matganip.benchmarks.reproduce.benchmark import Benchmark, Numbers
from matganip.benchmarks.reproduce.page import Reproduction
from matganip.benchmarks.reproduce.registry import BENCHMARKS, chosen
from matganip.errors import InputError, require
from matganip.files import atomic_path
from matganip.progress import ProgressOption, reporting
from matganip.versions import versions


@dataclass(frozen=True)
class Measurement:
    """One training and test: of a method on a benchmark with a seed; `key` names the file of its result."""

    benchmark: str
    method: str
    seed: int
    key: str


def reproduce(
    tasks: str = "",
    n_seeds: int = 5,
    output: Path = Path("runs/reproduce"),
    page: Path | None = None,
    *,
    workers: int = 2,
    progress: ProgressOption = None,
) -> Reproduction:
    """Measure every method on the benchmarks, and write the results as a page and as JSON.

    Parameters
    ----------
    tasks : str
        Names of benchmarks, separated by commas; all of them if empty.
    n_seeds : int
        Each number is measured with the seeds 0 to `n_seeds` - 1.
    output : pathlib.Path
        Each result is stored in its ``cache/`` and not measured again; the models of seed 0 are in ``models/``, by task
        and method, as `matganip.load` reads them.
    page : pathlib.Path, optional
        The page, a Markdown file, with a JSON file beside it; ``results.md`` in `output` by default.
    workers : int
        Processes, of one thread each. Results are the same for any number.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    Reproduction

    Raises
    ------
    InputError, MissingExtraError
        If a benchmark is unknown, a stored result is damaged, or an optional dependency is not installed.
    """
    benchmarks = chosen(tasks)
    found = measure(benchmarks, range(n_seeds), output, workers, progress)
    options = f" --tasks {','.join(one.name for one in benchmarks)}" if tasks else ""
    numbers = {(one.benchmark, one.method, one.seed): values for one, values in found.items()}
    result = Reproduction.of(benchmarks, numbers, f"matganip reproduce --seeds {n_seeds}{options}")
    return result.write(page or output / "results.md")


def measure(
    benchmarks: tuple[Benchmark, ...],
    seeds: range,
    folder: Path,
    workers: int = 2,
    progress: ProgressOption = None,
) -> dict[Measurement, Numbers]:
    """Measure every method of the benchmarks with every seed, in this order; see `reproduce`."""
    for module, extra in (("torch", "learn"), ("icet", "icet"), ("threadpoolctl", "learn")):
        require(module, extra)
    store = folder / "cache"
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{store}: cannot be made a folder: {error.strerror}") from error
    wanted = [_measurement(one, method, seed) for one in benchmarks for method in one.methods for seed in seeds]
    found = {one: _stored(store / f"{one.key}.json") for one in wanted}
    missing = [one for one in wanted if found[one] is None]
    done = len(wanted) - len(missing)
    with reporting(progress) as report, _measuring(missing, folder, workers) as results:
        report("reproduce", done, len(wanted), "")
        for one, numbers in results:
            with atomic_path(store / f"{one.key}.json") as temporary:
                temporary.write_text(json.dumps(numbers), encoding="utf-8")
            found[one] = numbers
            done += 1
            report("reproduce", done, len(wanted), f"{one.benchmark}: {one.method}, seed {one.seed}")
    return {one: numbers for one, numbers in found.items() if numbers is not None}


@cache
def _code() -> str:
    """SHA-256 of the rooms that a number depends on: after an edit of one of them it is measured again."""
    digest = hashlib.sha256()
    for room in ("crystal", "configurations", "features", "labels", "learning", "benchmarks"):
        for path in sorted(Path(matganip.__file__).parent.joinpath(room).rglob("*.py")):
            if path.name not in ("page.py", "runner.py"):
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _measurement(benchmark: Benchmark, method: str, seed: int) -> Measurement:
    about = [benchmark.name, method, benchmark.settings(method), seed, versions(), _code()]
    return Measurement(benchmark.name, method, seed, hashlib.sha256(json.dumps(about).encode()).hexdigest()[:24])


def _stored(path: Path) -> Numbers | None:
    if not path.exists():
        return None
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        return {str(key): float(value) for key, value in numbers.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: damaged ({error}); remove it to measure again") from error


@contextmanager
def _measuring(
    missing: list[Measurement], folder: Path, workers: int
) -> Iterator[Iterator[tuple[Measurement, Numbers]]]:
    task = partial(_measure, folder / "models")
    if workers == 1 or len(missing) < 2:
        yield map(task, missing)
        return
    # Spawned, since OpenMP does not survive a fork. Leaving the block ends the processes at once.
    with multiprocessing.get_context("spawn").Pool(min(workers, len(missing))) as pool:
        yield pool.imap_unordered(task, missing)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without remarks on methods that learn nothing: the table shows them."""
    logger = logging.getLogger("matganip")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _measure(models: Path, one: Measurement) -> tuple[Measurement, Numbers]:
    from threadpoolctl import threadpool_limits

    benchmark = next(benchmark for benchmark in BENCHMARKS if benchmark.name == one.benchmark)
    with threadpool_limits(1), _quiet():
        found = benchmark.measure(one.method, one.seed)
        if found.model is not None and one.seed == 0:
            found.model.save(models / one.benchmark / re.sub(r"[^a-z0-9.]+", "-", one.method.lower()).strip("-"))
    return one, found.numbers
