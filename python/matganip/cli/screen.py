"""`matganip screen`: every arrangement of a space by a trained model; started again, it goes on where it ended."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import say, stdout, tidy
from matganip.cli.enumerate import parse_shard
from matganip.cli.spaces import Substitute, SupercellOption, parse_composition, parse_supercell
from matganip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matganip.screening.pool import Engine
    from matganip.screening.run import Wanted
    from matganip.screening.stream import Standing


@tidy
def screen(
    model: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[MODEL]...",
            help="Folder of `matganip train`; of several the mean predicts, and their spread is written.",
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
        typer.Option("--pareto", metavar="MODEL", help="A second property: keep what none beats in both, both low."),
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
            "--cascade/--no-cascade", help="A surrogate screens, the model re-scores; by default from 2 million orbits."
        ),
    ] = None,
    surrogate: Annotated[
        Path | None, typer.Option("--surrogate", help="Take this surrogate: another part's surrogate/.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the sample that a surrogate learns from.")] = 0,
    shard: Annotated[str, typer.Option("--shard", help="k/n: only part k (from 0) of n, for a job array.")] = "0/1",
    merge: Annotated[bool, typer.Option("--merge", help="MODEL... are folders of parts: put them together.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in that folder; MODEL may be left out.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure for a minute, say what it costs, write nothing.")
    ] = False,
    cores: Annotated[int | None, typer.Option("--cores", min=1, help="With --dry-run: cores to plan for.")] = None,
    export: Annotated[str | None, typer.Option("--export", help="Winners also as cif, poscar or extxyz.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each event and nothing else.")] = False,
) -> None:
    """Screen every arrangement of a space, and keep the best, the histogram and the canonical sums.

    Of the space that the model was trained on, on all cores:

        matganip screen runs/model --output runs/screen

    Killed, disk full, power cut: go on, with any number of workers, to the same bytes:

        matganip screen --resume --output runs/screen

    A job array on a cluster, and its end:

        matganip screen runs/model --shards 256 --shard $SLURM_ARRAY_TASK_ID/32 -o part-$SLURM_ARRAY_TASK_ID

        matganip screen --merge part-* --output whole

    On the workers of a dask cluster, which may come and go:

        matganip screen runs/model --scheduler tcp://node1:8786 --output whole

        matganip screen runs/model --cluster slurm.toml --output whole

    What it would cost there:

        matganip screen runs/model --supercell 2,2,3 --substitute I:Br=18 --dry-run --cores 2000

    Exit status: 0 done, 2 something in the input is wrong or a file cannot be written (go on with --resume), 130
    interrupted (likewise).
    """
    from matganip.screening.run import Wanted, merge_parts, run
    from matganip.screening.selection import Selection

    n_workers = _cores() if workers is None else workers
    if merge:
        if not output:
            raise InputError("--output is needed: the folder for the whole")
        _show(merge_parts(model or [], output, workers=n_workers, resume=resume), output, export, json)
        return
    wanted = None
    if model:
        cells, species = _space(study, supercell, substitute)
        wanted = Wanted(
            models=model,
            supercell=cells,
            substitutions=species,
            second=pareto,
            selection=Selection("pareto" if pareto else select, top, target),  # type: ignore[arg-type]
            temperatures=parse_temperatures(temperatures),
            bin_width=bin_width,
            n_shards=shards,
            keep=keep,
            cascade=cascade,
            surrogate=surrogate,
            seed=seed,
            part=parse_shard(shard),
        )
    if dry_run:
        _foresee(wanted, n_workers, cores, json)
        return
    if not output:
        raise InputError("--output is needed: the folder for the result")
    if wanted is None and not resume:
        raise InputError("a model folder is needed, or --resume with the folder of a screen")
    told = _say_json if json else _say
    command = ("matganip", *sys.argv[1:])
    with _engine(scheduler, cluster) as engine:
        standings = run(wanted, output, workers=n_workers, engine=engine, resume=resume, command=command, say=told)
        _show(standings, output, export, json)


@contextmanager
def _engine(scheduler: str | None, cluster: Path | None) -> Iterator[Engine | None]:
    """Who does the shards; nobody but this machine's processes where no cluster is named."""
    if scheduler is None and cluster is None:
        yield None
        return
    if scheduler is not None and cluster is not None:
        raise InputError("--scheduler and --cluster: give one of the two")
    from matganip.screening.dask_pool import run_shards_on_dask
    from matganip.workflows.cluster import client_of

    with client_of(scheduler, cluster) as client:
        yield partial(run_shards_on_dask, client)


def parse_temperatures(text: str) -> tuple[float, ...]:
    """``300,600`` as kelvin.

    >>> parse_temperatures("0,300,inf")
    (0.0, 300.0, inf)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--temperatures {text}: not numbers, as in 300,600") from None


def _space(study: Path | None, supercell: str | None, substitute: list[str] | None) -> tuple[Any, Any]:
    """Supercell and substitutions, from a study file or from options; None is the model's own."""
    if study is None:
        return (parse_supercell(supercell) if supercell else None), parse_composition(substitute)
    if supercell or substitute:
        raise InputError("--study says supercell and substitutions; leave --supercell and --substitute out")
    from matganip.workflows.reading import read_study

    described = read_study(study)
    return described.supercell, described.screen.substitutions or described.substitutions


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _show(standings: Iterator[Standing], output: Path, export: str | None, json: bool) -> None:
    """Follow a screen to its end, and tell of the result."""
    from matganip.cli.screen_show import follow, follow_json, tell
    from matganip.screening.manifest import ScreenFolder

    (follow_json if json else follow)(standings)
    folder = ScreenFolder.read(output)
    if export and folder.part == (0, 1):
        _export(folder, export)
    if not json:
        tell(folder)


def _export(folder: Any, fmt: str) -> None:
    from matganip.screening.folder import FolderSource
    from matganip.screening.winners import export_winners

    space = FolderSource(folder.path.absolute(), folder.fingerprint).open().space
    target = folder.path / ("winners.xyz" if fmt == "extxyz" else f"winners-{fmt}")
    export_winners(space, folder.path, target, fmt)


def _foresee(wanted: Wanted | None, workers: int, cores: int | None, json: bool) -> None:
    from matganip.cli.screen_show import show_plan
    from matganip.screening.dry_run import plan

    if wanted is None:
        raise InputError("--dry-run needs a model folder")
    show_plan(plan(wanted, workers=max(1, workers), already_s=time.process_time()), cores, json)


def _say(sentence: str) -> None:
    say(stdout(), sentence)


def _say_json(sentence: str) -> None:
    from matganip.cli.screen_show import json_line

    json_line({"event": "note", "text": sentence})
