"""Some rows of a batch are a batch, and batches of one space go behind each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg
from matganip.configurations.batch import concatenate, locate

SPACE = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
BATCH = next(SPACE.orbits())


@pytest.mark.parametrize(
    "rows",
    [slice(3, 7), slice(None, None, -2), slice(5, 5), [4, 1, 1], np.array([-1, 0]), np.arange(19) % 3 == 0],
    ids=str,
)
def test_some_rows_are_a_batch(rows):
    part = BATCH[rows]
    assert isinstance(part, mg.ConfigurationBatch)
    assert part.space is SPACE
    assert np.array_equal(part.occupations, BATCH.occupations[rows])
    assert np.array_equal(part.multiplicity, BATCH.multiplicity[rows])
    assert part.occupations.flags.c_contiguous
    assert np.array_equal(SPACE.canonical(part.occupations).multiplicity, part.multiplicity)


def test_one_row_is_a_batch_of_one_and_a_batch_can_be_walked_through():
    assert np.array_equal(BATCH[-1].occupations, BATCH.occupations[-1:])
    assert [int(one.multiplicity[0]) for one in BATCH] == BATCH.multiplicity.tolist()
    with pytest.raises(IndexError):
        BATCH[19]
    with pytest.raises(IndexError):
        BATCH[np.ones(4, dtype=bool)]


def test_a_derivative_batch_stays_one():
    batch = next(mg.derivative_structures(mg.perovskite("CsPbI3", a=6.289), {"I": {"I": 1, "Br": 2}}, 2, 2))
    assert batch[:1].superlattice is batch.superlattice


@given(st.integers(1, 25))
def test_batches_behind_each_other_are_the_whole(size):
    whole = concatenate(SPACE.orbits(batch_size=size))
    assert np.array_equal(whole.occupations, BATCH.occupations)
    assert np.array_equal(whole.multiplicity, BATCH.multiplicity)


def test_batches_of_several_spaces_are_refused():
    other = SPACE.with_substitutions({"I": {"Br": 2}}).sample_orbits(1)
    with pytest.raises(mg.InputError, match="several spaces"):
        concatenate([BATCH, other])
    with pytest.raises(mg.InputError, match="no batch"):
        concatenate([])


def test_distinct_rows_keep_their_order():
    rows = [5, 2, 5, 9, 2]
    assert np.array_equal(BATCH[rows].distinct().occupations, BATCH.occupations[[5, 2, 9]])


def test_rows_are_found_among_others():
    found = locate(BATCH.occupations[[7, 0]], BATCH.occupations[::-1])
    assert found.tolist() == [11, 18]
    assert locate(BATCH.occupations[:2], BATCH.occupations[1:]).tolist() == [-1, 0]
    assert locate(BATCH.occupations[:0], BATCH.occupations).tolist() == []
    assert locate(BATCH.occupations[:2], BATCH.occupations[:0]).tolist() == [-1, -1]
