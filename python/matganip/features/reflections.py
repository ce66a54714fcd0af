"""Reflections of a lattice in an angular range, and which of them one powder peak holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core.lattice import Lattice

from matganip import _core
from matganip.errors import InputError
from matganip.features.radiation import Radiation

# Degrees. Lines closer than this to the first of a peak belong to it. pymatgen has the same width, but cuts
# the axis into fixed bins of it, which can split lines that are exactly degenerate: (300) and (221) of a
# cubic crystal.
TWO_THETA_TOL = 1e-5

# Squared length, angstrom^-2, by which the limiting sphere is widened, as in pymatgen's search of points in a
# sphere.
SPHERE_TOL = 1e-8


class HklFamily(TypedDict):
    """One family of a peak: its largest hkl (hkil on hexagonal axes), and how many reflections it has."""

    hkl: tuple[int, ...]
    multiplicity: int


@dataclass(frozen=True, eq=False)
class Reflections:
    r"""One reflection of each Friedel pair, sorted by peak, then by falling h, k, l.

    Under radiation of several spectral lines each reflects at its own angle, and has a row of its own.

    Attributes
    ----------
    hkl : numpy.ndarray
        (n, 3) int64 Miller indices; the first that is not zero is positive.
    s_squared : numpy.ndarray
        (n,) (sin theta / wavelength)^2 in angstrom^-2.
    line : numpy.ndarray
        (n,) int64, the spectral line of the radiation.
    lorentz_polarization : numpy.ndarray
        (n,) (1 + cos^2 2theta) / (sin^2 theta cos theta); for neutrons 1 / (sin^2 theta cos theta).
    weight : numpy.ndarray
        (n,) what \|F\|^2 is multiplied by: 2 for the Friedel pair, `lorentz_polarization`, and the share of the
        spectral line.
    peak : numpy.ndarray
        (n,) int64, the merged peak of each reflection.
    two_theta, d_spacings : numpy.ndarray
        (n_peaks,) of the first line of each peak, degrees and angstrom, in order of rising angle.
    hexagonal : bool
        Whether the axes are hexagonal, so that families are written as hkil.
    """

    hkl: NDArray[np.int64]
    s_squared: NDArray[np.float64]
    line: NDArray[np.int64]
    lorentz_polarization: NDArray[np.float64]
    weight: NDArray[np.float64]
    peak: NDArray[np.int64]
    two_theta: NDArray[np.float64]
    d_spacings: NDArray[np.float64]
    hexagonal: bool

    @property
    def line_of_most_weight(self) -> int:
        """The strongest spectral line that has reflections in the range."""
        share = self.weight / self.lorentz_polarization
        return int(self.line[np.argmax(share)])

    def families(self, members: Sequence[NDArray[np.int64]]) -> list[list[HklFamily]]:
        """Families of the reflections of each peak: sets whose indices are alike but for order and sign.

        Parameters
        ----------
        members : sequence of numpy.ndarray
            For each peak the reflections (rows of `hkl`) that it holds.

        Returns
        -------
        list of list of dict
            As pymatgen writes them: ``{"hkl": largest member, "multiplicity": number of members}``, where
            both members of a Friedel pair count.
        """
        ends = np.cumsum([0, *map(len, members)])
        return families_of(self.hkl[np.concatenate(members)], ends, self.hexagonal) if len(members) else []


def reflections_in_range(
    lattice: Lattice, radiation: str | float | Radiation, two_theta_range: tuple[float, float] | None = (0, 90)
) -> Reflections:
    """All reflections of a lattice between two angles.

    Parameters
    ----------
    lattice : pymatgen.core.Lattice
        The (super)cell, angstrom.
    radiation : str, float or Radiation
        As `Radiation.of` takes it.
    two_theta_range : (float, float) or None
        Degrees, both ends included; None is the whole limiting sphere, of radius 2 / wavelength.

    Returns
    -------
    Reflections
        Reflection (000) is left out.

    Raises
    ------
    InputError
        If the range is not two rising angles between 0 and 180 degrees, or holds no reflection.

    Examples
    --------
    >>> from pymatgen.core import Lattice
    >>> reflections = reflections_in_range(Lattice.cubic(6.289), 1.54184, (0, 25))
    >>> reflections.two_theta.round(3).tolist()
    [14.082, 19.966, 24.517]
    """
    radiation = Radiation.of(radiation)
    wavelength, share = np.array(radiation.lines).T
    found = [_in_shell(lattice, *radii(length, two_theta_range)) for length in wavelength.tolist()]
    hkl, g = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if not len(hkl):
        raise InputError(no_peak(lattice, float(wavelength[0]), two_theta_range))
    line = np.repeat(np.arange(len(found)), [len(lengths) for _, lengths in found])

    theta = np.arcsin(np.clip(wavelength[line] * g / 2, -1, 1))
    order = np.argsort(theta, kind="stable")
    hkl, g, line, theta = hkl[order], g[order], line[order], theta[order]
    two_theta = np.degrees(2 * theta)
    first = _first_lines(two_theta)
    peak = np.repeat(np.arange(len(first)), np.diff([*first, len(g)]))
    within = np.lexsort((*-hkl.T[::-1], peak))
    polarization = 1 + radiation.polarization * np.cos(2 * theta) ** 2
    lorentz_polarization = (polarization / (np.sin(theta) ** 2 * np.cos(theta)))[within]
    return Reflections(
        hkl=hkl[within],
        s_squared=(g[within] / 2) ** 2,
        line=line[within],
        lorentz_polarization=lorentz_polarization,
        weight=2 * lorentz_polarization * share[line[within]],
        peak=peak,
        two_theta=two_theta[first],
        d_spacings=1 / g[first],
        hexagonal=lattice.is_hexagonal(),
    )


def radii(wavelength: float, two_theta_range: tuple[float, float] | None) -> tuple[float, float]:
    """Radii in reciprocal space, 2 sin(theta) / wavelength, between which reflections lie.

    Parameters
    ----------
    wavelength : float
        Angstrom.
    two_theta_range : (float, float) or None
        Degrees; None is the whole limiting sphere.

    Returns
    -------
    inner, outer : float
        1/angstrom.

    Raises
    ------
    InputError
        If the range is not two rising angles between 0 and 180 degrees.
    """
    if two_theta_range is None:
        return 0.0, 2 / wavelength
    refusal = f"two_theta_range must be two rising angles between 0 and 180 degrees, not {two_theta_range}"
    try:
        low, high = (float(angle) for angle in two_theta_range)
    except (TypeError, ValueError) as error:
        raise InputError(refusal) from error
    if not 0 <= low < high <= 180:
        raise InputError(refusal)
    return 2 * math.sin(math.radians(low / 2)) / wavelength, 2 * math.sin(math.radians(high / 2)) / wavelength


def _in_shell(lattice: Lattice, inner: float, outer: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """One hkl of each Friedel pair between two radii, and its length."""
    hkl = _half_space(np.floor(outer * np.array(lattice.abc) + 1e-6).astype(np.int64))
    g = np.linalg.norm(hkl @ lattice.reciprocal_lattice_crystallographic.matrix, axis=1)
    inside = (g >= inner) & (g * g < outer * outer + SPHERE_TOL)
    return hkl[inside], g[inside]


def _half_space(bounds: ArrayLike) -> NDArray[np.int64]:
    """All hkl within the bounds whose first index that is not zero is positive."""
    h_max, k_max, l_max = np.asarray(bounds).tolist()
    axes = [np.arange(h_max + 1), np.arange(-k_max, k_max + 1), np.arange(-l_max, l_max + 1)]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    h, k, l = hkl.T  # noqa: E741
    half: NDArray[np.int64] = hkl[(h > 0) | ((h == 0) & ((k > 0) | ((k == 0) & (l > 0))))]
    return half


def _first_lines(two_theta: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices, into rising angles, of the lines that open a peak."""
    first, n = [0], len(two_theta)
    while (after := int(np.searchsorted(two_theta, two_theta[first[-1]] + TWO_THETA_TOL, side="right"))) < n:
        first.append(after)
    return np.array(first, dtype=np.int64)


def families_of(hkl: NDArray[np.integer], ends: NDArray[np.int64], hexagonal: bool) -> list[list[HklFamily]]:
    """Families of the reflections of several peaks, that with the largest member first.

    Parameters
    ----------
    hkl : numpy.ndarray
        (n, 3) integers: one of each Friedel pair, that whose first index that is not zero is positive; peak after
        peak.
    ends : numpy.ndarray
        (n_peaks + 1,) peak p holds the rows ``ends[p]:ends[p + 1]``.
    hexagonal : bool
        Write them as hkil.

    Returns
    -------
    list of list of dict
        See `Reflections.families`.

    Examples
    --------
    >>> families_of(np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0]]), np.array([0, 2, 3]), hexagonal=False)
    [[{'hkl': (1, 0, 0), 'multiplicity': 4}], [{'hkl': (1, 1, 0), 'multiplicity': 2}]]
    """
    indices = np.ascontiguousarray(hkl, dtype=np.int32)
    families: list[list[HklFamily]] = _core.reflection_families(
        indices, np.ascontiguousarray(ends, dtype=np.int64), hexagonal=hexagonal
    )
    return families


def no_peak(lattice: Lattice, wavelength: float, two_theta_range: tuple[float, float] | None) -> str:
    """Say why no reflection of a lattice lies in a range: what an error tells the user.

    Parameters
    ----------
    lattice : pymatgen.core.Lattice
    wavelength : float
        Angstrom.
    two_theta_range : (float, float) or None
        Degrees.

    Returns
    -------
    str
    """
    longest = 1 / min(lattice.reciprocal_lattice_crystallographic.get_lll_reduced_lattice().abc)
    found = f"two_theta_range={two_theta_range} holds no reflection at {wavelength:g} angstrom: "
    if wavelength > 2 * longest:
        return found + f"the wavelength is more than twice the largest d-spacing, {longest:.4f} angstrom"
    first = math.degrees(2 * math.asin(wavelength / (2 * longest)))
    return found + f"the first one of this cell is at {first:.2f} degrees"
