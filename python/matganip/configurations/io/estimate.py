"""Size and time of writing the orbits of a space, extrapolated from samples."""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matganip.configurations.io.writers import write

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

SAMPLE = 5000
"""Orbits of the larger sample; a twentieth for formats of one file for each arrangement."""
ENUMERATION_SECONDS = 0.5
"""How long the stream of orbits is timed."""


@dataclass(frozen=True)
class OutputEstimate:
    """Expected size of a file of orbits, and the time to write it.

    Attributes
    ----------
    n_orbits : int
        Orbits in the file: the exact number.
    size : float
        Bytes; 0 without a file.
    seconds : float
        On this machine, the enumeration included.
    """

    n_orbits: int
    size: float
    seconds: float


def estimate_output(
    space: ConfigurationSpace, path: str | os.PathLike[str] | None, fmt: str | None = None, parts: int = 1
) -> OutputEstimate:
    """Estimate size and time of writing the orbits of a space to a file; nothing is written there.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    path, fmt
        As for `matganip.configurations.io.writers.open_writer`; without a path only the enumeration is timed.
    parts : int
        The file holds one of this many near-equal parts of the space.

    Returns
    -------
    OutputEstimate

    Raises
    ------
    InputError
        If the path and the format do not go together.

    Notes
    -----
    Two samples of different size are written to a temporary folder: their difference is what an orbit costs, the rest
    what a file costs. Neighbours in the stream compress better than a sample does: Parquet files come out smaller.
    """
    n_orbits = space.count_orbits() // parts
    if path is None:
        return OutputEstimate(n_orbits, 0.0, _seconds_an_orbit(space) * n_orbits)
    target = Path(path)
    large = SAMPLE if fmt in (None, "parquet") else SAMPLE // 20
    small = large // 10
    batch = space.sample_orbits(large)
    _cost(batch[:small], target, fmt)  # imports on first use do not count
    few_bytes, few_seconds = _cost(batch[:small], target, fmt)
    many_bytes, many_seconds = _cost(batch, target, fmt)
    seconds_an_orbit = max(0.0, many_seconds - few_seconds) / (large - small) + _seconds_an_orbit(space)
    return OutputEstimate(
        n_orbits,
        few_bytes + (many_bytes - few_bytes) / (large - small) * max(0, n_orbits - small),
        few_seconds + seconds_an_orbit * max(0, n_orbits - small),
    )


def _cost(batch: ConfigurationBatch, path: Path, fmt: str | None) -> tuple[int, float]:
    """Bytes and seconds of writing a batch."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / path.name
        started = time.perf_counter()
        write(target, batch.space, [batch], fmt)
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
