"""`matganip reproduce`: the whole comparison of methods, in one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.spaces import Json


@tidy
def reproduce(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder that stores each result, so that a run can be resumed.")
    ] = Path("runs/reproduce"),
    page: Annotated[
        Path | None,
        typer.Option("--page", help="The page, a .md with a .json beside it; OUTPUT/results.md.", show_default=False),
    ] = None,
    tasks: Annotated[
        str, typer.Option("--tasks", help="Names of tasks, separated by commas; all without it.", show_default=False)
    ] = "",
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings for each number.")] = 5,
    quick: Annotated[bool, typer.Option("--quick", help="One seed: to see that it runs.")] = False,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes, of one thread each.")] = 2,
    json: Json = False,
) -> None:
    """Measure every method on every task, beside the mean baseline, ridge, kernel ridge and a cluster expansion.

    The tasks are powder, resolved, triplets (held-out orbits of 6 Br of 24),
    transfer (larger cells), paper and paper-dft (the paper's random split),
    and tolerance (crystals by formula). Rerun the command to resume.

    \b
    matganip reproduce --output runs/reproduce --page docs/results.md
    matganip reproduce --tasks powder,resolved --quick
    """
    from matganip.benchmarks.reproduce.runner import reproduce as do

    render(do(tasks, 1 if quick else seeds, output, page, workers=workers, progress=not json), json)
