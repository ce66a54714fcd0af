"""A ranking puts labels beside a screen: every orbit once, lowest first, ties in the order of their occupations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.learning.model import Model
from matganip.learning.representation import GraphRepresentation
from matganip.learning.scoring import GraphScorer
from matganip.screening.ranking import rank, write_ranking
from matganip.screening.run import screen

PARENT = mg.perovskite("CsPbI3", a=6.289)
SPACE = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 3}})
ORBITS = next(iter(SPACE.orbits()))
LABELS = "cspbi3_br/chgnet_X6of24"


@pytest.fixture(scope="module")
def model(model_folder) -> Model:
    return Model.of(model_folder)


@pytest.fixture(scope="module")
def ranking(model):
    return rank(screen(model, top=603, cascade=False), model, LABELS)


def test_every_orbit_once_and_lowest_first(model, ranking):
    orbits = next(iter(model.space().orbits()))
    assert sorted(ranking.orbit.tolist()) == list(range(603))
    assert ranking.multiplicity.sum() == 134_596
    assert (np.diff(ranking.prediction) >= 0).all()
    np.testing.assert_array_equal(orbits.occupations[ranking.orbit], ranking.occupations)
    np.testing.assert_allclose(ranking.relative, (ranking.prediction - ranking.prediction[0]) * 1000 / 40)


def test_labels_stand_beside_their_orbits(model, ranking):
    labelled = mg.read_labels(LABELS).join(model.space())
    known = dict(zip(map(bytes, labelled.occupations), labelled.energy.tolist(), strict=True))
    assert ranking.label.tolist() == [known[bytes(row)] for row in ranking.occupations]


def test_only_a_screen_for_the_lowest_is_ranked(model):
    with pytest.raises(InputError, match="screen for the lowest"):
        rank(screen(model, select="highest", top=5, cascade=False), model, LABELS)


class Rounding:
    """A predictor whose energies differ by noise alone."""

    baseline, reads_features, per_site = 0.0, False, False

    def predict(self, matrices: np.ndarray) -> np.ndarray:
        return np.round(-3.17 + np.random.default_rng(0).normal(scale=1e-11, size=len(matrices)), 12)


def test_predictions_that_differ_by_noise_are_ties():
    scorer = GraphScorer(GraphRepresentation(mg.LatticeDiffraction(SPACE), 10), Rounding())
    assert len(set(scorer.predict(scorer.features(ORBITS.occupations)).energy.tolist())) == 1


class Diverged(Rounding):
    def predict(self, matrices: np.ndarray) -> np.ndarray:
        return np.full(len(matrices), np.nan)


def test_a_model_that_diverged_is_named():
    scorer = GraphScorer(GraphRepresentation(mg.LatticeDiffraction(SPACE), 10), Diverged())
    with pytest.raises(InputError, match="the model predicts nan"):
        scorer.predict(scorer.features(ORBITS.occupations))


@pytest.mark.parametrize("scaling", ["unit", "paper"])
def test_the_representation_is_the_graph_of_the_first_peaks(scaling: str):
    diffraction = mg.LatticeDiffraction(SPACE)
    represent = GraphRepresentation(diffraction, 10, scaling)
    peaks = diffraction.peaks(ORBITS.occupations)
    expected = mg.graph_matrix(peaks, n_peaks=10, scaling=scaling)
    np.testing.assert_array_equal(represent(ORBITS.occupations), expected)


def test_a_ranking_is_written_with_its_labels_and_the_same_bytes(model, ranking, tmp_path):
    for name in ("a.parquet", "b.parquet"):
        write_ranking(tmp_path / name, ranking, {"calculator": "CHGNet"})
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    table = pq.read_table(tmp_path / "a.parquet")
    assert table["rank"].to_pylist() == list(range(1, 604))
    assert table["label_eV"].null_count == 0
    assert table["relative_meV_per_atom"].to_pylist() == ranking.relative.tolist()
    assert table.schema.metadata[b"calculator"] == b"CHGNet"


def test_a_ranking_tells_how_far_off_its_predictions_may_be(ranking):
    sure = replace(ranking, deviation=np.full(len(ranking), 0.004), lowest=None, check=None)  # 0.1 meV/atom
    (table,) = sure.tables()
    assert table.columns[5] == "±"
    assert {row[5] for row in table.rows} == {"0.100"}
    near = int((ranking.relative[1:20] <= 0.1 * 2**0.5).sum())
    assert f"{near} of the 19 that follow the first" in sure.sentences()[0]
    assert sure.to_dict()["ranking"][0]["deviation_meV_per_atom"] == pytest.approx(0.1)
