"""The density of states: exact numbers of orbits and configurations in each bin of energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from matganip.errors import InputError
from matganip.thermodynamics.sums import checked_rows, exact_sum

# More bins than this are not a summary.
MOST_BINS = 1_000_000


class EnergyHistogram:
    """How many orbits and configurations have their energy in each bin.

    Bin k holds the energies from k to k + 1 times `bin_width`, so that no range has to be given and two histograms of
    the same width can always be merged.

    Parameters
    ----------
    bin_width : float
        eV per supercell.

    Raises
    ------
    InputError
        If the width is not positive.

    Examples
    --------
    >>> histogram = EnergyHistogram(0.5)
    >>> histogram.add([-1.2, -1.1, 0.1], [1, 2, 3])
    >>> histogram.edges.tolist(), histogram.configurations, histogram.orbits
    ([-1.5, -1.0, -0.5, 0.0, 0.5], [3, 0, 0, 3], [2, 0, 0, 1])
    """

    def __init__(self, bin_width: float) -> None:
        if not (np.isfinite(bin_width) and bin_width > 0):
            raise InputError(f"bin_width must be positive, in eV per supercell, not {bin_width}")
        self.bin_width = float(bin_width)
        self._bins: dict[int, tuple[int, int]] = {}  # orbits, configurations

    def add(self, energy: ArrayLike, multiplicity: ArrayLike) -> None:
        """Add orbits.

        Parameters
        ----------
        energy : (n,) array_like of float
            eV per supercell.
        multiplicity : (n,) array_like of int

        Raises
        ------
        InputError
            If the rows make no sense, or fall into more than a million bins.
        """
        e, g = checked_rows(energy, multiplicity)
        if not len(e):
            return
        if np.abs(e).max() / self.bin_width > 2**52:
            raise InputError(f"bin_width {self.bin_width:g} eV is too narrow for energies of {e[0]:g} eV")
        order = np.argsort(e, kind="stable")
        number = np.floor(e[order] / self.bin_width).astype(np.int64)
        sorted_g = g[order]
        first = np.flatnonzero(np.concatenate([[True], np.diff(number) != 0]))
        for start, end in zip(first, [*first[1:], len(e)], strict=True):
            self._put(int(number[start]), int(end - start), exact_sum(sorted_g[start:end]))
        self._check_size()

    def merge(self, other: EnergyHistogram) -> None:
        """Add another histogram of the same width.

        Raises
        ------
        InputError
            If its bins have another width.
        """
        if other.bin_width != self.bin_width:
            raise InputError(f"histograms of bins of {self.bin_width:g} and {other.bin_width:g} eV cannot be merged")
        for number, (orbits, configurations) in other._bins.items():
            self._put(number, orbits, configurations)
        self._check_size()

    def _put(self, number: int, orbits: int, configurations: int) -> None:
        before = self._bins.get(number, (0, 0))
        self._bins[number] = (before[0] + orbits, before[1] + configurations)

    def _check_size(self) -> None:
        if len(self._bins) > MOST_BINS:
            raise InputError(f"bin_width {self.bin_width:g} eV gives over a million bins: take wider ones")

    @property
    def _span(self) -> range:
        span = range(min(self._bins), max(self._bins) + 1) if self._bins else range(0)
        if len(span) > MOST_BINS:
            raise InputError(f"bins of {self.bin_width:g} eV over {len(span) * self.bin_width:g} eV: take wider ones")
        return span

    @property
    def edges(self) -> NDArray[np.float64]:
        """(n_bins + 1,) float64: edges of the bins from the lowest to the highest one with an orbit, eV."""
        span = self._span
        edges: NDArray[np.float64] = self.bin_width * np.arange(span.start, span.stop + 1, dtype=np.float64)
        return edges

    @property
    def orbits(self) -> list[int]:
        """Orbits in each bin between the edges."""
        return [self._bins.get(number, (0, 0))[0] for number in self._span]

    @property
    def configurations(self) -> list[int]:
        """Configurations in each bin, exact: the density of states times the width."""
        return [self._bins.get(number, (0, 0))[1] for number in self._span]

    def to_dict(self) -> dict[str, Any]:
        """Give the state as JSON values, bins in ascending order."""
        return {
            "bin_width_eV": self.bin_width,
            "bins": [[number, *self._bins[number]] for number in sorted(self._bins)],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """Restore a state that `to_dict` gave.

        Raises
        ------
        InputError
            If it is not such a state.
        """
        try:
            histogram = cls(float(state["bin_width_eV"]))
            for number, orbits, configurations in state["bins"]:
                histogram._put(int(number), int(orbits), int(configurations))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not an energy histogram: {error}") from error
        return histogram
