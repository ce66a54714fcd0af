"""The methods of the comparison: baselines, the paper's networks, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matganip.learning.baselines import Baseline, ConstantBaseline, KernelRidgeBaseline, RidgeBaseline
from matganip.learning.config import MatganipConfig
from matganip.learning.metrics import Metrics, evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.benchmarks.reproduce.labelled_orbits import LabelledOrbits
    from matganip.learning.splits import Split

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """How a method predicts the test rows of a split, given the seed, and the settings that decide its result."""

    predict: Callable[[LabelledOrbits, Split, int], Floats]
    settings: str


def _baseline(make: Callable[[int], Baseline], reads: str = "vertices") -> Method:
    """A baseline, and the features that it reads: an attribute or a method of `LabelledOrbits`."""

    def predict(orbits: LabelledOrbits, split: Split, seed: int) -> Floats:
        features = orbits.features(reads)
        baseline = make(seed)
        baseline.fit(features[split.train_rows], split.train.target, split.train.weight)
        return baseline.predict(features[split.test_rows])

    return Method(predict, reads)


def _network(config: MatganipConfig) -> Method:
    """MATGANIP; the number of vertices and the seed are set for each split."""

    def predict(orbits: LabelledOrbits, split: Split, seed: int) -> Floats:
        from matganip.learning.gan import Matganip

        del orbits
        model = Matganip(config.replace(n_peaks=split.train.n_peaks, seed=seed))
        model.fit(split.train)
        return model.predict(split.test.matrices)

    return Method(predict, repr(config))


_PLAIN = MatganipConfig(linear_readout=False, epochs=200, readout_fit="adam")
_OURS = MatganipConfig()
MEAN, PAIR_COUNTS, KERNEL_RIDGE = "mean baseline", "ridge on pair counts", "kernel ridge on the vertices"
CLUSTERS = "cluster expansion, pairs and triplets (icet)"

METHODS: dict[str, Method] = {
    MEAN: _baseline(lambda _: ConstantBaseline()),
    PAIR_COUNTS: _baseline(lambda _: RidgeBaseline(), "pairs"),
    "ridge on the vertices": _baseline(lambda _: RidgeBaseline()),
    KERNEL_RIDGE: _baseline(KernelRidgeBaseline),
    CLUSTERS: _baseline(lambda _: RidgeBaseline(), "clusters"),
    "as published: G, D reads the property alone, minimax": _network(MatganipConfig.published(epochs=200)),
    "G, conditional D, non-saturating": _network(_PLAIN.replace(supervised_weight=0.0)),
    "G, conditional D, non-saturating + 3 L1": _network(_PLAIN),
    "G, supervised L1": _network(_PLAIN.replace(objective="supervised")),
    "G with linear readout by Adam, conditional D, non-saturating": _network(
        _OURS.replace(readout_fit="adam", supervised_weight=0.0, epochs=150)
    ),
    "readout alone": _network(_OURS.replace(objective="supervised", correction_gain=0.0, epochs=1)),
    "G with readout, supervised L1": _network(_OURS.replace(objective="supervised")),
    "G with readout, conditional D, non-saturating": _network(_OURS.replace(supervised_weight=0.0)),
    "G with readout, conditional D, non-saturating + 3 L1 (default)": _network(_OURS),
}


def settings_of(method: str) -> str:
    """Settings that decide the result of a method, as text."""
    return METHODS[method].settings


def measured(metrics: Metrics, since: float) -> dict[str, float]:
    """Numbers of a test for the columns `benchmark.ERRORS`; `since` is the process time at the start of the fit."""
    return {
        "mae": metrics.mae,
        "constant_mae": metrics.baseline_mae,
        "skill": metrics.skill,
        "r2": metrics.r2,
        "spearman": metrics.spearman,
        "cpu_s": time.process_time() - since,
    }


def evaluated(method: str, orbits: LabelledOrbits, split: Split, seed: int) -> dict[str, float]:
    """Train on one part of a split and judge on the other, beside the mean of the training part."""
    start, test = time.process_time(), split.test
    prediction = METHODS[method].predict(orbits, split, seed)
    found = evaluate(prediction, test.target, baseline=split.train.baseline, weight=test.weight, unit=test.unit)
    return measured(found, start)
