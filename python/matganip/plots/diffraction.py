"""Figures of diffraction: stick patterns of several arrangements, and the graph matrix made of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import require
from matganip.plots.style import (
    BEST,
    DIVERGING,
    INK,
    MODEL,
    MUTED,
    SEQUENTIAL,
    axes_or_new,
    color_bar,
    house_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@house_style()
def patterns(
    two_theta: Floats,
    intensity: Floats,
    names: Sequence[str],
    *,
    varying: NDArray[np.bool_] | None = None,
    kinds: tuple[str, str] = ("the same in every arrangement", "depends on the arrangement"),
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw stick patterns above each other, on a cube-root scale so that weak superlattice lines show.

    Parameters
    ----------
    two_theta : (p,) float64 ndarray
        In degrees.
    intensity : (n, p) float64 ndarray
        0 to 100.
    names : sequence of n str
        What to write beside each.
    varying : (p,) bool ndarray, optional
        Which peaks depend on the arrangement; by default those that differ by more than a twentieth of their
        largest value between the given rows.
    kinds : (str, str)
        What the legend says of peaks that do not vary, and of those that do.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 10, 4.6)
    height = np.cbrt(np.clip(intensity, 0.0, None) / max(float(intensity.max()), 1e-12))
    if varying is None:
        varying = depends_on_arrangement(intensity)
    step = 1.18
    for row, name in enumerate(names):
        floor = (len(names) - 1 - row) * step
        ax.axhline(floor, color=MUTED, lw=0.6)
        for mask, color, width in ((~varying, MODEL, 1.0), (varying, BEST, 1.4)):
            ax.vlines(two_theta[mask], floor, floor + height[row, mask], color=color, lw=width)
        ax.text(1.008, floor + 0.06, name, transform=ax.get_yaxis_transform(), fontsize=8.5, color=INK)
    ax.plot([], [], color=MODEL, lw=1.4, label=kinds[0])
    ax.plot([], [], color=BEST, lw=1.6, label=kinds[1])
    ax.set(xlim=_range(two_theta), ylim=(0, len(names) * step), yticks=[], title=title)
    ax.set_xlabel("2θ, degrees")
    ax.set_ylabel("intensity, cube-root scale")
    ax.spines["left"].set_visible(False)
    ax.legend(loc="upper right", bbox_to_anchor=(1.0, 1.09), ncols=2, borderaxespad=0.0)
    return ax


def depends_on_arrangement(intensity: Floats) -> NDArray[np.bool_]:
    """Tell the superlattice lines, (p,), from those of the parent, which hardly change between rows (n, p)."""
    visible = intensity.max(axis=0) > 1e-3
    varying: NDArray[np.bool_] = visible & (np.ptp(intensity, axis=0) > 0.05 * intensity.max(axis=0))
    return varying


@house_style()
def graph_matrix_image(
    matrix: NDArray[np.float32],
    position: Floats,
    *,
    difference: bool = False,
    unit: str = "°",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw a graph matrix a_ij = t_i t_j + I_i I_j, its vertices labelled by their position.

    Colours grow as a small power of the value, since the intensities span orders of magnitude.

    Parameters
    ----------
    matrix : (p, p) float32 ndarray
        The matrix, or a difference of two.
    position : (p,) float64 ndarray
        2theta in degrees, or the distances of a Patterson function in angstrom.
    difference : bool
        Whether the values have a sign: then the colours diverge from zero.
    unit : str
        What to write behind a position.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 5.0, 4.4)
    colors = require("matplotlib.colors", "report")
    bound = float(np.abs(matrix).max()) or 1.0
    image: AxesImage = ax.imshow(
        matrix,
        cmap=DIVERGING if difference else SEQUENTIAL,
        norm=colors.Normalize(-bound, bound) if difference else colors.PowerNorm(0.4, 0.0, bound),
        interpolation="nearest",
    )
    # Resolved peaks may share their angle; a Patterson function's triplets stand after its pairs.
    firsts = np.unique(position.round(3), return_index=True)[1] if unit == "°" else np.arange(len(position))
    ticks = firsts[np.unique(np.linspace(0, len(firsts) - 1, min(7, len(firsts))).round().astype(int))]
    digits = 0 if unit == "°" else 1
    names = [f"{position[tick]:.{digits}f}{unit}" for tick in ticks]
    ax.set_xticks(ticks, names)
    ax.set_yticks(ticks, names)
    what = "2θ" if unit == "°" else "distance"
    ax.set(title=title, xlabel=f"vertex j, by {what}", ylabel=f"vertex i, by {what}")
    ax.spines[:].set_visible(False)
    color_bar(ax, image, "difference" if difference else "a_ij", fraction=0.045, pad=0.03)
    return ax


@house_style()
def profiles(
    two_theta: Floats,
    intensity: Floats,
    names: Sequence[str],
    *,
    lines: Floats | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw profiles above each other, on a square-root scale as counts are drawn, with ticks where lines stand.

    Parameters
    ----------
    two_theta : (n_grid,) float64 ndarray
        In degrees.
    intensity : (n, n_grid) float64 ndarray
        As `matganip.features.profiles.profile` gives it.
    names : sequence of n str
        What to write above each.
    lines : (p,) float64 ndarray, optional
        Angles that get a tick below the profiles.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 10, 4.6)
    height = np.sqrt(np.clip(intensity, 0.0, None) / max(float(intensity.max()), 1e-12))
    step = 1.15
    for row, name in enumerate(names):
        floor = (len(names) - 1 - row) * step
        ax.fill_between(two_theta, floor, floor + height[row], color=MODEL, alpha=0.15, lw=0)
        ax.plot(two_theta, floor + height[row], color=MODEL, lw=0.9)
        ax.text(two_theta[-1], floor + 0.9, name, ha="right", fontsize=8.5, color=INK)
    if lines is not None:
        ax.vlines(lines, -0.14, -0.05, color=BEST, lw=0.8)
    ax.set(xlim=(two_theta[0], two_theta[-1]), ylim=(-0.2, len(names) * step), yticks=[], title=title)
    ax.set_xlabel("2θ, degrees")
    ax.set_ylabel("intensity, square-root scale")
    ax.spines["left"].set_visible(False)
    return ax


@house_style()
def powder_profile(
    position: Floats, intensity: Floats, lines: Floats, *, label: str, title: str = "", ax: Place = None
) -> Axes:
    """Draw one profile on any axis, with a tick below it for each line.

    Parameters
    ----------
    position : (n_grid,) float64 ndarray
        Angles in degrees, Q or d.
    intensity : (n_grid,) float64 ndarray
    lines : (p,) float64 ndarray
        Where the lines stand.
    label : str
        What the axis is, with its unit.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 10, 4.2)
    ax.plot(position, intensity, color=MODEL, lw=0.9)
    top = max(float(intensity.max()), 1e-12)
    ax.vlines(lines, -0.07 * top, -0.02 * top, color=BEST, lw=0.7)
    ax.set(xlim=(float(position.min()), float(position.max())), ylim=(-0.09 * top, 1.05 * top), title=title)
    ax.set_xlabel(label)
    ax.set_ylabel("intensity, strongest 100")
    return ax


def _range(two_theta: Floats) -> tuple[float, float]:
    air = 0.02 * float(np.ptp(two_theta)) + 0.5
    return float(two_theta.min()) - air, float(two_theta.max()) + air
