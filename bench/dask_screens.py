"""Screens on a local dask cluster: the same bytes with workers killed on the way, and what a second worker gains.

    python bench/dask_screens.py MODEL [--shards 24] [-x I:Br=12] [--no-cascade]

MODEL is a folder of `matganip train`. Screens its space, or another composition in its cell, on four workers of which
two are killed by SIGKILL, then on one worker and on two, then in processes without dask; asserts that all results are
the same bytes and prints wall times, of which opening models, distilling a surrogate and merging are one process's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from matganip.configurations.notation import parse_composition
from matganip.learning.model import Model
from matganip.screening.dask_pool import run_shards_on_dask
from matganip.screening.run import screen
from matganip.screening.shard import ShardRecord
from matganip.workflows.cluster import client_of

FINAL = ("winners.parquet", "result.json")


def on_workers(model: Path, output: Path, workers: int, wanted: dict[str, Any], kill: int = 0) -> float:
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
        screen(model, folder=output, engine=engine if kill else partial(run_shards_on_dask, client), **wanted)
        return time.perf_counter() - start


def _imports() -> None:
    """What a worker imports once, and is not to be timed."""
    import matganip.learning.model
    import matganip.screening.run  # noqa: F401


def final(folder: Path) -> dict[str, bytes]:
    """Winners, result and shards."""
    names = [*FINAL, *(path.name for path in folder.glob("shard-?????.parquet"))]
    return {name: (folder / name).read_bytes() for name in sorted(names)}


def main() -> None:
    """Run all and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--shards", type=int, default=24)
    parser.add_argument("--substitute", "-x", action="append", help="as of `matganip screen`")
    parser.add_argument("--no-cascade", action="store_true", help="the model looks at every graph")
    arguments = parser.parse_args()
    wanted = {
        "n_shards": arguments.shards,
        "space": Model.of(arguments.model).space(
            None, parse_composition(arguments.substitute) if arguments.substitute else None
        ),
        "cascade": False if arguments.no_cascade else None,
    }
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        seconds = on_workers(arguments.model, root / "killed", 4, wanted, kill=2)
        expected = final(root / "killed")
        print(f"4 workers, 2 of them killed: {seconds:.1f} s", flush=True)
        one = on_workers(arguments.model, root / "one", 1, wanted)
        two = on_workers(arguments.model, root / "two", 2, wanted)
        assert final(root / "one") == final(root / "two") == expected
        print(f"1 worker {one:.1f} s, 2 workers {two:.1f} s: {one / two:.2f} times; the same bytes", flush=True)
        start = time.perf_counter()
        screen(arguments.model, folder=root / "here", workers=2, **wanted)
        assert final(root / "here") == expected
        print(f"2 processes without dask: {time.perf_counter() - start:.1f} s; the same bytes")


if __name__ == "__main__":
    main()
