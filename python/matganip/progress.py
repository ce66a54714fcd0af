"""How long work reports how far it is: a callback, or a bar on a terminal where the caller asks for one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

Report = Callable[[str, int, int, str], object]
"""Called with the step, how much of it is done, how much there is, and a word about the current state."""
ProgressOption = bool | Report | None
"""What a public call takes as ``progress``: True draws a bar (on stderr, or below a notebook's cell), a callable is
called, None does neither."""


def no_report(step: str, done: int, total: int, detail: str = "") -> None:
    """No-op callback."""


@contextmanager
def reporting(progress: ProgressOption) -> Iterator[Report]:
    """Turn the ``progress`` option of a call into a callback; a bar is removed at the end.

    Examples
    --------
    >>> seen = []
    >>> with reporting(lambda *now: seen.append(now)) as report:
    ...     report("train", 3, 10, "")
    >>> seen
    [('train', 3, 10, '')]
    """
    if progress is True:
        with NotebookBar() if in_notebook() else Bar() as bar:
            yield bar
    else:
        yield progress or no_report


class Bar:
    """A bar on stderr with the time left, one step at a time; drawn only where stderr is a terminal."""

    def __init__(self) -> None:
        self._bar: RichProgress | None = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def __call__(self, step: str, done: int, total: int, detail: str = "") -> None:
        """Show how far a step is; a new step takes the place of the one before."""
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task(step, total=total, detail=detail)
        # Counts beyond what a float holds are shown to its precision; the bar is for people.
        self._bar.update(
            self._bar.tasks[-1].id, description=step, completed=float(done), total=float(total), detail=detail
        )

    def clear(self) -> None:
        """Remove the bar, before anything else is printed."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class NotebookBar:
    """A bar in the output of a notebook's cell, one step at a time; removed at the end."""

    def __init__(self) -> None:
        self._shown: Any = None
        self._step, self._began, self._drawn = "", 0.0, 0.0

    def __enter__(self) -> NotebookBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def __call__(self, step: str, done: int, total: int, detail: str = "") -> None:
        """Show how far a step is, at most ten times a second; a new step takes the place of the one before."""
        now = time.monotonic()
        if step != self._step:
            self._step, self._began, self._drawn = step, now, 0.0
        if now - self._drawn < 0.1 and done < total:
            return
        self._drawn = now
        self._show(_bar_html(step, done, total, detail, now - self._began))

    def clear(self) -> None:
        """Remove the bar."""
        if self._shown is not None:
            self._show("")

    def _show(self, html: str) -> None:
        display = import_module("IPython.display")
        if self._shown is None:
            self._shown = display.display(display.HTML(html), display_id=True)
        else:
            self._shown.update(display.HTML(html))


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


def _bar_html(step: str, done: int, total: int, detail: str, elapsed: float) -> str:
    left = f"{elapsed * (total - done) / done:,.0f} s left" if 0 < done < total else ""
    words = " · ".join(word for word in (f"{done:,} of {total:,}", left, detail) if word)
    share = 100 * done / total if total else 0
    return (
        f'<div>{escape(step)} <progress max="100" value="{share:.1f}" style="vertical-align:middle"></progress> '
        f"{escape(words)}</div>"
    )


def _new_bar() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[detail]}[/dim]"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        speed_estimate_period=3600,  # one step may take longer than the half minute that rich looks back by default
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.start()
    return bar
