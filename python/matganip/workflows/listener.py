"""How a long job tells what it does: it never prints, it calls a listener."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Listener(Protocol):
    """What a job calls. The command line shows it; a library call hears nothing."""

    def begin(self, step: str) -> None:
        """Hear that a step begins."""

    def progress(self, step: str, done: int, total: int, detail: str) -> None:
        """Hear how far a step is."""

    def found(self, step: str, *results: object) -> None:
        """Hear what a step found: the dataclasses of `matganip.workflows.results`."""


class Silent:
    """A listener that says nothing."""

    def begin(self, step: str) -> None:
        """Nothing."""

    def progress(self, step: str, done: int, total: int, detail: str) -> None:
        """Nothing."""

    def found(self, step: str, *results: object) -> None:
        """Nothing."""


class Clock:
    """Wall-clock seconds of each step, in order."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step and announce it."""
        self.listener.begin(name)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)
