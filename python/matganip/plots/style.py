"""One look for every figure: colours, sizes, new Axes, the marks that many figures share, and writing to a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, require
from matganip.files import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

    Place = Axes | Figure | None
    """Where to draw: Axes, a figure that gets Axes (`off_screen`), or None for a new figure of pyplot's."""

Floats = NDArray[np.float64]

# A colour means the same in every figure: a model, a calculator, the mean baseline, the best.
# The four can be told apart with any common colour blindness, and in grey by their lightness.
INK = "#1f2a37"
MUTED = "#8a94a3"
GRID = "#e6e9ee"
MODEL = "#0f766e"
LABEL = "#c2571a"
BASELINE = "#7b8794"
BEST = "#b4134f"
SEQUENTIAL = "cividis"
DIVERGING = "RdBu_r"
DASHED = (0, (5, 3))

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
    "savefig.facecolor": "white",
    "svg.hashsalt": "matganip",
}
# The date of writing and the version of matplotlib would change the bytes of a file.
_METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": "matganip"},
    ".pdf": {"Creator": "matganip", "Producer": "matganip", "CreationDate": None},
    ".svg": {"Creator": "matganip", "Date": None},
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the house style; the settings that it makes are restored afterwards. Also a decorator."""
    # Not rc_context, which restores all settings: a notebook's backend, which is loaded with the first figure, sets one
    # without which no later figure would be shown.
    settings = require("matplotlib", "report").rcParams
    before = {name: settings[name] for name in _RC}
    settings.update(_RC)
    try:
        yield
    finally:
        settings.update(before)


def axes_or_new(ax: Place, width: float = 6.0, height: float = 4.0) -> Axes:
    """Return the Axes to draw into.

    Parameters
    ----------
    ax : Axes, Figure or None
        Axes are returned as they are. A figure (`off_screen`) takes the size and gets new Axes. None makes a new
        figure, one of pyplot's, so that a notebook shows it.
    width, height : float
        Size of the figure in inches.
    """
    made: Axes = panels_or_new(ax, 1, width, height)[0]
    return made


@house_style()
def panels_or_new(axes: Any, n: int, width: float, height: float, **grid: Any) -> NDArray[Any]:
    """Return `n` Axes beside each other to draw into, as `axes_or_new` does.

    Parameters
    ----------
    axes : array_like of Axes, Figure or None
    n : int
        How many there must be.
    width, height : float
        Size of the figure in inches.
    **grid
        Passed to `matplotlib.figure.Figure.subplots`.

    Returns
    -------
    (n,) ndarray of Axes

    Raises
    ------
    InputError
        If another number of Axes is given.
    """
    if axes is None:
        axes = require("matplotlib.pyplot", "report").figure(layout="constrained")
    if hasattr(axes, "subplots"):
        if hasattr(axes, "set_size_inches"):
            axes.set_size_inches(width, height)
        axes = axes.subplots(**({} if "nrows" in grid else {"ncols": n}), **grid)
        for ax in np.ravel(axes):
            # Ticks are made when they are drawn, by the settings of that moment, unless they are set here.
            ax.tick_params(color=MUTED, labelcolor=INK, labelsize=8.5)
    flat: NDArray[Any] = np.ravel(np.asarray(axes, dtype=object))
    if len(flat) != n:
        raise InputError(f"this figure has {n} panels, but axes holds {len(flat)}")
    return flat


def off_screen() -> Figure:
    """Make an empty figure without a window, to be written to a file; a plot function gives it its size."""
    made: Figure = require("matplotlib.figure", "report").Figure(layout="constrained")
    return made


def canvas(width: float, height: float, n: int = 1, **grid: Any) -> NDArray[Any]:
    """Make `n` Axes on a figure without a window, of this size in inches before `save_figure` trims the margins.

    Examples
    --------
    >>> canvas(8, 3, 2, width_ratios=(2, 1)).shape
    (2,)
    """
    return panels_or_new(off_screen(), n, width, height, **grid)


@house_style()
def save_figure(figure_or_axes: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file, atomically. Equal figures give equal bytes.

    Parameters
    ----------
    figure_or_axes : Figure, Axes or array of Axes
        What a plot function returned, or its figure.
    path : path-like
        Its suffix is ``.png``, ``.pdf`` or ``.svg``.

    Raises
    ------
    InputError
        If it has another suffix or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "line.png"
    >>> (ax,) = canvas(3, 2)
    >>> _ = ax.plot([0, 1], [0, 1])
    >>> save_figure(ax, path)
    >>> path.read_bytes()[1:4]
    b'PNG'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _METADATA:
        raise InputError(f"{path}: a figure is written as .png, .pdf or .svg")
    first = figure_or_axes if hasattr(figure_or_axes, "savefig") else np.ravel(figure_or_axes)[0]
    with atomic_path(path) as temporary:
        root_figure(first).savefig(temporary, dpi=170, bbox_inches="tight", pad_inches=0.12, metadata=_METADATA[suffix])


def root_figure(drawn: Any) -> Figure:
    """Return the figure that an Axes, or a figure inside another one, belongs to."""
    whole: Figure = drawn.figure.figure
    return whole


def mark_baseline(ax: Axes, value: float, name: str = "mean baseline") -> None:
    """Draw a level that every error or prediction is compared with: a dashed grey line with an entry in the legend."""
    ax.axhline(value, color=BASELINE, lw=1.4, ls=DASHED, zorder=1, label=name)


def note_level(ax: Axes, value: float, text: str) -> None:
    """Write what a level is at its right end, just above it."""
    ax.annotate(
        text, (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 3), textcoords="offset points",
        ha="right", fontsize=8.5, color=BASELINE,
    )  # fmt: skip


def color_bar(ax: Axes, mappable: ScalarMappable, label: str = "", **place: Any) -> None:
    """Add a slim colour bar beside the Axes; `place` goes to `matplotlib.figure.Figure.colorbar`."""
    bar = ax.figure.colorbar(mappable, ax=ax, **place)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2.5)
    bar.set_label(label, fontsize=8.5)


def without_frame(ax: Axes) -> None:
    """Hide the frame and the marks of the ticks, for images whose axes carry names."""
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)


def plain_ticks(ax: Axes) -> None:
    """Make the vertical axis logarithmic: ticks at 1, 2 and 5 where there is room, 0.001 rather than 1e-03, a grid."""
    ticker = require("matplotlib.ticker", "report")
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)))
    ax.yaxis.set_minor_locator(ticker.NullLocator())
    ax.yaxis.set_major_formatter(ticker.FuncFormatter(_plain))
    ax.grid(axis="y", color=GRID)


def _plain(value: float, _: object) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".") if value >= 1e-9 else f"{value:g}"
