"""`matganip count`: how many arrangements there are, and how many up to symmetry."""

from __future__ import annotations

from typing import Annotated

import typer

from matganip.cli.console import render, tidy
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
    spaces_from,
)


@tidy
@reads_crystals
def count(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    all_compositions: Annotated[
        bool,
        typer.Option(
            "--all-compositions",
            "-a",
            help="Count every composition of the same species; -x I:Br,Cl needs no numbers then. With --charge-neutral "
            "the neutral ones.",
        ),
    ] = False,
    charge_neutral: ChargeNeutral = False,
    oxidation: Oxidation = None,
    json: Json = False,
) -> None:
    """Count the arrangements of a space and its orbits (arrangements up to symmetry), exactly, without listing them.

    \b
    matganip count CsPbI3.cif --supercell 2,2,2 --substitute I:Br=3
    matganip count CsPbI3.cif --supercell 2,2,2 --substitute I:Br=0-6
    matganip count CsPbI3.cif -s 2,2,2 -x Pb:Bi=0-4,vac=0-2 --charge-neutral
    matganip count SrTiO3.cif -s 2,2,2 -x O1:vac=1 -x Ti:Fe3+=2

    A file with partial occupancies has its own numbers; where they are not whole
    on the supercell, the nearest are taken and said. -x overrides a sublattice:

    \b
    matganip count disordered.cif --supercell smallest
    matganip count disordered.cif -s 2,2,1 -x O2:vac=0-4 --charge-neutral
    """
    from matganip.results.counts import Counts

    found = spaces_from(
        source, supercell, substitute, charge_neutral, oxidation, reading, any_composition=all_compositions
    )
    counts = Counts.of(
        found.spaces,
        source.name,
        oxidation_states=found.oxidation_states,
        all_compositions=all_compositions,
        own_composition=found.whole,
    )
    render(counts.parts if json else counts, json)
