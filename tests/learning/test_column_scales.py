"""A scale for each column: its gradient against differences, and what it is for."""

import numpy as np
import pytest

from matganip.learning.column_scales import Scales, _inverse, _left_out, own_scales
from matganip.learning.solving import FOLDS, Columns, Solver, solve


def slow_left_out(settings, x, y, w, intercept):
    """Errors by leaving each row out and solving again."""
    scale, linear, penalty = settings[:-2], settings[-2], settings[-1]
    u = scale * x

    def kernel(a, b):
        return linear * (a @ b) + 1.0 / (1.0 + ((a - b) ** 2).sum()) + intercept

    error = []
    for out in range(len(y)):
        rest = [row for row in range(len(y)) if row != out]
        gram = np.array([[kernel(u[i], u[j]) for j in rest] for i in rest]) + np.diag(penalty / w[rest])
        across = np.array([kernel(u[out], u[j]) for j in rest])
        error.append(y[out] - across @ np.linalg.solve(gram, y[rest]))
    return np.array(error)


@pytest.fixture
def rows():
    draw = np.random.default_rng(0)
    x, y, w = draw.normal(size=(25, 4)), draw.normal(size=25), draw.uniform(0.5, 2.0, 25)
    return x, y, w, np.array([0.3, 0.5, 0.2, 0.7, 2.0, 0.01])


def test_errors_are_those_of_rows_left_out(rows):
    x, y, w, settings = rows
    np.testing.assert_allclose(_left_out(settings, x, y, w, 10.0)[0], slow_left_out(settings, x, y, w, 10.0), rtol=1e-6)


def test_the_gradient_is_that_of_differences(rows):
    x, y, w, settings = rows
    logs = np.log(settings)

    def loss(at):
        return float(w @ np.sqrt(slow_left_out(np.exp(at), x, y, w, 10.0) ** 2 + 0.01))

    error, pull = _left_out(settings, x, y, w, 10.0)
    found = pull(w * error / np.sqrt(error**2 + 0.01))
    step = 1e-5 * np.eye(len(logs))
    expected = [(loss(logs + one) - loss(logs - one)) / 2e-5 for one in step]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_columns_that_carry_nothing_lose_their_scale():
    draw = np.random.default_rng(1)
    x = draw.uniform(-1.0, 1.0, (80, 4))
    y = np.sin(3.0 * x[:, 0]) + 0.5 * x[:, 1] ** 2
    found = own_scales(x, y - y.mean(), np.ones(80), Scales(np.array([0.3, 0.3, 0.3, 0.0]), 1.0, 1e-3), 10.0)
    assert found.scale[0] > 3.0 * found.scale[2]
    assert found.scale[3] == 0.0


@pytest.mark.parametrize("kind", ["linear", "curved", "scaled"])
def test_rows_of_a_fold_have_no_part_in_what_predicts_them(kind):
    draw = np.random.default_rng(2)
    x, y, w = 100.0 * draw.random((40, 2)), draw.normal(size=40), np.ones(40)
    columns = Columns(np.full(2, 2), np.zeros(2))
    before = Solver(x, y, w, columns).held_out(kind)
    assert sorted(np.concatenate([rows for rows, _, _ in before]).tolist()) == list(range(40))
    assert len(before) == FOLDS
    out, _, unseen = before[0]
    changed = y.copy()
    changed[out[0]] += 5.0
    _, _, after = Solver(x, changed, w, columns).held_out(kind)[0]
    assert np.isclose(after.error[0] - unseen.error[0], 5.0)  # the prediction stays
    np.testing.assert_allclose(after.error[1:], unseen.error[1:])
    assert (unseen.variance > 0).all()


def test_a_bent_function_of_one_column_among_many_needs_few_rows():
    draw = np.random.default_rng(3)
    x = 100.0 * draw.random((150, 8))
    y = 0.002 * np.cos(x[:, 0] / 12.0) + 1e-4 * x[:, 1]
    columns, w = Columns(np.full(8, 2), np.zeros(8)), np.ones(120)
    fit = solve(x[:120], y[:120], w, columns)
    error = np.abs(fit.predict(x[120:])[0] - y[120:]).mean()
    straight = solve(x[:120], y[:120], w, columns, curved=False)
    assert error < 0.1 * np.abs(straight.predict(x[120:])[0] - y[120:]).mean()
    assert np.abs(fit.left_out).mean() > 0.3 * error  # what it says of itself is not better than it is


@pytest.mark.parametrize("size", [1, 7, 60])
def test_the_inverse_is_that_of_numpy(size):
    half = np.random.default_rng(size).normal(size=(size, size + 2))
    kernel = half @ half.T + 0.1 * np.eye(size)
    np.testing.assert_allclose(_inverse(kernel), np.linalg.inv(kernel), rtol=1e-8, atol=1e-10)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        _inverse(kernel - 2.0 * np.trace(kernel) * np.eye(size))
