from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg

SPACES = [
    ((2, 2, 2), {"I": {"Br": 6}}),
    ((2, 2, 2), {"I": {"Br": 20}}),
    ((2, 2, 2), {"Pb": {"Sn": 4}, "I": {"Br": 3}}),
    ((2, 2, 2), {"I": {"Br": 2, "Cl": 2, "vac": 1}}),
    ((1, 1, 2), {"I": {"Br": 2, "Cl": 2}, "Pb": {"Sn": 1}, "Cs": {"Rb": 1}}),
    ((1, 1, 1), {(2,): {"Br": 1}}),
]


@pytest.mark.parametrize(("supercell", "substitutions"), SPACES)
def test_rank_and_unrank_follow_the_stream(cspbi3, supercell, substitutions):
    space = mg.ConfigurationSpace(cspbi3, supercell, substitutions)
    batch = next(space.orbits())
    n = len(batch)
    assert n == space.count_orbits()
    for rank in np.unique(np.linspace(0, n - 1, 60).astype(int)):
        found = space.unrank(int(rank))
        assert np.array_equal(found.occupations[0], batch.occupations[rank])
        assert found.multiplicity[0] == batch.multiplicity[rank]
        assert space.rank(batch.occupations[rank]) == rank


def test_any_member_of_an_orbit_has_its_rank(space_6of24):
    row = space_6of24.unrank(500).occupations[0]
    image = np.empty_like(row)
    image[space_6of24.site_permutations[77]] = row
    assert space_6of24.rank(image) == 500


def test_an_orbit_far_into_a_space_of_millions_is_reached_directly(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 8, "Cl": 8}})
    last = space.count_orbits() - 1
    for rank in (0, 12_345_678, last):
        assert space.rank(space.unrank(rank).occupations[0]) == rank
    stream = space.orbits(batch_size=1_000_000)
    for batch in stream:
        if stream.n_orbits > 12_345_678:
            row = batch.occupations[12_345_678 - (stream.n_orbits - len(batch))]
            break
    assert np.array_equal(space.unrank(12_345_678).occupations[0], row)


def test_ranks_beyond_64_bits():
    # Without symmetry but translations of a single cell, ranks are combinatorial numbers of any size.
    lattice = Lattice.from_parameters(9, 10, 11, 80, 85, 95)
    rng = np.random.default_rng(0)
    parent = Structure(lattice, ["Na"] * 40 + ["Cl"] * 40, rng.random((80, 3)))
    space = mg.ConfigurationSpace(parent, (1, 1, 1), {"Na": {"K": 20, "Rb": 10}, "Cl": {"Br": 20}}, site_tolerance=0)
    assert space.count_orbits() > 2**64
    for rank in (0, 2**70 + 12345, space.count_orbits() - 1):
        assert space.rank(space.unrank(rank).occupations[0]) == rank
    first = next(space.orbits(batch_size=10)).occupations
    assert np.array_equal(first, np.vstack([space.unrank(r).occupations for r in range(10)]))


def test_a_space_too_large_for_ranks_says_so(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (3, 3, 3), {"I": {"Br": 27, "Cl": 27}})
    with pytest.raises(mg.InputError, match="the first stage of this space alone has 1779537197498190816 choices"):
        space.unrank(0)
    single = mg.ConfigurationSpace(cspbi3, (3, 3, 3), {"I": {"Br": 27}})
    with pytest.raises(mg.InputError, match="the last stage of this space has 1779537197498190816 orbits"):
        single.rank(single.sample_orbits(1).occupations[0])


def test_a_rank_that_does_not_exist_is_an_error(space_3of24):
    for rank in (-1, 19):
        with pytest.raises(IndexError, match="the space has 19 orbits, numbered from 0"):
            space_3of24.unrank(rank)
