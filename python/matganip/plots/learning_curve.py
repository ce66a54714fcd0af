"""Test error against number of labels, for several ways to choose them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matganip.plots.style import BEST, CONSTANT, GRID, LABEL, MODEL, MUTED, axes_or_new, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.sampling.replay import LearningCurves

_COLOURS = {"random": MUTED, "mixed": MODEL, "uncertainty": BEST, "d-optimal": LABEL}
_OTHERS = ("#4c6a9c", "#8a6d1d")


def plot_learning_curves(
    curves: LearningCurves, *, unit: str = "meV/atom", title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the test error of each strategy: the mean over the seeds as a line, from least to largest as a band.

    Parameters
    ----------
    curves : LearningCurves
    unit : str
        Of the errors.
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        Logarithmic in the error, with the constant's error and twice the final one as dashed lines.
    """
    ax = axes_or_new(ax)
    others = iter(_OTHERS)
    for name, error in curves.error.items():
        colour = _COLOURS.get(name) or next(others)
        ax.fill_between(curves.n_labels, error.min(axis=0), error.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        ax.plot(curves.n_labels, error.mean(axis=0), color=colour, label=name)
    for value, text in ((curves.constant.mean(), "constant"), (2 * curves.final.mean(), "twice the final error")):
        ax.axhline(value, color=CONSTANT, linestyle="--", linewidth=0.9)
        ax.annotate(text, (1, value), xycoords=("axes fraction", "data"), xytext=(-2, 3), textcoords="offset points",
                    ha="right", fontsize=8, color=CONSTANT)  # fmt: skip
    ax.set(
        title=title,
        yscale="log",
        xlabel=f"labels, of {curves.n_pool} orbits",
        ylabel=f"MAE on {curves.n_test} held-out orbits, {unit}",
        xlim=(0, float(np.max(curves.n_labels))),
    )
    ax.grid(axis="y", color=GRID)
    ax.legend(title=f"mean and range, {len(curves.seeds)} seeds", title_fontsize=8.5)
    return ax


def save_learning_curves(curves: LearningCurves, path: Path, *, title: str = "") -> None:
    """Write `plot_learning_curves` to a PNG."""
    with figure(path, 6.4, 4.0) as ax:
        plot_learning_curves(curves, title=title, ax=ax)
