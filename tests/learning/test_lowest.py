"""The compiled branch and bound beside an obvious twin: every orbit, and its energy by the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import matganip as mg
from matganip.features.lattice.cluster_classes import cluster_classes
from matganip.features.lattice.diffraction import LatticeDiffraction
from matganip.learning.lowest import LowestOrbits
from matganip.learning.site_interactions import SiteInteractions

PEROVSKITE = mg.perovskite("CsPbI3", a=6.289)
SPACES = [
    mg.ConfigurationSpace(PEROVSKITE, (2, 2, 1), {"I": {"Br": 4}}),
    mg.ConfigurationSpace(PEROVSKITE, (2, 2, 1), {"I": {"Br": 6}, "Pb": {"Sn": 2}}),
    mg.ConfigurationSpace(PEROVSKITE, (2, 2, 1), {"I": {"Br": 3, "Cl": 3}}),
    mg.ConfigurationSpace(PEROVSKITE, (1, 1, 3), {"I": {"Br": 2, "vac": 1}, "Pb": {"Sn": 1, "vac": 1}}),
    mg.ConfigurationSpace(PEROVSKITE, (2, 2, 2), {"Pb": {"Sn": 3}}),
    mg.ConfigurationSpace(PEROVSKITE, (2, 2, 1), {"I": {"Br": 0}}),
    mg.ConfigurationSpace(PEROVSKITE, (2, 1, 1), {"I": {"Br": 6}}),
]


def random_energy(space: mg.ConfigurationSpace, seed: int, order: int) -> SiteInteractions:
    """Random couplings of every class: as frustrated as can be."""
    clusters = LatticeDiffraction(space, domain="clusters", order=order)
    weight = np.random.default_rng(seed).normal(size=clusters.n_peaks) * 0.01 / cluster_classes(space, order).order
    return SiteInteractions.from_function(lambda rows: (clusters.peaks(rows).intensity * weight).sum(axis=1), space)


def by_definition(energy: SiteInteractions, row: np.ndarray) -> float:
    """The sum over states, pairs and triplets, one by one."""
    held = [s for s in range(energy.n_states) if row[energy.site[s]] == energy.code[s]]
    triplets = {tuple(three): value for three, value in zip(energy.triplets.tolist(), energy.coupling, strict=True)}
    total = energy.constant
    for i, s in enumerate(held):
        total += energy.field[s]
        for j, t in enumerate(held[:i]):
            total += energy.pair[s, t]
            total += sum(triplets.get(tuple(sorted((s, t, u))), 0.0) for u in held[:j])
    return float(total)


def run(search: LowestOrbits, num_threads: int = 1) -> LowestOrbits:
    while search.advance(num_threads):
        pass
    return search


@settings(max_examples=25, deadline=None)
@given(
    which=st.integers(0, len(SPACES) - 1),
    seed=st.integers(0, 10**6),
    order=st.sampled_from([2, 3]),
    top=st.sampled_from([1, 3, 20]),
)
def test_the_lowest_are_those_of_all_orbits(which: int, seed: int, order: int, top: int) -> None:
    space = SPACES[which]
    energy = random_energy(space, seed, order)
    batch = next(space.orbits())
    every = energy(batch.occupations)
    search = run(LowestOrbits(energy, top=top))
    found = search.found()
    representative = space.canonical(found.occupations)
    assert search.n_open == 0
    assert search.lower_bound == np.inf
    assert len(np.unique(representative.occupations, axis=0)) == len(found.energy) >= min(top, len(batch))
    assert np.array_equal(representative.multiplicity, found.multiplicity)
    assert np.allclose(found.energy, energy(found.occupations), atol=1e-11)
    limit = np.sort(every)[min(top, len(every)) - 1]
    wanted = {row.tobytes() for row in batch.occupations[every <= limit + 1e-9]}
    assert wanted <= {row.tobytes() for row in representative.occupations}
    assert (found.energy <= limit + 1.1e-6).all()


@pytest.mark.parametrize("space", SPACES[1:4], ids=["two sublattices", "three species", "vacancies"])
def test_the_sum_is_its_definition_and_the_function(space: mg.ConfigurationSpace) -> None:
    energy = random_energy(space, 5, 3)
    rows = space.sample_configurations(5, seed=1).occupations
    assert np.allclose(energy(rows), [by_definition(energy, row) for row in rows], atol=1e-11)
    permutation = space.site_permutations[1]
    moved = np.empty_like(rows)
    moved[:, permutation] = rows
    assert np.allclose(energy(rows), energy(moved), atol=1e-11)


def test_a_function_of_four_sites_is_refused() -> None:
    space = SPACES[0]

    def four(rows: np.ndarray) -> np.ndarray:
        return (rows == 0).sum(axis=1).astype(float) ** 4

    with pytest.raises(mg.InputError, match="no sum over pairs and triplets"):
        SiteInteractions.from_function(four, space)


def test_threads_and_interruptions_leave_the_same_bytes() -> None:
    space = mg.ConfigurationSpace(PEROVSKITE, (2, 2, 2), {"I": {"Br": 9}})
    energy = random_energy(space, 3, 3)
    one, four = run(LowestOrbits(energy, top=30), 1), run(LowestOrbits(energy, top=30), 4)
    stopped = LowestOrbits(energy, top=30)
    for _ in range(3):
        stopped.advance()
    resumed = LowestOrbits(energy, top=30)
    resumed.resume(stopped.state())
    run(resumed, 2)
    for other in (four, resumed):
        assert other.n_visited == one.n_visited
        assert other.found().energy.tobytes() == one.found().energy.tobytes()
        assert other.found().occupations.tobytes() == one.found().occupations.tobytes()


def test_bounds_hold_all_along_and_a_window_holds_all() -> None:
    space = mg.ConfigurationSpace(PEROVSKITE, (2, 2, 2), {"I": {"Br": 6}})
    energy = random_energy(space, 11, 3)
    every = np.sort(energy(next(space.orbits()).occupations))
    search = LowestOrbits(energy, top=1)
    assert search.lower_bound <= every[0]
    while search.advance(1):
        assert min(search.lower_bound, search.found().energy.min(initial=np.inf)) <= every[0] + 1e-9
    width = every[40] - every[0] + 1e-4
    found = run(LowestOrbits(energy, window=width)).found()
    assert (found.energy <= every[0] + width).sum() == (every <= every[0] + width).sum()


def test_a_state_that_does_not_fit_is_refused() -> None:
    energy = random_energy(SPACES[0], 1, 2)
    search = LowestOrbits(energy)
    state = search.state()
    with pytest.raises(mg.InputError, match="damaged"):
        search.resume({**state, "open_codes": np.full((1, 12), 7, dtype=np.uint8)})
    with pytest.raises(mg.InputError, match="damaged"):
        search.resume({**state, "open_bounds": np.zeros(3)})
