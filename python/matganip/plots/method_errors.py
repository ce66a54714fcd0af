"""What several methods reach on one task: an error each, every seed a point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from matganip.errors import InputError
from matganip.plots.style import BASELINE, DASHED, GRID, MODEL, axes_or_new, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place


@house_style()
def method_errors(
    names: Sequence[str], errors: ArrayLike, *, baseline: str = "mean baseline", label: str, ax: Place = None
) -> Axes:
    """Draw the error of each method, the first one on top.

    Parameters
    ----------
    names : sequence of n str
        The methods.
    errors : (n, s) array
        Of each seed; nan is left out.
    baseline : str
        Methods whose name begins so are references: grey, with a line through the lowest of them.
    label : str
        What the horizontal axis is, with its unit.
    ax : Axes or Figure
        Where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no method, or not a row for each.

    Examples
    --------
    >>> from matganip.plots.style import off_screen
    >>> drawn = method_errors(["mean baseline", "ours"], [[0.4, 0.4], [0.02, 0.03]], label="MAE, eV", ax=off_screen())
    >>> drawn.get_xscale(), [text.get_text() for text in drawn.get_yticklabels()]
    ('log', ['mean baseline', 'ours'])
    """
    values = np.asarray(errors, dtype=np.float64)
    if not len(names) or values.ndim != 2 or len(values) != len(names):
        raise InputError(f"{len(names)} methods need a row of errors each, not an array of shape {values.shape}")
    ax = axes_or_new(ax, 7.5, 1.0 + 0.3 * len(names))
    means = np.array([np.mean(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in values])
    reference = np.array([name.startswith(baseline) for name in names])
    for k, row in enumerate(values):
        color = BASELINE if reference[k] else MODEL
        ax.scatter(row, np.full(len(row), k), s=10, color=color, alpha=0.45, linewidths=0, zorder=2)
        ax.scatter(means[k], k, s=34, color=color, zorder=3)
    if np.isfinite(means[reference]).any():
        ax.axvline(float(np.nanmin(means[reference])), color=BASELINE, lw=1.2, ls=DASHED, zorder=1)
    if np.nanmin(values) > 0:
        ax.set_xscale("log")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=label, ylim=(len(names) - 0.5, -0.5))
    ax.grid(axis="x", color=GRID)
    ax.tick_params(axis="y", length=0)
    return ax
