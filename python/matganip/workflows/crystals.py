"""The study file of crystals: which, how they become graphs, what learns, and what is asked of it afterwards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from matganip.features.powder.crystal_peaks import CrystalInput
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
    anions: tuple[str, ...] | None = Field(default=None, min_length=1, description="On X; all by default.")
    cations: tuple[str, ...] | None = Field(default=None, min_length=2, description="On A and B; all by default.")
    convention: Literal["effective", "crystal"] = Field(
        default="effective", description="Radii of the tolerance factor, as `matganip.tolerance_factor` has them."
    )


class InputSection(Section):
    """How a crystal becomes a graph."""

    n_peaks: int = Field(default=16, ge=4, description="Vertices.")
    vertices: Literal["families", "angle"] = Field(
        default="families", description="Families of the ideal cubic cell, or the first peaks by angle."
    )
    intensities: Literal["absolute", "scaled"] = Field(
        default="absolute", description="Absolute per formula unit, or scaled to 100."
    )
    radiation: str = Field(default="CuKa", description="Name of a laboratory line.")

    def made(self) -> CrystalInput:
        """As the library takes it."""
        return CrystalInput(**self.model_dump())


class NetworksSection(Section):
    """The networks: what differs from `matganip.learning.crystals.CONFIG` most often."""

    conv_channels: tuple[int, int] = Field(default=CONFIG.conv_channels, description="After Conv1 and Conv2 of G.")
    kernel_size: int = Field(default=CONFIG.kernel_size, description="Side of both convolutions' kernels; odd.")
    readout_sizes: tuple[int, ...] = Field(
        default=CONFIG.readout_sizes, description="Hidden layers between the vertices and the sum that predicts."
    )
    objective: Literal["minimax", "non_saturating", "least_squares", "wasserstein", "supervised"] = Field(
        default="supervised", description="The losses."
    )
    supervised_weight: float = Field(default=CONFIG.supervised_weight, ge=0, description="Beside an adversarial loss.")
    epochs: int = Field(default=CONFIG.epochs, ge=1, description="Passes over the training set.")
    batch_size: int = Field(default=CONFIG.batch_size, ge=1, description="Rows of a step.")
    learning_rate: float = Field(default=CONFIG.learning_rate, gt=0, description="Adam's.")
    members: int = Field(default=2, ge=2, description="Networks whose mean predicts.")


class DoublePerovskitesSection(Section):
    """The map of figure 5: what is asked of the trained model."""

    formulas: tuple[str, ...] = Field(default=PAPER, min_length=1, description="Cs2BB'X6; the paper's by default.")
    calculator: str | None = Field(
        default="chgnet", description="Whose energies stand beside the factor: a calculator of `matganip label`."
    )


class CrystalStudy(Section):
    """A study of crystals."""

    name: str = Field(min_length=1, description="What the study is called.")
    kind: Literal["crystals"] = Field(description='"crystals" tells it from a study of arrangements.')
    seed: int = Field(default=0, ge=0, lt=2**32, description="Of the split and the networks.")
    output: Path | None = Field(default=None, description="Folder for the results; --output wins.")
    crystals: CrystalsSection = Field(default=CrystalsSection(), description="Which crystals.")
    input: InputSection = Field(default=InputSection(), description="How they become graphs.")
    model: NetworksSection = Field(default=NetworksSection(), description="What learns.")
    double_perovskites: DoublePerovskitesSection | None = Field(
        default=None, description="What is asked afterwards; nothing without it."
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
