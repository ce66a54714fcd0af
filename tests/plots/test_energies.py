"""Predicted energies against calculated ones, ranked, the winners of a screen, and how many lie where."""

from __future__ import annotations

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.plots.energies import Parity, energy_histogram, metrics_text, parity, parity_panels, ranked, winners
from matganip.plots.style import canvas, off_screen

RNG = np.random.default_rng(5)
ENERGY = np.sort(RNG.normal(size=40))
GUESS = ENERGY + RNG.normal(scale=0.1, size=40)
SIZES = RNG.choice([48, 96, 192], 40)


def test_parity_draws_every_orbit_the_diagonal_and_the_mean_baseline(ax, lines):
    assert parity(ENERGY, GUESS, SIZES, 0.25, title="t", text="MAE", ax=ax) is ax
    points = ax.collections[0].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([ENERGY, GUESS]))
    assert np.ptp(lines(ax)["perfect"] @ [1, -1]) == 0.0
    assert set(lines(ax)["mean baseline"][:, 1]) == {0.25}
    assert ax.get_xlim() == ax.get_ylim()
    assert [text.get_text() for text in ax.texts] == ["MAE"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("calculated, meV/atom", "predicted, meV/atom")


def test_the_area_of_a_marker_grows_with_the_multiplicity(ax):
    parity(ENERGY, GUESS, SIZES, ax=ax)
    sizes = ax.collections[0].get_sizes()
    assert len(np.unique(sizes)) == 3
    assert (np.argsort(np.unique(SIZES)) == np.argsort([sizes[n == SIZES][0] for n in np.unique(SIZES)])).all()


def test_parity_draws_a_mean_baseline_for_each_fold(ax):
    folds = np.linspace(-0.1, 0.1, 40)
    parity(ENERGY, GUESS, SIZES, folds, ax=ax)
    drawn = next(c for c in ax.collections if c.get_label() == "mean baseline of each fold")
    np.testing.assert_allclose(drawn.get_offsets(), np.column_stack([ENERGY, folds]))


def test_parity_needs_energies_only_and_draws_a_spread(ax):
    spread = np.full(40, 0.2)
    parity(ENERGY, GUESS, spread=spread, ax=ax)
    bars, points = ax.collections
    np.testing.assert_allclose([np.ptp(segment[:, 1]) for segment in bars.get_segments()], 2 * spread)
    assert len(np.unique(points.get_sizes())) == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["perfect"]


def test_parts_stand_beside_each_other():
    text = metrics_text(0.1, 0.8, 0.9, 0.95)
    parts = [Parity(ENERGY, GUESS, SIZES, 0.0, "training set", text), Parity(ENERGY[:5], GUESS[:5], title="test set")]
    axes = parity_panels(parts, axes=off_screen())
    assert [ax.get_title(loc="left") for ax in axes] == ["training set", "test set"]
    assert [len(ax.collections[0].get_offsets()) for ax in axes] == [40, 5]
    assert "mean baseline 0.800" in axes[0].texts[0].get_text()
    with pytest.raises(InputError, match="this figure has 2 panels, but axes holds 1"):
        parity_panels(parts, axes=canvas(3, 3))


def test_the_ranking_separates_seen_from_unseen_labels(ax):
    trained = np.arange(40) % 3 == 0
    label = np.where(np.arange(40) < 30, ENERGY, np.nan)
    ranked(np.sort(GUESS), SIZES, label, trained, top=5, ax=ax)
    unseen, seen = (collection.get_offsets() for collection in ax.collections[:2])
    assert len(unseen) == np.sum(~trained & np.isfinite(label))
    assert len(seen) == np.sum(trained)
    assert ax.get_xlim() == (0, 100)
    assert ax.texts[0].get_text() == "first 5 orbits"
    width = SIZES[:5].sum() / SIZES.sum() * 100
    assert ax.patches[-1].get_extents().transformed(ax.transData.inverted()).width == pytest.approx(width)


def test_winners_stand_by_rank_with_labels_and_error_bars(ax):
    predicted, spread, label = [0.0, 0.1, 0.3], [0.05, 0.06, 0.07], [0.02, np.nan, 0.2]
    winners(predicted, spread=spread, calculated=label, calculator="CHGNet 0.3.0", ax=ax)
    labels, bars = ax.collections
    drawn = np.ma.filled(labels.get_offsets(), np.nan)
    np.testing.assert_allclose(drawn[[0, 2]], [[1, 0.02], [3, 0.2]])
    assert ax.lines[0].get_xydata().tolist() == [[1, 0.0], [2, 0.1], [3, 0.3]]
    np.testing.assert_allclose([np.ptp(segment[:, 1]) for segment in bars.get_segments()], 2 * np.array(spread))
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["CHGNet 0.3.0", "prediction and standard deviation"]
    assert ax.get_ylabel() == "above the first, meV/atom"


def test_winners_need_nothing_but_predictions(ax):
    winners([0.0], ax=ax)
    assert not ax.collections
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["prediction"]
    with pytest.raises(InputError, match=r"predicted \(2,\), spread \(1,\)"):
        winners([0.0, 1.0], spread=[0.1], ax=ax)
    with pytest.raises(InputError, match=r"predicted \(0,\)"):
        winners([], ax=ax)


def test_the_histogram_counts_arrangements_not_orbits(ax):
    energy_histogram(ENERGY, SIZES, label="meV/atom", ax=ax)
    assert ax.patches[0].get_data().values.sum() == SIZES.sum()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("meV/atom", "arrangements")
