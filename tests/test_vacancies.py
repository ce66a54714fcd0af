"""An oxide with vacancies through the whole house: energies are those of the labels at every step."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.configurations.codec import occupation_texts
from matganip.labels.tables import LabelTable

BOLTZMANN = 8.617333262e-5
"""eV/K."""


def toy_energy(space: mg.ConfigurationSpace, occupations: np.ndarray) -> np.ndarray:
    """Total energies in eV: 8 eV an atom, and vacancies that repel each other by pairs."""
    frame, sites = space.supercell_structure, space.site_indices
    distance = frame.lattice.get_all_distances(frame.frac_coords[sites], frame.frac_coords[sites])
    repulsion = np.where(distance > 0.1, np.exp(-distance / 2.0), 0.0)
    vacant = (occupations == space.species[0].index("vac")).astype(float)
    return -8.0 * space.n_atoms + 0.5 * np.einsum("ni,ij,nj->n", vacant, repulsion, vacant)


def labels_of(space: mg.ConfigurationSpace) -> LabelTable:
    batch = next(space.orbits())
    energy = toy_energy(space, batch.occupations)
    return LabelTable("toy", "toy pairs", energy, occupation_texts(batch.occupations), batch.multiplicity)


@pytest.fixture(scope="module")
def space() -> mg.ConfigurationSpace:
    return mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 4}})


@pytest.fixture(scope="module")
def table(space) -> LabelTable:
    return labels_of(space)


@pytest.fixture(scope="module")
def model(space, table) -> mg.Model:
    diffraction = {"cutoff": 8.0, "n_peaks": 12}
    network = {"readout_fit": "linear", "epochs": 3, "objective": "supervised", "correction_gain": 0.0}
    return mg.train(space, table, diffraction=diffraction, network=network, train_size=60)


def test_atoms_are_sites_less_vacancies(space, table):
    labelled = table.join(space)
    assert (len(space.supercell_structure), space.n_atoms, labelled.n_atoms) == (40, 36, 36)
    np.testing.assert_allclose(labelled.per_atom * 36, labelled.energy)


def test_training_and_evaluation_are_in_the_units_of_the_labels(table, model):
    tested = model.evaluate(table).unseen
    assert len(tested) == 20
    energy = table.join(model.own_space).energy
    assert set(np.round(tested.calculated, 6)) <= set(np.round(energy / 36 * 1000, 6))
    assert tested.metrics.mae < 1e-3 < tested.metrics.baseline_mae
    assert model.training["test"].metrics.mae == pytest.approx(tested.metrics.mae)


def test_predictions_are_the_labels(space, table, model):
    found, labelled = model.predict(space), table.join(space)
    np.testing.assert_array_equal(found.n_atoms, 36)
    np.testing.assert_allclose(found.energy, labelled.energy, atol=1e-4)
    structures = list(mg.ConfigurationBatch(space, labelled.occupations[:3], labelled.multiplicity[:3]).structures())
    assert {len(structure) for structure in structures} == {36}
    np.testing.assert_allclose(model.predict(structures).energy, labelled.energy[:3], atol=1e-4)


def test_a_structure_of_another_composition_has_its_own_number_of_atoms(model):
    other = model.space(substitutions={"O": {"vac": 2}})
    structure = next(next(other.orbits()).structures())
    found = model.predict([structure])
    assert found.n_atoms.tolist() == [38]
    np.testing.assert_allclose(found.energy, found.per_atom * 38)


def test_a_screen_ranks_by_energies_of_the_supercell(space, table, model, tmp_path):
    labelled = table.join(space)
    for found in (mg.screen(model, space, top=80), mg.screen(model, space, top=80, folder=tmp_path / "screen")):
        np.testing.assert_allclose(found.energy[:, 0], np.sort(labelled.energy), atol=1e-4)
        np.testing.assert_allclose(found.relative, (found.energy[:, 0] - found.energy[0, 0]) * 1000 / 36)
        assert found.n_configurations == 10626


def test_thermodynamics_are_those_of_the_labels(space, table, model, tmp_path):
    labelled, temperature = table.join(space), 700.0
    low = labelled.energy.min()
    weight = labelled.multiplicity * np.exp(-(labelled.energy - low) / (BOLTZMANN * temperature))
    mean = float(np.average(labelled.energy, weights=weight))
    free = low - BOLTZMANN * temperature * np.log(weight.sum())
    screened = mg.screen(model, space, temperatures=[temperature], folder=tmp_path / "screen")
    for source in (model, screened, tmp_path / "screen"):
        found = mg.thermo(source, temperatures=[temperature]).to_dict()
        assert found["atoms"] == 36
        assert found["U_eV"] == pytest.approx([mean], abs=2e-4)
        assert found["F_eV"] == pytest.approx([free], abs=2e-4)


def test_a_search_finds_the_lowest_label(space, table, model):
    found = mg.search(model, space, seed=0, max_scored=80)
    assert found.to_dict()["best"][0]["prediction_eV"] == pytest.approx(float(table.energy.min()), abs=1e-4)


def test_several_vacancy_contents_are_learned_together(space):
    """Labels of 2 and 4 vacancies: each row is divided by the atoms that it has."""
    other = space.with_substitutions({"O": {"vac": 2}})
    model = mg.train(
        [space, other],
        [labels_of(space), labels_of(other)],
        diffraction={"cutoff": 8.0, "n_peaks": 12},
        network={"readout_fit": "linear", "epochs": 2, "objective": "supervised", "correction_gain": 0.0},
    )
    for one in (space, other):
        found = model.predict(one)
        np.testing.assert_allclose(found.energy, toy_energy(one, found.occupations), atol=0.05)
