"""The best classes of a stream of arrangements: those with one pattern are one class, and every orbit is counted."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.space import ConfigurationSpace
from matganip.features.measured.misfit import Misfit
from matganip.progress import Report

Floats = NDArray[np.float64]

# Standard deviations: patterns nearer to each other than this are one, whatever the counting time.
SAME = 0.01
BATCH = 16384
# Orbits of which all coordinates are kept, for mixtures.
KEPT = 200_000


@dataclass(eq=False)
class RankedClass:
    """Arrangements with one pattern.

    Attributes
    ----------
    chi2 : float
        With the profile held.
    coordinates : (1 + rank,) float64 ndarray
        As `Misfit.coordinates`.
    occupation : (n_sites,) uint8 ndarray
        The first of them.
    n_orbits, n_configurations : int
    """

    chi2: float
    coordinates: Floats
    occupation: NDArray[np.uint8]
    n_orbits: int = 0
    n_configurations: int = 0


@dataclass(eq=False)
class OrbitRanking:
    """The best classes of a space, and sums over all of its arrangements.

    Attributes
    ----------
    classes : list of RankedClass
        Best first.
    n_orbits, n_configurations : int
        Looked at.
    log_likelihood : float
        ln of the mean over configurations of exp(-chi2 / 2c).
    coordinates : (n_orbits, 1 + rank) float64 ndarray or None
        Of all orbits, where the space is small.
    proved : bool
        Whether every orbit was looked at.
    """

    misfit: Misfit
    size: int
    temper: float
    classes: list[RankedClass] = field(default_factory=list)
    n_orbits: int = 0
    n_configurations: int = 0
    coordinates: Floats | None = None
    proved: bool = True
    _log_sum: float = -math.inf

    @property
    def log_likelihood(self) -> float:
        """See above."""
        return self._log_sum - math.log(self.n_configurations)

    def add(self, batch: ConfigurationBatch, coordinates: Floats) -> None:
        """Take in a batch; no orbit must come twice."""
        chi2 = self.misfit.chi2(coordinates)
        self.n_orbits += len(batch)
        self.n_configurations += int(batch.multiplicity.sum())
        exponent = np.log(batch.multiplicity) - chi2 / (2 * self.temper)
        top = float(exponent.max())
        self._log_sum = float(np.logaddexp(self._log_sum, top + math.log(float(np.exp(exponent - top).sum()))))
        worst = self.classes[-1].chi2 if len(self.classes) >= self.size else math.inf
        rows = np.flatnonzero(chi2 <= worst + SAME)
        if not len(rows):
            return
        scale = self.misfit.scale(coordinates[rows])
        direction = np.random.default_rng(0).standard_normal(coordinates.shape[1] - 1)
        place = scale * (coordinates[rows, 1:] @ direction)
        keys = np.round(np.column_stack([chi2[rows], place]) / SAME)
        _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        group = group.reshape(-1)
        orbits = np.bincount(group)
        members = np.zeros(len(first), dtype=object)
        np.add.at(members, group, batch.multiplicity[rows].astype(object))
        for k in np.argsort(chi2[rows[first]], kind="stable").tolist():
            row = int(rows[first[k]])
            if len(self.classes) >= self.size and chi2[row] > self.classes[-1].chi2 + SAME:
                break
            self._put(float(chi2[row]), coordinates[row], batch.occupations[row], int(orbits[k]), int(members[k]))

    def _put(
        self, chi2: float, coordinates: Floats, occupation: NDArray[np.uint8], n_orbits: int, n_members: int
    ) -> None:
        for known in self.classes:
            if abs(known.chi2 - chi2) < 1.0 and self._apart(known.coordinates, coordinates) < SAME:
                break
        else:
            known = RankedClass(chi2, coordinates.copy(), occupation.copy())
            self.classes.append(known)
            self.classes.sort(key=lambda one: one.chi2)
        known.n_orbits += n_orbits
        known.n_configurations += n_members
        del self.classes[self.size :]

    def _apart(self, one: Floats, other: Floats) -> float:
        scale = max(float(one[0]), 0.0) / float(one[1:] @ one[1:])
        return scale * float(np.linalg.norm(one[1:] - other[1:]))


def rank_orbits(
    space: ConfigurationSpace,
    misfit: Misfit,
    *,
    size: int,
    temper: float,
    report: Report,
    step: str = "match",
    num_threads: int | None = None,
) -> OrbitRanking:
    """Rank every orbit of a space by its misfit, in a stream.

    Parameters
    ----------
    space : ConfigurationSpace
    misfit : Misfit
    size : int
        How many of the best classes are kept.
    temper : float
        What chi squared is divided by for likelihoods: `Refinement.inflation`.
    report : callable
        As `matganip.progress` has it.
    step : str
        What it is told.
    num_threads : int, optional

    Returns
    -------
    OrbitRanking
    """
    found = OrbitRanking(misfit, size, temper)
    n_orbits = space.count_orbits()
    kept: list[Floats] = []
    buffer = np.empty((BATCH, 1 + misfit.rank))
    for batch in space.orbits(batch_size=BATCH, num_threads=num_threads):
        coordinates = misfit.coordinates(batch.occupations, buffer[: len(batch)], num_threads)
        found.add(batch, coordinates)
        if n_orbits <= KEPT:
            kept.append(coordinates.copy())
        report(step, found.n_orbits, n_orbits, "")
    found.coordinates = np.concatenate(kept) if kept else None
    return found
