"""Genuine outputs of DFT programs, from packages: nothing of them is in this repository.

`ase` ships a few in its wheel. More are in the source distribution of `parsevasp` (MIT licence), whose tests read
them; its wheel has none, so `make setup` puts that archive beside the environment by running this file.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from functools import cache
from importlib.resources import files
from pathlib import Path

NAME, VERSION = "parsevasp", "3.4.0"
SHA256 = "c761f2c85572eae5924e7fca2fc89ee31ed8f6c3f21babf8ece9da983629904f"
ARCHIVE = Path(sys.prefix) / "share" / f"{NAME}-{VERSION}.tar.gz"


def archive() -> Path:
    """The source distribution, fetched by pip if it is not there yet."""
    if not ARCHIVE.exists():
        options = ["--quiet", "--no-deps", "--no-binary", NAME, "--dest", str(ARCHIVE.parent)]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, f"{NAME}=={VERSION}"], check=True)
    assert hashlib.sha256(ARCHIVE.read_bytes()).hexdigest() == SHA256
    return ARCHIVE


@cache
def from_parsevasp(name: str) -> bytes:
    """A file of its tests: `OUTCAR.converged`, `overflow.xml`, ..."""
    with tarfile.open(archive()) as tar:
        member = tar.extractfile(f"{NAME}-{VERSION}/tests/{name}")
        assert member is not None
        return member.read()


def from_ase(name: str) -> bytes:
    """A file of ASE's tests: `vasprun_dfpt.xml` (NaCl, PBE), `vasprun_pstress.xml` (diamond, LDA), ..."""
    return (files("ase.test") / "testdata" / "vasp" / name).read_bytes()


if __name__ == "__main__":
    print(archive())
