"""Peaks come out: powder patterns of any structure, patterns of a space's arrangements, and graph matrices."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matganip.features.lattice.distinct import distinguishability
    from matganip.features.powder.pymatgen_calculator import NDCalculator, XRDCalculator

__all__ = ["NDCalculator", "XRDCalculator", "distinguishability"]

_HOME = {
    "NDCalculator": "powder.pymatgen_calculator",
    "XRDCalculator": "powder.pymatgen_calculator",
    "distinguishability": "lattice.distinct",
}


def __getattr__(name: str) -> Any:
    # pymatgen's diffraction package imports matplotlib, which nothing else here needs.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
