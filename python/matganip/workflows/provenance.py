"""Where a result came from: enough to make it again, and to know what each number speaks of."""

from __future__ import annotations

import math
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.files import sha256
from matganip.versions import versions
from matganip.workflows.story import SPLITS

if TYPE_CHECKING:
    from matganip.workflows.job import Outcome
    from matganip.workflows.results import Evaluated


def provenance(outcome: Outcome, folder: Path, *, command: tuple[str, ...], source: Path | None) -> dict[str, Any]:
    """Everything behind the results, as JSON values.

    Parameters
    ----------
    outcome : Outcome
        What was found.
    folder : pathlib.Path
        The results; the checksums of what is already in it are listed.
    command : tuple of str
        The command line.
    source : pathlib.Path, optional
        The study file.

    Returns
    -------
    dict
    """
    prepared = outcome.prepared
    inputs = ([source] if source else []) + list(prepared.files)
    outputs = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "seed": prepared.study.seed,
        "versions": versions(),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "processor": platform.machine()},
        "seconds": outcome.seconds,
        "study": prepared.study.model_dump(mode="json"),
        "spaces": {one.name: one.space.key for one in outcome.counted},
        "numbers": [number(one) for one in evaluated(outcome)],
        "inputs": {str(path): sha256(path) for path in inputs},
        "outputs": {
            path.relative_to(folder).as_posix(): sha256(path)
            for path in outputs
            if path.name not in ("provenance.json", "report.html")
        },
    }


def evaluated(outcome: Outcome) -> list[Evaluated]:
    """Every evaluation of the study, the check of the ranking last."""
    check = outcome.screened.check
    return [*outcome.evaluated, *([check] if check else [])]


def number(one: Evaluated) -> dict[str, Any]:
    """One evaluation: whose energies, how split, how wrong, and how wrong the constant is."""
    return {
        "split": SPLITS[one.protocol],
        "calculator": one.calculator,
        "property": "energy, meV/atom, weighted by multiplicity",
        "mae": one.metrics.mae,
        "constant_mae": one.metrics.baseline_mae,
        "rmse": one.metrics.rmse,
        "r2": _or_null(one.metrics.r2),
        "spearman": _or_null(one.metrics.spearman),
        "arrangements_trained_on": one.n_train,
        "arrangements_tested": one.n_test,
        "tested_arrangements_whose_orbit_was_trained_on": one.n_leaked,
    }


def _or_null(value: float) -> float | None:
    """JSON has no nan: R2 and Spearman's rho do not exist where all test targets are equal."""
    return None if math.isnan(value) else value
