from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import matganip as mg
from matganip.errors import InputError
from matganip.thermodynamics.mixing import fractions, mixing_energies


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=9))
def test_hull_against_all_pairs(values) -> None:
    x = np.linspace(0, 1, len(values))
    found = mixing_energies(x, values)
    assert found.mixing[[0, -1]].tolist() == [0, 0]
    for k in range(len(x)):
        # The hull at x_k: the lowest of all lines through two compositions around it, and of the point itself.
        lines = [
            found.mixing[i] + (found.mixing[j] - found.mixing[i]) * (x[k] - x[i]) / (x[j] - x[i])
            for i in range(k + 1)
            for j in range(k, len(x))
            if i < j
        ]
        assert found.above_hull[k] == pytest.approx(found.mixing[k] - min([*lines, found.mixing[k]]), abs=1e-12)


def test_fractions_of_a_series() -> None:
    series = mg.CompositionSeries(mg.perovskite("CsPbI3", a=6.289), (2, 1, 1), {"I": {"Br": range(0, 7, 3)}})
    assert fractions(series.spaces)[0] == "Br on I"
    assert fractions(series.spaces)[1].tolist() == [0, 0.5, 1]
    two = mg.CompositionSeries(mg.perovskite("CsPbI3", a=6.289), (2, 1, 1), {"I": {"Br": [1, 2], "Cl": [0, 1]}})
    with pytest.raises(InputError, match="Cl on I and Br on I"):
        fractions(two.spaces)


def test_refusals() -> None:
    for x, e, message in (
        ([0.0], [1.0], "two or more"),
        ([0, 0.5, 0.5], [1, 1, 1], "the same, 0.5"),
        ([0, 1], [np.nan, 1], "finite"),
    ):
        with pytest.raises(InputError, match=message):
            mixing_energies(x, e)
