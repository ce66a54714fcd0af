"""A small study that does everything, and the command line to run it with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from matganip.cli.main import app

EXAMPLE = Path(__file__).parents[2] / "examples" / "cspbi3_br"

# 7 labelled orbits of 2 Br to evaluate; 19 of 3 Br to screen, 12 of them to train on.
STUDY = f"""
name = "a small study"
seed = 3
supercell = [2, 2, 2]
substitutions = {{ I = {{ Br = 2 }} }}

[parent]
file = "{EXAMPLE / "CsPbI3.cif"}"

[diffraction]
resolution = "resolved"
n_peaks = 16

[labels]
table = "cspbi3_br/gpaw_mp2"

[model]
epochs = 6
evaluate_every = 2

[screen]
substitutions = {{ I = {{ Br = 3 }} }}
train = 12
top = 5
"""

# Pairs of sites in place of peaks, a model that may be asked about other compositions.
PATTERSON = STUDY.replace('resolution = "resolved"\nn_peaks = 16', "cutoff = 7.0\nn_peaks = 4").replace(
    "Br = 2", "Br = 3"
)


def matganip(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the real command line in a process of its own."""
    command = [sys.executable, "-m", "matganip.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def invoke(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    """The single line that a command prints when it refuses its input."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line.removeprefix("matganip: error: ")
