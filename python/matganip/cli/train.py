"""`matganip train`: a model from the labels of a study."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.spaces import Json
from matganip.errors import InputError


@tidy
def train(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The study file (TOML).", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for the results; runs/ and the study's name without it.", show_default=False
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            help="What is never in both training and test set: orbit, composition, formula, element; or random, the "
            "paper's, through which orbits leak.",
        ),
    ] = "orbit",
    train_size: Annotated[
        float,
        typer.Option("--train-size", help="Share of the orbits (compositions ...) to train on; 1 leaves no test set."),
    ] = 0.8,
    validation: Annotated[
        float, typer.Option("--validation", help="Share of those that chooses the epoch; needed to stop early.")
    ] = 0.0,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**32 - 1, help="In place of the study's seed.", show_default=False),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume a training that was interrupted in that folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run's files in that folder, one by one.")
    ] = False,
    json: Json = False,
) -> None:
    """Train on the labels of a study, and test on orbits that the model has not seen.

    The folder then holds model/ (all that a prediction needs), metrics.json (every error beside that of the mean
    baseline), predictions.parquet and figures/ (training curves, errors, parity, which peaks the predictions rest on).

    \b
    matganip train examples/cspbi3_br/train.toml --output runs/model
    matganip evaluate runs/model --labels cspbi3_br/chgnet_X6of24
    matganip predict runs/model --output predictions.parquet

    The paper's split (says how many orbits leak), and crystals of any elements (tolerance factors):

    \b
    matganip train examples/cspbi3_br/train.toml --split random
    matganip train examples/matganip_f/tolerance.toml
    """
    from matganip.workflows.crystals import is_crystal_study
    from matganip.workflows.reading import read_study
    from matganip.workflows.train import train_study

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache, once
    if is_crystal_study(study):
        _crystals(study, output, train_size, seed, split=split, validation=validation, resume=resume,
                  overwrite=overwrite, json=json)  # fmt: skip
        return
    described = read_study(study, seed=seed)
    folder = output or described.output or Path("runs") / study.stem
    training = train_study(
        described,
        study.parent,
        folder,
        split=split,
        train_size=train_size,
        validation=validation,
        overwrite=overwrite,
        resume=resume,
        progress=True,
        command=("matganip", *sys.argv[1:]),
        source=study,
    )
    render(training, json, study=described.name, output=str(folder))
    if not json:
        say(stdout(), f"The model and its figures are in {folder}.")


def _crystals(
    study: Path,
    output: Path | None,
    train_size: float,
    seed: int | None,
    *,
    split: str,
    validation: float,
    resume: bool,
    overwrite: bool,
    json: bool,
) -> None:
    """Train on crystals: a study whose kind says so."""
    from matganip.benchmarks.crystals import train_crystals
    from matganip.workflows.crystals import read_crystal_study

    described = read_crystal_study(study)
    if split not in ("orbit", "formula"):
        raise InputError(f"--split {split}: crystals are split by formula")
    if validation or resume:
        raise InputError(f"{study}: --validation and --resume are for studies of arrangements, this is one of crystals")
    if seed is not None:
        described = described.model_copy(update={"seed": seed})
    folder = output or described.output or Path("runs") / study.stem
    made = train_crystals(
        described, folder, train_size=train_size, overwrite=overwrite, progress=not json,
        command=("matganip", *sys.argv[1:]), source=study,
    )  # fmt: skip
    render(made, json, output=str(folder))
    if not json:
        say(stdout(), f"Results are in {folder}: model/, metrics.json, predictions.parquet.")
