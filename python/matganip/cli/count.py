"""`matganip count`: how many arrangements there are, and how many up to symmetry."""

from __future__ import annotations

from matganip.cli.console import print_json, show, stdout, tidy
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption, space_from


@tidy
def count(source: Source, supercell: SupercellOption = None, substitute: Substitute = None, json: Json = False) -> None:
    """Count the arrangements of a space, and its orbits (arrangements up to symmetry). Exact, nothing listed.

    matganip count CsPbI3.cif --supercell 2,2,2 --substitute I:Br=3
    """
    from matganip.study.results import Counted
    from matganip.study.story import count_table
    from matganip.study.summary import space_summary

    space = space_from(source, supercell, substitute)
    n_orbits = space.count_orbits()
    if json:
        print_json(space_summary(space, n_orbits))
    else:
        show(stdout(), count_table([Counted(source.name, space, n_orbits)]))
