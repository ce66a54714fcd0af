"""Formulas, charges, and which species are on A, B and X."""

from __future__ import annotations

import csv
import re
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import matganip as mg
from matganip.crystal.formulas import parse_formula

HERE = Path(__file__).parent


def sites(formula, **keywords):
    found = mg.identify_perovskite(formula, **keywords)
    return tuple(", ".join(map(str, found.ions(site))) for site in "abx")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("CsPbI3", ("Cs+", "Pb2+", "3 I-")),
        ("LaAlO3", ("La3+", "Al3+", "3 O2-")),
        ("BiFeO3", ("Bi3+", "Fe3+", "3 O2-")),
        ("FeTiO3", ("Fe2+", "Ti4+", "3 O2-")),
        ("EuTiO3", ("Eu2+", "Ti4+", "3 O2-")),
        ("BaLiF3", ("Ba2+", "Li+", "3 F-")),
        ("AgBrO3", ("Ag+", "Br5+", "3 O2-")),  # Br is a cation here
        ("LaTiO2N", ("La3+", "Ti4+", "2 O2-, N3-")),
        ("Cs2AgBiBr6", ("Cs+", "0.5 Ag+, 0.5 Bi3+", "3 Br-")),
        ("Cs2SnI6", ("Cs+", "0.5 Sn4+", "3 I-")),
        ("Cs2SnTiI6", ("Cs+", "0.5 Sn2+, 0.5 Ti2+", "3 I-")),
        ("CaCu3Ti4O12", ("0.75 Cu2+, 0.25 Ca2+", "Ti4+", "3 O2-")),
        ("La2/3Sr1/3MnO3", ("0.3333 Sr2+, 0.6667 La3+", "0.6667 Mn3+, 0.3333 Mn4+", "3 O2-")),
        ("BaBiO3", ("Ba2+", "0.5 Bi3+, 0.5 Bi5+", "3 O2-")),
        ("CsAuCl3", ("Cs+", "0.5 Au+, 0.5 Au3+", "3 Cl-")),
        ("Sr3WO6", ("Sr2+", "0.5 Sr2+, 0.5 W6+", "3 O2-")),  # Sr2 (Sr W) O6
        ("Cs0.5FA0.5Pb(I0.75Br0.25)3", ("0.5 FA+, 0.5 Cs+", "Pb2+", "2.25 I-, 0.75 Br-")),
        ("(CH3NH3)2AgBiBr6", ("MA+", "0.5 Ag+, 0.5 Bi3+", "3 Br-")),
        ("HC(NH2)2PbI3", ("FA+", "Pb2+", "3 I-")),
    ],
)
def test_sites_and_charges(formula, expected):
    found = [set(site.split(", ")) for site in sites(formula)]
    assert found == [set(site.split(", ")) for site in expected]


@pytest.mark.parametrize(
    "parts", [("Cs2", "Ag", "Bi", "Br6"), ("Ti", "O3", "Ca"), ("FA", "Pb", "I3"), ("Sr", "Ru", "O3")]
)
def test_the_order_of_a_formula_says_nothing(parts):
    assert len({sites("".join(order)) for order in permutations(parts)}) == 1


@given(st.permutations(["Cs0.3", "Rb0.2", "FA0.5", "Pb0.75", "Sn0.25", "I2", "Br"]))
def test_nor_that_of_a_mixed_one(parts):
    found = mg.identify_perovskite("".join(parts))
    assert {ion.species for ion in found.a} == {"Cs", "Rb", "FA"}
    assert {ion.species for ion in found.b} == {"Pb", "Sn"}
    assert sum(ion.charge * ion.amount for ion in (*found.a, *found.b, *found.x)) == 0


def test_the_published_assignments_of_a_and_b_are_met():
    """Bartel et al. (2019), tables S1 and S3: A, B and the charge of A, each formula written backwards."""
    with (HERE / "published_bartel.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    for row in rows:
        cations = [row["A"] + ("2" if "/" in row["B"] else ""), *row["B"].split("/")]
        anion = re.findall("[A-Z][a-z]?", row["formula"])[-1]
        backwards = anion + ("6" if "/" in row["B"] else "3") + "".join(reversed(cations))
        found = mg.identify_perovskite(backwards)
        assert {ion.species for ion in found.a} == {row["A"]}, row["formula"]
        assert {ion.species for ion in found.b} == set(row["B"].split("/")), row["formula"]
        assert found.mean_charge("a") == int(row["n_A"]), row["formula"]


def test_known_charges_decide():
    assert sites("EuTiO3", charges={"Eu": 3}) == ("Eu3+", "Ti3+", "3 O2-")
    with pytest.raises(mg.InputError, match="charges name Sn, which is not in it"):
        mg.identify_perovskite("CsPbI3", charges={"Sn": 2})


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("CsPbI2", "is not an ABX3 .* it has 3 cations to 3 I, not 2"),
        ("Cs3Bi2I9", "is not an ABX3 .* it has 1.667 cations to 3 I"),
        ("CsBiI3", r"nearest: Cs\+ Bi3\+ 3 I-, in all \+1"),
        ("CsPb", "holds no anion"),
        ("FeS2", "one cation cannot be both A and B"),
        ("ZrSiO4", "is not an A2BX6"),
        ("CsPbX3", "no element or known molecular cation at 'X3'"),
        ("CsPb(I3", "the parenthesis before 'I3' is not closed"),
        ("CsPbI)3", "a closing parenthesis too many"),
        ("CsPb()I3", "empty parentheses"),
        ("CsPb0I3", "an amount of 0"),
        ("Cs1/0PbI3", "an amount of 1/0"),
        ("", "the formula is empty"),
        ("KArF3", "Ar: no radius is known"),
    ],
)
def test_what_is_no_perovskite_is_named(formula, message):
    with pytest.raises(mg.InputError, match=message):
        mg.identify_perovskite(formula)


def test_amounts_are_exact():
    assert parse_formula("La2/3Sr1/3MnO3")["La"] == Fraction(2, 3)
    assert parse_formula("Cs₂AgBi[Br0.5Cl0.5]6") == {"Cs": 2, "Ag": 1, "Bi": 1, "Br": 3, "Cl": 3}
    assert parse_formula("GaNO3") != parse_formula("GANO3")  # gallium, guanidinium


def test_ordered_formulas():
    assert mg.identify_perovskite("O6TiCaSrTi").ordered_formula == "SrCaTi2O6"
    assert mg.identify_perovskite("I6SnCs2").ordered_formula == "Cs2SnI6"


@given(st.text(st.sampled_from(list("CsPbIBrMAFNH4()[]0123456789./₂ eO")), max_size=24) | st.text(max_size=12))
@example("(" * 3000 + "Cs" + ")" * 3000)
@example("Cs٣PbI3")
def test_any_text_is_a_formula_or_a_clear_error(text):
    try:
        found = mg.identify_perovskite(text)
    except mg.InputError:
        return
    assert sum(ion.charge * ion.amount for site in "abx" for ion in found.ions(site)) == 0


def test_many_elements_take_no_time():
    """Fifteen elements on B have 5e9 combinations of charges."""
    metals = ["Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Nb", "Mo", "Ru", "Rh", "Ta", "W", "Re", "Ir"]
    found = mg.identify_perovskite("Sr15" + "".join(metals) + "O45")
    assert {ion.species for ion in found.a} == {"Sr"}
    assert {ion.species for ion in found.b} == set(metals)
