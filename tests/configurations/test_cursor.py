from __future__ import annotations

import json

import numpy as np
import pytest

import matganip as mg


def _rest(stream):
    batches = list(stream)
    return np.concatenate([b.occupations for b in batches]), np.concatenate([b.multiplicity for b in batches])


@pytest.mark.parametrize("shard", [(0, 1), (1, 3)])
@pytest.mark.parametrize("batches_before", [0, 1, 4])
def test_an_interrupted_stream_goes_on_exactly_where_it_stopped(cspbi3, shard, batches_before):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"Pb": {"Sn": 4}, "I": {"Br": 6}})
    whole = _rest(space.orbits(batch_size=500, shard=shard))
    stream = space.orbits(batch_size=500, shard=shard)
    for _ in range(batches_before):
        next(stream)
    cursor = json.loads(json.dumps(stream.cursor))
    resumed = space.orbits(batch_size=500, shard=shard, cursor=cursor)
    occupations, multiplicity = _rest(resumed)
    assert np.array_equal(occupations, whole[0][500 * batches_before :])
    assert np.array_equal(multiplicity, whole[1][500 * batches_before :])
    assert resumed.n_orbits == len(whole[0])
    assert resumed.n_configurations == whole[1].sum()


def test_a_cursor_at_the_end_gives_nothing_more(space_3of24):
    stream = space_3of24.orbits()
    assert len(next(stream)) == 19
    assert list(space_3of24.orbits(cursor=stream.cursor)) == []


def test_a_cursor_from_elsewhere_is_refused(space_3of24, space_6of24):
    stream = space_3of24.orbits(batch_size=5)
    next(stream)
    cursor = stream.cursor
    with pytest.raises(mg.InputError, match="cursor: belongs to another space"):
        space_6of24.orbits(cursor=cursor)
    with pytest.raises(mg.InputError, match="cursor: belongs to another shard"):
        space_3of24.orbits(cursor=cursor, shard=(0, 2))
    with pytest.raises(mg.InputError, match="cursor: belongs to another format"):
        space_3of24.orbits(cursor=cursor | {"format": 0})
    with pytest.raises(mg.InputError, match="is not the cursor of an orbit stream"):
        space_3of24.orbits(cursor={"after": "00"})
    with pytest.raises(mg.InputError, match="cursor: resume_after: the row has another"):
        space_3of24.orbits(cursor=cursor | {"after": "00" * 24})


def test_a_stream_that_was_tampered_with_is_noticed(space_3of24):
    stream = space_3of24.orbits(batch_size=5)
    next(stream)
    cursor = stream.cursor | {"n_orbits": 4}
    with pytest.raises(RuntimeError, match="the enumeration gave 18 orbits"):
        list(space_3of24.orbits(cursor=cursor))
