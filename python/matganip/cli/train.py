"""`matganip train`: a model from the labels of a study."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.progress import StepBar
from matganip.cli.spaces import Json
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.workflows.train import Training


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
        float, typer.Option("--train-size", help="Part of the orbits (compositions ...) to train on; 1 leaves no test.")
    ] = 0.8,
    validation: Annotated[
        float, typer.Option("--validation", help="Part of those that chooses the epoch; needed to stop early.")
    ] = 0.0,
    seed: Annotated[
        int | None,
        typer.Option("--seed", min=0, max=2**32 - 1, help="In place of the study's seed.", show_default=False),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was interrupted in that folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier run's files in that folder, one by one.")
    ] = False,
    json: Json = False,
) -> None:
    """Train on the labels of a study, and test on orbits that the model has not seen.

    The folder then holds model/ (all that a prediction needs), metrics.json (every error beside the constant's),
    predictions.parquet and figures/ (training curves, errors, parity, which peaks the predictions rest on).

    matganip train examples/cspbi3_br/train.toml --output runs/model

    matganip train examples/matganip_f/tolerance.toml               (crystals of any elements; tolerance factors)

    matganip train examples/cspbi3_br/train.toml --split random      (the paper's: says how many orbits leak)

    matganip evaluate runs/model --labels cspbi3_br/chgnet_X6of24

    matganip predict runs/model --output predictions.parquet
    """
    from matganip.workflows.crystals import is_crystal_study
    from matganip.workflows.reading import read_study
    from matganip.workflows.train import summary
    from matganip.workflows.train import train as do

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache, once
    if is_crystal_study(study):
        _crystals(study, output, train_size, seed, split=split, validation=validation, resume=resume,
                  overwrite=overwrite, json=json)  # fmt: skip
        return
    described = read_study(study)
    if seed is not None:
        described = described.model_copy(update={"seed": seed})
    folder = output or described.output or Path("runs") / study.stem
    with StepBar() as bar:
        made = do(
            described,
            study.parent,
            folder,
            split=split,
            train_size=train_size,
            validation=validation,
            overwrite=overwrite,
            resume=resume,
            listener=bar,
            command=("matganip", *sys.argv[1:]),
            source=study,
        )
    if json:
        print_json({**summary(made), "output": str(folder)})
    else:
        _tell(made, folder)


def _tell(made: Training, folder: Path) -> None:
    """Print the errors, how the game ended, and where the results are."""
    from matganip.learning.config import OPTIMA
    from matganip.learning.evaluation import metrics_table

    console, last = stdout(), made.model.history.last
    show(console, metrics_table(made.parts, f"{made.study.name}: {made.card.calculator}, split: {made.split.kind}"))
    if made.split.leak:
        say(console, made.split.leak)
    if last.loss_d == last.loss_d:  # not nan: a game was played
        loss, verdict = OPTIMA[made.model.config.objective]
        undecided = f"{loss:.4f}" if verdict is None else f"{loss:.4f} and {verdict:g}"
        say(
            console,
            f"The game ended at loss(D) {last.loss_d:.4f}, D(x_r) {last.d_real:.3f}, D(x_f) {last.d_fake:.3f} "
            f"({undecided} where D cannot tell).",
        )
    say(console, f"{last.epoch} epochs, {sum(made.seconds.values()):.1f} s, seed {made.study.seed}.")
    console.print(
        f"  Results are in [bold]{folder}[/bold]: model/, metrics.json, predictions.parquet, training.jsonl, figures/."
    )


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
    from matganip.benchmarks.crystals import summary, table_of, train_crystals
    from matganip.workflows.crystals import read_crystal_study

    described = read_crystal_study(study)
    if split not in ("orbit", "formula"):
        raise InputError(f"--split {split}: crystals are split by formula")
    if validation or resume:
        raise InputError(f"{study}: --validation and --resume are for studies of arrangements, this is one of crystals")
    if seed is not None:
        described = described.model_copy(update={"seed": seed})
    folder = output or described.output or Path("runs") / study.stem
    with StepBar() as bar:
        made = train_crystals(
            described, folder, train_size=train_size, overwrite=overwrite, listener=bar,
            command=("matganip", *sys.argv[1:]), source=study,
        )  # fmt: skip
    if json:
        print_json({**summary(made), "output": str(folder)})
        return
    console = stdout()
    show(console, table_of(made))
    if made.map is not None:
        found = made.map.as_dict()
        within, between = found["deviation_between_arrangements"], found["deviation_between_formulas"]
        say(
            console,
            f"Double perovskites: the predicted factor varies by {within:.4f} between the arrangements of a formula, "
            f"where radii give one number, and by {between:.4f} between formulas; Pearson's r with the energy is in "
            "figures/double_perovskites.png.",
        )
    console.print(f"  Results are in [bold]{folder}[/bold]: model/, metrics.json, predictions.parquet.")
