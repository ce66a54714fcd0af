"""Ideal crystals from formulas, and the lattice constants that radii give."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import matganip as mg


@pytest.mark.parametrize("formula", ["AlLaO3", "LaAlO3", "O3LaAl"])
def test_a_and_b_of_equal_charge_are_told_apart_by_size(formula):
    assert [site.specie.symbol for site in mg.perovskite(formula, a=3.79)] == ["La", "Al", "O", "O", "O"]


def test_an_intermetallic_is_as_it_is_written():
    assert [site.specie.symbol for site in mg.perovskite("MgCNi3", a=3.81)][:3] == ["Mg", "C", "Ni"]


def test_lattice_constants_meet_measured_ones():
    """Ubic (2007) gives 0.6 % as the mean error. The exceptions are worse, and the file says why."""
    with (Path(__file__).parent / "measured_lattice_constants.csv").open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    error = np.array([mg.lattice_constant(row["formula"]) / float(row["a"]) - 1 for row in rows])
    exception = np.array([bool(row["exception"]) for row in rows])
    assert (~exception).sum() == 26
    assert np.abs(error[~exception]).mean() < 0.006
    assert np.abs(error[~exception]).max() < 0.016
    assert np.abs(error[exception]).min() > 0.016
    assert mg.perovskite("SrTiO3").lattice.a == mg.lattice_constant("SrTiO3")


def test_a_molecule_has_no_lattice_constant_from_radii():
    with pytest.raises(mg.InputError, match="no relation gives the lattice constant of a perovskite with MA"):
        mg.lattice_constant("MAPbI3")


def test_rock_salt_order():
    crystal = mg.double_perovskite("BiAgBr6Cs2", a=11.25)
    assert crystal.composition.formula == "Cs8 Ag4 Bi4 Br24"
    assert crystal.get_space_group_info() == ("Fm-3m", 225)
    silver = next(i for i, site in enumerate(crystal) if site.specie.symbol == "Ag")
    second = {crystal[n.index].specie.symbol for n in crystal.get_neighbors(crystal[silver], 5.7) if n.nn_distance > 5}
    assert "Bi" in second
    assert "Ag" not in second
    assert mg.double_perovskite("Cs2SnI6").composition.formula == "Cs8 Sn4 I24"
    assert mg.double_perovskite("Sr2FeMoO6", a=7.89).get_space_group_info()[1] == 225
    assert mg.double_perovskite("Cs2AgBiBr6").lattice.a == pytest.approx(2 * mg.lattice_constant("Cs2AgBiBr6"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mg.perovskite("CsPbI3", a=-1), "must be positive, got a=-1"),
        (lambda: mg.perovskite("Cs2PbI4"), "is not an ABX3 formula"),
        (lambda: mg.double_perovskite("CsPbI3"), "is not an A2BB'X6 with two elements on B"),
        (lambda: mg.double_perovskite("Cs4Ag3BiBr12", charges={"Bi": 5}), "in equal parts"),
        (lambda: mg.double_perovskite("MA2AgBiBr6", a=11.6), "MA is a molecule"),
        (lambda: mg.double_perovskite("Cs2AgBiBr3Cl3"), "Br and Cl share the X site"),
        (lambda: mg.double_perovskite("Cs2AgBiBr6", a=0), "must be positive, got a=0"),
    ],
)
def test_what_cannot_be_built_is_named(call, message):
    with pytest.raises(mg.InputError, match=message):
        call()
