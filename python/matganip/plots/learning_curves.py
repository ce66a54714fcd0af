"""Test error against number of labels, for several ways to choose what to label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from matganip.errors import InputError
from matganip.plots.style import (
    BASELINE,
    BEST,
    DASHED,
    LABEL,
    MODEL,
    MUTED,
    axes_or_new,
    house_style,
    mark_baseline,
    note_level,
    plain_ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

_COLOURS = {"random": MUTED, "mixed": MODEL, "uncertainty": BEST, "d-optimal": LABEL}
_OTHERS = ("#4c6a9c", "#8a6d1d", "#4338ca", "#0369a1")


@house_style()
def learning_curve(
    n_labels: ArrayLike,
    errors: Mapping[str, ArrayLike],
    *,
    baseline: ArrayLike | None = None,
    final: float | None = None,
    n_pool: int | None = None,
    n_test: int | None = None,
    unit: str = "meV/atom",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw the test error of each strategy: the mean over the seeds as a line, from least to largest as a band.

    Parameters
    ----------
    n_labels : (s,) array of int
        Numbers of labels.
    errors : mapping of str to (k, s) or (s,) array
        By strategy, for each of k seeds and each number of labels, the mean absolute error on the test set.
    baseline : float or (s,) array, optional
        Error of the mean baseline, one or one for each number of labels.
    final : float, optional
        Error with everything labelled; twice of it is drawn.
    n_pool, n_test : int, optional
        How many orbits could be labelled, and how many were held out.
    unit : str
        Of the errors.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
        Logarithmic in the error.

    Raises
    ------
    InputError
        If there are no errors, or not one for every number of labels.

    Examples
    --------
    >>> from matganip.plots.style import off_screen
    >>> ax = learning_curve([4, 8], {"random": [[0.4, 0.2], [0.5, 0.3]]}, baseline=0.6, ax=off_screen())
    >>> ax.get_yscale(), ax.get_ylabel()
    ('log', 'MAE, meV/atom')
    """
    numbers = np.asarray(n_labels)
    rows = {name: np.atleast_2d(np.asarray(error, dtype=np.float64)) for name, error in errors.items()}
    wrong = [f"{name!r} has {error.shape}" for name, error in rows.items() if error.shape[1:] != numbers.shape]
    if wrong or not rows:
        raise InputError(
            f"{len(numbers)} numbers of labels need as many errors of every strategy: {wrong or 'none given'}"
        )
    ax = axes_or_new(ax, 6.4, 4.0)
    others = iter(_OTHERS)
    for name, error in rows.items():
        colour = _COLOURS.get(name) or next(others, MUTED)
        ax.fill_between(numbers, error.min(axis=0), error.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        ax.plot(numbers, error.mean(axis=0), color=colour, label=name)
    if np.ndim(baseline if baseline is not None else 0.0):
        ax.plot(numbers, np.asarray(baseline), color=BASELINE, lw=1.4, ls=DASHED, zorder=1, label="mean baseline")
        baseline = None
    levels = {"mean baseline": baseline, "twice the final error": None if final is None else 2 * final}
    for text, value in levels.items():
        if value is not None:
            mark_baseline(ax, float(np.asarray(value)), "_nolegend_")
            note_level(ax, float(np.asarray(value)), text)
    plain_ticks(ax)
    ax.set(
        title=title,
        xlabel="labels" if n_pool is None else f"labels, of {n_pool} orbits",
        ylabel=f"MAE, {unit}" if n_test is None else f"MAE on {n_test} held-out orbits, {unit}",
        xlim=(0, float(numbers.max())),
    )
    seeds = max(map(len, rows.values()))
    heading = f"mean and range, {seeds} seeds" if seeds > 1 else None
    ax.legend(title=heading, title_fontsize=8.5, loc="upper right", bbox_to_anchor=(1.0, 0.93))
    return ax
