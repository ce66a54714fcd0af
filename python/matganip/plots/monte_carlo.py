"""Figures of Monte Carlo: averages against the temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.plots.style import MODEL, SEQUENTIAL, axes_or_new, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@house_style()
def averages(
    temperature: ArrayLike, lines: Sequence[tuple[str, Floats, Floats]], *, label: str, ax: Place = None
) -> Axes:
    """Draw averages with error bars against the temperature.

    Parameters
    ----------
    temperature : (t,) array
        Kelvin; infinite ones are left out.
    lines : sequence of (str, (t,) ndarray, (t,) ndarray)
        Name, values and standard errors.
    label : str
        What they are.
    ax : Axes or Figure, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes
    """
    import matplotlib as mpl

    ax = axes_or_new(ax, 4.4, 3.4)
    kelvin = np.asarray(temperature, dtype=np.float64)
    order = np.argsort(kelvin)
    order = order[np.isfinite(kelvin[order])]
    colours = mpl.colormaps[SEQUENTIAL](np.linspace(0.0, 0.85, len(lines))) if len(lines) > 1 else [MODEL]
    for (name, values, errors), colour in zip(lines, colours, strict=True):
        ax.errorbar(kelvin[order], values[order], errors[order], color=colour, marker="o", ms=3, capsize=2, label=name)
    ax.set(xlabel="temperature, K", ylabel=label)
    if 1 < len(lines) <= 8:
        ax.legend()
    return ax
