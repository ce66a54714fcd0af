from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matganip.errors import InputError
from matganip.learning.dataset import Dataset
from matganip.learning.scaling import GraphScaler, Scaler, TargetScaler, vertex_strengths


def test_elements_get_weighted_mean_0_and_deviation_1(graphs):
    scaler = GraphScaler.fit(graphs)
    for values, one in (
        (graphs.matrices, scaler.matrices),
        (vertex_strengths(graphs.matrices), scaler.strengths),
    ):
        scaled = one.transform(values).astype(np.float64)
        varies = np.isfinite(one.scale)
        mean = np.average(scaled, axis=0, weights=graphs.weight)
        square = np.average(scaled**2, axis=0, weights=graphs.weight)
        np.testing.assert_allclose(mean[varies], 0.0, atol=2e-4)
        np.testing.assert_allclose(square[varies], 1.0, rtol=2e-4)


def test_it_is_the_same_as_of_the_repeated_rows():
    values = np.random.default_rng(0).random((4, 1, 3, 3)).astype(np.float32)
    weight = np.array([1.0, 2.0, 3.0, 4.0])
    repeated = np.repeat(values, weight.astype(int), axis=0).astype(np.float64)
    scaler = Scaler.fit(values, weight)
    np.testing.assert_allclose(scaler.mean, repeated.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scaler.scale, repeated.std(axis=0), rtol=1e-12)


def test_elements_that_vary_by_rounding_alone_become_0():
    values = np.full((3, 1, 2, 2), 0.7, dtype=np.float32)
    values[:, 0, 0, 0] += np.array([0, 1, 2], dtype=np.float32) * np.finfo(np.float32).eps
    values[:, 0, 1, 1] = [0.0, 0.5, 1.0]
    scaled = Scaler.fit(values, np.ones(3)).transform(values + np.float32(0.1))
    assert np.isfinite(scaled).all()
    np.testing.assert_array_equal(scaled[:, 0, [0, 0, 1], [0, 1, 0]], 0.0)
    assert scaled[:, 0, 1, 1].std() == pytest.approx(1.0, rel=1e-5)


def test_padding_with_zeros_stays_zero():
    values = np.zeros((5, 1, 4, 4), dtype=np.float32)
    np.testing.assert_array_equal(Scaler.fit(values, np.ones(5)).transform(values), 0.0)


def test_vertex_strengths_are_the_row_sums():
    a = np.array([[[[1.0, 2.0], [2.0, 5.0]]]], dtype=np.float32)
    np.testing.assert_array_equal(vertex_strengths(a), [[[3.0, 7.0]]])


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=20).filter(lambda v: np.ptp(v) > 1e-6),
    st.integers(0, 2**31),
)
def test_targets_survive_the_round_trip(values, seed):
    target = np.array(values)
    weight = np.random.default_rng(seed).integers(1, 100, len(target))
    scaler = TargetScaler.fit(Dataset(np.zeros((len(target), 4, 4)), target, weight))
    scaled = scaler.transform(target)
    assert np.average(scaled, weights=weight) == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(scaler.inverse(scaled), target, rtol=1e-12, atol=1e-9)


def test_equal_targets_are_refused():
    with pytest.raises(InputError, match="all 3 targets of the training set are -126.8 eV: there is nothing"):
        TargetScaler.fit(Dataset(np.zeros((3, 4, 4)), [-126.8] * 3, weight=[1, 2, 5], unit="eV"))
