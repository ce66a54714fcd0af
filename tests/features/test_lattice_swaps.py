"""Walks by swaps against a twin that draws the same random numbers and sums all from the beginning."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg
from matganip.errors import InputError
from matganip.features.lattice.swaps import LatticeSwaps, seeded_generators

MASK = 2**64 - 1


class Xoshiro:
    """xoshiro256++ in Python's integers."""

    def __init__(self, state: np.ndarray) -> None:
        self.s = [int(word) for word in state]

    def uniform(self) -> float:
        s = self.s
        result = (_rotl((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = _rotl(s[3], 45)
        return (result >> 11) * 2.0**-53


def _rotl(x: int, k: int) -> int:
    return ((x << k) | (x >> (64 - k))) & MASK


def twin(swaps, row, state, beta, coefficients, n_swaps):
    """One chain: every energy from the sums of the whole arrangement."""
    row, random = row.copy(), Xoshiro(state)
    sublattices = swaps.space.sublattices
    movable = [i for i in range(len(row)) if len(set(row[sublattices == sublattices[i]])) > 1]

    def energy_of(one: np.ndarray) -> float:
        return float(swaps.sums(one[None])[0] @ coefficients)

    energy = energy_of(row)
    lowest, best, accepted = row.copy(), energy, 0
    for _ in range(n_swaps if movable else 0):
        while True:
            i = movable[int(random.uniform() * len(movable))]
            partners = np.flatnonzero(sublattices == sublattices[i])
            j = partners[int(random.uniform() * len(partners))]
            if row[i] != row[j]:
                break
        trial = row.copy()
        trial[[i, j]] = trial[[j, i]]
        change, chance = energy_of(trial) - energy, random.uniform()
        if change <= 0 or chance < math.exp(-beta * change):
            row, energy, accepted = trial, energy + change, accepted + 1
            if energy < best - 1e-9:
                lowest, best = row.copy(), energy
    return row, random.s, energy, lowest, best, accepted


@cache
def swaps_of(kind: str) -> LatticeSwaps:
    parent = mg.perovskite("CsPbI3", a=6.289)
    two = {"I": {"Br": 4, "Cl": 3}, "Pb": {"Sn": 2}}
    space = mg.ConfigurationSpace(parent, (2, 2, 1), two if kind != "one" else {"I": {"Br": 5}})
    if kind == "diffraction":
        return LatticeSwaps(mg.LatticeDiffraction(space, resolution="resolved", two_theta_range=(0, 40)))
    return LatticeSwaps(mg.LatticeDiffraction(space, domain="patterson", cutoff=7.0, order=3))


@given(
    st.sampled_from(["one", "patterson", "diffraction"]),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 1.0, 30.0]),
    st.integers(0, 40),
)
def test_twin(kind, seed, beta, n_swaps) -> None:
    swaps = swaps_of(kind)
    start = swaps.space.sample_configurations(2, seed=seed % 1000).occupations
    # Irregular, so that no two swaps tie: a tie is decided by rounding.
    coefficients = np.random.default_rng(seed).standard_normal(swaps.n_sums)
    coefficients /= np.abs(swaps.sums(start)).mean(axis=0).clip(1e-3)
    generators = seeded_generators(seed, 2)
    found = swaps.walk(start, generators, np.full(2, beta), coefficients, n_swaps)
    for chain in range(2):
        row, state, energy, lowest, best, accepted = twin(
            swaps, start[chain], generators[chain], beta, coefficients, n_swaps
        )
        assert found.occupations[chain].tolist() == row.tolist()
        assert found.generators[chain].tolist() == state
        assert found.energy[chain] == pytest.approx(energy, abs=1e-9)
        assert found.lowest_energy[chain] == pytest.approx(best, abs=1e-9)
        assert found.accepted[chain] == accepted
        assert swaps.sums(found.lowest[[chain]])[0] @ coefficients == pytest.approx(best, abs=1e-9)
        assert sorted(lowest.tolist()) == sorted(start[chain].tolist())


@pytest.mark.parametrize("kind", ["patterson", "diffraction"])
def test_peaks_are_linear_in_the_sums(kind) -> None:
    swaps = swaps_of(kind)
    rows = swaps.space.sample_configurations(200, seed=1).occupations
    space = swaps.space
    if kind == "diffraction":
        made = mg.LatticeDiffraction(space, resolution="resolved", two_theta_range=(0, 40)).peaks(rows)
        peaks = made.intensity
    else:
        made = mg.LatticeDiffraction(space, domain="patterson", cutoff=7.0, order=3).peaks(rows)
        peaks = np.hstack([made.intensity, made.triplets])
    design = np.c_[np.ones(200), swaps.sums(rows)]
    solved = np.linalg.lstsq(design, peaks, rcond=None)[0]
    assert np.abs(design @ solved - peaks).max() < 1e-8 * np.abs(peaks).max()


def test_the_walk_samples_the_canonical_ensemble() -> None:
    """Orbits of a long walk at one temperature turn up as exp(-E / kT) has it."""
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 1), {"I": {"Br": 3}})
    swaps = LatticeSwaps(mg.LatticeDiffraction(space, domain="patterson", cutoff=7.0))
    orbits = next(space.orbits())
    coefficients = np.random.default_rng(3).standard_normal(swaps.n_sums)
    energy = swaps.sums(orbits.occupations) @ coefficients
    beta = 1.0 / energy.std()
    wanted = orbits.multiplicity * np.exp(-beta * (energy - energy.min()))
    wanted = wanted / wanted.sum()
    n = 2000
    rows, generators = space.sample_configurations(n, seed=0).occupations, seeded_generators(5, n)
    walked = swaps.walk(rows, generators, np.full(n, beta), coefficients, 200)
    names = {row.tobytes(): k for k, row in enumerate(orbits.occupations)}
    found = np.bincount(
        [names[row.tobytes()] for row in space.canonical(walked.occupations).occupations], minlength=len(names)
    )
    # Chi squared of 2000 independent draws; its 0.999 quantile at up to 20 degrees of freedom is 45.
    kept = wanted * n > 5
    assert ((found - n * wanted)[kept] ** 2 / (n * wanted[kept])).sum() < 45


def test_the_same_bytes_for_any_threads_and_any_cut() -> None:
    swaps = swaps_of("patterson")
    start, generators = swaps.space.sample_configurations(5, seed=2).occupations, seeded_generators(1, 5)
    coefficients = np.random.default_rng(0).standard_normal(swaps.n_sums)
    beta = np.linspace(0, 2, 5)
    one, two = (swaps.walk(start, generators, beta, coefficients, 60, num_threads=t) for t in (1, 2))
    half = swaps.walk(start, generators, beta, coefficients, 30)
    rest = swaps.walk(half.occupations, half.generators, beta, coefficients, 30)
    for name in ("occupations", "generators", "energy"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes() == getattr(rest, name).tobytes()
    assert one.accepted.tolist() == (half.accepted + rest.accepted).tolist()


def test_refusals() -> None:
    swaps = swaps_of("one")
    start, generators = swaps.space.sample_configurations(2).occupations, seeded_generators(0, 2)
    coefficients = np.zeros(swaps.n_sums)
    for changed, message in (
        ({"occupations": start[:, :-1].copy()}, "columns"),
        ({"occupations": np.full_like(start, 7)}, "not a species code of site 0"),
        ({"generators": generators[:1]}, "n_chains"),
        ({"beta": np.full(2, -1.0)}, "must not be negative"),
        ({"coefficients": coefficients[1:].copy()}, "n_sums"),
    ):
        given = {"occupations": start, "generators": generators, "beta": np.ones(2), "coefficients": coefficients}
        with pytest.raises(InputError, match=message):
            swaps.walk(**(given | changed), n_swaps=1)
