"""`matganip derivatives`: all arrangements on all shapes of supercells up to a volume."""

from __future__ import annotations

from typing import Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.enumerate import Output
from matganip.cli.spaces import Block, Json, Reading, Source, Symprec, option
from matganip.errors import InputError


@tidy
def derivatives(
    source: Source,
    max_volume: Annotated[
        int, typer.Option("--max-volume", "-m", min=1, help="Largest supercells, in primitive cells of the parent.")
    ],
    substitute: Annotated[
        list[str] | None,
        typer.Option(
            "--substitute",
            "-x",
            metavar="HOST:SPECIES,SPECIES",
            help="The species allowed on the sites of HOST, the host itself where it may stay: Ni:Ni,Al; or their "
            "ratio, Ni:Ni=3,Al=1. Repeat the option for more sublattices. Without it the shapes are listed.",
        ),
    ] = None,
    min_volume: Annotated[int, typer.Option("--min-volume", min=1, help="Smallest supercells.")] = 1,
    exchange_labels: Annotated[
        bool,
        typer.Option(
            "--exchange-labels", help="Species are interchangeable labels, as in the tables of Hart and Forcade."
        ),
    ] = False,
    superperiodic: Annotated[
        bool, typer.Option("--superperiodic", help="Also those that repeat in a smaller supercell.")
    ] = False,
    all_species: Annotated[
        bool | None,
        typer.Option(
            "--all-species/--any-species",
            help="Write those with every allowed species only, or those with fewer as well; both are counted.",
        ),
    ] = None,
    output: Output = None,
    fmt: Annotated[str | None, typer.Option("--format", "-f", help="extxyz, cif or poscar.")] = None,
    block: Block = None,
    symprec: Symprec = None,
    json: Json = False,
) -> None:
    """Enumerate the derivative structures of a crystal: all compositions, on all shapes of supercells.

    \b
    matganip derivatives Ni.cif --max-volume 8 -x Ni:Ni,Al
    matganip derivatives Ni.cif --max-volume 13 -x Ni:Ni,Al --exchange-labels
    matganip derivatives Ni.cif -m 6 -x Ni:Ni,Al --all-species -o ni_al.zip -f cif
    matganip derivatives Ni.cif --max-volume 4
    """
    if source.suffix == ".toml":
        raise InputError(f"{source}: a structure file is needed, not a study file")
    if min_volume > max_volume:
        raise InputError(f"--min-volume {min_volume} is larger than --max-volume {max_volume}")
    acting = {
        "--exchange-labels": exchange_labels,
        "--superperiodic": superperiodic,
        "--all-species": all_species is not None,
        "--output": output is not None,
    }
    for name, given in acting.items():
        if given and not substitute:
            raise InputError(f"{name} acts together with --substitute only; without it the shapes are listed")
    if output is None and all_species is not None:
        raise InputError(
            "--all-species and --any-species say what --output holds; both are counted in any case; leave it out"
        )
    if output is None and fmt is not None:
        raise InputError(f"--format {fmt}: nothing is written without --output; name one, or leave --format out")
    reading = Reading(block=block, symprec=symprec)
    parent = reading.parent(source)
    if not substitute:
        from matganip.configurations.superlattices import superlattices
        from matganip.results.derivatives import Shapes

        render(Shapes(source.name, superlattices(parent, max_volume, min_volume, reading.precision)), json)
        return
    from matganip.configurations.notation import parse_allowed
    from matganip.screening.derivatives import derivatives as counted

    with option("--substitute"):
        allowed = parse_allowed(substitute)
    found = counted(
        parent,
        allowed,
        max_volume,
        min_volume,
        exchange_labels=exchange_labels,
        superperiodic=superperiodic,
        all_species=bool(all_species),
        output=output,
        fmt=fmt,
        symprec=reading.precision,
        name=source.name,
        progress=not json,
    )
    render(found, json)
