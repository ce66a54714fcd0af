"""A fitted powder pattern as crystallographers draw it: observed, calculated, difference, and ticks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.plots.style import BEST, INK, LABEL, MODEL, MUTED, axes_or_new, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]

TICKS = (MODEL, LABEL, INK, BEST)


@house_style()
def refinement(
    two_theta: Floats,
    observed: Floats,
    calculated: Floats,
    lines: Mapping[str, Floats],
    *,
    marked: Floats | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw a fit: points observed, a line calculated, their difference below, and ticks where lines stand.

    Parameters
    ----------
    two_theta : (n,) float64 ndarray
        In degrees.
    observed, calculated : (n,) float64 ndarray
        Intensities.
    lines : mapping of str to (p,) float64 ndarray
        Angles of each phase's lines.
    marked : (m,) float64 ndarray, optional
        Angles that get a mark above the pattern: superstructure peaks that decide.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
        Intensities on a square-root scale, on which counting errors are equally large; the difference on the same.
    """
    ax = axes_or_new(ax, 10, 5.2)
    root_observed, root_calculated = (np.sqrt(np.clip(column, 0.0, None)) for column in (observed, calculated))
    height = float(root_observed.max()) or 1.0
    step = 0.05 * height
    ax.plot(two_theta, root_observed, ".", ms=2.0, color=MUTED, label="observed", rasterized=len(two_theta) > 20_000)
    ax.plot(two_theta, root_calculated, color=MODEL, lw=0.9, label="calculated")
    for row, (name, angles) in enumerate(lines.items()):
        floor = -step * (row + 1)
        ax.vlines(angles, floor - 0.6 * step, floor, color=TICKS[row % len(TICKS)], lw=0.8)
        ax.text(two_theta[-1], floor - 0.5 * step, f"  {name}", fontsize=8.0, color=TICKS[row % len(TICKS)])
    difference = root_observed - root_calculated
    floor = -step * (len(lines) + 1.5) - max(float(difference.max()), 0.0)
    ax.axhline(floor, color=MUTED, lw=0.5)
    ax.plot(two_theta, floor + difference, color=INK, lw=0.6, label="difference")
    if marked is not None and len(marked):
        tops = np.interp(marked, two_theta, np.maximum(root_observed, root_calculated))
        ax.plot(marked, tops + 0.03 * height, "v", ms=4.5, color=BEST, label="superstructure")
    ticks = [count for count in (0, 10, 100, 1000, 10_000, 100_000, 1_000_000) if count <= height**2 * 1.2]
    ax.set_yticks(np.sqrt(ticks), [f"{count:,}" for count in ticks])
    ax.set(xlim=(two_theta[0], two_theta[-1]), ylim=(floor + min(float(difference.min()), 0.0) - step, 1.08 * height))
    ax.set(title=title)
    ax.set_xlabel("2θ, degrees")
    ax.set_ylabel("intensity, square-root scale")
    ax.legend(loc="upper right", ncols=4, borderaxespad=0.0)
    return ax
