"""What docs/labels.md measures: 603 orbits of 6/24 Br by CHGNet in one go, killed thrice, and by two at once.

python bench/labelling.py [FOLDER]
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CIF = Path(__file__).parents[1] / "examples" / "cspbi3_br" / "CsPbI3.cif"
N_ORBITS = 603


def command(database: Path) -> list[str]:
    """`matganip label` with two workers."""
    asked = [CIF, "-s", "2,2,2", "-x", "I:Br=6", "-c", "chgnet", "-d", database, "-j", 2, "--json"]
    return [sys.executable, "-m", "matganip.cli.main", "label", *map(str, asked)]


def rows(database: Path) -> dict[str, float]:
    """Energy of each orbit, as plain SQL gives it; none may be there twice."""
    if not database.exists():
        return {}
    connection = sqlite3.connect(database, timeout=60)
    try:
        found = connection.execute("SELECT orbit, energy FROM labels").fetchall()
    except sqlite3.OperationalError:  # the file is there, its tables not yet
        found = []
    finally:
        connection.close()
    assert len(dict(found)) == len(found), "an orbit is there twice"
    return dict(found)


def report(name: str, found: dict[str, float], expected: dict[str, float], started: float) -> None:
    """A line of the table; other rows or energies than expected are an error."""
    assert found.keys() == expected.keys()
    assert len(found) == N_ORBITS
    difference = max(abs(found[orbit] - expected[orbit]) for orbit in found)
    assert difference < 1e-6
    print(f"| {name} | {len(found)} | {difference:.1g} | {time.perf_counter() - started:.1f} s |", flush=True)


def main(folder: Path) -> None:
    """Print the table."""
    started = time.perf_counter()
    subprocess.run(command(folder / "whole.db"), check=True, stdout=subprocess.DEVNULL)
    whole = rows(folder / "whole.db")
    report("uninterrupted", whole, whole, started)

    started, killed_at = time.perf_counter(), []
    for wanted in (80, 240, 430):
        process = subprocess.Popen(command(folder / "killed.db"), stdout=subprocess.DEVNULL)
        while len(rows(folder / "killed.db")) < wanted:
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        killed_at.append(str(len(rows(folder / "killed.db"))))
    subprocess.run(command(folder / "killed.db"), check=True, stdout=subprocess.DEVNULL)
    name = f"killed with SIGKILL at {', '.join(killed_at)} rows, started again"
    report(name, rows(folder / "killed.db"), whole, started)

    started = time.perf_counter()
    both = [subprocess.Popen(command(folder / "both.db"), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    shares = [str(json.loads(process.communicate()[0])["labelled_now"]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    report(f"two commands at once, of {' and '.join(shares)} rows", rows(folder / "both.db"), whole, started)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
