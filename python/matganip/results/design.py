"""Which measurement would tell arrangements apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from matganip.configurations.codec import composition_text
from matganip.results.base import Result, or_null
from matganip.results.content import Table

if TYPE_CHECKING:
    import pandas as pd

    from matganip.configurations.space import ConfigurationSpace

SIGMAS = 3.0
"""Standard deviations from which on two patterns are told apart."""


@dataclass(frozen=True)
class PlannedMeasurement:
    """A powder measurement under one radiation, and what it would tell apart.

    Attributes
    ----------
    name : str
        Of the radiation.
    wavelength : float
        Angstrom.
    two_theta_range : (float, float)
        Degrees.
    n_apart : int
        Pairs of arrangements more than three standard deviations apart.
    nearest : float
        Standard deviations between the two that are nearest to each other.
    counts_for_nearest, counts_for_most : float
        At the top of the strongest peak, for three standard deviations between those, and between 95 % of the pairs.
    window : (float, float)
        The narrowest range with four fifths of what tells the nearest apart, degrees.
    strongest : float or None
        Where they differ most, degrees.
    """

    name: str
    wavelength: float
    two_theta_range: tuple[float, float]
    n_apart: int
    nearest: float
    counts_for_nearest: float
    counts_for_most: float
    window: tuple[float, float]
    strongest: float | None


@dataclass(frozen=True)
class Design(Result):
    """Measurements that could be made, the one that tells most pairs apart first.

    Attributes
    ----------
    space : ConfigurationSpace
    measurements : tuple of PlannedMeasurement
    n_arrangements, n_pairs : int
        Looked at.
    n_alike : int
        Pairs that no powder pattern under any of the radiations tells apart, however long it counts.
    counts : float
        At the top of the strongest peak, for which the pairs were counted.
    n_drawn, seed : int, optional
        Size and seed of the sample, where one was drawn.
    """

    space: ConfigurationSpace
    measurements: tuple[PlannedMeasurement, ...]
    n_arrangements: int
    n_pairs: int
    n_alike: int
    counts: float
    n_drawn: int | None = None
    seed: int = 0

    @property
    def best(self) -> PlannedMeasurement:
        """The first."""
        return self.measurements[0]

    def to_dict(self) -> dict[str, Any]:
        """The numbers as JSON values; null for counts that are never enough."""
        return {
            "composition": composition_text(self.space),
            "arrangements": self.n_arrangements,
            "pairs": self.n_pairs,
            "pairs_alike": self.n_alike,
            "counts": self.counts,
            "drawn": self.n_drawn,
            "seed": self.seed,
            "measurements": [{key: or_null(value) for key, value in asdict(one).items()} for one in self.measurements],
        }

    def to_frame(self) -> pd.DataFrame:
        """One row for each measurement."""
        import pandas as pd

        return pd.DataFrame([asdict(one) for one in self.measurements])

    def tables(self) -> tuple[Table, ...]:
        """What each measurement tells apart, and with how many counts."""
        columns = (
            "radiation",
            "angstrom",
            "range",
            "told apart",
            "nearest",
            "counts, nearest",
            "counts, 95 %",
            "where",
        )
        rows = tuple(
            (
                one.name,
                f"{one.wavelength:.4f}",
                f"{one.two_theta_range[0]:.0f}-{one.two_theta_range[1]:.0f}",
                f"{one.n_apart:,}",
                f"{one.nearest:.2g}",
                f"{one.counts_for_nearest:.1e}" if one.nearest > 0 else "never",
                f"{one.counts_for_most:.1e}" if one.counts_for_most < float("inf") else "never",
                f"{one.window[0]:.1f}-{one.window[1]:.1f}" if one.strongest is not None else "",
            )
            for one in self.measurements
        )
        title = f"{composition_text(self.space)}: {self.n_pairs:,} pairs of {self.n_arrangements:,} arrangements"
        note = (
            f"Told apart: pairs more than {SIGMAS:g} standard deviations apart at {self.counts:g} counts at the top of "
            "the strongest peak. Nearest: standard deviations between the two nearest; counts for three, and for 95 % "
            "of the pairs. Where: the narrowest range, in degrees, with four fifths of the difference of the nearest."
        )
        return (Table(title, columns, rows, "lrrrrrrr", note),)

    def sentences(self) -> tuple[str, ...]:
        """What holds for all rows."""
        alike = (
            f"{self.n_alike:,} pairs have one powder pattern under each of these radiations: no counting time tells "
            "them apart, and they are left out of the columns on counts. "
            if self.n_alike
            else ""
        )
        return (
            f"{alike}Cell, line widths and displacements count as known; time is counts times points, at the flux of "
            "each source.",
        )
