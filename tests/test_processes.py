"""Crews: every task is answered or its worker's end is told, and no worker outlives who asked."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from matganip.processes import Crew, Ended

SERVING = """
import os, signal, time
from pathlib import Path
from matganip.processes import Crew

def square(asker, plus):
    for task in asker.tasks():
        if task == "end":
            os.kill(os.getpid(), signal.SIGKILL)
        asker.tell(task**2 + plus)

def sleep(asker, folder):
    asker.clear_up = (Path(folder) / "here").unlink
    (Path(folder) / "here").touch()
    for seconds in asker.tasks():
        asker.tell(os.getpid())
        time.sleep(seconds)

if __name__ == "__main__":
    with Crew(sleep, ".") as crew:
        crew.hire(3600)
        for worker, told in crew.hear():
            print(told, flush=True)
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
    with Crew(serving.square, 1) as crew:
        for first in (0, 1):
            crew.hire(first)
        for worker, told in crew.hear():
            answers[worker.task] = told
            crew.give(worker, next(tasks, None))
        assert crew.workers == {}
    assert answers == {n: n**2 + 1 for n in range(10)}


def test_the_end_of_a_worker_is_told_with_what_it_was_on_and_the_others_go_on(serving):
    heard = []
    with Crew(serving.square, 0) as crew:
        crew.hire("end")
        crew.hire(3)
        for worker, told in crew.hear():
            heard.append((worker.task, told))
            if not isinstance(told, Ended):
                crew.give(worker, None)
    assert sorted(heard, key=str) == [("end", Ended("SIGKILL")), (3, 9)]


def test_leaving_ends_workers_whatever_they_are_on(serving, tmp_path):
    with Crew(serving.sleep, tmp_path) as crew:
        crew.hire(3600)
        _, process = next(crew.hear())
        os.kill(process, 0)
    assert not is_there(process)


def test_a_worker_clears_up_and_ends_with_a_killed_asker(serving, tmp_path):
    asking = subprocess.Popen([sys.executable, serving.__file__], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    with asking:
        worker = int(asking.stdout.readline())
        assert (tmp_path / "here").exists()
        asking.kill()
    assert not is_there(worker)
    assert not (tmp_path / "here").exists()


def test_a_worker_that_ends_before_it_began_is_not_hired_again(tmp_path):
    """As when a program lacks the guard of its main part: workers import it, and come to where it asks for workers."""
    program = tmp_path / "program.py"
    program.write_text(SERVING.replace('if __name__ == "__main__":', "if True:"))
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    *_, last = done.stderr.strip().splitlines()
    assert "a worker ended before it began (exit status 1)" in last
    assert '`if __name__ == "__main__":`' in last
