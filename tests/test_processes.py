"""Worker pools: every task is answered or its worker's end is reported, and no worker outlives its parent."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import matganip
from matganip.processes import Ended, WorkerPool

SERVING = """
import os, signal, time
from pathlib import Path
from matganip.processes import WorkerPool

def square(parent, plus):
    for task in parent.tasks():
        if task == "end":
            os.kill(os.getpid(), signal.SIGKILL)
        parent.send(task**2 + plus)

def sleep(parent, folder):
    parent.clean_up = (Path(folder) / "here").unlink
    (Path(folder) / "here").touch()
    for seconds in parent.tasks():
        parent.send(os.getpid())
        time.sleep(seconds)

if __name__ == "__main__":
    with WorkerPool(sleep, ".") as pool:
        pool.start(3600)
        for worker, message in pool.messages():
            print(message, flush=True)
"""


@pytest.fixture
def serving(tmp_path, monkeypatch):
    """What workers do, in a module that a spawned process can import."""
    (tmp_path / "serving.py").write_text(SERVING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "serving", raising=False)
    return importlib.import_module("serving")


def is_there(process: int) -> bool:
    """Whether a process exists, at the latest some seconds after it should have gone."""
    end = time.monotonic() + 20
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.kill(process, 0)
            time.sleep(0.02)
        return True
    return False


def test_every_task_is_answered_and_workers_leave_when_there_is_none_left(serving):
    tasks = iter(range(2, 10))
    answers = {}
    with WorkerPool(serving.square, 1) as pool:
        for first in (0, 1):
            pool.start(first)
        for worker, message in pool.messages():
            answers[worker.task] = message
            pool.give(worker, next(tasks, None))
        assert pool.workers == {}
    assert answers == {n: n**2 + 1 for n in range(10)}


def test_the_end_of_a_worker_is_reported_with_its_task_and_the_others_go_on(serving):
    received = []
    with WorkerPool(serving.square, 0) as pool:
        pool.start("end")
        pool.start(3)
        for worker, message in pool.messages():
            received.append((worker.task, message))
            if not isinstance(message, Ended):
                pool.give(worker, None)
    assert sorted(received, key=str) == [("end", Ended("SIGKILL")), (3, 9)]


def test_leaving_ends_workers_whatever_they_are_on(serving, tmp_path):
    with WorkerPool(serving.sleep, tmp_path) as pool:
        pool.start(3600)
        _, process = next(pool.messages())
        os.kill(process, 0)
    assert not is_there(process)


def test_a_worker_cleans_up_and_ends_with_a_killed_parent(serving, tmp_path):
    parent = subprocess.Popen([sys.executable, serving.__file__], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    with parent:
        worker = int(parent.stdout.readline())
        assert (tmp_path / "here").exists()
        parent.kill()
    assert not is_there(worker)
    assert not (tmp_path / "here").exists()


def test_a_worker_that_ends_before_it_began_is_not_started_again(tmp_path):
    """As when a program lacks the guard of its main part: workers import it, and come to where it asks for workers."""
    program = tmp_path / "program.py"
    program.write_text(SERVING.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    *_, last = done.stderr.strip().splitlines()
    assert "a worker ended before it began (exit status 1)" in last
    assert '`if __name__ == "__main__":`' in last


def test_nothing_imports_modules_that_windows_lacks():
    package = Path(matganip.__file__).parent
    lacking = {"fcntl", "grp", "pwd", "resource", "termios"}
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not lacking & set(names), path
