"""Box plots of errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matganip.errors import InputError
from matganip.plots.errors import Box, error_boxes

RNG = np.random.default_rng(7)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), min_size=1, max_size=30))
def test_a_weighted_box_is_that_of_the_rows_repeated(rows):
    values, weights = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    repeated = np.repeat(values, weights.astype(int))
    q1, median, q3 = np.quantile(repeated, [0.25, 0.5, 0.75], method="inverted_cdf")
    inside = repeated[(repeated >= q1 - 1.5 * (q3 - q1)) & (repeated <= q3 + 1.5 * (q3 - q1))]
    box = Box.of(values, weights)
    assert (box.first_quartile, box.median, box.third_quartile) == (q1, median, q3)
    assert (box.low, box.high) == (inside.min(), inside.max())
    assert box.mean == pytest.approx(repeated.mean())
    assert set(box.outliers) == set(repeated) - set(inside)


def test_error_boxes_draw_boxes_means_and_the_mean_baseline(ax):
    train, test = np.abs(RNG.normal(size=(2, 60)))
    error_boxes([("train", train, np.ones(60)), ("test", test, np.arange(1, 61))], baseline=4.0, ax=ax)
    assert ax.get_yscale() == "log"
    assert [label.get_text().split("\n")[0] for label in ax.get_xticklabels()] == ["train", "test"]
    crosses = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "x"]
    assert crosses == pytest.approx([train.mean(), np.average(test, weights=np.arange(1, 61))])
    assert any(set(line.get_ydata()) == {4.0} for line in ax.lines)
    assert len(ax.patches) == 2


def test_errors_of_zero_are_drawn_on_the_logarithmic_scale(ax):
    error_boxes([("train", np.zeros(5), np.ones(5)), ("test", np.array([0.0, 1.0]), np.ones(2))], ax=ax)


def test_errors_that_are_none_are_refused(ax):
    with pytest.raises(InputError, match="no errors to draw"):
        error_boxes([], ax=ax)
    with pytest.raises(InputError, match="is negative"):
        error_boxes([("a", np.array([-1.0, 1.0]), np.ones(2))], ax=ax)
    with pytest.raises(InputError, match="finite values"):
        Box.of([np.nan])
    with pytest.raises(InputError, match="one weight for each"):
        Box.of([1.0], [1.0, 2.0])
