"""Families of hkl beside a twin that sorts with NumPy and loops over the reflections."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matganip import _core
from matganip.features.families import Families
from matganip.features.reflections import families_of

peaks_of_hkl = st.lists(st.lists(st.tuples(*[st.integers(-3, 3)] * 3), max_size=12), max_size=6)


def twin(peaks: list[list[tuple[int, ...]]], hexagonal: bool) -> list[list[dict[str, object]]]:
    """By the definition: largest member and number of each set whose indices are alike but for order and sign."""
    found = []
    for peak in peaks:
        kinds: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for h, k, l in peak:  # noqa: E741
            indices = (h, k, -h - k, l) if hexagonal else (h, k, l)
            kinds.setdefault(tuple(sorted(map(abs, indices))), []).append(indices)
        families = [{"hkl": max(members), "multiplicity": 2 * len(members)} for members in kinds.values()]
        found.append(sorted(families, key=lambda family: family["hkl"], reverse=True))
    return found


@given(peaks_of_hkl, st.booleans())
def test_families_are_those_of_the_twin(peaks, hexagonal):
    hkl = np.array([row for peak in peaks for row in peak], dtype=np.int16).reshape(-1, 3)
    ends = np.cumsum([0, *map(len, peaks)])
    assert families_of(hkl, ends, hexagonal) == twin(peaks, hexagonal)


def test_families_are_a_sequence_that_is_sorted_out_once():
    families = Families(np.array([[1, 0, 0], [0, 1, 0]], dtype=np.int16), np.array([1, 1]), np.diag([4.0, 5.0, 6.0]))
    assert list(families) == [families[0], families[1]] == families[:2]
    assert families[0] is families[0]


@pytest.mark.parametrize("ends", [[0, 1], [1, 2], [0, 3, 2], []])
def test_ends_that_do_not_fit_are_refused(ends):
    with pytest.raises(ValueError, match="ends: must rise from 0 to the number of reflections"):
        _core.reflection_families(np.ones((2, 3), dtype=np.int32), np.array(ends, dtype=np.int64), hexagonal=False)


def test_other_arrays_are_refused():
    ends = np.array([0, 2])
    with pytest.raises(ValueError, match=r"hkl must be \(n, 3\)"):
        _core.reflection_families(np.ones((2, 4), dtype=np.int32), ends, hexagonal=False)
    with pytest.raises(ValueError, match="hkl must be of dtype int32"):
        _core.reflection_families(np.ones((2, 3)), ends, hexagonal=False)
