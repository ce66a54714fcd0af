"""A cheap stand-in for a model: an energy that is linear in the sums of an arrangement, fitted to what was scored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matganip.learning.ridge import solve_ridge

Floats = NDArray[np.float64]

# Rows that a fit reads: the latest ones, which come from where the search is.
MOST_ROWS = 2048
# A fit is done again when there are so many times the rows of the last one, or so many new ones.
GROWTH, MOST_NEW = 1.25, 256


class LinearGuide:
    """Ridge regression on the latest scored arrangements.

    Parameters
    ----------
    n_features : int

    Attributes
    ----------
    coefficients : (n_features,) float64 ndarray
        Of the last fit; zeros before.
    error : float
        Root mean square of what the last fit leaves, in the unit of the energies; infinity before.
    """

    def __init__(self, n_features: int) -> None:
        self.coefficients: Floats = np.zeros(n_features)
        self.intercept = 0.0
        self.error = np.inf
        self._rows: Floats = np.zeros((0, n_features))
        self._energy: Floats = np.zeros(0)
        self._fitted_on, self._new = 0, 0

    def add(self, features: Floats, energy: Floats) -> None:
        """Take note of scored arrangements, features (n, n_features) and energies (n,); fit again where it is time."""
        self._rows = np.concatenate([self._rows, features])[-MOST_ROWS:]
        self._energy = np.concatenate([self._energy, energy])[-MOST_ROWS:]
        self._new += len(energy)
        if self._new >= MOST_NEW or len(self._energy) > GROWTH * self._fitted_on:
            self._fit()

    def predict(self, features: Floats) -> Floats:
        """Energies (n,) of features (n, n_features)."""
        # Row by row in one order: the same arrangement has the same number wherever it stands.
        energy: Floats = (features * self.coefficients).sum(axis=1) + self.intercept
        return energy

    def _fit(self) -> None:
        mean, spread = self._rows.mean(axis=0), self._rows.std(axis=0)
        scale = np.where(spread > 1e-12 * np.abs(mean), spread, np.inf)  # what is constant says nothing
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
        """Take up a state."""
        self._rows, self._energy = arrays["guide_rows"], arrays["guide_energy"]
        self.coefficients = arrays["guide_coefficients"]
        self.intercept, self.error = map(float, arrays["guide_numbers"][:2])
        self._fitted_on, self._new = (int(n) for n in arrays["guide_numbers"][2:])
