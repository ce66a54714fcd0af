"""One look for every figure: the colours, the sizes, and how a figure is written to disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.errors import require
from matganip.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A colour means the same in every figure: what a model says, what a calculator says, the constant, the best.
INK = "#1f2a37"
MUTED = "#8a94a3"
GRID = "#e6e9ee"
MODEL = "#0f766e"
LABEL = "#c2571a"
CONSTANT = "#7b8794"
BEST = "#b4134f"
SEQUENTIAL = "cividis"
DIVERGING = "RdBu_r"

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.5,
    "figure.facecolor": "white",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
}


@contextmanager
def figure(path: Path, width: float, height: float, **grid: Any) -> Iterator[Any]:
    """A figure in the house style, written to ``path`` when the block ends.

    Nothing global is touched: no pyplot, no window, matplotlib's settings are put back.

    Parameters
    ----------
    path : pathlib.Path
        Where the PNG goes, by `atomic_path`.
    width, height : float
        In inches, before the margins are trimmed.
    **grid
        Passed to `matplotlib.figure.Figure.subplots` (``nrows``, ``ncols``, ``width_ratios`` ...).

    Yields
    ------
    Axes or ndarray of Axes
        What `subplots` returns.
    """
    matplotlib = require("matplotlib", "report")
    figure_module = require("matplotlib.figure", "report")
    with matplotlib.rc_context(_RC):
        canvas: Figure = figure_module.Figure(figsize=(width, height))
        yield canvas.subplots(**grid)
        with atomic_path(path) as temporary:
            # The software's name in the metadata would change the bytes with matplotlib's version.
            canvas.savefig(temporary, dpi=170, bbox_inches="tight", pad_inches=0.12, metadata={"Software": "matganip"})


def axes_or_new(ax: Axes | None) -> Axes:
    """The given axes, or those of a new figure (pyplot's, so that a notebook shows it)."""
    if ax is not None:
        return ax
    pyplot = require("matplotlib.pyplot", "report")
    new: Axes = pyplot.subplots(layout="constrained")[1]
    return new
