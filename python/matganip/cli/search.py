"""`matganip search`: the best arrangements of a space that is too large to enumerate."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import INTERRUPTED, fail, render, say, stdout, tidy
from matganip.cli.evaluate import Device, Model, checked_device
from matganip.cli.spaces import Substitute, SupercellOption, composition_from, supercell_from
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.sampling.chains import SearchProgress


@tidy
def search(
    model: Model,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    chains: Annotated[int, typer.Option("--chains", min=1, help="Chains, in groups of eight that exchange.")] = 32,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Decisions of the model on every chain.")] = 200,
    swaps: Annotated[int, typer.Option("--swaps", min=1, help="Swaps on the guide in each step.")] = 100,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal searches.")] = 0,
    top: Annotated[int, typer.Option("--top", "-n", min=1, help="How many of the best orbits to keep.")] = 20,
    method: Annotated[str, typer.Option("--method", help="tempering or annealing.")] = "tempering",
    unguided: Annotated[
        bool, typer.Option("--unguided", help="No linear guide: the model decides on every swap.")
    ] = False,
    select: Annotated[str, typer.Option("--select", help="lowest, highest, or nearest (to --target).")] = "lowest",
    target: Annotated[float | None, typer.Option("--target", help="eV per supercell, for nearest.")] = None,
    temperatures: Annotated[
        str | None,
        typer.Option("--temperatures", metavar="LOW,HIGH", help="Kelvin; chosen from the space by default."),
    ] = None,
    max_scored: Annotated[
        int | None, typer.Option("--max-scored", min=1, help="Stop once so many orbits are scored.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option("--patience", min=1, help="Stop once the best has not changed for so many steps.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Parquet file for the best orbits.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="File for the state; OUTPUT with .search.npz by default."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from that checkpoint, up to --steps.")] = False,
    device: Device = "cpu",
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines: one whenever the best changes, the result last.")
    ] = False,
) -> None:
    """Search for the arrangements that a model puts lowest, without enumerating all.

    Chains walk by swaps at several temperatures. A linear guide, fitted to
    what the model has scored, proposes; the model decides. Each distinct
    orbit is scored once.

    \b
    matganip search runs/model -s 3,3,3 -x I:Br=20 -o best.parquet

    Ctrl-C leaves a checkpoint and what was found so far. To resume, or to
    search longer, repeat the options:

    \b
    matganip search runs/model -s 3,3,3 -x I:Br=20 -o best.parquet --resume
    """
    from matganip.learning.model import Model as TrainedModel
    from matganip.results.search import check_search_output
    from matganip.sampling.search import search as do

    stored = checkpoint or (output and output.with_suffix(".search.npz"))
    if output is not None:
        check_search_output(output)
    if resume and stored is None:
        raise InputError("--resume needs --output or --checkpoint: where the search was stored")
    asked = TrainedModel.of(model, checked_device(device))
    found = do(
        asked, asked.space(supercell_from(supercell), composition_from(substitute)),
        n_steps=steps, max_scored=max_scored, patience=patience, checkpoint=stored, resume=resume, progress=not json,
        follow=_Improvements() if json else None, method=method, n_chains=chains, n_swaps=swaps, guided=not unguided,
        temperatures=parse_temperatures(temperatures), top=top, seed=seed, select=select, target=target,
    )  # fmt: skip
    if output is not None:
        found.write(output)
    if json:
        print(dumps({"event": "result", "finished": found.finished, **found.to_dict()}, allow_nan=False))
    else:
        render(found, json)
        if output is not None:
            say(stdout(), f"They are in {output}")
    if not found.finished:
        where = f"; resume with --resume: {stored}" if stored else ""
        fail(f"interrupted after step {found.n_steps:,}; this is what was found so far{where}")
        raise typer.Exit(INTERRUPTED)


def parse_temperatures(text: str | None) -> tuple[float, float] | None:
    """Read ``10,300`` as the lowest and the highest temperature.

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


class _Improvements:
    """Prints a line of JSON whenever the best changes."""

    def __init__(self) -> None:
        self.best: float | None = None

    def __call__(self, now: SearchProgress) -> None:
        if now.best.energy != self.best:
            self.best = now.best.energy
            line = {
                "event": "best",
                "step": now.step,
                "prediction_eV": now.best.energy,
                "orbits_scored": now.n_scored,
            }
            print(dumps(line), flush=True)
