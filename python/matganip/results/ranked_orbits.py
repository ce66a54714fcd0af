"""What a ranking of orbits by a model has, however it came about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.results.base import Result, or_null

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RankedOrbits(Result):
    """Orbits, best first, with what a model predicts of them.

    Attributes
    ----------
    winners : ConfigurationBatch
        Best first.
    energy, deviation : (n, m) float64 ndarray
        Predictions in eV per supercell, a column for each property, and how far the models of an ensemble are apart
        (nan where there is one model).
    point_groups : tuple of str
        Of the winners.
    """

    winners: ConfigurationBatch
    energy: Floats
    deviation: Floats
    point_groups: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.winners)

    @property
    def space(self) -> ConfigurationSpace:
        """The space that they are of."""
        return self.winners.space

    @property
    def relative(self) -> Floats:
        """(n,) float64: energy above that of the first winner, meV/atom."""
        above: Floats = (self.energy[:, 0] - self.energy[:1, 0]) * (1000.0 / self.space.n_atoms)
        return above

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `to_frame` as JSON values; infinite and unknown numbers are null."""
        return [{name: or_null(value) for name, value in row.items()} for row in self.to_frame().to_dict("records")]

    def _cells(self, k: int) -> tuple[str, ...]:
        """Rank, energy, that above the first, multiplicity and point group of a winner, for a table."""
        return (
            f"{k + 1}",
            f"{self.energy[k, 0]:.4f}",
            f"{self.relative[k]:.4f}",
            f"{int(self.winners.multiplicity[k]):,}",
            self.point_groups[k],
        )
