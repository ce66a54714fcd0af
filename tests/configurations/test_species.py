"""Sublattices by element, ion, label and index; two states of one element; vacancies by any name."""

from __future__ import annotations

import json

import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.periodic_table import DummySpecies
from pymatgen.core.structure import Structure

import matganip as mg
from matganip.configurations.species import Occupant, parse_species

CORNERS = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
OCTAHEDRA = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]


def rock_salt(cation="Fe2+", anion="O2-", labels=None):
    return Structure(Lattice.cubic(4.3), [cation] * 4 + [anion] * 4, CORNERS + OCTAHEDRA, labels=labels)


def test_the_same_sites_by_element_ion_label_and_index():
    parent = rock_salt(labels=[f"M{i}" for i in range(4)] + ["O1", "O1", "O2", "O2"])
    by_index = mg.ConfigurationSpace(parent, (1, 1, 2), {(0, 1, 2, 3): {"Mn": 3}})
    for key in ("Fe", "Fe2+", "M0,M1,M2,M3", "0,1,2,3"):
        assert mg.ConfigurationSpace(parent, (1, 1, 2), {key: {"Mn": 3}}).key == by_index.key
    labelled = mg.ConfigurationSpace(parent, (1, 1, 1), {"O2": {"vac": 1}})
    assert labelled.sublattice_table[0].parent_sites == (6, 7)
    with pytest.raises(mg.InputError, match=r"no O3, only Fe, O; its labels are M0, M1, M2, M3, O1, O2"):
        mg.ConfigurationSpace(parent, (1, 1, 1), {"O3": {"vac": 1}})


@pytest.mark.parametrize("name", ["vac", "Va", "X", "[]", "Vac"])
def test_a_vacancy_has_several_names(name):
    space = mg.ConfigurationSpace(rock_salt(), (1, 1, 1), {"O": {name: 1}})
    assert space.species == (("vac", "O"),)


def test_what_is_no_species_is_refused():
    assert parse_species("V5+") == Occupant("V", 5.0)
    assert parse_species("O-2") == Occupant("O", -2.0)
    for text in ("Q", "Foo", "3+", "Fe3", "V a"):
        with pytest.raises(mg.InputError, match="is not an element, an ion such as Fe3"):
            mg.ConfigurationSpace(rock_salt(), (1, 1, 1), {"O": {text: 1}})


def test_two_states_of_one_element_are_two_species():
    space = mg.ConfigurationSpace(rock_salt("Fe2+"), (1, 1, 1), {"Fe": {"Fe3+": 1, "vac": 1}})
    assert space.species == (("Fe3+", "vac", "Fe2+"),)
    assert space.composition == {"Fe3+": 1, "vac": 1, "Fe2+": 2, "O": 4}
    assert space.n_atoms == 7
    batch = next(space.orbits())
    for structure, row in zip(batch.structures(), batch.occupations, strict=True):
        assert sorted(map(str, structure.species)) == ["Fe2+"] * 2 + ["Fe3+"] + ["O2-"] * 4
        assert (space.occupation_of(structure) == row).all()
        bare = structure.copy().remove_oxidation_states()
        with pytest.raises(mg.InputError, match=r"may hold Fe3\+, Fe2\+, the structure has Fe there: its oxidation"):
            space.occupation_of(bare)


def test_states_that_differ_in_the_parent_are_not_equivalent_sites():
    ordered = Structure(Lattice.cubic(4.3), ["Fe2+", "Fe2+", "Fe3+", "Fe3+"] + ["O2-"] * 4, CORNERS + OCTAHEDRA)
    alike = mg.ConfigurationSpace(rock_salt(), (1, 1, 1), {"O": {"vac": 1}})
    charge_ordered = mg.ConfigurationSpace(ordered, (1, 1, 1), {"O": {"vac": 1}})
    assert (alike.count_orbits(), charge_ordered.count_orbits()) == (1, 2)
    assert {str(s) for s in next(charge_ordered.orbits()).space.structure([0, 1, 1, 1]).species} == {
        "Fe2+", "Fe3+", "O2-",
    }  # fmt: skip


def test_substitutes_are_written_with_a_state_where_the_parent_is_and_without_the_label_of_what_they_replace():
    space = mg.ConfigurationSpace(
        rock_salt(labels=["Fe1"] * 4 + ["O1"] * 4), (1, 1, 1), {"Fe": {"Li": 1}, "O": {"F": 1}}
    )
    structure = next(next(space.orbits()).structures())
    assert sorted(map(str, structure.species)) == ["F-"] + ["Fe2+"] * 3 + ["Li+"] + ["O2-"] * 3
    assert {site.label for site in structure if site.specie.symbol == "Li"} == {"Li+"}
    plain = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.3), (1, 1, 1), {"Pb": {"Sn": 1}})
    assert str(next(next(plain.orbits()).structures())[1].specie) == "Sn"


@pytest.mark.parametrize("wanted", [{"Fe": {"Fe3+": 2, "Li": 1}}, {"Fe": {"Mn": 2}}, {"O": {"F": 1, "X": 1}}])
@pytest.mark.parametrize("cation", ["Fe2+", "Fe"])
def test_a_stored_space_keeps_its_states(wanted, cation):
    space = mg.ConfigurationSpace(rock_salt(cation), (1, 1, 1), wanted)
    for again in (
        mg.ConfigurationSpace.from_dict(json.loads(json.dumps(space.to_dict())), space.key),
        mg.ConfigurationSpace.from_metadata(space.metadata()),
    ):
        assert again.key == space.key
        assert again.sublattice_table == space.sublattice_table
        assert next(again.orbits()).space.structure(next(again.orbits()).occupations[0]) == space.structure(
            next(space.orbits()).occupations[0]
        )


def test_a_dummy_x_in_a_structure_is_a_vacancy():
    mixed = {"O2-": 0.75, DummySpecies("X"): 0.25}
    parent = Structure(Lattice.cubic(4.3), ["Fe2+"] * 4 + [mixed] * 4, CORNERS + OCTAHEDRA)
    assert mg.ConfigurationSpace(parent, (1, 1, 1)).species == (("vac", "O"),)
