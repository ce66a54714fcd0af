"""Tables of formulas: what reads, in which shapes, and which line is wrong where one is."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.crystal.ion_descriptors import DESCRIPTORS, ion_descriptors
from matganip.errors import InputError
from matganip.labels.formulas import ARRANGEMENTS, DoublePerovskite, is_table_of_formulas

LONG = "formula,arrangement,energy_eV_per_atom\n"
WIDE = "formula,energy_C4v_eV_per_atom,energy_Td_eV_per_atom\n"


def table(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text)
    return path


def test_both_shapes_say_the_same(tmp_path):
    wide = mg.read_formulas(table(tmp_path, WIDE + "Cs2AgBiBr6,-3.5,-3.6\nK2NaScF6,-4.0,\n"))
    long = mg.read_formulas(table(tmp_path, LONG + "Cs2AgBiBr6,Td,-3.6\nK2NaScF6,C4v,-4.0\nCs2AgBiBr6,C4v,-3.5\n"))
    assert wide.formulas == long.formulas == ("Cs2AgBiBr6", "K2NaScF6")
    np.testing.assert_array_equal(wide.energy, long.energy)
    assert np.isnan(wide.energy).sum() == 9
    assert wide.holding(["Sc"]).tolist() == [False, True]
    assert is_table_of_formulas(tmp_path / "table.csv")


def test_columns_say_which_ion_is_where(tmp_path):
    text = (
        "formula,a_site,b1,charge_b1,b2,charge_b2,x_site,cubic_edge_A,energy_Td_eV_per_atom\n"
        "La2MgTiO6,La,Mg,2,Ti,4,O,3.93,-8.0\n"
    )
    (host,) = mg.read_formulas(table(tmp_path, text)).hosts
    assert host == DoublePerovskite("La2MgTiO6", ("La", 3), ("Mg", 2), ("Ti", 4), ("O", -2), 3.93)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column formula"),
        ("formula\nCs2AgBiBr6\n", "no energies"),
        (WIDE, "holds no formula"),
        (WIDE + "NaCl,1,2\n", "line 2: 'NaCl'"),
        (WIDE + "Cs2AgBiBr6,1,x\n", "line 2: energy of Td"),
        (WIDE + "Cs2AgBiBr6,1,inf\n", "line 2: energy of Td"),
        (WIDE + "Cs2AgBiBr6,1,2\nCs2AgBiBr6,1,2\n", "line 3: Cs2AgBiBr6 stands"),
        (LONG + "Cs2AgBiBr6,Oh,1\n", "arrangement 'Oh'"),
        (LONG + "Cs2AgBiBr6,Td,1\nCs2AgBiBr6,Td,1\n", "line 3: Cs2AgBiBr6 has two"),
        (LONG + ",Td,1\n", "has no formula"),
        (LONG.replace("formula,", "formula,cubic_edge_A,") + "Cs2AgBiBr6,-5,Td,1\n", "must be positive"),
        (LONG.replace("formula,", "formula,b1,charge_b1,") + "Cs2AgBiBr6,Ag,1.5,Td,1\n", "whole number"),
        (LONG.replace("arrangement", "arrangement,energy_Oh_eV_per_atom") + "Cs2AgBiBr6,Td,1,1\n", "'Oh' is none"),
    ],
)
def test_what_does_not_read_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        mg.read_formulas(table(tmp_path, text))


def test_a_file_that_is_no_table(tmp_path):
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00\x80")
    for path in (tmp_path / "none.csv", tmp_path, tmp_path / "bytes.csv"):
        with pytest.raises(InputError):
            mg.read_formulas(path)
    assert not is_table_of_formulas(tmp_path / "none.csv")


def test_energies_fit_the_hosts():
    with pytest.raises(InputError, match="must be"):
        mg.LabelledFormulas(
            "given", "given", (DoublePerovskite.of("Cs2AgBiBr6"),), np.zeros((1, len(ARRANGEMENTS) - 1))
        )


@pytest.mark.parametrize(
    ("ion", "name", "value"),
    [
        (("Fe", 3), "d_electrons", 5), (("Zn", 2), "d_electrons", 10), (("Gd", 3), "f_electrons", 7),
        (("Nd", 3), "f_electrons", 3), (("Pb", 2), "lone_pair", 1), (("Pb", 4), "lone_pair", 0),
        (("Cs", 1), "charge", 1), (("Br", -1), "radius", 1.96), (("Ag", 1), "ionization_to_ion", 7.576234),
        (("Mg", 2), "ionization_to_ion", 15.035271), (("Ti", 4), "d_electrons", 0),
    ],
)  # fmt: skip
def test_descriptors_of_ions(ion, name, value):
    assert ion_descriptors(*ion)[DESCRIPTORS.index(name)] == pytest.approx(value)


@pytest.mark.parametrize("ion", [("Xx", 1), ("MA", 1), ("He", 7)])
def test_ions_without_descriptors_are_refused(ion):
    with pytest.raises(InputError):
        ion_descriptors(*ion)
