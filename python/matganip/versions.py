"""Versions of what a result depends on."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version

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


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that a number depends on."""
    found = {"python": sys.version.split()[0]}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
