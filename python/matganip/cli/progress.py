"""A live bar over a stream of batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from matganip.cli.console import stderr

if TYPE_CHECKING:
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
