"""How the command line looks: tables on stdout, progress and errors on stderr."""

from __future__ import annotations

import functools
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO

import typer

from matganip.errors import InputError, MissingExtraError, ReadingWarning
from matganip.results.base import Result, print_result
from matganip.results.terminal import print_sentence, print_table

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
            with warnings.catch_warnings():
                warnings.showwarning = _show_warning
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


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print what was read otherwise than it stands in a file on a line of its own; any other warning as Python does."""
    del file, line
    if issubclass(category, ReadingWarning):
        print(f"matganip: warning: {message}", file=sys.stderr)
    else:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))


def fail(message: str) -> None:
    """Print an error, each line of it behind ``matganip: error:`` or indented under such a one, unwrapped."""
    for line in message.splitlines():
        print(line if line.startswith("  ") else f"matganip: error: {line}", file=sys.stderr)


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
    """Print a table."""
    print_table(console, table)


def say(console: Console, sentence: str, style: str = "", indent: str = "  ") -> None:
    """Print a sentence."""
    print_sentence(console, sentence, style, indent)


def render(result: Result | Sequence[Result], json: bool, **more: Any) -> None:
    """Print a result: its tables and sentences, or with ``--json`` its dictionary and `more` as one document.

    Of several results the tables stand below each other, and ``--json`` prints one list, where there is one only its
    dictionary.
    """
    several = [result] if isinstance(result, Result) else result
    if json:
        documents = [{**one.to_dict(), **more} for one in several]
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    for one in several:
        print_result(stdout(), one)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout; big integers stay exact, nan is null."""
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
