"""Profiles: what a diffractometer of finite resolution records of peaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.features.peaks import Pattern, Peaks

Shape = Literal["gaussian", "lorentzian", "pseudo-voigt", "thompson-cox-hastings"]

# Values of the line shapes that are held at a time.
BLOCK = 2**22


@dataclass(frozen=True)
class PeakShape:
    r"""The shape of a diffraction line.

    "gaussian", "lorentzian" and "pseudo-voigt" have Caglioti's full width at half maximum,

    .. math:: \Gamma^2 = U \tan^2\theta + V \tan\theta + W

    (Caglioti, Paoletti, Ricci, Nucl. Instrum. 3, 223 (1958)). "thompson-cox-hastings" takes that for the Gaussian part
    and :math:`X \tan\theta + Y / \cos\theta` for the Lorentzian one, and joins them into a pseudo-Voigt (Thompson, Cox,
    Hastings, J. Appl. Cryst. 20, 79 (1987), equations 1 to 5).

    Parameters
    ----------
    kind : {"gaussian", "lorentzian", "pseudo-voigt", "thompson-cox-hastings"}
    u, v, w : float
        Degrees squared.
    eta : float
        Lorentzian share of a pseudo-Voigt, 0 to 1.
    x, y : float
        Degrees.

    Raises
    ------
    InputError
        If the kind is unknown, a number is not finite, or `eta`, `x` or `y` is out of its range.

    Examples
    --------
    >>> PeakShape("gaussian", w=0.01).fwhm([20.0, 80.0]).tolist()
    [0.1, 0.1]
    """

    kind: Shape = "pseudo-voigt"
    u: float = 0.0
    v: float = 0.0
    w: float = 0.01
    eta: float = 0.5
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in get_args(Shape):
            raise InputError(f"kind must be one of {', '.join(get_args(Shape))}, not {self.kind!r}")
        for name in ("u", "v", "w", "eta", "x", "y"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise InputError(f"{name} must be a finite number, not {value!r}")
        if not 0 <= self.eta <= 1:
            raise InputError(f"eta, the Lorentzian share, must lie between 0 and 1, not {self.eta}")
        if self.x < 0 or self.y < 0:
            raise InputError(f"x and y must not be negative, but are {self.x} and {self.y}")

    def fwhm(self, two_theta: ArrayLike) -> NDArray[np.float64]:
        """Full width at half maximum, in degrees 2theta.

        Parameters
        ----------
        two_theta : array_like
            Degrees, any shape.

        Returns
        -------
        numpy.ndarray
            float64 of that shape.

        Raises
        ------
        InputError
            If the width is not positive at an angle, which the message names.
        """
        return self.width_and_share(np.asarray(two_theta, dtype=np.float64))[0]

    def at(self, two_theta: NDArray[np.float64], grid: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lines of area 1.

        Parameters
        ----------
        two_theta : numpy.ndarray
            (p,) degrees, where they stand.
        grid : numpy.ndarray
            (n_grid,) degrees.

        Returns
        -------
        numpy.ndarray
            (n_grid, p) float64, 1/degree.

        Raises
        ------
        InputError
            If a width is not positive.
        """
        width, share = self.width_and_share(two_theta)
        gaussian, lorentzian = gaussian_and_lorentzian((grid[:, None] - two_theta) / width)
        lines: NDArray[np.float64] = (share * lorentzian + (1 - share) * gaussian) / width
        return lines

    def width_and_share(self, two_theta: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Full width at half maximum in degrees, and the Lorentzian share, of lines at some angles in degrees.

        Raises
        ------
        InputError
            If a width is not positive.
        """
        theta = np.radians(two_theta / 2)
        tangent = np.tan(theta)
        squared = self.u * tangent**2 + self.v * tangent + self.w
        if self.kind != "thompson-cox-hastings":
            _check_widths(squared > 0, two_theta, "u, v, w")
            share = {"gaussian": 0.0, "lorentzian": 1.0, "pseudo-voigt": self.eta}[self.kind]
            return np.sqrt(squared), np.full(np.shape(two_theta), share)
        _check_widths(squared >= 0, two_theta, "u, v, w")
        gaussian, lorentzian = np.sqrt(squared), self.x * tangent + self.y / np.cos(theta)
        _check_widths(gaussian + lorentzian > 0, two_theta, "u, v, w, x, y")
        powers = (1, 2.69269, 2.42843, 4.47163, 0.07842, 1)
        width = sum(c * gaussian ** (5 - k) * lorentzian**k for k, c in enumerate(powers)) ** 0.2
        ratio = lorentzian / width
        return width, 1.36603 * ratio - 0.47719 * ratio**2 + 0.11116 * ratio**3


def gaussian_and_lorentzian(reduced: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two lines of area 1 and full width 1 at half maximum that a pseudo-Voigt mixes.

    Examples
    --------
    >>> [float(line.round(4)) for line in gaussian_and_lorentzian(np.array(0.0))]
    [0.9394, 0.6366]
    """
    gaussian = 2 * math.sqrt(math.log(2) / math.pi) * np.exp(-4 * math.log(2) * reduced**2)
    lorentzian = 2 / (math.pi * (1 + 4 * reduced**2))
    return gaussian, lorentzian


def profile(peaks: Pattern | Peaks, two_theta: ArrayLike, shape: PeakShape | None = None) -> NDArray[np.float64]:
    """Draw each peak with a line shape, and add them up.

    Parameters
    ----------
    peaks : Pattern or Peaks
        One pattern, or those of n arrangements. Each line's area is its intensity.
    two_theta : array_like
        (n_grid,) degrees at which the profile is wanted.
    shape : PeakShape, optional
        A pseudo-Voigt of 0.1 degrees, half of it Lorentzian, where omitted.

    Returns
    -------
    numpy.ndarray
        (n_grid,) or (n, n_grid) float64, intensity per degree.

    Raises
    ------
    InputError
        If the grid is not one row of finite angles, the peaks are those of a Patterson function, or a width is not
        positive.

    Examples
    --------
    >>> import matganip as mg
    >>> (pattern,) = mg.PowderDiffraction().patterns([mg.perovskite("CsPbI3", a=6.289)], (10, 30))
    >>> grid = np.arange(10, 30, 0.01)
    >>> float(grid[profile(pattern, grid).argmax()].round(2))
    28.38
    """
    grid = np.asarray(two_theta, dtype=np.float64)
    if grid.ndim != 1 or not np.isfinite(grid).all():
        raise InputError("two_theta must be one row of finite angles in degrees")
    if np.isnan(peaks.two_theta).any():
        raise InputError("a Patterson function has no profile: its columns stand at distances, not at angles")
    line_shape = shape or PeakShape()
    drawn = np.empty((*peaks.intensity.shape[:-1], len(grid)))
    rows = max(1, BLOCK // max(1, len(peaks.two_theta)))
    for first in range(0, len(grid), rows):
        part = slice(first, first + rows)
        drawn[..., part] = peaks.intensity @ line_shape.at(peaks.two_theta, grid[part]).T
    return drawn


def _check_widths(good: NDArray[np.bool_], two_theta: NDArray[np.float64], names: str) -> None:
    if not np.all(good):
        angle = np.ravel(two_theta)[int(np.argmin(np.ravel(good)))]
        raise InputError(f"{names}: the width of a line at {angle:.3f} degrees is not positive")
