"""Every neutral ABX3 that radii allow."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

import matganip as mg
from matganip.crystal.datasets import generated


@pytest.fixture(scope="module")
def table():
    return mg.datasets.abx3()


def test_the_whole_table(table):
    assert len(table) == 5181
    assert len(set(table.formulas)) == len(table) == len(set(table.names))
    assert Counter(table.species("x")) == {
        "F": 354, "Cl": 324, "Br": 298, "I": 171, "O": 1719, "S": 795, "Se": 590, "Te": 339, "N": 591,
    }  # fmt: skip
    assert {"CsPbI3", "SrTiO3", "KMgF3", "LaAlO3", "CaMnO3", "BaZrS3", "LaWN3"} <= set(table.formulas)


def test_rows_are_neutral_within_the_limits_and_skipped_ones_are_not(table):
    np.testing.assert_allclose(table.charges @ [1, 1, 3], 0)
    assert table.effective.min() >= 0.75
    assert table.effective.max() <= 1.1
    assert table.octahedral.min() >= 0.37
    assert table.reasons() == {
        generated.NOT_NEUTRAL: 24017,
        generated.OCTAHEDRAL: 5402,
        generated.TOLERANCE: 2346,
    }
    outside = [float(entry.detail.removeprefix("t = ")) for entry in table.skipped if entry.kind == generated.TOLERANCE]
    assert all(t <= 0.75 or t >= 1.1 for t in outside)  # rounded to 0.001
    for entry in [entry for entry in table.skipped if entry.kind == generated.NOT_NEUTRAL][::4000]:
        with pytest.raises(mg.InputError, match="no radius|no charges"):
            identify_with_whole_charges(entry.name)


def identify_with_whole_charges(formula):
    """What the generator leaves out on purpose: one element in two charges."""
    found = mg.identify_perovskite(formula)
    if len(found.a) + len(found.b) > 2:
        raise mg.InputError("no charges that are whole")


def test_columns_are_what_the_functions_say(table):
    for i in range(0, len(table), 397):
        formula = table.formulas[i]
        assert table.effective[i] == mg.tolerance_factor(formula)
        assert table.crystal[i] == mg.tolerance_factor(formula, "crystal")
        assert table.octahedral[i] == mg.octahedral_factor(formula)
        assert table.tau[i] == mg.bartel_tau(formula)
        assert table.lattice_constant[i] == mg.lattice_constant(formula)
        crystal = table.structure(i)
        assert crystal.lattice.a == table.lattice_constant[i]
        found = mg.perovskite_sites(crystal)
        assert (found.a.tolist(), found.b.tolist(), found.x.tolist()) == ([0], [1], [2, 3, 4])
        assert crystal[0].specie.symbol == table.species("a")[i]


def test_a_selection_keeps_rows_and_structures_together(table):
    rows = np.flatnonzero(table.probability > 0.9)[::-7]
    chosen = table.select(rows)
    assert chosen.formulas == tuple(table.formulas[i] for i in rows)
    assert chosen.structure(3) == table.structure(int(rows[3]))
    assert [s.composition for s in chosen.select([0, 1]).structures()] == [
        table.structure(int(i)).composition for i in rows[:2]
    ]
    assert chosen.skipped == table.skipped


def test_the_columns_go_to_arrow(table):
    arrow = table.to_arrow()
    assert arrow.num_rows == len(table)
    assert arrow.schema.field("tolerance_effective").type == pa.float64()
    assert arrow["formula"][0].as_py() == table.formulas[0]


def test_fewer_elements_and_narrower_limits():
    few = mg.datasets.abx3(anions=("I", "Br"), cations=("Pb", "Cs", "Rb", "Sn"), tolerance=(0.8, 0.9), octahedral=0.5)
    assert few.formulas[:4] == ("RbSnI3", "RbPbI3", "CsSnI3", "CsPbI3")
    assert set(few.species("a")) <= {"Rb", "Cs"}
    assert few.effective.min() >= 0.8
    assert few.octahedral.min() >= 0.5
    assert {entry.name for entry in few.skipped if entry.kind == generated.NOT_NEUTRAL} >= {"RbCsI3"}


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"tolerance": (1.0, 0.9)}, r"tolerance=\(1.0, 0.9\): give the lower limit first"),
        ({"anions": ("P",)}, "anions: 'P' is none of F, Cl"),
        ({"cations": ("Cs", "Qq")}, "cations: 'Qq' is not an element with a radius"),
    ],
)
def test_wrong_limits_are_named(keywords, message):
    with pytest.raises(mg.InputError, match=message):
        mg.datasets.abx3(**keywords)
