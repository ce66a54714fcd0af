"""`matganip suggest`: which orbits to label next, and rounds that label them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import fail, render, say, stdout, tidy
from matganip.cli.label import asked_of
from matganip.cli.spaces import (
    AS_WRITTEN,
    Json,
    Reading,
    Source,
    Substitute,
    SupercellOption,
    reads_crystals,
    spaces_from,
)
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace


@tidy
@reads_crystals
def suggest(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    calculator: Annotated[
        str | None, typer.Option("--calculator", "-c", help="Whose labels: chgnet, sevennet, gpaw, ..., module:Class.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", metavar="KEY=VALUE", help="A keyword argument of it.")
    ] = None,
    relax: Annotated[str | None, typer.Option("--relax", help="static, positions, or cell (atoms and cell).")] = None,
    database: Annotated[Path | None, typer.Option("--database", "-d", help="The database, labels.db.")] = None,
    strategy: Annotated[
        str,
        typer.Option("--strategy", "-S", help="mixed, uncertainty, d-optimal, farthest, improvement or random."),
    ] = "mixed",
    number: Annotated[int, typer.Option("--number", "-N", min=1, help="How many to suggest, in each round.")] = 8,
    budget: Annotated[
        int | None, typer.Option("--budget", "-b", min=1, help="Label them and repeat, until so many have a label.")
    ] = None,
    replay: Annotated[
        str | None, typer.Option("--replay", metavar="LABELS", help="Compare all strategies on a table of labels.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Splits of the replay.")] = 5,
    figure: Annotated[Path | None, typer.Option("--figure", help="Learning curves of the replay as a PNG.")] = None,
    cutoff: Annotated[
        float, typer.Option("--cutoff", min=0.1, help="Read pairs and triplets up to so many angstrom.")
    ] = 9.0,
    pairs_only: Annotated[bool, typer.Option("--pairs-only", help="Leave out the triplets.")] = False,
    candidates: Annotated[
        int, typer.Option("--candidates", min=1, help="All orbits, or a uniform sample of so many.")
    ] = 20000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of every draw.")] = 0,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=0, help="Processes that label.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the suggested orbits, as `matganip enumerate` does.")
    ] = None,
    json: Json = False,
) -> None:
    """Suggest which orbits to label next; with --budget also label them, learn, and repeat.

    \b
    matganip suggest CsPbI3.cif -s 2,2,2 -x I:Br=6 -c chgnet -N 8 -o next.zip
    matganip suggest CsPbI3.cif -s 2,2,2 -x I:Br=6 -c chgnet --budget 40
    matganip suggest CsPbI3.cif -s 2,2,2 -x I:Br=6 --replay labels.csv
    """
    from matganip.labels.database import LabelDatabase
    from matganip.labels.labelling import Labeller
    from matganip.processes import available_cores
    from matganip.sampling.label_rounds import label_rounds
    from matganip.sampling.suggest import candidate_orbits
    from matganip.sampling.suggest import suggest as suggest_orbits

    reads: dict[str, Any] = {"cutoff": cutoff, "triplets": not pairs_only}
    if replay is not None:
        spaces = spaces_from(source, supercell, substitute, reading=reading).spaces
        if len(spaces) != 1:
            raise InputError(f"{source}: {len(spaces)} compositions; labels of one are replayed at a time")
        _replay(spaces[0], replay, range(seed, seed + seeds), number, budget or 96, reads, figure, json)
        return
    sample = (candidates, seed)
    asked = asked_of(source, supercell, substitute, calculator, setting, {"kind": relax}, database, sample, reading)
    batch = candidate_orbits(asked.spaces, asked.n, asked.seed)
    if budget is None:
        labels = Labeller(asked.calculator, LabelDatabase(asked.database), asked.relaxation).labelled(batch.space)
        found = suggest_orbits(batch, labels, number, strategy, seed=seed, **reads)
        if output:
            found.batch.write(output)
        render(found, json)
        if output and not json:
            say(stdout(), f"The suggested arrangements are in {output}")
        return
    rounds = label_rounds(
        batch, asked.calculator, asked.database, budget, number, strategy, relax=asked.relaxation, seed=seed,
        workers=available_cores() if workers is None else workers, progress=not json, **reads,
    )  # fmt: skip
    render(rounds, json)
    for error, times in {} if json else rounds.errors.items():
        fail(f"{times} structure{'s' * (times > 1)} failed: {error}; rerun the command to try them again")


def _replay(
    space: ConfigurationSpace,
    labels: str,
    seeds: range,
    number: int,
    budget: int,
    reads: dict[str, Any],
    figure: Path | None,
    json: bool,
) -> None:
    """Compare all strategies on labels that are there."""
    from matganip.sampling.replay import replay

    curves = replay(space, labels, seeds=seeds, n=number, budget=budget, progress=not json, **reads)
    if figure:
        curves.save_figure(figure)
    render(curves, json)
    if figure and not json:
        say(stdout(), f"The learning curves are in {figure}")
