"""Screens on a local dask cluster: the same bytes with workers killed on the way, and what a second worker gains.

    python bench/dask_screens.py MODEL [--shards 24]

MODEL is a folder of `matganip train`. Screens its space in this process, then on four workers of which two are killed
by SIGKILL, then on one worker and on two; asserts that all results are the same bytes and prints wall times.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path

from matganip.screening.dask_crew import run_shards_on_dask
from matganip.screening.shard import ShardRecord
from matganip.study.cluster import client_of
from matganip.study.screen import screen

FINAL = ("winners.parquet", "result.json")


def on_workers(model: Path, output: Path, shards: int, workers: int, kill: int = 0) -> float:
    """Screen on so many workers, some of them killed as results come; seconds of wall time once all are there."""
    described = output.with_suffix(".toml")
    described.write_text(f'kind = "local"\nworkers = {workers}\n')
    with client_of(cluster=described) as client:
        client.wait_for_workers(workers)
        victims = list(client.run(os.getpid).values())[:kill]
        client.run(_imports)

        def engine(tasks, folder):
            for news in run_shards_on_dask(client, tasks, folder):
                yield news
                if isinstance(news, ShardRecord) and victims:
                    os.kill(victims.pop(), 9)

        start = time.perf_counter()
        list(screen(model, output, engine=engine if kill else partial(run_shards_on_dask, client), n_shards=shards))
        return time.perf_counter() - start


def _imports() -> None:
    """What a worker imports once, and is not to be timed."""
    import matganip.learning.model
    import matganip.study.screen  # noqa: F401


def final(folder: Path) -> dict[str, bytes]:
    """Winners, result and shards."""
    names = [*FINAL, *(path.name for path in folder.glob("shard-?????.parquet"))]
    return {name: (folder / name).read_bytes() for name in sorted(names)}


def main() -> None:
    """Run all and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--shards", type=int, default=24)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        list(screen(arguments.model, root / "here", workers=0, n_shards=arguments.shards))
        wanted = final(root / "here")
        seconds = on_workers(arguments.model, root / "killed", arguments.shards, 4, kill=2)
        assert final(root / "killed") == wanted
        print(f"4 workers, 2 of them killed: the same bytes, {seconds:.1f} s")
        one = on_workers(arguments.model, root / "one", arguments.shards, 1)
        two = on_workers(arguments.model, root / "two", arguments.shards, 2)
        assert final(root / "one") == final(root / "two") == wanted
        print(f"1 worker {one:.1f} s, 2 workers {two:.1f} s: {one / two:.2f} times; the same bytes")


if __name__ == "__main__":
    main()
