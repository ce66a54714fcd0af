"""`matganip tolerance`: tolerance factors of perovskites, and where each radius comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import BAD_INPUT, fail, print_json, render, tidy
from matganip.cli.spaces import Json, option

if TYPE_CHECKING:
    from matganip.crystal.radii import Fallback


@tidy
def tolerance(
    materials: Annotated[
        list[str], typer.Argument(metavar="FORMULA|FILE...", help="Formulas such as CsPbI3, or CIF and POSCAR files.")
    ],
    charge: Annotated[
        list[str] | None, typer.Option("--charge", "-q", metavar="ION=CHARGE", help="A known charge: Sn=2.")
    ] = None,
    extrapolate: Annotated[
        bool,
        typer.Option(
            "--extrapolate", help="Extrapolate a radius whose coordination is not tabulated; else the nearest."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Calculate the tolerance factors of perovskites: Goldschmidt's t, the octahedral factor, Bartel's tau.

    A and B are identified by charge and size, in any order; in a structure file by coordination.

    t (XII/VI): effective radii, A at coordination XII, B and X at VI, as in textbooks.

    t (crystal): crystal radii, all at coordination VI, as in the MATGANIP paper.

    mu = r_B / r_X. A tau below 4.18 predicts a perovskite; P is the probability.

    \b
    matganip tolerance CsPbI3 Cs2AgBiBr6 FAPbI3
    matganip tolerance "Cs0.5FA0.5Pb(I0.75Br0.25)3" La2/3Sr1/3MnO3
    matganip tolerance CsPbI3.cif --json
    """
    from matganip.configurations.notation import parse_charges
    from matganip.crystal.tolerance_factors import factors_or_reasons
    from matganip.results.tolerance_factors import ToleranceTable

    fallback: Fallback = "extrapolated" if extrapolate else "nearest"
    with option("--charge"):
        charges = parse_charges(charge or [])
    factors, refused = factors_or_reasons(materials, charges=charges, fallback=fallback)
    found = ToleranceTable(factors, fallback, refused)
    if json:
        print_json(found.to_dict()["materials"])
    else:
        render(found, json)
    if refused:
        fail("\n".join(refused.values()))
        raise typer.Exit(BAD_INPUT)
