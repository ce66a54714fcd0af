"""The file that describes a cluster, and the client of one: a scheduler's address, or a batch system through dask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from matganip.errors import InputError, first_line, require
from matganip.settings import Settings
from matganip.workflows.reading import read_toml

if TYPE_CHECKING:
    from distributed import Client

    from matganip.screening.pool import Engine

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


class ClusterFile(Settings):
    """Where the workers come from."""

    kind: Literal["slurm", "pbs", "sge", "lsf", "oar", "moab", "htcondor", "local"] = Field(
        description='The batch system, or "local": processes of this machine.'
    )
    workers: int | None = Field(default=None, ge=1, description="Number of workers, one core each.")
    minimum: int = Field(default=0, ge=0, description="With maximum: the least number of workers to keep.")
    maximum: int | None = Field(
        default=None, ge=1, description="Instead of a fixed number: ask for workers as there is work, up to so many."
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
    return read_toml(path, ClusterFile)


@contextmanager
def client_of(scheduler: str | None = None, cluster: Path | None = None) -> Iterator[Client]:
    """Connect to a running scheduler, or start a cluster that ends with the context.

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
        If no scheduler answers at the address, or the batch system refuses the job.
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
                f"--scheduler {scheduler}: no dask scheduler answers there within {PATIENCE}: {first_line(error)}"
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


@contextmanager
def engine_of(scheduler: str | None = None, cluster: Path | None = None) -> Iterator[Engine | None]:
    """What does the shards of a screen on a cluster; None where neither scheduler nor cluster is named.

    Parameters
    ----------
    scheduler, cluster
        As for `client_of`, or neither.

    Yields
    ------
    callable or None
        For ``screen(..., engine=...)``.

    Raises
    ------
    InputError
        If both are given, and as `client_of`.
    """
    if scheduler is None and cluster is None:
        yield None
        return
    if scheduler is not None and cluster is not None:
        raise InputError("--scheduler and --cluster: give one of the two")
    from matganip.screening.dask_pool import run_shards_on_dask

    with client_of(scheduler, cluster) as client:
        yield partial(run_shards_on_dask, client)


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
        raise InputError(f"{path}: job: {first_line(error)}") from error
