"""`matganip enumerate`: one arrangement of each orbit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.spaces import (
    Block,
    ChargeNeutral,
    Distances,
    Json,
    MinDistance,
    OccupancyTolerance,
    Oxidation,
    Reading,
    SiteTolerance,
    Source,
    Substitute,
    SupercellOption,
    spaces_from,
)
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.arrangements import Arrangements, DryRun

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Where to write them: .parquet, .xyz, or with --format cif or poscar a folder, a .zip or a .tar.gz.",
    ),
]
Format = Annotated[str | None, typer.Option("--format", "-f", help="parquet, extxyz, cif or poscar.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to print.")]


@tidy
def enumerate_orbits(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    block: Block = None,
    occupancy_tolerance: OccupancyTolerance = None,
    site_tolerance: SiteTolerance = None,
    min_distance: MinDistance = None,
    output: Output = None,
    fmt: Format = None,
    shard: Annotated[str, typer.Option("--shard", help="k/n: part k (from 0) of n near-equal parts.")] = "0/1",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print number, size and time, and write nothing.")] = False,
    charge_neutral: ChargeNeutral = False,
    oxidation: Oxidation = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List one arrangement of each orbit, with its multiplicity.

    \b
    matganip enumerate CsPbI3.cif -s 2,2,2 -x I:Br=3 --output orbits.parquet
    matganip enumerate CsPbI3.cif -s 2,2,2 -x I:Br=3 -o structures.zip -f cif
    matganip enumerate CsPbI3.cif -s 2,2,3 -x I:Br=9 -o 3.parquet --shard 3/8
    """
    part = parse_shard(shard)
    reading, distances = Reading(block, occupancy_tolerance), Distances(site_tolerance, min_distance)
    found = spaces_from(source, supercell, substitute, charge_neutral, oxidation, reading, distances)
    if dry_run:
        if output is None:
            raise InputError("--dry-run needs an --output, whose size it estimates")
        files = [path_of(output, space, len(found.spaces)) for space in found.spaces]
        render([_dry_run(space, file, fmt, part) for space, file in zip(found.spaces, files, strict=True)], json)
        return
    render(
        [
            _enumerated(space, output and path_of(output, space, len(found.spaces)), fmt, part, limit, quiet=json)
            for space in found.spaces
        ],
        json,
    )


def parse_shard(text: str) -> tuple[int, int]:
    """``3/8`` as part and number of parts.

    >>> parse_shard("3/8")
    (3, 8)
    """
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise InputError(f"--shard {text}: not of the form k/n with 0 <= k < n, as in 0/8")
    return int(part), int(parts)


def path_of(output: Path, space: ConfigurationSpace, n_spaces: int) -> Path:
    """The output itself, or for several compositions a file for each: ``orbits_Br3_I21.parquet``."""
    from matganip.configurations.io.writers import path_of_composition

    return output if n_spaces == 1 else path_of_composition(output, space)


def _enumerated(
    space: ConfigurationSpace, file: Path | None, fmt: str | None, part: tuple[int, int], limit: int, quiet: bool
) -> Arrangements:
    from matganip.configurations.io.writers import write
    from matganip.results.arrangements import Arrangements

    n_orbits = space.count_orbits()
    if file:
        n_orbits = write(file, space, space.orbits(shard=part), fmt, total=n_orbits // part[1], progress=not quiet)
    return Arrangements(space.first_orbits(limit, part), n_orbits, file)


def _dry_run(space: ConfigurationSpace, file: Path, fmt: str | None, part: tuple[int, int]) -> DryRun:
    from matganip.configurations.io.estimate import estimate_output
    from matganip.results.arrangements import DryRun

    return DryRun(file, estimate_output(space, file, fmt, part[1]))
