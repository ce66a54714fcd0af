"""`matganip sample`: a fair sample of a space that is too large to enumerate."""

from __future__ import annotations

from typing import Annotated

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.enumerate import Format, Limit, Output, path_of_composition
from matganip.cli.spaces import ChargeNeutral, Json, Oxidation, Source, Substitute, SupercellOption, spaces_from


@tidy
def sample(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
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

    matganip sample CsPbI3.cif -s 3,3,3 -x I:Br=27,Cl=27 -N 10000 --output sample.parquet
    """
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.io.writers import write
    from matganip.configurations.summary import orbit_summaries, space_summary
    from matganip.workflows.story import orbit_table

    found = spaces_from(source, supercell, substitute, charge_neutral, oxidation)
    documents = []
    for space in found.spaces:
        draw = space.sample_configurations if configurations else space.sample_orbits
        batch = draw(number, seed=seed)
        target = output and path_of_composition(output, space, len(found.spaces))
        if target:
            write(target, space, [batch], fmt)
        first = ConfigurationBatch(space, batch.occupations[:limit], batch.multiplicity[:limit])
        documents.append(
            {
                **space_summary(space, space.count_orbits()),
                "drawn": number,
                "seed": seed,
                "first": orbit_summaries(first),
            }
        )
        if not json:
            show(stdout(), orbit_table(first, number))
            what = "arrangements" if configurations else "orbits"
            where = f"; they are in {target}" if target else ""
            say(stdout(), f"{number:,} {what} drawn from {space.count_orbits():,} orbits with seed {seed}{where}")
    if json:
        print_json(documents[0] if len(documents) == 1 else documents)
