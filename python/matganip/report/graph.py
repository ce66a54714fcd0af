"""The diffraction graph beside its pattern, after figure 2 of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from matganip.errors import require
from matganip.report.style import INK, MUTED, axes_or_new

if TYPE_CHECKING:
    import networkx
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap


def vertex_pattern(graph: networkx.Graph, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the peaks that are the graph's vertices, in the colours of `vertex_ring`.

    Parameters
    ----------
    graph : networkx.Graph
        As `matganip.diffraction.graph_network.graph_network` makes it.
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    position, intensity = _values(graph)
    height = np.cbrt(intensity / max(intensity.max(initial=0.0), 1e-12))
    colors = _colors(len(position))
    ax.vlines(position, 0, height, colors=list(map(tuple, colors.tolist())), lw=1.8)
    ax.scatter(position, height, c=colors, s=18, zorder=3)
    air = 0.04 * max(float(np.ptp(position)), 1.0)
    ax.set(xlim=(position.min() - air, position.max() + air), ylim=(0, 1.12), yticks=[], title=title)
    ax.set_xlabel("2θ, degrees")
    ax.set_ylabel("intensity, cube-root scale")
    ax.spines["left"].set_visible(False)
    return ax


def vertex_ring(graph: networkx.Graph, *, n_edges: int = 140, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the graph: vertices on a ring by position, as large as their intensity, edges by their difference.

    Parameters
    ----------
    graph : networkx.Graph
        As `matganip.diffraction.graph_network.graph_network` makes it.
    n_edges : int
        So many edges, those whose peaks differ most in intensity, are drawn; a line is as wide as that difference
        and has the colour of its earlier peak.
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    collections = require("matplotlib.collections", "report")
    position, intensity = _values(graph)
    n = len(position)
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    place = np.column_stack([np.cos(angle), np.sin(angle)])
    colors = _colors(n)

    edges = np.array(list(graph.edges), dtype=np.int64).reshape(-1, 2)
    difference = np.abs(np.cbrt(intensity[edges[:, 0]]) - np.cbrt(intensity[edges[:, 1]]))
    strongest = np.argsort(difference, kind="stable")[-n_edges:]
    edges, strength = edges[strongest], difference[strongest] / max(difference.max(initial=0.0), 1e-12)
    ax.add_collection(
        collections.LineCollection(
            [place[edge] for edge in edges],
            colors=[(*colors[i][:3], 0.12 + 0.45 * s**2) for (i, _), s in zip(edges, strength, strict=True)],
            linewidths=0.3 + 1.7 * strength**2,
        )
    )
    size = np.cbrt(intensity / max(intensity.max(initial=0.0), 1e-12))
    ax.scatter(place[:, 0], place[:, 1], s=25 + 260 * size, c=colors, edgecolors="white", linewidths=0.8, zorder=3)
    for i, data in graph.nodes(data=True):
        text = "".join(map(str, data["hkl"])) if data["hkl"] else f"{data['position']:.2f}"
        x, y = 1.16 * place[i]
        ax.text(x, y, text, ha="center", va="center", fontsize=7, color=INK if size[i] > 0.3 else MUTED)
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), title=title, aspect="equal")
    ax.axis("off")
    return ax


def _values(graph: networkx.Graph) -> tuple[np.ndarray, np.ndarray]:
    nodes = [data for _, data in graph.nodes(data=True)]
    return np.array([node["position"] for node in nodes]), np.array([node["intensity"] for node in nodes])


def _colors(n: int) -> np.ndarray:
    """(n, 4): one colour for each vertex, by position."""
    cmap: Colormap = require("matplotlib", "report").colormaps["plasma"]
    return np.asarray(cmap(np.linspace(0.02, 0.85, n)))
