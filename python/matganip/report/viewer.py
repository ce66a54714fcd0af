"""An arrangement to turn with the mouse, offline: dopants in colour, the host pale, the network of shortest bonds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.errors import require
from matganip.plots.arrangement import LOUD, QUIET, bonds_between, cell_edges, with_boundary_images
from matganip.plots.style import GRID, MUTED
from matganip.results.content import Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymatgen.core.structure import Structure

HEIGHT = 300


def scene(structure: Structure, dopants: Sequence[str], caption: str = "") -> Scene:
    """Draw a structure in three dimensions.

    Parameters
    ----------
    structure : pymatgen Structure
        The substituted supercell.
    dopants : sequence of str
        Elements to draw in colour, in order; all else is pale.
    caption : str
        The words below it.

    Returns
    -------
    Scene
        For a `Section` of a report; the page brings plotly.js.

    Raises
    ------
    MissingExtraError
        If plotly is not installed.

    Examples
    --------
    >>> import matganip as mg
    >>> "Plotly.newPlot" in scene(mg.perovskite("CsPbI3", a=6.289), ["Pb"]).html
    True
    """
    go, io = require("plotly.graph_objects", "report"), require("plotly.io", "report")
    species, fractional = with_boundary_images(structure)
    matrix = np.asarray(structure.lattice.matrix)
    position = fractional @ matrix
    lines = [
        _lines(go, position[bonds_between(position)], GRID, 4),
        _lines(go, cell_edges() @ matrix, MUTED, 2),
    ]
    present = [name for name in dict.fromkeys([*species, *dopants]) if name in species]
    atoms = [_atoms(go, name, position[np.array(species) == name], list(dopants)) for name in present]
    hidden = {"visible": False}
    figure = go.Figure([*lines, *atoms])
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data",
               "camera": {"projection": {"type": "orthographic"}, "eye": {"x": 2.0, "y": 0.85, "z": 0.65}}},
        legend={"orientation": "h", "y": 0, "itemsizing": "constant"},
    )  # fmt: skip
    html: str = io.to_html(figure, full_html=False, include_plotlyjs=False, config={"displayModeBar": False})
    return Scene(html, caption)


def _atoms(go: Any, name: str, position: Any, dopants: list[str]) -> Any:
    loud = name in dopants
    color = LOUD[dopants.index(name) % len(LOUD)] if loud else QUIET
    return go.Scatter3d(
        x=position[:, 0].round(4),
        y=position[:, 1].round(4),
        z=position[:, 2].round(4),
        mode="markers",
        name=name,
        showlegend=loud,
        hoverinfo="name",
        marker={"size": 9 if loud else 4, "color": color, "opacity": 1.0 if loud else 0.7},
    )


def _lines(go: Any, ends: Any, color: str, width: float) -> Any:
    """Straight lines, ends (m, 2, 3), as one trace: a nan lifts the pen."""
    pen = np.concatenate([ends, np.full((len(ends), 1, 3), np.nan)], axis=1).reshape(-1, 3)
    x, y, z = ([None if np.isnan(v) else round(float(v), 4) for v in column] for column in pen.T)
    return go.Scatter3d(
        x=x, y=y, z=z, mode="lines", line={"color": color, "width": width}, hoverinfo="skip", showlegend=False
    )
