"""The representations of a space's arrangements side by side, each as a table that is small enough to keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.averages import MeanPattern
from matganip.features.graph.vertices import most_intense
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.features.lattice.row_space import RowSpace
from matganip.features.radiation import Radiation

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

# Values of peaks that are in memory at a time: 64 MiB of them.
_VALUES_AT_ONCE = 2**23


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """One representation of n arrangements.

    Attributes
    ----------
    name : str
    n_features : int
        Columns of the representation.
    coordinates : (n, rank) float64 ndarray
        Its rows in an orthonormal basis: as far from each other as the rows are.
    """

    name: str
    n_features: int
    coordinates: NDArray[np.float64]


def feature_tables(
    space: ConfigurationSpace,
    occupations: NDArray[np.uint8],
    multiplicity: NDArray[np.int64],
    radiation: str | float | Radiation = "CuKa",
    two_theta_range: tuple[float, float] | None = (0, 90),
    n_peaks: int = 28,
    triplets: bool = False,
    cutoff: float | None = None,
    num_threads: int | None = None,
) -> list[FeatureTable]:
    """Represent arrangements by powder and resolved peaks, all and the first n; where asked, by triplets and distances.

    Parameters
    ----------
    space : ConfigurationSpace
    occupations : (n, n_sites) uint8 ndarray
    multiplicity : (n,) int64 ndarray
        Weights, for the mean pattern that tells which peaks are the most intense.
    radiation, two_theta_range, n_peaks, triplets, cutoff, num_threads
        As for `distinguishability`.

    Returns
    -------
    list of FeatureTable
        Values are on a scale of 100; triplets are brought to it by their largest value.

    Raises
    ------
    InputError
        If `n_peaks` is not positive, or `LatticeDiffraction` refuses an option.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> batch = next(space.orbits())
    >>> for table in feature_tables(space, batch.occupations, batch.multiplicity)[:2]:
    ...     print(table.name, table.n_features, table.coordinates.shape)
    powder 112 (19, 5)
    powder, first 28 28 (19, 5)
    """
    if n_peaks < 1:
        raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
    order: Literal[2, 3] = 3 if triplets else 2
    options: dict[str, Any] = {"radiation": radiation, "two_theta_range": two_theta_range}
    powder = LatticeDiffraction(space, **options)
    resolved = LatticeDiffraction(space, resolution="resolved", order=order, **options)
    mean = MeanPattern()
    tables = _Tables()
    for first, rows in _blocks(occupations, powder.n_peaks + resolved.n_peaks):
        peaks = powder.peaks(rows, num_threads)
        mean.add(peaks, multiplicity[first : first + len(rows)])
        tables.add("powder", peaks.intensity)
        tables.add(f"powder, first {n_peaks}", peaks.intensity[:, :n_peaks])
        peaks = resolved.peaks(rows, num_threads)
        tables.add("resolved", peaks.intensity)
        tables.add(f"resolved, first {n_peaks}", peaks.intensity[:, :n_peaks])
        if peaks.triplets is not None:
            tables.add("triplets", peaks.triplets)
    intense = most_intense(mean.peaks, n_peaks)
    name_of_intense = f"powder, {n_peaks} most intense"
    for _, rows in _blocks(occupations, powder.n_peaks):
        tables.add(name_of_intense, powder.peaks(rows, num_threads).intensity[:, intense])

    names = ["powder", f"powder, first {n_peaks}", name_of_intense, "resolved", f"resolved, first {n_peaks}"]
    found = [tables.table(name, (name, False)) for name in names]
    if triplets:
        found.append(tables.table("resolved with triplets", ("resolved", False), ("triplets", True)))
    if cutoff is not None:
        patterson = LatticeDiffraction(space, radiation, domain="patterson", cutoff=cutoff, order=order)
        for _, rows in _blocks(occupations, patterson.n_peaks):
            peaks = patterson.peaks(rows, num_threads)
            tables.add("pairs", peaks.intensity)
            if peaks.triplets is not None:
                tables.add("triples", peaks.triplets)
        found.append(tables.table("Patterson pairs", ("pairs", False)))
        if triplets:
            found.append(tables.table("Patterson pairs and triplets", ("pairs", False), ("triples", False)))
    return found


class _Tables:
    """Row spaces by name."""

    def __init__(self) -> None:
        self._spaces: dict[str, RowSpace] = {}

    def add(self, name: str, rows: NDArray[np.float64]) -> None:
        self._spaces.setdefault(name, RowSpace(rows.shape[1])).add(rows)

    def table(self, name: str, *parts: tuple[str, bool]) -> FeatureTable:
        """Tables side by side; those so marked are brought to a largest value of 100."""
        spaces = [(self._spaces[part], scaled) for part, scaled in parts]
        columns = [
            one.coordinates() * (100 / one.largest if scaled and one.largest > 0 else 1.0) for one, scaled in spaces
        ]
        return FeatureTable(name, sum(one.n_columns for one, _ in spaces), np.hstack(columns))


def _blocks(occupations: NDArray[np.uint8], n_columns: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Consecutive rows, with the number of the first, so many that their peaks are few enough."""
    at_once = max(1, _VALUES_AT_ONCE // n_columns)
    for first in range(0, len(occupations), at_once):
        yield first, occupations[first : first + at_once]
