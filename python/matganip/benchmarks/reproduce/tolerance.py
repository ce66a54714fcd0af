"""Tolerance factors of crystals whose formulas were not trained on: the paper's second task."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from matganip.benchmarks.reproduce.task import Column
from matganip.benchmarks.tolerance import Task as Formulas
from matganip.benchmarks.tolerance import baselines, diffractable, take, target_of
from matganip.features.powder.crystal_peaks import CrystalInput, CrystalPeaks, crystal_peaks
from matganip.learning.crystals import CONFIG, CrystalModel
from matganip.learning.metrics import Metrics, evaluate

if TYPE_CHECKING:
    from matganip.crystal.datasets import PerovskiteTable

MATGANIP = "MATGANIP, absolute intensities"
_BASELINES = (
    "constant",
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


def _split(seed: int) -> Formulas:
    table = _crystals()[0]
    return Formulas.of(table, target_of(table, "effective"), 0.8, seed)


@cache
def _baselines(seed: int) -> dict[str, tuple[Metrics, float]]:
    table, absolute, scaled = _crystals()
    rows = baselines(_split(seed), table, absolute, scaled)
    return {name: (row.metrics, row.seconds) for name, row in zip(_BASELINES, rows, strict=True)}


@dataclass(frozen=True)
class Tolerance:
    """ABX3 crystals, 80:20 by formula."""

    name: str = "tolerance"
    title: str = "Tolerance factors of ABX3 crystals, held-out formulas"
    about: str = (
        "Input: peaks with absolute intensities per formula unit, unless the row says otherwise. Labels: Goldschmidt's "
        "factor with effective radii, of ideal cubic crystals. Split: 80:20 by formula; formulas of the test that were "
        "seen in training: none. [matganip-f.md](matganip-f.md) has more."
    )
    methods: tuple[str, ...] = (*_BASELINES, MATGANIP)
    columns: tuple[Column, ...] = (
        Column("mae", "MAE", 5),
        Column("constant_mae", "constant's MAE", 4),
        Column("ratio", "MAE / constant's", 3),
        Column("r2", "R²", 3),
        Column("spearman", "Spearman", 3),
        Column("cpu_s", "CPU s", 1),
    )

    def settings(self, method: str) -> str:
        """The config of the network."""
        return repr(CONFIG) if method == MATGANIP else ""

    def measure(self, method: str, seed: int) -> dict[str, float]:
        """One split, one training."""
        found, seconds = self._network(seed) if method == MATGANIP else _baselines(seed)[method]
        return {
            "mae": found.mae,
            "constant_mae": found.constant_mae,
            "ratio": found.mae / found.constant_mae,
            "r2": found.r2,
            "spearman": found.spearman,
            "cpu_s": seconds,
        }

    @staticmethod
    def _network(seed: int) -> tuple[Metrics, float]:
        split, peaks, start = _split(seed), _crystals()[1], time.process_time()
        model = CrystalModel(CONFIG.replace(seed=seed), peaks.made)
        model.fit(take(peaks, split.train), split.target[split.train])
        prediction = model.predict(take(peaks, split.test))
        seconds = time.process_time() - start
        return evaluate(prediction, split.target[split.test], constant=split.constant), seconds
