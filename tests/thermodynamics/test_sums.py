"""Canonical sums against direct summation in exact arithmetic's reach, limits, merging, JSON."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matganip.errors import InputError
from matganip.thermodynamics.histogram import EnergyHistogram
from matganip.thermodynamics.sums import BOLTZMANN, CanonicalSums

TEMPERATURES = [50.0, 300.0, 1000.0, 1e5]


def direct(energy: list[float], multiplicity: list[int], temperature: float) -> dict[str, float]:
    """F, U, S, C_v by math.fsum, energies counted from the lowest one."""
    lowest = min(energy)
    thermal = BOLTZMANN * temperature
    weight = [g * math.exp(-(e - lowest) / thermal) for e, g in zip(energy, multiplicity, strict=True)]
    total = math.fsum(weight)
    mean = math.fsum(w * (e - lowest) for e, w in zip(energy, weight, strict=True)) / total
    variance = math.fsum(w * (e - lowest - mean) ** 2 for e, w in zip(energy, weight, strict=True)) / total
    return {
        "free_energy": lowest - thermal * math.log(total),
        "energy": lowest + mean,
        "entropy": BOLTZMANN * math.log(total) + mean / temperature,
        "heat_capacity": variance / (BOLTZMANN * temperature**2),
    }


def summed(energy, multiplicity, cuts=(), temperatures=TEMPERATURES) -> CanonicalSums:
    sums = CanonicalSums(temperatures)
    for e, g in zip(np.split(np.array(energy), cuts), np.split(np.array(multiplicity), cuts), strict=True):
        sums.add(e, g)
    return sums


rows = st.lists(st.tuples(st.floats(-2.0, 2.0), st.integers(1, 384)), min_size=1, max_size=60)


@given(rows, st.floats(-3e4, 0.0), st.lists(st.integers(0, 60), max_size=4))
def test_direct_summation(rows, offset, cuts) -> None:
    energy = [offset + e for e, _ in rows]
    multiplicity = [g for _, g in rows]
    found = summed(energy, multiplicity, sorted(cuts)).result()
    for t, temperature in enumerate(TEMPERATURES):
        for name, wanted in direct(energy, multiplicity, temperature).items():
            assert getattr(found, name)[t] == pytest.approx(wanted, rel=1e-10, abs=1e-12), name


def test_enumerated_space_to_1e_10(enumerated) -> None:
    energy, multiplicity = enumerated
    found = summed(energy, multiplicity, range(37, len(energy), 37)).result()
    for t, temperature in enumerate(TEMPERATURES):
        for name, wanted in direct(energy.tolist(), multiplicity.tolist(), temperature).items():
            assert getattr(found, name)[t] == pytest.approx(wanted, rel=1e-12, abs=1e-15)


@pytest.fixture
def enumerated():
    """The 603 labelled orbits of 6 Br on 24 sites."""
    from matganip import read_labels

    table = read_labels("cspbi3_br/chgnet_X6of24")
    import matganip as mg

    joined = table.join(mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}}))
    return joined.energy, joined.multiplicity


def test_limits(enumerated) -> None:
    energy, multiplicity = enumerated
    sums = summed(energy, multiplicity, (100, 400), [0.0, 1e-3, 1e12, np.inf])
    found = sums.result(n_atoms=40)
    ground = energy == energy.min()
    assert sums.degeneracy == multiplicity[ground].sum()
    assert sums.n_configurations == 134596
    for t in (0, 1):
        assert found.energy[t] == energy.min() == found.ground
        assert found.entropy[t] == pytest.approx(BOLTZMANN * math.log(sums.degeneracy), rel=1e-12)
        assert found.heat_capacity[t] == 0
    mean = np.average(energy, weights=multiplicity)
    for t in (2, 3):
        assert found.entropy[t] == pytest.approx(BOLTZMANN * math.log(134596), rel=1e-9)
        assert found.energy[t] == pytest.approx(mean, rel=1e-12)
        assert found.heat_capacity[t] == pytest.approx(0, abs=1e-20)
    assert found.free_energy[3] == -np.inf
    assert found.per_atom().energy[0] == energy.min() / 40


def test_heat_capacity_is_the_slope_of_the_energy(enumerated) -> None:
    step = 0.01
    found = summed(*enumerated, (), [300 - step, 300, 300 + step]).result()
    assert found.heat_capacity[1] == pytest.approx((found.energy[2] - found.energy[0]) / (2 * step), rel=1e-6)
    assert found.entropy[1] == pytest.approx(-(found.free_energy[2] - found.free_energy[0]) / (2 * step), rel=1e-6)


def test_merging_in_the_same_order_is_the_same_bits(enumerated) -> None:
    energy, multiplicity = enumerated
    parts = [summed(e, g) for e, g in zip(np.array_split(energy, 7), np.array_split(multiplicity, 7), strict=True)]
    states = []
    for _ in range(2):
        total = CanonicalSums(TEMPERATURES)
        for part in parts:
            total.merge(CanonicalSums.from_dict(json.loads(json.dumps(part.to_dict()))))
        states.append(json.dumps(total.to_dict()))
    assert states[0] == states[1]
    whole = summed(energy, multiplicity).result()
    assert CanonicalSums.from_dict(json.loads(states[0])).result().free_energy == pytest.approx(
        whole.free_energy, rel=1e-14
    )


def test_probabilities_of_winners(enumerated) -> None:
    energy, multiplicity = enumerated
    share = summed(energy, multiplicity, (5, 300)).probability(energy, multiplicity)
    assert share.sum(axis=1) == pytest.approx(np.ones(len(TEMPERATURES)), rel=1e-12)
    assert (np.diff(share[:, energy.argmin()]) < 0).all()  # the hotter, the less


def test_refusals() -> None:
    sums = CanonicalSums([300])
    for energy, multiplicity, message in (
        ([1.0], [0], "positive"),
        ([1.0, np.nan], [1, 1], "row 1"),
        ([1.0], [1, 1], "the same length"),
        ([1.0], [1.5], "integers"),
    ):
        with pytest.raises(InputError, match=message):
            sums.add(energy, multiplicity)
    with pytest.raises(InputError, match="add some first"):
        sums.result()
    with pytest.raises(InputError, match="different temperatures"):
        sums.merge(CanonicalSums([301]))
    with pytest.raises(InputError, match="kelvin"):
        CanonicalSums([-1.0])
    with pytest.raises(InputError, match="not canonical sums"):
        CanonicalSums.from_dict({"temperatures_K": [300]})


@given(rows, st.sampled_from([0.01, 0.3, 5.0]))
def test_histogram(rows, width) -> None:
    energy, multiplicity = np.array([e for e, _ in rows]), np.array([g for _, g in rows])
    halves = [EnergyHistogram(width), EnergyHistogram(width)]
    for histogram, part in zip(halves, (slice(0, 7), slice(7, None)), strict=True):
        histogram.add(energy[part], multiplicity[part])
    total = EnergyHistogram.from_dict(json.loads(json.dumps(halves[0].to_dict())))
    total.merge(halves[1])
    wanted = [
        (int((np.floor(energy / width) == k).sum()), int(multiplicity[np.floor(energy / width) == k].sum()))
        for k in range(int(np.floor(energy.min() / width)), int(np.floor(energy.max() / width)) + 1)
    ]
    assert list(zip(total.orbits, total.configurations, strict=True)) == wanted
    assert len(total.edges) == len(wanted) + 1


def test_histogram_counts_beyond_64_bits() -> None:
    histogram = EnergyHistogram(1.0)
    histogram.add(np.zeros(4), np.full(4, 2**62))
    assert histogram.configurations == [2**64]
    with pytest.raises(InputError, match="positive"):
        EnergyHistogram(0)
    with pytest.raises(InputError, match="cannot be merged"):
        histogram.merge(EnergyHistogram(2.0))
