"""`matganip search`: the best arrangements of a space that is too large to enumerate."""

from __future__ import annotations

import sys
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import INTERRUPTED, fail, say, show, stdout, tidy
from matganip.cli.evaluate import Device, Model, checked_device, substitutions_from
from matganip.cli.progress import new_bar
from matganip.cli.spaces import Substitute, SupercellOption, parse_supercell
from matganip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matganip.sampling.run import SearchJob
    from matganip.sampling.search import SearchProgress


@tidy
def search(
    model: Model,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    chains: Annotated[int, typer.Option("--chains", min=1, help="Walkers, in groups of eight that exchange.")] = 32,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Decisions of the model on each chain.")] = 200,
    swaps: Annotated[int, typer.Option("--swaps", min=1, help="Swaps on the guide between two of them.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same search.")] = 0,
    top: Annotated[int, typer.Option("--top", "-n", min=1, help="How many of the best orbits to keep.")] = 20,
    method: Annotated[str, typer.Option("--method", help="tempering, or annealing.")] = "tempering",
    unguided: Annotated[
        bool, typer.Option("--unguided", help="No linear guide: the model decides on each swap by itself.")
    ] = False,
    temperatures: Annotated[
        str | None, typer.Option("--temperatures", metavar="LOW,HIGH", help="Kelvin; by default what a swap changes.")
    ] = None,
    max_scored: Annotated[
        int | None, typer.Option("--max-scored", min=1, help="Stop after the step that has scored so many orbits.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", min=1, help="Stop when the best has stood for so many steps.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Parquet file for the best orbits.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="Kept up to date meanwhile; by default OUTPUT with .search.npz."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from that checkpoint, up to --steps.")] = False,
    device: Device = "cpu",
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines: one whenever the best changes, the result last.")
    ] = False,
) -> None:
    """Search for the arrangements that a model puts lowest, without enumerating.

    Chains walk by swaps at several temperatures. A linear guide, fitted to what the model has scored, proposes; the
    model decides. Each distinct orbit is scored once.

        matganip search runs/model -s 3,3,3 -x I:Br=20 --output best.parquet

    Ctrl-C leaves a checkpoint and what was found so far; go on, or search longer, with the same options and

        matganip search runs/model -s 3,3,3 -x I:Br=20 --output best.parquet --resume --steps 1000
    """
    from matganip.sampling.run import SearchJob, search_summary, write_best
    from matganip.sampling.search import SearchSettings

    stored = checkpoint or (output and output.with_suffix(".search.npz"))
    if output is not None and output.suffix != ".parquet":
        raise InputError(f"{output}: the best orbits are written as .parquet")
    if resume and stored is None:
        raise InputError("--resume needs --output or --checkpoint: where the search was stored")
    settings = SearchSettings(
        method=method,  # type: ignore[arg-type]  # SearchSettings checks it, and says what there is
        n_chains=chains,
        n_swaps=swaps,
        guided=not unguided,
        temperatures=parse_temperatures(temperatures),
        top=top,
        seed=seed,
    )
    job = SearchJob.load(
        model,
        settings,
        supercell=parse_supercell(supercell) if supercell else None,
        substitutions=substitutions_from(substitute),
        device=checked_device(device),
        resume=stored if resume else None,
    )
    finished = _follow(job, steps, max_scored, patience, stored, json)
    if output is not None and job.search.scored.best:
        write_best(job, output)
    if json:
        print(dumps({"event": "result", "finished": finished, **search_summary(job)}, allow_nan=False))
    else:
        _tell(job, output)
    if not finished:
        where = f"; go on with --resume: {stored}" if stored else ""
        fail(f"interrupted after step {job.search.step:,}; this is what was found so far{where}")
        raise typer.Exit(INTERRUPTED)


def parse_temperatures(text: str | None) -> tuple[float, float] | None:
    """``10,300`` as the lowest and the highest temperature.

    >>> parse_temperatures("10,300")
    (10.0, 300.0)
    """
    if text is None:
        return None
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise InputError(f"--temperatures {text}: not two numbers, LOW,HIGH in kelvin") from None
    return low, high


def _follow(
    job: SearchJob, steps: int, max_scored: int | None, patience: int | None, stored: Path | None, json: bool
) -> bool:
    """Run, with a bar on a terminal, or a line of JSON whenever the best changes."""
    bar = new_bar()
    task = bar.add_task("search", total=steps, completed=job.search.step, detail="")
    tell = _teller(json)

    def follow(progress: SearchProgress) -> None:
        tell(progress)
        bar.update(
            task,
            completed=progress.step,
            detail=f"best {progress.best.energy:.6f} eV, by {progress.groups_at_best} of {progress.n_groups}; "
            f"{progress.n_scored:,} scored; exchanged {progress.exchange_rate:.0%}",
        )

    try:
        return job.run(steps, max_scored=max_scored, patience=patience, checkpoint=stored, tell=follow)
    finally:
        bar.stop()


def _teller(json: bool) -> Callable[[SearchProgress], None]:
    last: list[float] = []

    def tell(progress: SearchProgress) -> None:
        if json and last != [progress.best.energy]:
            last[:] = [progress.best.energy]
            line = {
                "event": "best",
                "step": progress.step,
                "prediction_eV": progress.best.energy,
                "orbits_scored": progress.n_scored,
            }
            print(dumps(line), flush=True)

    return tell


def _tell(job: SearchJob, output: Path | None) -> None:
    from matganip.configurations.summary import sites_text
    from matganip.results.content import Table
    from matganip.sampling.run import search_summary

    console, result, space = stdout(), search_summary(job), job.asked.space
    batch, found, atoms = job.best(), job.search.scored.best, job.asked.space.n_atoms
    rows = tuple(
        (str(place + 1), f"{one.multiplicity:,}", f"{one.energy / atoms:.6f}",
         f"{(one.energy - found[0].energy) * 1000 / atoms:.4f}", f"{len(one.groups)} of {job.search.n_groups}",
         str(one.step), sites_text(space, row))
        for place, (one, row) in enumerate(zip(found, batch.occupations, strict=True))
    )  # fmt: skip
    columns = ("rank", "multiplicity", "eV/atom", "above first", "found by", "at step", "sites taken")
    title = f"{result['composition']}: the {len(rows)} lowest that were found"
    note = (
        f"Total energies as {result['calculator']} would give them; above the first in meV/atom; found by so many "
        "independent groups of chains."
    )
    show(console, Table(title, columns, rows, "rrrrrrw", note))
    accepted = {name: "-" if rate is None else f"{rate:.0%}" for name, rate in result["accepted"].items()}
    say(
        console,
        f"{result['orbits_scored']:,} of {result['orbits']:,} orbits scored ({result['part_scored']:.2g}) in "
        f"{result['steps']:,} steps; the lowest energy was reached by {result['groups_at_best']} of "
        f"{result['groups']} groups. Accepted: swaps {accepted['swaps']}, steps {accepted['steps']}, exchanges "
        f"{accepted['exchanges']}. A search proves nothing: another seed may find better.",
    )
    if result["remark"]:
        say(console, result["remark"])
    if output is not None:
        say(console, f"They are in {output}")
    sys.stdout.flush()
