"""Live bars: over a stream of batches, and over the steps of a job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from matganip.cli.console import stderr

if TYPE_CHECKING:
    from rich.progress import Progress

    from matganip.configurations.batch import ConfigurationBatch


def track(batches: Iterable[ConfigurationBatch], total: int, label: str) -> Iterator[ConfigurationBatch]:
    """Hand batches on and show how many orbits have come, how fast, and the time left; on a terminal only."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = stderr()
    # Counts beyond what a float holds are shown to its precision; the bar is for people.
    with Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TextColumn("[dim]{task.fields[rate]}[/dim]"),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(label, total=float(total), rate="")
        for batch in batches:
            yield batch
            speed = bar.tasks[task].speed
            bar.update(task, advance=len(batch), rate=f"{speed:,.0f}/s" if speed else "")


def new_bar() -> Progress:
    """A bar with time left and the last numbers, drawn only where stderr is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = stderr()
    bar = Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]{task.fields[detail]}[/dim]"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.start()
    return bar


class StepBar:
    """A listener that shows how far a job is, and is silent otherwise."""

    def __init__(self) -> None:
        self.bar: Progress | None = None

    def __enter__(self) -> StepBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.begin("")

    def begin(self, step: str) -> None:
        """Clear the bar of the step before."""
        del step
        if self.bar is not None:
            self.bar.stop()
            self.bar = None

    def progress(self, step: str, done: int, total: int, detail: str) -> None:
        """Move the bar."""
        if self.bar is None:
            self.bar = new_bar()
            self.bar.add_task(step, total=total, detail=detail)
        self.bar.update(self.bar.tasks[-1].id, description=step, completed=done, total=total, detail=detail)

    def found(self, step: str, *results: object) -> None:
        """Say nothing: the command prints when all is done."""
