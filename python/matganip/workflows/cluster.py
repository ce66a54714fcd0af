"""The file that describes a cluster, and the client of one: a scheduler's address, or a batch system through dask."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, model_validator

from matganip.errors import InputError, require
from matganip.workflows.schema import Section

if TYPE_CHECKING:
    from distributed import Client

CLASSES = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "oar": "OARCluster",
    "moab": "MoabCluster",
    "htcondor": "HTCondorCluster",
}
"""Batch systems by dask-jobqueue's classes for them."""
PATIENCE = "30s"
ANY_PORT = ":0"
"""Of the scheduler's own web page: the usual one may be another user's on a login node."""


class ClusterFile(Section):
    """Where the workers come from."""

    kind: Literal["slurm", "pbs", "sge", "lsf", "oar", "moab", "htcondor", "local"] = Field(
        description='The batch system, or "local": processes of this machine.'
    )
    workers: int | None = Field(default=None, ge=1, description="Number of workers, one core each.")
    minimum: int = Field(default=0, ge=0, description="With maximum: so many workers are kept, and no fewer.")
    maximum: int | None = Field(
        default=None, ge=1, description="Ask for workers as there is work, up to so many, instead of a fixed number."
    )
    job: dict[str, Any] = Field(
        default={},
        description="Keyword arguments of dask-jobqueue's cluster: cores, memory, walltime, queue, account, "
        "job_extra_directives, job_script_prologue ... One worker is started for each core.",
    )

    @model_validator(mode="after")
    def _one_size(self) -> ClusterFile:
        if (self.workers is None) == (self.maximum is None):
            raise ValueError("give either workers, a fixed number, or maximum (and minimum), one of the two")
        if self.kind == "local" and self.job:
            raise ValueError("job: a local cluster has no jobs")
        return self


def read_cluster_file(path: Path) -> ClusterFile:
    """Read and check the description of a cluster.

    Parameters
    ----------
    path : pathlib.Path
        TOML; its keys are those of `ClusterFile`.

    Raises
    ------
    InputError
        If it is missing, no TOML, or a key is unknown, missing or wrong.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error
    try:
        return ClusterFile.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        known = ", ".join(ClusterFile.model_fields)
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        what = f"unknown key; known are {known}" if first["type"] == "extra_forbidden" else first["msg"]
        raise InputError(f"{path}: {key + ': ' if key else ''}{what.removeprefix('Value error, ')}") from None


@contextmanager
def client_of(scheduler: str | None = None, cluster: Path | None = None) -> Iterator[Client]:
    """Connect to a scheduler that runs, or start a cluster; what was started is ended with the context.

    Parameters
    ----------
    scheduler : str, optional
        Address, ``tcp://host:8786``.
    cluster : pathlib.Path, optional
        A file that `read_cluster_file` reads; one of the two is given.

    Yields
    ------
    distributed.Client

    Raises
    ------
    InputError
        If nobody answers at the address, or the batch system does not take the job.
    MissingExtraError
        If dask is not installed.
    """
    require("distributed", "cluster")
    from distributed import Client

    if scheduler is not None:
        try:
            client = Client(scheduler, timeout=PATIENCE)
        except (OSError, ValueError) as error:
            raise InputError(
                f"--scheduler {scheduler}: no dask scheduler answers there within {PATIENCE}: {_first_line(error)}"
            ) from error
        with client:
            yield client
        return
    if cluster is None:
        raise InputError("either the address of a scheduler or the file of a cluster is needed")
    described = read_cluster_file(cluster)
    with _started(described, cluster) as made, Client(made, timeout=PATIENCE) as client:
        if described.maximum is None:
            made.scale(described.workers)
        else:
            made.adapt(minimum=described.minimum, maximum=described.maximum)
        yield client


def _started(described: ClusterFile, path: Path) -> Any:
    """The cluster, without workers yet."""
    if described.kind == "local":
        from distributed import LocalCluster

        return LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=ANY_PORT)
    require("dask_jobqueue", "cluster")
    import dask_jobqueue

    job = {"processes": described.job.get("cores", 1), **described.job}
    job["scheduler_options"] = {"dashboard_address": ANY_PORT, **job.get("scheduler_options", {})}
    if job["processes"] != job.get("cores"):
        raise InputError(
            f"{path}: job: cores = {job.get('cores')} and processes = {job['processes']}: each core is a worker; "
            "give cores and leave processes out"
        )
    try:
        return getattr(dask_jobqueue, CLASSES[described.kind])(**job)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: job: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
