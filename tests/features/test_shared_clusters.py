"""Columns that mean the same in every supercell, against neighbours counted one by one."""

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.features.lattice.diffraction import LatticeDiffraction

FCC = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Ag"], [[0, 0, 0]])
SHELLS = (2.8284, 4.0, 4.8990)


def columns(space, occupations, triplet=None, cutoff=5.0):
    peaks = LatticeDiffraction(space, domain="clusters", cutoff=cutoff, shared=(triplet,)).peaks(occupations)
    return peaks.labels, peaks.intensity


def shares_of_pairs(structure, a, b):
    """Percent of the neighbours of each shell, over all sites, that are an a beside a b."""
    centres, points, _, distance = structure.get_neighbor_list(5.0)
    symbols = [site.specie.symbol for site in structure]
    found = []
    for shell in SHELLS:
        near = np.abs(distance - shell) < 1e-3
        pairs = [(symbols[i], symbols[j]) for i, j in zip(centres[near], points[near], strict=True)]
        found.append(100.0 * sum(pair in {(a, b), (b, a)} for pair in pairs) / len(pairs))
    return found


@pytest.mark.parametrize("cell", [(1, 1, 1), (2, 1, 1), [[1, 1, 0], [-1, 1, 0], [0, 0, 2]]])
def test_pairs_of_dopants_are_counted_as_neighbours(cell):
    space = mg.ConfigurationSpace(FCC, cell, {"Ag": {"Pd": 1, "Cu": 2}})
    batch = space.sample_orbits(6, seed=2)
    labels, values = columns(space, batch.occupations)
    for row, occupation in enumerate(batch.occupations):
        structure = space.structure(occupation)
        for a, b in (("Pd", "Pd"), ("Cu", "Cu")):
            found = [values[row, labels.index(f"{a}-{b} {shell:.2f} Å")] for shell in SHELLS]
            assert np.allclose(found, shares_of_pairs(structure, a, b), atol=1e-9)


@pytest.mark.parametrize("doubled", [(2, 2, 1), (2, 1, 2)])
def test_a_doubled_cell_has_the_same_columns(doubled):
    small = mg.ConfigurationSpace(FCC, (2, 1, 1), {"Ag": {"Pd": 3}})
    batch = small.sample_orbits(4, seed=0)
    _, expected = columns(small, batch.occupations, triplet=4.1)
    for row, occupation in enumerate(batch.occupations):
        twice = small.structure(occupation) * [b // a for a, b in zip((2, 1, 1), doubled, strict=True)]
        large = mg.ConfigurationSpace(FCC, doubled, {"Ag": {"Pd": 6}})
        _, found = columns(large, large.occupation_of(twice)[None], triplet=4.1)
        assert np.allclose(found[0], expected[row], atol=1e-9)


def test_several_sublattices_and_a_vacancy():
    srtio3 = mg.perovskite("SrTiO3", a=3.905)
    small = mg.ConfigurationSpace(srtio3, (2, 1, 1), {"O": {"vac": 1}, "Ti": {"Fe": 1}})
    large = mg.ConfigurationSpace(srtio3, (2, 2, 1), {"O": {"vac": 2}, "Ti": {"Fe": 2}})
    batch = small.sample_orbits(5, seed=1)
    _, expected = columns(small, batch.occupations, triplet=4.0)
    same = [large.occupation_of(small.structure(one) * (1, 2, 1)) for one in batch.occupations]
    _, found = columns(large, np.array(same), triplet=4.0)
    assert np.allclose(found, expected, atol=1e-9)
    assert np.ptp(expected, axis=0).max() > 1.0
