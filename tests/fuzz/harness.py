"""Mutated inputs, each in a process that may die: what came of them is counted.

A target has something valid and reads a mutated copy of it. An input is its target and a number, from which the
mutation follows, so that `python -m tests.fuzz --only card:17` repeats one. Of each input comes

- ok: it was read, and where the original is sealed by checksums, with the same result;
- refused: an error that is meant to be read;
- traceback: another exception;  signal: the process died;  hang: more than 10 seconds of processor time;
- changed: a sealed file was changed, was read all the same, and gave another result.

The last four are failures.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
OUTCOMES = ("ok", "refused", "traceback", "signal", "hang", "changed")
FAILURES = OUTCOMES[2:]
_ASLEEP_SECONDS = 60  # none of its threads asked for a processor meanwhile


@dataclass(frozen=True)
class Target:
    """Something that is read.

    Parameters
    ----------
    name : str
    run : callable
        Given the folder of originals, a random generator and a scratch folder, mutates and reads once; returns the
        result as text, to compare with that of the original. The generator is None for the original itself.
    sealed : bool
        Whether any change must be noticed.
    clean : tuple of exception types
        What refuses an input.
    seconds : float
        Of processor time; longer is a hang.
    """

    name: str
    run: Callable[[Path, np.random.Generator | None, Path], str]
    sealed: bool
    clean: tuple[type[BaseException], ...]
    seconds: float = 10.0


@dataclass
class Tally:
    """Outcomes of each target, and the failures; in a store of JSON lines too, to resume from."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    store: Path | None = None

    def add(self, target: str, number: int, outcome: str, detail: str) -> None:
        """Enter one input, and append it to the store."""
        if self.store is not None:
            with self.store.open("a", encoding="utf-8") as file:
                file.write(json.dumps([target, number, outcome, detail]) + "\n")
        self._enter(target, number, outcome, detail)

    def resume(self) -> set[tuple[str, int]]:
        """Enter what the store holds; the inputs that it has."""
        lines = self.store.read_text(encoding="utf-8").split("\n")[:-1] if self.store and self.store.exists() else []
        done = [json.loads(line) for line in lines]
        for one in done:
            self._enter(*one)
        return {(target, number) for target, number, *_ in done}

    def _enter(self, target: str, number: int, outcome: str, detail: str) -> None:
        self.counts.setdefault(target, Counter())[outcome] += 1
        if outcome in FAILURES:
            self.failures.append(f"{target}:{number} {outcome}: {detail}")

    @property
    def total(self) -> int:
        """Number of inputs."""
        return sum(sum(counts.values()) for counts in self.counts.values())

    def table(self) -> str:
        """Outcomes by target, in Markdown."""
        lines = ["| target | " + " | ".join(OUTCOMES) + " |", "|---|" + "---:|" * len(OUTCOMES)]
        rows = {**self.counts, "all": sum(self.counts.values(), Counter())}
        lines += [f"| {name} | " + " | ".join(f"{c[one]:,}" for one in OUTCOMES) + " |" for name, c in rows.items()]
        return "\n".join(lines)


def fuzz(inputs: Sequence[tuple[str, int]], originals: Path, tally: Tally | None = None) -> Tally:
    """Run inputs, each a target and a number, in one process after the other: a new one where an input ends it."""
    tally = Tally() if tally is None else tally
    at = 0
    while at < len(inputs):
        at += _one_process(inputs[at:], originals, tally)
    return tally


def _one_process(inputs: Sequence[tuple[str, int]], originals: Path, tally: Tally) -> int:
    """Run inputs until a process has done all or ends by one of them; how many were run."""
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}
    pipe = subprocess.PIPE
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        todo = Path(folder) / "inputs.json"
        todo.write_text(json.dumps(inputs))
        command = [sys.executable, "-m", "tests.fuzz.worker", str(todo), str(originals)]
        with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, env=environment) as process:
            done = 0
            for line in _lines(process):
                record = json.loads(line)
                tally.add(*inputs[done], record["outcome"], record["detail"])
                done += 1
            process.kill()
            code = process.wait()
            assert process.stderr is not None
            error = process.stderr.read().decode(errors="replace").strip()[-300:]
    if done == len(inputs):
        return done
    if not done and code == 1:
        raise RuntimeError(f"the worker does not start: {error}")
    # SIGPROF ends what takes too much processor time, SIGKILL what sleeps for too long.
    outcome = "hang" if -code in (signal.SIGPROF, signal.SIGKILL) else "signal"
    tally.add(*inputs[done], outcome, f"exit {code}: {error}")
    return done + 1


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Lines of its output, until it ends or sleeps for too long."""
    assert process.stdout is not None
    handle, text, last = process.stdout.fileno(), b"", time.monotonic()
    while time.monotonic() - last < _ASLEEP_SECONDS:
        if not select.select([handle], [], [], 1.0)[0]:
            last = time.monotonic() if _is_busy(process.pid) else last
            continue
        part = os.read(handle, 1 << 16)
        if not part:
            return
        text, last = text + part, time.monotonic()
        *whole, text = text.split(b"\n")
        yield from whole


def _is_busy(pid: int) -> bool:
    """Whether a thread of a process runs, or waits for a processor or a disk: on a busy machine that may last."""
    threads = Path(f"/proc/{pid}/task").glob("*/stat")
    return any(thread.read_text().rpartition(")")[2].split()[0] in "RD" for thread in threads)
