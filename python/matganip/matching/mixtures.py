"""Mixtures: a non-negative combination of the patterns of classes, and of the disordered average."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from matganip.configurations.codec import sites_text
from matganip.features.measured.misfit import Misfit
from matganip.matching.ranking import SAME, OrbitRanking
from matganip.results.match import Mixture

Floats = NDArray[np.float64]

# Classes that take part at most: of larger spaces the best ones and the average do.
MOST_CLASSES = 20_000
AVERAGE = "disordered average"
# Standard deviations of its share that a component must have.
SIGNIFICANT = 3.0


def mixture_of(ranking: OrbitRanking, misfit: Misfit, mean: Floats, temper: float) -> Mixture | None:
    """Fit shares that are not negative to the pattern, with the profile held (Lawson and Hanson's NNLS).

    Components whose share is below three standard deviations are left out, one by one, the least first.

    Parameters
    ----------
    ranking : OrbitRanking
    misfit : Misfit
        With the profile of the best class held, and no average beside the arrangements.
    mean : (n_peaks,) float64 ndarray
        Intensities of the disordered average on the misfit's peaks.
    temper : float
        Reduced chi squared of the best fit, at least 1.

    Returns
    -------
    Mixture or None
        None where the data fit no arrangement at all.
    """
    occupations, from_all = _candidates(ranking)
    rows = np.vstack([misfit.intensities(occupations), mean])
    values, vectors = np.linalg.eigh(misfit.gram)
    kept = values > 1e-13 * values.max()
    root = np.sqrt(values[kept])
    patterns = (rows @ vectors[:, kept]) * root  # |row| is what it adds in standard deviations
    target = (vectors[:, kept].T @ misfit.moments) / root
    norms = np.linalg.norm(patterns, axis=1)
    shares = nnls((patterns / norms[:, None]).T, target)[0] / norms
    if not shares.any():
        return None
    active = np.flatnonzero(shares)
    while True:
        columns = (patterns[active] / norms[active, None]).T
        amounts = nnls(columns, target)[0]
        errors = np.sqrt(np.diag(np.linalg.pinv(columns.T @ columns, hermitian=True)) * temper)
        weak = int(np.argmin(amounts / errors))
        if len(active) == 1 or amounts[weak] >= SIGNIFICANT * errors[weak]:
            break
        active = np.delete(active, weak)
    chi2 = float(misfit.total - target @ target + ((columns @ amounts - target) ** 2).sum())
    shares, covariance = _as_shares(columns, amounts, norms[active], temper)
    names = [AVERAGE if k == len(occupations) else sites_text(ranking.misfit.space, occupations[k]) for k in active]
    return Mixture(
        shares=dict(zip(names, shares.tolist(), strict=True)),
        errors=dict(zip(names, np.sqrt(np.diag(covariance)).tolist(), strict=True)),
        chi2=chi2,
        chi2_single=float(misfit.chi2(misfit.coordinates(ranking.classes[0].occupation[None]))[0]),
        from_all=from_all,
    )


def _candidates(ranking: OrbitRanking) -> tuple[NDArray[np.uint8], bool]:
    """One arrangement of each class: of all, where they are few enough."""
    best = np.stack([one.occupation for one in ranking.classes])
    if ranking.coordinates is None:
        return best, False
    u = ranking.coordinates[:, 1:]
    scale = ranking.misfit.scale(ranking.coordinates[:1])[0] or 1.0
    _, first = np.unique(np.round(u * scale / SAME), axis=0, return_index=True)
    if len(first) > MOST_CLASSES:
        return best, False
    first.sort()
    rows, begun = [], 0
    for batch in ranking.misfit.space.orbits():
        here = first[(first >= begun) & (first < begun + len(batch))] - begun
        rows.append(batch.occupations[here])
        begun += len(batch)
    return np.concatenate(rows), True


def _as_shares(columns: Floats, amounts: Floats, norms: Floats, temper: float) -> tuple[Floats, Floats]:
    """Shares that add up to 1, and their covariance."""
    covariance = np.linalg.pinv(columns.T @ columns, hermitian=True) * temper / np.outer(norms, norms)
    cells = amounts / norms
    total = float(cells.sum())
    slope = np.eye(len(cells)) / total - np.outer(cells, np.ones(len(cells))) / total**2
    return cells / total, slope @ covariance @ slope.T
