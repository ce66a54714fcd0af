"""Figures of an ensemble: free energy, energy, entropy and heat capacity; density of states; mixing energies."""

from __future__ import annotations

from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.plots.style import BEST, CONSTANT, INK, LABEL, MODEL, MUTED, axes_or_new, figure
from matganip.thermo.sums import BOLTZMANN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from matganip.thermo.estimates import SampledThermodynamics
    from matganip.thermo.histogram import EnergyHistogram
    from matganip.thermo.mixing import Mixing
    from matganip.thermo.sums import Thermodynamics

Floats = NDArray[np.float64]


def free_energy(found: Thermodynamics, sampled: SampledThermodynamics | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw F and U per atom above the ground state against the temperature.

    Parameters
    ----------
    found : Thermodynamics
        Of an enumerated space, or the estimate of a sample.
    sampled : SampledThermodynamics, optional
        Draws the 95 % intervals, and what is not to be believed in grey.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    t, n = found.temperature, found.n_atoms
    for values, error, color, name in (
        (found.energy, None if sampled is None else sampled.error.energy, MODEL, "U"),
        (found.free_energy, None if sampled is None else sampled.error.free_energy, LABEL, "F"),
    ):
        above = 1000 * (values - found.ground) / n
        _line(ax, t, above, None if error is None else 1000 * error / n, sampled, color, name)
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.set(xlabel="temperature, K", ylabel="above the lowest energy, meV/atom")
    ax.legend()
    return ax


def entropy(
    found: Thermodynamics,
    sampled: SampledThermodynamics | None = None,
    *,
    n_configurations: int,
    ax: Axes | None = None,
) -> Axes:
    """Draw S and C_v per atom, in k_B, with the entropy of all arrangements alike.

    Parameters
    ----------
    found, sampled, ax
        As for `free_energy`.
    n_configurations : int

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    t, unit = found.temperature, BOLTZMANN * found.n_atoms
    for values, error, color, name in (
        (found.entropy, None if sampled is None else sampled.error.entropy, MODEL, "S"),
        (found.heat_capacity, None if sampled is None else sampled.error.heat_capacity, LABEL, "$C_v$"),
    ):
        _line(ax, t, values / unit, None if error is None else error / unit, sampled, color, name)
    ax.axhline(log(n_configurations) / found.n_atoms, color=CONSTANT, lw=1.2, ls=(0, (5, 3)), label="all alike")
    ax.set(xlabel="temperature, K", ylabel="$k_B$ per atom")
    ax.legend()
    return ax


def density_of_states(histogram: EnergyHistogram, n_atoms: int, *, ax: Axes | None = None) -> Axes:
    """Draw how many arrangements have their energy in each bin, on a logarithmic scale.

    Parameters
    ----------
    histogram : EnergyHistogram
    n_atoms : int
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    edges = histogram.edges
    above = 1000 * (edges - edges[0]) / n_atoms
    counts = np.array([float(count) for count in histogram.configurations])
    ax.stairs(np.where(counts > 0, counts, np.nan), above, fill=True, color=MODEL, alpha=0.8)
    ax.set_yscale("log")
    ax.set(xlabel="above the lowest bin, meV/atom", ylabel="arrangements")
    return ax


def mixing_curve(
    name: str, found: Mixing, at_temperatures: Sequence[tuple[float, Mixing]] = (), *, ax: Axes | None = None
) -> Axes:
    """Draw mixing energies of the lowest arrangements, their hull, and mixing free energies.

    Parameters
    ----------
    name : str
        What the fraction is of, ``"Br on I"``.
    found : Mixing
        eV per atom.
    at_temperatures : sequence of (float, Mixing)
        Kelvin, and the same of F.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    ax = axes_or_new(ax)
    stable = found.on_hull
    ax.axhline(0, color=MUTED, lw=0.8)
    ax.plot(found.fraction[stable], 1000 * found.mixing[stable], color=INK, lw=1.2, label="hull")
    ax.scatter(found.fraction[~stable], 1000 * found.mixing[~stable], color=MUTED, s=22, label="lowest", zorder=3)
    ax.scatter(found.fraction[stable], 1000 * found.mixing[stable], color=BEST, s=26, label="lowest, stable", zorder=4)
    for number, (temperature, of_f) in enumerate(at_temperatures):
        shade = 0.35 + 0.65 * (number + 1) / len(at_temperatures)
        ax.plot(of_f.fraction, 1000 * of_f.mixing, color=MODEL, alpha=shade, marker=".", label=f"F, {temperature:g} K")
    ax.set(xlabel=f"part of the sites, {name}", ylabel="mixing energy, meV/atom")
    ax.legend()
    return ax


def draw_ensemble(
    path: Path,
    found: Thermodynamics,
    histogram: EnergyHistogram,
    n_configurations: int,
    sampled: SampledThermodynamics | None,
) -> None:
    """Write the three figures of an ensemble into one PNG."""
    with figure(path, 11.0, 3.4, ncols=3) as axes:
        free_energy(found, sampled, ax=axes[0]).set_title("Free energy and energy")
        entropy(found, sampled, n_configurations=n_configurations, ax=axes[1]).set_title("Entropy and heat capacity")
        drawn = density_of_states(histogram, found.n_atoms, ax=axes[2])
        drawn.set_title("Density of states")
        if sampled is not None:
            drawn.set_ylabel("arrangements drawn")


def draw_mixing(path: Path, name: str, found: Mixing, at_temperatures: Sequence[tuple[float, Mixing]]) -> None:
    """Write mixing energies into a PNG."""
    with figure(path, 5.2, 3.8) as ax:
        mixing_curve(name, found, at_temperatures, ax=ax).set_title("Mixing energies")


def _line(
    ax: Axes,
    t: Floats,
    values: Floats,
    error: Floats | None,
    sampled: SampledThermodynamics | None,
    color: str,
    name: str,
) -> None:
    shown = np.isfinite(t) & np.isfinite(values)
    if sampled is None or error is None:
        ax.plot(t[shown], values[shown], color=color, label=name)
        return
    sure = shown & sampled.reliable
    ax.errorbar(t[sure], values[sure], yerr=error[sure], color=color, label=name, capsize=2, marker=".")
    ax.plot(t[shown & ~sure], values[shown & ~sure], color=MUTED, ls="none", marker="x", ms=4)
