"""The methods of the comparison: baselines, the paper's networks, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matganip.benchmarks.reproduce.benchmark import Measured, Numbers
from matganip.benchmarks.reproduce.labelled_orbits import TRAIN_SIZE
from matganip.learning.baselines import Baseline, ConstantBaseline, KernelRidgeBaseline, RidgeBaseline
from matganip.learning.config import MatganipConfig
from matganip.learning.fitting import train
from matganip.learning.metrics import Metrics, evaluate

if TYPE_CHECKING:
    from matganip.benchmarks.reproduce.labelled_orbits import LabelledOrbits, Splitting


@dataclass(frozen=True)
class BaselineMethod:
    """A model of others that reads an attribute or a method of `LabelledOrbits`."""

    make: Callable[[int], Baseline]
    reads: str = "vertices"

    @property
    def settings(self) -> str:
        """What decides its numbers, beside its name."""
        return self.reads

    def measure(self, orbits: LabelledOrbits, by: Splitting, seed: int) -> Measured:
        """Train on one part of a split and judge on the other."""
        start, split, features = time.process_time(), orbits.split(by, seed), orbits.features(self.reads)
        baseline, test = self.make(seed), split.test
        baseline.fit(features[split.train_rows], split.train.target, split.train.weight)
        found = evaluate(
            baseline.predict(features[split.test_rows]),
            test.target,
            baseline=split.train.baseline,
            weight=test.weight,
            unit=test.unit,
        )
        return Measured(numbers_of(found, start))


@dataclass(frozen=True)
class TrainedMethod:
    """`matganip.train` on the same split: by the networks on the graphs of the task, or without any setting."""

    network: MatganipConfig | None = None

    @property
    def settings(self) -> str:
        """What decides its numbers, beside its name."""
        return repr(self.network)

    def measure(self, orbits: LabelledOrbits, by: Splitting, seed: int) -> Measured:
        """Train on one part of a split and judge on the other."""
        start = time.process_time()
        diffraction = None if self.network is None else orbits.diffraction
        options: dict[str, Any] = {"diffraction": diffraction, "network": self.network}
        model = train(orbits.space, orbits.labelled, split=by, train_size=TRAIN_SIZE, seed=seed, **options)
        assert model.training is not None  # noqa: S101 - it was trained here
        return Measured(numbers_of(model.training["test"].metrics, start), model)


_PLAIN = MatganipConfig(linear_readout=False, epochs=200, readout_fit="adam")
_OURS = MatganipConfig()
DEFAULT = "matganip.train without settings (default)"
MEAN, PAIR_COUNTS, KERNEL_RIDGE = "mean baseline", "ridge on pair counts", "kernel ridge on the vertices"
CLUSTERS = "cluster expansion, pairs and triplets (icet)"

METHODS: dict[str, BaselineMethod | TrainedMethod] = {
    MEAN: BaselineMethod(lambda _: ConstantBaseline()),
    PAIR_COUNTS: BaselineMethod(lambda _: RidgeBaseline(), "pairs"),
    "ridge on the vertices": BaselineMethod(lambda _: RidgeBaseline()),
    KERNEL_RIDGE: BaselineMethod(KernelRidgeBaseline),
    CLUSTERS: BaselineMethod(lambda _: RidgeBaseline(), "clusters"),
    "as published: G, D reads the property alone, minimax": TrainedMethod(MatganipConfig.published(epochs=200)),
    "G, conditional D, non-saturating": TrainedMethod(_PLAIN.replace(supervised_weight=0.0)),
    "G, conditional D, non-saturating + 3 L1": TrainedMethod(_PLAIN),
    "G, supervised L1": TrainedMethod(_PLAIN.replace(objective="supervised")),
    "G with linear readout by Adam, conditional D, non-saturating": TrainedMethod(
        _OURS.replace(readout_fit="adam", supervised_weight=0.0, epochs=150)
    ),
    "readout alone": TrainedMethod(_OURS.replace(objective="supervised", correction_gain=0.0, epochs=1)),
    "G with readout, supervised L1": TrainedMethod(_OURS.replace(objective="supervised")),
    "G with readout, conditional D, non-saturating": TrainedMethod(_OURS.replace(supervised_weight=0.0)),
    "G with readout, conditional D, non-saturating + 3 L1 (default network)": TrainedMethod(_OURS),
    DEFAULT: TrainedMethod(),
}


def settings_of(method: str) -> str:
    """Settings that decide the result of a method, as text."""
    return METHODS[method].settings


def numbers_of(metrics: Metrics, since: float) -> Numbers:
    """Numbers of a test for the columns `benchmark.ERRORS`; `since` is the process time at the start of the fit."""
    return {
        "mae": metrics.mae,
        "constant_mae": metrics.baseline_mae,
        "skill": metrics.skill,
        "r2": metrics.r2,
        "spearman": metrics.spearman,
        "cpu_s": time.process_time() - since,
    }
