"""Trained on small cells of several compositions, asked about larger ones."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from matganip.benchmarks.reproduce.benchmark import Benchmark, Column
from matganip.benchmarks.reproduce.labelled_orbits import LabelledOrbits, labelled_orbits
from matganip.benchmarks.reproduce.methods import CLUSTERS
from matganip.learning.baselines import ConstantBaseline, RidgeBaseline
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TRAIN = {1: "chgnet_X1_2_4_5of24", 2: "chgnet_X1_2_4_5of24", 3: "chgnet_X3of24"}
_TRAIN |= {4: "chgnet_X1_2_4_5of24", 5: "chgnet_X1_2_4_5of24", 6: "chgnet_X6of24"}
_TEST: tuple[tuple[str, tuple[int, int, int], int, tuple[int, ...]], ...] = (
    ("cspbi3_br_2x2x3/chgnet_X3_5_7_9of36", (2, 2, 3), 36, (3, 5, 7, 9)),
    ("cspbi3_br_3x3x3/chgnet_X4_9_14_20of81", (3, 3, 3), 81, (4, 9, 14, 20)),
)
TRAINING_MEAN = "mean baseline: the training labels"
OWN_MEAN = "mean baseline: that composition's own labels"
RIDGE = "ridge on the vertices"
_LINEAR = MatganipConfig(n_peaks=30, readout_fit="linear", epochs=60, correction_gain=0.003)
NETWORKS = {
    "linear readout alone": _LINEAR.replace(objective="supervised", correction_gain=0.0, epochs=1),
    "G with linear readout, supervised L1": _LINEAR.replace(objective="supervised"),
    "G with linear readout, conditional D, non-saturating + 3 L1": _LINEAR,
    "G with kernel readout, supervised L1": _LINEAR.replace(readout_fit="kernel", objective="supervised"),
}


@cache
def _training() -> tuple[LabelledOrbits, ...]:
    return tuple(labelled_orbits(f"cspbi3_br/{table}", n_br, "triplets") for n_br, table in _TRAIN.items())


@cache
def _tests() -> dict[str, LabelledOrbits]:
    return {
        f"{n_br}/{n_sites}": labelled_orbits(table, n_br, "triplets", cell)
        for table, cell, n_sites, numbers in _TEST
        for n_br in numbers
    }


@cache
def _clusters(part: LabelledOrbits) -> Floats:
    return part.features("clusters")


def _joined() -> Dataset:
    """All training rows; a composition weighs as many as it has orbits, its orbits by multiplicity."""
    parts = [part.data for part in _training()]
    return Dataset(
        np.concatenate([part.matrices for part in parts]),
        np.concatenate([part.target for part in parts]),
        np.concatenate([part.weight * (len(part) / part.weight.sum()) for part in parts]),
        unit=parts[0].unit,
    )


def _predict(method: str, seed: int) -> dict[str, Floats]:
    """Energies of every test composition, meV/atom."""
    tests, data = _tests(), _joined()
    if method == OWN_MEAN:
        return {name: np.full(len(part.data), part.data.target.mean()) for name, part in tests.items()}
    if method in NETWORKS:
        from matganip.learning.gan import Matganip

        model = Matganip(NETWORKS[method].replace(seed=seed, positions=_training()[0].positions))
        model.fit(data)
        return {name: model.predict(part.data.matrices) for name, part in tests.items()}
    baseline = ConstantBaseline() if method == TRAINING_MEAN else RidgeBaseline()

    def features(part: LabelledOrbits) -> Floats:
        return _clusters(part) if method == CLUSTERS else part.vertices

    baseline.fit(np.concatenate([features(part) for part in _training()]), data.target, data.weight)
    return {name: baseline.predict(features(part)) for name, part in tests.items()}


def _measure(method: str, seed: int) -> dict[str, float]:
    """One training, eight tests."""
    tests, start = _tests(), time.process_time()
    predictions = _predict(method, seed)
    errors = {name: float(np.abs(predictions[name] - part.data.target).mean()) for name, part in tests.items()}
    return {**errors, "mean": float(np.mean(list(errors.values()))), "cpu_s": time.process_time() - start}


TRANSFER = Benchmark(
    "transfer",
    "Larger cells: trained on 40 atoms, asked about 60 and 135",
    "Input: the Patterson function up to 9 Å with triplets, per formula unit; energies per atom. Labels: CHGNet 0.3.0. "
    "Trained on all 917 orbits of 1 to 6 Br on the 24 sites of 2x2x2 cells, each composition as heavy as it has "
    "orbits; tested on 25 sampled orbits of each composition of 2x2x3 (36 sites) and 3x3x3 cells (81), of which none "
    "was seen. The columns are Br/sites, each orbit counts once. The second mean baseline is the mean of the tested "
    "labels, which no model is told. The spread is over seeds; methods without random numbers have none.",
    (TRAINING_MEAN, OWN_MEAN, RIDGE, CLUSTERS, *NETWORKS),
    (
        *(Column(f"{n_br}/{n_sites}", f"{n_br}/{n_sites}") for _, _, n_sites, numbers in _TEST for n_br in numbers),
        Column("mean", "mean MAE, meV/atom"),
        Column("cpu_s", "CPU s", 1),
    ),
    _measure,
    lambda method: repr(NETWORKS[method]) if method in NETWORKS else "",
)
"""1 to 6 Br on 24 sites, then other numbers of Br on 36 and 81."""
