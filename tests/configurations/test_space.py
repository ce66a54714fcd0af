from __future__ import annotations

import numpy as np
import oracle
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import matganip as mg

HEXAGONAL = Structure(Lattice.hexagonal(3.1, 5.0), ["Ga", "N"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.375]])
ROCK_SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
RUTILE = Structure.from_spacegroup(
    "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
)
TRICLINIC = Structure(
    Lattice.from_parameters(4.0, 5.1, 6.3, 71, 83, 95),
    ["K", "Cl", "Cl"],
    [[0, 0, 0], [0.3, 0.2, 0.4], [0.7, 0.8, 0.6]],
)
PARENTS = {
    "hexagonal": (HEXAGONAL, "Ga"),
    "rock salt": (ROCK_SALT, "Mg"),
    "rutile": (RUTILE, "O"),
    "triclinic": (TRICLINIC, "Cl"),
}


@pytest.mark.parametrize("name", PARENTS)
@given(matrix=st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=3, max_size=3))
def test_site_permutations_equal_spglibs_for_any_supercell(name, matrix):
    parent, element = PARENTS[name]
    volume = round(abs(np.linalg.det(matrix)))
    assume(0 < volume <= 4)
    space = mg.ConfigurationSpace(parent, matrix, {element: {"vac": 1}})
    assert set(map(tuple, space.site_permutations.tolist())) == oracle.site_permutations_by_spglib(space)


@pytest.mark.parametrize("name", PARENTS)
def test_orbits_of_other_crystal_systems_equal_brute_force(name):
    parent, element = PARENTS[name]
    matrix = [[1, 1, 0], [0, 2, 0], [0, 0, 1]] if len(parent) > 4 else [[1, 1, 0], [0, 2, 0], [0, 1, 2]]
    sites = sum(site.specie.symbol == element for site in parent) * round(abs(np.linalg.det(matrix)))
    space = mg.ConfigurationSpace(parent, matrix, {element: {"Al": 2, "vac": 1} if sites < 9 else {"Al": 2}})
    expected = oracle.orbits_by_brute_force(space.site_permutations, space.counts)
    batch = next(space.orbits())
    found = [(tuple(r), int(m)) for r, m in zip(batch.occupations.tolist(), batch.multiplicity, strict=True)]
    assert found == expected
    assert space.count_orbits() == len(expected)


def test_a_parent_given_as_an_expanded_cell_has_the_count_of_its_primitive_cell(cspbi3):
    expected = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 3}}).count_orbits()
    expanded = cspbi3.make_supercell([2, 1, 1], in_place=False)
    assert mg.ConfigurationSpace(expanded, (1, 2, 2), {"I": {"Br": 3}}).count_orbits() == expected
    whole = cspbi3.make_supercell([2, 2, 2], in_place=False)
    assert mg.ConfigurationSpace(whole, (1, 1, 1), {"I": {"Br": 3}}).count_orbits() == expected


def test_a_sublattice_by_site_indices_breaks_the_symmetry_to_the_others(cspbi3):
    one_axis = mg.ConfigurationSpace(cspbi3, (1, 1, 2), {(2,): {"Br": 1}})
    assert one_axis.n_sites == 2
    # Iodine 2 sits at 0 1/2 1/2: along c in a 1x1x2 cell its two copies are equivalent.
    assert one_axis.count_orbits() == 1
    two = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {(2, 3): {"Br": 2}, (4,): {"Br": 1}})
    assert two.species == (("Br", "I"), ("Br", "I"))
    assert two.count_orbits() == sum(len(b) for b in two.orbits())


def test_species_stand_by_rising_count_the_host_last_on_ties(cspbi3):
    def species(**counts):
        return mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": counts}).species[0]

    assert species(Br=3) == ("Br", "I")
    assert species(Br=12) == ("Br", "I")
    assert species(Br=18) == ("I", "Br")
    assert species(Br=8, Cl=8) == ("Br", "Cl", "I")
    assert species(Br=0) == ("Br", "I")
    assert species(Br=24) == ("I", "Br")


@pytest.mark.parametrize("count", [0, 24])
def test_nothing_or_everything_substituted_is_one_orbit(cspbi3, count):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": count}})
    (batch,) = space.orbits()
    assert batch.multiplicity.tolist() == [1]
    (structure,) = batch.structures()
    assert structure.composition["Br"] == count


def test_structures_carry_the_right_atoms(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 3, "vac": 1}, "Pb": {"Sn": 4}})
    batch = next(space.orbits(batch_size=5))
    for structure, atoms in zip(batch.structures(), batch.atoms(), strict=True):
        assert structure.composition.as_dict() == {"Cs": 8, "Sn": 4, "Pb": 4, "Br": 3, "I": 20}
        assert sorted(atoms.get_chemical_symbols()) == sorted(s.specie.symbol for s in structure)
    for row, structure in zip(batch.occupations, batch.structures(), strict=True):
        assert np.array_equal(space.occupation_of(structure), row)


def test_occupation_of_reads_any_atom_order(space_6of24):
    batch = next(space_6of24.orbits(batch_size=20))
    rng = np.random.default_rng(1)
    for row, structure in zip(batch.occupations, batch.structures(), strict=True):
        shuffled = Structure.from_sites([structure[int(i)] for i in rng.permutation(len(structure))])
        shuffled.perturb(0.05)
        assert np.array_equal(space_6of24.occupation_of(shuffled), row)


def test_occupation_of_names_what_does_not_fit(space_3of24):
    structure = next(next(space_3of24.orbits()).structures())
    moved = structure.copy()
    moved.translate_sites([20], [0.8, 0, 0], frac_coords=False)
    with pytest.raises(mg.InputError, match=r"atom 20 \((I|Br)\) is 0.80 angstrom from the nearest site"):
        space_3of24.occupation_of(moved)
    other = structure.copy()
    other[0] = "Rb"
    with pytest.raises(mg.InputError, match="site 0 .Cs. is not substituted, the structure has Rb"):
        space_3of24.occupation_of(other)
    stretched = structure.copy()
    stretched.scale_lattice(structure.volume * 1.5)
    with pytest.raises(mg.InputError, match="lattice"):
        space_3of24.occupation_of(stretched)


@pytest.mark.parametrize(
    ("supercell", "substitutions", "message"),
    [
        ((2, 2, 2), {"I": {"Br": 25}}, "25 sites asked for, but the supercell has only 24 I sites"),
        ((2, 2, 2), {"F": {"Br": 1}}, "the parent has no F, only Cs, Pb, I"),
        ((2, 2, 2), {"I": {"Xx": 1}}, "'Xx' is not an element"),
        ((2, 2, 2), {"I": {"Br": 1.5}}, "whole number, got 1.5"),
        ((2, 2, 2), {"I": {"Br": -1}}, "must not be negative"),
        ((2, 2, 2), {"I": {"Br": 1, "I": 3}}, "must add up to all 24"),
        ((2, 2, 2), {}, "none given"),
        ((2, 2, 2), {"I": {"Br": 1}, (2,): {"Cl": 1}}, "site 2 of the parent belongs to two"),
        ((2, 2, 2), {(9,): {"Cl": 1}}, "numbered 0 to 4"),
        ((2, 2, 2), {(1, 2): {"Cl": 1}}, "one sublattice holds one element"),
        ((0, 2, 2), {"I": {"Br": 1}}, "must be positive"),
        ((2, 2), {"I": {"Br": 1}}, "three integers or a 3x3"),
        ((2.5, 2, 2), {"I": {"Br": 1}}, "three integers or a 3x3"),
        ("abc", {"I": {"Br": 1}}, "three integers or a 3x3"),
        ([[1, 1, 0], [2, 2, 0], [0, 0, 1]], {"I": {"Br": 1}}, "singular"),
    ],
)
def test_a_senseless_space_is_refused_in_one_line(cspbi3, supercell, substitutions, message):
    with pytest.raises(mg.InputError, match=message) as caught:
        mg.ConfigurationSpace(cspbi3, supercell, substitutions)
    assert "\n" not in str(caught.value)


def test_a_parent_with_coinciding_sites_is_refused():
    twice = Structure(Lattice.cubic(4), ["Na", "Na"], [[0, 0, 0], [0.0005, 0, 0]])
    with pytest.raises(mg.InputError, match="sites 0 and 1 of the parent coincide"):
        mg.ConfigurationSpace(twice, (1, 1, 1), {"Na": {"K": 1}})


def test_a_tolerance_that_makes_no_sense_is_named(cspbi3):
    with pytest.raises(mg.InputError, match="symprec must be positive"):
        mg.ConfigurationSpace(cspbi3, (1, 1, 1), {"I": {"Br": 1}}, symprec=0)


@pytest.mark.parametrize("symprec", [0.3, 0.6, 1.0])
def test_a_tolerance_too_wide_gives_a_group_or_a_clear_error(symprec):
    # Atoms displaced at random by up to 0.4 angstrom: within the tolerance much looks symmetric that is not.
    rng = np.random.default_rng(3)
    refusals = []
    for _ in range(10):
        shaken = ROCK_SALT.copy()
        for i in range(len(shaken)):
            shaken.translate_sites([i], rng.uniform(-0.4, 0.4, 3), frac_coords=False)
        space = mg.ConfigurationSpace(shaken, (1, 1, 2), {"Mg": {"Al": 2}}, symprec=symprec)
        try:
            orbits = sum(len(batch) for batch in space.orbits())
        except mg.InputError as error:
            refusals.append(str(error))
        else:
            assert orbits == space.count_orbits()
    assert all(f"symprec={symprec:g}" in message for message in refusals)


def test_rows_of_another_composition_are_refused(space_3of24):
    with pytest.raises(mg.InputError, match=r"row 1 has 4 Br \(code 0\)"):
        rows = np.ones((2, 24), dtype=int)
        rows[0, :3] = rows[1, :4] = 0
        space_3of24.canonical(rows)
    with pytest.raises(mg.InputError, match=r"\(n, 24\) codes are needed"):
        space_3of24.canonical(np.zeros((2, 5), dtype=int))
    with pytest.raises(mg.InputError, match="small non-negative integers"):
        space_3of24.canonical(np.full((1, 24), -1))


def test_the_key_tells_spaces_apart(cspbi3, space_3of24, space_6of24):
    again = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 3}})
    assert again.key == space_3of24.key
    assert space_3of24.key != space_6of24.key


def test_from_structures_finds_orbits_or_names_the_structure(space_6of24):
    batch = next(space_6of24.orbits(batch_size=10))
    found = space_6of24.from_structures(batch.atoms())
    assert np.array_equal(found.occupations, batch.occupations)
    assert np.array_equal(found.multiplicity, batch.multiplicity)
    structures = list(batch.structures())
    structures[3][39] = "Cl"
    with pytest.raises(mg.InputError, match="structure 3: site 39 may hold Br, I, the structure has Cl there"):
        space_6of24.from_structures(structures)


def test_another_composition_shares_the_symmetry(space_3of24, space_6of24):
    other = space_3of24.with_substitutions({"I": {"Br": 6}})
    assert other.group is space_3of24.group
    assert (other.count_orbits(), other.n_configurations, other.key) == (603, 134_596, space_6of24.key)
    assert space_3of24.count_orbits() == 19
    with pytest.raises(mg.InputError, match="the sublattices must be those of the space"):
        space_3of24.with_substitutions({"Pb": {"Sn": 1}})
