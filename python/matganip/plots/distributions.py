"""Figures of predicted distributions: the fan around the mean, the PIT histogram, and how much intervals hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.plots.style import BASELINE, DASHED, INK, LABEL, MODEL, axes_or_new, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]
BANDS = (0.95, 0.8, 0.5)
BINS = 10


@house_style()
def fan(samples: Floats, truth: Floats | None = None, *, unit: str = "meV/atom", ax: Place = None) -> Axes:
    """Draw the distributions of rows in the order of their medians, as bands, with what is true.

    Parameters
    ----------
    samples : (n, m) float64 ndarray
    truth : (n,) float64 ndarray, optional
    unit : str
    ax : Axes or Figure, optional

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 6.0, 4.0)
    order = np.argsort(np.median(samples, axis=1), kind="stable")
    place = np.arange(len(order))
    for level, alpha in zip(BANDS, (0.18, 0.28, 0.45), strict=True):
        low, high = np.quantile(samples[order], [(1 - level) / 2, (1 + level) / 2], axis=1)
        ax.fill_between(
            place, low, high, step="mid", color=MODEL, alpha=alpha, lw=0, label=f"{level:.0%} of the samples"
        )
    ax.step(place, np.median(samples[order], axis=1), where="mid", color=MODEL, lw=1.0, label="median")
    if truth is not None:
        ax.plot(place, truth[order], ls="none", marker=".", ms=4, color=LABEL, label="label")
    ax.set(xlabel="arrangements, by predicted median", ylabel=f"energy, {unit}", xlim=(-1, len(order)))
    ax.legend(loc="upper left")
    return ax


@house_style()
def pit_histogram(pit: Floats, weight: Floats | None = None, *, ax: Place = None) -> Axes:
    """Draw how often the truth falls where in its distribution: flat where the distributions are calibrated.

    Parameters
    ----------
    pit : (n,) float64 ndarray
        Share of each distribution below the truth.
    weight : (n,) float64 ndarray, optional
    ax : Axes or Figure, optional

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 5.0, 3.6)
    share = np.ones(len(pit)) if weight is None else weight
    height, edges = np.histogram(pit, bins=BINS, range=(0.0, 1.0), weights=share / share.sum())
    ax.bar(edges[:-1], height * BINS, width=1 / BINS, align="edge", color=MODEL, alpha=0.75, edgecolor="white")
    ax.axhline(1.0, color=INK, lw=1.0, ls=DASHED, label="calibrated")
    ax.set(xlabel="share of the distribution below the label (PIT)", ylabel="density", xlim=(0, 1))
    ax.legend(loc="best")
    return ax


@house_style()
def reliability(pits: dict[str, tuple[Floats, Floats]], *, ax: Place = None) -> Axes:
    """Draw how much central intervals hold against how much they are to hold.

    Parameters
    ----------
    pits : dict of str to ((n,) float64 ndarray, (n,) float64 ndarray)
        PIT and weights of each method.
    ax : Axes or Figure, optional

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 4.2, 4.0)
    level = np.linspace(0.0, 1.0, 41)
    ax.plot([0, 1], [0, 1], color=BASELINE, ls=DASHED, lw=1.0, label="calibrated")
    for name, (pit, weight) in pits.items():
        held = [np.average(2 * np.abs(pit - 0.5) <= one, weights=weight) for one in level]
        ax.plot(level, held, lw=1.4, label=name)
    ax.set(xlabel="probability of the central interval", ylabel="share of the labels within", xlim=(0, 1), ylim=(0, 1))
    ax.legend(loc="upper left")
    return ax
