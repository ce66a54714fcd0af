from __future__ import annotations

import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg

CUBIC = Lattice.cubic(6.289)
X_SITES = [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]


def _perovskite(a="Cs", b="Pb", x="I"):
    return Structure(CUBIC, [a, b, x, x, x], [[0, 0, 0], [0.5, 0.5, 0.5], *X_SITES])


def test_partial_occupancies_become_the_space_that_substitutions_give(space_3of24, space_6of24):
    eighth = mg.ConfigurationSpace(_perovskite(x={"I": 0.875, "Br": 0.125}), (2, 2, 2))
    assert (eighth.count_orbits(), eighth.key) == (19, space_3of24.key)
    quarter = mg.ConfigurationSpace(_perovskite(x={"I": 0.75, "Br": 0.25}), (2, 2, 2))
    assert (quarter.count_orbits(), quarter.key) == (603, space_6of24.key)


def test_a_disordered_cif_is_read_directly(tmp_path):
    path = tmp_path / "mixed.cif"
    _perovskite(b={"Pb": 0.5, "Sn": 0.5}, x={"I": 0.75, "Br": 0.25}).to(filename=str(path))
    space = mg.ConfigurationSpace(path, (2, 2, 2))
    assert space.count_orbits() == 34_968
    assert {frozenset(names) for names in space.species} == {frozenset({"Pb", "Sn"}), frozenset({"I", "Br"})}


def test_missing_occupancy_is_a_vacancy():
    space = mg.ConfigurationSpace(_perovskite(x={"I": 11 / 12}), (2, 2, 1))
    assert space.species == (("vac", "I"),)
    assert space.counts == ((1, 11),)
    assert next(next(space.orbits()).structures()).composition["I"] == 11


def test_inequivalent_sites_of_equal_occupancy_keep_their_composition_each():
    # Two copper sites of a tetragonal cell that no operation exchanges: one in an oxygen plane, one not.
    half = {"Cu": 0.5, "Zn": 0.5}
    parent = Structure(Lattice.tetragonal(4, 9), [half, half, "O"], [[0, 0, 0], [0, 0, 0.5], [0.5, 0.5, 0]])
    space = mg.ConfigurationSpace(parent, (2, 1, 1))
    assert len(space.species) == 2
    assert space.n_configurations == 4
    assert space.counts == ((1, 1), (1, 1))


def test_an_occupancy_that_does_not_fit_names_supercells_that_work():
    parent = _perovskite(x={"I": 0.875, "Br": 0.125})
    with pytest.raises(mg.InputError, match=r"no whole numbers of atoms on 3 sites .* that work: 2x2x2, ") as caught:
        mg.ConfigurationSpace(parent, (1, 1, 1))
    assert "\n" not in str(caught.value)
    with pytest.raises(mg.InputError, match="no supercell of up to 64 cells works; give a larger occupancy_tolerance"):
        mg.ConfigurationSpace(_perovskite(x={"I": 0.99713, "Br": 0.00287}), (1, 1, 1), occupancy_tolerance=1e-6)


def test_the_tolerance_lets_a_rounded_third_pass():
    parent = _perovskite(x={"I": 0.667, "Br": 0.333})
    assert mg.ConfigurationSpace(parent, (1, 1, 1)).count_orbits() == 1
    with pytest.raises(mg.InputError, match="occupancy_tolerance=1e-06"):
        mg.ConfigurationSpace(parent, (1, 1, 1), occupancy_tolerance=1e-6)


def test_two_ways_to_say_what_is_substituted_are_refused():
    with pytest.raises(mg.InputError, match="either partial occupancies or substitutions"):
        mg.ConfigurationSpace(_perovskite(x={"I": 0.875, "Br": 0.125}), (2, 2, 2), {"I": {"Br": 3}})


def test_one_element_in_two_states_on_a_site_is_refused():
    parent = _perovskite(b={"Fe2+": 0.5, "Fe3+": 0.5})
    with pytest.raises(mg.InputError, match="holds Fe in two states"):
        mg.ConfigurationSpace(parent, (2, 2, 2))
