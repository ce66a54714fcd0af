from __future__ import annotations

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from matganip.errors import InputError
from matganip.learning.metrics import Metrics, evaluate, top_k_recall, weighted_spearman


def test_against_values_worked_out_by_hand():
    # errors 1, 0, -2 with weights 1, 2, 1; the constant 3 is wrong by 2, 0, 1
    m = evaluate([2.0, 3.0, 2.0], [1.0, 3.0, 4.0], baseline=3.0, weight=[1, 2, 1], unit="eV")
    assert m.mae == pytest.approx(3 / 4)
    assert m.rmse == pytest.approx(math.sqrt(5 / 4))
    assert m.baseline_mae == pytest.approx(3 / 4)
    assert m.skill == pytest.approx(0.0)
    # weighted mean 11/4; squares about it: 49/16 + 2/16 + 25/16
    assert m.r2 == pytest.approx(1 - 5 / (76 / 16))
    assert (m.n_rows, m.weight, m.unit) == (3, 4.0, "eV")


def test_a_constant_for_each_row_serves_leaving_one_out():
    m = evaluate([0.0, 0.0], [1.0, 3.0], baseline=[3.0, 1.0])
    assert m.baseline_mae == 2.0


def test_no_metrics_without_the_constant():
    assert inspect.signature(evaluate).parameters["baseline"].default is inspect.Parameter.empty
    assert inspect.signature(Metrics).parameters["baseline_mae"].default is inspect.Parameter.empty
    assert "mean baseline 1.0000" in str(evaluate([0.0, 2.0], [0.0, 2.0], baseline=1.0))


def test_a_perfect_prediction_and_the_constant_itself():
    y = [1.0, 2.0, 4.0]
    perfect = evaluate(y, y, baseline=2.0)
    assert (perfect.mae, perfect.rmse, perfect.r2, perfect.skill) == (0.0, 0.0, 1.0, 1.0)
    assert perfect.spearman == pytest.approx(1.0)
    constant = evaluate([2.0] * 3, y, baseline=2.0)
    assert constant.skill == 0.0
    assert math.isnan(constant.spearman)


def test_errors_change_unit_and_the_rest_stays():
    m = evaluate([0.0, 1.0, 2.5], [0.0, 1.5, 2.0], baseline=1.0, unit="eV")
    n = m.scaled(1000 / 40, "meV/atom")
    assert (n.mae, n.rmse, n.baseline_mae) == (m.mae * 25, m.rmse * 25, m.baseline_mae * 25)
    assert (n.r2, n.spearman, n.skill, n.unit) == (m.r2, m.spearman, m.skill, "meV/atom")


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(1, 9)), min_size=2, max_size=30).filter(
        lambda rows: len({r[0] for r in rows}) > 1 and len({r[1] for r in rows}) > 1
    )
)
def test_weighted_spearman_is_scipys_of_the_repeated_rows(rows):
    x, y, w = (np.array(column) for column in zip(*rows, strict=True))
    repeated = spearmanr(np.repeat(x, w), np.repeat(y, w)).statistic
    assert weighted_spearman(x, y, w) == pytest.approx(repeated, abs=1e-12)


@given(st.integers(1, 12), st.integers(0, 2**31))
def test_top_k_recall_against_sets(k, seed):
    x, y = np.random.default_rng(seed).permutation(24).reshape(2, 12)
    top = top_k_recall(x, y, k)
    assert top.found == sum(1 for i in range(12) if sorted(x).index(x[i]) < k and sorted(y).index(y[i]) < k)
    assert (top.recall, top.by_chance) == (top.found / k, k * k / 12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: evaluate([1.0], [np.nan], baseline=0.0), "target: row 0 is not a finite number"),
        (lambda: evaluate([np.inf], [1.0], baseline=0.0), "prediction: row 0"),
        (lambda: evaluate([1.0], [1.0, 2.0], baseline=0.0), "prediction has 1 values, the target has 2"),
        (lambda: evaluate([], [], baseline=0.0), "at least one value"),
        (lambda: evaluate([1.0], [1.0], baseline=np.nan), "baseline: row 0"),
        (lambda: evaluate([1.0], [1.0], baseline=0.0, weight=[0.0]), "not positive"),
        (lambda: top_k_recall([1.0], [1.0], 2), "k = 2 must be at least 1 and at most"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
