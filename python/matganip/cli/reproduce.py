"""`matganip reproduce`: the whole comparison of methods, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.progress import StepBar
from matganip.cli.spaces import Json

if TYPE_CHECKING:
    from matganip.benchmarks.reproduce.task import Column
    from matganip.results.content import Table


@tidy
def reproduce(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Folder: each training's result is kept there, so that a run goes on."),
    ] = Path("runs/reproduce"),
    page: Annotated[
        Path | None,
        typer.Option(
            "--page", help="The page, and a .json beside it; results.md in that folder without it.", show_default=False
        ),
    ] = None,
    tasks: Annotated[
        str, typer.Option("--tasks", help="Names of tasks with commas; all without it.", show_default=False)
    ] = "",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings for each number.")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="One seed: to see that it runs.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes, of one thread each.")] = 2,
    json: Json = False,
) -> None:
    """Measure every method on every task, beside the baselines: constant, ridge, kernel ridge, a cluster expansion.

    The tasks are powder, resolved, triplets (held-out orbits of 6 Br of 24), transfer (larger cells), paper and
    paper-dft (the paper's random split), and tolerance (crystals by formula). A run that was stopped goes on where it
    was.

    matganip reproduce --output runs/reproduce --page docs/results.md

    matganip reproduce --tasks powder,resolved --quick
    """
    from matganip.benchmarks.reproduce.page import write
    from matganip.benchmarks.reproduce.registry import chosen
    from matganip.benchmarks.reproduce.runner import run

    picked, number = chosen(tasks), 1 if quick else seeds
    page = page or output / "results.md"
    with StepBar() as bar:
        found = run(picked, range(number), output, workers, bar)
    options = f" --tasks {','.join(task.name for task in picked)}" if tasks else ""
    document = write(page, picked, found, f"matganip reproduce --seeds {number}{options}")
    if json:
        print_json({**document, "page": str(page)})
        return
    console = stdout()
    for task in picked:
        show(console, _table(document["tasks"][task.name], task.columns))
    say(console, f"{len(found)} trainings, {document['cpu_s']:.0f} CPU seconds; the page is {page}.")


def _table(task: dict[str, Any], columns: tuple[Column, ...]) -> Table:
    """The first columns of a task's table, which fit a terminal."""
    from matganip.benchmarks.reproduce.page import cell
    from matganip.results.content import Table

    shown = columns[:4]
    rows = [
        (method, *(cell(column, numbers[column.key]) for column in shown))
        for method, numbers in task["methods"].items()
    ]
    return Table(task["title"], ("method", *(column.title for column in shown)), tuple(rows), "w" + "r" * len(shown))
