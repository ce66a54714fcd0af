"""Widths of predictions: against errors of new rows, beside one width for all, and how many deviations hold a share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matganip.learning.calibration import COVERED, Residuals, calibrate
from matganip.learning.solving import Columns, Solver


def likelihood(error, width):
    return float(np.mean(np.log(width) + 0.5 * (error / width) ** 2))


@pytest.mark.parametrize("sharpness", [0.0, 0.5, 1.0, 2.0])
def test_how_far_errors_follow_the_posterior_is_found(sharpness):
    draw = np.random.default_rng(0)
    variance = draw.lognormal(size=4000)
    error = 0.02 * variance ** (0.5 * sharpness) * draw.normal(size=4000)
    found = calibrate(Residuals(error, variance))
    assert found.sharpness == sharpness
    assert found.width == pytest.approx(0.02 * found.typical ** (0.5 * sharpness), rel=0.05)
    assert (found.inner, found.outer) == pytest.approx((0.994, 1.96), rel=0.05)
    assert found.constant == pytest.approx(np.sqrt(np.mean(error**2)))


def test_settings_that_flatter_their_own_rows_are_widened_by_what_folds_show():
    draw = np.random.default_rng(1)
    own = Residuals(0.01 * draw.normal(size=500), np.ones(500))
    # Each fold expects 0.02 of rows left out and meets 0.06 on rows that had no part in it.
    ones = np.full(400, 7.0)
    folds = [
        (Residuals(0.02 * draw.normal(size=400), ones), Residuals(0.06 * draw.normal(size=100), ones[:100]))
        for _ in range(5)
    ]
    assert calibrate(own, folds).width == pytest.approx(0.03, rel=0.1)
    assert calibrate(own).width == pytest.approx(0.01, rel=0.1)


@settings(max_examples=25, deadline=None)
@given(st.integers(20, 60), st.integers(0, 10_000), st.floats(1e-3, 1e3))
def test_units_change_nothing_but_the_widths(n, seed, scale):
    draw = np.random.default_rng(seed)
    error, variance = draw.normal(size=n), draw.uniform(0.5, 4.0, n)
    one, other = calibrate(Residuals(error, variance)), calibrate(Residuals(scale * error, variance))
    assert one.sharpness == other.sharpness
    assert other.width == pytest.approx(scale * one.width)
    assert (other.inner, other.outer) == pytest.approx((one.inner, one.outer))


def test_new_rows_are_covered_and_more_likely_than_with_one_width():
    """Training rows near the middle, new ones everywhere, ten times: a posterior knows which are far."""
    gains, covered = [], []
    for seed in range(10):
        draw = np.random.default_rng(seed)
        x = 50.0 + 15.0 * draw.standard_t(4, size=(400, 4))
        y = 0.02 * np.sin(x[:, 0] / 9.0) + 1e-3 * x[:, 1] + 1e-4 * draw.normal(size=400)
        solver = Solver(x[:80], y[:80], np.ones(80), Columns(np.full(4, 2), np.zeros(4)))
        model = solver.solved(solver.best())
        mean, deviation = model.predict(x[80:])
        error = y[80:] - mean
        gains.append(likelihood(error, np.full(320, model.constant)) - likelihood(error, deviation))
        covered.append([np.mean(np.abs(error) <= k * deviation) for k in (model.inner, model.outer)])
    assert np.mean(gains) > 0.1
    assert np.mean(covered, axis=0) == pytest.approx(COVERED, abs=0.08)
