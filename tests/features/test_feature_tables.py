"""Wide tables as coordinates: distances stay, whatever the pieces and their order; the columns that are compared."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_resolved import all_orbits, cspbi3_br

import matganip as mg
from matganip.features.lattice import feature_tables as module
from matganip.features.lattice.distinct import feature_classes
from matganip.features.lattice.feature_tables import feature_tables
from matganip.features.lattice.row_space import RowSpace


def distances(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows[:, None] - rows[None], axis=2)


@given(
    n=st.integers(1, 40),
    p=st.integers(1, 30),
    rank=st.integers(0, 6),
    cuts=st.integers(0, 5),
    seed=st.integers(0, 1000),
    scale=st.sampled_from([1e-6, 1.0, 1e5]),
)
def test_coordinates_keep_distances_and_are_as_few_as_the_rank(n, p, rank, cuts, seed, scale) -> None:
    rng = np.random.default_rng(seed)
    rows = scale * rng.normal(size=(n, rank)) @ rng.normal(size=(rank, p)).reshape(rank, p)
    rows[rng.random(n) < 0.3] = rows[0]  # twins, in several pieces
    space = RowSpace(p)
    for first, last in itertools.pairwise([0, *np.sort(rng.integers(0, n + 1, cuts)).tolist(), n]):
        space.add(rows[first:last])
    found = space.coordinates()
    assert found.shape[0] == n
    assert found.shape[1] <= np.linalg.matrix_rank(rows, tol=1e-13 * scale)
    np.testing.assert_allclose(distances(found), distances(rows), rtol=1e-9, atol=1e-9 * scale)


def test_a_late_row_in_a_new_direction_is_not_lost() -> None:
    space = RowSpace(4)
    space.add(np.tile([100.0, 0, 0, 0], (50, 1)))
    space.add(np.array([[100.0, 0, 1e-6, 0], [100.0, 0, 0, 0]]))
    assert feature_classes(space.coordinates(), 5e-7).tolist() == [0] * 50 + [1, 0]


def test_tables_are_the_peaks_in_blocks_of_any_size(monkeypatch) -> None:
    space = cspbi3_br(4)
    (batch,) = space.orbits()
    whole = feature_tables(space, batch.occupations, batch.multiplicity, triplets=True, cutoff=7.0)
    monkeypatch.setattr(module, "_VALUES_AT_ONCE", 5000)
    pieces = feature_tables(space, batch.occupations, batch.multiplicity, triplets=True, cutoff=7.0)
    for one, other in zip(whole, pieces, strict=True):
        assert (one.name, one.n_features) == (other.name, other.n_features)
        np.testing.assert_allclose(distances(one.coordinates), distances(other.coordinates), atol=1e-7)
    peaks = mg.LatticeDiffraction(space, resolution="resolved", order=3).peaks(all_orbits(space))
    triplets = peaks.triplets * (100 / np.abs(peaks.triplets).max())
    expected = {
        "powder": mg.LatticeDiffraction(space).peaks(batch.occupations).intensity,
        "resolved, first 28": peaks.intensity[:, :28],
        "resolved with triplets": np.hstack([peaks.intensity, triplets]),
    }
    for table in whole:
        if table.name in expected:
            assert table.n_features == expected[table.name].shape[1]
            np.testing.assert_allclose(distances(table.coordinates), distances(expected[table.name]), atol=1e-7)
