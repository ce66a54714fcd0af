"""The distribution of a property over the arrangements of a space, given a measured pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.matching.ranking import BATCH, OrbitRanking
from matganip.progress import Report
from matganip.results.match import GivenPattern

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.learning.model import Model

Floats = NDArray[np.float64]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
# Weights below this share of the largest are nothing.
LEAST = 1e-12
# Configurations by which the mean and the spread without the pattern are estimated in large spaces.
SAMPLE = 20_000


def property_given(model: Model, ranking: OrbitRanking, temper: float, report: Report, seed: int = 0) -> GivenPattern:
    """Weigh the predictions of a model by the likelihood of each arrangement.

    Every configuration is as likely beforehand as any other; an orbit of multiplicity g then has the weight
    g exp(-chi2 / 2c). Every orbit of a space that was enumerated takes part: the distribution is exact, for the model
    and the held profile. Of a space that was searched, the classes that were found take part.

    Parameters
    ----------
    model : Model
    ranking : OrbitRanking
    temper : float
        Reduced chi squared of the best fit, at least 1.
    report : callable
    seed : int
        Of the sample that stands for the space without the pattern.

    Returns
    -------
    GivenPattern
    """
    misfit = ranking.misfit
    space = misfit.space
    model.check(space)
    lowest = ranking.classes[0].chi2
    energies: list[Floats] = []
    weights: list[Floats] = []
    done = 0
    for batch in space.orbits(batch_size=BATCH) if ranking.proved else [_found(ranking)]:
        chi2 = misfit.chi2(misfit.coordinates(batch.occupations))
        weight: Floats = batch.multiplicity.astype(np.float64) * np.exp(-np.maximum(chi2 - lowest, 0.0) / (2 * temper))
        rows = np.flatnonzero(weight > LEAST)
        if len(rows):
            energies.append(model.predict(batch[rows]).energy)
            weights.append(weight[rows])
        done += len(batch)
        report("energies", done, ranking.n_orbits, "")
    energy, weight = np.concatenate(energies), np.concatenate(weights)
    before = model.predict(space, n=SAMPLE, seed=seed).energy if ranking.n_orbits > SAMPLE else None
    if before is None:
        everything = model.predict(space)
        before, prior = everything.energy, everything.multiplicity.astype(np.float64)
    else:
        prior = np.ones(len(before))
    per_atom = 1000 / space.n_atoms
    origin, spread = _moments(before * per_atom, prior)
    mean, deviation = _moments(energy * per_atom - origin, weight)
    order = np.argsort(energy, kind="stable")
    cumulative = np.cumsum(weight[order]) / weight.sum()
    places = np.minimum(np.searchsorted(cumulative, LEVELS), len(order) - 1)
    return GivenPattern(
        mean=mean,
        deviation=deviation,
        quantiles=dict(zip(LEVELS, (energy[order][places] * per_atom - origin).tolist(), strict=True)),
        prior_mean=0.0,
        prior_deviation=spread,
        n_orbits=int((weight > 1e-6 * weight.max()).sum()),
        calculator=model.calculator,
    )


def _moments(values: Floats, weights: Floats) -> tuple[float, float]:
    mean = float(np.average(values, weights=weights))
    return mean, float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))


def _found(ranking: OrbitRanking) -> ConfigurationBatch:
    return ranking.misfit.space.canonical(np.stack([one.occupation for one in ranking.classes]))
