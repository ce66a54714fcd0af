"""`matganip verify`: whether a screen is what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import BAD_INPUT, print_json, say, show, stdout, tidy
from matganip.cli.spaces import Json


@tidy
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Output of `matganip screen`.", show_default=False)],
    rows: Annotated[int, typer.Option("--rows", min=0, help="Rows that are predicted again.")] = 200,
    shards: Annotated[int, typer.Option("--shards", min=0, help="Shards that are done again, byte for byte.")] = 1,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of both draws.")] = 0,
    json: Json = False,
) -> None:
    """Check a screen: counts against Burnside's lemma, multiplicities, checksums, versions, rows and shards again.

    matganip verify runs/screen

    matganip verify runs/screen --rows 10000 --shards 4

    Exit status: 0 all is right, 2 something is not.
    """
    from matganip.results.content import Table
    from matganip.screening.folder import FolderSource, same_versions, settings_of
    from matganip.screening.manifest import ScreenFolder
    from matganip.screening.verify import verify as do

    opened = ScreenFolder.read(folder)
    same_versions(opened.header, folder)
    source = FolderSource(folder.absolute(), opened.fingerprint)
    found = do(opened, source, settings_of(opened.header), rows=rows, shards=shards, seed=seed)
    if json:
        print_json(
            {
                "good": found.good,
                "checks": [{"what": what, "right": right, "found": text} for what, right, text in found.checks],
            }
        )
    else:
        lines = tuple((what, "right" if right else "WRONG", text) for what, right, text in found.checks)
        show(stdout(), Table("", ("what", "", "found"), lines, "llw", ""))
        say(stdout(), "All is right." if found.good else "Not all is right.")
    if not found.good:
        raise typer.Exit(BAD_INPUT)
