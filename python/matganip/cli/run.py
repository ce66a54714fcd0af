"""`matganip run`: a study from its file to its ranked list."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.progress import new_bar
from matganip.cli.spaces import Json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from matganip.workflows.schema import Study


@tidy
def run(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file (TOML).", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the results.", show_default=False)
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run's files in that folder, one by one.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**32 - 1, help="In place of the study's seed.", show_default=False),
    ] = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the ranking alone.")] = False,
) -> None:
    """Do a study: count, enumerate, diffract, train, evaluate, screen and rank; write everything to a folder.

    matganip run examples/cspbi3_br/study.toml --output results/
    """
    from matganip.workflows.reading import read_study

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache, once
    described = read_study(study)
    if seed is not None:
        described = described.model_copy(update={"seed": seed})
    folder = output or described.output or Path("runs") / study.stem
    from matganip.workflows.job import run as do
    from matganip.workflows.output import outcome_summary

    with Teller(described, stdout(), spoken=() if json else ("screen",) if quiet else None) as teller:
        outcome = do(
            described,
            study.parent,
            folder,
            overwrite=overwrite,
            listener=teller,
            command=("matganip", *sys.argv[1:]),
            source=study,
        )
    if json:
        print_json(outcome_summary(outcome, folder))
    else:
        teller.foot(outcome.seconds, folder)


class Teller:
    """Shows what a job does: a live bar on stderr (where that is a terminal), what it found on stdout.

    The bar lives within a step and is gone before anything is printed, so that the two never mix.

    Parameters
    ----------
    study : Study
        What is being done.
    console : Console
        Where the findings go.
    spoken : tuple of str, optional
        The steps to tell of; all by default.
    """

    def __init__(self, study: Study, console: Console, spoken: tuple[str, ...] | None = None) -> None:
        self.study = study
        self.console = console
        self.spoken = spoken
        self.bar: Progress | None = None
        self.number = 0

    def __enter__(self) -> Teller:
        return self

    def __exit__(self, *error: object) -> None:
        self._clear()

    def foot(self, seconds: dict[str, float], folder: Path) -> None:
        """Print where the results are and how long they took."""
        self.console.print(f"  Results are in [bold]{folder}[/bold]; open report.html there.")
        if self.spoken is None:
            steps = ", ".join(f"{name} {taken:.1f}" for name, taken in seconds.items())
            say(self.console, f"{sum(seconds.values()):.1f} s: {steps}", style="dim")

    def begin(self, step: str) -> None:
        """Clear the bar of the step before; once everything is read, print what the study is."""
        self._clear()
        if step == "count" and self.spoken is None:
            from matganip import __version__

            about = f"matganip {__version__}, seed {self.study.seed}"
            self.console.print(f"\n  [bold]{self.study.name}[/bold]   [dim]{about}[/dim]\n")

    def progress(self, step: str, done: int, total: int, detail: str) -> None:
        """Move the bar."""
        if self.bar is None:
            self.bar = new_bar()
            self.bar.add_task(step, total=total, detail=detail)
        task = self.bar.tasks[-1]
        self.bar.update(task.id, description=step, completed=done, total=total, detail=detail)

    def found(self, step: str, *results: object) -> None:
        """Print what a step found."""
        from matganip.workflows.story import TITLES, tell

        self._clear()
        if self.spoken is not None and step not in self.spoken:
            return
        sentences, tables = tell(step, results)
        if self.spoken is None:
            self.number += 1
            self.console.print(f"[bold cyan]{self.number}[/bold cyan] [bold]{TITLES[step]}[/bold]\n")
        for table in tables:
            show(self.console, table)
        for sentence in sentences:
            say(self.console, sentence)
        if sentences:
            self.console.print()

    def _clear(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
