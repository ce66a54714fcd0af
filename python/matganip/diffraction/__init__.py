"""Peaks come out: powder patterns of any structure, patterns of a space's arrangements, and graph matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matganip.diffraction.pymatgen_calculator import XRDCalculator

__all__ = ["XRDCalculator"]


def __getattr__(name: str) -> Any:
    # pymatgen's diffraction package imports matplotlib, which nothing else here needs.
    if name != "XRDCalculator":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from matganip.diffraction.pymatgen_calculator import XRDCalculator

    return XRDCalculator
