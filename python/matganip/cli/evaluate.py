"""`matganip evaluate`: a trained model on labelled arrangements, beside the constant."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.spaces import Json, Substitute, SupercellOption, parse_composition, parse_supercell
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.learning.evaluation import Evaluation

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
            "--labels", "-l", help="A table that is shipped (cspbi3_br/gpaw_mp2), or a .csv or .parquet file."
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
    """Judge a trained model by labels: its errors beside those of a constant.

    Arrangements that it was trained on are told apart from those it has not seen. The labels are of the composition
    and supercell that it was trained on, unless options say otherwise.

    matganip evaluate runs/model --labels cspbi3_br/chgnet_X6of24

    matganip evaluate runs/model --labels cspbi3_br/chgnet_X3of24 --substitute I:Br=3
    """
    from matganip.files import claim
    from matganip.learning.evaluation import evaluate_model, metrics_table

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    found = evaluate_model(
        model,
        labels,
        supercell=parse_supercell(supercell) if supercell else None,
        substitutions=parse_composition(substitute),
        device=checked_device(device),
    )
    document = _document(found, model)
    if output is not None:
        claim(output, overwrite=overwrite)
        _write(found, document, output)
    if json:
        print_json(document)
        return
    console = stdout()
    show(console, metrics_table(found.parts, f"{found.table.name}: {found.table.calculator}"))
    for sentence in document["remarks"]:
        say(console, sentence)
    if output is not None:
        console.print(f"  Figures and metrics.json are in [bold]{output}[/bold].")


def checked_device(name: str) -> str:
    """A device that torch may have; whether it is there is said when the model is read."""
    from matganip.learning.config import DEVICES

    if name not in DEVICES:
        raise InputError(f"--device {name}: must be one of {', '.join(DEVICES)}")
    return name


def _document(found: Evaluation, model: Path) -> dict[str, Any]:
    remarks = []
    if found.table.calculator != found.card.calculator:
        remarks.append(
            f"The model learned energies of {found.card.calculator}; these labels are of {found.table.calculator}. "
            "Energies of two calculators have no common origin and do not compare; only the rank correlation says "
            "something."
        )
    remarks += [remark] if (remark := found.remark) else []
    if found.n_elsewhere:
        remarks.append(f"{found.n_elsewhere} rows of the table are of another composition and were left out.")
    if all(one.name == "trained on" for one in found.parts):
        remarks.append(
            "The model was trained on every one of these arrangements: the errors show memory, not prediction."
        )
    return {
        "model": str(model),
        "labels": found.table.name,
        "calculator": found.table.calculator,
        "trained_with": found.card.calculator,
        "space": found.space.key,
        "errors": {one.name: one.as_dict() for one in found.parts},
        "remarks": remarks,
    }


def _write(found: Evaluation, document: dict[str, Any], folder: Path) -> None:
    from matganip.files import write_json
    from matganip.workflows.train_pictures import draw_errors, draw_parity, draw_saliency

    figures = folder / "figures"
    draw_errors(found.parts, found.table.calculator, figures / "errors.png")
    draw_parity(found.parts, found.table.calculator, figures / "parity.png")
    draw_saliency(found.model, found.represent, found.parts, figures / "saliency.png")
    write_json(folder / "metrics.json", document)
