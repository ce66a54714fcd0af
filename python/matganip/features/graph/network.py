"""The diffraction graph as a graph: peaks as vertices, their differences as edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matganip.errors import InputError
from matganip.features.graph.matrix import Scaling, graph_matrix
from matganip.features.peaks import Peaks

if TYPE_CHECKING:
    import networkx


def graph_network(peaks: Peaks, row: int = 0, n_peaks: int = 28, *, scaling: Scaling = "unit") -> networkx.Graph:
    """The graph of one arrangement.

    The paper calls a peak a vertex and the difference of two peaks the edge between them (Hu, Li, Gao, "MATGANIP",
    section 2 and figure 2).

    Parameters
    ----------
    peaks : Peaks
    row : int
        Which arrangement; negative rows count from the end.
    n_peaks : int
        Vertices: the first so many peaks, or as many as there are.
    scaling : {"unit", "paper"}
        Of the matrix entries, as in `graph_matrix`.

    Returns
    -------
    networkx.Graph
        Complete, without loops. Vertices 0, 1, ... have ``position`` (degrees; angstrom in the Patterson domain),
        ``intensity``, ``hkl`` (the family's largest member, or None), ``label`` (a name for people: ``"210"``, for
        resolved peaks with the pair of basis sites) and ``weight``, a_ii. Edges have
        ``position_difference`` and ``intensity_difference`` (of the later peak less the earlier one) and ``weight``,
        a_ij of the graph matrix.

    Raises
    ------
    InputError
        If there is no such row, or `n_peaks` or `scaling` is none.

    Examples
    --------
    >>> import numpy as np
    >>> peaks = Peaks(np.array([10.0, 30.0]), np.array([[100.0, 25.0]]), np.ones(2), [[], []])
    >>> graph = graph_network(peaks)
    >>> graph.edges[0, 1]["position_difference"], graph.edges[0, 1]["intensity_difference"]
    (20.0, -75.0)
    >>> graph.nodes[1]["label"]
    '30.00°'
    """
    import networkx

    if not -len(peaks) <= row < len(peaks):
        raise InputError(f"row {row}: there are {len(peaks)} arrangements")
    if n_peaks < 1:
        raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
    n = min(n_peaks, len(peaks.position))
    intensity, position = peaks.intensity[row, :n], peaks.position[:n]
    one = Peaks(position, intensity[None], peaks.d_spacings[:n], peaks.hkls[:n], full_scale=peaks.full_scale)
    matrix = graph_matrix(one, n, scaling=scaling)[0]
    graph = networkx.Graph()
    for i in range(n):
        families = peaks.hkls[i]
        graph.add_node(
            i,
            position=float(position[i]),
            intensity=float(intensity[i]),
            hkl=families[0]["hkl"] if families else None,
            label=_label(peaks, i),
            weight=float(matrix[i, i]),
        )
    for i in range(n):
        for j in range(i + 1, n):
            graph.add_edge(
                i,
                j,
                position_difference=float(position[j] - position[i]),
                intensity_difference=float(intensity[j] - intensity[i]),
                weight=float(matrix[i, j]),
            )
    return graph


def _label(peaks: Peaks, i: int) -> str:
    """``210``, ``10 0 -1`` where digits would run together, ``3.14 Å`` or ``12.19°`` where there is no reflection."""
    if not peaks.hkls[i]:
        return f"{peaks.position[i]:.2f}" + ("°" if peaks.distance is None else " Å")
    hkl = peaks.hkls[i][0]["hkl"]
    name = ("" if all(0 <= index < 10 for index in hkl) else " ").join(map(str, hkl))
    return name if peaks.site_pairs is None else f"{name} ({'-'.join(map(str, peaks.site_pairs[i].tolist()))})"
