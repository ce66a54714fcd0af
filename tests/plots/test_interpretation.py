"""What a network looks at."""

from __future__ import annotations

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.learning.saliency import Saliency
from matganip.plots.interpretation import feature_map_grid, saliency_bars, saliency_map

RNG = np.random.default_rng(7)
SALIENCY = Saliency(
    RNG.normal(size=(30, 6)) * [1, 5, 1, 1, 0, 2], RNG.integers(1, 9, 30).astype(float), 0.0, "meV/atom"
)
NAMES = [f"peak {k}" for k in range(6)]


def test_feature_maps_are_a_grid_without_the_silent_ones(ax):
    maps = RNG.random((10, 6, 6)).astype(np.float32)
    maps[3] = 0.0
    feature_map_grid(maps, n_columns=4, title="Conv1", ax=ax)
    assert ax.get_title(loc="left") == "Conv1 (1 of 10 maps are silent here)"
    drawn = ax.images[0].get_array()
    assert drawn.shape == (3 * 7 - 1, 4 * 7 - 1)
    strongest = int(maps.reshape(10, -1).std(axis=1).argmax())
    np.testing.assert_allclose(drawn[:6, :6], maps[strongest])
    with pytest.raises(InputError, match="feature maps must have shape"):
        feature_map_grid(maps[0], ax=ax)


def test_saliency_bars_come_in_order_and_the_rest_is_summed(ax):
    saliency_bars(SALIENCY.importance, NAMES, top=2, ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["peak 1", "peak 5", "the other 4"]
    assert [text.get_text().strip() for text in ax.texts[:2]] == [f"{SALIENCY.share[k]:.0%}" for k in (1, 5)]
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(SALIENCY.importance.sum())
    assert ax.get_xlabel() == "mean |contribution|, meV/atom"


def test_the_saliency_map_is_sorted_by_the_prediction(ax):
    prediction = RNG.normal(size=30)
    saliency_map(SALIENCY.contribution, prediction, NAMES, ax=ax)
    np.testing.assert_array_equal(ax.images[0].get_array(), SALIENCY.contribution[np.argsort(prediction)])
    low, high = ax.images[0].get_clim()
    assert low == -high


def test_names_that_do_not_fit_the_peaks_are_refused(ax):
    with pytest.raises(InputError, match="5 names for 6 peaks"):
        saliency_bars(SALIENCY.importance, NAMES[:5], ax=ax)
    with pytest.raises(InputError, match="for 30 arrangements of 6 peaks"):
        saliency_map(SALIENCY.contribution, np.zeros(29), NAMES, ax=ax)


@pytest.mark.parametrize("size", [np.inf, np.nan, 1e305])
def test_contributions_without_a_place_on_an_axis_are_refused(size, ax):
    with pytest.raises(InputError, match="cannot be drawn"):
        saliency_bars(np.full(6, size), NAMES, ax=ax)
    with pytest.raises(InputError, match="cannot be drawn"):
        saliency_map(np.full((30, 6), size), np.zeros(30), NAMES, ax=ax)
