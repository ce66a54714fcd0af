"""A screen on the workers of a dask cluster gives the bytes of one on this machine, whoever comes and goes."""

from __future__ import annotations

import os
import stat
import textwrap
from functools import partial
from pathlib import Path

import pytest
from screens import final, run

import matganip as mg
from matganip.screening.dask_pool import run_shards_on_dask
from matganip.screening.manifest import ScreenFolder
from matganip.screening.run import screen
from matganip.screening.shard import ShardRecord
from matganip.workflows.cluster import client_of, read_cluster_file

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore:unclosed")  # dask's own sockets at its end


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "local.toml"
    path.write_text('kind = "local"\nworkers = 2\n')
    return path


@pytest.fixture(scope="module")
def whole(model_folder, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("screen") / "whole"
    run(model_folder, folder)
    return folder


def on_dask(model, output: Path, client) -> None:
    engine = partial(run_shards_on_dask, client)
    screen(model, folder=output, engine=engine, n_shards=8, top=20, cascade=False)


def test_a_cluster_whose_workers_are_killed_gives_the_same_bytes(model_folder, whole, local, tmp_path):
    """Two workers end by SIGKILL at work; those that take their places do another screen."""
    with client_of(cluster=local) as client:
        client.wait_for_workers(2, timeout=120)
        victims = [info["pid"] for info in client.run(_who).values()]
        killed = []

        def engine(tasks, folder):
            for news in run_shards_on_dask(client, tasks, folder):
                yield news
                if isinstance(news, ShardRecord) and victims:
                    killed.append(victims.pop())
                    os.kill(killed[-1], 9)

        screen(model_folder, folder=tmp_path / "killed", engine=engine, n_shards=8, top=20, cascade=False)
        assert len(killed) == 2
        assert final(tmp_path / "killed") == final(whole)
        client.wait_for_workers(2, timeout=120)
        assert not {info["pid"] for info in client.run(_who).values()} & set(killed)
        on_dask(model_folder, tmp_path / "again", client)
        assert final(tmp_path / "again") == final(whole)


def _who() -> dict[str, int]:
    return {"pid": os.getpid()}


def test_a_worker_with_several_threads_is_refused(model_folder, tmp_path):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=":0") as cluster,
        Client(cluster) as client,
        pytest.raises(mg.InputError, match=r"worker tcp://.*several threads.*--nthreads 1"),
    ):
        on_dask(model_folder, tmp_path / "screen", client)
    assert len(ScreenFolder.read(tmp_path / "screen").shards) == 0


def test_a_batch_system_starts_the_workers(model_folder, whole, tmp_path, monkeypatch):
    """dask-jobqueue writes its job script for SLURM and submits it; here sbatch runs it on this machine."""
    programs = tmp_path / "bin"
    programs.mkdir()
    # As SLURM does, it keeps a copy: dask removes its script as soon as it is submitted.
    _program(
        programs / "sbatch",
        f'cp "$1" {tmp_path}/job.sh\nnohup bash {tmp_path}/job.sh > {tmp_path}/job.log 2>&1 &\necho "$!"',
    )
    _program(programs / "scancel", 'kill "$@" 2> /dev/null || true')
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    described = tmp_path / "slurm.toml"
    described.write_text(
        textwrap.dedent("""
        kind = "slurm"
        workers = 1
        [job]
        cores = 1
        memory = "1GB"
        walltime = "00:10:00"
        queue = "short"
        interface = "lo"
        """)
    )
    with client_of(cluster=described) as client:
        script = client.cluster.job_script()
        assert "#SBATCH -p short" in script
        assert "--nthreads 1" in script
        client.wait_for_workers(1, timeout=120)
        on_dask(model_folder, tmp_path / "screen", client)
    assert final(tmp_path / "screen") == final(whole)


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "slurm"\n', "give either workers, a fixed number, or maximum"),
        ('kind = "slurm"\nworkers = 4\nmaximum = 8\n', "give either workers, a fixed number, or maximum"),
        ('kind = "cloud"\nworkers = 4\n', "kind: should be 'slurm', 'pbs'"),
        ('kind = "slurm"\nworker = 4\n', "worker: unknown key; the nearest known key is workers"),
        ('kind = "local"\nworkers = 0\n', "workers: should be at least 1, not 0"),
        ('kind = "local"\nworkers = 1\n[job]\ncores = 4\n', "job: a local cluster has no jobs"),
        ("kind = \n", "not valid TOML"),
    ],
)
def test_a_wrong_cluster_file_is_told_of(tmp_path, text, message):
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    with pytest.raises(mg.InputError, match=f"cluster.toml: .*{message}"):
        read_cluster_file(path)


def test_wrong_jobs_and_addresses_are_told_of(tmp_path, monkeypatch):
    path = tmp_path / "slurm.toml"
    with pytest.raises(mg.InputError, match="slurm.toml: no such file"):
        read_cluster_file(path)
    path.write_text('kind = "slurm"\nworkers = 2\n[job]\ncores = 4\nprocesses = 2\nmemory = "1GB"\n')
    with (
        pytest.raises(mg.InputError, match="cores = 4 and processes = 2: each core is a worker"),
        client_of(cluster=path),
    ):
        pass
    path.write_text('kind = "slurm"\nworkers = 2\n[job]\ncores = 4\n')
    with pytest.raises(mg.InputError, match="slurm.toml: job: .*memory"), client_of(cluster=path):
        pass
    monkeypatch.setattr("matganip.workflows.cluster.PATIENCE", "1s")
    with pytest.raises(mg.InputError, match="no dask scheduler answers there"), client_of("tcp://127.0.0.1:9"):
        pass
