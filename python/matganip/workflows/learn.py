"""The learning part of a study: which rows train, which test, and what is said about the outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.batch import locate
from matganip.errors import InputError, require
from matganip.learning import metrics, splits
from matganip.learning.config import MatganipConfig
from matganip.learning.dataset import Dataset
from matganip.learning.representation import GraphRepresentation
from matganip.screening.ranking import Ranking
from matganip.workflows.listener import Listener
from matganip.workflows.results import Evaluated, Joined, Screened, Trained
from matganip.workflows.schema import Protocol, Study

if TYPE_CHECKING:
    from matganip.learning.history import Progress

Floats = NDArray[np.float64]


class Learner:
    """Trains and judges the models of one study.

    Parameters
    ----------
    study : Study
        Its [model], its seed, and how many orbits the ranking model trains on.
    represent : GraphRepresentation
        Its graphs. Where they are of several compositions, or of a kind that other cells share, the readout is to read
        the intensities themselves (`matganip.learning.scaling.vertex_strengths`).

    Raises
    ------
    MissingExtraError, InputError
        If torch is not installed, or the device not there: now, not after the enumeration.
    """

    def __init__(self, study: Study, represent: GraphRepresentation) -> None:
        require("torch", "learn")
        from matganip.learning.gan import Matganip

        self.study = study
        further = {"positions": represent.positions} if study.diffraction.cutoff or study.labels.also else {}
        self.config = MatganipConfig.from_dict(
            {"n_peaks": study.diffraction.n_peaks, "seed": study.seed, **further, **study.model.model_dump()}
        )
        self.new_model = partial(Matganip, self.config)
        self.new_model()  # a device that is not there is said now

    def evaluate(self, protocol: Protocol, joined: Joined, matrices: NDArray[np.float32], hear: Listener) -> Evaluated:
        """Train and test by a protocol, on labelled orbits and their matrices, in the same order."""
        from matganip.learning.crossvalidation import cross_validate

        data = _dataset(joined, matrices)
        if protocol == "random-80-20":
            cases = [splits.random_rows(data, 0.8, seed=self.study.seed)]
        else:
            cases = list(splits.leave_one_orbit_out(data))
        name, total = f"evaluate, {protocol}", len(cases)
        hear.progress(name, 0, total, "models")
        found = cross_validate(cases, self.config, lambda done: hear.progress(name, done, total, "models"))
        return _evaluated(
            protocol,
            joined,
            calculated=found.target,
            predicted=found.prediction,
            baseline=found.baseline,
            weight=found.weight,
            n_train=max(int(case.train.weight.sum()) for case in cases),
            n_leaked=int(sum(case.leaked for case in cases)),
            orbits_train=max(len(case.train) for case in cases),
        )

    def train(self, joined: Joined, represent: GraphRepresentation, hear: Listener) -> Trained:
        """Train the model that ranks, on as many labelled orbits as the study says, drawn with its seed."""
        start = time.perf_counter()
        labelled = joined.labelled
        data, rows = _dataset(joined, represent(labelled.occupations)), np.arange(len(labelled))
        n_train = self.study.screen.train or len(labelled)
        if n_train < len(labelled):
            split = splits.by_orbit(data, n_train, seed=self.study.seed)
            data, rows = split.train, split.train_rows
        model = self.new_model()
        history = model.fit(data, callback=telling(hear))
        return Trained(model, history, data, rows, labelled.calculator, time.perf_counter() - start)

    def check(self, ranking: Ranking, joined: Joined, trained: Trained, top: int) -> Screened:
        """Put the labels beside the ranking, and judge it on those that the model has not seen."""
        labelled = joined.labelled
        place = locate(labelled.occupations, ranking.occupations)
        label = np.full(len(ranking), np.nan)
        label[place] = labelled.energy
        seen = np.zeros(len(ranking), dtype=bool)
        seen[place[trained.rows]] = True
        unseen = np.isfinite(label) & ~seen
        if not unseen.any():
            return Screened(ranking, label, seen, labelled.calculator, top, None, None)
        check = _evaluated(
            "screen",
            joined,
            calculated=label[unseen],
            predicted=ranking.prediction[unseen],
            baseline=np.full(int(unseen.sum()), trained.data.baseline),
            weight=ranking.multiplicity[unseen],
            n_train=int(trained.data.weight.sum()),
            n_leaked=0,
            orbits_train=len(trained.rows),
        )
        lowest = metrics.top_k_recall(ranking.prediction[unseen], label[unseen], min(top, int(unseen.sum())))
        return Screened(ranking, label, seen, labelled.calculator, top, lowest, check)


def telling(hear: Listener) -> Callable[[Progress], None]:
    """Pass the epochs of a training on as progress."""

    def callback(now: Progress) -> None:
        game = ""
        if not np.isnan(now.loss_d):
            game = f"loss(D) {now.loss_d:.3f}  D(x_r) {now.d_real:.2f}  D(x_f) {now.d_fake:.2f}  "
        error = f"MAE {now.train_mae / now.baseline_mae:.3f} of the constant's"
        hear.progress("train", now.epoch, now.epochs, game + error)

    return callback


def _dataset(joined: Joined, matrices: NDArray[np.float32]) -> Dataset:
    """Labelled orbits, each its own group, weighted by multiplicity."""
    labelled = joined.labelled
    if len(matrices) != len(labelled):
        raise InputError(f"{joined.table}: {len(labelled)} labels, but {len(matrices)} matrices")
    return Dataset(matrices, labelled.energy, labelled.multiplicity, unit="eV")


def _evaluated(
    protocol: str,
    joined: Joined,
    *,
    calculated: Floats,
    predicted: Floats,
    constant: Floats,
    weight: NDArray[np.int64] | Floats,
    n_train: int,
    n_leaked: int,
    orbits_train: int,
) -> Evaluated:
    """Energies in eV a supercell to meV an atom from the labels' mean, and the errors of them."""
    labelled = joined.labelled
    factor = 1000.0 / labelled.n_atoms
    mean = float(np.average(labelled.energy, weights=labelled.multiplicity))
    found = metrics.evaluate(predicted, calculated, baseline=constant, weight=weight, unit="eV")
    return Evaluated(
        protocol=protocol,
        calculator=labelled.calculator,
        calculated=(calculated - mean) * factor,
        predicted=(predicted - mean) * factor,
        baseline=(constant - mean) * factor,
        multiplicity=weight.astype(np.int64),
        n_train=n_train,
        n_test=int(weight.sum()),
        n_leaked=n_leaked,
        orbits_train=orbits_train,
        orbits_test=len(calculated),
        metrics=found.scaled(factor, "meV/atom"),
    )
