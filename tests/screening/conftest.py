"""A small model in a folder, as `matganip train` leaves it, and a space that is screened whole in a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import matganip as mg
from matganip.features.settings import DiffractionSettings
from matganip.learning.card import Card
from matganip.learning.dataset import Dataset
from matganip.learning.representation import representation


def write_model(folder: Path, space, parent, *, seed: int = 0, epochs: int = 30, n_peaks: int = 28) -> Path:
    """Train on 120 orbits of 6 Br of 24 and write model and card."""
    section = DiffractionSettings(resolution="resolved", n_peaks=n_peaks)
    rows = mg.read_labels("cspbi3_br/chgnet_X6of24").join(space)
    represent = representation(section, space)
    data = Dataset(represent(rows.occupations), rows.energy / rows.n_atoms, rows.multiplicity, unit="eV/atom")
    chosen = np.random.default_rng(seed).permutation(len(data))[:120]
    config = mg.MatganipConfig(epochs=epochs, seed=seed, objective="supervised", n_peaks=n_peaks, learning_rate=0.01)
    model = mg.Matganip(config)
    model.fit(data.subset(chosen))
    model.save(folder)
    card = Card(
        diffraction=section,
        parent=parent,
        symprec=0.01,
        supercell=(2, 2, 2),
        substitutions={"I": {"Br": 6}},
        positions=represent.vertex_positions,
        readout=config.readout_fit,
        calculator=rows.calculator,
        table="cspbi3_br/chgnet_X6of24",
        species=space.species,
        trained_on=(),
    )
    card.write(folder)
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, space_6of24, cspbi3) -> Path:
    return write_model(tmp_path_factory.mktemp("trained") / "model", space_6of24, cspbi3)


@pytest.fixture(scope="session")
def other_model(tmp_path_factory, space_6of24, cspbi3) -> Path:
    """Of another seed and other rows."""
    return write_model(tmp_path_factory.mktemp("trained") / "other", space_6of24, cspbi3, seed=1)
