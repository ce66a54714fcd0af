"""The diffraction graph beside its pattern, after figure 2 of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, require
from matganip.plots.style import GRID, INK, MUTED, axes_or_new, house_style

if TYPE_CHECKING:
    import networkx
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

    from matganip.plots.style import Place

Floats = NDArray[np.float64]

# Of the strongest: a peak below it is absent from a pattern (as in pymatgen), and a hollow vertex here.
ABSENT = 1e-5
_STEPS = 25


@house_style()
def vertex_pattern(graph: networkx.Graph, *, n_names: int = 10, title: str = "", ax: Place = None) -> Axes:
    """Draw the peaks that are the graph's vertices, in the colours of `vertex_ring`.

    Parameters
    ----------
    graph : networkx.Graph
        As `matganip.features.graph.network.graph_network` makes it.
    n_names : int
        So many of the strongest peaks carry their name.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the graph has no vertex.
    """
    ax = axes_or_new(ax, 6.2, 4.7)
    position, height, names = _vertices(graph)
    colors = _colors(len(position))
    there = height > np.cbrt(ABSENT)
    ax.vlines(position[there], 0, height[there], colors=list(map(tuple, colors[there].tolist())), lw=1.8)
    ax.scatter(position[there], height[there], c=colors[there], s=20, zorder=3)
    # Absent lines are vertices too: hollow, on the axis.
    ax.scatter(
        position[~there], 0 * position[~there], s=14, c="white", edgecolors=colors[~there], zorder=3, clip_on=False
    )
    for i in np.argsort(-height, kind="stable")[:n_names]:
        if there[i]:
            ax.annotate(
                names[i],
                (position[i], height[i]),
                (0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=INK,
            )
    air = 0.04 * max(float(np.ptp(position)), 1.0)
    ax.set(xlim=(position.min() - air, position.max() + air), ylim=(0, 1.14), yticks=[], title=title)
    ax.set_xlabel("distance, Å" if _in_angstrom(graph) else "2θ, degrees")
    ax.set_ylabel("intensity, cube-root scale")
    ax.spines["left"].set_visible(False)
    return ax


@house_style()
def vertex_ring(graph: networkx.Graph, *, n_edges: int = 140, title: str = "", ax: Place = None) -> Axes:
    """Draw the graph: vertices on a ring by position, as large as their intensity, edges by their difference.

    Parameters
    ----------
    graph : networkx.Graph
        As `matganip.features.graph.network.graph_network` makes it.
    n_edges : int
        So many edges, those whose peaks differ most in intensity, are drawn; a line is as wide as that difference
        and runs from the colour of its weaker peak into that of the stronger one.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the graph has no vertex.
    """
    ax = axes_or_new(ax, 4.8, 4.7)
    _, height, names = _vertices(graph)
    n = len(height)
    angle = np.pi / 2 - 2 * np.pi * np.arange(n) / n
    place = np.column_stack([np.cos(angle), np.sin(angle)])
    colors = _colors(n)
    circle = require("matplotlib.patches", "report").Circle((0, 0), 1, fill=False, color=GRID, lw=1.0, zorder=0)
    ax.add_patch(circle)
    _draw_edges(ax, graph, place, height, colors, n_edges)
    faces = np.where((height > np.cbrt(ABSENT))[:, None], colors, 1.0)
    rims = [tuple(rim) for rim in np.where((height > np.cbrt(ABSENT))[:, None], 1.0, colors).tolist()]
    ax.scatter(place[:, 0], place[:, 1], s=22 + 260 * height, c=faces, edgecolors=rims, linewidths=0.9, zorder=3)
    for i, name in enumerate(names):
        x, y = (1.1 + 0.06 * height[i]) * place[i]
        # Names stand outwards, and upside down nowhere.
        turn = np.degrees(angle[i]) % 360
        flip = 90 < turn < 270
        ax.text(
            x, y, name, ha="right" if flip else "left", va="center", rotation=turn - 180 if flip else turn,
            rotation_mode="anchor", fontsize=7.5, color=INK if height[i] > 0.3 else MUTED,
        )  # fmt: skip
    reach = 1.3 + 0.06 * max(0, max(map(len, names)) - 3)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), title=title, aspect="equal")
    ax.axis("off")
    return ax


def _draw_edges(ax: Axes, graph: networkx.Graph, place: Floats, height: Floats, colors: Floats, n_edges: int) -> None:
    """Curves that bend to the middle of the ring, the strongest on top."""
    collections = require("matplotlib.collections", "report")
    edges = np.array(list(graph.edges), dtype=np.int64).reshape(-1, 2)
    difference = np.abs(height[edges[:, 0]] - height[edges[:, 1]])
    kept = np.argsort(difference, kind="stable")[len(edges) - min(n_edges, len(edges)) :]
    t = np.linspace(0, 1, _STEPS)[:, None]
    for (i, j), strength in zip(edges[kept], difference[kept] / max(difference.max(initial=0.0), 1e-12), strict=True):
        a, b = (i, j) if height[i] <= height[j] else (j, i)
        curve = (1 - t) ** 2 * place[a] + t**2 * place[b] + t * (1 - t) * 0.5 * (place[a] + place[b])
        shade = (1 - t[:-1]) * colors[a] + t[:-1] * colors[b]
        shade[:, 3] = 0.10 + 0.5 * strength**2
        ax.add_collection(
            collections.LineCollection(
                np.stack([curve[:-1], curve[1:]], axis=1), colors=shade, linewidths=0.4 + 1.6 * strength**2
            )
        )


def _vertices(graph: networkx.Graph) -> tuple[Floats, Floats, list[str]]:
    """Positions, heights (the cube root of the intensity, the strongest is 1) and names."""
    nodes = [data for _, data in graph.nodes(data=True)]
    if not nodes:
        raise InputError("a graph without a vertex cannot be drawn")
    intensity = np.array([node["intensity"] for node in nodes])
    height = np.cbrt(np.clip(intensity, 0.0, None) / max(float(intensity.max()), 1e-12))
    return np.array([node["position"] for node in nodes]), height, [node["label"] for node in nodes]


def _in_angstrom(graph: networkx.Graph) -> bool:
    return all(data["label"].endswith("Å") for _, data in graph.nodes(data=True))


def _colors(n: int) -> Floats:
    """(n, 4): one colour for each vertex, by position."""
    cmap: Colormap = require("matplotlib", "report").colormaps["plasma"]
    return np.asarray(cmap(np.linspace(0.02, 0.85, n)))
