"""`matganip certify`: the lowest arrangements of a space, with a proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.evaluate import Device, Model, checked_device
from matganip.cli.spaces import Json, Substitute, SupercellOption, composition_from, supercell_from


@tidy
def certify(
    model: Model,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    top: Annotated[int, typer.Option("--top", "-n", min=1, help="How many of the lowest orbits.")] = 100,
    window: Annotated[
        float | None,
        typer.Option("--within", metavar="MEV", help="Instead all up to so many meV/atom above the lowest."),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option("--time", metavar="SECONDS", help="Stop after that, with the gap that is left.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Parquet or CSV file for the winners.")] = None,
    checkpoint: Annotated[Path | None, typer.Option("--checkpoint", help="An .npz file for the state.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume from that checkpoint, if it is there.")] = False,
    threads: Annotated[int, typer.Option("--threads", min=0, help="0 is all cores; the result is the same.")] = 0,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Find the arrangements that a model puts lowest, and prove it.

    Branch and bound: no orbit is visited that a lower bound, or symmetry,
    rules out. The winners are those of `matganip screen`.

    \b
    matganip certify runs/model --top 100 -o winners.parquet
    matganip certify runs/model -s 2,2,4 -x I:Br=12 --top 1

    All arrangements up to 0.1 meV/atom above the lowest, counted:

    \b
    matganip certify runs/model --within 0.1

    Hard ones: stop after a while with a lower bound and the gap; resume:

    \b
    matganip certify runs/model -s 3,3,3 -x I:Br=20 --time 600 --checkpoint p.npz
    matganip certify runs/model -s 3,3,3 -x I:Br=20 --checkpoint p.npz --resume
    """
    from matganip.learning.model import Model as TrainedModel
    from matganip.results.certificate import check_certificate_output
    from matganip.screening.certify import certify as do

    if output is not None:
        check_certificate_output(output)
    asked = TrainedModel.of(model, checked_device(device))
    found = do(
        asked, asked.space(supercell_from(supercell), composition_from(substitute)), top=top, window=window,
        time_limit=time_limit, checkpoint=checkpoint, resume=resume, num_threads=threads, progress=not json,
    )  # fmt: skip
    if output is not None:
        found.write(output)
    render(found, json)
    if output is not None and not json:
        say(stdout(), f"They are in {output}")
