from __future__ import annotations

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.learning.dataset import Dataset

MATRICES = np.arange(2 * 16, dtype=np.float32).reshape(2, 4, 4)


def test_a_missing_channel_is_added_and_defaults_are_filled_in():
    data = Dataset(MATRICES, [1.0, 2.0])
    assert data.matrices.shape == (2, 1, 4, 4)
    assert data.matrices.dtype == np.float32
    assert data.target.dtype == np.float64
    np.testing.assert_array_equal(data.weight, [1.0, 1.0])
    np.testing.assert_array_equal(data.group, [0, 1])


def test_the_constant_is_the_weighted_mean():
    assert Dataset(MATRICES, [1.0, 2.0], weight=[3, 1]).baseline == 1.25


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": [1.0, np.nan]}, "row 1: its target is not a finite number"),
        ({"target": [1.0]}, "target must have one value for each of the 2 matrices"),
        ({"weight": [1, 0]}, "row 1: its weight is not a positive number"),
        ({"weight": [np.inf, 1]}, "row 0: its weight is not a positive number"),
        ({"matrices": np.full((2, 4, 4), np.nan)}, r"row 0: its matrix holds .* \(2 such rows\)"),
        ({"matrices": np.zeros((2, 4, 5))}, r"matrices must have shape \(n, p, p\)"),
        ({"matrices": np.zeros((0, 4, 4)), "target": []}, "at least one row"),
        ({"group": [[0, 1]]}, "group must have one value"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        Dataset(**{"matrices": MATRICES, "target": [1.0, 2.0]} | change)


def test_an_empty_subset_is_refused():
    with pytest.raises(InputError, match="empty"):
        Dataset(MATRICES, [1.0, 2.0]).subset([False, False])


def test_equal_rows_collapse_into_their_summed_weight():
    rows = [0, 1, 0, 0, 1]
    data = Dataset(MATRICES[rows], np.array([1.0, 2.0])[rows], weight=[1, 2, 3, 4, 5], group=rows, unit="eV")
    small = data.collapsed()
    np.testing.assert_array_equal(small.weight, [8.0, 7.0])
    np.testing.assert_array_equal(small.target, [1.0, 2.0])
    np.testing.assert_array_equal(small.matrices[:, 0], MATRICES)
    assert (small.unit, small.baseline) == ("eV", pytest.approx(data.baseline, rel=1e-15))


def test_rows_that_differ_in_their_target_alone_stay_apart():
    data = Dataset(MATRICES[[0, 0]], [1.0, 2.0], group=[0, 0])
    assert data.collapsed() is data
