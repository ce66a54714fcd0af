"""Ewald energies against pymatgen's sum, and as a linear function of charge-weighted pair sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg
from matganip.features.lattice.ewald import EwaldSum


def summed(structure: Structure, accuracy: float = 14.0) -> float:
    return float(EwaldSummation(structure, acc_factor=accuracy).total_energy)


def decorated(structure: Structure, states: dict[str, float]) -> Structure:
    return structure.copy().add_oxidation_state_by_element(
        {str(element): states[str(element)] for element in structure.composition.elements}
    )


SPACES = {
    "two metals": (("CsPbI3", 6.289), (2, 2, 2), {"Pb": {"Bi": 2, "vac": 1}}, {"Cs": 1, "Pb": 2, "I": -1, "Bi": 3}),
    "charged": (("SrTiO3", 3.905), (2, 2, 1), {"O": {"vac": 2, "F": 1}}, {"Sr": 2, "Ti": 4, "O": -2, "F": -1}),
    "a matrix": (
        ("BaTiO3", 4.0), ((1, 1, 0), (-1, 1, 0), (0, 1, 3)), {"Ti": {"Nb": 2}, "Ba": {"La": 1}},
        {"Ba": 2, "La": 3, "Ti": 4, "Nb": 5, "O": -2},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPACES)
def test_energies_are_those_of_pymatgen(name):
    (formula, a), cells, wanted, states = SPACES[name]
    space = mg.ConfigurationSpace(mg.perovskite(formula, a=a), cells, wanted)
    batch = space.sample_orbits(6, seed=2)
    ours = EwaldSum(space, states).energies(batch.occupations)
    theirs = [summed(decorated(structure, states)) for structure in batch.structures()]
    assert np.abs(ours / theirs - 1).max() < 1e-8
    assert np.abs(ours - theirs).max() < 1e-6


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 5))
def test_any_cell_and_charges(seed, n):
    rng = np.random.default_rng(seed)
    lattice = Lattice(np.diag(rng.uniform(3, 8, 3)) + rng.uniform(-1.5, 1.5, (3, 3)))
    positions = rng.uniform(size=(n, 3))
    structure = Structure(lattice, ["Na"] * (n - 1) + ["Cl"], positions)
    if structure.distance_matrix[np.triu_indices(n, 1)].min() < 0.8:
        return
    space = mg.ConfigurationSpace(structure, (2, 1, 1), {"Na": {"Mg": 1, "vac": 1}})
    states = {"Na": 1, "Mg": 2, "Cl": -2}
    batch = space.first_orbits(3)
    ours = EwaldSum(space, states).energies(batch.occupations)
    theirs = [summed(decorated(one, states)) for one in batch.structures()]
    assert np.allclose(ours, theirs, rtol=1e-8, atol=1e-7)


def test_two_states_of_one_element_and_the_states_of_the_file():
    corners = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    mixed = [{"Fe2+": 0.5, "Fe3+": 0.5}] * 4 + ["O2-"] * 4
    space = mg.ConfigurationSpace(
        Structure(Lattice.cubic(4.2), mixed, corners + [[x + 0.5, y, z] for x, y, z in corners]), (2, 1, 1)
    )
    ewald = EwaldSum(space)
    assert ewald.oxidation_states == {"Fe2+": 2.0, "O": -2.0, "Fe3+": 3.0}
    assert ewald.charge == 4.0
    batch = space.first_orbits(5)
    theirs = [summed(structure) for structure in batch.structures()]
    assert np.allclose(ewald.energies(batch.occupations), theirs, rtol=1e-8)


def test_the_energy_is_linear_in_charge_weighted_pair_sums():
    space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.9), (2, 2, 2), {"Ti": {"Al": 3, "Nb": 3}})
    batch = space.sample_orbits(300, seed=1)
    states = {"Al": 3.0, "Nb": 5.0, "Ti": 4.0}
    charges = np.array([states[name] for name in space.species[0]])[batch.occupations]
    pairs = np.array([(i, j) for i in range(8) for j in range(i + 1, 8)])
    images = np.sort(space.site_permutations[:, pairs], axis=2)
    classes = [min(map(tuple, images[:, k].tolist())) for k in range(len(pairs))]
    columns = np.stack(
        [
            sum(charges[:, i] * charges[:, j] for (i, j), c in zip(pairs, classes, strict=True) if c == name)
            for name in sorted(set(classes))
        ],
        axis=1,
    )
    assert columns.shape[1] == 3
    x = np.column_stack([np.ones(len(batch)), columns, (charges**2).sum(axis=1), charges.sum(axis=1)])
    energies = EwaldSum(space, states).energies(batch.occupations)
    fit = x @ np.linalg.lstsq(x, energies, rcond=None)[0]
    assert np.ptp(energies) > 1
    assert np.abs(fit - energies).max() < 1e-8


def test_what_cannot_be_summed_is_refused(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"Pb": {"He": 1}})
    with pytest.raises(mg.InputError, match=r"oxidation_states: give that of He \(He=...\)"):
        EwaldSum(space)
    assert EwaldSum(space, {"He": 0}).charge == -2
