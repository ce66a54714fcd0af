"""`matganip run`: a study from its file to its ranked list."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.spaces import Json


@tidy
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file (TOML).", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results.", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run's files in that folder, one by one.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**32 - 1, help="In place of the study's seed.", show_default=False),
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the ranking alone.")] = False,
) -> None:
    """Run a study: evaluate on its labels, train, screen and rank; write everything to a folder.

    \b
    matganip run examples/cspbi3_br/study.toml --output results/
    """
    from matganip.workflows.reading import read_study
    from matganip.workflows.run import run_study

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache, once
    described = read_study(study, seed=seed)
    folder = output or described.output or Path("runs") / study.stem
    command = ("matganip", *sys.argv[1:])
    result = run_study(
        described, study.parent, folder, overwrite=overwrite, progress=True, command=command, source=study
    )
    render(result.ranking if quiet and not json else result, json)
