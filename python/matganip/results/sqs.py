"""A special quasirandom structure, and how far it is from random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.codec import composition_text
from matganip.results.base import Result
from matganip.results.content import Table

if TYPE_CHECKING:
    import os

    import pandas as pd
    from matplotlib.axes import Axes
    from pymatgen.core.structure import Structure

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.plots.style import Place


@dataclass(frozen=True, eq=False)
class SqsResult(Result):
    """A special quasirandom structure.

    Attributes
    ----------
    batch : ConfigurationBatch
        The arrangement, one row, in the space of its shape.
    score : float
        Its distance from the random alloy by the `objective`; smaller is better.
    objective : str
        ``correlations`` or ``short-range-order``.
    functions : tuple of str
        Names of the correlation functions (the numbers of the point functions, or the species, and the distances).
    order, distance : (n,) ndarray
        Sites of their clusters, and the longest distance between them in angstrom.
    target, correlations : (n,) float64 ndarray
        Their values in the random alloy and here.
    exact : bool
        Whether all arrangements were scored, so that no better one exists on these shapes.
    n_shapes, n_tried, n_swaps, seed : int
        Shapes of the supercell, orbits scored (or chains) and swaps of each chain, and the seed.
    """

    batch: ConfigurationBatch
    score: float
    objective: str
    functions: tuple[str, ...]
    order: NDArray[np.int64]
    distance: NDArray[np.float64]
    target: NDArray[np.float64]
    correlations: NDArray[np.float64]
    exact: bool
    n_shapes: int
    n_tried: int
    n_swaps: int
    seed: int

    @property
    def structure(self) -> Structure:
        """The structure."""
        return next(self.batch.structures())

    @property
    def perfect_distance(self) -> float:
        """Distance, angstrom, up to which all pairs are as in the random alloy; 0 where the nearest are not."""
        wrong = (np.abs(self.correlations - self.target) >= 1e-5) & (self.order == 2)
        pairs = self.distance[self.order == 2]
        below = pairs if not wrong.any() else pairs[pairs < self.distance[wrong].min() - 1e-4]
        return float(below.max(initial=0.0))

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        space = self.batch.space
        return {
            "composition": composition_text(space),
            "supercell": space.supercell_matrix.tolist(),
            "lattice": space.supercell_structure.lattice.matrix.tolist(),
            "objective": self.objective,
            "score": self.score,
            "perfect_distance": self.perfect_distance,
            "exact": self.exact,
            "shapes": self.n_shapes,
            "orbits_scored" if self.exact else "chains": self.n_tried,
            **({} if self.exact else {"swaps": self.n_swaps}),
            "seed": self.seed,
            "occupation": self.batch.occupations[0].tolist(),
            "functions": self.to_frame().to_dict("records"),
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each correlation function."""
        import pandas as pd

        return pd.DataFrame(
            {
                "function": self.functions,
                "sites": self.order.tolist(),
                "distance_A": self.distance.tolist(),
                "random": self.target.tolist(),
                "here": self.correlations.tolist(),
            }
        )

    def tables(self) -> tuple[Table, ...]:
        """Each correlation function beside that of the random alloy."""
        rows = tuple(
            (name, str(sites), f"{random:.4f}", f"{here:.4f}", f"{here - random:+.4f}")
            for name, sites, random, here in zip(
                self.functions, self.order.tolist(), self.target, self.correlations, strict=True
            )
        )
        title = f"{composition_text(self.batch.space)}: correlation functions"
        return (Table(title, ("function", "sites", "random", "here", "difference"), rows, "lrrrr"),)

    def sentences(self) -> tuple[str, ...]:
        """How near it is, and what is known of better ones."""
        shapes = "1 shape" if self.n_shapes == 1 else f"{self.n_shapes} shapes"
        known = (
            f"the best of all {self.n_tried:,} orbits of {shapes}: none is better"
            if self.exact
            else f"the best of {self.n_tried} chains of {self.n_swaps:,} swaps on {shapes} with seed {self.seed}: "
            "another seed may find better"
        )
        perfect = self.perfect_distance
        near = f"pairs are as in the random alloy up to {perfect:.2f} angstrom" if perfect else "no shell matches"
        return (f"Score {self.score:.6f} by {self.objective}, {near}; {known}",)

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the arrangement."""
        from matganip.plots.arrangements import configuration

        return configuration(self.batch.space, self.batch.occupations[0], title=f"score {self.score:.4f}", ax=ax)

    def write(self, path: str | os.PathLike[str], fmt: str | None = None) -> int:
        """Write the structure, as `ConfigurationBatch.write` does."""
        return self.batch.write(path, fmt)
