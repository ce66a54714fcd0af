from __future__ import annotations

import numpy as np
import pytest

import matganip as mg


def test_a_range_gives_one_space_for_each_composition(cspbi3):
    series = mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": range(7)}})
    assert [space.count_orbits() for space in series] == [1, 1, 7, 19, 80, 207, 603]
    assert series.count_orbits() == 918
    assert series.n_configurations == sum(space.n_configurations for space in series)
    assert sum(len(batch) for batch in series.orbits()) == 918


def test_all_binary_compositions_are_the_known_total(cspbi3):
    assert mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": range(25)}}).count_orbits() == 56_324


def test_lists_ranges_and_numbers_combine_where_they_fit(cspbi3):
    series = mg.CompositionSeries(cspbi3, (1, 1, 2), {"I": {"Br": range(7), "Cl": range(7)}, "Pb": {"Sn": [0, 2]}})
    assert len(series) == 2 * 28  # 28 ways to put at most six Br and Cl on six sites
    mixed = mg.CompositionSeries(cspbi3, (1, 1, 2), {"I": {"Br": 2}, "Pb": {"Sn": [0, 1]}})
    assert [space.counts for space in mixed] == [((0, 2), (2, 4)), ((1, 1), (2, 4))]


def test_only_neutral_compositions_are_kept_and_the_states_shown(cspbi3):
    # Bi3+ for Pb2+ is made up for by vacancies: 3 Pb2+ -> 2 Bi3+ + vacancy.
    series = mg.CompositionSeries(cspbi3, (2, 2, 2), {"Pb": {"Bi": range(9), "vac": range(9)}}, charge_neutral=True)
    assert series.oxidation_states == {"Cs": 1, "Pb": 2, "I": -1, "vac": 0, "Bi": 3}
    counts = [dict(zip(space.species[0], space.counts[0], strict=True)) for space in series]
    assert [(c["Bi"], c["vac"]) for c in counts] == [(0, 0), (2, 1), (4, 2)]


def test_given_states_override_guesses(cspbi3):
    series = mg.CompositionSeries(
        cspbi3, (2, 2, 2), {"Pb": {"Bi": range(3)}}, charge_neutral=True, oxidation_states={"Bi": 2}
    )
    assert len(series) == 3
    assert series.oxidation_states["Bi"] == 2


def test_nothing_left_is_an_error(cspbi3):
    with pytest.raises(mg.InputError, match="none of the compositions asked for fits the sites and is neutral"):
        mg.CompositionSeries(cspbi3, (2, 2, 2), {"Pb": {"Bi": [1]}}, charge_neutral=True)
    with pytest.raises(mg.InputError, match="none of the compositions asked for fits the sites$"):
        mg.CompositionSeries(cspbi3, (1, 1, 1), {"I": {"Br": [4]}})
    with pytest.raises(mg.InputError, match=r"substitutions.I.Br: the number of sites must be a whole number, got 0.5"):
        mg.CompositionSeries(cspbi3, (1, 1, 1), {"I": {"Br": [0.5]}})


def test_states_that_cannot_be_guessed_are_asked_for(cspbi3):
    with pytest.raises(mg.InputError, match="oxidation_states: give that of He"):
        mg.CompositionSeries(cspbi3, (1, 1, 1), {"Pb": {"He": [0, 1]}}, charge_neutral=True)


def test_samples_are_uniform_over_all_orbits_or_stratified(cspbi3):
    series = mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": [2, 3, 4]}})
    numbers = np.array([7, 19, 80])
    uniform = [len(batch) for batch in series.sample_orbits(5000, seed=1)]
    assert np.allclose(np.array(uniform) / 5000, numbers / 106, atol=0.03)
    stratified = series.sample_orbits(31, seed=1, stratified=True)
    assert [len(batch) for batch in stratified] == [11, 10, 10]
    again = series.sample_orbits(31, seed=1, stratified=True)
    assert all(np.array_equal(a.occupations, b.occupations) for a, b in zip(stratified, again, strict=True))
    with pytest.raises(mg.InputError, match="must not be negative"):
        series.sample_orbits(-1)


def test_all_compositions_share_one_symmetry(cspbi3):
    first, *others = mg.CompositionSeries(cspbi3, (2, 2, 2), {"I": {"Br": range(4)}})
    assert all(space.group is first.group for space in others)
