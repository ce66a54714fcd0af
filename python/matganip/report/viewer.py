"""An arrangement to turn with the mouse, offline: dopants in colour, the host in grey, vacancies as rings."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.composition import VACANCY
from matganip.errors import require
from matganip.plots.arrangements import Drawing, size_of
from matganip.plots.style import MUTED
from matganip.results.content import Scene

if TYPE_CHECKING:
    import os

    from ase import Atoms
    from pymatgen.core.structure import Structure

    from matganip.configurations.space import ConfigurationSpace

HEIGHT = 300
BOND = "#c9d0d9"

_numbers = itertools.count(1)  # a name for each scene, so that a page may have several


def scene(structure: Structure | Atoms | str | os.PathLike[str], dopants: Sequence[str], caption: str = "") -> Scene:
    """Draw a structure in three dimensions.

    Parameters
    ----------
    structure : pymatgen Structure, ASE Atoms or path
        The substituted supercell.
    dopants : sequence of str
        Elements to draw in colour, in order; all else is grey.
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
    return Scene(_html(Drawing.of(structure, dopants)), caption)


def configuration_scene(space: ConfigurationSpace, occupation: ArrayLike, caption: str = "") -> Scene:
    """Draw one arrangement of a space, (n_sites,) codes, in three dimensions, its vacancies included."""
    return Scene(_html(Drawing.of_configuration(space, occupation)), caption)


def figure_of(drawing: Drawing) -> Any:
    """The drawing as a plotly figure to rotate."""
    go = require("plotly.graph_objects", "report")
    ordered = [name for name in dict.fromkeys([*drawing.dopants, *drawing.species.tolist()]) if name in drawing.species]
    # Bonds end short of the atoms: a line that ends in a marker is drawn over it.
    near, far = drawing.bonds[:, :1], drawing.bonds[:, 1:]
    between = np.concatenate([0.75 * near + 0.25 * far, 0.25 * near + 0.75 * far], axis=1)
    traces = [_lines(go, between, BOND, 3), _lines(go, drawing.edges, MUTED, 2)]
    traces += [_atoms(go, name, drawing) for name in ordered]
    hidden = {"visible": False}
    figure = go.Figure(traces)
    figure.update_layout(
        template=go.layout.Template(),
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data",
               "camera": {"projection": {"type": "orthographic"}, "eye": {"x": 1.7, "y": 0.72, "z": 0.55}}},
        legend={"orientation": "h", "y": 0, "itemsizing": "constant"},
    )  # fmt: skip
    return figure


def _html(drawing: Drawing) -> str:
    """A place, and how it is drawn once it comes into sight: `scene.js` of the page calls it then."""
    name = f"scene-{next(_numbers)}"
    figure = figure_of(drawing).to_json().replace("</", "<\\/")
    return (
        f'<div id="{name}" class="scene" style="height:{HEIGHT}px"></div>\n<script>scene("{name}", (place) => {{\n'
        f"const figure = {figure};\nreturn Plotly.newPlot(place, figure.data, figure.layout, TURN);\n}});</script>"
    )


def _atoms(go: Any, name: str, drawing: Drawing) -> Any:
    loud, empty = name in drawing.dopants, name == VACANCY
    x, y, z = drawing.position[drawing.species == name].T.round(4)
    return go.Scatter3d(
        x=x, y=y, z=z, mode="markers", name="vacancy" if empty else name, showlegend=True, hoverinfo="name",
        marker={
            "size": 10 if loud else 9 if empty else size_of(name),
            "symbol": "circle-open" if empty else "circle",
            "color": drawing.color(name),
            "opacity": 1.0 if loud or empty else 0.8,
        },
    )  # fmt: skip


def _lines(go: Any, ends: NDArray[np.float64], color: str, width: float) -> Any:
    """Straight lines, ends (m, 2, 3), as one trace: a nan lifts the pen."""
    pen = np.concatenate([ends, np.full((len(ends), 1, 3), np.nan)], axis=1).reshape(-1, 3)
    x, y, z = ([None if np.isnan(v) else round(float(v), 4) for v in column] for column in pen.T)
    return go.Scatter3d(
        x=x, y=y, z=z, mode="lines", line={"color": color, "width": width}, hoverinfo="skip", showlegend=False
    )
