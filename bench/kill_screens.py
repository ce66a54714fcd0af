"""SIGKILL at random moments of a screen, with 1 to 4 workers: the final files must be those of an uninterrupted one.

    python bench/kill_screens.py MODEL_FOLDER --kills 200
    python bench/kill_screens.py MODEL_FOLDER --kills 10 --start command

Each start is killed with all its workers (a command: or alone) after a random time; `--resume` resumes it, with another
number of workers each time, until the screen is complete, and the next one begins. The last lines say how many kills
fell where. Nine tenths of a start are imports, in which nothing can be lost: by default a start is a fork of a process
that has them behind it, with the same code from there on. `--start command` starts the real command.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

SHARDS = 48


def final(folder: Path) -> dict[str, str]:
    """SHA-256 of all that must not depend on who did what when."""
    names = ["winners.parquet", "result.json", *(path.name for path in folder.glob("*-?????.parquet"))]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(names)}


def start_command(model: Path, folder: Path, workers: int) -> int:
    """Start the command in a process group of its own; its id."""
    command = [
        sys.executable, "-m", "matganip.cli.main", "screen", str(model), "--output", str(folder),
        "--shards", str(SHARDS), "--top", "50", "--resume", "--workers", str(workers), "--cascade", "--keep", "all",
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True).pid


def start_fork(model: Path, folder: Path, workers: int) -> int:
    """Do what the command does in a fork of this process, whose workers are forks too."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    try:
        import matganip.processes as processes
        from matganip.screening.run import screen

        processes.multiprocessing = Forking  # type: ignore[assignment]
        screen(model, folder=folder, top=50, n_shards=SHARDS, cascade=True, keep="all", workers=workers, resume=True)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


class Forking:
    """`multiprocessing` that forks where it is asked to spawn; nothing here has more than one thread."""

    parent_process = staticmethod(multiprocessing.parent_process)

    @staticmethod
    def get_context(method: str) -> multiprocessing.context.BaseContext:
        del method
        return multiprocessing.get_context("fork")


def wait_for(child: int, seconds: float) -> int | None:
    """Exit status of a child, None if it takes longer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return None


def kill(child: int, everybody: bool) -> None:
    """Kill a screen with all its workers, or alone: spawned workers must see to their own end. Wait for all."""
    (os.killpg if everybody else os.kill)(child, signal.SIGKILL)
    os.waitpid(child, 0)
    end = time.monotonic() + 30
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.killpg(child, 0)
            if time.monotonic() > end:
                raise SystemExit("workers outlive their screen")
            time.sleep(0.001)


def where(folder: Path) -> str:
    """How far the killed screen was."""
    manifest = folder / "manifest.jsonl"
    if not manifest.exists():
        return "before the manifest"
    shards = manifest.read_bytes().count(b"\n") - 1
    if shards < SHARDS:
        return "among the shards" if shards else "before the first shard"
    return "while merging and writing the result"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--start", choices=("fork", "command"), default="fork")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    start = start_fork if arguments.start == "fork" else start_command
    if arguments.start == "fork":  # what a start would import
        import matganip.learning.model
        import matganip.learning.surrogate
        import matganip.screening.run  # noqa: F401
    draw = random.Random(arguments.seed)  # noqa: S311 - for times, not for secrets
    kills: collections.Counter[str] = collections.Counter()
    finished = 0
    with tempfile.TemporaryDirectory() as name:
        whole, folder = Path(name) / "whole", Path(name) / "killed"
        begun = time.monotonic()
        if wait_for(start(arguments.model, whole, 2), 3600) != 0:
            raise SystemExit("the uninterrupted screen failed")
        took = time.monotonic() - begun
        wanted = final(whole)
        print(f"uninterrupted: {took:.1f} s, {len(wanted)} files", flush=True)
        while sum(kills.values()) < arguments.kills:
            shutil.rmtree(folder, ignore_errors=True)
            n = 0
            while True:
                workers = draw.randint(1, 4)
                child = start(arguments.model, folder, workers)
                status = wait_for(child, draw.uniform(0.0, took))
                if status is not None:
                    break
                kills[f"{where(folder)}, {workers} workers"] += 1
                n += 1
                kill(child, everybody=arguments.start == "fork" or draw.random() < 0.5)
            left = [path.name for path in folder.iterdir() if path.name.startswith(".") and path.name != ".lock"]
            same = status == 0 and final(folder) == wanted
            finished += 1
            print(f"complete after {n} kills: {'the same bytes' if same else 'NOT THE SAME'}, left: {left}", flush=True)
            if not same or left:
                raise SystemExit(1)
    print(f"{sum(kills.values())} kills, {finished} screens, all complete with the same bytes")
    for what, number in sorted(kills.items()):
        print(f"  {number:4} {what}")


if __name__ == "__main__":
    main()
