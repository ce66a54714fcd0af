"""A sum over pairs and triplets of sites that stands for a model which is none, with its measured error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matganip.errors import InputError
from matganip.features.lattice.cluster_classes import longest_reach
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.learning.site_interactions import SiteInteractions
from matganip.learning.solving import Columns, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.model import Model

SAMPLE = 6000
MOST_COLUMNS = 1500
MARGIN = 1.5
"""The bound is this many times the largest error on rows held out: winners lie in the tails."""


@dataclass(frozen=True, eq=False)
class PairSurrogate:
    """What stands for a model in a proof.

    Attributes
    ----------
    energy : SiteInteractions
    bound : float
        eV per supercell: 1.5 times the largest difference on orbits held out of the fit.
    sentence : str
        How it was measured.
    """

    energy: SiteInteractions
    bound: float
    sentence: str

    @classmethod
    def fit(cls, model: Model, space: ConfigurationSpace, *, seed: int = 0) -> PairSurrogate:
        """Fit pairs and triplets to a model's own predictions on a uniform sample of orbits.

        Raises
        ------
        InputError
            If fewer than 12 orbits differ.
        """
        sample = np.unique(space.sample_orbits(SAMPLE, seed=seed).occupations, axis=0)
        if len(sample) < 12:
            raise InputError(f"{space!r} has too few orbits to fit a surrogate to; screen them all")
        sample = sample[np.random.default_rng(seed).permutation(len(sample))]
        scorer = model.scorer(space)
        said = scorer.predict(scorer.features(sample)).energy
        clusters = LatticeDiffraction(space, domain="clusters", order=3, cutoff=longest_reach(space, 3, MOST_COLUMNS))
        n_out = max(1, len(sample) // 5)

        def columns(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
            made: NDArray[np.float64] = clusters.peaks(rows).intensity
            return made

        found = clusters.peaks(sample[:1])
        orders = found.orders if found.orders is not None else np.full(clusters.n_peaks, 2)
        distance = np.zeros(clusters.n_peaks) if found.distance is None else found.distance
        solved = solve(
            columns(sample[n_out:]), said[n_out:], np.ones(len(sample) - n_out), Columns(orders, distance), curved=False
        )
        weight = solved.prior * solved.slope
        constant = solved.offset - float(weight @ solved.mean)

        def energies(rows: NDArray[np.uint8]) -> NDArray[np.float64]:
            found: NDArray[np.float64] = constant + (columns(rows) * weight).sum(axis=1)
            return found

        energy = SiteInteractions.from_function(energies, space)
        apart = np.abs(energy(sample) - said)
        per_atom = 1000.0 / space.n_atoms
        bound = MARGIN * float(apart.max())
        sentence = (
            "The model is no sum over pairs and triplets of sites; one was fitted to it on a uniform sample of "
            f"{len(sample) - n_out:,} orbits. On {n_out:,} others it is at most "
            f"{apart[:n_out].max() * per_atom:.4f} meV/atom off (the model's own spread: {said.std() * per_atom:.4f}). "
            f"The proof holds if it is nowhere off by more than {bound * per_atom:.4f} meV/atom, {MARGIN:g} times the "
            "largest error found; that is measured, not proved. Every arrangement that could win within it was scored "
            "by the model itself."
        )
        return cls(energy, bound, sentence)
