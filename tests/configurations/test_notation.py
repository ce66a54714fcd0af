"""How spaces are written: what is read, and what is refused in one line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import matganip as mg
from matganip.configurations.composition import supercell_matrix
from matganip.configurations.notation import (
    checked_supercell,
    parse_composition,
    parse_numbers,
    parse_oxidation,
    parse_substitution,
    parse_substitutions,
    parse_supercell,
    sublattice_key,
    sublattice_name,
)

MATRICES = st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=3, max_size=3)


def test_what_is_written_is_read():
    assert parse_supercell("2,2,1") == (2, 2, 1)
    assert parse_supercell("1,1,0,-1,1,0,0,0,1") == ((1, 1, 0), (-1, 1, 0), (0, 0, 1))
    assert parse_substitution("2,3:Br=1") == ((2, 3), {"Br": [1]})
    assert parse_substitution(" I : Br=0-6:3, vac=1/2") == ("I", {"Br": [0, 3, 6], "vac": [1, 2]})
    assert parse_substitutions(["I:Br=1", "Pb:Sn=2", "I:vac=1"]) == {"I": {"Br": 1, "vac": 1}, "Pb": {"Sn": 2}}
    assert parse_composition(["2,3:Br=1", "2,3:vac=2"]) == {"2,3": {"Br": 1, "vac": 2}}
    assert parse_oxidation(["Sn=2", "I=-1"]) == {"Sn": 2.0, "I": -1.0}
    assert parse_numbers("1/3/5") == [1, 3, 5]


@pytest.mark.parametrize("name", ["I", "2,3", "0"])
def test_the_name_of_a_sublattice_reads_back(name):
    assert sublattice_name(sublattice_key(name)) == name


@given(MATRICES)
def test_a_supercell_is_right_handed_and_spans_the_lattice_that_was_given(matrix):
    given_matrix = np.array(matrix)
    determinant = round(float(np.linalg.det(given_matrix)))
    assume(determinant != 0)
    found = supercell_matrix(matrix)
    assert round(float(np.linalg.det(found))) == abs(determinant)
    assert np.array_equal(found, given_matrix if determinant > 0 else -given_matrix)
    assert np.array_equal(found, np.array(checked_supercell(matrix)))
    assert checked_supercell(found.tolist()) == checked_supercell(matrix)


def test_a_left_handed_supercell_has_the_orbits_of_its_negative(cspbi3):
    matrix = np.array([[1, 1, 0], [1, -1, 0], [0, 0, 1]])  # determinant -2
    left, right = (mg.ConfigurationSpace(cspbi3, one, {"I": {"Br": 2}}) for one in (matrix, -matrix))
    assert (left.key, left.count_orbits()) == (right.key, right.count_orbits())
    assert np.linalg.det(next(next(left.orbits()).structures()).lattice.matrix) > 0


@pytest.mark.parametrize("supercell", ["2,2,0", "2,2", "2,x,2", "1,0,0,1,0,0,0,0,1", ""])
def test_a_text_that_is_no_supercell_is_refused(supercell):
    with pytest.raises(mg.InputError, match=f"^{supercell}: ") as caught:
        parse_supercell(supercell)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("read", "texts", "message"),
    [
        (parse_substitutions, ["I"], "I: not of the form HOST:SPECIES=N"),
        (parse_substitutions, [":Br=1"], ":Br=1: not of the form"),
        (parse_substitutions, ["I:=1"], "I:=1: not of the form"),
        (parse_substitutions, ["I:Br=0-x"], "I:Br=0-x: not of the form"),
        (parse_substitutions, ["I:Br=1", "I:Br=2"], "I:Br=2: gives the number of Br again"),
        (parse_composition, ["I:Br=1-3"], "I:Br: one number of Br is needed here, not 3"),
        (parse_composition, ["I:Br=1", "I:Br=1"], "I:Br=1: gives the number of Br again"),
        (parse_oxidation, ["Bi"], "Bi: not of the form SPECIES=STATE"),
    ],
)
def test_a_text_that_is_none_is_named(read, texts, message):
    with pytest.raises(mg.InputError, match=message):
        read(texts)


def test_site_indices_may_be_text(cspbi3):
    by_text = mg.ConfigurationSpace(cspbi3, (2, 2, 1), {"2,3": {"Br": 3}})
    assert by_text.key == mg.ConfigurationSpace(cspbi3, (2, 2, 1), {(2, 3): {"Br": 3}}).key
    series = mg.CompositionSeries(cspbi3, (2, 2, 1), {"2,3": {"Br": [2, 3]}})
    assert series.spaces[1].key == by_text.key


def test_a_single_composition_that_does_not_fit_is_an_error_of_its_own(cspbi3):
    with pytest.raises(mg.InputError, match="25 sites asked for, but the supercell has only 24 I sites"):
        mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": 25}})
