"""`matganip report`: the page of a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import print_json, say, stdout, tidy
from matganip.cli.spaces import Json


@tidy
def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Output of `matganip screen`.")],
    json: Json = False,
) -> None:
    """Write report.html into the folder of a screen: one file, which needs no network.

    What was covered, the winners in three dimensions, the density of states, the ensemble at each temperature, and what
    it cost.

    matganip screen runs/model --output runs/screen

    matganip report runs/screen
    """
    from matganip.report.screen import write_screen_report

    page = write_screen_report(folder)
    if json:
        print_json({"report": str(page)})
    else:
        say(stdout(), f"The report is {page}.")
