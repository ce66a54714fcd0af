"""Two quantities of the same crystals in one map of split squares (MATGANIP, figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError, require
from matganip.plots.style import GRID, INK, MUTED, axes_or_new, color_bar, house_style, without_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

    from matganip.plots.style import Place

Floats = NDArray[np.float64]

UPPER_COLORS, LOWER_COLORS = "YlOrBr", "GnBu"


def pearson(x: Floats, y: Floats) -> float:
    """Pearson's correlation of the pairs of which both numbers are known.

    Parameters
    ----------
    x, y : (n,) float64 ndarray
        nan where a number is not known.

    Returns
    -------
    float
        nan where fewer than three pairs are known or one side is constant.

    Examples
    --------
    >>> pearson(np.array([1.0, 2.0, 3.0, np.nan]), np.array([3.0, 2.0, 1.0, 0.0]))
    -1.0
    """
    known = np.isfinite(x) & np.isfinite(y)
    a, b = x[known], y[known]
    if known.sum() < 3 or np.ptp(a) <= 1e-12 * np.abs(a).max() or np.ptp(b) <= 1e-12 * np.abs(b).max():
        return float("nan")
    a, b = a - a.mean(), b - b.mean()
    return float(np.clip(a @ b / np.sqrt((a @ a) * (b @ b)), -1.0, 1.0))


@house_style()
def split_heat_map(
    upper: Floats,
    lower: Floats,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    upper_label: str = "energy above the row's lowest, meV/atom",
    lower_label: str = "structure factor",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw a map whose squares are split: one quantity upper left, the other lower right.

    Beside each row and below each column stands Pearson's correlation of the two along it.

    Parameters
    ----------
    upper, lower : (n, m) float64 ndarray
        The two quantities (energy and factor, in the paper) of n rows (formulas) and m columns (arrangements); nan
        where one is not known, which leaves its triangle empty. Energies of different formulas have no common
        origin: subtract each row's lowest first.
    rows, columns : sequence of str
        Their names.
    upper_label, lower_label : str
        What the colours mean, with units.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the shapes do not fit together.
    """
    shape = (len(rows), len(columns))
    if not shape == upper.shape == lower.shape or 0 in shape:
        raise InputError(
            f"{shape[0]} rows and {shape[1]} columns are named; the two maps are {upper.shape} and {lower.shape}"
        )
    ax = axes_or_new(ax, 8.5, 0.42 * len(rows) + 1.8)
    bars = [
        (_triangles(upper, UPPER_COLORS, True, ax), upper_label),
        (_triangles(lower, LOWER_COLORS, False, ax), lower_label),
    ]
    ax.set(xlim=(0, shape[1]), ylim=(shape[0], 0), aspect="equal", title=title)
    ax.set_xticks(np.arange(shape[1]) + 0.5, columns)
    ax.set_yticks(np.arange(shape[0]) + 0.5, rows)
    ax.xaxis.tick_top()
    without_frame(ax)
    _write_pearson(upper, lower, ax)
    for (triangles, label), pad in zip(bars, (0.12, 0.04), strict=True):
        color_bar(ax, triangles, label, fraction=0.05, pad=pad, aspect=28)
    return ax


def _triangles(values: Floats, colors: str, upper: bool, ax: Axes) -> PolyCollection:
    """One half of every square that has a value; squares are numbered from the top."""
    collections = require("matplotlib.collections", "report")
    row, column = np.nonzero(np.isfinite(values))
    corner = np.array([[0, 0], [1, 0], [0, 1]] if upper else [[1, 1], [1, 0], [0, 1]], dtype=float)
    places = np.stack([column, row], axis=1)[:, np.newaxis, :] + 0.5
    squeezed = 0.5 + 0.93 * (corner - 0.5)
    polygons = places + (squeezed - 0.5)
    drawn: PolyCollection = collections.PolyCollection(polygons, cmap=colors, edgecolors="white", linewidths=0.4)
    drawn.set_array(values[row, column])
    empty_row, empty_column = np.nonzero(~np.isfinite(values))
    empty = np.stack([empty_column, empty_row], axis=1)[:, np.newaxis, :] + 0.5 + (squeezed - 0.5)
    if len(empty):
        ax.add_collection(
            collections.PolyCollection(empty, facecolors="none", edgecolors=GRID, hatch="////", linewidths=0.4)
        )
    ax.add_collection(drawn)
    return drawn


def _write_pearson(upper: Floats, lower: Floats, ax: Axes) -> None:
    n, m = upper.shape
    for row in range(n):
        _number(pearson(upper[row], lower[row]), (m + 0.15, row + 0.5), "left", "center", ax)
    for column in range(m):
        _number(pearson(upper[:, column], lower[:, column]), (column + 0.5, n + 0.2), "center", "top", ax)
    ax.text(m + 0.15, -0.12, "r", fontsize=8.5, style="italic", color=MUTED, va="bottom")
    ax.text(-0.12, n + 0.2, "r", fontsize=8.5, style="italic", color=MUTED, va="top", ha="right")


def _number(value: float, place: tuple[float, float], ha: str, va: str, ax: Axes) -> None:
    text = f"{value:+.2f}".replace("-", "\u2212") if np.isfinite(value) else "\u2013"
    strong = np.isfinite(value) and abs(value) >= 0.8
    ax.text(*place, text, ha=ha, va=va, fontsize=8, color=INK if strong else MUTED,
            fontweight="bold" if strong else "normal")  # fmt: skip
