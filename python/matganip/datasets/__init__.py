"""Perovskites in bulk: generated from radii, or read from real crystals; each says what it left out and why."""

from matganip.datasets.amcsd import abx3_from_amcsd
from matganip.datasets.folder import abx3_from_folder
from matganip.datasets.generated import abx3
from matganip.datasets.materials_project import abx3_from_materials_project
from matganip.datasets.table import PerovskiteTable, Skipped

__all__ = [
    "PerovskiteTable",
    "Skipped",
    "abx3",
    "abx3_from_amcsd",
    "abx3_from_folder",
    "abx3_from_materials_project",
]
