"""How long work reports how far it is: a callback, or a bar on a terminal where the caller asks for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

Report = Callable[[str, int, int, str], object]
"""Called with the step, how much of it is done, how much there is, and a word about the current state."""
ProgressOption = bool | Report | None
"""What a public call takes as ``progress``: True draws a bar on stderr, a callable is called, None does neither."""


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
        with Bar() as bar:
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
