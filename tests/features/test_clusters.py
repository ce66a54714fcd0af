"""Classes of clusters and their columns: against counting, against exact numbers, and what they span."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matganip as mg
from matganip.errors import InputError
from matganip.features.lattice import cluster_classes as module
from matganip.features.lattice.cluster_classes import States, cluster_classes, generating_set, longest_reach

CUBIC = mg.perovskite("CsPbI3", a=6.289)
SPACES = [
    mg.ConfigurationSpace(CUBIC, (2, 2, 2), {"I": {"Br": 6}}),
    mg.ConfigurationSpace(CUBIC, (2, 1, 1), {"I": {"Br": 2, "Cl": 2}}),
    mg.ConfigurationSpace(CUBIC, (2, 2, 1), {"I": {"Br": 3, "vac": 2}, "Pb": {"Sn": 2}}),
]


def slow_shares(space: mg.ConfigurationSpace, row: np.ndarray, order: int) -> list[tuple[int, float]]:
    """(order, share) of every class, by taking each cluster through each permutation: the obvious twin."""
    states = States.of(space)
    here = [space.species[space.sublattices[s]][row[s]] for s in range(space.n_sites)]
    clusters = [
        frozenset(zip(one_sites, one_names, strict=True))
        for k in range(1, order + 1)
        for one in combinations(range(len(states.site)), k)
        if len({int(states.site[i]) for i in one}) == k
        for one_sites, one_names in [([int(states.site[i]) for i in one], [states.name[i] for i in one])]
    ]
    seen, found = set(), []
    for cluster in clusters:
        if cluster in seen:
            continue
        orbit = {frozenset((int(g[site]), name) for site, name in cluster) for g in space.site_permutations}
        seen |= orbit
        held = sum(all(here[site] == name for site, name in one) for one in orbit)
        found.append((len(cluster), 100.0 * held / len(orbit)))
    return sorted(found)


@settings(max_examples=12, deadline=None)
@given(number=st.integers(1, 2), seed=st.integers(0, 2**31), order=st.sampled_from([2, 3]))
def test_columns_are_the_shares_of_clusters_that_an_arrangement_holds(number, seed, order):
    space = SPACES[number]
    row = space.sample_configurations(1, seed=seed).occupations
    intensity = mg.LatticeDiffraction(space, domain="clusters", order=order).peaks(row).intensity[0]
    classes = cluster_classes(space, order)
    expected = slow_shares(space, row[0], order)
    assert len(expected) == len(classes)
    found = sorted(zip(classes.order.tolist(), intensity.tolist(), strict=True))
    np.testing.assert_allclose([share for _, share in found], [share for _, share in expected], atol=1e-9)
    assert [k for k, _ in found] == [k for k, _ in expected]


def test_numbers_of_classes_are_those_of_orbits_of_substituted_cells():
    """k Br on 24 sites have as many orbits as there are classes of k sites: exact counts by Burnside."""
    classes = cluster_classes(SPACES[0])
    for k in (1, 2, 3):
        orbits = SPACES[0].with_substitutions({"I": {"Br": k}}).count_orbits()
        assert int((classes.order == k).sum()) == orbits
        assert int(classes.size[classes.order == k].sum()) == len(list(combinations(range(24), k)))


@pytest.mark.parametrize("cell", [(2, 2, 2), (3, 2, 1)])
def test_columns_of_one_composition_have_the_rank_of_their_largest_clusters(cell):
    """Functions of degree up to 3 on the arrangements of one composition: one for each class of triplets, less one."""
    space = mg.ConfigurationSpace(CUBIC, cell, {"I": {"Br": 6}})
    classes = cluster_classes(space)
    rows = space.sample_configurations(600, seed=1).occupations
    table = mg.LatticeDiffraction(space, domain="clusters", order=3).peaks(rows).intensity
    centred = table - table.mean(axis=0)
    rank = np.linalg.matrix_rank(centred, tol=1e-9 * np.linalg.norm(centred, 2))
    assert rank == int((classes.order == 3).sum()) - 1


def test_columns_do_not_depend_on_which_member_of_an_orbit_is_asked():
    space = SPACES[2]
    row = space.sample_configurations(1, seed=5).occupations[0]
    images = np.array([row[np.argsort(g)] for g in space.site_permutations], dtype=np.uint8)
    intensity = mg.LatticeDiffraction(space, domain="clusters", order=3).peaks(images).intensity
    np.testing.assert_allclose(intensity, np.broadcast_to(intensity[0], intensity.shape), atol=1e-9)


def test_columns_mean_the_same_for_every_composition():
    """The reference is the parent's species, also where it is the rarer one."""
    rare, frequent = (mg.ConfigurationSpace(CUBIC, (2, 2, 1), {"I": {"Br": n}}) for n in (2, 10))
    assert cluster_classes(rare).names == cluster_classes(frequent).names


def test_a_cutoff_leaves_out_the_far_ones():
    space = SPACES[0]
    near, every = cluster_classes(space, 3, 6.3), cluster_classes(space)
    assert near.distance.max() < 6.31 < every.distance.max()
    assert near.names == tuple(name for name, d in zip(every.names, every.distance, strict=True) if d < 6.31)
    assert longest_reach(space, 3, 1000) is None
    assert longest_reach(space, 3, 5) < every.distance.max()


def test_a_generating_set_generates():
    group = SPACES[0].site_permutations
    few = generating_set(group)
    assert len(few) < 12
    reached = {tuple(range(24))}
    frontier = list(reached)
    while frontier:
        found = {tuple(int(g[i]) for i in p) for p in frontier for g in few} - reached
        reached |= found
        frontier = list(found)
    assert len(reached) == len(group)


def test_too_many_clusters_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MOST_CLUSTERS", 100)
    with pytest.raises(InputError, match="over 100 clusters of 2 sites; set a cutoff"):
        cluster_classes(SPACES[0])
