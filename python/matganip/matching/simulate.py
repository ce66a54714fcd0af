"""Patterns as a diffractometer would record them, of arrangements that are known: for tests, and to plan with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.features.measured.model import PatternModel
from matganip.features.measured.pattern import MeasuredPattern
from matganip.features.measured.phases import average_occupancy, metric_of, occupancy_of, phase_peaks
from matganip.features.radiation import Radiation

LABORATORY: dict[str, float] = {"u": 0.004, "w": 0.003, "x": 0.01, "y": 0.02, "phase.b": 1.0}
"""Widths of lines of a laboratory diffractometer, and displacements."""


def simulate(
    space: ConfigurationSpace,
    occupations: ArrayLike | None,
    shares: ArrayLike | None = None,
    *,
    radiation: Radiation | str | float = "CuKa12",
    two_theta_range: tuple[float, float] = (10, 90),
    step: float = 0.02,
    counts: float = 1e5,
    background: float = 0.02,
    values: Mapping[str, float] | None = None,
    seed: int = 0,
) -> MeasuredPattern:
    """Draw a pattern with Poisson noise.

    Parameters
    ----------
    space : ConfigurationSpace
    occupations : (n_sites,) or (n, n_sites) array_like of int, or None
        An arrangement, or domains of several; None is the disordered average.
    shares : (n,) array_like, optional
        Of the domains.
    radiation : Radiation, str or float
    two_theta_range : (float, float)
        Degrees.
    step : float
        Degrees.
    counts : float
        At the top of the strongest peak, above the background.
    background : float
        At large angles, as a share of that; it doubles towards small ones.
    values : mapping of str to float, optional
        Parameters of `PatternModel` that differ from `LABORATORY`: ``zero``, ``phase.cell0``, ``phase.order`` ...
    seed : int

    Returns
    -------
    MeasuredPattern

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> len(simulate(space, None))
    4000
    """
    rng = np.random.default_rng(seed)
    grid = np.round(np.arange(*two_theta_range, step), 6)
    flat = MeasuredPattern.of(grid, np.ones(len(grid)), radiation=radiation, source="simulated")
    mean = average_occupancy(space)
    rows: list[Any] = [None] if occupations is None else list(np.atleast_2d(np.asarray(occupations, dtype=np.uint8)))
    weights = np.ones(len(rows)) / len(rows) if shares is None else np.asarray(shares, dtype=np.float64)
    drawn: NDArray[np.float64] = np.zeros(len(grid))
    for row, weight in zip(rows, weights, strict=True):
        whole = mean if row is None else occupancy_of(space, row)
        phase = phase_peaks(
            "phase", space.supercell_structure, flat.radiation or Radiation.of(radiation), flat.range,
            metric=metric_of(space.parent, space.supercell_matrix, space.symprec),
            occupancy=mean, slope={name: whole[name] - mean[name] for name in mean},
        )  # fmt: skip
        model = PatternModel(flat, [phase])
        drawn += weight * model.evaluate({**model.start(), **LABORATORY, "phase.scale": 1.0, **(values or {})})[0]
    noisy = rng.poisson(counts * (level(grid, background) + drawn / drawn.max())).astype(np.float64)
    return MeasuredPattern.of(grid, noisy, radiation=radiation, source="simulated")


def level(grid: NDArray[np.float64], background: float) -> NDArray[np.float64]:
    """The background (n,) at angles (n,): at large ones this number, at the first nearly twice as much."""
    found: NDArray[np.float64] = background * (1 + np.exp(-(grid - grid[0]) / 20))
    return found
