"""A model of structures in many cells against an energy that is a sum over neighbours."""

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.mapping import ParentLattice
from matganip.errors import InputError
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.learning.aliased_columns import told_apart
from matganip.learning.shared_columns import SharedColumns

FCC = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Ag"], [[0, 0, 0]])
SRTIO3 = mg.perovskite("SrTiO3", a=3.905)


def energy_of(structure, pair, radius):
    """eV: of every pair of atoms nearer than a radius, by their species, and of every atom."""
    centres, points, _, _ = structure.get_neighbor_list(radius)
    symbols = [site.specie.symbol for site in structure]
    pairs = sum(pair.get(frozenset((symbols[i], symbols[j])), 0.0) for i, j in zip(centres, points, strict=True))
    return 0.5 * pairs + sum(pair.get(symbol, 0.0) for symbol in symbols)


def drawn(parent, cells, number):
    """Structures of many cells and compositions."""
    found = []
    for seed, (cell, substitutions) in enumerate(cells):
        space = mg.ConfigurationSpace(parent, cell, substitutions)
        found += [space.structure(one) for one in space.sample_orbits(number, seed=seed).occupations]
    return found


@pytest.fixture(scope="module")
def alloy():
    cells = [((2, 1, 1), {"Ag": {"Pd": n}}) for n in range(1, 8)] + [
        (cell, {"Ag": {"Pd": n}}) for cell in ((2, 2, 1), (3, 2, 1), (2, 2, 2)) for n in (3, 5, 8)
    ]
    structures = drawn(FCC, cells, 8)
    pair = {frozenset(("Ag", "Pd")): -0.04, frozenset(("Pd",)): 0.01, "Pd": -3.0, "Ag": -2.0}
    labels = mg.LabelledStructures.of(structures, [energy_of(one, pair, 3.0) for one in structures])
    space = mg.ConfigurationSpace(FCC, (1, 1, 1), {"Ag": {"Pd": 0}})
    return mg.train(space, labels, train_size=0.7, seed=1), pair


def test_neighbours_are_learned_from_cells_of_all_sizes(alloy):
    model, _ = alloy
    test = model.training.parts[1].judgement.weighted
    assert test.mae < 0.01 < 10.0 < test.baseline_mae
    weighted, plain = model.training["test"].judgement.composition_mean
    assert weighted == plain > 0.1
    assert model.training["test"].judgement.spread is not None


def test_it_speaks_of_a_cell_that_it_never_saw(alloy, tmp_path):
    model, pair = alloy
    model.save(tmp_path)
    again = mg.load(tmp_path)
    space = mg.ConfigurationSpace(FCC, (2, 2, 2), {"Ag": {"Pd": 8}})
    batch = space.sample_orbits(5, seed=3)
    structures = [space.structure(one) for one in batch.occupations]
    expected = [energy_of(one, pair, 3.0) for one in structures]
    assert np.allclose(again.predict(batch).energy, expected, atol=1e-3)
    assert np.allclose(again.predict_structures(structures).energy, expected, atol=1e-3)
    assert again.remark(space) == ""
    far = mg.ConfigurationSpace(FCC, (4, 4, 4), {"Ag": {"Pd": 255}})
    assert "256 sites (trained on" in again.remark(far)
    assert "99.6% Pd on Ag (trained on" in again.remark(far)
    assert "0.4% Ag on Ag (trained on" in again.remark(far)


def test_vacancies_and_two_sublattices():
    cells = [
        (cell, {"O": {"vac": v}, "Ti": {"Fe": f}})
        for cell in ((2, 1, 1), (2, 2, 1), (3, 1, 1))
        for v in (0, 1, 2)
        for f in (0, 1, 2)
    ]
    structures = drawn(SRTIO3, cells, 4)
    pair = {frozenset(("Fe", "O")): -0.3, frozenset(("Ti", "O")): -0.5, "Fe": -8.0, "Ti": -9.0, "O": -4.0, "Sr": -1.0}
    labels = mg.LabelledStructures.of(structures, [energy_of(one, pair, 2.2) for one in structures])
    space = mg.ConfigurationSpace(SRTIO3, (2, 1, 1), {"O": {"vac": 1}, "Ti": {"Fe": 1}})
    model = mg.train(space, labels, train_size=0.7)
    test = model.training.parts[1].judgement.weighted
    assert test.mae < 0.05 < 10.0 < test.baseline_mae


def test_structures_that_do_not_fit_are_left_out_and_told(alloy):
    del alloy
    structures = drawn(FCC, [((2, 1, 1), {"Ag": {"Pd": n}}) for n in range(1, 5)], 4)
    stranger = Structure(Lattice.cubic(4.0), ["Au"], [[0, 0, 0]])
    labels = mg.LabelledStructures.of([*structures, stranger], np.arange(len(structures) + 1.0))
    space = mg.ConfigurationSpace(FCC, (1, 1, 1), {"Ag": {"Pd": 0}})
    model = mg.train(space, labels, train_size=0.5)
    assert len(model.training.refused) == 1
    assert "holds Au" in str(model.training)
    with pytest.raises(InputError, match="1 of 2 structures fit"):
        mg.train(space, mg.LabelledStructures.of([structures[0], stranger], [1.0, 2.0]))


def test_a_model_of_one_supercell_refuses_other_cells():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    model = mg.train(space, "cspbi3_br/gpaw_mp2")
    with pytest.raises(InputError, match="knows one supercell"):
        model.predict_structures([space.structure(space.sample_orbits(1, seed=0).occupations[0])])


def test_pairs_that_one_cell_takes_for_nearer_ones_get_nothing():
    """Labels in one shape of cell only: a pair across the cell is there one of its neighbours again."""
    structures = drawn(SRTIO3, [((2, 2, 2), {"O": {"F": n}}) for n in (4, 8, 12, 18)], 12)
    pair = {frozenset(("O", "F")): -0.04, "O": -3.0, "F": -2.0}
    energies = [energy_of(one, pair, 5.6) for one in structures]  # wider than half of the cell
    space = mg.ConfigurationSpace(SRTIO3, (1, 1, 1), {"O": {"F": 0}})
    model = mg.train(space, mg.LabelledStructures.of(structures, energies))
    larger = drawn(SRTIO3, [((3, 3, 3), {"O": {"F": n}}) for n in (9, 27)], 3)
    expected = [energy_of(one, pair, 5.6) for one in larger]
    assert np.abs(model.predict_structures(larger).energy - expected).max() / 135 < 1e-6


def test_columns_that_are_told_apart_are_a_basis_of_all():
    space = mg.ConfigurationSpace(FCC, (1, 1, 1), {"Ag": {"Pd": 0}})
    shared = SharedColumns(space, SharedClusters.of(space, 9.0, 4.5))
    lattice = ParentLattice(space)
    structures = [lattice.map(one) for one in drawn(FCC, [((2, 2, 1), {"Ag": {"Pd": n}}) for n in range(1, 16)], 30)]
    known = told_apart(shared, structures)
    table = np.array([shared.of(one) for one in structures])
    table -= table.mean(axis=0)
    assert np.linalg.matrix_rank(table) == np.linalg.matrix_rank(table[:, known]) == known.sum() < len(known)
    for column in np.flatnonzero(~known):  # what is left out depends on columns of shorter distances
        nearer = known & (shared.clusters.distance < shared.clusters.distance[column] + 1e-4)
        assert np.linalg.matrix_rank(table[:, nearer]) == np.linalg.matrix_rank(
            np.column_stack([table[:, nearer], table[:, column]])
        )
