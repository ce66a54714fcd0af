"""A model asked about labelled arrangements: predictions beside the labels and the mean baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip.learning.judgement import Spread, judge
from matganip.learning.scoring import ask
from matganip.learning.solved import Solved
from matganip.results.evaluation import Assessed

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.labelled import Labelled
    from matganip.learning.representation import GraphRepresentation
    from matganip.learning.scoring import Predictor

Floats = NDArray[np.float64]


def assess(
    name: str, predictor: Predictor, represent: GraphRepresentation, labelled: Labelled, known: Labelled
) -> Assessed:
    """Ask a model for labelled arrangements.

    Parameters
    ----------
    name : str
        What to call them.
    predictor : Predictor
    represent : GraphRepresentation
        Of their space.
    labelled : Labelled
        Total energies of supercells in eV.
    known : Labelled
        The labels whose mean for each composition predicts these, each without itself.

    Returns
    -------
    Assessed
    """
    mean, deviation = energies_of(predictor, represent, labelled.occupations)
    baseline = np.full(len(labelled), predictor.baseline)
    spread = None
    if isinstance(predictor, Solved):
        space = represent.space
        sites_per_atom = len(space.supercell_structure) / space.atoms_of(labelled.occupations)
        error, widths = mean - labelled.per_atom, predictor.constant * sites_per_atom
        spread = Spread.of(1e3 * error, 1e3 * deviation, 1e3 * widths, predictor.inner, predictor.outer)
    return assessed(
        name, represent, labelled, predicted=mean, baseline=baseline, deviation=deviation, spread=spread,
        composition_mean=_composition_means(represent, labelled, known, baseline),
    )  # fmt: skip


def assessed(
    name: str,
    represent: GraphRepresentation,
    labelled: Labelled,
    *,
    predicted: Floats,
    baseline: Floats,
    deviation: Floats | None = None,
    spread: Spread | None = None,
    composition_mean: Floats | None = None,
    n_train: int = 0,
    orbits_train: int = 0,
    n_leaked: int = 0,
) -> Assessed:
    """Compare predictions, mean baseline and that of each composition, each (n,) in eV/atom, with labels."""
    calculated = labelled.per_atom * 1000.0
    predicted, baseline = predicted * 1000.0, baseline * 1000.0
    features = represent.features(labelled.occupations)
    judgement = judge(
        predicted, calculated, baseline=baseline, features=features, weight=labelled.multiplicity, spread=spread,
        composition_mean=None if composition_mean is None else composition_mean * 1000.0, unit="meV/atom",
    )  # fmt: skip
    return Assessed(
        name, labelled.occupations, labelled.multiplicity, calculated, predicted, baseline, judgement,
        n_train, orbits_train, n_leaked, None if deviation is None else deviation * 1000.0,
    )  # fmt: skip


def means_of_compositions(
    composition: NDArray[Any],
    known: tuple[NDArray[Any], Floats, Floats],
    same: NDArray[np.int64],
    baseline: Floats,
) -> Floats:
    """What the mean of the other known labels of a row's composition says of it.

    Parameters
    ----------
    composition : (n,) ndarray
        Of each row.
    known : ((m,) ndarray, (m,) float64 ndarray, (m,) float64 ndarray)
        Compositions of the known labels, their energies and their weights.
    same : (n,) int64 ndarray
        Which of the known labels a row itself is, which says nothing of it; -1 for none.
    baseline : (n,) float64 ndarray
        For rows of whose composition nothing else is known.

    Examples
    --------
    >>> of = np.array(["A", "A", "B"])
    >>> means_of_compositions(of, (of, np.array([1.0, 3.0, 7.0]), np.ones(3)), np.array([0, -1, 2]), np.full(3, 4.0))
    array([3., 2., 4.])
    """
    kinds, energy, weight = known
    found = baseline.copy()
    for row, kind in enumerate(composition):
        others = kinds == kind
        if same[row] >= 0:
            others[same[row]] = False
        if others.any():
            found[row] = np.average(energy[others], weights=weight[others])
    return found


def _composition_means(
    represent: GraphRepresentation, labelled: Labelled, known: Labelled, baseline: Floats
) -> Floats | None:
    """The same for labelled arrangements; None where all are of one composition, as the mean baseline then is."""
    kinds, number = _compositions(represent.space, np.concatenate([known.occupations, labelled.occupations]))
    n_known = len(known)
    if kinds == 1 and np.isclose(np.average(known.per_atom, weights=known.multiplicity), baseline[0], atol=1e-9):
        return None
    place = {row.tobytes(): k for k, row in enumerate(known.occupations)}
    same = np.array([place.get(row.tobytes(), -1) for row in labelled.occupations])
    weight = known.multiplicity.astype(np.float64)
    return means_of_compositions(number[n_known:], (number[:n_known], known.per_atom, weight), same, baseline)


def _compositions(space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> tuple[int, NDArray[np.int64]]:
    """How many compositions there are, and which each row has."""
    counts = [
        (occupations[:, space.sublattices == sublattice] == code).sum(axis=1)
        for sublattice, species in enumerate(space.species)
        for code in range(len(species))
    ]
    kinds, number = np.unique(np.stack(counts, axis=1), axis=0, return_inverse=True)
    return len(kinds), number.reshape(-1)


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
