"""SIGKILL at random moments of a screen, with 1 to 4 workers: the final files must be those of an uninterrupted one.

    python bench/kill_screens.py MODEL_FOLDER --kills 200

Each start is killed, the command alone or its whole process group, after a random time; `--resume` goes on, with
another number of workers each time, until the screen is complete, and the next one begins. The last lines say how many
kills fell where: before the manifest was there, while shards were done, and while the result was written.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def final(folder: Path) -> dict[str, str]:
    """SHA-256 of all that must not depend on who did what when."""
    names = ["winners.parquet", "result.json", *(path.name for path in folder.glob("*-?????.parquet"))]
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in sorted(names)}


def command(arguments: argparse.Namespace, folder: Path, workers: int) -> list[str]:
    return [
        sys.executable, "-m", "matganip.cli.main", "screen", str(arguments.model), "--output", str(folder), "--shards",
        str(arguments.shards), "--top", "50", "--resume", "--workers", str(workers), "--cascade", "--keep", "all",
        *(f"--substitute={text}" for text in arguments.substitute),
    ]  # fmt: skip


def where(folder: Path) -> str:
    """How far the killed screen was."""
    manifest = folder / "manifest.jsonl"
    if not manifest.exists():
        return "before the manifest"
    n = manifest.read_bytes().count(b"\n") - 1
    return (
        "before the first shard"
        if n == 0
        else "among the shards"
        if not (folder / "result.json").exists()
        else "at the end"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--shards", type=int, default=48)
    parser.add_argument("--substitute", action="append", default=[])
    parser.add_argument("--longest", type=float, default=0.0, help="seconds; 0 is what the uninterrupted screen took")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)  # noqa: S311 - for times, not for secrets
    kills: collections.Counter[str] = collections.Counter()
    finished = []
    with tempfile.TemporaryDirectory() as name:
        begun = time.monotonic()
        subprocess.run(command(arguments, Path(name) / "whole", 2), check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - begun
        wanted = final(Path(name) / "whole")
        print(f"uninterrupted: {took:.1f} s, {len(wanted)} files", flush=True)
        while sum(kills.values()) < arguments.kills:
            folder = Path(name) / "killed"
            shutil.rmtree(folder, ignore_errors=True)
            n = 0
            while True:
                workers = draw.randint(1, 4)
                patience = draw.uniform(0.0, arguments.longest or took)
                with subprocess.Popen(
                    command(arguments, folder, workers),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                ) as process:
                    try:
                        process.wait(patience)
                    except subprocess.TimeoutExpired:
                        stage = where(folder)
                        if draw.random() < 0.5:
                            os.killpg(process.pid, signal.SIGKILL)
                        else:  # the workers must see to their own end
                            process.kill()
                        process.wait()
                        kills[f"{stage}, {workers} workers"] += 1
                        n += 1
                        continue
                if process.returncode:
                    raise SystemExit(f"a start failed: {process.stderr and process.stderr.read()!r}")
                break
            left = [path.name for path in folder.iterdir() if path.name.startswith(".") and path.name != ".lock"]
            same = final(folder) == wanted
            finished.append(n)
            print(
                f"complete after {n} kills: {'the same bytes' if same else 'OTHER BYTES'}, left over: {left}",
                flush=True,
            )
            if not same or left:
                raise SystemExit(1)
    print(f"{sum(kills.values())} kills, {len(finished)} screens, all complete with the same bytes")
    for what, number in sorted(kills.items()):
        print(f"  {number:4} {what}")


if __name__ == "__main__":
    main()
