"""From a space and its labels to a trained model: `train`, and `cross_validate` for protocols of many models."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.features.settings import FOR_NETWORKS, DiffractionSettings
from matganip.files import claim
from matganip.labels.labelled import stacked
from matganip.labels.parents import parent_space
from matganip.labels.structures import LabelledStructures, holds_structures, read_structures
from matganip.learning import splits
from matganip.learning.asked import joined
from matganip.learning.card import Card
from matganip.learning.choosing import choose
from matganip.learning.config import OPTIMA, MatganipConfig, NetworkSettings
from matganip.learning.crossvalidation import CrossValidation, predict_left_out
from matganip.learning.dataset import Dataset
from matganip.learning.distribution import Distribution
from matganip.learning.distribution_settings import DistributionSettings
from matganip.learning.distribution_training import fit_distribution, scored
from matganip.learning.ensemble import Ensemble
from matganip.learning.evaluation import assess, assessed, energies_of
from matganip.learning.gan import Matganip
from matganip.learning.history import JsonLines
from matganip.learning.many_cells import train_on_structures
from matganip.learning.metrics import evaluate
from matganip.learning.model import Model
from matganip.learning.parts import Parts, split_parts
from matganip.learning.ranks import SpaceRanks, compositions_of
from matganip.learning.representation import GraphRepresentation, representation_to_train
from matganip.learning.solved import Solved
from matganip.progress import reporting
from matganip.results.spans import Span
from matganip.results.training import Choice, Training

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core.structure import Structure

    from matganip.labels.labelled import Labelled
    from matganip.learning.history import Progress, TrainingHistory
    from matganip.progress import ProgressOption, Report
    from matganip.results.evaluation import Assessed

Labels = "LabelTable | Labelled | str | os.PathLike[str]"
Protocol = Literal["random-80-20", "leave-one-orbit-out"]
Mode = Literal["value", "distribution"]
STATE, LOG, MODEL = "training.safetensors", "training.jsonl", "model"


@dataclass(frozen=True, eq=False)
class LabelledSpace:
    """Labels on the orbits of a space, of one composition or several.

    Attributes
    ----------
    name : str
        Of the labels.
    space : ConfigurationSpace
        In whose codes the arrangements are.
    labelled : Labelled
    several : bool
        Whether they are of several compositions.
    """

    name: str
    space: ConfigurationSpace
    labelled: Labelled
    several: bool

    @classmethod
    def of(cls, space: ConfigurationSpace | Sequence[ConfigurationSpace], labels: Any) -> LabelledSpace:
        """Join labels with their spaces; the arguments are those of `train`."""
        spaces = [space] if isinstance(space, ConfigurationSpace) else list(space)
        tables = list(labels) if isinstance(labels, list | tuple) else [labels] * len(spaces)
        if len(tables) != len(spaces):
            raise InputError(f"labels: {len(tables)} tables for {len(spaces)} spaces; give one each, or one for all")
        found = [joined(table, one) for table, one in zip(tables, spaces, strict=True)]
        labelled = stacked([one for _, one in found], spaces)
        if len(labelled) < 2:
            raise InputError(f"{found[0][0]}: {len(labelled)} labelled orbits of this composition; at least 2 needed")
        return cls(found[0][0], spaces[0], labelled, len(spaces) > 1)

    def network_config(
        self,
        settings: DiffractionSettings,
        represent: GraphRepresentation,
        network: NetworkSettings | Mapping[str, Any] | None,
        seed: int,
    ) -> MatganipConfig:
        """The networks for a representation: of its size, and reading intensities where these are shared."""
        # Over several compositions, and in other cells, only the intensities themselves mean the same.
        shared = settings.cutoff is not None or settings.resolution == "clusters" or self.several
        positions = represent.positions if shared else ()
        return MatganipConfig.of(network, n_peaks=represent.n_peaks, seed=seed, positions=positions)

    def dataset(self, represent: GraphRepresentation | None) -> Dataset:
        """All labelled orbits, in eV/atom, each its own group; as graphs, or without any for what needs none."""
        labelled = self.labelled
        matrices = np.zeros((len(labelled), 1, 1)) if represent is None else represent(labelled.occupations)
        return Dataset(matrices, labelled.per_atom, labelled.multiplicity, unit="eV/atom")

    def card(self, represent: GraphRepresentation, settings: DiffractionSettings, readout: str, parts: Parts) -> Card:
        """The card of a model trained on these parts; orbits that chose the epoch count as trained on."""
        card = Card.of(represent, settings, readout=readout, calculator=self.labelled.calculator, table=self.name)
        used = np.unique(np.concatenate([rows for name, rows in parts.rows.items() if name != "test"]))
        return card.with_training_set(self.space, self.labelled.occupations[used])


def train(
    space: ConfigurationSpace | Sequence[ConfigurationSpace] | Structure | Atoms | str | os.PathLike[str],
    labels: Any,
    *,
    diffraction: DiffractionSettings | Mapping[str, Any] | None = None,
    network: NetworkSettings | Mapping[str, Any] | None = None,
    mode: Mode = "value",
    distribution: DistributionSettings | Mapping[str, Any] | None = None,
    linear: bool = False,
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
    space : ConfigurationSpace or sequence of ConfigurationSpace; or a parent structure (object or path)
        The space of the labels; several compositions of one supercell may be given, with a table for each or one for
        all. For structures in any cells the parent is enough, where they tell which species are on which of its sites.
    labels : LabelTable, Labelled, LabellingResult, or name or path of a table; or several; or LabelledStructures
        Total energies of supercells, by one calculator; or of structures in any supercells of the parent, of
        any composition of its species: what `matganip.read_structures` reads, or gave.
    diffraction : DiffractionSettings or mapping, optional
        How arrangements become columns and graphs. By default powder peaks, resolved peaks, pairs, and pairs with
        triplets are tried, and the simplest within a standard error of the best is taken
        (`matganip.learning.choosing`); for a network 28 resolved peaks.
    network : NetworkSettings, MatganipConfig or mapping, optional
        Train the networks G and D on the graphs; ``MatganipConfig.published()`` is the paper's form. Without it the
        model is solved in closed form, in seconds (`matganip.learning.solved`): on a property that the columns
        determine, the game adds nothing to its predictions (docs/results.md).
    mode : {"value", "distribution"}
        Whether the model answers with a value and its deviation, or with the distribution that the columns leave: of
        all arrangements of one powder pattern, with ``diffraction={"resolution": "powder"}`` (docs/distributions.md).
    distribution : DistributionSettings or mapping, optional
        How a distribution is learned; stands for ``mode="distribution"``.
    linear : bool
        Take no function that bends: the energy is then a sum over pairs and triplets of sites, which `certify` proves
        the lowest of and walks follow without a surrogate. In one cell a bent function is often more accurate.
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
    >>> model = mg.train(space, "cspbi3_br/chgnet_X6of24", train_size=150)
    >>> bool(model.training["test"].metrics.skill > 0.98), [one.name for one in model.training.choices if one.taken]
    (True, ['pairs of the parent to 9.1 Å, triplets to 6.7 Å'])
    """
    clock = time.perf_counter()
    asked = _distribution(mode, distribution)
    if asked is not None and (network is not None or members > 1):
        raise InputError(
            "a distribution has networks and members of its own: distribution={...}; leave network and members out"
        )
    if linear and (network is not None or members > 1 or asked is not None):
        raise InputError('linear: goes with a model that is solved; of a network it is readout_fit = "linear"')
    if holds_structures(labels):
        labels = read_structures(labels)
    if isinstance(labels, LabelledStructures):
        if not isinstance(space, ConfigurationSpace | Sequence) or isinstance(space, str):
            space = parent_space(space, labels)
        if asked is not None:
            raise InputError("a distribution is learned of the orbits of a space, not of structures in many cells")
        if network is not None or diffraction is not None or members > 1 or not isinstance(space, ConfigurationSpace):
            raise InputError("structures in many cells are learned in closed form, on one parent; leave the rest out")
        model = Model(*train_on_structures(space, labels, train_size=train_size, seed=seed))
        if folder is not None:
            claim(Path(folder), overwrite=overwrite)
            model.save(Path(folder) / MODEL)
        return model
    spaces = (
        [space] if isinstance(space, ConfigurationSpace) else list(space) if isinstance(space, list | tuple) else []
    )
    if not all(isinstance(one, ConfigurationSpace) for one in spaces) or not spaces:
        raise InputError("labels of orbits belong to a ConfigurationSpace(parent, supercell, substitutions)")
    if isinstance(train_size, float) and not 0.0 < train_size <= 1.0:
        raise InputError(f"train_size = {train_size:g} must be above 0 and at most 1, or a number of orbits")
    if not 0.0 <= validation < 1.0:
        raise InputError(f"validation = {validation:g} must be at least 0 and below 1")
    data = LabelledSpace.of(spaces, labels)
    split_options = {"train_size": train_size, "validation": validation, "seed": seed}
    with reporting(progress) as report:
        if network is None and members == 1:
            model = _solve(data, diffraction, asked, linear, split, split_options, report, clock)
            if folder is not None:
                claim(Path(folder), overwrite=overwrite)
        else:
            if members > 1 and resume:
                raise InputError("resume: an ensemble is trained in one go; train it anew")
            disk = (folder, overwrite, resume)
            model = _train_network(data, diffraction, network, members, split, split_options, disk, report, clock)
        if folder is not None:
            model.save(Path(folder) / MODEL)
    return model


def _solve(
    data: LabelledSpace,
    diffraction: DiffractionSettings | Mapping[str, Any] | None,
    asked: DistributionSettings | None,
    linear: bool,
    split: str,
    split_options: dict[str, Any],
    report: Report,
    clock: float,
) -> Model:
    """A model in closed form, on the representation that rows left out prefer, or on the one given; what it leaves."""
    parts = split_parts(data.dataset(None), data.space, data.labelled.occupations, split, **split_options)
    settings = None if diffraction is None else DiffractionSettings.of(diffraction)
    report("solve", 0, 1, "trying representations")
    started = time.perf_counter()
    fitted_to = [name for name in parts.rows if name != "test"]
    rows = np.concatenate([parts.rows[name] for name in fitted_to])
    counts = np.concatenate([parts.multiplicity[name] for name in fitted_to])
    trained_on = data.labelled[rows].weighted(counts)
    found, tried = choose(data.space, trained_on, settings, linear=linear)
    report("solve", 1, 1, found.name)
    predictor: Solved | Distribution = found.solved
    filled_in = 0
    if asked is not None:
        predictor, filled_in = fit_distribution(
            data.space, trained_on, found, asked, fills=not data.several, seed=split_options["seed"], report=report
        )
    solved = time.perf_counter()
    known = parts.labelled("train", data.labelled)
    judged = tuple(
        assess(name, predictor, found.represent, parts.labelled(name, data.labelled), known) for name in parts.rows
    )
    distributions = (
        tuple(
            scored(name, predictor, found.represent, parts.labelled(name, data.labelled), known) for name in parts.rows
        )
        if isinstance(predictor, Distribution)
        else ()
    )
    seconds = {"prepare": started - clock, "train": solved - started, "evaluate": time.perf_counter() - solved}
    training = _training(data, parts, judged, seconds, split_options["seed"], choices=tried, span=found.span)
    readout = "linear" if found.solved.kind == "linear" else "kernel"
    card = replace(data.card(found.represent, found.settings, readout, parts), span=found.span)
    return Model(predictor, card, replace(training, distributions=distributions, filled_in=filled_in))


def _distribution(mode: str, settings: DistributionSettings | Mapping[str, Any] | None) -> DistributionSettings | None:
    """How a distribution is learned; None where none is asked for."""
    if mode not in get_args(Mode):
        raise InputError(f"mode {mode!r}: must be one of {', '.join(get_args(Mode))}")
    return None if mode == "value" and settings is None else DistributionSettings.of(settings)


def _train_network(
    data: LabelledSpace,
    diffraction: DiffractionSettings | Mapping[str, Any] | None,
    network: NetworkSettings | Mapping[str, Any] | None,
    members: int,
    split: str,
    split_options: dict[str, Any],
    disk: tuple[str | os.PathLike[str] | None, bool, bool],
    report: Report,
    clock: float,
) -> Model:
    """A network, or an ensemble of them, trained by the game."""
    settings = FOR_NETWORKS if diffraction is None else DiffractionSettings.of(diffraction)
    represent, settings = representation_to_train(settings, data.space)
    config = data.network_config(settings, represent, network, split_options["seed"])
    predictor = Matganip(config) if members == 1 else Ensemble(config, members)
    graphs = data.dataset(represent)
    parts = split_parts(graphs, data.space, data.labelled.occupations, split, **split_options)
    check = parts.dataset("validation", graphs) if "validation" in parts.rows else None
    with _kept(*disk) as (state, log):
        follow, started = _follower(report, log), time.perf_counter()
        if isinstance(predictor, Ensemble):
            predictor.fit(parts.dataset("train", graphs), check, lambda _, now: follow(now))
        else:
            predictor.fit(parts.dataset("train", graphs), check, follow, state=state)
    trained = time.perf_counter()
    known = parts.labelled("train", data.labelled)
    judged = tuple(
        assess(name, predictor, represent, parts.labelled(name, data.labelled), known) for name in parts.rows
    )
    seconds = {"prepare": started - clock, "train": trained - started, "evaluate": time.perf_counter() - trained}
    one = predictor.members[0] if isinstance(predictor, Ensemble) else predictor
    span = SpaceRanks(data.space, compositions_of(data.space, data.labelled.occupations)).span(represent)
    training = _training(
        data, parts, judged, seconds, config.seed, history=one.history, objective=config.objective, span=span
    )
    card = replace(data.card(represent, settings, config.readout_fit, parts), span=span)
    return Model(predictor, card, training)


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
    data = LabelledSpace.of(space, labels)
    settings = None if diffraction is None else DiffractionSettings.of(diffraction)
    if network is not None:
        settings = settings or FOR_NETWORKS
    represent = None
    if settings is not None:
        represent, settings = representation_to_train(settings, data.space)
    graphs = data.dataset(represent if network is not None else None)
    cases = (
        [splits.random_rows(graphs, 0.8, seed=seed)]
        if protocol == "random-80-20"
        else list(splits.leave_one_orbit_out(graphs))
    )
    with reporting(progress) as report:
        step = f"evaluate, {protocol}"
        report(step, 0, len(cases), "models")
        if network is None or settings is None or represent is None:
            represent, found = _predict_left_out_solved(data, cases, settings, report, step)
        else:
            config = data.network_config(settings, represent, network, seed)
            found = predict_left_out(cases, config, lambda done: report(step, done, len(cases), "models"))
    tested = data.labelled[found.rows].weighted(np.rint(found.weight).astype(np.int64))
    return assessed(
        protocol,
        represent,
        tested,
        predicted=found.prediction,
        baseline=found.baseline,
        n_train=max(int(case.train.weight.sum()) for case in cases),
        orbits_train=max(len(case.train) for case in cases),
        n_leaked=int(sum(case.leaked for case in cases)),
    )


MOST_CHOSEN = 40
"""Folds in each of which the representation is chosen anew; of more, the first fold's choice serves for all."""


def _predict_left_out_solved(
    data: LabelledSpace, cases: list[splits.Split], settings: DiffractionSettings | None, report: Report, step: str
) -> tuple[GraphRepresentation, CrossValidation]:
    """Solve a model for each split on its training rows, representation and all, and ask it about the others."""
    columns: list[tuple[NDArray[Any], ...]] = []
    represent: GraphRepresentation | None = None
    for done, case in enumerate(cases, 1):
        labelled = data.labelled[case.train_rows].weighted(np.rint(case.train.weight).astype(np.int64))
        found, _ = choose(data.space, labelled, settings)
        if len(cases) > MOST_CHOSEN:
            settings = found.settings
        represent = represent or found.represent
        mean, _ = energies_of(found.solved, found.represent, data.labelled.occupations[case.test_rows])
        baseline = np.full(len(mean), found.solved.baseline)
        columns.append((case.test_rows, mean, case.test.target, baseline, case.test.weight))
        report(step, done, len(cases), "models")
    assert represent is not None  # noqa: S101 - there is at least one split
    rows, prediction, target, baseline, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
    metrics = evaluate(prediction, target, baseline=baseline, weight=weight, unit="eV/atom")
    return represent, CrossValidation(rows, prediction, target, baseline, weight, metrics)


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
    data: LabelledSpace,
    parts: Parts,
    judged: tuple[Assessed, ...],
    seconds: dict[str, float],
    seed: int,
    *,
    history: TrainingHistory | None = None,
    objective: str = "",
    choices: tuple[Choice, ...] = (),
    span: Span | None = None,
) -> Training:
    return Training(
        calculator=data.labelled.calculator,
        labels=data.name,
        split=parts.kind,
        leaked=parts.leaked,
        parts=judged,
        history=history,
        objective=objective,
        optimum=OPTIMA.get(objective),
        seed=seed,
        seconds={step: round(taken, 3) for step, taken in seconds.items()},
        choices=choices,
        span=span,
    )
