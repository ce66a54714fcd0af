"""Patterns as instruments record them, for networks to train on: strained, textured, displaced, with noise."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from pydantic import Field
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.features.orientation import MarchDollase
from matganip.features.peaks import Pattern
from matganip.features.powder.diffraction import PowderDiffraction
from matganip.features.powder.instrument import Instrument
from matganip.features.profiles import PeakShape, profile
from matganip.settings import Settings

if TYPE_CHECKING:
    from ase import Atoms

Range = tuple[float, float]

SCHERRER = 0.9
"""Shape factor of Scherrer's equation."""

AXES = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
"""Directions along which crystallites may lie."""


class Realism(Settings):
    """From which range each defect of a pattern is drawn, uniformly unless it says otherwise.

    Examples
    --------
    >>> Realism(texture=(1.0, 1.0)).counts
    (1000.0, 100000.0)
    """

    strain: float = Field(default=0.01, ge=0, lt=0.2, description="Largest strain of the cell, each component +-.")
    texture: Range = Field(default=(0.6, 1.4), description="March-Dollase's r along a random low-index direction.")
    size: Range = Field(default=(200.0, 2000.0), description="Crystallite size, angstrom (Scherrer).")
    microstrain: Range = Field(default=(0.0, 0.003), description="Spread of d over d.")
    displacement: float = Field(default=0.1, ge=0, description="Largest displacement of the sample, mm, +-.")
    radius: float = Field(default=200.0, gt=0, description="Of the goniometer, mm.")
    zero: float = Field(default=0.05, ge=0, description="Largest zero shift, degrees, +-.")
    background: Range = Field(default=(0.0, 0.3), description="Height of the background over the strongest peak.")
    hump: Range = Field(default=(0.0, 0.1), description="Height of an amorphous hump over the strongest peak.")
    counts: Range = Field(default=(1e3, 1e5), description="Counts at the strongest point, uniform in the logarithm.")


@dataclass(frozen=True, eq=False)
class RealisticBatch:
    """Recorded patterns.

    Attributes
    ----------
    two_theta : (n_grid,) float64 ndarray
        Degrees.
    counts : (n, n_grid) float32 ndarray
        Poisson counts over the largest of each pattern.
    structure : (n,) int64 ndarray
        Which structure each is of.
    parameters : dict of str to (n,) float64 ndarray
        What was drawn: ``r``, ``size``, ``microstrain``, ``displacement``, ``zero``, ``background``, ``hump``,
        ``peak_counts``, ``volume_strain``.
    """

    two_theta: NDArray[np.float64]
    counts: NDArray[np.float32]
    structure: NDArray[np.int64]
    parameters: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.counts)


def realistic_patterns(
    structures: Sequence[Structure | Atoms | str | os.PathLike[str]],
    number: int,
    instrument: Instrument | None = None,
    realism: Realism | None = None,
    *,
    seed: int = 0,
    batch_size: int = 64,
) -> Iterator[RealisticBatch]:
    """Draw recorded patterns of structures, batch by batch.

    Parameters
    ----------
    structures : sequence of Structure, ase.Atoms or path
    number : int
        Patterns of each structure; those of one structure follow each other.
    instrument : Instrument, optional
        Its radiation, range and resolution; a Cu tube with its doublet, 10 to 80 degrees in steps of 0.02 by default.
    realism : Realism, optional
        Ranges of the defects.
    seed : int
        The same seed gives the same patterns, whatever the size of the batches.
    batch_size : int

    Yields
    ------
    RealisticBatch

    Raises
    ------
    InputError
        If a number is not positive, a range does not rise, or a structure cannot be diffracted.

    Notes
    -----
    Widths: Scherrer's K lambda / (size cos theta) and 4 microstrain tan theta, Lorentzian, join the instrument's (as
    "thompson-cox-hastings"). A sample displaced by s in Bragg-Brentano geometry of radius R moves lines by
    -2 s cos(theta) / R. The strain is a random symmetric one and may lower the symmetry.

    Examples
    --------
    >>> import matganip as mg
    >>> batch = next(mg.realistic_patterns([mg.perovskite("CsPbI3", a=6.289)], 3))
    >>> batch.counts.shape, bool((batch.counts.max(axis=1) == 1).all())
    ((3, 3501), True)
    """
    if number < 1 or batch_size < 1:
        raise InputError(f"number and batch_size must be at least 1, not {number} and {batch_size}")
    device = instrument or Instrument(radiation="CuKa12", two_theta=(10.0, 80.0), w=0.003)
    ranges = realism or Realism()
    _check(ranges)
    crystals = [read_structure(structure) for structure in structures]
    numbers = np.arange(len(crystals) * number)
    for first in range(0, len(numbers), batch_size):
        part = numbers[first : first + batch_size]
        drawn = [_drawn(crystals[i // number], np.random.default_rng([seed, int(i)]), device, ranges) for i in part]
        yield RealisticBatch(
            two_theta=device.grid,
            counts=np.array([one[0] for one in drawn], dtype=np.float32),
            structure=part // number,
            parameters={name: np.array([one[1][name] for one in drawn]) for name in drawn[0][1]},
        )


def _check(ranges: Realism) -> None:
    for name in ("texture", "size", "microstrain", "background", "hump", "counts"):
        low, high = getattr(ranges, name)
        least = 0.0 if name in ("microstrain", "background", "hump") else 1e-9
        if not least <= low <= high < math.inf:
            raise InputError(f"{name}: a rising range of numbers from {least:g} on is needed, not {low}, {high}")


def _drawn(
    crystal: Structure, rng: np.random.Generator, device: Instrument, ranges: Realism
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """One recorded pattern, and what was drawn for it."""
    strained, volume = _strained(crystal, rng, ranges.strain)
    r = float(rng.uniform(*ranges.texture))
    texture = MarchDollase(AXES[int(rng.integers(len(AXES)))], r)
    powder = PowderDiffraction(device.beam, preferred_orientation=texture)
    (pattern,) = powder.patterns([strained], device.two_theta, num_threads=1)
    size, microstrain = float(rng.uniform(*ranges.size)), float(rng.uniform(*ranges.microstrain))
    shape = broadened(device.peak_shape, device.beam.wavelength, size, microstrain)
    shift = float(rng.uniform(-1, 1)) * ranges.displacement
    zero = float(rng.uniform(-1, 1)) * ranges.zero
    clean = recorded(pattern, device, shape, shift / ranges.radius, zero)
    clean /= max(clean.max(), 1e-300)
    grid = device.grid
    background, hump = float(rng.uniform(*ranges.background)), float(rng.uniform(*ranges.hump))
    clean += background * _smooth(grid, rng)
    centre, width = rng.uniform(15, 40), rng.uniform(4, 12)
    clean += hump * np.exp(-0.5 * ((grid - centre) / width) ** 2)
    peak_counts = float(np.exp(rng.uniform(*np.log(ranges.counts))))
    counts = rng.poisson(clean / clean.max() * peak_counts).astype(np.float64)
    parameters = {
        "r": r, "size": size, "microstrain": microstrain, "displacement": shift, "zero": zero,
        "background": background, "hump": hump, "peak_counts": peak_counts, "volume_strain": volume,
    }  # fmt: skip
    return counts / max(counts.max(), 1.0), parameters


def broadened(shape: PeakShape, wavelength: float, size: float, microstrain: float) -> PeakShape:
    """The instrument's line shape with the Lorentzian widths of small and strained crystallites.

    Parameters
    ----------
    shape : PeakShape
    wavelength, size : float
        Angstrom.
    microstrain : float
        Spread of d over d.

    Returns
    -------
    PeakShape

    Examples
    --------
    >>> wide = broadened(PeakShape("gaussian", w=0.0025), 1.5406, 100.0, 0.0)
    >>> wide.y.__round__(3)  # 0.9 * 1.5406 / 100 radians
    0.794
    """
    lorentzian = {"thompson-cox-hastings": (shape.x, shape.y)}.get(shape.kind, (0.0, 0.0))
    return PeakShape(
        "thompson-cox-hastings",
        u=shape.u,
        v=shape.v,
        w=shape.w,
        x=lorentzian[0] + math.degrees(4 * microstrain),
        y=lorentzian[1] + math.degrees(SCHERRER * wavelength / size),
    )


def recorded(
    pattern: Pattern, device: Instrument, shape: PeakShape, displacement: float, zero: float
) -> NDArray[np.float64]:
    """The profile of lines that a displaced sample and a zero shift move.

    Parameters
    ----------
    pattern : Pattern
    device : Instrument
    shape : PeakShape
    displacement : float
        Of the sample over the radius of the goniometer.
    zero : float
        Degrees.

    Returns
    -------
    (n_grid,) float64 ndarray
    """
    moved = pattern.two_theta + zero + device.zero
    moved = moved - np.degrees(2 * displacement * np.cos(np.radians(pattern.two_theta / 2)))
    inside = (moved > 0) & (moved < 180)
    return profile(
        Pattern(moved[inside], pattern.intensity[inside], pattern.hkls, pattern.d_spacings[inside]), device.grid, shape
    )


def _strained(crystal: Structure, rng: np.random.Generator, largest: float) -> tuple[Structure, float]:
    """The crystal with a random symmetric strain, and the change of its volume."""
    strain = rng.uniform(-largest, largest, (3, 3))
    matrix = np.eye(3) + (strain + strain.T) / 2
    strained = crystal.copy()
    strained.lattice = Lattice(crystal.lattice.matrix @ matrix)
    return strained, float(np.linalg.det(matrix) - 1)


def _smooth(grid: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A background of height 1: a Chebyshev series of falling coefficients, and the air's scattering at low angles."""
    x = 2 * (grid - grid[0]) / max(np.ptp(grid), 1e-12) - 1
    series = chebyshev.chebval(x, rng.normal(size=6) / np.arange(1, 7))
    series -= series.min()
    curve = series / max(series.max(), 1e-12) + rng.uniform(0, 1) * np.exp(-(grid - grid[0]) / rng.uniform(3, 15))
    smooth: NDArray[np.float64] = curve / max(curve.max(), 1e-12)
    return smooth
