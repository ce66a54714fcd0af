"""Patterns, profiles, graph matrices and graphs; what is drawn is read back from the Axes."""

from __future__ import annotations

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.features.graph.network import graph_network
from matganip.features.peaks import Peaks
from matganip.plots.diffraction import graph_matrix_image, patterns, profiles
from matganip.plots.graph import vertex_pattern, vertex_ring
from matganip.plots.style import canvas


def test_the_graph_stands_beside_its_pattern(ax):
    peaks = Peaks(np.array([10.0, 20.0, 35.0, 36.0]), np.array([[100.0, 1.0, 8.0, 0.0]]), np.ones(4), [[], [], [], []])
    graph = graph_network(peaks)
    vertex_pattern(graph, n_names=2, ax=ax)
    heights, _, absent = ax.collections
    assert [segment[0][0] for segment in heights.get_segments()] == [10.0, 20.0, 35.0]
    assert heights.get_segments()[2][1][1] == pytest.approx(0.08 ** (1 / 3))
    assert absent.get_offsets().tolist() == [[36.0, 0.0]]
    assert [text.get_text() for text in ax.texts] == ["10.00°", "35.00°"]
    (ring,) = canvas(4, 4)
    vertex_ring(graph, n_edges=2, title="Graph", ax=ring)
    *edges, vertices = ring.collections
    ends = [(edge.get_segments()[0][0], edge.get_segments()[-1][-1]) for edge in edges]
    place = vertices.get_offsets()
    np.testing.assert_allclose(ends, [place[[1, 0]], place[[3, 0]]], atol=1e-12)  # 100 against 1 and against 0
    sizes = vertices.get_sizes()
    assert sizes[0] > sizes[2] > sizes[1] > sizes[3]
    assert vertices.get_facecolors()[3].tolist() == [1, 1, 1, 1]
    assert [text.get_text() for text in ring.texts] == ["10.00°", "20.00°", "35.00°", "36.00°"]


def test_a_graph_of_one_vertex_is_drawn_and_one_of_none_refused(ax):
    one = graph_network(Peaks(np.array([10.0]), np.array([[100.0]]), np.ones(1), [[]]))
    vertex_pattern(one, ax=ax)
    (ring,) = canvas(4, 4)
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
