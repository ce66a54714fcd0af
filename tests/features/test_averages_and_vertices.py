"""Means over ensembles against the direct formula; and the choice of vertices."""

from __future__ import annotations

import itertools
from dataclasses import replace

import diffraction_oracle as oracle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_resolved import cspbi3_br

import matganip as mg
from matganip.features.averages import BOLTZMANN, MeanPattern
from matganip.features.graph.vertices import most_intense, most_variable, of_families
from matganip.features.peaks import Peaks


def some_peaks(intensity: np.ndarray) -> Peaks:
    p = intensity.shape[1]
    return Peaks(np.arange(1.0, p + 1), intensity, np.ones(p), [[] for _ in range(p)])


@given(
    n=st.integers(1, 60),
    p=st.integers(1, 5),
    seed=st.integers(0, 1000),
    cuts=st.integers(0, 5),
    shift=st.sampled_from([0.0, -4321.0]),
    spread=st.sampled_from([1e-3, 0.1, 30.0]),
)
def test_mean_and_spread_are_the_direct_sums_in_any_order(n, p, seed, cuts, shift, spread) -> None:
    rng = np.random.default_rng(seed)
    intensity, g = rng.uniform(0, 100, (n, p)), rng.integers(1, 400, n)
    energy, temperatures = shift + rng.normal(0, spread, n), [10.0, 300.0, np.inf]
    boundaries = [0, *np.sort(rng.integers(0, n + 1, cuts)).tolist(), n]
    order = rng.permutation(n)
    results = []
    for rows in (np.arange(n), order):
        mean = MeanPattern(temperatures)
        for first, last in itertools.pairwise(boundaries):
            part = rows[first:last]
            mean.add(some_peaks(intensity[part]), g[part], energy[part])
        results.append((mean.intensity, mean.standard_deviation, mean.log_partition_function))
    for t, temperature in enumerate(temperatures):
        weight = g * np.exp(-(energy - energy.min()) / (BOLTZMANN * temperature))
        direct = np.average(intensity, axis=0, weights=weight)
        spread_of = np.sqrt(np.average((intensity - direct) ** 2, axis=0, weights=weight))
        for found, deviation, logarithm in results:
            np.testing.assert_allclose(found[t], direct, rtol=1e-12)
            np.testing.assert_allclose(deviation[t], spread_of, rtol=1e-6, atol=1e-6)
            expected = np.log(weight.sum()) - energy.min() / (BOLTZMANN * temperature)
            assert logarithm[t] == pytest.approx(expected, rel=1e-12, abs=1e-10)


def test_mean_over_all_arrangements_is_the_mean_over_their_orbits() -> None:
    space = cspbi3_br(2)
    diffraction = mg.LatticeDiffraction(space, scaled=False)
    orbits, everything = MeanPattern(), MeanPattern()
    for batch in space.orbits(batch_size=3):
        orbits.add(diffraction.peaks(batch.occupations), batch.multiplicity)
    rows = np.ones((276, 24), dtype=np.uint8)
    rows[np.arange(276)[:, None], np.stack(np.triu_indices(24, 1), axis=1)] = 0
    everything.add(diffraction.peaks(rows), np.ones(276))
    np.testing.assert_allclose(orbits.intensity, everything.intensity, rtol=1e-12)
    np.testing.assert_allclose(orbits.standard_deviation, everything.standard_deviation, rtol=1e-6, atol=1e-6)


def test_vertices_by_intensity_are_blind_and_by_variance_are_not() -> None:
    space = cspbi3_br(6)
    (batch,) = space.orbits()
    peaks = mg.LatticeDiffraction(space).peaks(batch.occupations)
    blind = most_intense(peaks, 28, batch.multiplicity)
    seeing = most_variable(
        ((mg.LatticeDiffraction(space).peaks(part.occupations), part.multiplicity) for part in space.orbits(100)), 28
    )
    assert (np.diff(blind) > 0).all()
    assert (np.diff(seeing) > 0).all()
    even = [all(index % 2 == 0 for index in peaks.hkls[i][0]["hkl"]) for i in blind]
    assert np.mean(even) > 0.8  # the parent's own lines
    direct = np.sqrt(
        np.average(
            (peaks.intensity - np.average(peaks.intensity, axis=0, weights=batch.multiplicity)) ** 2,
            axis=0,
            weights=batch.multiplicity,
        )
    )
    assert set(seeing) == set(np.argsort(-direct)[:28])
    chosen = mg.LatticeDiffraction(space, vertices=seeing)
    np.testing.assert_allclose(chosen.peaks(batch.occupations).intensity, peaks.intensity[:, seeing], atol=1e-10)


def test_vertices_by_name() -> None:
    peaks = mg.LatticeDiffraction(cspbi3_br(2)).peaks(np.zeros((0, 24), dtype=np.uint8))
    assert of_families(peaks, [(1, 1, 0), (1, 0, 0)]).tolist() == [0, 1]
    with pytest.raises(mg.InputError, match=r"families: \(40, 0, 0\) names no peak"):
        of_families(peaks, [(1, 0, 0), (40, 0, 0)])


def test_the_mean_is_a_pattern_itself() -> None:
    space = cspbi3_br(2)
    peaks = mg.LatticeDiffraction(space, scaled=False).peaks(next(space.orbits()).occupations)
    mean = MeanPattern([300.0, 600.0])
    with pytest.raises(mg.InputError, match="a mean of no arrangement"):
        _ = mean.peaks
    mean.add(peaks, np.ones(7), np.linspace(0.0, 0.1, 7))
    assert mean.peaks.intensity.tobytes() == mean.intensity.tobytes()
    assert mean.peaks.hkls == peaks.hkls


def test_families_of_a_tetragonal_cell_keep_apart() -> None:
    space = oracle.spaces()["tetragonal, vacancies"]
    peaks = mg.LatticeDiffraction(space).peaks(oracle.random_rows(space, 1, seed=0))
    (along,), (across,) = of_families(peaks, [(0, 0, 1)]), of_families(peaks, [(1, 0, 0)])
    assert peaks.d_spacings[along] == pytest.approx(space.supercell_structure.lattice.c)
    assert peaks.d_spacings[across] == pytest.approx(space.supercell_structure.lattice.a)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MeanPattern([0.0]), "temperatures must be positive, in kelvin"),
        (lambda: MeanPattern([300.0]).add(some_peaks(np.ones((1, 2))), [1]), "energy, in eV per supercell, is needed"),
        (lambda: MeanPattern().add(some_peaks(np.ones((1, 2))), [0]), "multiplicity must be a positive number"),
        (lambda: MeanPattern([9.0]).add(some_peaks(np.ones((1, 2))), [1], [np.nan]), "energy must be a finite number"),
        (lambda: MeanPattern().intensity, "a mean of no arrangement"),
        (lambda: MeanPattern().standard_deviation, "a spread of no arrangement"),
        (lambda: most_intense(some_peaks(np.ones((1, 2))), 0), "n_peaks must be at least 1, not 0"),
        (lambda: most_intense(some_peaks(np.ones((0, 2))), 1), "there is no arrangement to choose peaks by"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message: str) -> None:
    with pytest.raises(mg.InputError, match=message):
        call()


def test_patterns_of_other_columns_are_refused() -> None:
    mean = MeanPattern()
    mean.add(some_peaks(np.ones((2, 3))), [1, 1])
    with pytest.raises(mg.InputError, match="a pattern of 2 peaks among others, of 3"):
        mean.add(some_peaks(np.ones((2, 2))), [1, 1])
    elsewhere = replace(some_peaks(np.ones((2, 3))), two_theta=np.array([1.0, 2.0, 3.5]))
    with pytest.raises(mg.InputError, match="a mean is one of the same columns"):
        mean.add(elsewhere, [1, 1])
