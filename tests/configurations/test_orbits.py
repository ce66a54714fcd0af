from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg
from matganip import _core


def _permutation_groups():
    """Groups that a few random permutations of up to seven points span; small enough to write out."""
    return st.integers(2, 6).flatmap(
        lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=2).map(
            lambda rows: _core.close_group(np.array(rows, dtype=np.uint16), max_order=1000)
        )
    )


def _compositions(n):
    """Ways to split n sites into one sublattice of up to three species."""
    return st.tuples(st.integers(0, n), st.integers(0, n)).map(
        lambda cut: (min(cut), abs(cut[0] - cut[1]), n - max(cut))
    )


def _enumerate(group, counts, num_threads=1, shard=(0, 1), block=5):
    enumerator = _core.OrbitEnumerator(group, counts, shard=shard[0], n_shards=shard[1])
    rows = []
    while True:
        occupations = np.empty((block, group.shape[1]), dtype=np.uint8)
        multiplicity = np.empty(block, dtype=np.int64)
        n = enumerator.fill(occupations, multiplicity, num_threads=num_threads)
        rows += [(tuple(r.tolist()), int(m)) for r, m in zip(occupations[:n], multiplicity[:n], strict=True)]
        if n < block:
            return rows


@given(data=st.data(), group=_permutation_groups())
def test_enumeration_equals_brute_force_for_any_group(data, group):
    counts = [data.draw(_compositions(group.shape[1]))]
    expected = oracle.orbits_by_brute_force(group, counts)
    assert _enumerate(group, counts) == expected
    assert _enumerate(group, counts, num_threads=3, block=2) == expected
    shards = [row for k in range(3) for row in _enumerate(group, counts, shard=(k, 3))]
    assert sorted(shards) == sorted(expected)


@given(data=st.data(), group=_permutation_groups())
def test_canonical_form_equals_brute_force_for_any_group(data, group):
    counts = [data.draw(_compositions(group.shape[1]))]
    rows = oracle.all_rows(counts)
    representatives, multiplicity = _core.canonical_form(group, counts, np.array(rows, dtype=np.uint8))
    sizes = dict(oracle.orbits_by_brute_force(group, counts))
    for row, found, size in zip(rows, representatives, multiplicity, strict=True):
        images = []
        for permutation in group:
            image = np.empty(len(row), dtype=int)
            image[permutation] = row
            images.append(tuple(image.tolist()))
        smallest = min(images, key=lambda r: oracle.sort_key(r, counts))
        assert tuple(found.tolist()) == smallest
        assert sizes[smallest] == size


def test_representatives_of_two_species_are_lexicographically_smallest(space_3of24):
    batch = next(space_3of24.orbits())
    for row in batch.occupations:
        images = row[np.argsort(space_3of24.site_permutations, axis=1)]
        assert tuple(row) == min(map(tuple, images.tolist()))
    assert sorted(map(tuple, batch.occupations.tolist())) == list(map(tuple, batch.occupations.tolist()))


@pytest.mark.parametrize("num_threads", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 100, 65536])
def test_the_stream_does_not_depend_on_threads_or_batches(space_6of24, num_threads, batch_size):
    reference = next(space_6of24.orbits(num_threads=1))
    batches = list(space_6of24.orbits(batch_size=batch_size, num_threads=num_threads))
    assert np.array_equal(np.concatenate([b.occupations for b in batches]), reference.occupations)
    assert np.array_equal(np.concatenate([b.multiplicity for b in batches]), reference.multiplicity)


def test_shards_are_near_equal_parts_of_the_whole(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 3), {"I": {"Br": 9}})
    sizes = [sum(len(batch) for batch in space.orbits(shard=(k, 4))) for k in range(4)]
    assert sum(sizes) == 539_988
    assert max(sizes) < 1.1 * sum(sizes) / 4


def test_canonical_form_of_shuffled_rows_is_their_orbit(space_6of24):
    batch = next(space_6of24.orbits())
    rng = np.random.default_rng(0)
    operations = space_6of24.site_permutations[rng.integers(0, 384, len(batch))]
    images = np.empty_like(batch.occupations)
    np.put_along_axis(images, operations, batch.occupations, axis=1)
    found = space_6of24.canonical(images)
    assert np.array_equal(found.occupations, batch.occupations)
    assert np.array_equal(found.multiplicity, batch.multiplicity)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"batch_size": 0}, "batch_size must be positive"),
        ({"shard": (2, 2)}, "0 <= k < n < 2"),
        ({"shard": (0, 0)}, "0 <= k"),
        ({"shard": (0, 2**70)}, "n < 2"),
    ],
)
def test_a_senseless_stream_is_refused(space_3of24, kwargs, message):
    with pytest.raises(mg.InputError, match=message):
        next(space_3of24.orbits(**kwargs))


def test_the_kernel_names_the_argument_that_is_wrong():
    group = np.array([[0, 1, 2]], dtype=np.uint16)
    with pytest.raises(ValueError, match="permutations must be of dtype uint16"):
        _core.OrbitEnumerator(group.astype(np.int64), [[1, 2]])
    with pytest.raises(ValueError, match="occupations must be C-contiguous"):
        _core.canonical_form(group, [[1, 2]], np.zeros((3, 2), dtype=np.uint8).T)
    with pytest.raises(ValueError, match="the composition has 4 sites, the group 3"):
        _core.OrbitEnumerator(group, [[2, 2]])


def test_ctrl_c_stops_a_long_enumeration_within_a_second():
    script = (
        "import signal\n"
        "import matganip as mg\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs begin without it
        "s = mg.ConfigurationSpace(mg.perovskite('CsPbI3', a=6.289), (3, 3, 3), {'I': {'Br': 27}})\n"
        "print('started', flush=True)\n"
        "for batch in s.orbits(batch_size=10**8 // 81): pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "started\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    interrupted = time.monotonic()
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert time.monotonic() - interrupted < 5  # a second on an idle machine
