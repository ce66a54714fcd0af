"""Tolerance factors against published tables, in both conventions."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg

HERE = Path(__file__).parent


def rows(name):
    with (HERE / name).open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def test_effective_radii_meet_the_published_table():
    """48 compounds of Bartel et al. (2019): radii, t and tau to their two decimals, probabilities to 0.01."""
    table = rows("published_bartel.csv")
    assert len({row["formula"] for row in table}) == 48
    for row in table:
        found = mg.identify_perovskite(row["formula"])
        for site, coordination in (("a", 12), ("b", 6), ("x", 6)):
            assert found.mean_radius(site, coordination) == pytest.approx(float(row[f"r_{site.upper()}"]), abs=0.0051)
        assert mg.tolerance_factor(found) == pytest.approx(float(row["t"]), abs=0.0051), row["formula"]
        tau = mg.bartel_tau(found)
        assert tau == pytest.approx(float(row["tau"]), abs=0.0051), row["formula"]
        assert mg.bartel_probability(tau) == pytest.approx(float(row["probability"]), abs=0.015), row["formula"]


def test_crystal_radii_meet_the_published_values():
    """61 values of the MATGANIP paper's authors, to nine digits; in eight of them A and B are exchanged."""
    table = rows("published_matganip.csv")
    assert len({row["formula"] for row in table}) == 61
    for row in table:
        found = mg.identify_perovskite(row["formula"])
        if row["swapped"] == "yes":
            a, b, x = (found.mean_radius(site, 6, "crystal") for site in "bax")
            t = (a + x) / (math.sqrt(2) * (b + x))
        else:
            t = mg.tolerance_factor(found, "crystal")
        assert t == pytest.approx(float(row["t"]), abs=6e-10), row["formula"]


@pytest.mark.parametrize(
    ("formula", "published"),
    # From the radii of Kieslich, Sun & Cheetham, Chem. Sci. 5, 4712 (2014), table 1, by their equation 1.
    [("MAPbI3", 0.912), ("FAPbI3", 0.987), ("GUAPbI3", 1.039), ("MAPbBr3", 0.927)],
)
def test_hybrid_perovskites(formula, published):
    radii = {"MA": 2.17, "FA": 2.53, "GUA": 2.78}  # table 1 there, with Pb2+ 1.19, I- 2.20, Br- 1.96
    x = {"I": 2.20, "Br": 1.96}[formula.split("Pb")[1][:-1]]
    assert (radii[formula.split("Pb")[0]] + x) / (math.sqrt(2) * (1.19 + x)) == pytest.approx(published, abs=6e-4)
    assert mg.tolerance_factor(formula) == pytest.approx(published, abs=6e-4)


def test_a_mixed_site_has_the_mean_radius():
    x = (2.20 * 0.75) + (1.96 * 0.25)
    a = (1.88 + 2.53) / 2
    assert mg.tolerance_factor("Cs0.5FA0.5Pb(I0.75Br0.25)3") == pytest.approx((a + x) / (math.sqrt(2) * (1.19 + x)))
    assert mg.octahedral_factor("Cs2AgBiBr6") == pytest.approx((1.15 + 1.03) / 2 / 1.96)
    assert mg.octahedral_factor("Cs2AgBiBr6", "crystal") == pytest.approx((1.29 + 1.17) / 2 / 1.82)
    assert mg.tolerance_factor("Cs2SnI6") == pytest.approx((1.88 + 2.20) / (math.sqrt(2) * (0.69 + 2.20)))


def test_structures_files_and_formulas_agree(tmp_path):
    crystal = mg.perovskite("SrTiO3", a=3.905)
    path = tmp_path / "titanate.cif"
    crystal.to(filename=str(path))
    assert mg.tolerance_factor("SrTiO3") == mg.tolerance_factor(crystal) == mg.tolerance_factor(path)
    assert mg.bartel_tau(str(path)) == mg.bartel_tau("TiSrO3")


def test_extrapolated_radii_are_used_on_request():
    nearest, extrapolated = (mg.tolerance_factor("BiFeO3", fallback=f) for f in ("nearest", "extrapolated"))
    assert nearest == pytest.approx(0.889, abs=5e-4)
    assert extrapolated > nearest + 0.05


@given(st.floats(-50, 1e4))
def test_the_probability_falls_with_tau(tau):
    assert 0 <= mg.bartel_probability(tau + 0.5) <= mg.bartel_probability(tau) <= 1


def test_equal_radii_have_no_finite_tau():
    table = mg.datasets.abx3(anions=("O",), cations=("Nb", "Ta", "Sr", "Ti"), tolerance=(0.7, 1.2))
    equal = table.radii[:, 0] == table.radii[:, 1]
    assert [formula for formula, same in zip(table.formulas, equal, strict=True) if same] == ["NbTaO3"]
    assert (table.tau[equal] == math.inf).all()
    assert (table.probability[equal] == 0).all()
    assert (table.tau[~equal] < math.inf).all()


def test_a_wrong_convention_is_named():
    with pytest.raises(mg.InputError, match="convention='shannon': give 'effective'"):
        mg.tolerance_factor("CsPbI3", "shannon")
