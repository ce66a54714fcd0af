"""The file of a batch of DFT runs: which arrangements, with which settings, in which jobs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainSerializer, PlainValidator

from matganip.configurations.notation import Supercell, checked_supercell
from matganip.configurations.space import ConfigurationSpace
from matganip.labels.dft.jobs import JobSettings
from matganip.labels.dft.settings import DftSettings
from matganip.workflows.labelling import SampleSection, spaces_of
from matganip.workflows.reading import read_toml
from matganip.workflows.schema import Count, ParentSection, Section


class DftStudy(Section):
    """A whole batch."""

    name: str = Field(min_length=1, description="What it is called.")
    folder: Path | None = Field(default=None, description="Where the runs go, relative to where it is run.")
    parent: ParentSection = Field(description="The undoped crystal.")
    supercell: Annotated[Supercell, PlainValidator(checked_supercell), PlainSerializer(list)] = Field(
        default=(1, 1, 1), description="Three integers, or a 3x3 integer matrix."
    )
    substitutions: dict[str, dict[str, Count | tuple[Count, ...]]] = Field(
        min_length=1, description="For each sublattice how many of its sites each species takes; a list for several."
    )
    sample: SampleSection | None = Field(default=None, description="A part of each space; without it, all orbits.")
    dft: DftSettings = Field(default=DftSettings(), description="What is computed.")
    job: JobSettings = Field(default=JobSettings(), description="The job scripts.")

    @property
    def named_job(self) -> JobSettings:
        """The job scripts' settings, under the study's name where they have none of their own."""
        return self.job if "name" in self.job.model_fields_set else self.job.replace(name=self.name)

    def spaces(self, base: Path) -> tuple[ConfigurationSpace, ...]:
        """One space for each composition; relative paths start from the folder `base`."""
        return spaces_of(self.parent, self.supercell, self.substitutions, base)


def read_dft_study(path: str | os.PathLike[str]) -> DftStudy:
    """Read and check the file of a batch of DFT runs.

    Parameters
    ----------
    path : path-like
        A TOML file; its keys are those of `DftStudy`.

    Returns
    -------
    DftStudy

    Raises
    ------
    InputError
        If the file is missing or no TOML, or a key is unknown, missing or of a wrong type: one line each.
    """
    return read_toml(path, DftStudy)
