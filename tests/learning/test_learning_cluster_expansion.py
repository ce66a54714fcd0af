from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.learning.cluster_expansion import cluster_vectors


@pytest.fixture(scope="module")
def space():
    return mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})


def test_icet_and_the_patterson_function_hold_the_same_pairs_and_triplets(space):
    occupations = next(space.orbits()).occupations
    ours = mg.LatticeDiffraction(space, domain="patterson", cutoff=9.0, order=3).peaks(occupations)
    both = np.hstack([np.ones((len(occupations), 1)), ours.triplets_as_vertices().intensity])
    theirs = cluster_vectors(space, occupations)
    rank = np.linalg.matrix_rank(theirs, tol=1e-8)
    assert rank == np.linalg.matrix_rank(both, tol=1e-6) == np.linalg.matrix_rank(np.hstack([both, theirs]), tol=1e-6)


def test_symmetry_changes_nothing(space):
    row = space.sample_configurations(1, seed=3).occupations
    images = row[:, space.site_permutations[[0, 17, 200]]][0]
    vectors = cluster_vectors(space, np.ascontiguousarray(images), (7.0,))
    assert vectors == pytest.approx(np.repeat(vectors[:1], 3, axis=0))


@pytest.mark.parametrize("cutoffs", [(), (0.0,), (5.0, np.nan)])
def test_a_cutoff_is_a_positive_distance(space, cutoffs):
    with pytest.raises(InputError, match="cutoffs must be positive"):
        cluster_vectors(space, np.zeros((0, 24), dtype=np.uint8), cutoffs)
