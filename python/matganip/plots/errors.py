"""Box plots of errors on the training and the test set, beside the error of the mean baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.plots.style import INK, LABEL, MODEL, axes_or_new, house_style, mark_baseline, note_level, plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Box:
    """The five lines of a box plot, its mean, and what lies beyond its whiskers.

    Parameters
    ----------
    first_quartile, median, third_quartile, mean : float
        Weighted by multiplicity.
    low, high : float
        Whiskers: the outermost values within 1.5 times the distance of the quartiles (IQR) from them.
    outliers : tuple of float
        The values beyond, ascending, each row once.
    """

    first_quartile: float
    median: float
    third_quartile: float
    mean: float
    low: float
    high: float
    outliers: tuple[float, ...]

    @classmethod
    def of(cls, values: ArrayLike, weight: ArrayLike | None = None) -> Box:
        """Measure a set of values.

        Parameters
        ----------
        values : (n,) array
        weight : (n,) array, optional
            How often each counts. Ones by default.

        Returns
        -------
        Box
            For whole weights that of the rows repeated, with quantiles by the inverted distribution function.

        Raises
        ------
        InputError
            If there is no value, one is not finite, or the weights do not fit.

        Examples
        --------
        >>> box = Box.of([1.0, 2.0, 3.0, 4.0, 100.0])
        >>> box.median, box.low, box.high, box.outliers
        (3.0, 1.0, 4.0, (100.0,))
        """
        v = np.asarray(values, dtype=np.float64)
        w = np.ones(v.shape) if weight is None else np.asarray(weight, dtype=np.float64)
        if v.ndim != 1 or not len(v) or w.shape != v.shape:
            raise InputError(f"a box plot needs one weight for each of its values: {v.shape} and {w.shape}")
        if not np.isfinite(v).all() or not (w > 0).all():
            raise InputError("a box plot needs finite values and positive weights")
        order = np.argsort(v, kind="stable")
        v, w = v[order], w[order]
        q1, median, q3 = (_quantile(v, w, part) for part in (0.25, 0.5, 0.75))
        reach = 1.5 * (q3 - q1)
        inside = v[(v >= q1 - reach) & (v <= q3 + reach)]
        outside = v[(v < q1 - reach) | (v > q3 + reach)]
        return cls(q1, median, q3, float(np.average(v, weights=w)), *_ends(inside), tuple(outside.tolist()))


@house_style()
def error_boxes(
    errors: Sequence[tuple[str, Floats, NDArray[np.int64] | Floats]],
    *,
    baseline: float | None = None,
    quantity: str = "absolute error, meV/atom",
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw errors as box plots on a logarithmic scale (MATGANIP, figures 4b, 4c, 6b, 6c).

    Quartiles, median, whiskers of 1.5 IQR, the mean as a cross, outliers as dots.

    Parameters
    ----------
    errors : sequence of (name, (n,) ndarray, (n,) ndarray)
        For each box what it is, the errors (not negative) and the multiplicities of the rows.
    baseline : float, optional
        The error of the mean baseline, a dashed line.
    quantity : str
        What the axis shows, with its unit.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no box, or an error is negative.
    """
    if not errors:
        raise InputError("there are no errors to draw")
    ax = axes_or_new(ax, 2.2 + 1.2 * len(errors), 4.2)
    boxes = [Box.of(values, weight) for _, values, weight in errors]
    if min(float(values.min()) for _, values, _ in errors) < 0:
        raise InputError("an error of a box plot is negative: take its absolute value")
    floor = _floor([values for _, values, _ in errors])
    drawn = ax.bxp(
        [_stats(box, floor) for box in boxes],
        positions=range(len(boxes)),
        widths=0.42,
        patch_artist=True,
        showmeans=True,
        medianprops={"color": INK, "linewidth": 1.6},
        meanprops={"marker": "x", "markeredgecolor": INK, "markersize": 6, "markeredgewidth": 1.4},
        flierprops={"marker": "o", "markersize": 3.4, "markeredgewidth": 0, "alpha": 0.45},
        whiskerprops={"color": INK, "linewidth": 0.9},
        capprops={"color": INK, "linewidth": 0.9},
    )
    for number, (patch, fliers) in enumerate(zip(drawn["boxes"], drawn["fliers"], strict=True)):
        color = (MODEL, LABEL)[number % 2]
        patch.set(facecolor=color, alpha=0.55, edgecolor=INK, linewidth=0.9)
        fliers.set_markerfacecolor(color)
    if baseline is not None:
        mark_baseline(ax, baseline)
        note_level(ax, baseline, f"mean baseline {baseline:.2g}")
    names = [f"{name}\nmean {box.mean:.2g}\nmedian {box.median:.2g}"
             for (name, _, _), box in zip(errors, boxes, strict=True)]  # fmt: skip
    plain_ticks(ax)
    ax.set_xticks(range(len(names)), names)
    ax.set(xlim=(-0.5, len(names) - 0.5), title=title, ylabel=quantity)
    ax.tick_params(axis="x", length=0)
    return ax


def _stats(box: Box, floor: float) -> dict[str, object]:
    """A box as `Axes.bxp` takes it; a logarithmic scale has no zero."""
    lines = {
        "q1": box.first_quartile,
        "med": box.median,
        "q3": box.third_quartile,
        "mean": box.mean,
        "whislo": box.low,
        "whishi": box.high,
    }
    return {name: max(value, floor) for name, value in lines.items()} | {"fliers": np.maximum(box.outliers, floor)}


def _floor(errors: list[Floats]) -> float:
    """The lowest value that is drawn: that of the lowest percent of the errors."""
    values = np.concatenate(errors)
    positive = values[values > 0]
    return float(np.quantile(positive, 0.01)) if len(positive) else 1e-12


def _quantile(ascending: Floats, weight: Floats, part: float) -> float:
    """The first value up to which at least this part of the weight lies."""
    reached = np.cumsum(weight)
    place = int(np.searchsorted(reached, part * reached[-1] * (1 - 1e-12)))
    return float(ascending[min(place, len(ascending) - 1)])


def _ends(values: Floats) -> tuple[float, float]:
    return float(values[0]), float(values[-1])
