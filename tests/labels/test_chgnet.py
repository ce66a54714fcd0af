"""Shipped CHGNet tables say what CHGNet says now; collected where it is installed, see conftest.py."""

from __future__ import annotations

from pathlib import Path

import pytest

import matganip as mg
from matganip.labels.choosing import chosen_orbits
from matganip.labels.database import LabelDatabase
from matganip.labels.labelling import label
from matganip.workflows.labelling import read_label_study

SHIPPED = Path(mg.__file__).parent / "labels" / "data"


@pytest.mark.parametrize("name", ["cspbi3_br/chgnet_X3of24", "cspbi3_br/chgnet_B4of8"])
def test_three_orbits_are_labelled_again_as_they_were_shipped(tmp_path, name):
    """By the file beside the table; single precision is 1e-7 of 125 eV."""
    described = read_label_study(SHIPPED / f"{name}.toml")
    (space,) = described.spaces(SHIPPED)
    database = LabelDatabase(tmp_path / "labels.db")
    assert label(chosen_orbits(space, 3, seed=1), described.calculator, database).compositions[0].tally.n_stored == 3
    labelled, shipped = database.labelled(space), mg.read_labels(name).join(space)
    energy = {codes.tobytes(): value for codes, value in zip(shipped.occupations, shipped.energy, strict=True)}
    expected = [energy[codes.tobytes()] for codes in labelled.occupations]
    assert labelled.energy == pytest.approx(expected, abs=1e-4)
