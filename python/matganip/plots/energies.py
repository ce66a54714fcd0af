"""Figures of a property: predicted against calculated, ranked, and while it is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import require
from matganip.plots.style import BEST, CONSTANT, INK, LABEL, MODEL, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

"""loss(D) where D(x_r) = D(x_f) = 1/2: -(log 1/2 + log 1/2) (MATGANIP, equation 2)."""


def parity(
    calculated: Floats,
    predicted: Floats,
    multiplicity: NDArray[np.int64],
    constant: float | Floats,
    *,
    title: str = "",
    text: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw predictions against calculated values, with the line of a perfect model and the constant's.

    Parameters
    ----------
    calculated, predicted : (n,) float64 ndarray
        In meV/atom, from any common origin.
    multiplicity : (n,) int64 ndarray
        Size of each orbit; it sets the area of the marker.
    constant : float or (n,) float64 ndarray
        What the constant baseline says (one value for each fold, if there are folds), in meV/atom.
    title, text : str
        Heading, and what to write into the free corner (errors, split).
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    low, high = _limits(np.concatenate([calculated, predicted]))
    ax.plot([low, high], [low, high], color=INK, lw=1.0, zorder=1, label="perfect")
    level = np.broadcast_to(np.asarray(constant, dtype=float), calculated.shape)
    if np.ptp(level) == 0.0:
        ax.axhline(level[0], color=CONSTANT, lw=1.4, ls=(0, (5, 3)), zorder=1, label="constant")
    else:
        ax.scatter(calculated, level, marker="_", s=40, color=CONSTANT, zorder=1, label="constant of each fold")
    area = 12.0 + 60.0 * multiplicity / multiplicity.max()
    ax.scatter(calculated, predicted, s=area, color=MODEL, alpha=0.62, edgecolors="white", linewidths=0.6, zorder=2)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", title=title)
    ax.set_xlabel("calculated, meV/atom")
    ax.set_ylabel("predicted, meV/atom")
    ax.text(0.04, 0.96, text, transform=ax.transAxes, va="top", fontsize=8.5, linespacing=1.5)
    ax.legend(loc="lower right", handlelength=2.2)
    return ax


def ranked(
    predicted: Floats,
    multiplicity: NDArray[np.int64],
    calculated: Floats,
    trained: NDArray[np.bool_],
    *,
    top: int,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the ranking: predicted energy over the fraction of arrangements, calculated values as dots.

    Parameters
    ----------
    predicted : (n,) float64 ndarray
        Ascending, in meV/atom.
    multiplicity : (n,) int64 ndarray
        Size of each orbit: its width along the axis.
    calculated : (n,) float64 ndarray
        In meV/atom from the same origin, nan where there is no label.
    trained : (n,) bool ndarray
        Whether the model was trained on the label; those are drawn hollow.
    top : int
        How many of the lowest to mark.
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    edges = np.concatenate([[0.0], np.cumsum(multiplicity)]) / multiplicity.sum() * 100.0
    middle = (edges[:-1] + edges[1:]) / 2.0
    unseen = ~trained & np.isfinite(calculated)
    ax.scatter(middle[unseen], calculated[unseen], s=13, color=LABEL, alpha=0.55, lw=0, label="label, unseen")
    ax.scatter(
        middle[trained],
        calculated[trained],
        s=13,
        facecolors="none",
        edgecolors=LABEL,
        linewidths=0.7,
        alpha=0.7,
        label="label, trained on",
    )
    ax.stairs(predicted, edges, baseline=None, color=MODEL, lw=2.0, label="prediction")
    last = edges[min(top, len(predicted))]
    ax.axvspan(0, last, color=BEST, alpha=0.10, lw=0)
    ax.annotate(
        f"first {min(top, len(predicted))} orbits",
        (last, ax.get_ylim()[1]),
        xytext=(5, -2),
        textcoords="offset points",
        color=BEST,
        fontsize=8.5,
        va="top",
    )
    ax.set(xlim=(0, 100), title=title, xlabel="arrangements in order of the prediction, %")
    ax.set_ylabel("above the lowest prediction, meV/atom")
    ax.legend(loc="lower right")
    return ax


def energy_histogram(
    energy: Floats, multiplicity: NDArray[np.int64], *, label: str, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw how many arrangements (orbits counted by their multiplicity) lie at which energy, in meV/atom."""
    ax = axes_or_new(ax)
    counts, edges = np.histogram(energy, bins=min(40, max(5, len(energy) // 6)), weights=multiplicity)
    ax.stairs(counts, edges, fill=True, color=MODEL, alpha=0.25)
    ax.stairs(counts, edges, color=MODEL, lw=1.4)
    ax.set(title=title, xlabel=label, ylabel="arrangements", ylim=(0, None))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return ax


def adversarial_balance(
    epochs: Sequence[int],
    curves: dict[str, Floats],
    optimum: tuple[float, str] | None,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw losses or verdicts of the adversarial game over the epochs, and the value, if any, where neither wins."""
    ax = axes_or_new(ax)
    for (name, values), color in zip(curves.items(), (MODEL, LABEL, BEST), strict=False):
        ax.plot(epochs, values, color=color, lw=1.4, label=name)
    if optimum is not None:
        level, name = optimum
        ax.axhline(level, color=INK, lw=1.0, ls=(0, (5, 3)), label=name, zorder=1)
        largest = max(float(np.abs(values - level).max()) for values in curves.values())
        reach = 1.5 * max(largest, 0.01 * level, 1e-6)
        ax.set_ylim(level - reach, level + reach)
    ax.set(title=title, xlabel="epoch", xlim=(0, max(epochs)))
    ax.legend(loc="lower right", ncols=len(curves) + 1)
    return ax


def learning_curve(
    epochs: Sequence[int],
    errors: dict[str, Floats],
    constant: float,
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw mean absolute errors in meV/atom over the epochs, on a logarithmic scale, with the constant's."""
    ax = axes_or_new(ax)
    for (name, values), color in zip(errors.items(), (MODEL, LABEL), strict=False):
        ax.plot(epochs, values, color=color, lw=1.2, label=name)
    ax.axhline(constant, color=CONSTANT, lw=1.4, ls=(0, (5, 3)), label="constant")
    ax.set(title=title, xlabel="epoch", ylabel="MAE, meV/atom", xlim=(0, max(epochs)), yscale="log")
    ax.yaxis.set_major_locator(require("matplotlib.ticker", "report").LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_minor_locator(require("matplotlib.ticker", "report").NullLocator())
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.grid(axis="y")
    ax.legend(loc="best")
    return ax


def _limits(values: Floats) -> tuple[float, float]:
    """The range of the values with some air, the same for both axes."""
    low, high = float(values.min()), float(values.max())
    air = 0.07 * (high - low) or 1.0
    return low - air, high + air
