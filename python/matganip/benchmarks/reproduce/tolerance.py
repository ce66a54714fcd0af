"""Tolerance factors of crystals whose formulas were not trained on: the paper's second task."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from matganip.benchmarks.reproduce.benchmark import Benchmark, Column, Measured
from matganip.benchmarks.tolerance import FormulaSplit, MethodResult, baselines, diffractable, matganip_on, target_of
from matganip.features.powder.crystal_peaks import CrystalInput, CrystalPeaks, crystal_peaks
from matganip.learning.crystals import CONFIG

if TYPE_CHECKING:
    from matganip.crystal.datasets import PerovskiteTable

MATGANIP = "MATGANIP, absolute intensities"
_BASELINES = (
    "mean baseline",
    "extra trees, absolute intensities",
    "extra trees, scaled to 100",
    "boosting on Z and the cell",
)


@cache
def _crystals() -> tuple[PerovskiteTable, CrystalPeaks, CrystalPeaks]:
    from matganip import datasets

    table, _ = diffractable(datasets.abx3())
    absolute, scaled = (crystal_peaks(table.structures(), CrystalInput(intensities=i)) for i in ("absolute", "scaled"))
    return table, absolute, scaled


@cache
def _baselines(seed: int) -> dict[str, MethodResult]:
    table, absolute, scaled = _crystals()
    return dict(zip(_BASELINES, baselines(_split(seed), table, absolute, scaled), strict=True))


def _split(seed: int) -> FormulaSplit:
    table = _crystals()[0]
    return FormulaSplit.of(table, target_of(table, "effective"), 0.8, seed)


def _measure(method: str, seed: int) -> Measured:
    """One split, one training."""
    row = matganip_on(_split(seed), _crystals()[1]) if method == MATGANIP else _baselines(seed)[method]
    return Measured(
        {
            "mae": row.metrics.mae,
            "constant_mae": row.metrics.baseline_mae,
            "ratio": row.ratio,
            "r2": row.metrics.r2,
            "spearman": row.metrics.spearman,
            "cpu_s": row.seconds,
        }
    )


TOLERANCE = Benchmark(
    "tolerance",
    "Tolerance factors of ABX3 crystals, held-out formulas",
    "Input: peaks with absolute intensities per formula unit, unless the row says otherwise. Labels: Goldschmidt's "
    "factor with effective radii, of ideal cubic crystals. Split: 80:20 by formula; formulas of the test that were "
    "seen in training: none. [matganip-f.md](matganip-f.md) has more.",
    (*_BASELINES, MATGANIP),
    (
        Column("mae", "MAE", 5),
        Column("constant_mae", "mean baseline's MAE", 4),
        Column("ratio", "MAE / mean baseline's", 3),
        Column("r2", "R²", 3),
        Column("spearman", "Spearman", 3),
        Column("cpu_s", "CPU s", 1),
    ),
    _measure,
    lambda method: repr(CONFIG) if method == MATGANIP else "",
)
"""ABX3 crystals, split 80:20 by formula."""
