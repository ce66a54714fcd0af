"""Arrangements as text: what is written is read back, and what is none is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg
from matganip.configurations.codec import (
    composition_text,
    occupation_digits,
    occupation_from_sites,
    occupation_texts,
    occupations_from_digits,
    sites_text,
)

SPACE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 1), {"I": {"Br": 2, "vac": 1}, "Pb": {"Sn": 2}})


@given(st.lists(st.lists(st.integers(0, 35), min_size=7, max_size=7), max_size=5))
def test_digits_read_back(rows):
    occupations = np.array(rows, dtype=np.uint8).reshape(len(rows), 7)
    texts = occupation_texts(occupations)
    assert [text.decode() for text in occupation_digits(occupations).tolist()] == texts
    assert [[int(character, 36) for character in text] for text in texts] == rows
    assert np.array_equal(occupations_from_digits(texts, 7), occupations)


@pytest.mark.parametrize("text", ["00", "0000", "0 0", "0A0", "0é0", ""])
def test_what_is_no_row_of_digits_is_named(text):
    with pytest.raises(mg.InputError, match=f"t.csv: row 1: occupation must be 3 digits, got {text!r}"):
        occupations_from_digits(["012", text], 3, "t.csv: row {}")
    with pytest.raises(mg.InputError, match="row 0"):  # as many characters in all, but not in each
        occupations_from_digits(["01", "0122"], 3, "row {}")


def test_sites_read_back():
    for row in SPACE.sample_orbits(20, seed=3).occupations:
        assert np.array_equal(occupation_from_sites(SPACE, sites_text(SPACE, row)), row)


def test_sites_may_be_atoms_of_another_cell():
    row = occupation_from_sites(SPACE, "Sn:10 11;", columns={10: 0, 11: 3}, others=SPACE.host_codes)
    assert row[:4].tolist() == [SPACE.species[0].index(name) for name in ("Sn", "Pb", "Pb", "Sn")]
    with pytest.raises(mg.InputError, match="t: row 4: Sn:99 is not a substitutable atom"):
        occupation_from_sites(SPACE, "Sn:99", "t: row 4")
    with pytest.raises(mg.InputError, match="atom 0 may hold .*, not Br"):
        occupation_from_sites(SPACE, "Br 0")


def test_a_composition_stands_in_the_order_of_the_parent():
    assert composition_text(SPACE) == "Cs4 Sn2 Pb2 vac1 Br2 I9"
    assert composition_text(SPACE.with_substitutions({"I": {"Br": 8}, "Pb": {"Sn": 0}})) == "Cs4 Pb4 Br8 I4"
