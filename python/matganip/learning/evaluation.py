"""A model asked about labelled arrangements: predictions beside the labels and the mean baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.learning.judgement import judge
from matganip.learning.scoring import ask
from matganip.results.evaluation import Assessed

if TYPE_CHECKING:
    from matganip.labels.labelled import Labelled
    from matganip.learning.representation import GraphRepresentation
    from matganip.learning.scoring import Predictor

Floats = NDArray[np.float64]


def assess(name: str, predictor: Predictor, represent: GraphRepresentation, labelled: Labelled) -> Assessed:
    """Ask a network for labelled arrangements.

    Parameters
    ----------
    name : str
        What to call them.
    predictor : Predictor
        It predicts eV/atom.
    represent : GraphRepresentation
        Of their space.
    labelled : Labelled
        Total energies of supercells in eV.

    Returns
    -------
    Assessed
    """
    mean, _ = energies_of(predictor, represent, labelled.occupations)
    baseline = np.full(len(labelled), predictor.baseline)
    return assessed(name, represent, labelled, predicted=mean, baseline=baseline)


def assessed(
    name: str,
    represent: GraphRepresentation,
    labelled: Labelled,
    *,
    predicted: Floats,
    baseline: Floats,
    n_train: int = 0,
    orbits_train: int = 0,
    n_leaked: int = 0,
) -> Assessed:
    """Compare predictions and mean baseline, both (n,) in eV/atom, with labels."""
    calculated = labelled.per_atom * 1000.0
    predicted, baseline = predicted * 1000.0, baseline * 1000.0
    features = represent.features(labelled.occupations)
    judgement = judge(
        predicted, calculated, baseline=baseline, features=features, weight=labelled.multiplicity, unit="meV/atom"
    )
    return Assessed(
        name, labelled.occupations, labelled.multiplicity, calculated, predicted, baseline, judgement,
        n_train, orbits_train, n_leaked,
    )  # fmt: skip


def energies_of(
    predictor: Predictor, represent: GraphRepresentation, occupations: NDArray[np.uint8]
) -> tuple[Floats, Floats]:
    """Mean and deviation (n,) in eV/atom of arrangements (n, n_sites)."""
    mean, deviation = ask(predictor, represent, represent.features(occupations))
    if not predictor.per_site:
        return mean, deviation
    space = represent.space
    sites_per_atom = len(space.supercell_structure) / space.atoms_of(occupations)
    return mean * sites_per_atom, deviation * sites_per_atom
