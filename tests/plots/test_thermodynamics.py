"""Ensembles, mixing energies, searches and labels over their axes, read back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from matganip.errors import InputError
from matganip.plots.learning_curves import learning_curve
from matganip.plots.search_curves import search_curve
from matganip.plots.style import BASELINE, BEST, MODEL, MUTED, off_screen, save_figure
from matganip.plots.thermodynamics import density_of_states, entropy, free_energy, mixing_curve

KELVIN = np.array([100.0, 300.0, 1000.0, np.inf])
U, F = np.array([0.1, 0.5, 1.0, 2.0]), np.array([0.0, -0.4, -3.0, -np.inf])


def test_free_energy_and_energy_stand_over_the_temperature(ax, lines):
    assert free_energy(KELVIN, U, F, title="t", ax=ax) is ax
    np.testing.assert_array_equal(lines(ax)["U"], np.column_stack([KELVIN, U])[:3])
    np.testing.assert_array_equal(lines(ax)["F"], np.column_stack([KELVIN, F])[:3])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("temperature, K", "above the lowest energy, meV/atom")


def test_an_estimate_that_cannot_be_believed_is_a_grey_cross(ax):
    reliable = np.array([False, True, True, True])
    free_energy(KELVIN, U, F, errors=(0.1 * np.ones(4), 0.2 * np.ones(4)), reliable=reliable, ax=ax)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_xydata().tolist() for line in crosses] == [[[100.0, 0.1]], [[100.0, 0.0]]]
    assert {line.get_color() for line in crosses} == {MUTED}
    energies, frees = (container.lines[2][0].get_segments() for container in ax.containers)
    assert len(energies) == len(frees) == 2
    np.testing.assert_allclose([np.ptp(energies[0][:, 1]), np.ptp(frees[0][:, 1])], [0.2, 0.4])


def test_entropy_stands_beside_that_of_equal_probabilities(ax, lines):
    entropy(KELVIN[:3], U[:3], U[:3] / 2, uniform=1.2, ax=ax)
    assert set(lines(ax)["all equally probable"][:, 1]) == {1.2}
    assert {"S", "$C_v$"} < set(lines(ax))
    assert ax.get_ylabel() == "$k_B$ per atom"


def test_the_density_of_states_counts_from_its_lowest_bin(ax):
    density_of_states([3.0, 3.5, 4.0, 4.5], [1, 0, 10**30], ax=ax)
    values, edges, _ = ax.patches[0].get_data()
    np.testing.assert_array_equal(edges, [0.0, 0.5, 1.0, 1.5])
    np.testing.assert_array_equal(values, [1.0, np.nan, 1e30])
    low, high = ax.get_ylim()
    assert low < 1.0 < 1e30 < high


def test_thin_and_low_bars_of_the_density_of_states_do_not_vanish(tmp_path):
    counts = [0] * 20_001
    counts[0] = counts[10_000] = counts[-1] = 1
    counts[15_000] = 10**6
    ax = density_of_states(np.arange(20_002) * 1e-3, counts, ax=off_screen())
    save_figure(ax, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    # Teal: clearly greener than red.
    teal = (pixels[:, :, 1] - pixels[:, :, 0]) > 60
    columns = np.flatnonzero(teal.any(axis=0))
    assert 1 + np.count_nonzero(np.diff(columns) > 1) == 4


def test_bins_and_counts_that_do_not_fit_are_refused(ax):
    with pytest.raises(InputError, match="one edge more than its 2 bins"):
        density_of_states([0.0, 1.0], [1, 2], ax=ax)
    with pytest.raises(InputError, match="one edge more than its 0 bins"):
        density_of_states([0.0], [], ax=ax)


def test_mixing_energies_have_their_hull_and_free_energies(ax, lines):
    x, y, stable = [0.0, 0.25, 0.5, 1.0], [0.0, -0.1, -1.5, 0.0], [True, False, True, True]
    mixing_curve(x, y, stable, species="Br on I", free={300.0: [0.0, -1.0, -2.0, 0.0]}, ax=ax)
    assert lines(ax)["hull"].tolist() == [[0.0, 0.0], [0.5, -1.5], [1.0, 0.0]]
    assert lines(ax)["F, 300 K"][:, 1].tolist() == [0.0, -1.0, -2.0, 0.0]
    above, on = ax.collections
    assert above.get_offsets().tolist() == [[0.25, -0.1]]
    assert len(on.get_offsets()) == 3
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("fraction of the sites, Br on I", "mixing energy, meV/atom")


def test_the_fraction_of_no_species_has_a_name_too(ax):
    assert mixing_curve([0.0, 1.0], [0.0, 0.0], [True, True], ax=ax).get_xlabel() == "fraction of the sites"


def test_a_search_is_drawn_as_steps_to_its_end(ax, lines):
    search_curve([1, 40, 300], [0.8, 0.1, 0.0], n_end=1000, proved=-0.05, ax=ax)
    assert lines(ax)["best so far"].tolist() == [[1, 0.8], [40, 0.1], [300, 0.0], [1000, 0.0]]
    assert lines(ax)["best of all"].tolist() == [[300, 0.0]]
    assert set(lines(ax)["proved lower bound"][:, 1]) == {-0.05}
    assert ax.lines[0].get_drawstyle() == "steps-post"
    with pytest.raises(InputError, match=r"not \(1,\) for \(2,\)"):
        search_curve([1, 2], [0.0], ax=ax)


def test_learning_curves_are_means_over_seeds_with_their_range(ax, lines):
    errors = {"random": np.array([[0.4, 0.2], [0.6, 0.3]]), "uncertainty": np.array([[0.3, 0.1], [0.3, 0.1]])}
    learning_curve([4, 8], errors, baseline=0.7, final=0.02, n_pool=482, n_test=121, title="t", ax=ax)
    np.testing.assert_allclose(lines(ax)["random"], [[4, 0.5], [8, 0.25]])
    assert ax.lines[1].get_color() == BEST
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (0.2, 0.6)
    levels = {text.get_text(): text.xy[1] for text in ax.texts}
    assert levels == {"mean baseline": 0.7, "twice the final error": 0.04}
    assert ax.get_yscale() == "log"
    assert ax.get_xlabel() == "labels, of 482 orbits"
    assert ax.get_ylabel() == "MAE on 121 held-out orbits, meV/atom"
    assert ax.get_legend().get_title().get_text() == "mean and range, 2 seeds"


def test_one_learning_curve_may_have_a_mean_baseline_at_every_number_of_labels(ax, lines):
    learning_curve([4, 8], {"left-out labels": [0.4, 0.2]}, baseline=[0.7, 0.6], ax=ax)
    assert lines(ax)["mean baseline"].tolist() == [[4, 0.7], [8, 0.6]]
    assert ax.get_lines()[1].get_color() == BASELINE
    assert ax.get_xlabel() == "labels"


@pytest.mark.parametrize("errors", [{}, {"random": [0.1]}])
def test_errors_that_do_not_fit_the_labels_are_refused(ax, errors):
    with pytest.raises(InputError, match="2 numbers of labels"):
        learning_curve([4, 8], errors, ax=ax)


def test_the_model_has_one_colour(ax):
    free_energy(KELVIN, U, F, ax=ax)
    assert ax.lines[0].get_color() == MODEL
