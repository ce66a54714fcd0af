"""What a network looks at: the maps of its convolutions, and the peaks that a prediction rests on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.plots.style import (
    DIVERGING,
    INK,
    MODEL,
    MUTED,
    SEQUENTIAL,
    axes_or_new,
    color_bar,
    house_style,
    without_frame,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@house_style()
def feature_map_grid(
    maps: NDArray[np.float32], *, n_columns: int = 8, most: int = 16, title: str = "", ax: Place = None
) -> Axes:
    """Draw the maps of one convolution for one graph as a grid, those that see most first.

    Maps that are zero throughout are left out and counted in the heading.

    Parameters
    ----------
    maps : (c, h, w) float32 ndarray
        Outputs after ReLU, of one graph: `matganip.learning.saliency.feature_maps`.
    n_columns : int
        Maps in a row.
    most : int
        How many are drawn at most.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no map.
    """
    if maps.ndim != 3 or 0 in maps.shape:
        raise InputError(f"feature maps must have shape (channels, height, width); these have {maps.shape}")
    ax = axes_or_new(ax, 9.0, 3.0)
    deviation = maps.reshape(len(maps), -1).std(axis=1)
    silent = int((maps.reshape(len(maps), -1) == 0).all(axis=1).sum())
    order = np.argsort(-deviation, kind="stable")[: max(1, min(most, len(maps) - silent))]
    height, width = maps.shape[1:]
    gap = max(1, height // 10)
    n_rows = -(-len(order) // n_columns)
    # Fewer maps than columns leave white: maps of several grids of one width are drawn alike.
    canvas = np.full((n_rows * (height + gap) - gap, n_columns * (width + gap) - gap), np.nan)
    for place, number in enumerate(order):
        top, left = place // n_columns * (height + gap), place % n_columns * (width + gap)
        canvas[top : top + height, left : left + width] = maps[number]
    image = ax.imshow(canvas, cmap=SEQUENTIAL, vmin=0.0, interpolation="nearest")
    unseen = f" ({silent} of {len(maps)} maps are silent here)" if silent else ""
    ax.set(xticks=[], yticks=[], anchor="W")
    ax.set_title(title + unseen)
    ax.spines[:].set_visible(False)
    color_bar(ax, image, "output", fraction=0.02, pad=0.02, aspect=9)
    return ax


@house_style()
def saliency_bars(
    importance: Floats,
    names: Sequence[str],
    *,
    top: int = 12,
    unit: str = "meV/atom",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw the peaks that the predictions rest on, the most important first, with their share of the whole.

    Parameters
    ----------
    importance : (p,) float64 ndarray
        Mean absolute contribution of each peak: `matganip.learning.saliency.Saliency.importance`.
    names : sequence of str
        What to call each of the p peaks.
    top : int
        How many to draw; the others are summed up in the last bar.
    unit : str
        Of the contributions.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If not every peak has a name, or a number is too large to draw.
    """
    if len(names) != len(importance):
        raise InputError(f"{len(names)} names for {len(importance)} peaks")
    _check_size(importance)
    ax = axes_or_new(ax, 4.5, 5.2)
    share = importance / (float(importance.sum()) or 1.0)
    order = np.argsort(-importance, kind="stable")
    first, rest = order[:top], order[top:]
    lengths, labels = importance[first].tolist(), [names[k] for k in first]
    parts, colors = share[first].tolist(), [MODEL] * len(first)
    if rest.size:
        lengths, labels = [*lengths, float(importance[rest].sum())], [*labels, f"the other {len(rest)}"]
        parts, colors = [*parts, float(share[rest].sum())], [*colors, MUTED]
    ax.barh(range(len(lengths)), lengths, color=colors, height=0.68)
    for place, (length, part) in enumerate(zip(lengths, parts, strict=True)):
        ax.text(length, place, f"  {part:.0%}", va="center", fontsize=8, color=INK)
    ax.set_yticks(range(len(labels)), labels)
    ax.set(ylim=(len(lengths) - 0.4, -0.6), xlim=(0, 1.14 * (max(lengths) or 1.0)), title=title)
    ax.set_xlabel(_with_unit("mean |contribution|", unit))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


@house_style()
def saliency_map(
    contribution: Floats,
    prediction: Floats,
    names: Sequence[str],
    *,
    unit: str = "meV/atom",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw what each peak adds to each prediction, the arrangements in order of their prediction.

    Parameters
    ----------
    contribution : (n, p) float64 ndarray
        `matganip.learning.saliency.Saliency.contribution`: a row sums to its prediction less that of the mean pattern.
    prediction : (n,) float64 ndarray
        What the rows are sorted by, lowest on top.
    names : sequence of str
        What to call each of the p peaks.
    unit : str
        Of the contributions.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If not every peak has a name or every row a prediction, or a number is too large to draw.
    """
    _check_size(contribution)
    n, p = contribution.shape
    if len(names) != p or prediction.shape != (n,):
        raise InputError(f"{len(names)} names and {prediction.shape} predictions for {n} arrangements of {p} peaks")
    ax = axes_or_new(ax, 8.0, 5.2)
    rows = contribution[np.argsort(prediction, kind="stable")]
    bound = float(np.quantile(np.abs(rows), 0.995)) or 1.0
    image = ax.imshow(rows, cmap=DIVERGING, vmin=-bound, vmax=bound, aspect="auto", interpolation="nearest")
    step = -(-p // 30)  # more labels than this would touch each other
    ax.set_xticks(range(0, p, step), [names[k] for k in range(0, p, step)], rotation=90, fontsize=7.5)
    ax.set_yticks([0, n - 1], ["lowest", "highest"])
    ax.set(title=title, ylabel="arrangements by prediction")
    without_frame(ax)
    color_bar(ax, image, _with_unit("contribution", unit), fraction=0.04, pad=0.02, extend="both")
    return ax


def _check_size(contribution: Floats) -> None:
    """Axes have no place for what is not finite, or near the end of the floating-point range."""
    if not (np.abs(contribution) < 1e300).all():
        raise InputError(f"contributions as large as {np.abs(contribution).max():g} cannot be drawn")


def _with_unit(words: str, unit: str) -> str:
    return f"{words}, {unit}" if unit else words
