"""What diffraction can tell apart: classes of equal rows, floors of errors, and the known numbers of CsPbI3:Br."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_resolved import cspbi3_br

import matganip as mg
from matganip.features import distinguishability
from matganip.features.lattice.distinct import feature_classes, floor_of_classes


@pytest.mark.parametrize(
    ("n_br", "powder", "resolved", "intense"), [(2, 5, 7, 2), (3, 14, 19, 3), (4, 38, 66, 4), (6, 145, 335, 6)]
)
def test_known_numbers_of_distinct_patterns(n_br: int, powder: int, resolved: int, intense: int) -> None:
    found = distinguishability(cspbi3_br(n_br).orbits(batch_size=50))
    assert found["powder"].n_classes == found["powder, first 28"].n_classes == powder
    assert found["resolved"].n_classes == found["resolved, first 28"].n_classes == resolved
    assert found["powder, 28 most intense"].n_classes == intense
    assert found.baseline_mae is None


def test_floors_on_chgnets_labels_of_six_bromines() -> None:
    space = cspbi3_br(6)
    labelled = mg.read_labels("cspbi3_br/chgnet_X6of24").join(space)
    (batch,) = space.orbits()
    place = {row.tobytes(): i for i, row in enumerate(labelled.occupations)}
    energy = labelled.energy[[place[row.tobytes()] for row in batch.occupations]] * 1000 / 40
    found = distinguishability(batch, triplets=True, cutoff=9.0, labels=energy, unit="meV/atom")
    assert found.n_arrangements == space.n_configurations
    floors = {row.features: row.floor_mae for row in found.rows}
    assert found.baseline_mae == pytest.approx(0.386, abs=0.001)
    assert floors["powder"] == pytest.approx(0.0751, abs=1e-4)
    assert floors["resolved"] == floors["Patterson pairs"] == pytest.approx(0.0077, abs=1e-4)
    assert floors["resolved with triplets"] == floors["Patterson pairs and triplets"] < 5e-5
    assert found["resolved with triplets"].n_classes == found["Patterson pairs and triplets"].n_classes == 595
    assert found.as_dict()["rows"][0]["features"] == "powder"


@given(
    n=st.integers(1, 40),
    k=st.integers(1, 4),
    levels=st.integers(1, 4),
    seed=st.integers(0, 1000),
    noise=st.sampled_from([0.0, 4e-7]),
)
def test_classes_are_those_of_equal_rows_whatever_the_rounding(n, k, levels, seed, noise) -> None:
    rng = np.random.default_rng(seed)
    # Half a tolerance off multiples of it: plain rounding would split what noise moves over the edge.
    truth = rng.integers(0, levels, (n, k))
    features = truth * 1e-4 + 5e-7 + noise * rng.uniform(-1, 1, (n, k))
    classes = feature_classes(features)
    expected: dict[bytes, int] = {}
    assert classes.tolist() == [expected.setdefault(row.tobytes(), len(expected)) for row in truth]


def test_classes_are_split_until_no_column_has_a_gap() -> None:
    # By the first column alone all four are a chain; the second takes the link out, and the first then has a gap.
    features = np.array([[0.0, 0], [0.9, 5], [1.8, 0], [1.8, 5]])
    assert feature_classes(features, 1.0).tolist() == [0, 1, 2, 1]


@given(n=st.integers(1, 12), n_classes=st.integers(1, 4), seed=st.integers(0, 1000))
def test_floors_are_the_lowest_errors_of_a_search(n: int, n_classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes, y, w = rng.integers(0, n_classes, n), rng.normal(size=n), rng.integers(1, 9, n)
    mae, rmse = floor_of_classes(classes, y, w)
    best = sum(
        min((w[own] * np.abs(y[own] - guess)).sum() for guess in y[own])
        for own in (np.flatnonzero(classes == c) for c in set(classes))
    )
    assert mae == pytest.approx(best / w.sum(), abs=1e-12)
    squares = sum(
        (w[own] * (y[own] - np.average(y[own], weights=w[own])) ** 2).sum()
        for own in (np.flatnonzero(classes == c) for c in set(classes))
    )
    assert rmse == pytest.approx(np.sqrt(squares / w.sum()), abs=1e-12)


def test_what_cannot_be_told_apart_is_refused() -> None:
    space, other = cspbi3_br(2), cspbi3_br(3)
    for batches, options, message in [
        ([], {}, "there is no orbit to tell from another"),
        ([next(space.orbits()), next(other.orbits())], {}, "the batches are of several spaces"),
        (space.orbits(), {"n_peaks": 0}, "n_peaks must be at least 1, not 0"),
        (space.orbits(), {"tolerance": 0.0}, "tolerance must be a positive number, not 0.0"),
        (space.orbits(), {"labels": [1.0]}, "labels must be one number for each of the 7 orbits"),
        (space.orbits(), {"labels": [1.0] * 6 + [np.nan]}, "labels: that of orbit 6 is not a finite number"),
    ]:
        with pytest.raises(mg.InputError, match=message):
            distinguishability(batches, **options)
    with pytest.raises(mg.InputError, match="features must be a table"):
        feature_classes([[np.nan]])
