"""Tables of perovskites, generated from radii or read from crystal structures, with what was left out and why."""

from matganip.crystal.datasets.amcsd import abx3_from_amcsd
from matganip.crystal.datasets.folder import abx3_from_folder
from matganip.crystal.datasets.generated import abx3
from matganip.crystal.datasets.materials_project import abx3_from_materials_project
from matganip.crystal.datasets.table import PerovskiteTable, Skipped

__all__ = [
    "PerovskiteTable",
    "Skipped",
    "abx3",
    "abx3_from_amcsd",
    "abx3_from_folder",
    "abx3_from_materials_project",
]
