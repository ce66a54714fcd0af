"""From labels to a model that answers with a distribution: `fit_distribution`, `scored`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matganip.learning.choosing import Candidate, choose, mean_and_error
from matganip.learning.conditional import ConditionalDistribution, Moment
from matganip.learning.distribution import Distribution
from matganip.results.distribution import DistributionScores

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.labelled import Labelled
    from matganip.learning.distribution_settings import DistributionSettings
    from matganip.learning.representation import GraphRepresentation
    from matganip.progress import Report

Floats = NDArray[np.float64]
COARSER = 2.0
"""How many times the error of the complete columns those asked for must have to be filled in."""
SAMPLES = 500
"""Of each distribution that is scored."""


class _Known(NamedTuple):
    """What the distribution is learned from: columns (n, p), what the mean leaves (n,) in eV/site, and weights (n,)."""

    columns: Floats
    left: Floats
    weight: Floats
    whole: bool


def fit_distribution(
    space: ConfigurationSpace,
    labelled: Labelled,
    found: Candidate,
    settings: DistributionSettings,
    *,
    fills: bool = True,
    seed: int = 0,
    report: Report,
) -> tuple[Distribution, int]:
    """Learn what a solved mean leaves open.

    Parameters
    ----------
    space : ConfigurationSpace
    labelled : Labelled
        The training set.
    found : Candidate
        The columns and the mean that is solved on them.
    settings : DistributionSettings
    fills : bool
        Whether other arrangements of the space may be filled in.
    seed : int
    report : Report
        Told of each member.

    Returns
    -------
    Distribution
    int
        How many arrangements were filled in: 0 where labels alone were learned from.

    Notes
    -----
    Labels tell of their own arrangements only, but columns such as a powder pattern are those of many. The complete
    columns are solved on the same labels, and tell the energies of the arrangements of the space, each with an error
    drawn from those of rows left out. Where the columns asked for are complete themselves there is nothing to fill in:
    what they leave is the error of rows left out.
    """
    known = _filled_in(space, labelled, found, settings.fill_in, seed) if fills and settings.fill_in else None
    filled = 0 if known is None else len(known.left)
    if known is None:
        rows = np.isfinite(found.solved.left_out)
        known = _Known(
            found.features[rows], found.solved.left_out[rows], labelled.multiplicity[rows].astype(float), False
        )

    def follow(number: int, now: Moment) -> None:
        done = number * settings.steps + now.step
        game = "" if np.isnan(now.loss_d) else f"loss(D) {now.loss_d:.3f}  D {now.d_real:.2f}, {now.d_fake:.2f}  "
        report("train", done, settings.members * settings.steps, f"{game}score {now.score:.3f}")

    left = ConditionalDistribution.fit(
        known.columns, known.left[:, None], known.weight, settings=settings, seed=seed, whole=known.whole,
        position=_positions(found.represent), follow=follow,
    )  # fmt: skip
    return Distribution(found.solved, left), filled


def _positions(represent: GraphRepresentation) -> Floats:
    return np.asarray(represent.columns.position[: represent.vertices.intensity.shape[1]], dtype=np.float64)


def _filled_in(space: ConfigurationSpace, labelled: Labelled, found: Candidate, most: int, seed: int) -> _Known | None:
    """Arrangements of the space with energies by the complete columns; None where these do not know clearly more."""
    complete, _ = choose(space, labelled)
    error = [mean_and_error(one.solved.left_out, labelled.multiplicity)[0] for one in (found, complete)]
    if error[0] < COARSER * error[1]:
        return None
    whole = space.count_orbits() <= most
    batch = next(space.orbits(batch_size=most)) if whole else space.sample_orbits(most, seed=seed)
    energy, _ = complete.solved.predict(complete.represent.features(batch.occupations), deviations=False)
    errors = complete.solved.left_out[np.isfinite(complete.solved.left_out)]
    energy = energy + np.random.default_rng(seed).choice(errors, len(energy))
    columns = found.represent.features(batch.occupations)
    mean, _ = found.solved.predict(columns, deviations=False)
    return _Known(columns, energy - mean, batch.multiplicity.astype(float), whole)


def scored(
    name: str, model: Distribution, represent: GraphRepresentation, labelled: Labelled, known: Labelled, seed: int = 0
) -> DistributionScores:
    """Ask for the distributions of labelled arrangements; the marginal is that of the labels known."""
    samples = model.sampler(represent)(labelled.occupations, SAMPLES, seed)
    shares = (np.arange(SAMPLES) + 0.5) / SAMPLES
    marginal = np.quantile(known.per_atom, shares, weights=known.multiplicity.astype(float), method="inverted_cdf")
    return DistributionScores.of(
        name, labelled.per_atom * 1e3, labelled.multiplicity.astype(float), samples * 1e3, marginal * 1e3
    )
