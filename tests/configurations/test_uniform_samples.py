from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

import matganip as mg

SPACES = [
    ((2, 2, 2), {"I": {"Br": 3}}),
    ((2, 2, 2), {"I": {"Br": 6}}),
    ((2, 2, 2), {"Pb": {"Sn": 4}}),
    ((2, 2, 2), {"Pb": {"Sn": 4}, "I": {"Br": 3}}),
    ((1, 1, 2), {"I": {"Br": 2, "Cl": 2}}),
    ((1, 1, 2), {"I": {"Br": 1, "Cl": 2, "vac": 1}, "Pb": {"Sn": 1}}),
]


def _orbits(space):
    batch = next(space.orbits())
    return {row.tobytes(): int(m) for row, m in zip(batch.occupations, batch.multiplicity, strict=True)}


def _drawn(batch, orbits):
    found = dict.fromkeys(orbits, 0)
    for row in batch.occupations:
        found[row.tobytes()] += 1  # a row that is not a representative is a KeyError
    return np.array([found[key] for key in orbits])


@pytest.mark.parametrize(("supercell", "substitutions"), SPACES)
@pytest.mark.parametrize("seed", [1, 2])
def test_orbits_are_drawn_uniformly(cspbi3, supercell, substitutions, seed):
    space = mg.ConfigurationSpace(cspbi3, supercell, substitutions)
    orbits = _orbits(space)
    batch = space.sample_orbits(50 * len(orbits), seed=seed)
    assert chisquare(_drawn(batch, orbits)).pvalue > 1e-3
    assert all(orbits[r.tobytes()] == m for r, m in zip(batch.occupations, batch.multiplicity, strict=True))


@pytest.mark.parametrize(("supercell", "substitutions"), SPACES)
def test_configurations_are_drawn_in_proportion_to_multiplicity(cspbi3, supercell, substitutions):
    space = mg.ConfigurationSpace(cspbi3, supercell, substitutions)
    orbits = _orbits(space)
    n = 50 * len(orbits)
    expected = np.array(list(orbits.values())) * n / space.n_configurations
    drawn = _drawn(space.sample_configurations(n, seed=7), orbits)
    often = expected > 5  # what chi-square is good for; the rest is one class
    counts = np.append(drawn[often], drawn[~often].sum())
    means = np.append(expected[often], expected[~often].sum())
    assert chisquare(counts[means > 0], means[means > 0]).pvalue > 1e-3


def test_draws_are_independent_of_each_other_in_order(space_6of24):
    # Draws of one cycle type are made together; the order in which they come must not show it.
    batch = space_6of24.sample_orbits(4000, seed=5)
    symmetric = batch.multiplicity < 384
    halves = symmetric[:2000].mean(), symmetric[2000:].mean()
    assert abs(halves[0] - halves[1]) < 4 * np.sqrt(0.25 * 2 / 2000)


@pytest.mark.parametrize("method", ["sample_orbits", "sample_configurations"])
def test_a_seed_gives_the_same_sample(space_6of24, method):
    first, again, other = (getattr(space_6of24, method)(500, seed=seed).occupations for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_astronomical_space_is_sampled(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (3, 3, 3), {"I": {"Br": 27, "Cl": 27}})
    batch = space.sample_orbits(2000, seed=1)
    assert len(np.unique(batch.occupations, axis=0)) == 2000
    assert set(batch.multiplicity.tolist()) == {1296}
    # A third of the sites each: any column but the first few holds each species in a third of the draws.
    last = np.bincount(batch.occupations[:, 60], minlength=3) / 2000
    assert np.allclose(last, 1 / 3, atol=0.06)


@pytest.mark.parametrize("method", ["sample_orbits", "sample_configurations"])
def test_no_samples_is_an_empty_batch_and_fewer_an_error(space_3of24, method):
    assert getattr(space_3of24, method)(0).occupations.shape == (0, 24)
    with pytest.raises(mg.InputError, match="must not be negative"):
        getattr(space_3of24, method)(-1)
