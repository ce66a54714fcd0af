"""Trained on small cells of several compositions, asked about larger ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from matganip.benchmarks.reproduce.benchmark import Benchmark, Column, Measured
from matganip.benchmarks.reproduce.labelled_orbits import LabelledOrbits, labelled_orbits
from matganip.benchmarks.reproduce.methods import CLUSTERS, DEFAULT
from matganip.configurations.batch import ConfigurationBatch
from matganip.labels.structures import LabelledStructures
from matganip.learning.baselines import ConstantBaseline, RidgeBaseline
from matganip.learning.config import MatganipConfig
from matganip.learning.fitting import train
from matganip.learning.model import Model
from matganip.learning.solved import Solved

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pymatgen.core.structure import Structure

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


def _trained(method: str, seed: int) -> Model:
    """On the orbits of every composition, each counting once as in the tests."""
    if method == DEFAULT:
        space = _training()[0].space
        given = [structure for part in _training() for structure in _structures(part)]
        energies = np.concatenate([part.labelled.energy for part in _training()])
        return train(space, LabelledStructures.of(given, energies, "CHGNet"), seed=seed)
    once = [part.labelled.weighted(np.ones(len(part.labelled), dtype=np.int64)) for part in _training()]
    spaces = [part.space for part in _training()]
    return train(spaces, once, diffraction=_training()[0].diffraction, network=NETWORKS[method], seed=seed)


def _asked(model: Model, part: LabelledOrbits) -> Floats:
    """Energies of a test composition, meV/atom."""
    if isinstance(model.predictor, Solved):
        return 1000.0 * model.predict_structures(_structures(part)).energy / part.space.n_atoms
    batch = ConfigurationBatch(part.space, part.labelled.occupations, part.labelled.multiplicity)
    return 1000.0 * model.predict(batch).energy / part.space.n_atoms


def _structures(part: LabelledOrbits) -> list[Structure]:
    return list(ConfigurationBatch(part.space, part.labelled.occupations, part.labelled.multiplicity).structures())


def _fitted(method: str) -> Callable[[LabelledOrbits], Floats]:
    """A baseline's answer to a test composition, meV/atom."""
    if method == OWN_MEAN:
        return lambda part: np.full(len(part.target), part.target.mean())
    baseline = ConstantBaseline() if method == TRAINING_MEAN else RidgeBaseline()
    reads = "clusters" if method == CLUSTERS else "vertices"
    features = np.concatenate([part.features(reads) for part in _training()])
    target = np.concatenate([part.target for part in _training()])
    baseline.fit(features, target, np.ones(len(target)))
    return lambda part: baseline.predict(part.features(reads))


def _measure(method: str, seed: int) -> Measured:
    """One training, eight tests."""
    tests, start = _tests(), time.process_time()
    model = _trained(method, seed) if method in (*NETWORKS, DEFAULT) else None
    ask = _fitted(method) if model is None else partial(_asked, model)
    errors = {name: float(np.abs(ask(part) - part.target).mean()) for name, part in tests.items()}
    return Measured(
        {**errors, "mean": float(np.mean(list(errors.values()))), "cpu_s": time.process_time() - start}, model
    )


TRANSFER = Benchmark(
    "transfer",
    "Larger cells: trained on 40 atoms, asked about 60 and 135",
    "Input: the Patterson function up to 9 Å with triplets, per formula unit; matganip.train without settings reads "
    "the structures. Labels: CHGNet 0.3.0, energies per atom. Trained on all 917 orbits of 1 to 6 Br on the 24 sites "
    "of 2x2x2 cells; tested on 25 sampled orbits of each composition of 2x2x3 (36 sites) and 3x3x3 cells (81), of "
    "which none was seen. The columns are Br/sites; each orbit counts once, in training and test. The second mean "
    "baseline is the mean of the tested labels, which no model is told. The spread is over seeds; methods without "
    "random numbers have none.",
    (TRAINING_MEAN, OWN_MEAN, RIDGE, CLUSTERS, *NETWORKS, DEFAULT),
    (
        *(Column(f"{n_br}/{n_sites}", f"{n_br}/{n_sites}") for _, _, n_sites, numbers in _TEST for n_br in numbers),
        Column("mean", "mean MAE, meV/atom"),
        Column("cpu_s", "CPU s", 1),
    ),
    _measure,
    lambda method: repr(NETWORKS[method]) if method in NETWORKS else "",
)
"""1 to 6 Br on 24 sites, then other numbers of Br on 36 and 81."""
