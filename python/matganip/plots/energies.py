"""Figures of predicted energies: against calculated ones, ranked, the winners of a screen, and how many lie where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError, require
from matganip.plots.style import (
    BASELINE,
    BEST,
    INK,
    LABEL,
    MODEL,
    axes_or_new,
    house_style,
    mark_baseline,
    panels_or_new,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]


class Parity(NamedTuple):
    """What one panel of `parity_panels` shows; the fields are the arguments of `parity`."""

    calculated: Floats
    predicted: Floats
    multiplicity: NDArray[np.int64] | None = None
    baseline: float | Floats | None = None
    title: str = ""
    text: str = ""


def metrics_text(mae: float, baseline_mae: float, spearman: float, r2: float) -> str:
    """Write errors into the corner of a parity figure, that of the mean baseline beside the model's.

    >>> print(metrics_text(0.0123, 0.38, 0.991, 0.998))
    MAE 0.0123 (mean baseline 0.380)
    Spearman 0.991   R² 0.9980
    """
    return f"MAE {mae:.4f} (mean baseline {baseline_mae:.3f})\nSpearman {spearman:.3f}   R² {r2:.4f}"


@house_style()
def parity(
    calculated: Floats,
    predicted: Floats,
    multiplicity: NDArray[np.int64] | None = None,
    baseline: float | Floats | None = None,
    *,
    spread: Floats | None = None,
    title: str = "",
    text: str = "",
    ax: Place = None,
) -> Axes:
    """Draw predictions against calculated values, with the line of a perfect model and the mean baseline.

    Parameters
    ----------
    calculated, predicted : (n,) float64 ndarray
        In meV/atom, from any common origin.
    multiplicity : (n,) int64 ndarray, optional
        Size of each orbit; it sets the area of the marker.
    baseline : float or (n,) float64 ndarray, optional
        What the mean baseline predicts (one value for each fold, if there are folds), in meV/atom.
    spread : (n,) float64 ndarray, optional
        Standard deviation of each prediction, in meV/atom; drawn as error bars.
    title, text : str
        Heading, and what to write into the free corner (`metrics_text`, the split).
    ax : Axes or Figure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 4.3, 4.3)
    low, high = _limits(np.concatenate([calculated, predicted]))
    ax.plot([low, high], [low, high], color=INK, lw=1.0, zorder=1, label="perfect")
    if baseline is not None:
        level = np.broadcast_to(np.asarray(baseline, dtype=float), calculated.shape)
        if np.ptp(level) == 0.0:
            mark_baseline(ax, level[0])
        else:
            ax.scatter(
                calculated, level, marker="_", s=40, color=BASELINE, zorder=1, label="mean baseline of each fold"
            )
    if spread is not None:
        ax.errorbar(calculated, predicted, yerr=spread, fmt="none", ecolor=MODEL, elinewidth=0.8, alpha=0.5, zorder=1)
    weight = np.ones(calculated.shape) if multiplicity is None else multiplicity / multiplicity.max()
    area = 12.0 + 60.0 * weight if multiplicity is not None else 28.0 * weight
    ax.scatter(calculated, predicted, s=area, color=MODEL, alpha=0.62, edgecolors="white", linewidths=0.6, zorder=2)
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal", title=title)
    ax.set_xlabel("calculated, meV/atom")
    ax.set_ylabel("predicted, meV/atom")
    ax.text(0.04, 0.96, text, transform=ax.transAxes, va="top", fontsize=8.5, linespacing=1.5)
    ax.legend(loc="lower right", handlelength=2.2)
    return ax


def parity_panels(parts: Sequence[Parity], *, axes: Any = None) -> NDArray[Any]:
    """Draw several sets beside each other (training and test, or several splits), as `parity` does.

    Parameters
    ----------
    parts : sequence of n Parity
    axes : (n,) array of Axes, or Figure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    (n,) ndarray of Axes
    """
    panels = panels_or_new(axes, len(parts), 4.3 * len(parts), 4.3)
    for part, ax in zip(parts, panels, strict=True):
        parity(*part[:4], title=part.title, text=part.text, ax=ax)
    return panels


@house_style()
def ranked(
    predicted: Floats,
    multiplicity: NDArray[np.int64],
    calculated: Floats,
    trained: NDArray[np.bool_],
    *,
    top: int,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw a whole ranking: predicted energy over the fraction of arrangements, calculated values as dots.

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
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 6.8, 4.2)
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
    marked = min(top, len(predicted))
    ax.axvspan(0, edges[marked], color=BEST, alpha=0.10, lw=0)
    ax.annotate(
        f"first {marked} orbits", (edges[marked], ax.get_ylim()[1]), xytext=(5, -2), textcoords="offset points",
        color=BEST, fontsize=8.5, va="top",
    )  # fmt: skip
    ax.set(xlim=(0, 100), title=title, xlabel="arrangements in order of the prediction, %")
    ax.set_ylabel("above the lowest prediction, meV/atom")
    ax.legend(loc="lower right")
    return ax


@house_style()
def winners(
    predicted: ArrayLike,
    *,
    spread: ArrayLike | None = None,
    calculated: ArrayLike | None = None,
    calculator: str = "label",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw the best arrangements of a screen or a search by rank, with labels and the model's uncertainty.

    Parameters
    ----------
    predicted : (n,) array
        Best first, in meV/atom above the first.
    spread : (n,) array, optional
        Standard deviation of each prediction, in meV/atom; drawn as error bars.
    calculated : (n,) array, optional
        Labels in meV/atom from the same origin, nan where there is none.
    calculator : str
        Whose labels they are.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no arrangement or an array has another length.

    Examples
    --------
    >>> from matganip.plots.style import off_screen
    >>> winners([0.0, 0.2, 0.3], spread=[0.1, 0.1, 0.1], ax=off_screen()).get_xlabel()
    'rank'
    """
    energy = np.asarray(predicted, dtype=np.float64)
    given = {"spread": spread, "calculated": calculated}
    values = {name: np.asarray(each, dtype=np.float64) for name, each in given.items() if each is not None}
    if not energy.size or any(each.shape != energy.shape for each in values.values()):
        shapes = ", ".join(f"{name} {each.shape}" for name, each in values.items())
        raise InputError(
            f"there must be one or more winners, each with every number: predicted {energy.shape}, {shapes}"
        )
    ax = axes_or_new(ax, 6.8, 3.8)
    rank = np.arange(1, len(energy) + 1)
    if "calculated" in values:
        ax.scatter(rank, values["calculated"], s=26, marker="D", color=LABEL, lw=0, label=calculator, zorder=2)
    ax.errorbar(
        rank, energy, yerr=values.get("spread"), color=MODEL, lw=0.8, ecolor=MODEL, elinewidth=0.9, capsize=2,
        marker="o", ms=4.5, mec="white", mew=0.5, zorder=3,
        label="prediction" if spread is None else "prediction and standard deviation",
    )  # fmt: skip
    ax.set(title=title, xlabel="rank", ylabel="above the first, meV/atom", xlim=(0.5, len(energy) + 0.5))
    ax.xaxis.set_major_locator(require("matplotlib.ticker", "report").MaxNLocator(integer=True))
    ax.legend(loc="best")
    return ax


@house_style()
def energy_histogram(
    energy: Floats,
    multiplicity: NDArray[np.int64],
    *,
    label: str = "above the lowest, meV/atom",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw how many arrangements (orbits counted by their multiplicity) lie at which energy.

    Parameters
    ----------
    energy : (n,) float64 ndarray
        In meV/atom.
    multiplicity : (n,) int64 ndarray
        Size of each orbit.
    label : str
        What the energy is, with its unit.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 4.0, 4.2)
    counts, edges = np.histogram(energy, bins=min(40, max(5, len(energy) // 6)), weights=multiplicity)
    ax.stairs(counts, edges, fill=True, color=MODEL, alpha=0.25)
    ax.stairs(counts, edges, color=MODEL, lw=1.4)
    ax.set(title=title, xlabel=label, ylabel="arrangements", ylim=(0, None))
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return ax


def _limits(values: Floats) -> tuple[float, float]:
    """The range of the values with some air, the same for both axes."""
    low, high = float(values.min()), float(values.max())
    air = 0.07 * (high - low) or 1.0
    return low - air, high + air
