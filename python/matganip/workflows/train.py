"""`matganip train`: a model from the labels of a study, judged on orbits that it has not seen, in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from matganip.configurations.io.parquet import arrangement_columns
from matganip.errors import require
from matganip.files import atomic_path, sha256, write_json
from matganip.report.model_figures import draw_model_figures
from matganip.versions import versions
from matganip.workflows.inputs import StudyInputs

if TYPE_CHECKING:
    from matganip.learning.model import Model
    from matganip.progress import ProgressOption
    from matganip.results.training import Training
    from matganip.workflows.schema import Study


def train_study(
    study: Study,
    base: Path,
    folder: Path,
    *,
    split: str = "orbit",
    train_size: float = 0.8,
    validation: float = 0.0,
    linear: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressOption = None,
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
    split, train_size, validation, linear, overwrite, resume, progress
        As for `matganip.train`; 1 trains on all labels.
    command : tuple of str
        The command line, for the record.
    source : pathlib.Path, optional
        The study file, for the record.

    Returns
    -------
    Training
        The errors on every part; the model is in ``model/``.

    Raises
    ------
    InputError, MissingExtraError
        If something that the study names is missing or wrong, a part of the split would be empty, the folder cannot be
        written, or an optional dependency is not installed.
    """
    require("torch", "learn")
    require("matplotlib", "report")
    from matganip.learning.fitting import train

    inputs = StudyInputs.read(study, base, str(source or "study"))
    model = train(
        inputs.spaces,
        inputs.tables,
        diffraction=study.graphs,
        network=study.model,
        distribution=study.distribution,
        linear=linear,
        split=split,
        train_size=float(train_size),
        validation=validation,
        seed=study.seed,
        folder=folder,
        overwrite=overwrite,
        resume=resume,
        progress=progress,
    )
    training = model.training
    assert training is not None  # noqa: S101 - `train` has just made it
    write_predictions(model, training, folder / "predictions.parquet")
    draw_model_figures(model, inputs.spaces[0], training.parts, folder / "figures", training.history)
    files = ([source] if source else []) + list(inputs.files)
    record = {
        "study": study.name,
        **training.to_dict(),
        "command": list(command),
        "versions": versions(),
        "study_file": study.model_dump(mode="json"),
        "inputs": {str(path): sha256(path) for path in files},
    }
    write_json(folder / "metrics.json", record)
    return training


def write_predictions(model: Model, training: Training, path: Path) -> None:
    """Write every labelled orbit with its part in the training, its label and its prediction, as Parquet."""
    space = model.own_space
    occupations = np.concatenate([part.occupations for part in training.parts])
    frame = training.to_frame()
    atoms = space.atoms_of(occupations) / 1000.0
    table = pa.table(
        {
            "part": pa.array(frame["part"].tolist()),
            "multiplicity": pa.array(frame["multiplicity"].to_numpy()),
            "label_eV": pa.array(frame["label_meV_per_atom"].to_numpy() * atoms),
            "prediction_eV": pa.array(frame["prediction_meV_per_atom"].to_numpy() * atoms),
            **arrangement_columns(space, occupations),
        }
    )
    about = {**space.metadata(), "calculator": model.calculator, "seed": str(training.seed)}
    with atomic_path(path) as temporary:
        pq.write_table(table.replace_schema_metadata(about), temporary, compression="zstd")
