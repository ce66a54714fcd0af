"""`matganip sample`: a uniform sample of a space that is too large to enumerate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.enumerate import Format, Limit, Output, path_of
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

if TYPE_CHECKING:
    from pathlib import Path

    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.arrangements import Sample


@tidy
def sample(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    block: Block = None,
    occupancy_tolerance: OccupancyTolerance = None,
    site_tolerance: SiteTolerance = None,
    min_distance: MinDistance = None,
    number: Annotated[int, typer.Option("--number", "-N", min=1, help="How many to draw, of each composition.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same sample.")] = 0,
    configurations: Annotated[
        bool,
        typer.Option("--configurations", help="Draw every arrangement equally often instead of every orbit."),
    ] = False,
    output: Output = None,
    fmt: Format = None,
    charge_neutral: ChargeNeutral = False,
    oxidation: Oxidation = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """Draw orbits independently and uniformly, without enumerating, from a space of any size.

    \b
    matganip sample CsPbI3.cif -s 3,3,3 -x I:Br=27,Cl=27 -N 10000 -o s.parquet
    """
    reading, distances = Reading(block, occupancy_tolerance), Distances(site_tolerance, min_distance)
    found = spaces_from(source, supercell, substitute, charge_neutral, oxidation, reading, distances)

    def drawn(space: ConfigurationSpace) -> Sample:
        from matganip.results.arrangements import Sample

        batch = (space.sample_configurations if configurations else space.sample_orbits)(number, seed=seed)
        file: Path | None = output and path_of(output, space, len(found.spaces))
        if file:
            batch.write(file, fmt)
        what = "arrangements" if configurations else "orbits"
        return Sample(batch[:limit], space.count_orbits(), file, number, seed, what)

    render([drawn(space) for space in found.spaces], json)
