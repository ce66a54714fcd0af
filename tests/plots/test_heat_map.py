"""Two quantities in one map of split squares."""

from __future__ import annotations

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.plots.heat_map import pearson, split_heat_map

RNG = np.random.default_rng(7)


def test_pearson_is_numpys():
    x, y = RNG.normal(size=(2, 20))
    assert pearson(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert np.isnan(pearson(x, np.ones(20)))
    assert np.isnan(pearson(x[:2], y[:2]))


def test_the_heat_map_splits_every_square_and_writes_the_correlations(ax):
    energy, factor = RNG.random((2, 4, 5))
    energy[1, 2] = np.nan
    split_heat_map(energy, factor, list("abcd"), list("vwxyz"), ax=ax)
    upper, lower = (c for c in ax.collections if c.get_array() is not None)
    np.testing.assert_array_equal(upper.get_array(), energy[np.isfinite(energy)])
    np.testing.assert_array_equal(lower.get_array(), factor.ravel())
    first = upper.get_paths()[0].vertices[:3]
    assert (first - 0.5).sum(axis=1).max() < 0.01  # the triangle above the diagonal from lower left to upper right
    texts = [text.get_text() for text in ax.texts]
    row = np.corrcoef(energy[0], factor[0])[0, 1]
    column = np.corrcoef(energy[:, 4], factor[:, 4])[0, 1]
    for value in (row, column):
        assert f"{value:+.2f}".replace("-", "−") in texts
    assert len(texts) == 4 + 5 + 2


def test_a_map_of_another_shape_is_refused(ax):
    with pytest.raises(InputError, match="4 rows and 5 columns are named"):
        split_heat_map(np.zeros((4, 5)), np.zeros((5, 4)), list("abcd"), list("vwxyz"), ax=ax)
