"""What writing a space would cost: fair samples are written for real, and scaled up."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

SAMPLE = 5000
ENUMERATION_SECONDS = 0.5


@dataclass(frozen=True)
class Estimate:
    """Expected size and time of a file of all orbits."""

    n_orbits: int
    size: float
    seconds: float

    def text(self) -> str:
        """A sentence: ``34,968 orbits, about 380 kB in about 0.2 s``."""
        from rich.filesize import decimal

        return f"{self.n_orbits:,} orbits, about {decimal(round(self.size))} in about {_duration(self.seconds)}"


def estimate(space: ConfigurationSpace, path: Path, fmt: str | None, parts: int = 1) -> Estimate:
    """Expected size and time of writing one of so many parts of a space to a file such as `path`; writes nothing there.

    Two samples of different size are written to a temporary folder: their difference is what an orbit costs, the
    rest is what a file costs. Neighbours in the stream compress better than a sample does: Parquet files come out
    smaller.
    """
    large = SAMPLE if fmt in (None, "parquet") else SAMPLE // 20
    small = large // 10
    batch = space.sample_orbits(large)
    _cost(space, batch, small, path, fmt)  # what is imported on first use is not the file's cost
    (few_bytes, few_seconds), (many_bytes, many_seconds) = (_cost(space, batch, n, path, fmt) for n in (small, large))
    n_orbits = space.count_orbits() // parts
    an_orbit = max(0.0, many_seconds - few_seconds) / (large - small) + _seconds_an_orbit(space)
    return Estimate(
        n_orbits,
        few_bytes + (many_bytes - few_bytes) / (large - small) * max(0, n_orbits - small),
        few_seconds + an_orbit * max(0, n_orbits - small),
    )


def _cost(
    space: ConfigurationSpace, batch: ConfigurationBatch, n: int, path: Path, fmt: str | None
) -> tuple[int, float]:
    """Bytes and seconds of writing the first n orbits of a batch."""
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.io.writers import write

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / path.name
        started = time.perf_counter()
        write(target, space, [ConfigurationBatch(space, batch.occupations[:n], batch.multiplicity[:n])], fmt)
        seconds = time.perf_counter() - started
        files = [target] if target.is_file() else [file for file in target.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files), seconds


def _seconds_an_orbit(space: ConfigurationSpace) -> float:
    """Of enumeration, measured on the stream for half a second at most."""
    stream = space.orbits()
    started = time.perf_counter()
    for _ in stream:
        if time.perf_counter() - started > ENUMERATION_SECONDS:
            break
    return (time.perf_counter() - started) / stream.n_orbits


def _duration(seconds: float) -> str:
    for unit, length in (("years", 31_557_600.0), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.3g} {unit}"
    return f"{seconds:.2g} s"
