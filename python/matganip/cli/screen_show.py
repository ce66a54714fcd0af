"""How a screen looks while it runs and when it is done: a live line, tables, or lines of JSON."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from matganip.cli.console import print_json, say, show, stderr, stdout

if TYPE_CHECKING:
    from matganip.screening.manifest import ScreenFolder
    from matganip.screening.plan import Plan
    from matganip.screening.stream import Standing


def follow(standings: Iterator[Standing]) -> None:
    """Show a screen as it runs, where stderr is a terminal."""
    from rich.progress import BarColumn, Progress, TextColumn

    console = stderr()
    with Progress(
        TextColumn("  {task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[line]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task("screen", total=1.0, line="")
        for one in standings:
            bar.update(
                task, description=one.phase, total=float(one.of_orbits), completed=float(one.n_orbits), line=_line(one)
            )


def _line(one: Standing) -> str:
    left = "" if math.isnan(one.seconds_left) else f", {_time(one.seconds_left)} left"
    best = "" if math.isnan(one.best) else f", best {one.best:.4f} eV"
    return (
        f"{one.n_orbits:,} of {one.of_orbits:,} orbits, {one.arrangements_per_s:,.0f} arrangements/s, "
        f"{one.orbits_per_s:,.0f} orbits/s{left}{best}"
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def follow_json(standings: Iterator[Standing]) -> None:
    """Print a line for each event."""
    for one in standings:
        json_line(
            {
                "event": "shard" if one.record else one.phase,
                "orbits": one.n_orbits,
                "of_orbits": one.of_orbits,
                "configurations": str(one.n_configurations),
                "shards": one.n_shards,
                "of_shards": one.of_shards,
                "seconds": round(one.seconds, 3),
                "orbits_per_s": round(one.orbits_per_s, 1),
                "arrangements_per_s": round(one.arrangements_per_s, 1),
                "seconds_left": None if math.isnan(one.seconds_left) else round(one.seconds_left, 1),
                "best_eV": None if math.isnan(one.best) else one.best,
                "shard": one.record.shard if one.record else None,
            }
        )


def json_line(document: dict[str, Any]) -> None:
    """Print one line of JSON, at once."""
    sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
    sys.stdout.flush()


def tell(folder: ScreenFolder) -> None:
    """Print what a screen found and what it cost."""
    from matganip.report.screen import cascade_sentence, stage_table, winners_table
    from matganip.screening.merge import read_result
    from matganip.screening.winners import read_winners

    console = stdout()
    show(console, stage_table(folder))
    if folder.part != (0, 1):
        k, n = folder.part
        say(
            console,
            f"Part {k} of {n}, {len(folder.shards)} shards, is complete; merge {folder.path} with the others.",
        )
        return
    result = read_result(folder.path)
    winners = read_winners(folder.path)
    show(console, winners_table(folder, winners, 10))
    if result["cascade"]:
        say(console, cascade_sentence(result["cascade"]))
    say(
        console,
        f"{result['orbits']:,} orbits, {int(result['configurations']):,} arrangements, all of them. {folder.path}",
    )


def show_plan(made: Plan, cores: int | None, as_json: bool) -> None:
    """Print what a screen would cost, here and on so many cores."""
    from matganip.results.content import Table

    if as_json:
        print_json(made.to_dict(cores))
        return
    rows = [
        (
            f"{n:,}" + (" (here)" if here else ""),
            f"{made.n_shards if here else made.shards_for(n):,}",
            f"{made.core_hours(n):.4f}",
            _time(made.seconds(n)),
        )
        for n, here in ((made.workers, True), *(((cores, False),) if cores else ()))
    ]
    console = stdout()
    show(
        console,
        Table(
            f"{made.orbits:,} orbits of {made.configurations:,} arrangements",
            ("cores", "shards", "core-hours", "wall time"),
            tuple(rows),
            "lrrr",
            f"{made.rate:,.0f} orbits/s by {made.workers} workers, measured on {made.measured:,} orbits; "
            f"about {made.bytes / 1e6:,.1f} MB of files.",
        ),
    )
