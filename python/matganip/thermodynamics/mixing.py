r"""Mixing energies and the convex hull over a series of compositions of one sublattice.

With the end members' energies :math:`E(x_0)` and :math:`E(x_1)`, per atom of the parent so that all compositions have
equally many sites (vacancies included), the mixing energy is

.. math:: \Delta E(x) = E(x) - \frac{x_1 - x}{x_1 - x_0} E(x_0) - \frac{x - x_0}{x_1 - x_0} E(x_1).

A composition on the lower convex hull is stable against separation into others; at a temperature, that of F decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.progress import ProgressOption
from matganip.results.thermo import MixingResult
from matganip.thermodynamics.run import PathLike, thermo

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.model import Model

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mixing:
    """Mixing energies of compositions, one property.

    Attributes
    ----------
    fraction : (n,) float64 ndarray
        Fraction of the sublattice's sites that the species takes, ascending.
    energy, mixing : (n,) float64 ndarray
        In the unit of the energies given; `mixing` is 0 at both ends.
    above_hull : (n,) float64 ndarray
        Height above the lower convex hull, 0 on it.
    """

    fraction: Floats
    energy: Floats
    mixing: Floats
    above_hull: Floats

    @property
    def on_hull(self) -> NDArray[np.bool_]:
        """(n,) bool: the stable compositions, within rounding."""
        return self.above_hull <= 1e-12 * max(1.0, float(np.abs(self.energy).max()))


def mixing(
    model: Model | PathLike,
    spaces: Iterable[ConfigurationSpace],
    temperatures: Sequence[float] = (300.0,),
    *,
    sample: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    progress: ProgressOption = None,
) -> MixingResult:
    """Mixing energies and mixing free energies of a series of compositions as a model predicts them, and their hull.

    Parameters
    ----------
    model : Model or path-like
        A model, or its folder.
    spaces : iterable of ConfigurationSpace
        One for each composition, of one supercell, in which one species varies: a `CompositionSeries` is one.
    temperatures : sequence of float
        Kelvin, of the free energies; 0 K, which is the lowest energy, is left out.
    sample : int, optional
        Compositions with more orbits than this are estimated from a uniform sample of so many arrangements.
    seed : int
        Of the samples.
    device : str
        With the folder of a model: where it computes.
    progress : bool or callable, optional
        As for `thermo`, composition by composition.

    Returns
    -------
    MixingResult

    Raises
    ------
    InputError
        If not exactly one species varies, there are fewer than two compositions, or two are the same.
    """
    from matganip.learning.model import Model

    series = list(spaces)
    if not series:
        raise InputError("mixing needs an energy for each of two or more compositions, not of none")
    name, fraction = fractions(series)
    kelvin = [t for t in temperatures if t > 0]
    model = Model.of(model, device)
    ensembles = [
        thermo(
            model,
            space,
            kelvin or (0.0,),
            sample=None if sample is None or space.count_orbits() <= sample else sample,
            seed=seed,
            progress=progress,
        )
        for space in series
    ]
    sites = len(series[0].supercell_structure)
    order = np.argsort(fraction)
    return MixingResult(
        name,
        mixing_energies(fraction, [one.functions.ground / sites for one in ensembles]),
        tuple(
            (t, mixing_energies(fraction, [one.functions.free_energy[k] / sites for one in ensembles]))
            for k, t in enumerate(kelvin)
        ),
        tuple(ensembles[k] for k in order.tolist()),
        model.card.calculator,
        next((one.remark for one in ensembles if one.remark), ""),
    )


def mixing_energies(fraction: ArrayLike, energy: ArrayLike) -> Mixing:
    """Work out mixing energies and the lower convex hull.

    Parameters
    ----------
    fraction : (n,) array_like
        At least two, all different; the smallest and the largest are the end members.
    energy : (n,) array_like
        Per atom of the parent, or per supercell; all of equally many sites.

    Returns
    -------
    Mixing
        In ascending order of the fraction.

    Raises
    ------
    InputError
        If there are fewer than two compositions, two are the same, or a number is not finite.

    Examples
    --------
    >>> found = mixing_energies([0, 0.25, 0.5, 1], [0.0, 0.2, -1.0, 1.0])
    >>> found.mixing.round(6).tolist(), found.on_hull.tolist(), found.above_hull.round(6).tolist()
    ([0.0, -0.05, -1.5, 0.0], [True, False, True, True], [0.0, 0.7, 0.0, 0.0])
    """
    x, e = np.asarray(fraction, dtype=np.float64), np.asarray(energy, dtype=np.float64)
    if x.ndim != 1 or x.shape != e.shape or len(x) < 2:
        raise InputError(f"mixing needs an energy for each of two or more compositions, not {x.shape} and {e.shape}")
    if not (np.isfinite(x).all() and np.isfinite(e).all()):
        raise InputError("mixing: a fraction or an energy is not a finite number")
    order = np.argsort(x)
    x, e = x[order], e[order]
    if (np.diff(x) <= 0).any():
        raise InputError(f"mixing: two compositions are the same, {x[int(np.argmin(np.diff(x)))]:g}")
    share = (x - x[0]) / (x[-1] - x[0])
    mixed = e - ((1 - share) * e[0] + share * e[-1])
    mixed[[0, -1]] = 0.0
    corners = _lower_hull(x, mixed)
    height = mixed - np.interp(x, x[corners], mixed[corners])
    height[corners] = 0.0
    return Mixing(x, e, mixed, np.maximum(height, 0.0))


def _lower_hull(x: Floats, y: Floats) -> list[int]:
    """Corners of the lower convex hull of points in ascending order (Andrew, Inf. Process. Lett. 9, 216 (1979))."""
    corners: list[int] = []
    for k in range(len(x)):
        while len(corners) > 1:
            a, b = corners[-2:]
            if (y[b] - y[a]) * (x[k] - x[a]) < (y[k] - y[a]) * (x[b] - x[a]):
                break
            corners.pop()
        corners.append(k)
    return corners


def fractions(spaces: Sequence[ConfigurationSpace]) -> tuple[str, Floats]:
    """Which species varies over a series of compositions, and the fraction of its sublattice that it takes.

    Parameters
    ----------
    spaces : sequence of ConfigurationSpace
        Of one supercell.

    Returns
    -------
    name : str
        ``"Br on I"``.
    fraction : (n,) float64 ndarray

    Raises
    ------
    InputError
        If not exactly one species varies, in exchange for the one that it substitutes.
    """
    varying = []
    for number, sublattice in enumerate(spaces[0].sublattice_table):
        for code, name in enumerate(sublattice.species):
            counts = [space.counts[number][space.species[number].index(name)] for space in spaces]
            if len(set(counts)) > 1 and code < len(sublattice.species) - 1:
                varying.append((f"{name} on {sublattice.host}", np.array(counts) / sum(sublattice.counts)))
    if len(varying) != 1:
        names = " and ".join(name for name, _ in varying) or "nothing"
        raise InputError(f"mixing energies are for one species that varies; here {names} does")
    return varying[0]
