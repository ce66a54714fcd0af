"""`matganip count`: how many arrangements there are, and how many up to symmetry."""

from __future__ import annotations

from typing import Annotated

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.spaces import ChargeNeutral, Json, Oxidation, Source, Substitute, SupercellOption, spaces_from


@tidy
def count(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    all_compositions: Annotated[
        bool, typer.Option("--all-compositions", "-a", help="Every composition of the same species, in one table.")
    ] = False,
    charge_neutral: ChargeNeutral = False,
    oxidation: Oxidation = None,
    json: Json = False,
) -> None:
    """Count the arrangements of a space, and its orbits (arrangements up to symmetry). Exact, nothing listed.

    matganip count CsPbI3.cif --supercell 2,2,2 --substitute I:Br=3

    matganip count CsPbI3.cif --supercell 2,2,2 --substitute I:Br=0-6

    matganip count CsPbI3.cif --supercell 2,2,2 --substitute Pb:Bi=0-4,vac=0-2 --charge-neutral
    """
    from matganip.configurations.summary import composition_summaries, space_summary
    from matganip.workflows.results import Counted
    from matganip.workflows.story import composition_table, count_table

    found = spaces_from(source, supercell, substitute, charge_neutral, oxidation)
    counted = [Counted(source.name, space, space.count_orbits()) for space in found.spaces]
    if json:
        summaries = [space_summary(one.space, one.n_orbits) for one in counted]
        if found.oxidation_states:
            summaries = [{**summary, "oxidation_states": found.oxidation_states} for summary in summaries]
        if all_compositions:
            summaries = [
                {**summary, "all_compositions": composition_summaries(one.space)}
                for summary, one in zip(summaries, counted, strict=True)
            ]
        print_json(summaries[0] if len(summaries) == 1 else summaries)
        return
    show(stdout(), count_table(counted))
    if len(counted) > 1:
        say(stdout(), f"{len(counted)} compositions, {sum(one.n_orbits for one in counted):,} orbits in all")
    if found.oxidation_states:
        states = ", ".join(f"{name} {state:+g}" for name, state in found.oxidation_states.items())
        say(stdout(), f"Oxidation states, given or guessed: {states}")
    if all_compositions:
        show(stdout(), composition_table(found.only))
