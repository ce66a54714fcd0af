"""Contributions of peaks: they sum to the prediction, name the peak that matters, and agree with plain differences."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.learning.dataset import Dataset
from matganip.learning.networks import Graphs
from matganip.learning.saliency import Saliency, Vertices, feature_maps, saliency

RNG = np.random.default_rng(1)
VERTICES = Vertices(np.linspace(0.05, 0.5, 8), 0.3 + 0.05 * RNG.random((40, 8)))
SIZES = RNG.integers(1, 9, 40)
TARGET = 2.0 * VERTICES.intensity[:, 2] - VERTICES.intensity[:, 5]


@pytest.fixture(scope="module")
def model():
    made = mg.Matganip(mg.MatganipConfig(n_peaks=8, epochs=300, objective="supervised"))
    made.fit(Dataset(VERTICES.matrices(), TARGET, SIZES, unit="eV"))
    return made


def test_contributions_sum_to_the_prediction(model):
    found = saliency(model, VERTICES, SIZES, steps=64)
    predicted = model.predict(VERTICES.matrices())
    np.testing.assert_allclose(
        found.contribution.sum(axis=1) + found.baseline, predicted, atol=2e-3 * np.ptp(predicted)
    )


def test_the_peaks_that_matter_come_out(model):
    found = saliency(model, VERTICES, SIZES)
    assert set(np.argsort(-found.importance)[:2].tolist()) == {2, 5}
    assert found.share[[2, 5]].sum() > 0.8
    assert found.share.sum() == pytest.approx(1.0)
    deviation = VERTICES.intensity[:, 2] - np.average(VERTICES.intensity[:, 2], weights=SIZES)
    assert np.corrcoef(found.contribution[:, 2], deviation)[0, 1] > 0.99


def test_gradients_are_those_of_small_differences(model):
    """The twin: change one intensity a little, build the matrices anew, and predict."""
    from matganip.learning.saliency import _gradient

    point = VERTICES.intensity[:3]
    gradient = _gradient(model, VERTICES.position, point)
    step = 1e-3
    for peak in range(8):
        up, down = point.copy(), point.copy()
        up[:, peak] += step
        down[:, peak] -= step
        higher, lower = (model.predict(Vertices(VERTICES.position, i).matrices()) for i in (up, down))
        np.testing.assert_allclose(gradient[:, peak], (higher - lower) / (2 * step), atol=0.03 * np.abs(gradient).max())


def test_vertices_make_the_matrices_of_the_engine():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    rows = space.sample_orbits(5).occupations
    for options in ({}, {"domain": "patterson", "cutoff": 9.0}):
        peaks = mg.LatticeDiffraction(space, **options).peaks(rows)
        for scaling in ("unit", "paper"):
            made = Vertices.of(peaks, 12, scaling).matrices()
            np.testing.assert_allclose(made, mg.graph_matrix(peaks, n_peaks=12, scaling=scaling), rtol=1e-5, atol=1e-6)


def test_another_unit_scales_all():
    found = Saliency(np.array([[1.0, -2.0]]), np.array([3.0]), 4.0, "eV").scaled(1000.0, "meV")
    assert (found.contribution.tolist(), found.baseline, found.unit) == ([[1000.0, -2000.0]], 4000.0, "meV")


def test_a_set_that_does_not_vary_rests_on_nothing(model):
    same = Vertices(VERTICES.position, np.repeat(VERTICES.intensity[:1], 3, axis=0))
    assert saliency(model, same).importance.max() < 1e-12
    assert Saliency(np.zeros((2, 3)), np.ones(2), 0.0, "").share.tolist() == [0.0] * 3


def test_feature_maps_are_what_the_network_computes(model):
    import torch

    matrices = VERTICES.matrices()[:3]
    first, second = feature_maps(model, matrices)
    assert (first.shape[0], first.shape[2:], second.shape[2:]) == (3, (8, 8), (4, 4))
    graphs = Graphs.of(matrices[:, None], model._inputs, torch.device("cpu"))
    with torch.no_grad():
        conv1 = torch.relu(model.generator.conv1(graphs.matrices))
        conv2 = torch.relu(model.generator.conv2(model.generator.pool(conv1)))
    np.testing.assert_allclose(first, conv1.numpy(), atol=1e-5)
    np.testing.assert_allclose(second, conv2.numpy(), atol=1e-5)
    assert not model.generator.conv1._forward_hooks


def test_what_does_not_fit_is_refused(model):
    with pytest.raises(InputError, match="8 peaks"):
        saliency(model, Vertices(np.zeros(6), np.zeros((2, 6))))
    with pytest.raises(InputError, match="weight must have one value for each of the 40"):
        saliency(model, VERTICES, [1.0, 2.0])
    with pytest.raises(InputError, match="no graph"):
        saliency(model, Vertices(np.zeros(8), np.zeros((0, 8))))
    with pytest.raises(InputError, match="not fitted"):
        saliency(mg.Matganip(mg.MatganipConfig(n_peaks=8)), VERTICES)
    with pytest.raises(InputError, match="the matrices have 6 peaks"):
        feature_maps(model, np.zeros((1, 6, 6)))
