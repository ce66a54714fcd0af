"""`matganip predict`: energies from a trained model, for a whole space, a sample, or structures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.evaluate import Device, Model, checked_device
from matganip.cli.spaces import Json, Substitute, SupercellOption, composition_from, supercell_from
from matganip.errors import InputError
from matganip.files import atomic_path

if TYPE_CHECKING:
    from matganip.results.base import Result


@tidy
def predict(
    model: Model,
    structures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[STRUCTURE|FORMULA]...",
            help="Structure files on the model's ideal supercell, any composition of its species (in any supercell and "
            "setting, relaxed or not, where it was trained on structures); without any, every orbit of a space. Of "
            "a model of formulas: formulas, or a table of them.",
            show_default=False,
        ),
    ] = None,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    number: Annotated[
        int | None, typer.Option("--number", "-N", min=1, help="A uniform sample of so many orbits instead of all.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that sample.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for all predictions, .parquet or .csv.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the lowest to print.")] = 20,
    quantiles: Annotated[
        str | None,
        typer.Option(
            "--quantiles",
            metavar="P,P...",
            show_default=False,
            help="Of a model with distributions: energies below which so much lies, as 0.05,0.5,0.95.",
        ),
    ] = None,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Predict energies with a trained model; its folder says how graphs are made, no study is needed.

    All orbits of the space that it was trained on:

    \b
    matganip predict runs/model --output predictions.parquet

    Of another composition; with Patterson columns also of another supercell, here of a sample:

    \b
    matganip predict runs/model -s 3,3,3 -x I:Br=20 -N 10000 -o sample.parquet

    Of structures:

    \b
    matganip predict runs/model arrangement-*.cif

    Of formulas that it never met, by a model trained on a table of formulas:

    \b
    matganip predict runs/formulas Cs2AgBiBr6 K2NaScF6 --output energies.csv

    Of a model with distributions, what lies below them:

    \b
    matganip predict runs/model --quantiles 0.05,0.5,0.95
    """
    from matganip.learning.loading import folder_of_formulas
    from matganip.learning.model import load
    from matganip.results.prediction import NO_DISTRIBUTION

    levels = _levels(quantiles)
    formulas = folder_of_formulas(model)
    if formulas is not None:
        if levels:
            raise InputError(f"--quantiles: {NO_DISTRIBUTION}")
        if supercell or substitute or number is not None:
            raise InputError("a model of formulas is asked for formulas alone; leave the options of a space out")
        _formulas(formulas, [str(one) for one in structures or []], output, json)
        return
    if structures and (number is not None or substitute):
        raise InputError("structures say themselves what they are; leave --number and --substitute out")
    asked = load(model, checked_device(device))
    if structures and asked.card.diffraction.classes == "parent":
        if levels:
            raise InputError(f"--quantiles: {NO_DISTRIBUTION}")
        if supercell:
            raise InputError("this model finds each structure's own supercell; leave --supercell out")
        found_structures = asked.predict_structures(structures)
        _write(found_structures, output)
        render(found_structures, json)
        return
    space = asked.space(supercell_from(supercell), composition_from(substitute))
    found = asked.predict(
        structures or None, space=space, n=number, seed=seed, keep=None if structures else limit, output=output,
        quantiles=levels, progress=True,
    )  # fmt: skip
    render(found, json, **({} if structures else {"output": None if output is None else str(output)}))
    if output is not None and not json and not structures:
        say(stdout(), f"All {found.n_predicted:,} predictions are in {output}")


def _formulas(folder: Path, asked: list[str], output: Path | None, json: bool) -> None:
    """Predictions of a model of formulas."""
    from matganip.learning.formula_model import FormulaModel

    if not asked:
        raise InputError("name the formulas, or a .csv with a column formula")
    found = FormulaModel.load(folder).predict(asked[0] if len(asked) == 1 else asked)
    _write(found, output)
    render(found, json)


def _write(found: Result, output: Path | None) -> None:
    """Write all rows of a result."""
    if output is None:
        return
    if output.suffix not in (".csv", ".parquet"):
        raise InputError(f"{output}: predictions are written as .csv or .parquet")
    frame = found.to_frame()
    with atomic_path(output) as temporary:
        (frame.to_csv if output.suffix == ".csv" else frame.to_parquet)(temporary, index=False)


def _levels(text: str | None) -> tuple[float, ...]:
    """Read ``0.05,0.95``.

    >>> _levels("0.05,0.95")
    (0.05, 0.95)
    """
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise InputError(f"--quantiles {text}: not numbers, as in 0.05,0.5,0.95") from None
