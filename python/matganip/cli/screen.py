"""`matganip screen`: every arrangement of a space by a trained model, resumable at any point."""

from __future__ import annotations

import sys
import time
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import render, say, stderr, stdout, tidy
from matganip.cli.enumerate import parse_shard
from matganip.cli.spaces import Substitute, SupercellOption, composition_from, supercell_from
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.screen import ScreenPart, ScreenResult
    from matganip.screening.stream import Standing


@tidy
def screen(
    model: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="A model folder, or the output of `matganip train`; of several the mean predicts.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the result.")] = None,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    study: Annotated[Path | None, typer.Option("--study", help="Take the space that this study file screens.")] = None,
    select: Annotated[str, typer.Option("--select", help="lowest, highest, or nearest (to --target).")] = "lowest",
    top: Annotated[int, typer.Option("--top", "-k", min=1, help="How many winners to keep.")] = 100,
    target: Annotated[float | None, typer.Option("--target", help="eV per supercell, for nearest.")] = None,
    pareto: Annotated[
        Path | None,
        typer.Option("--pareto", metavar="MODEL", help="A second property: keep the Pareto front, both low."),
    ] = None,
    temperatures: Annotated[str, typer.Option("--temperatures", "-T", help="Kelvin.")] = "300,600,1000",
    bin_width: Annotated[float, typer.Option("--bin-width", help="Of the histogram, eV per supercell.")] = 0.002,
    shards: Annotated[int | None, typer.Option("--shards", min=1, help="By default one for 200,000 orbits.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=0, help="By default one for each core.")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Take the workers of a dask scheduler: tcp://host:8786."),
    ] = None,
    cluster: Annotated[
        Path | None,
        typer.Option(
            "--cluster", metavar="FILE", help="Start workers by SLURM, PBS ...: a TOML file, docs/cluster.md."
        ),
    ] = None,
    keep: Annotated[str, typer.Option("--keep", help="best of each shard, or all orbits.")] = "best",
    cascade: Annotated[
        bool | None,
        typer.Option(
            "--cascade/--no-cascade",
            help="A distilled surrogate screens, the model re-scores; by default from 2 million orbits.",
        ),
    ] = None,
    surrogate: Annotated[
        Path | None, typer.Option("--surrogate", help="Take this surrogate: surrogate/ of another part.")
    ] = None,
    student: Annotated[Path | None, typer.Option("--student", hidden=True)] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the sample that a surrogate is fitted to.")] = 0,
    shard: Annotated[str, typer.Option("--shard", help="k/n: only part k (from 0) of n, for a job array.")] = "0/1",
    merge: Annotated[bool, typer.Option("--merge", help="MODEL... are folders of parts: put them together.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Complete the screen in that folder; MODEL may be left out.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure for a minute, print the cost, write nothing.")
    ] = False,
    cores: Annotated[int | None, typer.Option("--cores", min=1, help="With --dry-run: cores to plan for.")] = None,
    export: Annotated[str | None, typer.Option("--export", help="Winners also as cif, poscar or extxyz.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each event and nothing else.")] = False,
) -> None:
    """Screen every arrangement of a space, and keep the best, the histogram and the canonical sums.

    Of the space that the model was trained on, on all cores:

        matganip screen runs/model --output runs/screen

    After a kill, a full disk or a power cut, with any number of workers, to the same bytes:

        matganip screen --resume --output runs/screen

    A job array on a cluster, and its end:

        matganip screen runs/model --shards 256 --shard $TASK/32 -o part-$TASK

        matganip screen --merge part-* --output whole

    On the workers of a dask cluster, which may come and go:

        matganip screen runs/model --scheduler tcp://node1:8786 --output whole

        matganip screen runs/model --cluster slurm.toml --output whole

    What it would cost there:

        matganip screen runs/model -s 2,2,3 -x I:Br=18 --dry-run --cores 2000

    Exit status: 0 done, 2 wrong input or a file cannot be written, 130 interrupted; resume with --resume.
    """
    from matganip.processes import available_cores
    from matganip.screening import parts, plan
    from matganip.screening import run as screening
    from matganip.workflows.cluster import engine_of

    n_workers = available_cores() if workers is None else workers
    followed: dict[str, Any] = {"progress": not json, "follow": _json_event if json else _note}
    if merge:
        if not output:
            raise InputError("--output is needed: the folder for the whole")
        _show(parts.merge_parts(model or [], output, workers=n_workers, resume=resume, **followed), export, json)
        return
    if student is not None:
        say(stderr(), "--student is called --surrogate now")
    options: dict[str, Any] = {
        "top": top, "select": select, "target": target, "second": pareto, "bin_width": bin_width, "n_shards": shards,
        "temperatures": parse_temperatures(temperatures), "keep": keep, "cascade": cascade, "seed": seed,
        "surrogate": surrogate or student,
    }  # fmt: skip
    part = parse_shard(shard)
    if dry_run:
        if not model:
            raise InputError("--dry-run needs a model folder")
        space = _space(model[0], study, supercell, substitute)
        already_s = time.process_time()
        cost = plan.plan_screen(model, space, workers=n_workers, cores=cores, already_s=already_s, part=part, **options)
        render(cost, json)
        return
    if not output:
        raise InputError("--output is needed: the folder for the result")
    if not (model or resume):
        raise InputError("a model folder is needed, or --resume with the folder of a screen")
    with engine_of(scheduler, cluster) as engine:
        by: dict[str, Any] = {"workers": n_workers, "engine": engine, **followed}
        if not model:
            _show(screening.resume_screen(output, **by), export, json)
            return
        space = _space(model[0], study, supercell, substitute)
        options |= {"resume": resume, "command": ("matganip", *sys.argv[1:])}
        if part == (0, 1):
            _show(screening.screen(model, space, folder=output, **by, **options), export, json)
        else:
            _show(screening.screen_part(model, space, part, output, **by, **options), export, json)


def parse_temperatures(text: str) -> tuple[float, ...]:
    """Read ``300,600`` as kelvin.

    >>> parse_temperatures("0,300,inf")
    (0.0, 300.0, inf)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--temperatures {text}: not numbers, as in 300,600") from None


def _space(model: Path, study: Path | None, supercell: str | None, substitute: list[str] | None) -> ConfigurationSpace:
    """The space that options or a study file ask for; by default the model's own."""
    from matganip.learning.model import Model

    asked = Model.of(model)
    if study is None:
        return asked.space(supercell_from(supercell), composition_from(substitute))
    if supercell or substitute:
        raise InputError("--study says supercell and substitutions; leave --supercell and --substitute out")
    from matganip.workflows.reading import read_study

    described = read_study(study)
    return asked.space(described.supercell, described.screen.substitutions or described.substitutions)


def _show(found: ScreenResult | ScreenPart, export: str | None, json: bool) -> None:
    """Write the structures that are asked for, and print the result; with ``--json`` the last event has told it."""
    from matganip.results.screen import ScreenResult
    from matganip.screening.winners import export_winners

    if export and isinstance(found, ScreenResult) and found.folder is not None:
        export_winners(found, found.folder / ("winners.xyz" if export == "extxyz" else f"winners-{export}"), export)
    if not json:
        render(found, json)


def _note(event: Standing | str) -> None:
    if isinstance(event, str):
        say(stdout(), event)


def _json_event(event: Standing | str) -> None:
    """Print an event as a line of JSON, at once."""
    print(dumps({"event": "note", "text": event} if isinstance(event, str) else event.to_dict()), flush=True)
