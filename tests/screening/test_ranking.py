"""A ranking holds every orbit once, lowest first, whatever the batches were."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.screening.ranking import GraphRepresentation, rank

PARENT = mg.perovskite("CsPbI3", a=6.289)
SPACE = mg.ConfigurationSpace(PARENT, (2, 2, 2), {"I": {"Br": 3}})
ORBITS = next(iter(SPACE.orbits()))


def moments(occupations: np.ndarray) -> np.ndarray:
    """A stand-in for the graph: anything that differs between orbits."""
    return (occupations * np.arange(SPACE.n_sites) ** 2).astype(np.float32)


def total(matrices: np.ndarray) -> np.ndarray:
    return matrices.sum(axis=1).astype(np.float64)


def test_every_orbit_once_and_lowest_first():
    ranking = rank(SPACE, moments, total)
    assert sorted(ranking.orbit.tolist()) == list(range(19))
    assert ranking.multiplicity.sum() == 2024
    assert (np.diff(ranking.prediction) >= 0).all()
    np.testing.assert_array_equal(ORBITS.occupations[ranking.orbit], ranking.occupations)
    np.testing.assert_array_equal(total(moments(ranking.occupations)), ranking.prediction)


def test_ties_keep_the_order_of_enumeration_also_when_they_differ_by_noise():
    noise = np.random.default_rng(0).normal(scale=1e-9, size=19)

    def tied(matrices: np.ndarray) -> np.ndarray:
        return -126.8 + noise[: len(matrices)]

    assert rank(SPACE, moments, tied).orbit.tolist() == list(range(19))


@pytest.mark.parametrize("batch_size", [1, 4, 19, 100])
def test_the_ranking_does_not_depend_on_the_batches(batch_size: int):
    seen: list[int] = []
    ranking = rank(SPACE, moments, total, batch_size=batch_size, progress=seen.append)
    whole = rank(SPACE, moments, total)
    np.testing.assert_array_equal(ranking.orbit, whole.orbit)
    np.testing.assert_array_equal(ranking.prediction, whole.prediction)
    assert seen[-1] == 19
    assert len(seen) == -(-19 // batch_size)


def test_relative_energies_are_in_mev_an_atom_above_the_lowest():
    ranking = rank(SPACE, moments, lambda matrices: total(matrices) * 1e-3)
    assert ranking.relative[0] == 0.0
    np.testing.assert_allclose(ranking.relative, (ranking.prediction - ranking.prediction[0]) * 1000 / 40)


def test_a_model_that_diverged_is_named():
    with pytest.raises(ValueError, match="the model predicts nan"):
        rank(SPACE, moments, lambda matrices: np.full(len(matrices), np.nan))


@pytest.mark.parametrize("scaling", ["unit", "paper"])
def test_the_representation_is_the_graph_of_the_first_peaks(scaling: str):
    diffraction = mg.LatticeDiffraction(SPACE)
    represent = GraphRepresentation(diffraction, 10, scaling)
    peaks = diffraction.peaks(ORBITS.occupations)
    expected = mg.graph_matrix(peaks, n_peaks=10, scaling=scaling)
    np.testing.assert_array_equal(represent(ORBITS.occupations), expected)
