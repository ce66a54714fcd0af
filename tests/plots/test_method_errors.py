"""Errors of several methods: a point for each seed and one for the mean."""

from __future__ import annotations

import numpy as np
import pytest

from matganip.errors import InputError
from matganip.plots import method_errors


def test_every_seed_and_the_mean_stand_where_they_belong(ax):
    method_errors(["mean baseline", "ours"], [[0.4, 0.6], [0.01, np.nan]], label="MAE, eV", ax=ax)
    seeds, mean = ax.collections[2:]
    assert seeds.get_offsets()[:1].tolist() == [[0.01, 1.0]]
    assert mean.get_offsets().tolist() == [[0.01, 1.0]]
    assert ax.lines[0].get_xdata()[0] == pytest.approx(0.5)  # the mean baseline
    assert ax.get_xscale() == "log"
    assert ax.get_ylim() == (1.5, -0.5)  # the first on top


def test_an_error_of_nothing_has_a_linear_axis(ax):
    assert method_errors(["a"], [[0.0, 1.0]], label="MAE", ax=ax).get_xscale() == "linear"


def test_methods_without_errors_are_refused(ax):
    with pytest.raises(InputError, match="2 methods need a row of errors each"):
        method_errors(["a", "b"], [[1.0]], label="MAE", ax=ax)
