from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.gan import Matganip
from matganip.learning.ridge import solve_ridge


def obvious(x, y, w, penalty):
    """Normal equations, and n fits with one row left out each."""
    w = w / w.mean()

    def fit(rows, scale):
        a, d = x[rows], w[rows, None]
        return np.linalg.solve(a.T @ (d * a) + scale * np.eye(x.shape[1]), a.T @ (w[rows] * y[rows]))

    singular = np.linalg.svd(np.sqrt(w)[:, None] * x, compute_uv=False)
    scale = penalty * (singular**2).mean()
    rows = np.arange(len(y))
    left_out = np.array([y[i] - x[i] @ fit(rows != i, scale) for i in rows])
    return fit(rows >= 0, scale), np.average(np.abs(left_out), weights=w)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 12), st.integers(1, 12), st.sampled_from([1e-3, 1e-1, 1.0]), st.integers(0, 2**32 - 1))
def test_ridge_equals_the_obvious_one(n, f, penalty, seed):
    rng = np.random.default_rng(seed)
    x, y, w = rng.normal(size=(n, f)), rng.normal(size=n), rng.uniform(0.2, 5.0, n)
    found = solve_ridge(x, y, w, (penalty,))
    coefficients, error = obvious(x, y, w, penalty)
    assert found.coefficients == pytest.approx(coefficients, rel=1e-7, abs=1e-9)
    assert found.left_out_mae == pytest.approx(error, rel=1e-6)


def test_the_penalty_with_the_smallest_left_out_error_is_taken():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(20, 15))
    y = x[:, 0] + rng.normal(size=20)
    grid = (1e-6, 1e-2, 1.0, 100.0)
    errors = {penalty: solve_ridge(x, y, np.ones(20), (penalty,)).left_out_mae for penalty in grid}
    assert solve_ridge(x, y, np.ones(20), grid).penalty == min(errors, key=errors.__getitem__)


def test_a_direction_that_holds_only_rounding_gets_no_coefficient():
    """In 40 rows x_2 is x_0 + x_1 but for rounding; rows from elsewhere are not told apart from it by an invention."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3))
    x[:, 2] = x[:, 0] + x[:, 1]
    y = x[:, 0] + 0.1 * rng.normal(size=40)
    rounded = x + 1e-6 * rng.uniform(-1, 1, x.shape)
    fitted, real = (solve_ridge(rounded, y, np.ones(40), (1e-14,), rounding=n * 1e-6) for n in (0, np.sqrt(120)))
    null = np.array([1, 1, -1]) / np.sqrt(3)
    assert abs(real.coefficients @ null) < 1e-5
    assert abs(fitted.coefficients @ null) > 10
    assert real.coefficients == pytest.approx(
        solve_ridge(x, y, np.ones(40), (1e-14,), rounding=1e-9).coefficients, abs=1e-4
    )
    assert real.left_out_mae == pytest.approx(fitted.left_out_mae, rel=0.2)


def test_nothing_but_rounding_predicts_the_constant():
    solved = solve_ridge(np.full((4, 2), 1e-9), np.array([1.0, -1.0, 2.0, -2.0]), np.ones(4), rounding=1e-6)
    assert solved.coefficients.tolist() == [0.0, 0.0]
    assert solved.left_out.tolist() == [0.0] * 4


def quadratic(n, seed):
    """A property that is a sum of products of two intensities, which only edges hold."""
    rng = np.random.default_rng(seed)
    intensity = rng.uniform(0.2, 1.0, (n, 8))
    matrices = np.einsum("ni,nj->nij", intensity, intensity) + np.multiply.outer(*[np.linspace(0.1, 0.6, 8)] * 2)
    return Dataset(matrices, intensity[:, 1] * intensity[:, 4] - intensity[:, 2] * intensity[:, 6], unit="eV")


@pytest.mark.parametrize("objective", ["supervised", "non_saturating"])
def test_a_solved_readout_of_edges_learns_what_vertices_cannot_hold(objective):
    train, test = quadratic(80, 0), quadratic(40, 1)
    changes = {"objective": objective, "epochs": 20, "correction_gain": 0.01}
    solved, trained = (Matganip(MatganipConfig(n_peaks=8, readout_fit=fit, **changes)) for fit in ("ridge", "adam"))
    for model in (solved, trained):
        model.fit(train)
    found = solved.evaluate(test)
    assert found.mae < 0.05 * found.baseline_mae
    assert found.mae < 0.2 * trained.evaluate(test).mae


def test_training_leaves_a_solved_readout_as_it_is(tmp_path):
    data = quadratic(30, 2)
    first, last = (Matganip(MatganipConfig(n_peaks=8, readout_fit="ridge", epochs=epochs)) for epochs in (1, 30))
    for model in (first, last):
        model.fit(data)
    assert first.generator.solved.weight.equal(last.generator.solved.weight)
    last.save(tmp_path)
    assert Matganip.load(tmp_path).predict(data.matrices).tobytes() == last.predict(data.matrices).tobytes()
