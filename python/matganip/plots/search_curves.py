"""How a search gets on: the best energy found against the number of orbits scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from matganip.errors import InputError
from matganip.plots.style import BEST, DASHED, GRID, INK, MODEL, axes_or_new, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place


@house_style()
def search_curve(
    n_scored: ArrayLike,
    above: ArrayLike,
    *,
    n_end: int | None = None,
    proved: float | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw the best energy that a search had found, as steps.

    Parameters
    ----------
    n_scored : (k,) array of int
        Orbits scored whenever the best changed, ascending.
    above : (k,) array
        Energy of the best from then on, in meV/atom above the best of the end.
    n_end : int, optional
        Orbits scored in the end.
    proved : float, optional
        A proved lower bound, from the same origin: a dashed line.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no energy, or not one for each number of orbits.

    Examples
    --------
    >>> from matganip.plots.style import off_screen
    >>> search_curve([1, 40, 300], [0.8, 0.1, 0.0], n_end=1000, ax=off_screen()).get_xlabel()
    'orbits scored'
    """
    steps, best = np.asarray(n_scored, dtype=np.float64), np.asarray(above, dtype=np.float64)
    if not steps.size or steps.shape != best.shape:
        raise InputError(f"a search needs one energy for each number scored, not {best.shape} for {steps.shape}")
    ax = axes_or_new(ax, 6.4, 3.6)
    end = steps[-1] if n_end is None else n_end
    ax.step(np.append(steps, end), np.append(best, best[-1]), where="post", color=MODEL, label="best so far")
    ax.plot(steps, best, "o", color=MODEL, markersize=4)
    ax.plot(steps[-1], best[-1], "o", color=BEST, markersize=5.5, label="best of all")
    if proved is not None:
        ax.axhline(proved, color=INK, lw=1.0, ls=DASHED, label="proved lower bound", zorder=1)
    ax.set(title=title, xlabel="orbits scored", ylabel="above the best of all, meV/atom")
    ax.grid(axis="y", color=GRID)
    ax.legend(loc="upper right")
    return ax
