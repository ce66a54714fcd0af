"""A training over the epochs: losses and verdicts of the game, the last epochs enlarged, and errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.plots.style import (
    DASHED,
    GRID,
    INK,
    LABEL,
    MODEL,
    MUTED,
    axes_or_new,
    house_style,
    mark_baseline,
    panels_or_new,
    plain_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.learning.history import TrainingHistory
    from matganip.plots.style import Place

Floats = NDArray[np.float64]


def training_curves(
    history: TrainingHistory, optima: tuple[float | None, float | None] = (None, None), *, axes: Any = None
) -> NDArray[Any]:
    """Draw losses, verdicts and errors of a training beside each other; the errors alone where no game was played.

    Parameters
    ----------
    history : TrainingHistory
        In the unit to be shown (`TrainingHistory.scaled`).
    optima : (float or None, float or None)
        loss(D) and verdict where neither network wins; None draws no line.
    axes : array of Axes, or Figure, optional
        Where to draw, three panels or one; a new figure by default.

    Returns
    -------
    (3,) or (1,) ndarray of Axes
    """
    epochs = history.column("epoch")
    playing = bool(np.isfinite(history.column("loss_d")).any())
    panels = panels_or_new(axes, 3, 12.5, 3.9) if playing else panels_or_new(axes, 1, 5.0, 3.9)
    if playing:
        loss_d, loss_g = history.column("loss_d"), history.column("loss_g")
        loss_curves(epochs, loss_d, loss_g, optimum=optima[0], title="Losses", ax=panels[0])
        real, fake = history.column("d_real"), history.column("d_fake")
        verdict_curves(epochs, real, fake, optimum=optima[1], title="Verdicts of D", ax=panels[1])
    errors = {"training set": history.column("train_mae")}
    baseline = history.last.baseline_mae
    validation = history.column("validation_mae")
    if np.isfinite(validation).any():
        errors["held-out orbits"] = validation
        baseline = history.last.validation_baseline_mae
    error_curves(epochs, errors, baseline, unit=history.last.unit, title="Error of G", ax=panels[-1])
    return panels


@house_style()
def loss_curves(
    epochs: Floats,
    loss_d: Floats,
    loss_g: Floats,
    *,
    optimum: float | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw F_loss(D) and F_loss(G) over the epochs (MATGANIP, figures 4a and 6a).

    Parameters
    ----------
    epochs, loss_d, loss_g : (n,) float64 ndarray
    optimum : float, optional
        loss(D) where neither network wins, 2 log 2 = 1.3863 for the paper's losses: a dashed line.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
        With one inset: loss(D) over the last tenth of the epochs.

    Raises
    ------
    InputError
        If no game was played.
    """
    curves = {"loss(D)": (loss_d, MODEL), "loss(G)": (loss_g, LABEL)}
    name = "" if optimum is None else f"loss(D) = {optimum:.4f}: neither wins"
    ax = _game(epochs, curves, optimum, name, zoomed=("loss(D)",), ax=axes_or_new(ax, 5.0, 3.9))
    ax.set(title=title, ylabel="loss")
    return ax


@house_style()
def verdict_curves(
    epochs: Floats,
    real: Floats,
    generated: Floats,
    *,
    optimum: float | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw D(x_r) and D(x_f) over the epochs, and the verdict of a D that cannot tell; otherwise as `loss_curves`."""
    curves = {"D(x_r), real": (real, MODEL), "D(x_f), generated": (generated, LABEL)}
    name = "" if optimum is None else f"D = {optimum:g}: it cannot tell"
    ax = _game(epochs, curves, optimum, name, zoomed=tuple(curves), ax=axes_or_new(ax, 5.0, 3.9))
    ax.set(title=title, ylabel="verdict of D")
    return ax


@house_style()
def error_curves(
    epochs: Floats,
    errors: Mapping[str, Floats],
    baseline: float,
    *,
    unit: str = "meV/atom",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw mean absolute errors over the epochs, on a logarithmic scale, beside that of the mean baseline.

    Parameters
    ----------
    epochs : (n,) float64 ndarray
    errors : mapping of str to (n,) float64 ndarray
        By the set they are of, at most two.
    baseline : float
        Error of the mean baseline.
    unit : str
        Of the errors.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 5.0, 3.9)
    for (name, values), color in zip(errors.items(), (MODEL, LABEL), strict=False):
        ax.plot(epochs, values, color=color, lw=1.2, label=name)
    mark_baseline(ax, baseline)
    plain_ticks(ax)
    ax.set(title=title, xlabel="epoch", ylabel=f"MAE, {unit}" if unit else "MAE", xlim=(0, float(np.max(epochs))))
    ax.legend(loc="best")
    return ax


def _game(
    epochs: Floats,
    curves: Mapping[str, tuple[Floats, str]],
    optimum: float | None,
    optimum_name: str,
    zoomed: tuple[str, ...],
    ax: Axes,
) -> Axes:
    if not all(np.isfinite(values).any() for values, _ in curves.values()):
        raise InputError("no game was played in this training: there is no loss of D to draw")
    for name, (values, color) in curves.items():
        ax.plot(epochs, values, color=color, lw=1.3, label=name)
    if optimum is not None:
        ax.axhline(optimum, color=INK, lw=1.0, ls=DASHED, zorder=1, label=optimum_name)
    _scale([values for values, _ in curves.values()], optimum, ax)
    ax.set(xlabel="epoch", xlim=(0, float(epochs.max())))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, columnspacing=1.2, handlelength=1.6)
    _enlarge_the_end(epochs, {name: curves[name] for name in zoomed}, optimum, ax)
    return ax


def _enlarge_the_end(epochs: Floats, curves: Mapping[str, tuple[Floats, str]], optimum: float | None, ax: Axes) -> None:
    """An inset with the last tenth of the epochs."""
    first = min(math.floor(0.9 * len(epochs)), max(0, len(epochs) - 3))
    end = slice(first, None)
    inset = ax.inset_axes((0.36, 0.67, 0.61, 0.28))
    for values, color in curves.values():
        inset.plot(epochs[end], values[end], color=color, lw=1.2)
    if optimum is not None:
        inset.axhline(optimum, color=INK, lw=0.9, ls=DASHED, zorder=1)
        inset.yaxis.set_major_formatter(lambda value, _: f"{value:.4g}")
    last = np.concatenate([values[end] for values, _ in curves.values()])
    level = float(np.nanmean(last)) if optimum is None else optimum
    reach = 1.3 * max(float(np.nanmax(np.abs(last - level))), 1e-3 * abs(level), 1e-6)
    inset.set(xlim=(epochs[first], epochs[-1] if len(epochs) - first > 1 else epochs[-1] + 1))
    inset.set_ylim(level - reach, level + reach)
    inset.set_title("the end", fontsize=8, fontweight="normal", pad=3, color=MUTED)
    inset.tick_params(labelsize=7.5, length=2.5)
    inset.locator_params(axis="both", nbins=3)
    inset.spines[["top", "right"]].set_visible(True)
    inset.spines[:].set_color(GRID)
    inset.spines[:].set_linewidth(1.2)


def _scale(curves: list[Floats], optimum: float | None, ax: Axes) -> None:
    """Set the vertical axis: logarithmic where a loss grows to many times the other, free in its upper part.

    The inset stands in that part. First spikes may leave the range.
    """
    values = np.concatenate([curve[np.isfinite(curve)] for curve in curves])
    low, high = np.percentile(values, [0.5, 99.5])
    if optimum is not None:
        low, high = min(low, optimum), max(high, optimum)
    if low > 0 and high > 6 * low and high > 1:
        low, high = low / 1.15, high * 1.15
        ax.set_yscale("log")
        ax.set_ylim(low, high * (high / low) ** 0.72)
        ax.set_yticks([tick for tick in _TICKS if low <= tick <= high], minor=False)
        ax.set_yticks([], minor=True)
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        return
    air = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    low, high = low - air, high + air
    ax.set_ylim(low, high + 0.72 * (high - low))
    ax.set_yticks([tick for tick in ax.get_yticks() if low <= tick <= high])


_TICKS = [digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 5)]
