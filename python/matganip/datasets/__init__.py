"""Perovskites in bulk: generated from radii, or read from real crystals; each says what it left out and why."""

from matganip.datasets.generated import abx3
from matganip.datasets.table import PerovskiteTable, Skipped

__all__ = ["PerovskiteTable", "Skipped", "abx3"]
