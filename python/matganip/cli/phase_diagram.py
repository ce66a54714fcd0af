"""`matganip phase-diagram`: free energies of all compositions, and the phases that coexist."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import tidy
from matganip.cli.evaluate import Model
from matganip.cli.monte_carlo import Figure, Groups, Seed, Threads, check_figure, show
from matganip.cli.spaces import Json, supercell_from
from matganip.cli.thermo import parse_kelvin
from matganip.errors import InputError


@tidy
def phase_diagram(
    model: Model,
    supercell: Annotated[
        str,
        typer.Option("--supercell", "-s", help="Three integers, or the nine of a 3x3 matrix; ordered phases must fit."),
    ] = "6,6,6",
    temperatures: Annotated[
        str, typer.Option("--temperatures", "-t", metavar="T[,...]", help="Kelvin: 100,300 or 100-1000:100.")
    ] = "300-1000:100",
    species: Annotated[
        str | None, typer.Option("--species", help="Whose number varies, where there are several.")
    ] = None,
    sweeps: Annotated[int, typer.Option("--sweeps", min=100, help="Sweeps (a trial a site) of each replica.")] = 2000,
    groups: Groups = 4,
    seed: Seed = 0,
    threads: Threads = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="CSV file for F, U, S and C of every composition and temperature.")
    ] = None,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Free energy of every composition at several temperatures, and the phases that coexist.

        matganip phase-diagram runs/cu_au -s 6,6,6 -t 300-900:50 --figure cu_au.png

    Walks visit all compositions alike; free energies are absolute, and error bars are those of independent groups.
    """
    from matganip.files import atomic_path
    from matganip.sampling.phase_diagram import phase_diagram as do

    check_figure(figure)
    if table is not None and table.suffix != ".csv":
        raise InputError(f"{table}: the table is written as .csv")
    found = do(
        model,
        supercell_from(supercell) or (6, 6, 6),
        parse_kelvin(temperatures) or (),
        species=species,
        n_sweeps=sweeps,
        n_groups=groups,
        seed=seed,
        num_threads=threads,
        progress=not json,
    )
    if table is not None:
        with atomic_path(table) as temporary:
            found.to_frame().to_csv(temporary, index=False)
    show(found, figure, json)
