"""`matganip examples`: the examples of the documentation, copied."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import print_json, tidy
from matganip.cli.spaces import Json


@tidy
def examples(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder.")] = Path("examples"),
    json: Json = False,
) -> None:
    """Copy the examples of the documentation: crystals, labels, study files, scripts.

    \b
    matganip examples
    matganip run examples/cspbi3_br/study.toml
    """
    from matganip.workflows.examples import copy_examples

    made = copy_examples(folder)
    if json:
        print_json([str(path) for path in made])
        return
    for path in made:
        typer.echo(path)
