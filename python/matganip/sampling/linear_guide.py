"""A cheap model of a model: an energy linear in the sums of an arrangement, fitted to what was scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matganip.learning.ridge import solve_ridge

Floats = NDArray[np.float64]

# A fit reads the latest rows, which are near to where the search is now.
MOST_ROWS = 2048
# It is repeated when there are so many times as many rows as in the last one, or so many new ones.
GROWTH, MOST_NEW = 1.25, 256


class LinearGuide:
    """Ridge regression on the latest scored arrangements.

    Parameters
    ----------
    n_features : int

    Attributes
    ----------
    coefficients : (n_features,) float64 ndarray
        Of the last fit; zeros before the first.
    error : float
        Root mean square residual of the last fit, in the unit of the energies; infinite before the first.
    """

    def __init__(self, n_features: int) -> None:
        self.coefficients: Floats = np.zeros(n_features)
        self.intercept = 0.0
        self.error = np.inf
        self._rows: Floats = np.zeros((0, n_features))
        self._energy: Floats = np.zeros(0)
        self._fitted_on, self._new = 0, 0

    def add(self, features: Floats, energy: Floats) -> None:
        """Add scored arrangements, features (n, n_features) and energies (n,), and repeat the fit if it is time."""
        self._rows = np.concatenate([self._rows, features])[-MOST_ROWS:]
        self._energy = np.concatenate([self._energy, energy])[-MOST_ROWS:]
        self._new += len(energy)
        if self._new >= MOST_NEW or len(self._energy) > GROWTH * self._fitted_on:
            self._fit()

    def predict(self, features: Floats) -> Floats:
        """Energies (n,) of features (n, n_features)."""
        # Summed row by row: an arrangement has the same number, to the bit, in every batch.
        energy: Floats = (features * self.coefficients).sum(axis=1) + self.intercept
        return energy

    def _fit(self) -> None:
        mean, spread = self._rows.mean(axis=0), self._rows.std(axis=0)
        scale = np.where(spread > 1e-12 * np.abs(mean), spread, np.inf)  # constant features carry no information
        center = float(self._energy.mean())
        solved = solve_ridge((self._rows - mean) / scale, self._energy - center, np.ones(len(self._energy)))
        self.coefficients = solved.coefficients / scale
        self.intercept = center - float(mean @ self.coefficients)
        self.error = float(np.sqrt(np.mean((self.predict(self._rows) - self._energy) ** 2)))
        self._fitted_on, self._new = len(self._energy), 0

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """The state, as arrays."""
        return {
            "guide_rows": self._rows,
            "guide_energy": self._energy,
            "guide_coefficients": self.coefficients,
            "guide_numbers": np.array([self.intercept, self.error, self._fitted_on, self._new], dtype=np.float64),
        }

    def restore(self, arrays: dict[str, NDArray[np.float64]]) -> None:
        """Resume from a state."""
        self._rows, self._energy = arrays["guide_rows"], arrays["guide_energy"]
        self.coefficients = arrays["guide_coefficients"]
        self.intercept, self.error = map(float, arrays["guide_numbers"][:2])
        self._fitted_on, self._new = (int(n) for n in arrays["guide_numbers"][2:])
