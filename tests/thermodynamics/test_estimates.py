"""Estimates from uniform samples: right within their own error bars, and honest about where they are not."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.errors import InputError
from matganip.thermodynamics.estimates import convergence, from_sample
from matganip.thermodynamics.sums import CanonicalSums

TEMPERATURES = [20.0, 300.0, 1000.0, 1e5]
REPEATS = 200


@pytest.fixture(scope="module")
def space603():
    """The 603 labelled orbits of 6 Br on 24 sites: energies, multiplicities, and the exact sums."""
    joined = mg.read_labels("cspbi3_br/chgnet_X6of24").join(
        mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    )
    exact = CanonicalSums(TEMPERATURES)
    exact.add(joined.energy, joined.multiplicity)
    return joined.energy, joined.multiplicity, exact.result(40)


@pytest.mark.parametrize("uniform", ["configurations", "orbits"])
def test_within_their_own_error_bars(space603, uniform) -> None:
    energy, multiplicity, exact = space603
    p = multiplicity / multiplicity.sum() if uniform == "configurations" else None
    hits = {name: np.zeros(len(TEMPERATURES)) for name in ("free_energy", "energy", "entropy", "heat_capacity")}
    reliable = np.zeros(len(TEMPERATURES))
    for seed in range(REPEATS):
        drawn = np.random.default_rng(seed).choice(len(energy), size=2000, p=p)
        found = from_sample(
            energy[drawn], multiplicity[drawn], TEMPERATURES, n_configurations=134596, uniform=uniform, n_atoms=40
        )
        reliable += found.reliable
        for name, count in hits.items():
            apart = np.abs(getattr(found.estimate, name) - getattr(exact, name))
            count += apart <= getattr(found.error, name)
    assert reliable.tolist() == [0, REPEATS, REPEATS, REPEATS]  # at 20 K it says that it does not know
    for name, count in hits.items():
        assert (count[1:] >= 0.95 * REPEATS).all(), (name, count)


def test_where_the_ground_state_was_not_met_it_is_told() -> None:
    """A deep and rare ground state: invisible to the error bars, so that F is wrong, at low T only."""
    rng = np.random.default_rng(0)
    energy = rng.normal(0.0, 0.02, 10**6)
    exact = CanonicalSums([10.0, 600.0])
    exact.add(energy, np.ones(10**6, dtype=np.int64))
    drawn = energy[rng.choice(10**6, 3000)]
    found = from_sample(drawn, np.ones(3000, dtype=np.int64), [10.0, 600.0], n_configurations=10**6)
    assert found.reliable.tolist() == [False, True]
    assert found.estimate.free_energy[0] > exact.result().free_energy[0] + 0.005
    assert abs(found.estimate.free_energy[1] - exact.result().free_energy[1]) < found.error.free_energy[1]


def test_error_bars_shrink_as_the_root_of_the_sample(space603) -> None:
    energy, multiplicity, _ = space603
    drawn = np.random.default_rng(1).choice(len(energy), size=6400, p=multiplicity / multiplicity.sum())
    found = convergence(energy[drawn], multiplicity[drawn], [1000.0], n_configurations=134596)
    assert [one.n for one in found] == [100, 200, 400, 800, 1600, 3200, 6400]
    assert found[2].error.energy[0] / found[-1].error.energy[0] == pytest.approx(4.0, rel=0.35)


def test_infinite_temperature_is_exact_in_entropy() -> None:
    rng = np.random.default_rng(2)
    found = from_sample(rng.normal(size=500), np.ones(500, int), [np.inf], n_configurations=10**30)
    assert found.estimate.log_weight[0] == pytest.approx(30 * np.log(10), rel=1e-12)
    assert found.error.entropy[0] == pytest.approx(0, abs=1e-15)


def test_refusals() -> None:
    ones = np.ones(200, dtype=np.int64)
    with pytest.raises(InputError, match="too small"):
        from_sample(np.zeros(99), ones[:99], [300], n_configurations=10)
    with pytest.raises(InputError, match="0 K"):
        from_sample(np.zeros(200), ones, [0, 300], n_configurations=10)
    with pytest.raises(InputError, match="uniform"):
        from_sample(np.zeros(200), ones, [300], n_configurations=10, uniform="rows")
