"""Versions of what a result depends on."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

from matganip import _core

PACKAGES = (
    "matganip",
    "numpy",
    "scipy",
    "pymatgen",
    "spglib",
    "torch",
    "safetensors",
    "scikit-learn",
    "icet",
    "pyarrow",
    "pydantic",
    "matplotlib",
)


def vector_target() -> str:
    """Which set of instructions the compiled kernels run with.

    Returns
    -------
    str
        "avx512", "avx2" or "sse2" on x86-64, "neon" on aarch64, "portable" elsewhere: the widest that it has.

    Notes
    -----
    The environment variable ``MATGANIP_TARGET``, read when the package's kernels are first imported, forces one of
    `vector_targets`. Results of two targets differ by rounding (docs/adr/0020); those of one target are the same
    bytes on every machine, for any number of threads and shards.

    Examples
    --------
    >>> vector_target() in vector_targets()
    True
    """
    return _core.vector_target()


def vector_targets() -> list[str]:
    """The targets that this machine can run, the widest first.

    Examples
    --------
    >>> len(vector_targets()) >= 1
    True
    """
    return _core.vector_targets()


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that a number depends on, and the width of vectors."""
    found = {"python": sys.version.split()[0], "vectors": vector_target()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
