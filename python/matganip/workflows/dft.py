"""The file of a batch of DFT runs: which arrangements, with which settings, in which jobs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator

from matganip.configurations.space import ConfigurationSpace
from matganip.labels.calculation import Relaxation
from matganip.labels.dft.jobs import Job
from matganip.labels.dft.settings import Code, DftSettings
from matganip.workflows.labelling import SampleSection, spaces_of
from matganip.workflows.reading import read_toml
from matganip.workflows.schema import Count, ParentSection, Section, Supercell, checked_supercell

_DEFAULTS = DftSettings()
_JOB = Job()


class DftSection(Section):
    """What is computed, by which code."""

    code: Code = Field(default=_DEFAULTS.code, description="vasp, gpaw or espresso.")
    relaxation: Relaxation = Field(default="static", description='"static", "positions" or "cell" (atoms and cell).')
    encut: float = Field(default=_DEFAULTS.encut, description="Cut-off of the plane waves, in eV.")
    ediff_per_atom: float = Field(
        default=_DEFAULTS.ediff_per_atom, description="Where the electronic loop ends, in eV per atom."
    )
    fmax: float = Field(default=_DEFAULTS.fmax, description="Where a relaxation ends: largest force, eV/angstrom.")
    max_steps: int = Field(default=_DEFAULTS.max_steps, description="Steps of a relaxation.")
    kpoint_density: float = Field(
        default=_DEFAULTS.kpoint_density, description="k-points per volume of the reciprocal cell, cubic angstrom."
    )
    kpoints: tuple[int, int, int] | None = Field(default=None, description="The mesh itself, [4, 4, 4].")
    incar: dict[str, Any] = Field(default={}, description="VASP: INCAR keys that override.")
    potcar: dict[str, str] = Field(default={}, description='VASP: POTCAR symbols that override, { Pb = "Pb" }.')
    potcar_functional: str = Field(default=_DEFAULTS.potcar_functional, description="VASP: family of the POTCARs.")
    gpaw: dict[str, Any] = Field(default={}, description="GPAW: keyword arguments.")
    pseudopotentials: dict[str, str] = Field(default={}, description="Quantum ESPRESSO: file of each element.")
    input_data: dict[str, Any] = Field(default={}, description="Quantum ESPRESSO: keys that override.")


class JobSection(Section):
    """The job scripts."""

    name: str | None = Field(default=None, description="Of the job; the study's name without it.")
    command: str | None = Field(default=None, description='What runs the code, "srun vasp_std".')
    time: str = Field(default=_JOB.time, description="Limit of a task.")
    nodes: int = Field(default=_JOB.nodes, description="Of a task.")
    ntasks: int = Field(default=_JOB.ntasks, description="Of a task.")
    cpus_per_task: int = Field(default=_JOB.cpus_per_task, description="Of a task.")
    partition: str | None = Field(default=None, description="Of the queue.")
    account: str | None = Field(default=None, description="Of the queue.")
    directives: tuple[str, ...] = Field(default=(), description='More options for #SBATCH, "--mem=64G".')
    setup: tuple[str, ...] = Field(default=(), description='Lines of shell before the runs, "module load vasp".')
    max_tasks: int = Field(default=_JOB.max_tasks, description="Tasks of an array at most.")
    at_once: int | None = Field(default=None, description="Tasks that run at once at most.")
    custodian: bool = Field(default=False, description="Run VASP under custodian's error handlers.")


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
    dft: DftSection = Field(default=DftSection(), description="What is computed.")
    job: JobSection = Field(default=JobSection(), description="The job scripts.")

    @property
    def settings(self) -> DftSettings:
        """The settings."""
        return DftSettings(**dict(self.dft))

    @property
    def jobs(self) -> Job:
        """What the job scripts say."""
        return Job(**{**dict(self.job), "name": self.job.name or self.name})

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
