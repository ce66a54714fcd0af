"""`matganip verify`: whether a screen is what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import BAD_INPUT, render, tidy
from matganip.cli.spaces import Json


@tidy
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output of `matganip screen`.", show_default=False)],
    rows: Annotated[int, typer.Option("--rows", min=0, help="Rows to predict again.")] = 200,
    shards: Annotated[int, typer.Option("--shards", min=0, help="Shards to rerun, byte for byte.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of both draws.")] = 0,
    json: Json = False,
) -> None:
    """Check a screen: counts against Burnside's lemma, multiplicities, checksums, versions, rows and shards again.

    matganip verify runs/screen

    matganip verify runs/screen --rows 10000 --shards 4

    Exit status: 0 all is right, 2 something is not.
    """
    from matganip.screening.verify import verify_screen

    found = verify_screen(folder, rows=rows, shards=shards, seed=seed, progress=not json)
    render(found, json)
    if not found.good:
        raise typer.Exit(BAD_INPUT)
