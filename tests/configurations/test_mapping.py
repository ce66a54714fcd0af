"""Structures in any setting, strained and rattled, onto the sites of their parent."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.mapping import ParentLattice
from matganip.errors import InputError

FCC = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Ag"], [[0, 0, 0]])
ALLOY = ParentLattice(mg.ConfigurationSpace(FCC, (1, 1, 1), {"Ag": {"Pd": 0}}))
SRTIO3 = mg.perovskite("SrTiO3", a=3.905)
OXIDE = mg.ConfigurationSpace(SRTIO3, (2, 1, 1), {"O": {"vac": 1}, "Ti": {"Fe": 1}})


def disguised(structure, seed):
    """Rotated, strained, rattled, shifted, its atoms shuffled and its cell in another setting."""
    draw = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    strain = np.eye(3) + 0.02 * draw.normal(size=(3, 3))
    matrix = structure.lattice.matrix @ strain @ (rotation * np.sign(np.linalg.det(rotation)))
    order = draw.permutation(len(structure))
    points = structure.frac_coords[order] + draw.random(3)
    species = [structure[i].species for i in order]
    moved = Structure(Lattice(matrix), species, points)
    moved.make_supercell([[1, 1, 0], [0, 1, 0], [0, 1, 1]])  # of determinant 1
    moved.perturb(0.08, seed=seed)
    return moved


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_a_disguised_alloy_keeps_its_neighbours(seed):
    space = mg.ConfigurationSpace(FCC, (2, 1, 1), {"Ag": {"Pd": 3}})
    structure = space.structure(space.sample_orbits(1, seed=seed).occupations[0])
    found = ALLOY.map(disguised(structure, seed))
    assert found.n_cells == 8
    assert sorted(found.species) == ["Ag"] * 5 + ["Pd"] * 3
    assert _like_neighbours(found) == _like_neighbours(ALLOY.map(structure))


def _like_neighbours(mapped):
    """Sorted numbers of Pd among the twelve neighbours of every Pd, counted in the ideal cell."""
    ideal = Structure(Lattice(mapped.vectors @ ALLOY.vectors), mapped.species,
                      (ALLOY.positions[mapped.basis] + mapped.cell) @ np.linalg.inv(mapped.vectors))  # fmt: skip
    return sorted(
        sum(one.specie.symbol == "Pd" for one in ideal.get_neighbors(site, 3.0))
        for site in ideal
        if site.specie.symbol == "Pd"
    )


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_vacant_sites_of_an_oxide_are_found(seed):
    structure = OXIDE.structure(OXIDE.sample_orbits(1, seed=seed).occupations[0])
    found = ParentLattice(OXIDE).map(disguised(structure, seed))
    assert found.n_cells == 2
    assert found.n_atoms == 9
    assert found.species.count("vac") == 1
    assert found.species.count("Fe") == 1


@pytest.mark.parametrize(
    ("structure", "expected"),
    [
        (Structure(Lattice.cubic(4.0), ["Au"], [[0, 0, 0]]), "holds Au, which is on no site"),
        (Structure(Lattice.orthorhombic(2.0, 4.0, 9.0), ["Ag"] * 4, np.random.default_rng(0).random((4, 3))), "strain"),
    ],
)
def test_what_does_not_fit_is_told(structure, expected):
    with pytest.raises(InputError, match=expected):
        ALLOY.map(structure)


def test_an_atom_off_the_sites_is_named():
    moved = FCC.copy()
    moved.make_supercell([2, 2, 2])
    moved.translate_sites([5], [0.13, 0.11, 0.12])
    with pytest.raises(InputError, match="atom 5"):
        ALLOY.map(moved, distance=0.5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_displacements_are_those_that_were_made_whatever_the_strain_and_the_drift(seed):
    space = mg.ConfigurationSpace(FCC, (2, 1, 1), {"Ag": {"Pd": 3}})
    structure = space.structure(space.sample_orbits(1, seed=seed).occupations[0])
    draw = np.random.default_rng(seed)
    made = 0.2 * (draw.random((len(structure), 3)) - 0.5)
    made -= made.mean(axis=0)
    moved = structure.copy()
    for site, way in enumerate(made):
        moved.translate_sites([site], way, frac_coords=False)
    moved.translate_sites(range(len(moved)), draw.random(3))
    rotation, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    strain = np.diag([1.03, 0.99, 1.01])
    strained = Structure(Lattice(moved.lattice.matrix @ strain @ rotation), moved.species, moved.frac_coords)
    found = ALLOY.map(strained)
    np.testing.assert_allclose(found.displacements, np.linalg.norm(made, axis=1), atol=1e-6)
    assert found.displacement == found.displacements.max()
