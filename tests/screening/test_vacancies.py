"""An oxide with vacancies, from training to thermodynamics: energies are those of the labels, atoms are not sites."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

import matganip as mg
from matganip.labels.labelled import Labelled
from matganip.screening.reading import read_screen
from matganip.thermodynamics.sums import BOLTZMANN, CanonicalSums

TEMPERATURES = (300.0, 1000.0)


@pytest.fixture(scope="module")
def oxide() -> mg.ConfigurationSpace:
    return mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 4}})


@pytest.fixture(scope="module")
def labelled(oxide) -> Labelled:
    """Every orbit, by pairs of vacancies that repel each other on a background of -8 eV an atom."""
    batch = next(oxide.orbits())
    frame = oxide.supercell_structure
    far = frame.distance_matrix[np.ix_(oxide.site_indices, oxide.site_indices)]
    pairs = np.where(far > 0, 0.3 * np.exp(-far / 3.0), 0.0)
    vacant = (batch.occupations == oxide.species[0].index("vac")).astype(float)
    energy = -8.0 * oxide.n_atoms + 0.5 * ((vacant @ pairs) * vacant).sum(axis=1)
    return Labelled(batch.occupations, batch.multiplicity, energy, "toy", oxide.n_atoms, 0)


@pytest.fixture(scope="module")
def model(oxide, labelled):
    return mg.train(oxide, labelled, network={"epochs": 2, "objective": "supervised", "readout_fit": "ridge"})


@pytest.fixture(scope="module")
def screened(model, oxide):
    return mg.screen(model, oxide, top=10_000, temperatures=TEMPERATURES, cascade=False)


def test_atoms_are_not_sites(oxide):
    assert (len(oxide.supercell_structure), oxide.n_atoms) == (40, 36)


def test_the_energies_of_a_screen_are_the_labels(screened, labelled):
    known = dict(zip(map(bytes, labelled.occupations), labelled.energy.tolist(), strict=True))
    wanted = np.array([known[bytes(row)] for row in screened.winners.occupations])
    assert len(screened) == len(labelled)
    np.testing.assert_allclose(screened.energy[:, 0], wanted, atol=1e-4)
    np.testing.assert_allclose(screened.relative, (wanted - wanted[0]) * 1000 / 36, atol=3e-3)


def test_boltzmann_weights_are_those_of_the_labels(model, oxide, screened, labelled):
    exact = CanonicalSums(TEMPERATURES)
    exact.add(labelled.energy, labelled.multiplicity)
    wanted = exact.result(36)
    for found in (mg.thermo(screened), mg.thermo(model, oxide, TEMPERATURES)):
        assert found.functions.n_atoms == 36
        assert found.to_dict()["atoms"] == 36
        np.testing.assert_allclose(found.functions.free_energy, wanted.free_energy, atol=1e-4)
        np.testing.assert_allclose(found.functions.energy, wanted.energy, atol=1e-4)
        np.testing.assert_allclose(found.functions.heat_capacity, wanted.heat_capacity, rtol=1e-3)
    above = labelled.energy - labelled.energy.min()
    weight = labelled.multiplicity * np.exp(-above / (BOLTZMANN * 300.0))
    first = screened.probability[0, 0]
    lowest = labelled.occupations.tolist().index(screened.winners.occupations[0].tolist())
    assert first == pytest.approx(weight[lowest] / weight.sum(), rel=1e-2)


def test_what_is_stored_counts_atoms(model, oxide, tmp_path):
    mg.screen(model, oxide, folder=tmp_path / "screen", keep="all", cascade=False, n_shards=4)
    found = read_screen(tmp_path / "screen")
    assert found.header["space"]["atoms"] == 36
    table = pq.read_table(tmp_path / "screen/winners.parquet")
    energy = table["prediction_eV"].to_numpy()
    np.testing.assert_allclose(table["relative_meV_per_atom"].to_numpy(), (energy - energy[0]) * 1000 / 36, atol=1e-9)
    assert mg.thermo(tmp_path / "screen", temperatures=[500.0]).functions.n_atoms == 36
    model.predict(oxide, output=tmp_path / "predictions.parquet")
    of_table = mg.thermo(tmp_path / "predictions.parquet", temperatures=[500.0])
    assert of_table.functions.n_atoms == 36
    of_model = mg.thermo(model, oxide, [500.0]).functions.free_energy
    np.testing.assert_allclose(of_table.functions.free_energy, of_model, rtol=1e-12)


def test_mixing_energies_are_per_atom_of_the_parent(model, oxide):
    series = [oxide.with_substitutions({"O": {"vac": n}}) for n in (4, 3)]
    lowest = [mg.thermo(model, space, [300.0]).functions.ground / 40 for space in series]
    found = mg.mixing(model, series)
    assert found.species == "vac on O"
    assert found.lowest.energy.tolist() == [lowest[1], lowest[0]]
