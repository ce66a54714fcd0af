"""The fan of distributions, where truth falls in them, and how much intervals hold."""

from __future__ import annotations

import numpy as np

from matganip.plots.distributions import BINS, fan, pit_histogram, reliability

RNG = np.random.default_rng(0)
SAMPLES = RNG.normal(size=(12, 200)) + np.arange(12)[::-1, None]


def test_a_fan_has_its_rows_in_the_order_of_medians_and_the_labels_with_them(ax, lines):
    truth = np.arange(12.0)[::-1]
    assert fan(SAMPLES, truth, ax=ax) is ax
    assert (np.diff(lines(ax)["median"][:, 1]) > 0).all()
    np.testing.assert_array_equal(lines(ax)["label"][:, 1], np.arange(12))


def test_a_flat_histogram_is_at_one_whatever_the_weights(ax):
    pit = (np.arange(100) + 0.5) / 100
    pit_histogram(pit, np.full(100, 7.0), ax=ax)
    np.testing.assert_allclose([bar.get_height() for bar in ax.patches], np.ones(BINS))


def test_what_is_calibrated_lies_on_the_diagonal(ax, lines):
    pit = (np.arange(1000) + 0.5) / 1000
    reliability({"even": (pit, np.ones(1000))}, ax=ax)
    level, held = lines(ax)["even"].T
    np.testing.assert_allclose(held, level, atol=2e-3)
