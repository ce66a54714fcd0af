"""Shards on the workers of a dask cluster, which may come and go: the shard of a lost worker is rerun by another."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.errors import InputError, MissingExtraError, first_line
from matganip.screening.pool import ATTEMPTS, Failure
from matganip.screening.shard import ShardRecord, ShardTask, run_shard

if TYPE_CHECKING:
    from distributed import Client, Future


def run_shards_on_dask(client: Client, tasks: Iterable[ShardTask], folder: Path) -> Iterator[ShardRecord]:
    """Do shards on the workers of a cluster, one at a time on each.

    Parameters
    ----------
    client : distributed.Client
        Its workers see `folder` under the same name, and have one thread each.
    tasks : iterable of ShardTask
        All are submitted at once, so that an adaptive cluster knows how much work there is.
    folder : pathlib.Path
        Where their files go.

    Yields
    ------
    ShardRecord
        Once the files of a shard are in their places; in any order.

    Raises
    ------
    InputError
        As `run_shard` does; if workers die three times on the same shard; if a worker has several threads; or if the
        scheduler is lost.

    Notes
    -----
    A worker that is cut off but alive may write a shard that another one writes too. Both write the same bytes under
    names of their own and rename them, so that the later one changes nothing.
    """
    from distributed import as_completed

    # How many lost workers a shard survives is the scheduler's setting: three, as in `screening.pool`, by default.
    futures = client.map(do_shard, list(tasks), folder=str(folder.absolute()), pure=False)
    try:
        for future in as_completed(futures):
            yield _record(future)
    finally:
        client.cancel(futures, force=True)


def _record(future: Future[Any]) -> ShardRecord:
    """The record of a shard, or its failure as an exception here."""
    from distributed import KilledWorker
    from distributed.client import FutureCancelledError

    kept = "complete shards are kept, resume with --resume"
    try:
        news = future.result()
    except KilledWorker as error:
        raise InputError(
            f"workers died again and again on the same shard (dask allows {ATTEMPTS} times): {first_line(error)}; "
            f"{kept}"
        ) from None
    except FutureCancelledError:
        raise InputError(f"the scheduler is gone, or was told to forget the shards; {kept}") from None
    if isinstance(news, Failure):
        news.raise_again()
    if not isinstance(news, ShardRecord):
        raise TypeError(f"a worker sent {type(news).__name__}")
    return news


def do_shard(task: ShardTask, folder: str) -> ShardRecord | Failure:
    """Run a shard on a worker of the cluster; return failures, since dask would retry what raises."""
    from distributed import get_worker

    worker = get_worker()
    place = f"worker {worker.address}"
    if worker.state.nthreads != 1 or os.environ.get("OMP_NUM_THREADS") != "1":
        return Failure(
            f"{place}: computes with several threads, so that cores are asked for twice; start workers with --nthreads "
            "1 and OMP_NUM_THREADS=1, as many as there are cores (`dask worker --nworkers 16 --nthreads 1` does both)",
            is_input=True,
        )
    try:
        return run_shard(task, Path(folder))
    except (InputError, MissingExtraError) as error:
        return Failure(f"{place}: {error}", is_input=True)
    except Exception:
        return Failure(f"{place}:\n{traceback.format_exc()}", is_input=False)
