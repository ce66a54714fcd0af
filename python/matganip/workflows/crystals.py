"""The study file of crystals: which ones, their graphs, the networks, and what is asked of the trained model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from matganip.features.powder.crystal_peaks import CrystalInput
from matganip.learning.config import NetworkSettings, Objective
from matganip.learning.crystals import CONFIG
from matganip.workflows.reading import read_toml, toml_data
from matganip.workflows.schema import Section

PAPER = (
    *(f"Cs2Sn{b}I6" for b in ("Ca", "Ti", "V", "Mn", "Fe", "Ni", "Cu", "Zn")),
    *(f"Cs2{b}6" for b in ("AgSbBr", "AgBiBr", "AgInBr", "AgTlBr", "InBiBr", "TlSbBr", "TlBiBr")),
)
"""The fifteen double perovskites of the paper's figure 5."""


class CrystalsSection(Section):
    """Which crystals, and their property."""

    generate: Literal["abx3"] = Field(default="abx3", description="Every neutral ABX3 that radii allow.")
    anions: tuple[str, ...] | None = Field(default=None, min_length=1, description="Elements on X; all by default.")
    cations: tuple[str, ...] | None = Field(
        default=None, min_length=2, description="Elements on A and B; all by default."
    )
    convention: Literal["effective", "crystal"] = Field(
        default="effective", description="Radii, as for `matganip.tolerance_factor`."
    )


class CrystalNetworks(NetworkSettings):
    """The networks: `matganip.learning.crystals.CONFIG` but for the keys that are given."""

    conv_channels: tuple[int, int] = CONFIG.conv_channels
    readout_fit: Literal["kernel", "linear", "ridge", "adam"] = CONFIG.readout_fit
    readout_sizes: tuple[int, ...] = CONFIG.readout_sizes
    readout_gain: float = CONFIG.readout_gain
    correction_gain: float = CONFIG.correction_gain
    objective: Objective = CONFIG.objective
    epochs: int = CONFIG.epochs
    batch_size: int = CONFIG.batch_size
    learning_rate: float = CONFIG.learning_rate
    evaluate_every: int = CONFIG.evaluate_every
    members: int = Field(default=2, ge=2, description="Networks whose mean predicts.")


class DoublePerovskitesSection(Section):
    """The map of figure 5, drawn by the trained model."""

    formulas: tuple[str, ...] = Field(
        default=PAPER, min_length=1, description="Cs2BB'X6; the paper's fifteen by default."
    )
    calculator: str | None = Field(
        default="chgnet", description="Calculator of the energies beside the factor, as for `matganip label`."
    )


class CrystalStudy(Section):
    """A study of crystals."""

    name: str = Field(min_length=1, description="What the study is called.")
    kind: Literal["crystals"] = Field(description='"crystals" tells it from a study of arrangements.')
    seed: int = Field(default=0, ge=0, lt=2**32, description="Seed of the split and of the networks.")
    output: Path | None = Field(default=None, description="Folder for the results; --output overrides it.")
    crystals: CrystalsSection = Field(default=CrystalsSection(), description="Which crystals.")
    input: CrystalInput = Field(default=CrystalInput(), description="How a crystal becomes a graph.")
    model: CrystalNetworks = Field(default=CrystalNetworks(), description="The networks.")
    double_perovskites: DoublePerovskitesSection | None = Field(
        default=None, description="The map of figure 5; none without this section."
    )


def is_crystal_study(path: Path) -> bool:
    """Whether a study file is of crystals: it says so by its `kind`."""
    return toml_data(path).get("kind") == "crystals"


def read_crystal_study(path: str | os.PathLike[str]) -> CrystalStudy:
    """Read and check the file of a study of crystals.

    Raises
    ------
    InputError
        If the file is missing or no TOML, or a key is unknown, missing or of a wrong type: one line each.
    """
    return read_toml(path, CrystalStudy)
