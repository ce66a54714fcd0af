"""Peaks: what a diffractometer sees of many arrangements, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.reflections import HklFamily

# Percent of the strongest line of a pattern; a line that does not pass it is not listed, as in pymatgen.
SCALED_INTENSITY_TOL = 1e-3


class Pattern(NamedTuple):
    """The lines of one structure that are not absent, as pymatgen's `DiffractionPattern` lists them."""

    two_theta: NDArray[np.float64]
    intensity: NDArray[np.float64]
    hkls: Sequence[list[HklFamily]]
    d_spacings: NDArray[np.float64]


_ROUNDING = 1e-9
"""Of intensities of 0 to 100: a sum that is zero may come out so far below it."""


@dataclass(frozen=True, eq=False)
class Peaks:
    """Peaks of n arrangements of one space; column i means the same in every row.

    Attributes
    ----------
    two_theta : numpy.ndarray
        (p,) float64, degrees, ascending. Resolved peaks at one angle stand in a fixed order.
    intensity : numpy.ndarray
        (n, p) float64, C-contiguous. Weak and absent lines are kept.
    d_spacings : numpy.ndarray
        (p,) float64, angstrom.
    hkls : list of list of dict
        For each peak its families ``{"hkl": (h, k, l), "multiplicity": m}``, indices of the supercell.
    site_pairs : numpy.ndarray or None
        (p, 2) int64 for resolved peaks: the two basis sites of the parent that the peak speaks of, each named
        by its first column in the occupations; equal where the peak is that of one basis site. None for
        powder.
    distance : numpy.ndarray or None
        (p,) float64, angstrom: where the columns are those of a Patterson function. Then `two_theta` and
        `d_spacings` are not numbers, and `hkls` are empty.
    triplets : numpy.ndarray or None
        (n, t) float64, with sign: the structure invariants between three peaks, where they were asked for.
    triplet_vertices : numpy.ndarray or None
        (t, 3) int64, rising: the columns of those peaks.
    labels : tuple of str or None
        What each column is called, where the columns are classes of clusters.
    orders : (p,) int64 ndarray or None
        How many sites a cluster of each column has.
    full_scale : float
        The position that stands for 1 where positions are brought between 0 and 1: 180 degrees, or the cut-off.
    """

    two_theta: NDArray[np.float64]
    intensity: NDArray[np.float64]
    d_spacings: NDArray[np.float64]
    hkls: list[list[HklFamily]]
    site_pairs: NDArray[np.int64] | None = None
    distance: NDArray[np.float64] | None = None
    triplets: NDArray[np.float64] | None = None
    triplet_vertices: NDArray[np.int64] | None = None
    full_scale: float = 180.0
    labels: tuple[str, ...] | None = None
    orders: NDArray[np.int64] | None = None

    @property
    def position(self) -> NDArray[np.float64]:
        """(p,) float64: where the peaks stand, degrees, or angstrom in the Patterson domain."""
        return self.two_theta if self.distance is None else self.distance

    def __len__(self) -> int:
        return len(self.intensity)

    def __repr__(self) -> str:
        n_peaks = self.intensity.shape[1]
        kind = "columns" if self.labels is not None else "peaks" if self.distance is None else "Patterson distances"
        text = f"<Peaks of {len(self)} arrangements: {n_peaks} {kind}"
        if self.triplets is not None:
            text += f", {self.triplets.shape[1]} triplets in .triplets (columns too by triplets_as_vertices())"
        return text + ">"

    def select(self, n_peaks: int) -> Peaks:
        """Keep the first peaks by angle: all of them where there are fewer.

        The first by angle tell arrangements apart; the most intense ones are the parent's own and do not.

        Parameters
        ----------
        n_peaks : int
            How many to keep, at least 1.

        Returns
        -------
        Peaks
            With ``intensity`` of shape (n, min(n_peaks, p)), C-contiguous, and the triplets between these peaks.

        Raises
        ------
        InputError
            If `n_peaks` is not positive.
        """
        if n_peaks < 1:
            raise InputError(f"n_peaks must be at least 1, not {n_peaks}")
        triplets = vertices = None
        if self.triplets is not None and self.triplet_vertices is not None:
            kept = np.flatnonzero(self.triplet_vertices[:, 2] < n_peaks)
            triplets, vertices = np.ascontiguousarray(self.triplets[:, kept]), self.triplet_vertices[kept]
        return replace(
            self,
            two_theta=self.two_theta[:n_peaks],
            intensity=np.ascontiguousarray(self.intensity[:, :n_peaks]),
            d_spacings=self.d_spacings[:n_peaks],
            hkls=self.hkls[:n_peaks],
            site_pairs=None if self.site_pairs is None else self.site_pairs[:n_peaks],
            distance=None if self.distance is None else self.distance[:n_peaks],
            labels=None if self.labels is None else self.labels[:n_peaks],
            orders=None if self.orders is None else self.orders[:n_peaks],
            triplets=triplets,
            triplet_vertices=vertices,
        )

    def triplets_as_vertices(self) -> Peaks:
        """Give triplets a place among the peaks: vertices of the graph, where a network reads them as it reads peaks.

        A triplet stands at the mean position of the three peaks that it connects. Intensities must not be negative,
        for the graph matrix squares them: in the diffraction domain, where triplets have a sign, 100 stands for zero.

        Returns
        -------
        Peaks
            With ``p + t`` columns, the triplets after the peaks, whatever their positions.

        Raises
        ------
        InputError
            If there are no triplets, or one is so negative that 100 does not lift it above zero.

        Examples
        --------
        >>> import matganip as mg
        >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
        >>> patterson = mg.LatticeDiffraction(space, domain="patterson", cutoff=9.0, order=3)
        >>> patterson.peaks(space.sample_configurations(5).occupations).triplets_as_vertices().intensity.shape
        (5, 30)
        """
        if self.triplets is None or self.triplet_vertices is None:
            raise InputError("these peaks have no triplets: make them with LatticeDiffraction(..., order=3)")
        zero = 100.0 if self.distance is None else 0.0
        lowest = float(self.triplets.min(initial=0.0))
        if lowest + zero < -_ROUNDING:
            raise InputError(f"a triplet of {lowest:g} would be a negative intensity: {zero:g} stands for zero")
        n = self.triplets.shape[1]

        def appended(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.concatenate([values, values[self.triplet_vertices].mean(axis=1)])

        return replace(
            self,
            two_theta=appended(self.two_theta),
            intensity=np.hstack([self.intensity, np.maximum(self.triplets + zero, 0.0)]),
            d_spacings=appended(self.d_spacings),
            hkls=[*self.hkls, *([] for _ in range(n))],
            site_pairs=None,
            distance=None if self.distance is None else appended(self.distance),
            triplets=None,
            triplet_vertices=None,
        )

    def pattern(self, i: int) -> Pattern:
        """The lines of row `i` that pass a thousandth of a percent of its strongest one.

        Parameters
        ----------
        i : int
            Row; negative rows count from the end.

        Returns
        -------
        Pattern
            two_theta, intensity, hkls and d_spacings of these lines; for powder peaks over the full range,
            the list that pymatgen's `XRDCalculator.get_pattern` gives.
        """
        row = self.intensity[i]
        kept = np.flatnonzero(row * 100 > SCALED_INTENSITY_TOL * row.max(initial=0.0))
        return Pattern(self.two_theta[kept], row[kept], [self.hkls[k] for k in kept], self.d_spacings[kept])
