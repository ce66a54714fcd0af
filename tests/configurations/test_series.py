from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg
from matganip.configurations.charges import charge, oxidation_states


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
        mg.CompositionSeries(cspbi3, (1, 1, 1), {"I": {"Br": [4, 5]}})
    with pytest.raises(mg.InputError, match=r"substitutions.I: 4 sites asked for, .* has only 3 I sites"):
        mg.CompositionSeries(cspbi3, (1, 1, 1), {"I": {"Br": [4]}})
    with pytest.raises(mg.InputError, match=r"substitutions.I.Br: the number of sites must be a whole number, got 0.5"):
        mg.CompositionSeries(cspbi3, (1, 1, 1), {"I": {"Br": [0.5]}})


def test_a_disordered_parent_keeps_what_is_not_given_and_balances_its_charge():
    mixed, anion = {"Li": 0.5, "Fe": 0.5}, {"O": 0.75, "F": 0.25}
    corners = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    parent = Structure(
        Lattice.cubic(4.2), [mixed] * 4 + [anion] * 4, corners + [[x + 0.5, y, z] for x, y, z in corners]
    )
    series = mg.CompositionSeries(parent, (1, 1, 1), {"Li": {"Fe": range(5)}})
    assert [space.composition for space in series] == [
        {"Li": 4 - n, "Fe": n, "F": 1, "O": 3} for n in range(5)
    ]  # fmt: skip
    known = {"Li": 1, "Fe": 3, "O": -2, "F": -1}
    neutral = mg.CompositionSeries(
        parent, (1, 1, 1), {"Li": {"Fe": range(5), "vac": range(5)}}, charge_neutral=True, oxidation_states=known
    )
    assert [(s.composition["Fe"], s.composition["vac"]) for s in neutral] == [(2, 1)]
    assert charge(neutral.spaces[0], neutral.oxidation_states) == 0
    with pytest.raises(mg.InputError, match=r"oxidation_states.Foo: there is no Foo, only Li, O, Fe, F"):
        mg.CompositionSeries(parent, (1, 1, 1), {"Li": {"Fe": 2}}, charge_neutral=True, oxidation_states={"Foo": 9})
    with pytest.raises(mg.InputError, match="are used with charge_neutral=True only"):
        mg.CompositionSeries(parent, (1, 1, 1), {"Li": {"Fe": 2}}, oxidation_states={"Fe": 3})


@pytest.mark.parametrize(
    ("species", "states"),
    [
        ({"La": 0.7, "Sr": 0.3, "Mn": 1.0, "O": 3.0}, {"La": 3, "Sr": 2, "Mn": 3.3, "O": -2}),
        ({"Pb": 1.0, "Zr": 0.52, "Ti": 0.48, "O": 3.0}, {"Pb": 2, "Zr": 4, "Ti": 4, "O": -2}),
        ({"Li": 5.3, "P": 1.0, "S": 4.37, "Cl": 1.6}, {"Li": 1, "P": 5, "S": -2, "Cl": -1}),
        ({"Ce": 0.8, "Gd": 0.2, "O": 1.9}, {"Ce": 4, "Gd": 3, "O": -2}),
    ],
)
def test_states_of_a_disordered_parent_are_guessed_together(species, states):
    lattice, sites, points = Lattice.cubic(9), [], []
    for name, amount in species.items():
        for n in range(int(np.ceil(amount))):
            sites.append({name: amount / np.ceil(amount)})
            points.append([0.11 * len(points), 0.37 * n, 0.05 * len(points)])
    space = mg.ConfigurationSpace(Structure(lattice, sites, points), (1, 1, 1), occupancy_tolerance=None)
    found = oxidation_states(space)
    assert {name: found[name] for name in species} == pytest.approx(states, abs=1e-6)


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
