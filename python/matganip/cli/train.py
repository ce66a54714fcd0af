"""`matganip train`: a model from the labels of a study."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import print_json, render, say, stdout, tidy
from matganip.cli.spaces import Json
from matganip.errors import InputError


@tidy
def train(
    study: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY",
            help="The study file (TOML); a table of formulas (.csv); or, with --labels, the parent crystal.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            "-l",
            help="Labelled structures in any supercells of the parent: extended XYZ, an ASE database, a .csv with a "
            "column structure, or a folder of vasprun.xml.",
            show_default=False,
        ),
    ] = None,
    energy: Annotated[
        str | None,
        typer.Option("--energy", metavar="KEY", help="Of --labels: the property, where it is not the energy."),
    ] = None,
    per_atom: Annotated[bool, typer.Option("--per-atom", help="Of --labels: the property is per atom.")] = False,
    substitute: Annotated[
        list[str] | None,
        typer.Option(
            "--substitute",
            "-x",
            metavar="HOST:SPECIES[,...]",
            help="Of --labels: what else may be on the sites of HOST, vac for nothing; by default the structures tell.",
        ),
    ] = None,
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
    linear: Annotated[
        bool,
        typer.Option(
            "--linear",
            help="Take no function that bends: a sum over pairs and triplets, which certify proves and walks follow.",
        ),
    ] = False,
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

    On structures in any supercells, mapped onto the parent's sites; what does not map is named:

    \b
    matganip train fcc.cif --labels reference.db --energy mixing_energy --per-atom
    matganip train SrTiO3.cif --labels runs/ -x O:vac

    On the energies of arrangements of many formulas (docs/chemistry.md):

    \b
    matganip train formulas.csv --output runs/formulas

    The paper's split (says how many orbits leak), and crystals of any elements (tolerance factors):

    \b
    matganip train examples/cspbi3_br/train.toml --split random
    matganip train examples/matganip_f/tolerance.toml
    """
    from matganip.workflows.crystals import is_crystal_study
    from matganip.workflows.reading import read_study
    from matganip.workflows.train import train_study

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache, once
    if study.suffix == ".csv":
        if (
            labels is not None
            or energy
            or per_atom
            or substitute
            or split not in ("orbit", "formula")
            or validation
            or resume
            or linear
        ):
            raise InputError(f"{study}: a table of formulas is split by formula; --train-size and --seed go with it")
        _formulas(study, output, float(train_size), seed or 0, overwrite, json)
        return
    if study.suffix != ".toml" and (labels is not None or _is_a_crystal(study)):
        _structures(study, labels, energy, per_atom, substitute, output, split=split, train_size=train_size,
                    validation=validation, seed=seed, resume=resume, overwrite=overwrite, json=json)  # fmt: skip
        return
    if labels is not None or energy or per_atom or substitute:
        raise InputError(f"{study}: a study names its labels itself; such options go with a parent crystal")
    if is_crystal_study(study):
        if linear:
            raise InputError("--linear: for studies of arrangements, not of crystals")
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
        linear=linear,
        overwrite=overwrite,
        resume=resume,
        progress=True,
        command=("matganip", *sys.argv[1:]),
        source=study,
    )
    render(training, json, study=described.name, output=str(folder))
    if not json:
        say(stdout(), f"The model and its figures are in {folder}.")


def _structures(
    parent: Path,
    labels: Path | None,
    energy: str | None,
    per_atom: bool,
    substitute: list[str] | None,
    output: Path | None,
    *,
    split: str,
    train_size: float,
    validation: float,
    seed: int | None,
    resume: bool,
    overwrite: bool,
    json: bool,
) -> None:
    """Train on structures in any supercells of a parent."""
    from matganip.configurations.space import ConfigurationSpace
    from matganip.files import write_json
    from matganip.labels.structures import read_structures
    from matganip.learning.fitting import train as train_model
    from matganip.versions import versions

    if labels is None:
        raise InputError(f"{parent}: a study file ends in .toml; with a parent crystal give --labels")
    if split != "orbit" or validation or resume:
        raise InputError("--split, --validation and --resume are for studies; structures are split by arrangement")
    found = read_structures(labels, energy=energy, per_atom=per_atom)
    allowed = dict(_species(text) for text in substitute or [])
    crystal = ConfigurationSpace(parent, (1, 1, 1), allowed) if allowed else parent
    folder = output or Path("runs") / labels.stem
    model = train_model(
        crystal, found, train_size=float(train_size), seed=seed or 0, folder=folder, overwrite=overwrite
    )
    training = model.training
    assert training is not None  # noqa: S101 - `train` has just made it
    command = ["matganip", *sys.argv[1:]]
    write_json(folder / "metrics.json", {**training.to_dict(), "command": command, "versions": versions()})
    render(training, json, output=str(folder))
    if not json:
        say(stdout(), f"The model is in {folder / 'model'}.")


def _formulas(table: Path, output: Path | None, train_size: float, seed: int, overwrite: bool, json: bool) -> None:
    """Train on a table of formulas."""
    from matganip.files import claim, write_json
    from matganip.learning.formula_model import train_on_formulas
    from matganip.versions import versions

    folder = output or Path("runs") / table.stem
    claim(folder, overwrite=overwrite)
    model = train_on_formulas(table, train_size=train_size, seed=seed, progress=not json)
    model.save(folder / "model")
    about = {"command": ["matganip", *sys.argv[1:]], "versions": versions()}
    write_json(folder / "metrics.json", {**model.to_dict(), **about})
    if model.training is not None:
        render(model.training, json, output=str(folder))
    elif json:
        print_json({**model.to_dict(), "output": str(folder)})
    if not json:
        say(stdout(), f"The model, of {len(model.table):,} formulas, is in {folder / 'model'}.")


def _is_a_crystal(path: Path) -> bool:
    return path.suffix in (".cif", ".vasp", ".xyz") or path.name.startswith(("POSCAR", "CONTCAR"))


def _species(text: str) -> tuple[str, dict[str, int]]:
    """``Ni:Mn,Co`` as what a space of no such species is made of."""
    host, _, names = text.partition(":")
    species = [name.partition("=")[0].strip() for name in names.split(",") if name.strip()]
    if not host.strip() or not species:
        raise InputError(f"--substitute {text}: write HOST:SPECIES, as O:vac or Ni:Mn,Co")
    return host.strip(), dict.fromkeys(species, 0)


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
