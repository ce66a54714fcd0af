"""The file of a labelling: which arrangements, by which calculator, into which database."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
from pydantic import Field, PlainSerializer, PlainValidator

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.notation import Supercell, checked_supercell
from matganip.configurations.series import CompositionSeries
from matganip.configurations.space import ConfigurationSpace
from matganip.crystal.prototypes import perovskite
from matganip.crystal.structures import read_structure
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.relaxing import RelaxationSettings
from matganip.workflows.reading import read_toml, toml_data
from matganip.workflows.schema import Count, ParentSection, Section

M = TypeVar("M", bound=Section)


class SampleSection(Section):
    """A part of a space that is too large to label as a whole."""

    number: int = Field(ge=1, description="Distinct orbits of each composition, drawn from uniform arrangements.")
    seed: int = Field(default=0, ge=0, description="Same seed, same sample.")


class LabelStudy(Section):
    """A whole labelling."""

    name: str = Field(min_length=1, description="What it is called.")
    database: Path = Field(default=Path("labels.db"), description="Where the labels go, relative to where it is run.")
    parent: ParentSection = Field(description="The undoped crystal.")
    supercell: Annotated[Supercell, PlainValidator(checked_supercell), PlainSerializer(list)] = Field(
        default=(1, 1, 1), description="Three integers, or a 3x3 integer matrix."
    )
    substitutions: dict[str, dict[str, Count | tuple[Count, ...]]] = Field(
        min_length=1, description="For each sublattice how many of its sites each species takes; a list for several."
    )
    sample: SampleSection | None = Field(default=None, description="A part of each space; without it, all orbits.")
    calculator: CalculatorChoice = Field(description="What computes.")
    relaxation: RelaxationSettings = Field(default=RelaxationSettings(), description="What may move.")

    def spaces(self, base: Path) -> tuple[ConfigurationSpace, ...]:
        """One space for each composition; relative paths start from the folder `base`."""
        return spaces_of(self.parent, self.supercell, self.substitutions, base)


def spaces_of(
    section: ParentSection,
    supercell: Supercell,
    substitutions: Mapping[str, Mapping[str, int | tuple[int, ...]]],
    base: Path,
) -> tuple[ConfigurationSpace, ...]:
    """One space for each composition that a study file asks for; relative paths start from the folder `base`."""
    if section.file is not None:
        parent = read_structure(base / section.file)
    else:
        parent = perovskite(section.formula or "", a=section.a or 0.0)
    wanted = {
        name: {one: list(n) if isinstance(n, tuple) else n for one, n in species.items()}
        for name, species in substitutions.items()
    }
    return CompositionSeries(parent, supercell, wanted, symprec=section.symprec).spaces


def batch_of(space: ConfigurationSpace, number: int | None = None, seed: int = 0) -> ConfigurationBatch:
    """The orbits of a space that are labelled: all, or the first distinct ones of a fair sample of arrangements.

    Parameters
    ----------
    space : ConfigurationSpace
        The space.
    number : int, optional
        How many; all by default, and where there are no more.
    seed : int
        Same seed, same orbits.

    Returns
    -------
    ConfigurationBatch

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> len(batch_of(space)), len(batch_of(space, 25))
    (603, 25)
    """
    if number is None or number >= space.count_orbits():
        batches = list(space.orbits())
        return ConfigurationBatch(
            space,
            np.concatenate([batch.occupations for batch in batches]),
            np.concatenate([batch.multiplicity for batch in batches]),
        )
    draws, first = 20 * number, np.empty(0, dtype=np.int64)
    while len(first) < number:
        drawn = space.sample_configurations(draws, seed=seed)
        first = np.sort(np.unique(drawn.occupations, axis=0, return_index=True)[1])[:number]
        draws *= 4
    return ConfigurationBatch(space, drawn.occupations[first], drawn.multiplicity[first])


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
