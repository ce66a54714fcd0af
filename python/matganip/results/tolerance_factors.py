"""Tolerance factors of perovskites, and where each radius comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any

from matganip.crystal.charge_balance import ion_symbol
from matganip.crystal.tolerance_factors import COORDINATION
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

    from matganip.crystal.radii import Fallback, Radius
    from matganip.crystal.tolerance_factors import ToleranceFactors

SHORT = {
    "Shannon, Acta Cryst. A32, 751 (1976)": "Shannon 1976",
    "Kieslich, Sun & Cheetham, Chem. Sci. 5, 4712 (2014) and 6, 3430 (2015)": "Kieslich 2014",
    "Bartel et al., Sci. Adv. 5, eaav0693 (2019)": "Bartel 2019",
}
"""Abbreviations, in the table, of the references of `matganip.crystal.radii`; the note has them in full."""

LEAST_TAU = 1.64
"""The least tau among the perovskites that Bartel et al. (2019), table S1, print."""


@dataclass(frozen=True)
class ToleranceTable(Result):
    """Tolerance factors of several perovskites.

    Attributes
    ----------
    found : dict of str to ToleranceFactors
        By formula or file, see `matganip.crystal.tolerance_factors.tolerance_factors_of`.
    fallback : {"nearest", "extrapolated"}
        What was done where a coordination is not tabulated.
    refused : dict of str to str
        Why others have none.
    """

    found: Mapping[str, ToleranceFactors]
    fallback: Fallback = "nearest"
    refused: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Ions, radii and factors of each material as JSON values; an infinite tau is null."""
        return {"materials": [_document(material, one, self.fallback) for material, one in self.found.items()]}

    def to_frame(self) -> pd.DataFrame:
        """One row for each material."""
        import pandas as pd

        rows = {
            material: (one.effective, one.crystal, one.octahedral, one.tau, one.probability)
            for material, one in self.found.items()
        }
        columns = ("tolerance_effective", "tolerance_crystal", "octahedral", "tau", "probability")
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def tables(self) -> tuple[Table, ...]:
        """The factors, and the radius of each ion."""
        return (self._factor_table(), self._radius_table()) if self.found else ()

    def sentences(self) -> tuple[str, ...]:
        """Which B sites are empty, and where tau says nothing."""
        vacant = [material for material, factors in self.found.items() if factors.perovskite.b_vacancies]
        small = [material for material, factors in self.found.items() if not isfinite(factors.tau)]
        beyond = [material for material, factors in self.found.items() if round(factors.tau, 2) < LEAST_TAU]
        told = []
        if vacant:
            told.append(f"{', '.join(vacant)}: half of the B sites are empty, and r_B is that of the other half.")
        if small:
            told.append(
                f"{', '.join(small)}: r_A is not above r_B, where tau is not defined; no perovskite, or A and B have "
                "changed places."
            )
        if beyond:
            told.append(
                f"{', '.join(beyond)}: tau is below that of every perovskite fitted to ({LEAST_TAU:g} of LaCoO3); "
                "A has a charge of 1 to 3 there, and P means nothing."
            )
        return tuple(told)

    def _factor_table(self) -> Table:
        rows = tuple(
            (
                material,
                *(", ".join(map(str, factors.perovskite.ions(site))) for site in ("a", "b", "x")),
                f"{factors.effective:.3f}",
                f"{factors.crystal:.3f}",
                f"{factors.octahedral:.3f}",
                f"{factors.tau:.2f}" if isfinite(factors.tau) else "",
                f"{factors.probability:.2f}",
            )
            for material, factors in self.found.items()
        )
        return Table("", ("", "A", "B", "X", "t (XII/VI)", "t (crystal)", "mu", "tau", "P"), rows, "wwwwrrrrr")

    def _radius_table(self) -> Table:
        """Each ion once for each of its sites: both radii, and their source."""
        rows: dict[tuple[str, ...], None] = {}
        for factors in self.found.values():
            for site, effective, crystal in _radii(factors, self.fallback):
                rows[(
                    ion_symbol(effective.species, effective.charge),
                    site.upper(),
                    f"{effective.value:.4g}",
                    effective.coordination,
                    f"{crystal.value:.4g}",
                    crystal.coordination,
                    abbreviated(effective.source) + (f", {effective.spin} spin" if effective.spin else ""),
                )] = None  # fmt: skip
        columns = ("ion", "site", "effective, Å", "at", "crystal, Å", "at", "effective radius from")
        cited = " ".join(
            f"{name}: {reference}." for reference, name in SHORT.items() if any(name in row[-1] for row in rows)
        )
        return Table("", columns, tuple(rows), "llrlrlw", cited)


def abbreviated(source: str) -> str:
    """Where a radius comes from, with the references by name and year."""
    for reference, name in SHORT.items():
        source = source.replace(reference, name)
    return source


def _radii(factors: ToleranceFactors, fallback: Fallback) -> list[tuple[str, Radius, Radius]]:
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
        "tau": factors.tau if isfinite(factors.tau) else None,
        "probability": factors.probability,
    }
