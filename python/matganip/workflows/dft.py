"""The file of a batch of DFT runs: which arrangements, with which settings, in which jobs."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from matganip.labels.dft.jobs import JobSettings
from matganip.labels.dft.settings import DftSettings
from matganip.workflows.labelling import OrbitsStudy
from matganip.workflows.reading import read_toml


class DftStudy(OrbitsStudy):
    """A whole batch."""

    folder: Path | None = Field(default=None, description="Where the runs go, relative to where it is run.")
    dft: DftSettings = Field(default=DftSettings(), description="What is computed.")
    job: JobSettings = Field(default=JobSettings(), description="The job scripts.")

    @property
    def named_job(self) -> JobSettings:
        """The job scripts' settings, under the study's name where they have none of their own."""
        return self.job if "name" in self.job.model_fields_set else self.job.replace(name=self.name)


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
