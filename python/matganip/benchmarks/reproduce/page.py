"""The results as tables, as a page of Markdown and as JSON."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.benchmarks.reproduce.benchmark import Benchmark, Column, Numbers
from matganip.files import atomic_path
from matganip.results.base import Result
from matganip.results.content import Table
from matganip.versions import versions

if TYPE_CHECKING:
    import pandas as pd

INTRODUCTION = """# Results

What each method reaches on each task, in one run of

    {command}

{n_seeds} seeds ({seeds}) for the split and the first weights alike; mean ± standard deviation over them. Errors are
weighted by multiplicity; the mean baseline is the weighted mean of the training labels; skill is 1 - MAE / mean
baseline's MAE. All methods of a table have the same split for a seed. CPU s is one training with its test on one
thread; all trainings together took {cpu_s:.0f} CPU seconds. [learning.md](learning.md) says what the methods are.

Made with {versions}.
"""


@dataclass(frozen=True, eq=False)
class Reproduction(Result):
    """What every method reaches on some benchmarks.

    Attributes
    ----------
    benchmarks : tuple of Benchmark
    document : dict
        All numbers as JSON values, those of each seed included.
    n_trainings : int
    page : pathlib.Path or None
        Where it was written.
    """

    benchmarks: tuple[Benchmark, ...]
    document: dict[str, Any]
    n_trainings: int
    page: Path | None = None

    @classmethod
    def of(
        cls, benchmarks: tuple[Benchmark, ...], found: Mapping[tuple[str, str, int], Numbers], command: str
    ) -> Reproduction:
        """Summarise the numbers of each (benchmark, method, seed)."""
        document = {
            "command": command,
            "seeds": sorted({seed for _, _, seed in found}),
            "versions": versions(),
            "machine": {"cores": os.cpu_count(), "system": platform.platform(terse=True)},
            "cpu_s": sum(numbers.get("cpu_s", 0.0) for numbers in found.values()),
            "tasks": {one.name: _summary(one, found) for one in benchmarks},
        }
        return cls(benchmarks, document, len(found))

    def to_dict(self) -> dict[str, Any]:
        """All numbers, and where the page is."""
        return self.document if self.page is None else {**self.document, "page": str(self.page)}

    def to_frame(self) -> pd.DataFrame:
        """One row for each benchmark, method, number and seed."""
        import pandas as pd

        return pd.DataFrame(
            [
                (name, method, key, seed, value)
                for name, one in self.document["tasks"].items()
                for method, numbers in one["methods"].items()
                for key, spread in numbers.items()
                for seed, value in zip(self.document["seeds"], spread["values"], strict=True)
            ],
            columns=("task", "method", "number", "seed", "value"),
        )

    def tables(self) -> tuple[Table, ...]:
        """The first columns of each benchmark, as many as fit a terminal."""
        return tuple(
            Table(
                one.title,
                ("method", *(column.title for column in one.columns[:4])),
                tuple(
                    (method, *(cell(column, numbers[column.key]) for column in one.columns[:4]))
                    for method, numbers in self._methods(one).items()
                ),
                "w" + "r" * len(one.columns[:4]),
            )
            for one in self.benchmarks
        )

    def sentences(self) -> tuple[str, ...]:
        """What it took, and where the page is."""
        page = f"; the page is {self.page}" if self.page else ""
        return (f"{self.n_trainings} trainings, {self.document['cpu_s']:.0f} CPU seconds{page}.",)

    def markdown(self, page: Path) -> str:
        """The text of the page, which shows the figures that stand beside it."""
        document = self.document
        introduction = INTRODUCTION.format(
            command=document["command"],
            n_seeds=len(document["seeds"]),
            seeds=", ".join(map(str, document["seeds"])),
            cpu_s=document["cpu_s"],
            versions=", ".join(f"{name} {number}" for name, number in document["versions"].items()),
        )
        return "\n".join([introduction, self._overview(), *(self._section(one, page) for one in self.benchmarks)])

    def write(self, page: Path) -> Reproduction:
        """Write the page, a JSON file beside it, and a figure of each benchmark into ``figures/`` there."""
        for one in self.benchmarks:
            path = page.parent / self._figure(one, page)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._draw(one, path)
        texts = ((page, self.markdown(page)), (page.with_suffix(".json"), json.dumps(self.document, indent=1) + "\n"))
        for path, text in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return replace(self, page=page)

    def _methods(self, one: Benchmark) -> dict[str, dict[str, Any]]:
        methods: dict[str, dict[str, Any]] = self.document["tasks"][one.name]["methods"]
        return methods

    def _overview(self) -> str:
        """Methods against the benchmarks that have a mean absolute error."""
        column = Column("mae", "MAE")
        shown = [one for one in self.benchmarks if column.key in {other.key for other in one.columns}]
        lines = _head("MAE", [one.name for one in shown])
        for method in dict.fromkeys(method for one in shown for method in one.methods):
            found = [self._methods(one).get(method) for one in shown]
            lines.append(_line(method, [cell(column, numbers["mae"]) if numbers else "" for numbers in found]))
        return "\n".join(["## Overview", "", *lines]) + "\n"

    @staticmethod
    def _figure(one: Benchmark, page: Path) -> Path:
        return Path("figures") / page.stem / f"{one.name}.png"

    def _draw(self, one: Benchmark, path: Path) -> None:
        from matganip.plots.method_errors import method_errors
        from matganip.plots.style import off_screen, save_figure

        column, methods = error_column(one), self._methods(one)
        errors = [[np.nan if v is None else v for v in numbers[column.key]["values"]] for numbers in methods.values()]
        save_figure(method_errors(list(methods), errors, label=column.title, ax=off_screen()), path)

    def _section(self, one: Benchmark, page: Path) -> str:
        lines = _head("method", [column.title for column in one.columns])
        for method, numbers in self._methods(one).items():
            lines.append(_line(method, [cell(column, numbers[column.key]) for column in one.columns]))
        caption = f"{error_column(one).title} of each method; every seed a point, the mean baseline dashed."
        figure = f"![{caption}]({self._figure(one, page).as_posix()})"
        table = ["<details><summary>The numbers</summary>", "", *lines, "", "</details>"]
        return "\n".join([f"## {one.title}", "", one.about, "", figure, "", *table]) + "\n"


def error_column(one: Benchmark) -> Column:
    """The column that a figure shows: the mean absolute error, of all compositions where there are several."""
    return next(column for column in one.columns[::-1] if "MAE" in column.title and "baseline" not in column.title)


def cell(column: Column, spread: dict[str, Any]) -> str:
    """A number of a table, with its spread if it has one.

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


def _summary(one: Benchmark, found: Mapping[tuple[str, str, int], Numbers]) -> dict[str, Any]:
    """Mean and spread of each number over the seeds, and the numbers of each seed."""
    methods = {}
    for method in one.methods:
        runs = [numbers for (name, other, _), numbers in found.items() if (name, other) == (one.name, method)]
        methods[method] = {column.key: _spread([run[column.key] for run in runs]) for column in one.columns}
    return {"title": one.title, "about": one.about, "methods": methods}


def _spread(values: list[float]) -> dict[str, Any]:
    """Mean, standard deviation and all values; nan becomes null."""
    numbers = np.array(values, dtype=np.float64)
    mean, deviation = float(numbers.mean()), float(numbers.std())
    return {
        "mean": mean if math.isfinite(mean) else None,
        "std": deviation if math.isfinite(deviation) else None,
        "values": [value if math.isfinite(value) else None for value in values],
    }


def _head(first: str, titles: list[str]) -> list[str]:
    return [_line(first, titles), "|---" + "|---:" * len(titles) + "|"]


def _line(first: str, cells: list[str]) -> str:
    return f"| {first} | " + " | ".join(cells) + " |"
