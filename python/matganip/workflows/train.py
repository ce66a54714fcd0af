"""`matganip train`: a model from the labels of a study, judged on orbits that it has not seen, in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.configurations.codec import space_metadata
from matganip.configurations.io.parquet import arrangement_columns
from matganip.errors import InputError, require
from matganip.files import atomic_path, claim, sha256, write_json
from matganip.learning.card import Card
from matganip.learning.config import OPTIMA
from matganip.learning.dataset import Dataset
from matganip.learning.evaluation import Assessed, assess, or_null
from matganip.learning.history import JsonLines
from matganip.versions import versions
from matganip.workflows.learn import Learner, telling
from matganip.workflows.listener import Clock, Listener, Silent
from matganip.learning.parts import Parts, split_parts
from matganip.workflows.prepare import Labels, prepare_labels

if TYPE_CHECKING:
    from matganip.learning.gan import Matganip
    from matganip.learning.history import Progress
    from matganip.workflows.schema import Study


STATE, LOG = "training.safetensors", "training.jsonl"


@dataclass(frozen=True)
class Training:
    """What `train` made.

    Parameters
    ----------
    study : Study
    labels : Labels
        The space, its representation, and its labels.
    card : Card
        Of the model.
    model : Matganip
        It predicts eV/atom.
    split : Parts
        Which orbits did what.
    parts : tuple of Assessed
        "train", "validation" and "test", those of them that there are.
    seconds : dict of str to float
        Of each step.
    """

    study: Study
    labels: Labels
    card: Card
    model: Matganip
    split: Parts
    parts: tuple[Assessed, ...]
    seconds: dict[str, float]


def train(
    study: Study,
    base: Path,
    folder: Path,
    *,
    split: str = "orbit",
    train_size: float = 0.8,
    validation: float = 0.0,
    overwrite: bool = False,
    resume: bool = False,
    listener: Listener | None = None,
    command: tuple[str, ...] = (),
    source: Path | None = None,
) -> Training:
    """Train on the labels of a study and write model, metrics, predictions and figures.

    Parameters
    ----------
    study : Study
        Its [labels], [diffraction], [model] and seed are used; [screen] and the protocols are for `matganip run`.
    base : pathlib.Path
        The folder that the study's relative paths start from.
    folder : pathlib.Path
        Where the results go: ``model/``, ``metrics.json``, ``predictions.parquet``, ``training.jsonl``, ``figures/``;
        ``training.safetensors`` stands there while it trains.
    split : {"orbit", "composition", "formula", "element", "random"}
        What is never in both the training and the test set; "random" is the paper's split, through which orbits leak.
    train_size : float
        Part of the labelled orbits (compositions ...) to train on, drawn with the study's seed; the others are the
        test. 1 trains on all.
    validation : float
        Part of the training orbits that are kept apart to choose the epoch (and to stop early); 0 keeps none.
    overwrite : bool
        Whether an earlier run's files there may be replaced.
    resume : bool
        Whether to go on with a training of the same study that was interrupted in this folder.
    listener : Listener, optional
        Hears how far it is.
    command : tuple of str
        The command line, for the record.
    source : pathlib.Path, optional
        The study file, for the record.

    Returns
    -------
    Training

    Raises
    ------
    InputError, MissingExtraError
        If something that the study names is missing or wrong, a part of the split would be empty, the folder
        cannot be written, or an optional dependency is not installed.
    """
    clock = Clock(listener or Silent())
    with clock.step("read"):
        require("matplotlib", "report")
        if not 0.0 < train_size <= 1.0 or not 0.0 <= validation < 1.0:
            raise InputError(
                f"train_size = {train_size:g} must be above 0 and at most 1, validation = {validation:g} at least 0 "
                "and below 1"
            )
        labels = prepare_labels(study, base, str(source or "study"))
        model = Learner(study, labels.represent).new_model()
        data = _dataset(labels)
        parts = split_parts(
            data, labels.space, labels.labelled.occupations, split,
            train_size=train_size, validation=validation, seed=study.seed,
        )  # fmt: skip
        state = folder / STATE
        going_on = resume and state.exists()
        claim(folder, overwrite=overwrite or going_on)
        if not going_on:
            state.unlink(missing_ok=True)
    with clock.step("train"):
        check = parts.dataset("validation", data) if "validation" in parts.rows else None
        tell, log = telling(clock.listener), JsonLines(folder / LOG, append=going_on)

        def follow(progress: Progress) -> None:
            log(progress)
            tell(progress)

        model.fit(parts.dataset("train", data), validation=check, callback=follow, state=state)
    with clock.step("evaluate"):
        judged = tuple(
            assess(name, model, labels.represent, parts.labelled(name, labels.labelled)) for name in parts.rows
        )
    made = Training(study, labels, _card(study, labels, parts), model, parts, judged, clock.seconds)
    with clock.step("write"):
        _write(made, folder, command=command, source=source)
        state.unlink()  # what it kept is in the model now
    return made


def _dataset(labels: Labels) -> Dataset:
    """All labelled orbits."""
    labelled = labels.labelled
    if len(labelled) < 2:
        raise InputError(f"{labels.table.name}: {len(labelled)} labelled orbits of this composition; at least 2 needed")
    per_atom = labelled.energy / labelled.n_atoms
    return Dataset(labels.represent(labelled.occupations), per_atom, labelled.multiplicity, unit="eV/atom")


def _card(study: Study, labels: Labels, parts: Parts) -> Card:
    """What the model is to know of itself; orbits that chose the epoch count as trained on."""
    card = Card(
        diffraction=study.diffraction,
        parent=labels.parent,
        symprec=study.parent.symprec,
        supercell=study.supercell,
        substitutions=study.substitutions,
        positions=labels.represent.vertex_positions,
        readout=study.model.readout_fit,
        calculator=labels.labelled.calculator,
        table=labels.table.name,
        species=labels.space.species,
        trained_on=(),
    )
    used = np.unique(np.concatenate([part for name, part in parts.rows.items() if name != "test"]))
    return card.with_training_set(labels.space, labels.labelled.occupations[used])


def _write(made: Training, folder: Path, *, command: tuple[str, ...], source: Path | None) -> None:
    from matganip.workflows.train_pictures import draw_training_figures

    made.model.save(folder / "model")
    made.card.write(folder / "model")
    write_predictions(made, folder / "predictions.parquet")
    draw_training_figures(made, folder / "figures")
    inputs = ([source] if source else []) + list(made.labels.files)
    record = {
        **summary(made),
        "command": list(command),
        "versions": versions(),
        "study_file": made.study.model_dump(mode="json"),
        "inputs": {str(path): sha256(path) for path in inputs},
    }
    write_json(folder / "metrics.json", record)


def write_predictions(made: Training, path: Path) -> None:
    """Every labelled orbit with its part in the training, its label and its prediction, as Parquet."""
    space, per_cell = made.labels.space, made.labels.labelled.n_atoms / 1000.0
    where = arrangement_columns(space, np.concatenate([one.occupations for one in made.parts]))
    table = pa.table(
        {
            "part": pa.array([one.name for one in made.parts for _ in one.multiplicity]),
            "multiplicity": pa.array(np.concatenate([one.multiplicity for one in made.parts])),
            "label_eV": pa.array(np.concatenate([one.calculated * per_cell for one in made.parts])),
            "prediction_eV": pa.array(np.concatenate([one.predicted * per_cell for one in made.parts])),
            **where,
        }
    )
    about = {**space_metadata(space), "calculator": made.card.calculator, "seed": str(made.study.seed)}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(about), temporary, compression="zstd")


def summary(made: Training) -> dict[str, Any]:
    """The numbers of a training, as JSON values: what ``metrics.json`` begins with and ``--json`` prints."""
    history = made.model.history
    last = history.last
    return {
        "study": made.study.name,
        "seed": made.study.seed,
        "calculator": made.card.calculator,
        "labels": made.card.table,
        "property": "total energy, meV/atom, weighted by multiplicity",
        "split": made.split.kind,
        "leaked": made.split.leaked,
        "errors": {one.name: one.as_dict() for one in made.parts},
        "game": None
        if not np.isfinite(last.loss_d)
        else {
            "objective": made.model.config.objective,
            "loss_d": or_null(last.loss_d),
            "loss_g": or_null(last.loss_g),
            "d_real": or_null(last.d_real),
            "d_fake": or_null(last.d_fake),
            "optimum": dict(zip(("loss_d", "d"), OPTIMA[made.model.config.objective], strict=True)),
        },
        "epochs": last.epoch,
        "best_epoch": history.best_epoch,
        "stopped_early": history.stopped_early,
        "seconds": made.seconds,
    }
