"""The surrogate of a screen, distilled once by the process that begins it, and how its bound was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.learning.surrogate import DistilledSurrogate
from matganip.screening.cascade import SurrogateScorer
from matganip.screening.folder import SURROGATE, files_of

if TYPE_CHECKING:
    from matganip.learning.scoring import GraphScorer
    from matganip.screening.selection import Selection

SAMPLE = 20_000
MARGIN = 1.5
"""The bound is this many times the largest error on the sample: winners lie in the tails."""


def distilled(
    scorer: GraphScorer, selection: Selection, output: Path, seed: int, given: Path | None
) -> tuple[dict[str, Any], str]:
    """Distil a surrogate of a model on a uniform sample of the orbits, or take a given one, and measure it there.

    Parameters
    ----------
    scorer : GraphScorer
        The model.
    selection : Selection
        Of the screen: the sample's k-th best bounds that of the space.
    output : pathlib.Path
        Its folder; the surrogate goes into ``surrogate``.
    seed : int
        Of the sample.
    given : pathlib.Path or None
        Folder of a surrogate.

    Returns
    -------
    record : dict
        For the manifest: the bound, eV per supercell, and how it was found.
    sentence : str
        The same for people.
    """
    sample = scorer.space.sample_orbits(SAMPLE, seed=seed).occupations
    sample = np.unique(sample, axis=0)
    surrogate = (
        DistilledSurrogate.fit(scorer.model, scorer.represent, sample, seed=seed)  # type: ignore[arg-type]
        if given is None
        else DistilledSurrogate.load(given, scorer.model)  # type: ignore[arg-type]
    )
    surrogate.save(output / SURROGATE)
    features = scorer.features(sample)
    said = scorer.predict(features).energy
    apart = np.abs(SurrogateScorer(scorer, surrogate, 0.0).energy(features) - said)
    per_atom = 1000.0 / scorer.n_atoms
    keys = np.sort(selection.key(said))
    errors = surrogate.errors
    record = {
        "bound_eV": float(np.round(MARGIN * apart.max(), 9)),
        "ceiling_eV": float(keys[selection.size - 1]) if len(keys) >= selection.size else None,
        "sample": {
            "orbits": len(sample),
            "seed": seed,
            "largest_eV": float(apart.max()),
            "mean_eV": float(apart.mean()),
            "deviation_of_model_eV": float(said.std()),
            "held_out": errors.n,
            "largest_held_out_eV_per_atom": errors.largest,
            "share_beyond_at_most": errors.exceeding,
        },
        "files": files_of(output / SURROGATE),
    }
    sentence = (
        "The distilled surrogate is a quadratic function of the peaks, fitted to the model on a uniform sample of "
        f"{len(sample):,} orbits. It is off by {apart.mean() * per_atom:.4f} meV/atom on average and "
        f"{apart.max() * per_atom:.4f} at most (the model's own spread there: {said.std() * per_atom:.4f}); "
        f"{errors.n:,} of them with distinct "
        f"peaks were held out of the fit, at most {errors.largest * 1000:.4f} off, so that with 95 % confidence "
        f"fewer than {errors.exceeding:.2%} of the orbits are farther off than that. The bound is {MARGIN:g} times the "
        f"largest, {MARGIN * apart.max() * per_atom:.4f} meV/atom, and is checked on every re-scored arrangement."
    )
    return record, sentence
