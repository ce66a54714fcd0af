"""Figures of an ensemble: free energy, energy, entropy and heat capacity; density of states; mixing energies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.plots.style import BEST, INK, LABEL, MODEL, MUTED, axes_or_new, house_style, mark_baseline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from matganip.plots.style import Place

Floats = NDArray[np.float64]
Errors = tuple[ArrayLike, ArrayLike]


@house_style()
def free_energy(
    temperature: ArrayLike,
    energy: ArrayLike,
    free: ArrayLike,
    *,
    errors: Errors | None = None,
    reliable: ArrayLike | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw U and F per atom against the temperature.

    Parameters
    ----------
    temperature : (t,) array
        Kelvin; infinite ones are left out.
    energy, free : (t,) array
        U and F in meV/atom above the lowest energy.
    errors : ((t,) array, (t,) array), optional
        Half widths of the intervals of U and F where they were estimated from a sample: error bars.
    reliable : (t,) array of bool, optional
        Where an estimate can be believed; elsewhere it is a grey cross.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 4.4, 3.4)
    _two_lines(ax, temperature, {"U": energy, "F": free}, errors, reliable)
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.set(xlabel="temperature, K", ylabel="above the lowest energy, meV/atom", title=title)
    ax.legend()
    return ax


@house_style()
def entropy(
    temperature: ArrayLike,
    entropy: ArrayLike,
    heat_capacity: ArrayLike,
    *,
    uniform: float | None = None,
    errors: Errors | None = None,
    reliable: ArrayLike | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw S and C_v per atom, in k_B, against the temperature.

    Parameters
    ----------
    temperature : (t,) array
        Kelvin; infinite ones are left out.
    entropy, heat_capacity : (t,) array
        In k_B per atom.
    uniform : float, optional
        Entropy where all arrangements are equally probable, ln(arrangements) / atoms: a dashed line.
    errors, reliable, title, ax
        As for `free_energy`, of S and C_v.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 4.4, 3.4)
    _two_lines(ax, temperature, {"S": entropy, "$C_v$": heat_capacity}, errors, reliable)
    if uniform is not None:
        mark_baseline(ax, uniform, "all equally probable")
    ax.set(xlabel="temperature, K", ylabel="$k_B$ per atom", title=title)
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.14 * (high - low))  # room for the legend
    ax.legend(loc="upper center", ncols=3, columnspacing=1.2, handlelength=1.6)
    return ax


@house_style()
def density_of_states(
    edges: ArrayLike, counts: Sequence[int], *, sampled: bool = False, title: str = "", ax: Place = None
) -> Axes:
    """Draw how many arrangements have their energy in each bin, on a logarithmic scale.

    Parameters
    ----------
    edges : (n + 1,) array
        Of the bins, in meV/atom; drawn from the lowest one.
    counts : sequence of n int
        Arrangements in each bin, of any size.
    sampled : bool
        Whether these are arrangements of a sample.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is no bin, or not one edge more than counts.

    Examples
    --------
    >>> from matganip.plots.style import off_screen
    >>> density_of_states([0.0, 0.1, 0.2, 0.3], [1, 0, 10**30], ax=off_screen()).get_yscale()
    'log'
    """
    above = np.asarray(edges, dtype=np.float64)
    if not len(counts) or above.shape != (len(counts) + 1,):
        raise InputError(f"a density of states needs one edge more than its {len(counts)} bins, not {above.shape}")
    ax = axes_or_new(ax, 8.0, 3.4)
    heights = np.array([float(count) for count in counts])
    # The outline keeps a bar that is narrower than a pixel in sight.
    ax.stairs(
        np.where(heights > 0, heights, np.nan), above - above[0], fill=True, facecolor=MODEL, edgecolor=MODEL, lw=0.8
    )
    ax.set_yscale("log")
    # A bar of a single arrangement has a height.
    ax.set(xlabel="above the lowest bin, meV/atom", ylabel="arrangements drawn" if sampled else "arrangements")
    ax.set(ylim=(0.5, 2.0 * heights.max()), title=title)
    return ax


@house_style()
def mixing_curve(
    fraction: ArrayLike,
    mixing: ArrayLike,
    on_hull: ArrayLike,
    *,
    species: str = "",
    free: Mapping[float, ArrayLike] | None = None,
    title: str = "",
    ax: Place = None,
) -> Axes:
    """Draw mixing energies of the lowest arrangements, their hull, and mixing free energies.

    Parameters
    ----------
    fraction : (n,) array
        Part of the sites, ascending.
    mixing : (n,) array
        Mixing energies in meV/atom.
    on_hull : (n,) array of bool
        Which compositions are stable.
    species : str
        What the fraction is of: ``"Br on I"``.
    free : mapping of float to (n,) array, optional
        Mixing free energies in meV/atom, by the temperature in kelvin.
    title, ax : str, Axes or Figure
        Heading, and where to draw: a new figure by default.

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax, 5.2, 3.8)
    x, y, stable = np.asarray(fraction), np.asarray(mixing), np.asarray(on_hull, dtype=bool)
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.plot(x[stable], y[stable], color=INK, lw=1.2, label="hull")
    ax.scatter(x[~stable], y[~stable], color=MUTED, s=22, label="lowest", zorder=3)
    ax.scatter(x[stable], y[stable], color=BEST, s=26, label="lowest, stable", zorder=4)
    curves = free or {}
    for number, (temperature, values) in enumerate(curves.items(), start=1):
        shade = 0.35 + 0.65 * number / len(curves)
        ax.plot(x, np.asarray(values), color=MODEL, alpha=shade, marker=".", label=f"F, {temperature:g} K")
    ax.set(
        xlabel=", ".join(filter(None, ("fraction of the sites", species))),
        ylabel="mixing energy, meV/atom",
        title=title,
    )
    ax.legend()
    return ax


def _two_lines(
    ax: Axes,
    temperature: ArrayLike,
    curves: Mapping[str, ArrayLike],
    errors: Errors | None,
    reliable: ArrayLike | None,
) -> None:
    """Two functions of the temperature, with error bars where they are estimates."""
    t = np.asarray(temperature, dtype=np.float64)
    believed = np.ones(t.shape, dtype=bool) if reliable is None else np.asarray(reliable, dtype=bool)
    for (name, given), color, error in zip(curves.items(), (MODEL, LABEL), errors or (None, None), strict=True):
        values = np.asarray(given, dtype=np.float64)
        shown = np.isfinite(t) & np.isfinite(values)
        if error is None:
            ax.plot(t[shown], values[shown], color=color, label=name)
            continue
        sure, doubtful = shown & believed, shown & ~believed
        bars = np.asarray(error, dtype=np.float64)[sure]
        ax.errorbar(t[sure], values[sure], yerr=bars, color=color, label=name, capsize=2, marker=".")
        ax.plot(t[doubtful], values[doubtful], color=MUTED, ls="none", marker="x", ms=4)
