"""`matganip tolerance`: tolerance factors of perovskites, and where each radius comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.spaces import Json
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.crystal.radii import Fallback, Radius
    from matganip.crystal.tolerance_factors import ToleranceFactors
    from matganip.results.content import Table

SHORT = {
    "Shannon, Acta Cryst. A32, 751 (1976)": "Shannon 1976",
    "Kieslich, Sun & Cheetham, Chem. Sci. 5, 4712 (2014) and 6, 3430 (2015)": "Kieslich 2014",
    "Bartel et al., Sci. Adv. 5, eaav0693 (2019)": "Bartel 2019",
}
"""How the table abbreviates the references of `matganip.crystal.radii`, which stand below it in full."""


@tidy
def tolerance(
    materials: Annotated[
        list[str], typer.Argument(metavar="FORMULA|FILE...", help="Formulas such as CsPbI3, or CIF and POSCAR files.")
    ],
    charge: Annotated[
        list[str] | None, typer.Option("--charge", "-q", metavar="ION=CHARGE", help="A charge that is known: Sn=2.")
    ] = None,
    extrapolate: Annotated[
        bool,
        typer.Option(
            "--extrapolate", help="Extrapolate a radius whose coordination is not tabulated; else the nearest."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Say how well the ions of perovskites fit: Goldschmidt's t, the octahedral factor, Bartel's tau.

    A and B are told apart by charge and size, whatever the order; in a file by coordination.

    t (XII/VI): effective radii, A at coordination XII, B and X at VI, as textbooks have it.

    t (crystal): crystal radii, all at coordination VI, as the MATGANIP paper has it.

    mu = r_B / r_X. tau below 4.18 says perovskite; P is its probability.

    matganip tolerance CsPbI3 Cs2AgBiBr6 FAPbI3

    matganip tolerance "Cs0.5FA0.5Pb(I0.75Br0.25)3" La2/3Sr1/3MnO3

    matganip tolerance CsPbI3.cif --json
    """
    from matganip.crystal.perovskites import identify_perovskite
    from matganip.crystal.tolerance_factors import is_file_name, tolerance_factors

    charges = _charges(charge or [])
    fallback: Fallback = "extrapolated" if extrapolate else "nearest"
    found: dict[str, ToleranceFactors] = {}
    used: set[str] = set()
    for material in dict.fromkeys(materials):
        # A charge counts where its ion is; one that is nowhere is an error below.
        known = charges if is_file_name(material) else _within(material, charges)
        target = material if is_file_name(material) else identify_perovskite(material, known)
        found[material] = tolerance_factors(target, charges=known, fallback=fallback)
        used |= {ion.species for site in "abx" for ion in found[material].perovskite.ions(site)}
    unused = sorted(charges.keys() - used)
    if unused:
        raise InputError(f"--charge {unused[0]}={charges[unused[0]]}: {unused[0]} is in none of {', '.join(found)}")
    if json:
        print_json([_document(material, factors, fallback) for material, factors in found.items()])
        return
    console = stdout()
    show(console, _factor_table(found))
    show(console, _radius_table(found, fallback))
    vacant = [material for material, factors in found.items() if factors.perovskite.b_vacancies]
    if vacant:
        say(console, f"{', '.join(vacant)}: half of the B sites are empty, and r_B is that of the other half.")


def _charges(given: list[str]) -> dict[str, int]:
    charges: dict[str, int] = {}
    for text in given:
        ion, equals, value = text.partition("=")
        try:
            charges[ion] = int(value)
        except ValueError:
            equals = ""
        if not equals or not ion:
            raise InputError(f"--charge {text}: give an ion and its charge, such as Sn=2")
    return charges


def _within(formula: str, charges: Mapping[str, int]) -> dict[str, int]:
    from matganip.crystal.formulas import parse_formula

    species = parse_formula(formula)
    return {ion: charge for ion, charge in charges.items() if ion in species}


def _factor_table(found: Mapping[str, ToleranceFactors]) -> Table:
    from matganip.results.content import Table

    rows = tuple(
        (
            material,
            *(", ".join(map(str, factors.perovskite.ions(site))) for site in ("a", "b", "x")),
            f"{factors.effective:.3f}",
            f"{factors.crystal:.3f}",
            f"{factors.octahedral:.3f}",
            f"{factors.tau:.2f}",
            f"{factors.probability:.2f}",
        )
        for material, factors in found.items()
    )
    return Table("", ("", "A", "B", "X", "t (XII/VI)", "t (crystal)", "mu", "tau", "P"), rows, "wwwwrrrrr")


def _radius_table(found: Mapping[str, ToleranceFactors], fallback: Fallback) -> Table:
    """Each ion once for each site it stands on: both radii, and where they come from."""
    from matganip.crystal.charge_balance import ion_symbol
    from matganip.results.content import Table

    rows: dict[tuple[str, ...], None] = {}
    for factors in found.values():
        for site, effective, crystal in _radii(factors, fallback):
            rows[(
                ion_symbol(effective.species, effective.charge),
                site.upper(),
                f"{effective.value:.4g}",
                effective.coordination,
                f"{crystal.value:.4g}",
                crystal.coordination,
                short(effective.source) + (f", {effective.spin} spin" if effective.spin else ""),
            )] = None  # fmt: skip
    columns = ("ion", "site", "effective, Å", "at", "crystal, Å", "at", "effective radius from")
    cited = " ".join(
        f"{name}: {reference}." for reference, name in SHORT.items() if any(name in row[-1] for row in rows)
    )
    return Table("", columns, tuple(rows), "llrlrlw", cited)


def short(source: str) -> str:
    """Where a radius comes from, with the references by name and year."""
    for reference, name in SHORT.items():
        source = source.replace(reference, name)
    return source


def _radii(factors: ToleranceFactors, fallback: Fallback) -> list[tuple[str, Radius, Radius]]:
    from matganip.crystal.tolerance_factors import COORDINATION

    perovskite = factors.perovskite
    return [
        (site, effective, crystal)
        for index, site in enumerate("abx")
        for effective, crystal in zip(
            perovskite.radii(site, COORDINATION["effective"][index], "effective", fallback),
            perovskite.radii(site, COORDINATION["crystal"][index], "crystal", fallback),
            strict=True,
        )
    ]


def _document(material: str, factors: ToleranceFactors, fallback: Fallback) -> dict[str, Any]:
    """What `--json` prints of one material; an infinite tau is null."""
    ions: dict[str, list[dict[str, Any]]] = {site: [] for site in "abx"}
    amounts = {site: iter(factors.perovskite.ions(site)) for site in "abx"}
    for site, effective, crystal in _radii(factors, fallback):
        ions[site].append(
            {
                "species": effective.species,
                "charge": effective.charge,
                "amount": float(next(amounts[site]).amount),
                **{
                    radius.kind: {
                        "value": radius.value,
                        "coordination": radius.coordination,
                        "spin": radius.spin,
                        "source": radius.source,
                    }
                    for radius in (effective, crystal)
                },
            }
        )
    return {
        "material": material,
        "formula": factors.perovskite.ordered_formula,
        **ions,
        "empty_b_sites": factors.perovskite.b_vacancies,
        "tolerance_effective": factors.effective,
        "tolerance_crystal": factors.crystal,
        "octahedral": factors.octahedral,
        "tau": factors.tau if factors.tau != float("inf") else None,
        "probability": factors.probability,
    }
