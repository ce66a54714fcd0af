"""Exactly once: whatever happens to a screen, going on with it gives the bytes of one that nothing happened to."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from screens import copy, final, run

import matganip as mg
from matganip.files import stamped
from matganip.screening import shard_files
from matganip.screening.manifest import MANIFEST, ScreenFolder, locked_screen
from matganip.screening.run import Standing, resume_screen, screen


@pytest.fixture(scope="module")
def whole(model_folder, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "screen"
    run(model_folder, folder)
    return folder


def half(whole: Path, target: Path, n_shards: int = 3) -> Path:
    """The folder as it was after so many shards."""
    copy(whole, target)
    lines = (target / MANIFEST).read_bytes().splitlines(keepends=True)
    (target / MANIFEST).write_bytes(b"".join(lines[: 1 + n_shards]))
    done = {json.loads(line)["shard"] for line in lines[1 : 1 + n_shards]}
    for shard in set(range(8)) - done:
        (target / shard_files.shard_name(shard)).unlink()
    for name in ("winners.parquet", "result.json"):
        (target / name).unlink()
    return target


def resumed(folder: Path) -> list[str]:
    """Resume; returns the sentences that were reported."""
    events: list[Standing | str] = []
    resume_screen(folder, follow=events.append)
    return [one for one in events if isinstance(one, str)]


def test_it_goes_on_where_it_stopped(whole, tmp_path):
    folder = half(whole, tmp_path / "screen")
    assert resumed(folder) == []
    assert final(folder) == final(whole)
    assert len((folder / MANIFEST).read_bytes().splitlines()) == 9  # no shard was done twice


def test_a_torn_line_of_the_manifest_is_dropped(whole, tmp_path):
    lines = (whole / MANIFEST).read_bytes().splitlines(keepends=True)
    for kept in (1, len(lines[4]) // 2, len(lines[4]) - 1):
        folder = half(whole, tmp_path / f"screen-{kept}")
        (folder / MANIFEST).write_bytes(b"".join(lines[:4]) + lines[4][:kept])
        resumed(folder)
        assert final(folder) == final(whole)
        assert len(ScreenFolder.read(folder).shards) == 8


def test_a_changed_line_of_the_manifest_is_told_of(whole, tmp_path):
    folder = half(whole, tmp_path / "screen")
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"n_rescored": 0', '"n_rescored": 1', 1))
    with pytest.raises(mg.InputError, match=r"manifest\.jsonl: line 2 is damaged"):
        resumed(folder)


@pytest.mark.parametrize("harm", ["truncated", "flipped", "missing"])
def test_a_damaged_shard_is_done_again(whole, tmp_path, harm):
    folder = copy(whole, tmp_path / "screen")
    path = folder / "shard-00005.parquet"
    data = bytearray(path.read_bytes())
    if harm == "missing":
        path.unlink()
    else:
        data[len(data) // 2] ^= 4
        path.write_bytes(data[:-7] if harm == "truncated" else data)
    (told,) = resumed(folder)
    assert "shard-00005.parquet" in told
    assert "shard 5 is rerun" in told
    assert final(folder) == final(whole)


def test_a_full_disk_is_told_of_and_nothing_is_lost(model_folder, whole, tmp_path, monkeypatch):
    written = []
    write_table = shard_files.pq.write_table

    def full(table, path, **options):
        written.append(path)
        if len(written) == 4:
            Path(path).write_bytes(b"PAR1 half a file")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_table(table, path, **options)

    monkeypatch.setattr(shard_files.pq, "write_table", full)
    with pytest.raises(mg.InputError, match="No space left on device"):
        run(model_folder, tmp_path / "screen")
    monkeypatch.undo()
    folder = tmp_path / "screen"
    assert len(ScreenFolder.read(folder).shards) == 3
    assert not list(folder.glob(".shard-*"))
    resumed(folder)
    assert final(folder) == final(whole)


def test_a_full_disk_tears_no_line_of_the_manifest(whole, tmp_path, monkeypatch):
    folder = half(whole, tmp_path / "screen")
    before = (folder / MANIFEST).read_bytes()
    write = os.write

    def full(handle, data):
        write(handle, data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("matganip.screening.manifest.os.write", full)
    with pytest.raises(mg.InputError, match=r"manifest\.jsonl: cannot be written: No space left"):
        resumed(folder)
    monkeypatch.undo()
    assert (folder / MANIFEST).read_bytes() == before
    resumed(folder)
    assert final(folder) == final(whole)


def test_two_screens_do_not_share_a_folder(whole, tmp_path):
    folder = half(whole, tmp_path / "screen")
    with locked_screen(folder), pytest.raises(mg.InputError, match="another screen is at work"):
        resumed(folder)
    resumed(folder)
    assert final(folder) == final(whole)


def test_another_screen_is_refused(model_folder, other_model, whole, tmp_path):
    folder = half(whole, tmp_path / "screen")
    before = final_names(folder)
    with pytest.raises(mg.InputError, match="holds a screen already; resume it with --resume"):
        run(model_folder, folder)
    with pytest.raises(mg.InputError, match="holds another screen: settings.selection.size: 20 and 21"):
        run(model_folder, folder, resume=True, top=21)
    with pytest.raises(mg.InputError, match="holds another screen: models"):
        run(other_model, folder, resume=True)
    with pytest.raises(mg.InputError, match="holds another screen: space"):
        run(model_folder, folder, resume=True, substitutions={"I": {"Br": 5}})
    assert final_names(folder) == before
    run(model_folder, folder, resume=True, n_shards=None)  # its own number of shards
    assert final(folder) == final(whole)


def final_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def change_header(folder: Path, change) -> None:
    """Rewrite the first line with a check that fits: a manifest that another program wrote."""
    first, rest = (folder / MANIFEST).read_text().split("\n", 1)
    header = json.loads(first)
    del header["check"]
    change(header)
    (folder / MANIFEST).unlink()
    made = ScreenFolder(folder, header, [])
    made._append(header)
    with (folder / MANIFEST).open("a") as file:
        file.write(rest)


def test_a_manifest_of_another_version_is_refused(whole, tmp_path):
    folder = half(whole, tmp_path / "format")
    change_header(folder, lambda header: header.update(version=99))
    with pytest.raises(mg.InputError, match="version 99, this program reads version 2"):
        resumed(folder)
    folder = half(whole, tmp_path / "torch")
    change_header(folder, lambda header: header["versions"].update(torch="1.0"))
    with pytest.raises(mg.InputError, match=r"begun with torch 1\.0"):
        resumed(folder)
    folder = half(whole, tmp_path / "vectors")
    change_header(folder, lambda header: header["versions"].update(vectors="other"))
    with pytest.raises(mg.InputError, match="begun with vectors other.*resume it with MATGANIP_TARGET=other"):
        resumed(folder)


def test_a_folder_of_other_things_is_left_alone(model_folder, tmp_path):
    (tmp_path / "screen").mkdir()
    (tmp_path / "screen/thesis.tex").write_text("mine")
    with pytest.raises(mg.InputError, match=r"not empty \(thesis\.tex"):
        run(model_folder, tmp_path / "screen")
    with pytest.raises(mg.InputError, match="no screen is there to resume"):
        resumed(tmp_path / "screen")
    assert (tmp_path / "screen/thesis.tex").read_text() == "mine"


def test_models_that_were_exchanged_are_noticed(whole, other_model, tmp_path):
    folder = half(whole, tmp_path / "screen")
    (folder / "models/0/model.safetensors").write_bytes((other_model / "model.safetensors").read_bytes())
    with pytest.raises(mg.InputError, match="is not the file that the screen was begun with"):
        resumed(folder)


def test_a_worker_that_is_killed_is_replaced(model_folder, whole, tmp_path):
    killed = []

    def kill(event) -> None:
        if isinstance(event, Standing) and event.n_shards == 2 and not killed:
            (child,) = children(os.getpid())
            os.kill(child, signal.SIGKILL)
            killed.append(child)

    screen(model_folder, folder=tmp_path / "screen", n_shards=8, top=20, cascade=False, workers=1, follow=kill)
    assert killed
    assert final(tmp_path / "screen") == final(whole)


def children(parent: int) -> list[int]:
    """Spawned workers of a process, its resource tracker left out."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"spawn_main" in command:
            found.append(int(status.parent.name))
    return found


@pytest.mark.slow
def test_killed_from_outside_it_goes_on(model_folder, whole, tmp_path):
    """SIGKILL of the whole command, twice; `bench/kill_screens.py` does it two hundred times."""
    folder = tmp_path / "screen"
    command = [
        sys.executable, "-m", "matganip.cli.main", "screen", str(model_folder), "--output", str(folder),
        "--shards", "8", "--top", "20", "--no-cascade", "--resume", "--workers", "1",
    ]  # fmt: skip
    for n_done in (1, 4):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            deadline = time.monotonic() + 120
            while len(list(folder.glob("shard-*.parquet"))) < n_done:
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.002)
            process.kill()
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert final(folder) == final(whole)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda header: header["settings"].update(n_shards=10**10), "settings.n_shards"),
        (lambda header: header.update(part=[1, 1]), "part: 1 of 1"),
        (lambda header: header.update(models="x"), "models: "),
        (lambda header: header["space"]["made_from"]["positions"].pop(), "positions of 5 atoms"),
    ],
)
def test_a_manifest_of_wrong_types_is_refused_behind_a_right_checksum(whole, tmp_path, change, told):
    folder = tmp_path / "screen"
    copy(whole, folder)
    first, *others = (folder / "manifest.jsonl").read_text().splitlines()
    header = json.loads(first)
    del header["check"]
    change(header)
    (folder / "manifest.jsonl").write_text("\n".join([json.dumps(stamped(header)), *others]) + "\n")
    with pytest.raises(mg.InputError, match=told):
        mg.read_screen(folder)
