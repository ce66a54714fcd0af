"""GPAW from end to end; collected where it is installed, see conftest.py and docs/labels.md."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from ase.dft.kpoints import monkhorst_pack
from gpaw.symmetry import Symmetry

import matganip as mg
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.labelling import label
from matganip.workflows.labelling import read_label_study

SHIPPED = Path(mg.__file__).parent / "labels" / "data"


@pytest.mark.slow
def test_three_orbits_differ_by_what_the_shipped_ones_do(tmp_path):
    """Some minutes; 0.02 meV/atom is what relative energies may be off."""
    described = read_label_study(SHIPPED / "cspbi3_br/gpaw_mp2.toml")
    space = described.spaces(SHIPPED)[-1]
    shipped = mg.read_labels("cspbi3_br/gpaw_mp2").join(space)
    # Of the table those whose origin was not moved: the README beside it says why that matters.
    unmoved = mg.ConfigurationBatch(space, shipped.occupations[-3:], shipped.multiplicity[-3:])
    database = LabelDatabase(tmp_path / "labels.db")
    assert label(unmoved, described.calculator, database, workers=2).compositions[0].tally.n_stored == 3
    energy, expected = database.labelled(space).energy, shipped.energy[-3:]
    difference = (energy - energy.mean() - expected + expected.mean()) * 1000 / 40
    assert np.abs(difference).max() < 0.02
    assert np.ptp(expected) * 1000 / 40 > 0.02  # else agreement would say nothing


def test_operations_about_any_point_are_found_without_moving_the_origin(space_3of24):
    """What docs/labels.md says of the setting symmetry: k-points of a 4x4x4 mesh, added over the 19 orbits of 3 Br."""
    mesh = monkhorst_pack((4, 4, 4))

    def n_points(atoms, **settings):
        symmetry = Symmetry(atoms.numbers.tolist(), atoms.cell, [True] * 3, **settings)
        symmetry.analyze(atoms.get_scaled_positions())
        return len(symmetry.reduce(mesh)[0])

    orbits = list(next(space_3of24.orbits()).atoms())
    assert sum(n_points(atoms) for atoms in orbits) == 416
    assert sum(n_points(atoms, symmorphic=False) for atoms in orbits) == 222
    # As few as with the origin moved to the point of highest symmetry, which for these three is not where it was.
    for atoms in (orbits[0], orbits[9], orbits[10]):
        moved = [atoms.copy() for _ in range(27)]
        for one, shift in zip(moved, product((0, 1, 3), repeat=3), strict=True):
            one.set_scaled_positions((atoms.get_scaled_positions() + np.array(shift) / 4) % 1)
        assert min(map(n_points, moved)) == n_points(atoms, symmorphic=False) < n_points(atoms)


@pytest.mark.slow
def test_operations_about_any_point_leave_the_energy_as_it_is(cspbi3, tmp_path):
    """In 20 atoms: 2 k-points instead of 4, and the same energy to a hundred-thousandth of an eV."""
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 1), {"I": {"Br": 2}})
    batch = next(space.orbits())
    one = mg.ConfigurationBatch(space, batch.occupations[4:5], batch.multiplicity[4:5])
    settings = dict(read_label_study(SHIPPED / "cspbi3_br/gpaw_mp2.toml").choice.settings)
    settings |= {"kpts": [2, 2, 4], "nbands": 96}
    database = LabelDatabase(tmp_path / "labels.db")
    energies = []
    for more in ({}, {"symmetry": {"symmorphic": False}}):
        choice = CalculatorChoice("gpaw", settings | more)
        assert label(one, choice, database, workers=1).compositions[0].tally.n_stored == 1
        energies.append(database.labelled(space, "gpaw", choice.recorded).energy[0])
    assert energies[1] == pytest.approx(energies[0], abs=1e-5)
