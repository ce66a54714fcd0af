"""A small study that does everything, and the command line to run it with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def matganip(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the real command line in a process of its own."""
    command = [sys.executable, "-m", "matganip.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)
