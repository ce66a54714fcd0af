"""From a space and its labels to a trained model: `train`, and `cross_validate` for protocols of many models."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.features.settings import DiffractionSettings
from matganip.files import claim
from matganip.labels.labelled import stacked
from matganip.learning import splits
from matganip.learning.card import Card
from matganip.learning.config import OPTIMA, MatganipConfig, NetworkSettings
from matganip.learning.crossvalidation import predict_left_out
from matganip.learning.dataset import Dataset
from matganip.learning.ensemble import Ensemble
from matganip.learning.evaluation import assess, assessed
from matganip.learning.gan import Matganip
from matganip.learning.history import JsonLines
from matganip.learning.model import Model, joined
from matganip.learning.parts import Parts, split_parts
from matganip.learning.representation import GraphRepresentation, representation
from matganip.progress import reporting
from matganip.results.training import Training

if TYPE_CHECKING:
    from matganip.labels.labelled import Labelled
    from matganip.learning.history import Progress
    from matganip.progress import ProgressOption, Report
    from matganip.results.evaluation import Assessed

Labels = "LabelTable | Labelled | str | os.PathLike[str]"
Protocol = Literal["random-80-20", "leave-one-orbit-out"]
STATE, LOG, MODEL = "training.safetensors", "training.jsonl", "model"


@dataclass(frozen=True, eq=False)
class Task:
    """What is learned from what: labelled arrangements of a space as graphs, and the networks for them.

    Attributes
    ----------
    name : str
        Of the labels.
    labelled : Labelled
        In the codes of the representation's space.
    represent : GraphRepresentation
    settings : DiffractionSettings
        Which made it.
    config : MatganipConfig
    """

    name: str
    labelled: Labelled
    represent: GraphRepresentation
    settings: DiffractionSettings
    config: MatganipConfig

    @classmethod
    def of(
        cls,
        space: ConfigurationSpace | Sequence[ConfigurationSpace],
        labels: Any,
        diffraction: DiffractionSettings | Mapping[str, Any] | None,
        network: NetworkSettings | Mapping[str, Any] | None,
        seed: int,
    ) -> Task:
        """Join labels with their spaces and choose the sizes of the networks; the arguments are those of `train`."""
        spaces = [space] if isinstance(space, ConfigurationSpace) else list(space)
        tables = list(labels) if isinstance(labels, list | tuple) else [labels] * len(spaces)
        if len(tables) != len(spaces):
            raise InputError(f"labels: {len(tables)} tables for {len(spaces)} spaces; give one each, or one for all")
        found = [joined(table, one) for table, one in zip(tables, spaces, strict=True)]
        settings = DiffractionSettings.of(diffraction or {"resolution": "resolved"})
        represent = representation(settings, spaces[0])
        # Over several compositions, and in other cells, only the intensities themselves mean the same.
        shared = settings.cutoff is not None or len(spaces) > 1
        positions = represent.positions if shared else ()
        config = MatganipConfig.of(network, n_peaks=represent.n_peaks, seed=seed, positions=positions)
        labelled = stacked([one for _, one in found], spaces)
        if len(labelled) < 2:
            raise InputError(f"{found[0][0]}: {len(labelled)} labelled orbits of this composition; at least 2 needed")
        return cls(found[0][0], labelled, represent, settings, config)

    @property
    def space(self) -> ConfigurationSpace:
        """Whose codes the labelled arrangements have."""
        return self.represent.space

    def dataset(self) -> Dataset:
        """All labelled orbits as graphs, in eV/atom, each its own group."""
        labelled = self.labelled
        return Dataset(self.represent(labelled.occupations), labelled.per_atom, labelled.multiplicity, unit="eV/atom")

    def card(self, parts: Parts) -> Card:
        """The card of a model trained on these parts; orbits that chose the epoch count as trained on."""
        card = Card.of(
            self.represent,
            self.settings,
            readout=self.config.readout_fit,
            calculator=self.labelled.calculator,
            table=self.name,
        )
        used = np.unique(np.concatenate([rows for name, rows in parts.rows.items() if name != "test"]))
        return card.with_training_set(self.space, self.labelled.occupations[used])


def train(
    space: ConfigurationSpace | Sequence[ConfigurationSpace],
    labels: Any,
    *,
    diffraction: DiffractionSettings | Mapping[str, Any] | None = None,
    network: NetworkSettings | Mapping[str, Any] | None = None,
    split: str = "orbit",
    train_size: float | int | None = None,
    validation: float = 0.0,
    members: int = 1,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressOption = None,
) -> Model:
    """Train a model on labelled arrangements.

    Parameters
    ----------
    space : ConfigurationSpace or sequence of ConfigurationSpace
        The space of the labels; several compositions of one supercell may be given, with a table for each or one for
        all.
    labels : LabelTable, Labelled, or name or path of a table; or a sequence of these
        Total energies of supercells, by one calculator.
    diffraction : DiffractionSettings or mapping, optional
        How arrangements become graphs; by default 28 resolved peaks.
    network : NetworkSettings, MatganipConfig or mapping, optional
        Networks and training; ``MatganipConfig.published()`` is the paper's form.
    split : {"orbit", "composition", "formula", "element", "random"}
        What is never in both training and test set; "random" is the paper's split, through which orbits leak.
    train_size : float or int, optional
        Share of the labelled orbits (compositions ...) in the training set, or their number; the others are the test
        set. All are trained on by default.
    validation : float
        Share of the training orbits that is kept apart to choose the epoch.
    members : int
        More than one trains an ensemble, whose spread is the deviation of its predictions.
    seed : int
        Of the split, the weights and the order of the batches.
    folder : path-like, optional
        Where to keep the state while it trains, a line of JSON for each epoch (``training.jsonl``), and in the end the
        model, in ``model/``. In memory only by default.
    overwrite, resume : bool
        Whether files of an earlier training there may be replaced, or that training is resumed.
    progress : bool or callable, optional
        See `matganip.progress`.

    Returns
    -------
    Model
        Its ``training`` has the errors on every part beside the mean baseline.

    Raises
    ------
    InputError
        If the labels do not fit the space, a setting is out of its range, a part of the split would be empty, the
        training diverges, or the folder cannot be used.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> model = mg.train(space, "cspbi3_br/chgnet_X6of24", train_size=150, network={"epochs": 10})
    >>> model.training["test"].metrics.skill > 0.9
    True
    """
    clock = time.perf_counter()
    if isinstance(train_size, float) and not 0.0 < train_size <= 1.0:
        raise InputError(f"train_size = {train_size:g} must be above 0 and at most 1, or a number of orbits")
    if not 0.0 <= validation < 1.0:
        raise InputError(f"validation = {validation:g} must be at least 0 and below 1")
    if members > 1 and resume:
        raise InputError("resume: an ensemble is trained in one go; train it anew")
    task = Task.of(space, labels, diffraction, network, seed)
    predictor = Matganip(task.config) if members == 1 else Ensemble(task.config, members)
    data = task.dataset()
    parts = split_parts(
        data, task.space, task.labelled.occupations, split, train_size=train_size, validation=validation, seed=seed
    )
    with reporting(progress) as report, _kept(folder, overwrite, resume) as (state, log):
        check = parts.dataset("validation", data) if "validation" in parts.rows else None
        follow = _follower(report, log)
        started = time.perf_counter()
        if isinstance(predictor, Ensemble):
            predictor.fit(parts.dataset("train", data), check, lambda _, now: follow(now))
        else:
            predictor.fit(parts.dataset("train", data), check, follow, state=state)
        trained = time.perf_counter()
        judged = tuple(
            assess(name, predictor, task.represent, parts.labelled(name, task.labelled)) for name in parts.rows
        )
        seconds = {"prepare": started - clock, "train": trained - started, "evaluate": time.perf_counter() - trained}
        model = Model(predictor, task.card(parts), _training(task, predictor, parts, judged, seconds))
        if folder is not None:
            model.save(Path(folder) / MODEL)
    return model


def cross_validate(
    space: ConfigurationSpace,
    labels: Any,
    protocol: Protocol = "leave-one-orbit-out",
    *,
    diffraction: DiffractionSettings | Mapping[str, Any] | None = None,
    network: NetworkSettings | Mapping[str, Any] | None = None,
    seed: int = 0,
    progress: ProgressOption = None,
) -> Assessed:
    """Predict labelled arrangements by models that were not trained on them.

    Parameters
    ----------
    space, labels, diffraction, network, seed, progress
        As for `train`.
    protocol : {"leave-one-orbit-out", "random-80-20"}
        A model for each orbit, trained on all others; or the paper's random split of arrangements, through which orbits
        leak (the result counts how many).

    Returns
    -------
    Assessed
        Predictions, the mean baseline of each row's own training set, and the errors of both.

    Raises
    ------
    InputError
        As `train`.
    """
    if protocol not in get_args(Protocol):
        raise InputError(f"protocol {protocol!r}: must be one of {', '.join(get_args(Protocol))}")
    task = Task.of(space, labels, diffraction, network, seed)
    data = task.dataset()
    cases = (
        [splits.random_rows(data, 0.8, seed=seed)]
        if protocol == "random-80-20"
        else list(splits.leave_one_orbit_out(data))
    )
    with reporting(progress) as report:
        step = f"evaluate, {protocol}"
        report(step, 0, len(cases), "models")
        found = predict_left_out(cases, task.config, lambda done: report(step, done, len(cases), "models"))
    tested = task.labelled[found.rows].weighted(np.rint(found.weight).astype(np.int64))
    return assessed(
        protocol,
        task.represent,
        tested,
        predicted=found.prediction,
        baseline=found.baseline,
        n_train=max(int(case.train.weight.sum()) for case in cases),
        orbits_train=max(len(case.train) for case in cases),
        n_leaked=int(sum(case.leaked for case in cases)),
    )


@contextmanager
def _kept(
    folder: str | os.PathLike[str] | None, overwrite: bool, resume: bool
) -> Iterator[tuple[Path | None, Callable[[Progress], object]]]:
    """The state of a training on disk while it runs, and its log; neither without a folder."""
    if folder is None:
        yield None, lambda _: None
        return
    path = Path(folder)
    state = path / STATE
    resumes = resume and state.exists()
    claim(path, overwrite=overwrite or resumes)
    if not resumes:
        state.unlink(missing_ok=True)
    yield state, JsonLines(path / LOG, append=resumes)
    state.unlink(missing_ok=True)  # what it kept is in the model now


def _follower(report: Report, log: Callable[[Progress], object]) -> Callable[[Progress], None]:
    """Passes the epochs of a training on, to the log and as progress."""

    def follow(now: Progress) -> None:
        log(now)
        game = ""
        if not np.isnan(now.loss_d):
            game = f"loss(D) {now.loss_d:.3f}  D(x_r) {now.d_real:.2f}  D(x_f) {now.d_fake:.2f}  "
        error = f"MAE {now.train_mae / now.baseline_mae:.3f} of the mean baseline's"
        report("train", now.epoch, now.epochs, game + error)

    return follow


def _training(
    task: Task, predictor: Matganip | Ensemble, parts: Parts, judged: tuple[Assessed, ...], seconds: dict[str, float]
) -> Training:
    one = predictor.members[0] if isinstance(predictor, Ensemble) else predictor
    return Training(
        calculator=task.labelled.calculator,
        labels=task.name,
        split=parts.kind,
        leaked=parts.leaked,
        parts=judged,
        history=one.history,
        objective=task.config.objective,
        optimum=OPTIMA.get(task.config.objective),
        seed=task.config.seed,
        seconds={step: round(taken, 3) for step, taken in seconds.items()},
    )
