r"""The pattern of an ensemble: mean and spread of the peaks over a stream of arrangements, none of which is kept.

At a temperature T an orbit of multiplicity g and energy E has the weight :math:`g \exp(-E / k_B T)`; without one, g.
Weights are kept relative to the largest seen, and mean and spread are merged block by block (Chan, Golub, LeVeque, Am.
Stat. 37, 242 (1983)), so that neither energies of -10^4 eV nor a million rows cost digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

from matganip.errors import InputError
from matganip.features.peaks import Peaks

BOLTZMANN = constants.k / constants.e
"""eV/K."""


class MeanPattern:
    """Weighted mean and standard deviation of peaks, at one or several temperatures.

    Take peaks of ``LatticeDiffraction(..., scaled=False)``: a powder pattern that is scaled by its own largest peak has
    lost how much it scatters, and a mean of such patterns is not the pattern of the mixture.

    Parameters
    ----------
    temperatures : sequence of float, optional
        Kelvin; infinity weighs by multiplicity alone, as no temperature at all does.

    Raises
    ------
    InputError
        If a temperature is not positive.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> diffraction = mg.LatticeDiffraction(space, scaled=False)
    >>> mean = MeanPattern()
    >>> for batch in space.orbits(batch_size=7):
    ...     mean.add(diffraction.peaks(batch.occupations), batch.multiplicity)
    >>> mean.intensity.shape, mean.n_rows
    ((1, 112), 19)
    """

    def __init__(self, temperatures: Sequence[float] | None = None) -> None:
        self.temperatures: NDArray[np.float64] = np.array(
            [np.inf] if temperatures is None else temperatures, dtype=np.float64
        ).reshape(-1)
        if not len(self.temperatures) or not (self.temperatures > 0).all():
            raise InputError(f"temperatures must be positive, in kelvin, not {temperatures}")
        n = len(self.temperatures)
        self.n_rows = 0
        self._log_scale = np.full(n, -np.inf)  # what all weights so far are divided by, as a logarithm
        self._zero: float | None = None  # the first energy seen: the others count from it, not from -10^4 eV
        self._weight = np.zeros(n)
        self._mean: NDArray[np.float64] | None = None
        self._columns: Peaks | None = None  # a batch without its rows: what the columns are
        self._squares: NDArray[np.float64] = np.zeros((n, 0))

    def add(self, peaks: Peaks, multiplicity: ArrayLike, energy: ArrayLike | None = None) -> None:
        """Add the rows of a batch.

        Parameters
        ----------
        peaks : Peaks
            Of n orbits; always of the same columns.
        multiplicity : (n,) array_like
            Sizes of the orbits.
        energy : (n,) array_like, optional
            eV per supercell; needed at finite temperatures.

        Raises
        ------
        InputError
            If numbers are missing, not finite or not one for each row, a multiplicity is not positive, or the peaks are
            others than before.
        """
        logarithm = self._log_weights(len(peaks), multiplicity, energy)
        if self._mean is None or self._columns is None:
            self._mean = np.zeros((len(self.temperatures), peaks.intensity.shape[1]))
            self._squares = np.zeros_like(self._mean)
            self._columns = replace(peaks, intensity=peaks.intensity[:0], triplets=None, triplet_vertices=None)
        if not np.array_equal(peaks.position, self._columns.position):
            raise InputError(
                f"a pattern of {len(peaks.position)} peaks among others, of {len(self._columns.position)}: "
                "a mean is one of the same columns"
            )
        if not len(peaks):
            return
        self.n_rows += len(peaks)
        scale = np.maximum(self._log_scale, logarithm.max(axis=1))
        kept = np.exp(self._log_scale - scale)
        weights = np.exp(logarithm - scale[:, None])  # (n_temperatures, n)
        total = weights.sum(axis=1)
        # A block so far above the others in energy that its weights vanish has a mean of no consequence.
        mean = weights @ peaks.intensity / np.where(total > 0, total, 1)[:, None]
        squares = np.stack([w @ (peaks.intensity - m) ** 2 for w, m in zip(weights, mean, strict=True)])
        before = self._weight * kept
        share = (total / (before + total))[:, None]
        difference = mean - self._mean
        self._squares = self._squares * kept[:, None] + squares + before[:, None] * share * difference**2
        self._mean = self._mean + share * difference
        self._weight, self._log_scale = before + total, scale

    @property
    def intensity(self) -> NDArray[np.float64]:
        """(n_temperatures, p) float64: the mean of each peak.

        Raises
        ------
        InputError
            If nothing was added.
        """
        if self._mean is None or not self.n_rows:
            raise InputError("a mean of no arrangement: add some first")
        return self._mean

    @property
    def peaks(self) -> Peaks:
        """The mean as `Peaks`, a row for each temperature: for figures, profiles and graph matrices.

        Raises
        ------
        InputError
            If nothing was added.
        """
        if self._columns is None or not self.n_rows:
            raise InputError("a mean of no arrangement: add some first")
        return replace(self._columns, intensity=self.intensity.copy())

    @property
    def standard_deviation(self) -> NDArray[np.float64]:
        """(n_temperatures, p) float64: the spread of each peak over the ensemble."""
        if not self.n_rows:
            raise InputError("a spread of no arrangement: add some first")
        spread: NDArray[np.float64] = np.sqrt(self._squares / self._weight[:, None])
        return spread

    @property
    def log_partition_function(self) -> NDArray[np.float64]:
        """(n_temperatures,) float64: ln of the sum of g exp(-E / k_B T)."""
        with np.errstate(divide="ignore"):
            logarithm: NDArray[np.float64] = np.log(self._weight) + self._log_scale
        shifted: NDArray[np.float64] = logarithm - (self._zero or 0.0) / (BOLTZMANN * self.temperatures)
        return shifted

    def _log_weights(self, n: int, multiplicity: ArrayLike, energy: ArrayLike | None) -> NDArray[np.float64]:
        g = np.asarray(multiplicity, dtype=np.float64)
        if g.shape != (n,) or not (np.isfinite(g) & (g > 0)).all():
            raise InputError(f"multiplicity must be a positive number for each of {n} rows")
        if energy is None:
            if np.isfinite(self.temperatures).any():
                raise InputError("energy, in eV per supercell, is needed at a finite temperature")
            return np.tile(np.log(g), (len(self.temperatures), 1))
        e = np.asarray(energy, dtype=np.float64)
        if e.shape != (n,) or not np.isfinite(e).all():
            raise InputError(f"energy must be a finite number for each of {n} rows")
        if self._zero is None and n:
            self._zero = float(e[0])
        weights: NDArray[np.float64] = np.log(g) - (e - (self._zero or 0.0)) / (BOLTZMANN * self.temperatures[:, None])
        return weights
