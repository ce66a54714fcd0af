"""`matganip enumerate`: one arrangement of each orbit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import print_json, show, stdout, tidy
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption, space_from


@tidy
def enumerate_orbits(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write all of them to this Parquet file.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to print.")] = 20,
    json: Json = False,
) -> None:
    """List one arrangement of each orbit, with its multiplicity.

    matganip enumerate CsPbI3.cif --supercell 2,2,2 --substitute I:Br=3 --output orbits.parquet
    """
    from matganip.screening.tables import write_orbits
    from matganip.study.story import orbit_table
    from matganip.study.summary import orbit_summaries, space_summary

    space = space_from(source, supercell, substitute)
    n_orbits = write_orbits(output, space, space.orbits()) if output else space.count_orbits()
    first = next(iter(space.orbits(batch_size=limit)))
    if json:
        print_json({**space_summary(space, n_orbits), "first": orbit_summaries(first)})
        return
    show(stdout(), orbit_table(first, n_orbits))
    if output:
        stdout().print(f"  all {n_orbits:,} orbits are in {output}")
