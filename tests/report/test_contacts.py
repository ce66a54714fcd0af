"""Neighbours of substituted species, beside a count over the atoms of each structure."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.report.explore.contacts import contacts

FCC = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.7), ["Cu"], [[0, 0, 0]])
STO = Structure.from_spacegroup("Pm-3m", Lattice.cubic(3.9), ["Sr", "Ti", "O"], [[0.5] * 3, [0] * 3, [0.5, 0, 0]])
SPACES = {
    "an alloy": mg.ConfigurationSpace(FCC, (1, 1, 1), {"Cu": {"Au": 1}}),  # neighbours are images of one another
    "vacancies": mg.ConfigurationSpace(STO, (2, 2, 1), {"O": {"vac": 2}}),
    "three species": mg.ConfigurationSpace(FCC, (2, 1, 1), {"Cu": {"Au": 2, "Pd": 3}}),
    "two sublattices": mg.ConfigurationSpace(STO, (2, 1, 1), {"Sr": {"Ba": 1}, "Ti": {"Zr": 1}}),
}


def counted(space, occupation, name) -> int:
    """Pairs of sites, images included, whose species and distance a column's name gives."""
    first, second, distance = re.fullmatch(r"(\w+)-(\w+) ([\d.]+) Å", name).groups()
    frame = space.supercell_structure
    found = 0
    for i, site in enumerate(space.site_indices):
        for j, other in enumerate(space.site_indices):
            species = [space.species[space.sublattices[k]][occupation[k]] for k in (i, j)]
            if species != [first, second]:
                continue
            near = frame.lattice.get_points_in_sphere([frame[other].frac_coords], frame[site].coords, 9.0)
            found += sum(abs(apart - float(distance)) < 0.06 for _, apart, *_ in near)
    return found // 2 if first == second else found


@pytest.mark.parametrize("kind", SPACES)
@given(data=st.data())
def test_they_are_those_of_the_structures(kind, data):
    space = SPACES[kind]
    row = space.sample_configurations(1, seed=data.draw(st.integers(0, 1000)))
    found = contacts(row)
    name = data.draw(st.sampled_from(sorted(found)))
    assert found[name].tolist() == [counted(space, row.occupations[0], name)]


def test_each_pair_of_substituted_species_has_three_shells():
    names = list(contacts(SPACES["three species"].sample_configurations(2, seed=0)))
    assert [name.split()[0] for name in names] == ["Au-Au"] * 3 + ["Au-Pd"] * 3 + ["Pd-Pd"] * 3
    assert len({name.split()[1] for name in names}) == 3


def test_blocks_do_not_matter(monkeypatch):
    rows = SPACES["vacancies"].sample_configurations(50, seed=1)
    whole = contacts(rows)
    monkeypatch.setattr("matganip.report.explore.contacts.BLOCK", 7)
    assert all(np.array_equal(whole[name], column) for name, column in contacts(rows).items())
