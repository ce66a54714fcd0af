"""Figures of phase diagrams: temperature over composition, and the hull of ground states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from matganip.plots.style import BEST, MODEL, MUTED, SEQUENTIAL, axes_or_new, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place


@house_style()
def phase_diagram(
    fraction: ArrayLike,
    temperature: ArrayLike,
    heat_capacity: ArrayLike,
    phases: Sequence[tuple[float, float, float, float, float]],
    *,
    species: str,
    ax: Place = None,
) -> Axes:
    """Draw the heat capacity over composition and temperature, and the phases that coexist.

    Parameters
    ----------
    fraction : (n,) array
    temperature : (t,) array
        Kelvin, rising.
    heat_capacity : (t, n) array
        k_B per site; nan is left blank.
    phases : sequence of (temperature, first fraction, second, error of the first, of the second)
        Tie lines.
    species : str
        Whose fraction it is.
    ax : Axes or Figure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 5.4, 3.8)
    heat, kelvin = np.asarray(heat_capacity, dtype=np.float64), np.asarray(temperature, dtype=np.float64)
    top = float(np.nanquantile(heat, 0.995)) if np.isfinite(heat).any() else 1.0
    if len(kelvin) > 1:
        drawn = ax.pcolormesh(
            fraction, kelvin, heat, cmap=SEQUENTIAL, vmin=0.0, vmax=top, shading="nearest", rasterized=True
        )
        ax.figure.colorbar(drawn, ax=ax, label="heat capacity, $k_B$ per site")
    for t, first, second, first_error, second_error in phases:
        ax.plot([first, second], [t, t], color="white", lw=0.8, alpha=0.7)
        ax.errorbar([first, second], [t, t], xerr=np.nan_to_num([first_error, second_error]), ls="", marker="o", ms=4,
                    color=BEST, mec="white", mew=0.6)  # fmt: skip
    ax.set(xlabel=f"fraction of {species}", ylabel="temperature, K", xlim=(0, 1))
    return ax


@house_style()
def ground_states(
    fraction: ArrayLike, mixing: ArrayLike, hull: Sequence[int], *, species: str, ax: Place = None
) -> Axes:
    """Draw mixing energies over the composition, and their lower hull.

    Parameters
    ----------
    fraction, mixing : (n,) array
        Fraction of the species, and mixing energy, meV per site.
    hull : sequence of int
        Rows on the hull, by composition.
    species : str
    ax : Axes or Figure, optional

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 4.8, 3.6)
    x, y = np.asarray(fraction, dtype=np.float64), np.asarray(mixing, dtype=np.float64)
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.scatter(x, y, s=5, color=MUTED, linewidths=0, rasterized=True)
    ax.plot(x[list(hull)], y[list(hull)], color=MODEL, marker="o", ms=4)
    ax.set(xlabel=f"fraction of {species}", ylabel="mixing energy, meV/site", xlim=(0, 1))
    return ax
