from __future__ import annotations

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.learning.baselines import ConstantBaseline, KernelRidgeBaseline, RidgeBaseline

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 3)) * (1.0, 10.0, 0.1) + 4.0
WEIGHT = RNG.integers(1, 9, 60).astype(float)


def test_the_constant_is_the_weighted_mean():
    baseline = ConstantBaseline()
    baseline.fit(X, X[:, 0], WEIGHT)
    assert baseline.predict(X[:2]) == pytest.approx([np.average(X[:, 0], weights=WEIGHT)] * 2)


@pytest.mark.parametrize(("baseline", "error"), [(RidgeBaseline(), 1e-6), (KernelRidgeBaseline(), 0.05)])
def test_a_linear_function_is_found_and_a_constant_feature_ignored(baseline, error):
    features = np.concatenate([X, np.full((60, 1), 7.0)], axis=1)
    target = -120.0 + X @ (1.0, 0.2, 3.0)
    baseline.fit(features[:50], target[:50], WEIGHT[:50])
    assert np.abs(baseline.predict(features[50:]) - target[50:]).mean() < error


def test_a_kernel_finds_what_ridge_cannot():
    target = np.sin(2.0 * X[:, 0])
    errors = []
    for baseline in (RidgeBaseline(), KernelRidgeBaseline()):
        baseline.fit(X[:50, :1], target[:50], WEIGHT[:50])
        errors.append(np.abs(baseline.predict(X[50:, :1]) - target[50:]).mean())
    assert errors[1] < 0.2 * errors[0]


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(InputError, match="at least 2 rows"):
        RidgeBaseline().fit(X[:1], X[:1, 0], WEIGHT[:1])
    with pytest.raises(InputError, match="not finite"):
        ConstantBaseline().fit(X, np.full(60, np.nan), WEIGHT)
