"""The file of a labelling: which arrangements, by which calculator, into which database."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator

from matganip.configurations.notation import Supercell, checked_supercell
from matganip.configurations.series import CompositionSeries
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.prototypes import perovskite
from matganip.crystal.structures import read_structure
from matganip.errors import InputError
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.relaxing import RelaxationSettings
from matganip.workflows.reading import read_toml, toml_data
from matganip.workflows.schema import Count, ParentSection, Section


class SampleSection(Section):
    """A random sample of a space that is too large to label as a whole."""

    number: int = Field(ge=1, description="Distinct orbits of each composition, drawn from uniform arrangements.")
    seed: int = Field(default=0, ge=0, description="Same seed, same sample.")


class OrbitsStudy(Section):
    """What files of labellings and of DFT runs share: which orbits of which spaces."""

    name: str = Field(min_length=1, description="What it is called.")
    parent: ParentSection = Field(description="The undoped crystal.")
    supercell: Annotated[Supercell, PlainValidator(checked_supercell), PlainSerializer(list)] = Field(
        default=(1, 1, 1), description="Three integers, or a 3x3 integer matrix."
    )
    substitutions: dict[str, dict[str, Count | tuple[Count, ...]]] | None = Field(
        default=None,
        min_length=1,
        description="For each sublattice how many of its sites each species takes; a list for several. May be left out "
        "where the file has partial occupancies.",
    )
    sample: SampleSection | None = Field(
        default=None, description="A random sample of each space; without it, all orbits."
    )

    @property
    def number_and_seed(self) -> tuple[int | None, int]:
        """Size and seed of the sample; no size where all orbits are meant."""
        return (None, 0) if self.sample is None else (self.sample.number, self.sample.seed)

    def spaces(self, base: Path) -> tuple[ConfigurationSpace, ...]:
        """One space for each composition; relative paths start from the folder `base`."""
        section = self.parent
        if section.file is not None:
            parent = read_structure(base / section.file, block=section.block)
        else:
            parent = perovskite(section.formula or "", a=section.a or 0.0)
        if parent.is_ordered and not self.substitutions:
            raise InputError("substitutions: missing, and the parent has no partial occupancies")
        wanted: dict[str | tuple[int, ...], dict[str, int | Iterable[int]]] = {
            name: {one: list(n) if isinstance(n, tuple) else n for one, n in species.items()}
            for name, species in (self.substitutions or {}).items()
        }
        return CompositionSeries(
            parent,
            self.supercell,
            wanted,
            symprec=section.symprec,
            site_tolerance=section.site_tolerance,
            min_distance=section.min_distance,
        ).spaces


class LabelStudy(OrbitsStudy):
    """A whole labelling."""

    database: Path = Field(default=Path("labels.db"), description="Where the labels go, relative to where it is run.")
    calculator: CalculatorChoice = Field(description="What computes.")
    relaxation: RelaxationSettings = Field(default=RelaxationSettings(), description="What may move.")


def read_label_study(path: str | os.PathLike[str]) -> LabelStudy:
    """Read and check the file of a labelling.

    Parameters
    ----------
    path : path-like
        A TOML file; its keys are those of `LabelStudy`.

    Returns
    -------
    LabelStudy

    Raises
    ------
    InputError
        If the file is missing or no TOML, or a key is unknown, missing or of a wrong type: one line each.
    """
    return read_toml(path, LabelStudy)


def is_label_study(path: Path) -> bool:
    """Whether a study file describes a labelling: unlike the main job's it names no labels to read."""
    return "labels" not in toml_data(path)
