"""`matganip evaluate`: a trained model on labelled arrangements, beside the mean baseline."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.spaces import Json, Substitute, SupercellOption, composition_from, supercell_from
from matganip.errors import InputError

Model = Annotated[
    Path, typer.Argument(metavar="MODEL", help="A model folder, or the output of `matganip train`.", show_default=False)
]
Device = Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, mps or auto.")]


@tidy
def evaluate(
    model: Model,
    labels: Annotated[
        str,
        typer.Option(
            "--labels",
            "-l",
            help="A table that is shipped (cspbi3_br/gpaw_mp2), a .csv or .parquet file, or structures "
            "with energies as for `matganip train`.",
        ),
    ],
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for figures of the errors and for metrics.json."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files in that folder, one by one.")] = False,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Judge a trained model by labels: its errors beside those of the mean baseline.

    Arrangements that it was trained on are told apart from those it has not seen. The labels are of the composition
    and supercell that it was trained on, unless options say otherwise.

    \b
    matganip evaluate runs/model --labels cspbi3_br/chgnet_X6of24
    matganip evaluate runs/model --labels cspbi3_br/chgnet_X3of24 -x I:Br=3

    A model of formulas, by a table of formulas:

    \b
    matganip evaluate runs/formulas --labels others.csv
    """
    from matganip.files import claim, write_json
    from matganip.learning.loading import folder_of_formulas
    from matganip.learning.model import load
    from matganip.report.model_figures import draw_model_figures

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    formulas = folder_of_formulas(model)
    if formulas is not None:
        if supercell or substitute:
            raise InputError("a model of formulas is judged by formulas alone; leave the options of a space out")
        _formulas(formulas, labels, output, overwrite, json)
        return
    asked = load(model, checked_device(device))
    found = asked.evaluate(labels, asked.space(supercell_from(supercell), composition_from(substitute)))
    if output is not None:
        claim(output, overwrite=overwrite)
        draw_model_figures(asked, found.space, found.parts, output / "figures")
        write_json(output / "metrics.json", {"model": str(model), **found.to_dict()})
    render(found, json, model=str(model))
    if output is not None and not json:
        say(stdout(), f"Figures and metrics.json are in {output}.")


def checked_device(name: str) -> str:
    """A device that torch may have; whether it is there is said when the model is read."""
    from matganip.learning.config import DEVICES

    if name not in DEVICES:
        raise InputError(f"--device {name}: must be one of {', '.join(DEVICES)}")
    return name


def _formulas(folder: Path, labels: str, output: Path | None, overwrite: bool, json: bool) -> None:
    """Judge a model of formulas."""
    from matganip.files import claim, write_json
    from matganip.learning.formula_model import FormulaModel

    found = FormulaModel.load(folder).evaluate(labels, f"{labels}")
    if output is not None:
        claim(output, overwrite=overwrite)
        found.save_figure(output / "parity.png")
        write_json(output / "metrics.json", {"model": str(folder), **found.to_dict()})
    render(found, json, model=str(folder))
