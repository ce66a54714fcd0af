"""Each figure draws what it says it draws; what is drawn is read back from the axes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image
from pymatgen.core import Lattice, Structure

from matganip.errors import InputError
from matganip.features.graph.network import graph_network
from matganip.features.peaks import Peaks
from matganip.plots import energies
from matganip.plots.arrangement import arrangement
from matganip.plots.diffraction import graph_matrix_image, patterns, profiles
from matganip.plots.graph import vertex_pattern, vertex_ring
from matganip.plots.style import figure

RNG = np.random.default_rng(5)
ENERGY = np.sort(RNG.normal(size=40))
GUESS = ENERGY + RNG.normal(scale=0.1, size=40)
SIZES = RNG.choice([48, 96, 192], 40)


@pytest.fixture
def ax(tmp_path):
    with figure(tmp_path / "figure.png", 5, 4) as axes:
        yield axes


def lines(axes) -> dict[str, np.ndarray]:
    return {line.get_label(): np.column_stack(line.get_data()) for line in axes.lines}


def test_the_graph_stands_beside_its_pattern(ax, tmp_path):
    peaks = Peaks(np.array([10.0, 20.0, 35.0, 36.0]), np.array([[100.0, 1.0, 8.0, 0.0]]), np.ones(4), [[], [], [], []])
    graph = graph_network(peaks)
    vertex_pattern(graph, n_names=2, ax=ax)
    heights, _, absent = ax.collections
    assert [segment[0][0] for segment in heights.get_segments()] == [10.0, 20.0, 35.0]
    assert heights.get_segments()[2][1][1] == pytest.approx(0.08 ** (1 / 3))
    assert absent.get_offsets().tolist() == [[36.0, 0.0]]
    assert [text.get_text() for text in ax.texts] == ["10.00°", "35.00°"]
    with figure(tmp_path / "ring.png", 4, 4) as ring:
        vertex_ring(graph, n_edges=2, title="Graph", ax=ring)
        *edges, vertices = ring.collections
        ends = [(edge.get_segments()[0][0], edge.get_segments()[-1][-1]) for edge in edges]
        place = vertices.get_offsets()
        np.testing.assert_allclose(ends, [place[[1, 0]], place[[3, 0]]], atol=1e-12)  # 100 against 1 and against 0
        sizes = vertices.get_sizes()
        assert sizes[0] > sizes[2] > sizes[1] > sizes[3]
        assert vertices.get_facecolors()[3].tolist() == [1, 1, 1, 1]
        assert [text.get_text() for text in ring.texts] == ["10.00°", "20.00°", "35.00°", "36.00°"]


def test_a_graph_of_one_vertex_is_drawn_and_one_of_none_refused(ax, tmp_path):
    one = graph_network(Peaks(np.array([10.0]), np.array([[100.0]]), np.ones(1), [[]]))
    vertex_pattern(one, ax=ax)
    with figure(tmp_path / "ring.png", 4, 4) as ring:
        vertex_ring(one, ax=ring)
        assert len(ring.collections) == 1
        one.clear()
        with pytest.raises(InputError, match="a graph without a vertex cannot be drawn"):
            vertex_ring(one, ax=ring)


def test_profiles_stand_above_each_other_with_ticks_where_lines_are(ax):
    grid = np.linspace(10, 40, 301)
    heights = np.stack([np.exp(-((grid - center) ** 2)) for center in (20.0, 30.0)])
    profiles(grid, heights, ["first", "second"], lines=np.array([20.0, 30.0]), title="Profiles", ax=ax)
    first, second = (np.column_stack(line.get_data()) for line in ax.lines)
    assert first[first[:, 1].argmax(), 0] == pytest.approx(20.0)
    assert second[second[:, 1].argmax(), 0] == pytest.approx(30.0)
    assert first[:, 1].min() > second[:, 1].max() - 1e-9
    assert [text.get_text() for text in ax.texts] == ["first", "second"]
    assert len(ax.collections[-1].get_segments()) == 2


def test_a_figure_is_a_png_and_leaves_matplotlibs_settings_alone(tmp_path):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with figure(tmp_path / "a.png", 4, 3, ncols=2) as axes:
        assert len(axes) == 2
    assert dict(mpl.rcParams) == before
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
        assert image.width == pytest.approx(4 * 170, abs=60)


def test_equal_figures_are_equal_bytes(tmp_path):
    for name in ("a.png", "b.png"):
        with figure(tmp_path / name, 4, 4) as axes:
            energies.parity(ENERGY, GUESS, SIZES, 0.0, ax=axes)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_figure_that_fails_leaves_no_file(tmp_path):
    def fail() -> None:
        with figure(tmp_path / "a.png", 4, 4):
            raise RuntimeError("drawing failed")

    with pytest.raises(RuntimeError, match="drawing failed"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_parity_draws_every_orbit_the_diagonal_and_the_constant(ax):
    assert energies.parity(ENERGY, GUESS, SIZES, 0.25, title="t", text="MAE", ax=ax) is ax
    points = ax.collections[0].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([ENERGY, GUESS]))
    assert np.ptp(lines(ax)["perfect"] @ [1, -1]) == 0.0
    assert set(lines(ax)["constant"][:, 1]) == {0.25}
    assert ax.get_xlim() == ax.get_ylim()


def test_parity_draws_a_constant_for_each_fold(ax):
    folds = np.linspace(-0.1, 0.1, 40)
    energies.parity(ENERGY, GUESS, SIZES, folds, ax=ax)
    drawn = next(c for c in ax.collections if c.get_label() == "constant of each fold")
    np.testing.assert_allclose(drawn.get_offsets(), np.column_stack([ENERGY, folds]))


def test_the_ranking_separates_seen_from_unseen_labels(ax):
    trained = np.arange(40) % 3 == 0
    label = np.where(np.arange(40) < 30, ENERGY, np.nan)
    energies.ranked(np.sort(GUESS), SIZES, label, trained, top=5, ax=ax)
    unseen, seen = (collection.get_offsets() for collection in ax.collections[:2])
    assert len(unseen) == np.sum(~trained & np.isfinite(label))
    assert len(seen) == np.sum(trained)
    assert ax.get_xlim() == (0, 100)


def test_the_histogram_counts_arrangements_not_orbits(ax):
    energies.energy_histogram(ENERGY, SIZES, label="meV/atom", ax=ax)
    assert ax.patches[0].get_data().values.sum() == SIZES.sum()


def test_the_optimum_of_the_discriminator_is_drawn(ax):
    energies.adversarial_balance(range(1, 11), {"loss(D)": np.ones(10)}, (2 * math.log(2), "2 log 2"), ax=ax)
    assert math.isclose(lines(ax)["2 log 2"][0, 1], 1.3862943611, abs_tol=1e-9)
    low, high = ax.get_ylim()
    assert low < 1.0 < 1.3863 < high


def test_the_learning_curve_has_the_constants_line(ax):
    energies.learning_curve(range(1, 11), {"train": np.linspace(1, 0.1, 10)}, 0.38, ax=ax)
    assert set(lines(ax)["constant"][:, 1]) == {0.38}
    assert ax.get_yscale() == "log"


def test_patterns_mark_the_peaks_that_depend_on_the_arrangement(ax):
    two_theta = np.array([10.0, 20.0, 30.0])
    intensity = np.array([[100.0, 1.0, 4.0], [100.0, 0.0, 9.0]])
    patterns(two_theta, intensity, ["a", "b"], ax=ax)
    varying = [c for c in ax.collections if len(c.get_segments()) == 2]
    assert [segment[0, 0] for segment in varying[0].get_segments()] == [20.0, 30.0]


def test_a_difference_of_matrices_is_symmetric_about_zero(ax):
    matrix = np.array([[0.0, -2.0], [-2.0, 1.0]], dtype=np.float32)
    graph_matrix_image(matrix, np.array([10.0, 20.0]), difference=True, ax=ax)
    assert ax.images[0].get_clim() == (-2.0, 2.0)


def test_an_arrangement_draws_atoms_on_faces_again_on_the_opposite_ones(ax):
    structure = Structure(Lattice.cubic(4.0), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.0]])
    arrangement(structure, ("Br",), ax=ax)
    edges, bonds, atoms = ax.collections
    assert len(edges.get_segments()) == 12
    assert len(bonds.get_segments()) > 0
    assert len(atoms.get_offsets()) == 8 + 2
