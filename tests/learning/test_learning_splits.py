from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matganip.errors import InputError
from matganip.learning.dataset import Dataset
from matganip.learning.splits import (
    by_composition,
    by_element,
    by_formula,
    by_orbit,
    leave_one_orbit_out,
    random_rows,
)


def labelled(group, weight=None):
    n = len(group)
    return Dataset(np.zeros((n, 4, 4)), np.arange(n), weight=weight, group=group)


@st.composite
def datasets(draw):
    group = draw(st.lists(st.integers(0, 9), min_size=2, max_size=40).filter(lambda g: len(set(g)) > 1))
    weight = draw(st.lists(st.integers(1, 50), min_size=len(group), max_size=len(group)))
    return labelled(group, weight)


@given(datasets(), st.data(), st.integers(0, 2**31))
def test_a_split_by_orbit_shares_no_orbit_and_loses_no_row(data, choose, seed):
    orbits = set(data.group.tolist())
    n_train = choose.draw(st.integers(1, len(orbits) - 1))
    split = by_orbit(data, n_train, seed=seed)
    train, test = set(split.train.group.tolist()), set(split.test.group.tolist())
    assert not train & test
    assert (len(train), train | test, split.leaked) == (n_train, orbits, 0.0)
    assert sorted([*split.train_rows, *split.test_rows]) == list(range(len(data)))


def test_a_fraction_is_of_the_orbits_and_the_seed_decides_which():
    data = labelled(np.repeat(np.arange(10), 3))
    first, same, other = (by_orbit(data, 0.8, seed=s) for s in (1, 1, 2))
    assert len(set(first.train.group)) == 8
    np.testing.assert_array_equal(first.train_rows, same.train_rows)
    assert not np.array_equal(first.train_rows, other.train_rows)


@given(datasets(), st.floats(0.2, 0.8), st.integers(0, 2**31))
def test_a_random_split_deals_out_every_arrangement_and_counts_the_leak(data, fraction, seed):
    total = int(data.weight.sum())
    n_train = round(fraction * total)
    if not 0 < n_train < total:
        return
    split = random_rows(data, fraction, seed=seed)
    assert split.train.weight.sum() == n_train
    there = np.zeros(len(data))
    there[split.train_rows] += split.train.weight
    there[split.test_rows] += split.test.weight
    np.testing.assert_array_equal(there, data.weight)
    trained = set(split.train.group.tolist())
    leaked = sum(w for w, g in zip(split.test.weight, split.test.group, strict=True) if g in trained)
    assert split.leaked == leaked
    assert split.leaked_fraction == leaked / split.test.weight.sum()


def test_the_papers_split_of_2024_arrangements_leaks_every_test_row(space_3of24):
    multiplicity = next(space_3of24.orbits()).multiplicity
    split = random_rows(labelled(np.arange(19), multiplicity), 0.8, seed=0)
    assert (split.train.weight.sum(), split.test.weight.sum()) == (1619, 405)
    assert split.leaked == 405


def test_a_random_split_is_a_uniform_draw_of_arrangements():
    data = labelled([0, 1, 2], [50, 30, 20])
    drawn = np.zeros(3)
    for seed in range(400):
        split = random_rows(data, 0.5, seed=seed)
        drawn[split.train_rows] += split.train.weight
    # Hypergeometric: mean 50 K / 100; the mean of 400 draws has a deviation below 0.13.
    np.testing.assert_allclose(drawn / 400, [25, 15, 10], atol=0.6)


def test_leaving_one_orbit_out_tests_each_orbit_once():
    data = labelled([5, 5, 7, 9])
    splits = list(leave_one_orbit_out(data))
    assert [s.test.group.tolist() for s in splits] == [[5, 5], [7], [9]]
    assert all(not set(s.train.group) & set(s.test.group) and s.leaked == 0 for s in splits)


@given(st.lists(st.integers(0, 4), min_size=2, max_size=30).filter(lambda n: len(set(n)) > 1), st.integers(0, 2**31))
def test_a_split_by_composition_or_formula_shares_none(dopants, seed):
    data = labelled(range(len(dopants)))
    cells = 1 + np.arange(len(dopants)) % 3  # one composition in cells of several sizes
    amounts = np.stack([np.array(dopants) * cells, (24 - np.array(dopants)) * cells], axis=1)
    formulas = [f"I{i}Br{br}Cs{8 * n}Pb{8 * n}" for n, (br, i) in zip(cells, amounts.tolist(), strict=True)]
    for split in (by_composition(data, amounts, 1, seed), by_formula(data, formulas, 1, seed)):
        train, test = ({dopants[row] for row in rows} for rows in (split.train_rows, split.test_rows))
        assert (len(train), train & test, train | test) == (1, set(), set(dopants))


@given(
    st.lists(st.sets(st.sampled_from(["Ag", "Bi", "In", "Sb"]), min_size=1, max_size=3), min_size=4, max_size=30),
    st.integers(0, 2**31),
)
def test_a_split_by_element_trains_on_no_row_with_an_element_held_out(elements, seed):
    data = labelled(range(len(elements)))
    if set.union(*elements) == set.intersection(*elements):
        return  # every element is everywhere
    split = by_element(data, elements, 0.7, seed)
    held_out = set(split.kind.removeprefix("by element (").removesuffix(" held out)").split(", "))
    assert all(not elements[row] & held_out for row in split.train_rows)
    assert all(elements[row] & held_out for row in split.test_rows)
    assert sorted([*split.train_rows, *split.test_rows]) == list(range(len(data)))


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (lambda d: by_composition(d, [[1, 2]] * 3), "1 of 1 compositions to train on leaves one part empty"),
        (lambda d: by_composition(d, [[1, 2]] * 2), "one row for each of 3"),
        (lambda d: by_composition(d, [[1, 2], [0, 0], [1, 1]]), "amounts of 0 or more, and something"),
        (lambda d: by_formula(d, ["CsPbI3", "Cs2Pb2I6", "I3CsPb"]), "1 of 1 formulas"),
        (lambda d: by_formula(d, ["CsPbI3", "?", "KCl"]), "row 1: '.' cannot be read as a chemical formula"),
        (lambda d: by_formula(d, ["CsPbI3"]), "formulas: 1 are given for 3 rows"),
        (lambda d: by_element(d, [{"Cs"}] * 3), "no element can be held out"),
        (lambda d: by_element(d, [{"Cs"}] * 3, held_out=["Cs"]), "holding out Cs leaves one part empty: 3 of 3 rows"),
        (lambda d: by_element(d, [{"Cs"}] * 3, 2), "between 0 and 1 for a split by element"),
        (lambda d: by_orbit(d, 0.1), "0 of 3 orbits to train on leaves one part empty"),
        (lambda d: by_orbit(d, 3), "3 of 3 orbits"),
        (lambda d: by_orbit(d, 1.5), "must be between 0 and 1, or a whole number of orbits"),
        (lambda d: random_rows(d, 0), "0 of 6 arrangements"),
        (lambda d: random_rows(d.subset([0], weight=[1.5])), "weight 1.5 is not a whole number"),
        (lambda d: next(leave_one_orbit_out(d.subset([0]))), "two orbits or more"),
    ],
)
def test_an_empty_part_is_refused(split, message):
    with pytest.raises(InputError, match=message):
        split(labelled([0, 1, 2], [1, 2, 3]))
