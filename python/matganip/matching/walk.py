"""Arrangements that fit well in spaces too large to enumerate: many chains that cool. Nothing is proved."""

from __future__ import annotations

import numpy as np

from matganip.configurations.batch import concatenate
from matganip.configurations.space import ConfigurationSpace
from matganip.features.measured.misfit import Misfit
from matganip.matching.ranking import OrbitRanking
from matganip.progress import Report

CHAINS = 256
STEPS = 4000


def rank_by_annealing(
    space: ConfigurationSpace, misfit: Misfit, *, size: int, temper: float, seed: int, report: Report
) -> OrbitRanking:
    """Look for the best classes by swaps of atoms under a falling temperature of chi squared.

    Each class counts the orbits of it that were found, which are not all.

    Parameters
    ----------
    space, misfit, size, temper, report
        As for `rank_orbits`.
    seed : int

    Returns
    -------
    OrbitRanking
        Not proved.
    """
    rng = np.random.default_rng(seed)
    rows = space.sample_configurations(CHAINS, seed=seed).occupations.copy()
    chi2 = misfit.chi2(misfit.coordinates(rows))
    mixed = [np.flatnonzero(space.sublattices == s) for s in np.unique(space.sublattices)]
    mixed = [columns for columns in mixed if len(np.unique(rows[0, columns])) > 1]
    share = np.array([len(columns) for columns in mixed], dtype=float)
    hot, cold = max(float(chi2.std()), temper), temper
    best, least = rows.copy(), chi2.copy()
    chain = np.arange(CHAINS)
    for step in range(STEPS):
        columns = mixed[rng.choice(len(mixed), p=share / share.sum())]
        one, other = columns[rng.integers(len(columns), size=(2, CHAINS))]
        tried = rows.copy()
        tried[chain, one], tried[chain, other] = rows[chain, other], rows[chain, one]
        found = misfit.chi2(misfit.coordinates(tried))
        temperature = hot * (cold / hot) ** (step / (STEPS - 1))
        taken = rng.random(CHAINS) < np.exp(np.minimum((chi2 - found) / (2 * temperature), 0.0))
        rows[taken], chi2[taken] = tried[taken], found[taken]
        better = chi2 < least
        best[better], least[better] = rows[better], chi2[better]
        report("search", step + 1, STEPS, "")
    orbits = concatenate([space.canonical(best)]).distinct()
    ranking = OrbitRanking(misfit, size, temper, proved=False)
    ranking.add(orbits, misfit.coordinates(orbits.occupations))
    return ranking
