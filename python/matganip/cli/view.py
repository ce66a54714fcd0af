"""`matganip view`: a page of this machine for exploring a screen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import print_json, say, stdout, tidy
from matganip.cli.spaces import Json


@tidy
def view(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Output of `matganip screen`.")],
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="Port of 127.0.0.1; without it a free one.")
    ] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in the default browser.")] = False,
    json: Json = False,
) -> None:
    """Explore a screen in a browser, until Ctrl-C.

    Sort and filter the winners, or every orbit of a screen with --keep all; energies against neighbours of the
    substituted atoms; structure, powder pattern and CIF of a row. Only this machine reaches the page, and the page
    asks no other machine for anything.

    \b
    matganip screen runs/model --output runs/screen
    matganip view runs/screen
    """
    import matganip as mg

    with mg.view(folder, port=port, open_browser=open_browser) as page:
        rows = len(page.app.source.table)
        if json:
            print_json({"url": page.url, "rows": rows})
        else:
            say(stdout(), f"{rows:,} rows at {page.url} until Ctrl-C.")
        sys.stdout.flush()  # whoever reads from a pipe waits for the address
        page.wait()
