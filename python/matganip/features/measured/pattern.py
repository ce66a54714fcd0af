"""A measured powder pattern: angles, intensities and their standard deviations."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.features.radiation import Radiation

Floats = NDArray[np.float64]

FEWEST_POINTS = 20
"""A pattern of fewer points than these determines no profile."""


@dataclass(frozen=True, eq=False)
class MeasuredPattern:
    """What a powder diffractometer recorded.

    `MeasuredPattern.of` checks what it is given; `matganip.read_pattern` reads files.

    Attributes
    ----------
    two_theta : (n,) float64 ndarray
        Degrees, rising.
    intensity : (n,) float64 ndarray
        Counts, or in the unit in which `sigma` is.
    sigma : (n,) float64 ndarray
        Standard deviation of each intensity, positive.
    radiation : Radiation or None
        What the file says of it; None where it says nothing.
    source : str
        The name of the file, for messages.
    """

    two_theta: Floats
    intensity: Floats
    sigma: Floats
    radiation: Radiation | None = None
    source: str = "pattern"

    @classmethod
    def of(
        cls,
        two_theta: ArrayLike,
        intensity: ArrayLike,
        sigma: ArrayLike | None = None,
        *,
        radiation: Radiation | str | float | None = None,
        source: str = "pattern",
        places: NDArray[np.int64] | None = None,
    ) -> MeasuredPattern:
        """Check the columns of a pattern.

        Parameters
        ----------
        two_theta : (n,) array_like
            Degrees; falling angles are turned round.
        intensity : (n,) array_like
            Counts where `sigma` is left out.
        sigma : (n,) array_like, optional
            Standard deviations; by default the square root of the counts, and 1 where there are none.
        radiation : Radiation, str or float, optional
            As `radiation_of` takes it.
        source : str
            Name for messages.
        places : (n,) int64 ndarray, optional
            The line of each point in its file, for messages; by default its number, from 0 on.

        Returns
        -------
        MeasuredPattern

        Raises
        ------
        InputError
            If there are fewer than 20 points, one is no number, negative, without deviation, or the angles do not
            rise. The message names the line.

        Examples
        --------
        >>> pattern = MeasuredPattern.of(np.arange(10, 80, 0.02), np.full(3500, 100.0))
        >>> len(pattern), float(pattern.sigma[0])
        (3500, 10.0)
        """
        angles, counts = (np.asarray(column, dtype=np.float64).ravel() for column in (two_theta, intensity))
        if len(angles) != len(counts):
            raise InputError(f"{source}: {len(angles)} angles and {len(counts)} intensities")
        at = np.arange(len(angles)) if places is None else places
        word = "point" if places is None else "line"

        def refuse(wrong: NDArray[np.bool_], what: str) -> None:
            if wrong.any():
                raise InputError(f"{source}, {word} {at[int(np.argmax(wrong))]}: {what}")

        refuse(~np.isfinite(angles) | ~np.isfinite(counts), "angle and intensity must be finite numbers")
        if len(angles) < FEWEST_POINTS:
            raise InputError(f"{source}: {len(angles)} points are no pattern; at least {FEWEST_POINTS} are needed")
        steps = np.diff(angles)
        falling = bool(np.median(steps) < 0)
        refuse(np.append(False, steps >= 0 if falling else steps <= 0), "the angles must rise, or fall, throughout")
        refuse((angles <= 0) | (angles >= 180), "an angle 2theta must lie between 0 and 180 degrees")
        deviation = np.sqrt(np.maximum(counts, 1.0)) if sigma is None else np.asarray(sigma, dtype=np.float64).ravel()
        if len(deviation) != len(counts):
            raise InputError(f"{source}: {len(counts)} intensities and {len(deviation)} standard deviations")
        refuse(~(np.isfinite(deviation) & (deviation > 0)), "a standard deviation must be positive")
        refuse(counts < (0 if sigma is None else -6 * deviation), "the intensity is negative")
        if not (counts > 0).any():
            raise InputError(f"{source}: all intensities are 0")
        order = slice(None, None, -1) if falling else slice(None)
        x, y, s = (np.ascontiguousarray(one[order]) for one in (angles, counts, deviation))
        return cls(x, y, s, radiation=None if radiation is None else radiation_of(radiation), source=source)

    def __len__(self) -> int:
        return len(self.two_theta)

    @property
    def range(self) -> tuple[float, float]:
        """First and last angle, degrees."""
        return float(self.two_theta[0]), float(self.two_theta[-1])

    def within(self, low: float, high: float) -> MeasuredPattern:
        """The points between two angles in degrees, both included.

        Raises
        ------
        InputError
            If fewer than 20 are left.
        """
        return self._taken((self.two_theta >= low) & (self.two_theta <= high), f"between {low} and {high} degrees")

    def without(self, low: float, high: float) -> MeasuredPattern:
        """Leave out the points between two angles in degrees: a line of the sample holder, or a faulty step.

        Raises
        ------
        InputError
            If fewer than 20 are left.
        """
        return self._taken((self.two_theta < low) | (self.two_theta > high), f"without {low} to {high} degrees")

    def binned(self, step: float) -> MeasuredPattern:
        """Means of neighbouring points over about so many degrees, never across a gap.

        Parameters
        ----------
        step : float
            Degrees; where the points are no closer than that, they are left as they are.

        Returns
        -------
        MeasuredPattern
            Angles and intensities are means, with the standard deviations of means.

        Examples
        --------
        >>> fine = MeasuredPattern.of(10 + 0.001 * np.arange(1000), np.full(1000, 100.0))
        >>> coarse = fine.binned(0.01)
        >>> len(coarse), round(float(coarse.sigma[0]), 3)
        (100, 3.162)
        """
        steps = np.diff(self.two_theta)
        usual = float(np.median(steps))
        together = int(step / usual + 1e-9)
        if together < 2:
            return self
        runs = np.split(np.arange(len(self)), np.flatnonzero(steps > 1.5 * usual) + 1)
        starts = np.concatenate([run[0] + together * np.arange(-(-len(run) // together)) for run in runs])
        n = np.diff(np.append(starts, len(self)))
        angles, counts, variance = (
            np.add.reduceat(column, starts) for column in (self.two_theta, self.intensity, self.sigma**2)
        )
        return replace(self, two_theta=angles / n, intensity=counts / n, sigma=np.sqrt(variance) / n)

    def with_radiation(self, radiation: Radiation | str | float) -> MeasuredPattern:
        """The same points under the radiation that is given, whatever the file said."""
        return replace(self, radiation=radiation_of(radiation))

    def _taken(self, kept: NDArray[np.bool_], what: str) -> MeasuredPattern:
        if kept.sum() < FEWEST_POINTS:
            first, last = self.range
            raise InputError(f"{self.source}: {kept.sum()} points {what}; it goes from {first:g} to {last:g} degrees")
        columns = {name: getattr(self, name)[kept] for name in ("two_theta", "intensity", "sigma")}
        return replace(self, **columns)


def radiation_of(radiation: Radiation | str | float) -> Radiation:
    """What an argument `radiation` means for a measured pattern: form factors as atoms have them.

    Parameters
    ----------
    radiation : Radiation, str or float
        A name or a wavelength in angstrom stand for Waasmaier and Kirfel's form factors with f' and f''; a Radiation is
        taken as it is.

    Returns
    -------
    Radiation

    Examples
    --------
    >>> radiation_of("CuKa12").anomalous, radiation_of("neutron 1.54").table
    (True, 'neutron')
    """
    if isinstance(radiation, Radiation):
        return radiation
    plain = Radiation.of(radiation)
    return replace(plain, table="waasmaier-kirfel", anomalous=True) if plain.polarized else plain


def two_theta_of(position: ArrayLike, unit: str, wavelength: float | None, source: str = "pattern") -> Floats:
    """Angles of a scale in another unit.

    Parameters
    ----------
    position : (n,) array_like
    unit : {"2theta", "q", "d"}
        Degrees, 1/angstrom (4 pi sin(theta) / wavelength), or angstrom.
    wavelength : float or None
        Angstrom; needed for q and d.
    source : str
        Name for messages.

    Returns
    -------
    (n,) float64 ndarray
        2theta in degrees; nan where the wavelength does not reach.

    Raises
    ------
    InputError
        If the unit is unknown, or the wavelength is missing.

    Examples
    --------
    >>> two_theta_of([4.0], "d", 1.54184).round(3).tolist()
    [22.224]
    """
    values = np.asarray(position, dtype=np.float64)
    if unit == "2theta":
        return values
    if unit not in ("q", "d"):
        raise InputError(f"unit must be 2theta, q or d, not {unit!r}")
    if wavelength is None:
        raise InputError(f"{source}: a pattern over {unit} needs the wavelength: give the radiation, as in CuKa12")
    with np.errstate(divide="ignore", invalid="ignore"):
        sine = values * wavelength / (4 * np.pi) if unit == "q" else wavelength / (2 * values)
        angles: Floats = np.degrees(2 * np.arcsin(np.where(np.abs(sine) < 1, sine, np.nan)))
    return angles
