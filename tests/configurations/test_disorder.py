from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg
from matganip.configurations.disorder import DisorderedParent, MixedSublattice
from matganip.configurations.species import Occupant
from matganip.errors import ReadingWarning

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


def test_substitutions_override_the_occupancies_sublattice_by_sublattice():
    half = {"Pb": 0.5, "Sn": 0.5}
    parent = _perovskite(b=half, x={"I": 0.875, "Br": 0.125})
    space = mg.ConfigurationSpace(parent, (2, 2, 1), {"Br": {"Br": 5}}, occupancy_tolerance=None)
    assert space.composition == {"Cs": 4, "Pb": 2, "Sn": 2, "Br": 5, "I": 7}
    assert space.with_substitutions({"I": {"I": 4}}).composition["Br"] == 8
    assert mg.ConfigurationSpace(parent, (2, 2, 1), {"I": {"Br": 0, "Cl": 3}}).counts[1] == (0, 3, 9)


def test_what_overrides_must_say_it_all():
    parent = _perovskite(x={"I": 0.5, "Br": 0.25, "Cl": 0.25})
    with pytest.raises(mg.InputError, match=r"holds 3 species in the file; give the numbers of all but one of them"):
        mg.ConfigurationSpace(parent, (2, 2, 1), {"I": {"Br": 3}})
    with pytest.raises(mg.InputError, match=r"13 atoms and vacancies asked for, .* has 12 sites"):
        mg.ConfigurationSpace(parent, (2, 2, 1), {"I": {"Br": 6, "Cl": 7}})
    with pytest.raises(mg.InputError, match=r"names a part of .* only, whose sites are equivalent; add sites 4"):
        mg.ConfigurationSpace(parent, (2, 2, 1), {(2, 3): {"Br": 3, "Cl": 3}})
    half = {"Cu": 0.5, "Zn": 0.5}
    two = Structure(Lattice.tetragonal(4, 9), [half, half, "O"], [[0, 0, 0], [0, 0, 0.5], [0.5, 0.5, 0]])
    with pytest.raises(mg.InputError, match=r"substitutions.Cu: is on several sublattices, .* name one by its label"):
        mg.ConfigurationSpace(two, (2, 1, 1), {"Cu": {"Zn": 1}})
    assert mg.ConfigurationSpace(two, (2, 1, 1), {(0, 1): {"Zn": 1}}).counts == ((1, 3),)


def test_the_nearest_whole_numbers_are_taken_on_request():
    parent = _perovskite(x={"I": 0.63, "Br": 0.37})
    space = mg.ConfigurationSpace(parent, (2, 2, 1), occupancy_tolerance=None)
    assert (space.species, space.counts) == ((("Br", "I"),), ((4, 8),))
    assert [round(share, 2) for share in space.file_sublattices[0].shares.values()] == [0.63, 0.37]
    with pytest.raises(mg.InputError, match=r"several whole numbers of atoms on 1 sites are equally near; say which"):
        mg.ConfigurationSpace(_perovskite(b={"Pb": 0.5, "Sn": 0.5}), (1, 1, 1), occupancy_tolerance=None)


@given(
    st.lists(st.integers(1, 40), min_size=2, max_size=5), st.integers(1, 30)
)  # occupancies by their parts, and a number of sites
def test_the_nearest_numbers_are_nearer_than_all_others(parts, n_sites):
    shares = {Occupant(name): part / sum(parts) for name, part in zip("HBCNO", parts, strict=False)}
    mixed = MixedSublattice((0,), (), shares)
    counts, others_as_near = mixed.counts(n_sites)
    assert sum(counts.values()) == n_sites

    def off(numbers):
        return sum((number - share * n_sites) ** 2 for number, share in zip(numbers, shares.values(), strict=True))

    every = [c for c in product(range(n_sites + 1), repeat=len(parts) - 1) if sum(c) <= n_sites] if n_sites < 9 else []
    distances = sorted(off((*c, n_sites - sum(c))) for c in every)
    if distances:
        assert off(counts.values()) == pytest.approx(distances[0])
        assert others_as_near == (len(distances) > 1 and distances[1] - distances[0] < 1e-9)


def test_digits_are_no_vacancies_and_supercells_are_compact():
    third = {"Cu": 0.333, "Ag": 0.333, "Au": 0.333}
    parent = Structure(Lattice.orthorhombic(3, 4, 9), [third], [[0, 0, 0]])
    with pytest.warns(ReadingWarning, match="occupancies of the file add up to 0.999, which is taken for 1"):
        assert mg.ConfigurationSpace(parent, (3, 1, 1)).species == (("Ag", "Au", "Cu"),)
    with pytest.warns(ReadingWarning):
        assert DisorderedParent(parent, 0.01).supercells()[:2] == [(3, 1, 1), (3, 2, 1)]


def test_one_element_in_two_states_on_a_site_is_two_species():
    parent = _perovskite(b={"Fe2+": 0.5, "Fe3+": 0.5})
    space = mg.ConfigurationSpace(parent, (2, 2, 2))
    assert space.species == (("Fe3+", "Fe2+"),)
    assert space.count_orbits() == 6
