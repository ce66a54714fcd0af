"""The diffraction graph as a graph."""

from __future__ import annotations

import numpy as np
import pytest
from test_resolved import all_orbits, cspbi3_br

import matganip as mg
from matganip.features.graph.network import graph_network


@pytest.mark.parametrize("scaling", ["unit", "paper"])
def test_vertices_are_peaks_and_edges_their_differences(scaling: str) -> None:
    space = cspbi3_br(3)
    peaks = mg.LatticeDiffraction(space).peaks(all_orbits(space))
    graph = graph_network(peaks, 7, 10, scaling=scaling)
    matrix = mg.graph_matrix(peaks, 10, scaling=scaling)[7]
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (10, 45)
    for i, vertex in graph.nodes(data=True):
        assert vertex["position"] == peaks.two_theta[i]
        assert vertex["intensity"] == peaks.intensity[7, i]
        assert vertex["hkl"] == peaks.hkls[i][0]["hkl"]
        assert vertex["weight"] == matrix[i, i]
    for i, j, edge in graph.edges(data=True):
        assert edge["position_difference"] == peaks.two_theta[j] - peaks.two_theta[i]
        assert edge["intensity_difference"] == peaks.intensity[7, j] - peaks.intensity[7, i]
        assert edge["weight"] == matrix[i, j]


def test_a_patterson_function_is_a_graph_too() -> None:
    space = cspbi3_br(3)
    peaks = mg.LatticeDiffraction(space, domain="patterson", cutoff=7.0, order=3).peaks(all_orbits(space))
    graph = graph_network(peaks, -1, 100)
    assert [vertex["position"] for _, vertex in graph.nodes(data=True)] == peaks.distance.tolist()
    assert graph.nodes[0]["hkl"] is None


def test_vertices_have_names_that_people_read() -> None:
    space = cspbi3_br(3)
    powder = mg.LatticeDiffraction(space)
    names = [name for _, name in graph_network(powder.peaks(all_orbits(space)), 0, 112).nodes(data="label")]
    assert names[:3] == ["100", "110", "111"]
    assert "10 0 0" in names
    assert len(set(names)) == 112
    resolved = mg.LatticeDiffraction(space, resolution="resolved").peaks(all_orbits(space))
    labels = [name for _, name in graph_network(resolved, 0, 4).nodes(data="label")]
    assert labels == [f"100 ({b}-{c})" for b, c in resolved.site_pairs[:4].tolist()]
    patterson = mg.LatticeDiffraction(space, domain="patterson", cutoff=7.0).peaks(all_orbits(space))
    assert graph_network(patterson).nodes[0]["label"] == f"{patterson.distance[0]:.2f} Å"


def test_what_is_no_graph_is_refused() -> None:
    peaks = mg.LatticeDiffraction(cspbi3_br(2)).peaks(np.zeros((1, 24), dtype=np.uint8))
    with pytest.raises(mg.InputError, match="row 1: there are 1 arrangements"):
        graph_network(peaks, 1)
    with pytest.raises(mg.InputError, match="n_peaks must be at least 1, not 0"):
        graph_network(peaks, 0, 0)
