"""The adversarial game over the epochs: losses and verdicts, with the end enlarged and the optimum drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.learning.config import OPTIMA
from matganip.plots.energies import learning_curve
from matganip.plots.style import GRID, INK, LABEL, MODEL, MUTED, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.learning.history import TrainingHistory

Floats = NDArray[np.float64]

PAPERS_LOSS, PAPERS_VERDICT = OPTIMA["minimax"]


def loss_curves(
    history: TrainingHistory, *, optimum: float | None = PAPERS_LOSS, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw F_loss(D) and F_loss(G) over the epochs (MATGANIP, figures 4a and 6a).

    Parameters
    ----------
    history : TrainingHistory
        Of a training with a game.
    optimum : float, optional
        loss(D) where neither network wins: 2 log 2 = 1.3863 for the paper's losses; None draws no line.
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
        With one inset: loss(D) over the last tenth of the epochs.

    Raises
    ------
    InputError
        If no game was played.
    """
    loss_d, loss_g = history.column("loss_d"), history.column("loss_g")
    curves = {"loss(D)": (loss_d, MODEL), "loss(G)": (loss_g, LABEL)}
    name = "" if optimum is None else f"loss(D) = {optimum:.4f}: neither wins"
    ax = _game(history, curves, optimum, name, zoomed=("loss(D)",), ax=axes_or_new(ax))
    ax.set(title=title, ylabel="loss")
    return ax


def verdict_curves(
    history: TrainingHistory, *, optimum: float | None = PAPERS_VERDICT, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw D(x_r) and D(x_f) over the epochs; the arguments are those of `loss_curves`, and so are the errors."""
    curves = {"D(x_r), real": (history.column("d_real"), MODEL), "D(x_f), generated": (history.column("d_fake"), LABEL)}
    name = "" if optimum is None else f"D = {optimum:g}: it cannot tell"
    ax = _game(history, curves, optimum, name, zoomed=tuple(curves), ax=axes_or_new(ax))
    ax.set(title=title, ylabel="verdict of D")
    return ax


def error_curves(history: TrainingHistory, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw the error on the training and the validation set over the epochs, beside the constant's.

    Parameters
    ----------
    history : TrainingHistory
        In the unit to be shown (`TrainingHistory.scaled`).
    title : str
        Heading.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    epochs = history.column("epoch").astype(int).tolist()
    errors = {"training set": history.column("train_mae")}
    validation = history.column("validation_mae")
    known = bool(np.isfinite(validation).any())
    if known:
        errors["held-out orbits"] = validation
    constant = history.last.validation_constant_mae if known else history.last.constant_mae
    ax = learning_curve(epochs, errors, constant, title=title, ax=axes_or_new(ax))
    ax.set_ylabel(f"MAE, {history.last.unit}" if history.last.unit else "MAE")
    return ax


def _game(
    history: TrainingHistory,
    curves: Mapping[str, tuple[Floats, str]],
    optimum: float | None,
    optimum_name: str,
    zoomed: tuple[str, ...],
    ax: Axes,
) -> Axes:
    epochs = history.column("epoch")
    if not all(np.isfinite(values).any() for values, _ in curves.values()):
        raise InputError("no game was played in this training: there is no loss of D to draw")
    for name, (values, color) in curves.items():
        ax.plot(epochs, values, color=color, lw=1.3, label=name)
    if optimum is not None:
        ax.axhline(optimum, color=INK, lw=1.0, ls=(0, (5, 3)), zorder=1, label=optimum_name)
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
        inset.axhline(optimum, color=INK, lw=0.9, ls=(0, (5, 3)), zorder=1)
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
