"""How the command line looks: tables on stdout, progress and errors on stderr."""

from __future__ import annotations

import functools
import json
import os
import sys
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from matganip.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from rich.console import Console

    from matganip.results.content import Table

P = ParamSpec("P")

DEBUG = "MATGANIP_DEBUG"
BAD_INPUT = 2
INTERRUPTED = 130


def tidy(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what a user can cause into one line on stderr and an exit code; bugs keep their traceback."""

    @functools.wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except (InputError, MissingExtraError) as error:
            if os.environ.get(DEBUG):
                raise
            fail(str(error))
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            fail("interrupted; files that were finished stay, no half-written one was left")
            raise typer.Exit(INTERRUPTED) from None

    return guarded


def fail(message: str) -> None:
    """Print an error, each line of it behind ``matganip: error:``, unwrapped so that it can be grepped."""
    for line in message.splitlines():
        print(f"matganip: error: {line}", file=sys.stderr)


def stdout() -> Console:
    """The console for results: as wide as the terminal, 100 columns at most, also where there is none."""
    from rich.console import Console

    console = Console(highlight=False)
    return Console(highlight=False, width=min(console.width, 100) if console.is_terminal else 100)


def stderr() -> Console:
    """The console for progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def show(console: Console, table: Table) -> None:
    """Print a report's table."""
    from rich import box
    from rich.padding import Padding
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        show_header=any(table.columns),
        header_style="bold",
        padding=(0, 2, 0, 0),
    )
    for column, letter in zip(table.columns, table.alignment, strict=True):
        drawn.add_column(
            Text(column), justify="right" if letter == "r" else "left", no_wrap=letter != "w", overflow="fold"
        )
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    if table.title:
        say(console, table.title, style="bold")
        console.print()
    console.print(Padding(drawn, (0, 0, 0, 2), expand=False))
    if table.note:
        say(console, table.note, style="dim")
    console.print()


def say(console: Console, sentence: str, style: str = "", indent: str = "  ") -> None:
    """Print a sentence, wrapped and indented as the tables are."""
    from rich.text import Text

    filled = textwrap.fill(sentence, console.width, initial_indent=indent, subsequent_indent=indent)
    console.print(Text(filled, style=style))


def print_json(document: Any) -> None:
    """Print one JSON document on stdout; big integers stay exact, nan is null."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
