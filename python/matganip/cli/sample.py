"""`matganip sample`: a uniform sample of a space that is too large to enumerate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.enumerate import Ends, Format, Highest, Limit, Lowest, Output, Rank, path_of
from matganip.cli.spaces import (
    AS_WRITTEN,
    ChargeNeutral,
    Json,
    Oxidation,
    Reading,
    Source,
    Substitute,
    SupercellOption,
    reads_crystals,
    say_states,
    spaces_from,
)
from matganip.errors import InputError

LARGE = 2_000_000
"""Site permutations times sites from which arrangements are given as they were drawn."""

if TYPE_CHECKING:
    from pathlib import Path

    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.arrangements import Sample
    from matganip.results.ranked import Ranked


@tidy
@reads_crystals
def sample(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    number: Annotated[int, typer.Option("--number", "-N", min=1, help="How many to draw, of each composition.")] = 1000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same sample.")] = 0,
    configurations: Annotated[
        bool,
        typer.Option("--configurations", help="Draw every arrangement equally often instead of every orbit."),
    ] = False,
    output: Output = None,
    fmt: Format = None,
    rank: Rank = None,
    lowest: Lowest = None,
    highest: Highest = None,
    charge_neutral: ChargeNeutral = False,
    oxidation: Oxidation = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """Draw orbits independently and uniformly, without enumerating, from a space of any size.

    \b
    matganip sample CsPbI3.cif -s 3,3,3 -x I:Br=27,Cl=27 -N 10000 -o s.parquet
    matganip sample LiFeO2.cif -s 3,3,3 -N 100000 --rank ewald --lowest 20
    matganip sample A.cif -s 15,15,15 -x I:Br=3000 --configurations -N 5 -o r.xyz

    With --configurations, cells of thousands of sites are given as they were
    drawn: symmetry is not looked for.
    """
    ends = Ends(rank, lowest, highest)
    if fmt is not None and output is None:
        raise InputError(f"--format {fmt}: nothing is written without --output; name one, or leave --format out")
    found = spaces_from(source, supercell, substitute, charge_neutral, oxidation, reading, ranked=rank is not None)
    say_states(found)

    def drawn(space: ConfigurationSpace) -> Sample | Ranked:
        from matganip.results.arrangements import Sample

        # Symmetry of a cell of thousands of sites takes minutes, and tells little of random arrangements.
        as_drawn = configurations and space.symmetry.n_operations * space.n_sites > LARGE
        if configurations:
            batch = space.sample_configurations(number, seed=seed, canonical=not as_drawn)
        else:
            batch = space.sample_orbits(number, seed=seed)
        file: Path | None = output and path_of(output, space, len(found.spaces))
        if rank is not None:
            return ends.of(batch.distinct(), oxidation, file, fmt, limit=limit or 20, quiet=json)
        if file:
            batch.write(file, fmt)
        shown = batch[: limit or 20]
        if configurations:  # counting the orbits of a large cell takes longer than the sample, and is not asked for
            n = space.n_configurations if space.countable and not as_drawn else 0
            return Sample(shown, n, file, number, seed, "arrangements", as_drawn)
        return Sample(shown, space.count_orbits() if space.countable else 0, file, number, seed)

    render([drawn(space) for space in found.spaces], json)
