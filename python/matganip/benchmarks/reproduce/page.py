"""The results as a page of Markdown and as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from matganip.benchmarks.reproduce.runner import Job, Numbers
from matganip.benchmarks.reproduce.task import Column, Task
from matganip.files import atomic_path
from matganip.workflows.provenance import versions

INTRODUCTION = """# Results

What each method reaches on each task, in one run of

    {command}

{n_seeds} seeds ({seeds}) for the split and the first weights alike; mean ± standard deviation over them. Errors are
weighted by multiplicity; the constant is the weighted mean of the training labels; skill is 1 - MAE / constant's MAE.
Every method of a table and a seed has the same split. CPU s is one training with its test on one thread; all
trainings together took {cpu_s:.0f} CPU seconds. [learning.md](learning.md) says what the methods are.

Made with {versions}.
"""


def summarise(tasks: tuple[Task, ...], found: dict[Job, Numbers]) -> dict[str, Any]:
    """Mean and spread of each number, and the numbers of each seed, as plain JSON values."""
    document: dict[str, Any] = {}
    for task in tasks:
        rows = {}
        for method in task.methods:
            runs = [numbers for job, numbers in found.items() if (job.task, job.method) == (task.name, method)]
            rows[method] = {column.key: _spread([one[column.key] for one in runs]) for column in task.columns}
        document[task.name] = {"title": task.title, "about": task.about, "methods": rows}
    return document


def write(page: Path, tasks: tuple[Task, ...], found: dict[Job, Numbers], command: str) -> dict[str, Any]:
    """Write the page and a JSON file beside it; give the JSON document."""
    seeds = sorted({job.seed for job in found})
    used = versions()
    cpu_s = sum(numbers.get("cpu_s", 0.0) for numbers in found.values())
    document: dict[str, Any] = {
        "command": command,
        "seeds": seeds,
        "versions": used,
        "machine": {"cores": os.cpu_count(), "system": platform.platform(terse=True)},
        "cpu_s": cpu_s,
        "tasks": summarise(tasks, found),
    }
    introduction = INTRODUCTION.format(
        command=command,
        n_seeds=len(seeds),
        seeds=", ".join(map(str, seeds)),
        cpu_s=cpu_s,
        versions=", ".join(f"{name} {number}" for name, number in used.items()),
    )
    parts = [
        introduction,
        _overview(tasks, document["tasks"]),
        *(_table(task, document["tasks"][task.name]["methods"]) for task in tasks),
    ]
    for path, text in ((page, "\n".join(parts)), (page.with_suffix(".json"), json.dumps(document, indent=1) + "\n")):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return document


def _spread(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation and all values; what is no number is null."""
    numbers = np.array(values, dtype=np.float64)
    mean, deviation = float(numbers.mean()), float(numbers.std())
    return {
        "mean": mean if math.isfinite(mean) else None,
        "std": deviation if math.isfinite(deviation) else None,
        "values": [value if math.isfinite(value) else None for value in values],
    }


def _overview(tasks: tuple[Task, ...], document: dict[str, Any]) -> str:
    """The mean absolute errors of all tasks that have the column, methods against tasks."""
    column = Column("mae", "MAE")
    shown = [task for task in tasks if column.key in {one.key for one in task.columns}]
    methods = dict.fromkeys(method for task in shown for method in task.methods)
    head = "| MAE | " + " | ".join(task.name for task in shown) + " |"
    lines = ["## Overview", "", head, "|---" + "|---:" * len(shown) + "|"]
    for method in methods:
        found = [document[task.name]["methods"].get(method) for task in shown]
        lines.append(f"| {method} | " + " | ".join(cell(column, one["mae"]) if one else "" for one in found) + " |")
    return "\n".join(lines) + "\n"


def _table(task: Task, rows: dict[str, dict[str, Any]]) -> str:
    head = "| method | " + " | ".join(column.title for column in task.columns) + " |"
    lines = [f"## {task.title}", "", task.about, "", head, "|---" + "|---:" * len(task.columns) + "|"]
    for method, numbers in rows.items():
        lines.append(f"| {method} | " + " | ".join(cell(column, numbers[column.key]) for column in task.columns) + " |")
    return "\n".join(lines) + "\n"


def cell(column: Column, spread: dict[str, Any]) -> str:
    """A number of a table, with its spread where it has one.

    Examples
    --------
    >>> cell(Column("mae", "MAE"), {"mean": 0.0107, "std": 0.0004})
    '0.0107 ± 0.0004'
    """
    if spread["mean"] is None:
        return ""
    mean = f"{spread['mean']:.{column.digits}f}"
    deviation = f"{spread['std']:.{column.digits}f}"
    return mean if column.key == "cpu_s" or float(deviation) == 0 else f"{mean} ± {deviation}"
