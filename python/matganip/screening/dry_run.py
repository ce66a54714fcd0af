"""`matganip screen --dry-run`: what a screen would cost, measured in a temporary folder."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from matganip.screening.folder import FolderSource, settings_of
from matganip.screening.plan import SECONDS, Plan, measure
from matganip.screening.run import Wanted, begun


def plan(wanted: Wanted, *, workers: int, seconds: float = SECONDS, already_s: float = 0.0) -> Plan:
    """Measure some shards of a screen and work out what all of them cost; nothing stays on disk.

    Parameters
    ----------
    wanted : Wanted
        As for `matganip.screening.run.screen`.
    workers : int
        Processes, at least one.
    seconds : float
        How long to measure, after the start.
    already_s : float
        What this process has spent before, importing, that a screen spends too.

    Returns
    -------
    Plan

    Raises
    ------
    InputError
        As `screen`.
    """
    with tempfile.TemporaryDirectory(prefix="matganip-") as name:
        begin, own = time.perf_counter(), time.process_time()
        folder = begun(wanted, Path(name), (), _nothing)
        source = FolderSource(folder.path.absolute(), folder.fingerprint)
        space = source.open().space
        surrogate = folder.header["surrogate"] or {"bound_eV": 0.0, "ceiling_eV": None}
        ceiling = surrogate["ceiling_eV"]
        return measure(
            source,
            settings_of(folder.header),
            space,
            workers=workers,
            prepare_s=already_s + time.perf_counter() - begin,
            prepare_core_s=already_s + time.process_time() - own,
            bound=surrogate["bound_eV"],
            ceiling=float("inf") if ceiling is None else ceiling,
            seconds=seconds,
        )


def _nothing(sentence: str) -> None:
    """A plan tells of its numbers only."""
