"""A space is known by its symmetry too: keys, cursors and stored spaces of one tolerance are not those of another."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg

# A rock salt whose second oxygen row is off by a few hundredths of an angstrom.
HALVES = [[0.5, 0.5, 0.5], [0.5, 0.005, 0], [0, 0.5, 0], [0, 0, 0.5]]
DISTORTED = Structure(
    Lattice.orthorhombic(4.20, 4.23, 4.26),
    ["Mg"] * 4 + ["O"] * 4,
    [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0.0], *HALVES],
)


def spaces(*tolerances: float) -> list[mg.ConfigurationSpace]:
    return [mg.ConfigurationSpace(DISTORTED, (2, 1, 1), {"Mg": {"Ca": 3}}, symprec=one) for one in tolerances]


def test_two_tolerances_with_other_orbits_have_other_keys():
    tight, loose = spaces(0.01, 0.1)
    assert tight.count_orbits() > loose.count_orbits()
    assert tight.key != loose.key
    assert tight.stored_keys[1] == loose.stored_keys[1]  # what version 0.1 took for one space
    assert not set(next(tight.orbits()).orbit_keys()) & set(next(loose.orbits()).orbit_keys())


def test_two_tolerances_with_the_same_permutations_have_one_key():
    fine, tight = spaces(0.001, 0.01)
    assert np.array_equal(fine.group, tight.group)
    assert fine.key == tight.key


def test_a_cursor_of_another_symmetry_is_refused():
    tight, loose = spaces(0.01, 0.1)
    stream = tight.orbits(batch_size=5)
    next(stream)
    with pytest.raises(mg.InputError, match=f"cursor: belongs to another space .{tight.key}"):
        loose.orbits(cursor=stream.cursor)
    with pytest.raises(mg.InputError, match=r"cursor: belongs to another format \(1, this stream has 2\)"):
        tight.orbits(cursor=stream.cursor | {"format": 1})


@pytest.mark.parametrize("symprec", [0.01, 0.1])
def test_a_stored_space_is_made_again_as_itself(symprec):
    (space,) = spaces(symprec)
    for again in (
        mg.ConfigurationSpace.from_metadata(json.loads(json.dumps(space.metadata()))),
        mg.ConfigurationSpace.from_dict(json.loads(json.dumps(space.to_dict())), space.key),
    ):
        assert (again.key, again.symprec, again.count_orbits()) == (space.key, symprec, space.count_orbits())


def test_what_version_0_1_stored_is_made_again_with_its_default_tolerance():
    (space,) = spaces(0.01)
    old = {name: text for name, text in space.metadata().items() if name != "symprec"}
    again = mg.ConfigurationSpace.from_metadata(old | {"space": space.stored_keys[1]})
    assert again.key == space.key
    with pytest.raises(mg.InputError, match="was it changed"):
        mg.ConfigurationSpace.from_metadata(old | {"space": "0123456789abcdef"})


@pytest.mark.parametrize("lost", ["parent", "species", "supercell"])
def test_a_damaged_description_is_refused_in_one_line(lost):
    (space,) = spaces(0.01)
    with pytest.raises(mg.InputError, match="damaged") as caught:
        mg.ConfigurationSpace.from_metadata(space.metadata() | {lost: "{}"})
    assert "\n" not in str(caught.value)
    values = space.to_dict()
    del values["elements"]
    with pytest.raises(mg.InputError, match="a stored space: damaged"):
        mg.ConfigurationSpace.from_dict(values)


def test_another_composition_has_the_key_of_a_space_made_from_nothing():
    tight, loose = spaces(0.01, 0.1)
    for space in (tight, loose):
        fresh = mg.ConfigurationSpace(DISTORTED, (2, 1, 1), {"Mg": {"Ca": 1}}, symprec=space.symprec)
        assert space.with_substitutions({"Mg": {"Ca": 1}}).key == fresh.key


def test_the_lead_atom_two_hundredths_off_centre(cspbi3):
    polar = cspbi3.copy()
    polar.translate_sites([1], [0, 0, 0.02], frac_coords=False)
    tight, loose = (mg.ConfigurationSpace(polar, (2, 2, 2), {"I": {"Br": 3}}, symprec=one) for one in (0.01, 0.1))
    assert (tight.count_orbits(), loose.count_orbits()) == (64, 19)
    assert tight.key != loose.key
    assert mg.ConfigurationSpace.from_metadata(loose.metadata()).count_orbits() == 19
