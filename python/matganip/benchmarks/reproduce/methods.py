"""The methods of the comparison: baselines, the paper's networks, and what was made of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from matganip.learning.baselines import Baseline, ConstantBaseline, KernelRidgeBaseline, RidgeBaseline
from matganip.learning.config import MatganipConfig
from matganip.learning.metrics import Metrics, evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from matganip.benchmarks.reproduce.inputs import Inputs
    from matganip.learning.splits import Split

    Floats = NDArray[np.float64]

Reads = Literal["vertices", "pairs", "clusters"]


@dataclass(frozen=True)
class BaselineMethod:
    """A baseline and the features that it reads."""

    make: Callable[[int], Baseline]
    reads: Reads

    def settings(self) -> str:
        """What decides the result, as text."""
        return self.reads

    def features(self, inputs: Inputs) -> Floats:
        """(n, f)."""
        return {"vertices": lambda: inputs.vertices, "pairs": inputs.pair_counts, "clusters": inputs.clusters}[
            self.reads
        ]()

    def predict(self, inputs: Inputs, split: Split, seed: int) -> Floats:
        """Fit the training rows and predict the test rows."""
        features = self.features(inputs)
        baseline = self.make(seed)
        baseline.fit(features[split.train_rows], split.train.target, split.train.weight)
        return baseline.predict(features[split.test_rows])


@dataclass(frozen=True)
class NetworkMethod:
    """MATGANIP with a config; number of vertices and seed are set for it."""

    config: MatganipConfig

    def settings(self) -> str:
        """What decides the result, as text."""
        return repr(self.config)

    def predict(self, inputs: Inputs, split: Split, seed: int) -> Floats:
        """Train and predict the test rows."""
        from matganip.learning.gan import Matganip

        del inputs
        model = Matganip(self.config.replace(n_peaks=split.train.n_peaks, seed=seed))
        model.fit(split.train)
        return model.predict(split.test.matrices)


Method = BaselineMethod | NetworkMethod

_PLAIN = MatganipConfig(linear_readout=False, epochs=200, readout_fit="adam")
_OURS = MatganipConfig()
CONSTANT, KERNEL_RIDGE = "constant", "kernel ridge on the vertices"
CLUSTERS = "cluster expansion, pairs and triplets (icet)"
PUBLISHED = "as published: G, D reads the property alone, minimax"
DEFAULT = "G with readout, conditional D, non-saturating + 3 L1 (default)"

METHODS: dict[str, Method] = {
    CONSTANT: BaselineMethod(lambda _seed: ConstantBaseline(), "vertices"),
    "ridge on pair counts": BaselineMethod(lambda _seed: RidgeBaseline(), "pairs"),
    "ridge on the vertices": BaselineMethod(lambda _seed: RidgeBaseline(), "vertices"),
    KERNEL_RIDGE: BaselineMethod(KernelRidgeBaseline, "vertices"),
    CLUSTERS: BaselineMethod(lambda _seed: RidgeBaseline(), "clusters"),
    PUBLISHED: NetworkMethod(MatganipConfig.published(epochs=200)),
    "G, conditional D, non-saturating": NetworkMethod(replace(_PLAIN, supervised_weight=0.0)),
    "G, conditional D, non-saturating + 3 L1": NetworkMethod(_PLAIN),
    "G, supervised L1": NetworkMethod(replace(_PLAIN, objective="supervised")),
    "G with linear readout by Adam, conditional D, non-saturating": NetworkMethod(
        replace(_OURS, readout_fit="adam", supervised_weight=0.0, epochs=150)
    ),
    "readout alone": NetworkMethod(replace(_OURS, objective="supervised", correction_gain=0.0, epochs=1)),
    "G with readout, supervised L1": NetworkMethod(replace(_OURS, objective="supervised")),
    "G with readout, conditional D, non-saturating": NetworkMethod(replace(_OURS, supervised_weight=0.0)),
    DEFAULT: NetworkMethod(_OURS),
}


def measured(metrics: Metrics, since: float) -> dict[str, float]:
    """Numbers of a test, for the columns `task.ERRORS`; `since` is the process time at the start of the fit."""
    return {
        "mae": metrics.mae,
        "constant_mae": metrics.constant_mae,
        "skill": metrics.skill,
        "r2": metrics.r2,
        "spearman": metrics.spearman,
        "cpu_s": time.process_time() - since,
    }


def test(method: Method, inputs: Inputs, split: Split, seed: int) -> dict[str, float]:
    """Train on one part of a split, and judge on the other beside the training part's constant."""
    start = time.process_time()
    prediction = method.predict(inputs, split, seed)
    found = evaluate(
        prediction, split.test.target, constant=split.train.constant, weight=split.test.weight, unit=split.test.unit
    )
    return measured(found, start)
