from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matganip.errors import InputError
from matganip.learning.judgement import judge
from matganip.learning.metrics import evaluate


@given(st.integers(3, 40), st.integers(0, 2**31))
def test_plain_counts_each_row_once_and_weighted_as_often_as_it_stands_there(n, seed):
    rng = np.random.default_rng(seed)
    x, y, w = rng.normal(size=n), 5 + rng.normal(size=n), rng.integers(1, 9, n)
    found = judge(x, y, baseline=4.0, features=rng.normal(size=(n, 3)), weight=w, unit="eV")
    repeated = evaluate(np.repeat(x, w), np.repeat(y, w), baseline=4.0, unit="eV")
    for name in ("mae", "rmse", "baseline_mae", "maer", "baseline_maer", "r2", "spearman"):
        assert getattr(found.weighted, name) == pytest.approx(getattr(repeated, name), nan_ok=True, abs=1e-12)
    assert found.plain == evaluate(x, y, baseline=4.0, unit="eV")
    assert (found.top.k, found.floor.n_classes) == (max(1, min(20, n // 5)), n)
    assert (found.floor.mae, found.floor.plain_mae) == (0.0, 0.0)


def test_no_function_of_the_features_passes_the_floor():
    rng = np.random.default_rng(0)
    kind, w = rng.integers(0, 4, 60), rng.integers(1, 9, 60)
    y = kind + rng.normal(size=60)
    best = np.inf
    for _ in range(300):
        prediction = (np.arange(4) + rng.normal(size=4) * 0.3)[kind]
        found = judge(prediction, y, baseline=0.0, features=kind[:, None], weight=w)
        best = min(best, found.weighted.mae)
    assert found.floor.n_classes == 4
    assert found.floor.mae <= best < found.floor.mae * 1.2


def test_error_rates_are_percent_of_the_target():
    found = evaluate([99.0, 210.0], [100.0, 200.0], baseline=150.0, weight=[3, 1])
    assert (found.maer, found.baseline_maer) == (pytest.approx(2.0), pytest.approx((3 * 50 + 25) / 4))
    assert np.isnan(evaluate([1.0, 1.0], [0.0, 1.0], baseline=0.5).maer)


def test_what_does_not_exist_is_null():
    values = judge([1.0, 2.0], [0.0, 0.0], baseline=0.0, features=[[0.0], [1.0]]).as_dict()
    assert [values[name] for name in ("r2", "spearman", "skill", "maer_percent")] == [None] * 4


def test_features_of_other_rows_are_refused():
    with pytest.raises(InputError, match="one row for each of 2 targets"):
        judge([1.0, 2.0], [1.0, 2.0], baseline=0.0, features=[[0.0]])
