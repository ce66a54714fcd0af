"""Relaxations from several starts."""

import numpy as np
import pytest

import matganip as mg
from matganip.labels.calculation import Calculation
from matganip.labels.database import LabelDatabase
from matganip.labels.starts import of_several_starts


def relaxed(structure, energy, start, rattle=0.1):
    settings = {"model": "toy", "rattle": rattle, "start": start}
    return Calculation(structure, energy, calculator="toy", settings=settings, relaxation="positions")


@pytest.fixture
def database(tmp_path, space_3of24):
    """Nineteen orbits from start 0, the last one not from start 1; start 1 ends lower on every other orbit."""
    found = LabelDatabase(tmp_path / "labels.db", durable=False)
    for k, row in enumerate(next(space_3of24.orbits()).occupations):
        structure = space_3of24.structure(row)
        found.add(space_3of24, row, relaxed(structure, -100.0 - k, 0))
        if k < 18:
            found.add(space_3of24, row, relaxed(structure, -100.0 - k + (0.04 if k % 2 else -0.08), 1))
    return found


def test_the_lowest_of_each_orbit_and_the_scatter(database, space_3of24):
    found = of_several_starts(database, space_3of24)
    number = {row.tobytes(): k for k, row in enumerate(next(space_3of24.orbits()).occupations)}
    k = np.array([number[row.tobytes()] for row in found.lowest.occupations])
    assert sorted(k) == list(range(18))
    np.testing.assert_allclose(found.lowest.energy, -100.0 - k - np.where(k % 2, 0.0, 0.08))
    np.testing.assert_allclose(found.spread, np.where(k % 2, 0.04, 0.08) / 40)
    half = np.average(np.where(k % 2, 0.02, 0.04) / 40, weights=found.lowest.multiplicity)
    assert found.scatter == pytest.approx(half)


def test_what_has_no_starts_or_several_kinds_is_refused(database, space_3of24, cspbi3):
    other = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"I": {"Br": 1}})
    with pytest.raises(mg.InputError, match="none has several starts"):
        of_several_starts(database, other)
    row = next(space_3of24.orbits()).occupations[0]
    for start in (0, 1):
        database.add(space_3of24, row, relaxed(space_3of24.structure(row), -1.0, start, rattle=0.2))
    with pytest.raises(mg.InputError, match="2 kinds of labels have several starts"):
        of_several_starts(database.path, space_3of24)
