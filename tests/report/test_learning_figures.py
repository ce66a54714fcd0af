"""Figures of a training, of errors, of two quantities in one map and of what a network looks at, read back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matganip.errors import InputError
from matganip.learning.config import OPTIMA
from matganip.learning.history import Progress, TrainingHistory
from matganip.learning.saliency import Saliency
from matganip.plots.errors import Box, error_boxes
from matganip.plots.heat_map import pearson, split_heat_map
from matganip.plots.interpretation import feature_map_grid, saliency_bars, saliency_map
from matganip.plots.style import figure
from matganip.plots.training_curves import error_curves, loss_curves, verdict_curves

OPTIMUM = OPTIMA["minimax"][0]
RNG = np.random.default_rng(7)


@pytest.fixture
def ax(tmp_path):
    with figure(tmp_path / "figure.png", 6, 5) as axes:
        yield axes


def history(*, game=True, validation=True) -> TrainingHistory:
    def value(x):
        return x if game else float("nan")

    records = tuple(
        Progress(
            epoch=epoch,
            epochs=100,
            loss_d=value(OPTIMUM + 0.2 * np.cos(epoch)),
            loss_g=value(0.7 + 0.1 * np.sin(epoch)),
            d_real=value(0.55),
            d_fake=value(0.45),
            train_mae=1.0 / epoch,
            constant_mae=0.38,
            validation_mae=1.2 / epoch if validation else float("nan"),
            validation_constant_mae=0.36 if validation else float("nan"),
            unit="meV/atom",
        )
        for epoch in range(5, 101, 5)
    )
    return TrainingHistory(records, best_epoch=100, stopped_early=False, n_rows=40)


def lines(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): np.column_stack(line.get_data()) for line in axes.lines}


def test_loss_curves_draw_the_optimum_and_enlarge_the_end(ax):
    assert loss_curves(history(), title="t", ax=ax) is ax
    drawn = lines(ax)
    assert set(drawn) == {"loss(D)", "loss(G)", "loss(D) = 1.3863: neither wins"}
    assert drawn["loss(D) = 1.3863: neither wins"][0, 1] == pytest.approx(1.3863, abs=1e-4)
    (inset,) = ax.child_axes
    assert inset.get_xlim() == (90.0, 100.0)
    np.testing.assert_allclose(inset.lines[0].get_ydata(), history().column("loss_d")[-3:])
    assert sum(inset.get_ylim()) / 2 == pytest.approx(OPTIMUM)


def test_a_loss_of_g_that_grows_large_does_not_flatten_that_of_d(ax):
    whole = history()
    records = tuple(dataclasses.replace(one, loss_g=15.0) for one in whole.records)
    loss_curves(dataclasses.replace(whole, records=records), ax=ax)
    assert ax.get_yscale() == "log"
    assert ax.get_ylim()[1] > 15.0


def test_verdict_curves_draw_one_half(ax):
    verdict_curves(history(), ax=ax)
    assert lines(ax)["D = 0.5: it cannot tell"][:, 1].tolist() == [0.5, 0.5]
    assert len(ax.child_axes[0].lines) == 3


def test_a_game_of_other_losses_has_no_such_line(ax):
    loss_curves(history(), optimum=None, ax=ax)
    assert set(lines(ax)) == {"loss(D)", "loss(G)"}


def test_a_training_of_one_record_is_drawn(ax):
    whole = history()
    loss_curves(TrainingHistory(whole.records[:1], 5, False, 40), ax=ax)


def test_without_a_game_there_is_no_loss_of_d(ax):
    with pytest.raises(InputError, match="no game was played"):
        loss_curves(history(game=False), ax=ax)


@pytest.mark.parametrize(("validation", "constant"), [(True, 0.36), (False, 0.38)])
def test_error_curves_stand_beside_the_constant(ax, validation, constant):
    error_curves(history(validation=validation), ax=ax)
    assert lines(ax)["constant"][0, 1] == constant
    assert ("held-out orbits" in lines(ax)) is validation
    assert ax.get_ylabel() == "MAE, meV/atom"


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


def test_error_boxes_draw_boxes_means_and_the_constant(ax):
    train, test = np.abs(RNG.normal(size=(2, 60)))
    error_boxes([("train", train, np.ones(60)), ("test", test, np.arange(1, 61))], constant=4.0, ax=ax)
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


SALIENCY = Saliency(
    RNG.normal(size=(30, 6)) * [1, 5, 1, 1, 0, 2], RNG.integers(1, 9, 30).astype(float), 0.0, "meV/atom"
)
NAMES = [f"peak {k}" for k in range(6)]


def test_saliency_bars_come_in_order_and_the_rest_is_summed(ax):
    saliency_bars(SALIENCY, NAMES, top=2, ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["peak 1", "peak 5", "the other 4"]
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(SALIENCY.importance.sum())
    assert ax.get_xlabel() == "mean |contribution|, meV/atom"


def test_the_saliency_map_is_sorted_by_the_prediction(ax):
    prediction = RNG.normal(size=30)
    saliency_map(SALIENCY, prediction, NAMES, ax=ax)
    np.testing.assert_array_equal(ax.images[0].get_array(), SALIENCY.contribution[np.argsort(prediction)])
    low, high = ax.images[0].get_clim()
    assert low == -high


def test_names_that_do_not_fit_the_peaks_are_refused(ax):
    with pytest.raises(InputError, match="5 names for 6 peaks"):
        saliency_bars(SALIENCY, NAMES[:5], ax=ax)
    with pytest.raises(InputError, match="for 30 arrangements of 6 peaks"):
        saliency_map(SALIENCY, np.zeros(29), NAMES, ax=ax)
