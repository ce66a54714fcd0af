"""`matganip predict`: energies from a trained model, for a whole space, a sample, or structures."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.evaluate import Device, Model, checked_device
from matganip.cli.progress import track
from matganip.cli.spaces import Json, Substitute, SupercellOption, parse_composition, parse_supercell
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.workflows.predict import Lowest, Predictor


@tidy
def predict(
    model: Model,
    structures: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[STRUCTURE]...",
            help="Structure files on the model's ideal supercell, any composition of its species; without any, "
            "every orbit of a space.",
            show_default=False,
        ),
    ] = None,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    number: Annotated[
        int | None, typer.Option("--number", "-N", min=1, help="A fair sample of so many orbits instead of all.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that sample.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File for all predictions, .parquet or .csv.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many of the lowest to print.")] = 20,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Predict energies with a trained model; its folder says how graphs are made, no study is needed.

    All orbits of the space that it was trained on:

        matganip predict runs/model --output predictions.parquet

    Of another composition; with Patterson columns also of another supercell, here of a sample:

        matganip predict runs/model --supercell 3,3,3 --substitute I:Br=20 -N 10000 -o sample.parquet

    Of structures:

        matganip predict runs/model arrangement-*.cif
    """
    from matganip.workflows.predict import Lowest, Predictor, check_suffix

    if output is not None:
        check_suffix(output)
    if structures and (number is not None or substitute):
        raise InputError("structures say themselves what they are; leave --number and --substitute out")
    asked = Predictor.load(
        model,
        supercell=parse_supercell(supercell) if supercell else None,
        substitutions=parse_composition(substitute),
        device=checked_device(device),
    )
    if structures:
        _predict_structures(asked, structures, output, json)
        return
    lowest = Lowest(limit)
    _stream(asked, lowest, number, seed, output)
    if json:
        print_json(_document(asked, lowest, output))
        return
    _tell(asked, lowest, number, output)


def _stream(asked: Predictor, lowest: Lowest, number: int | None, seed: int, output: Path | None) -> None:
    """Predict a space or a sample of it, batch after batch, and write as they come."""
    from contextlib import nullcontext

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.workflows.predict import prediction_writer

    space, size = asked.space, 4096
    about = {"calculator": asked.card.calculator}
    with prediction_writer(output, space, about) if output else nullcontext() as put:
        if number is None:
            total, batches = space.count_orbits(), iter(space.orbits(batch_size=size))
        else:
            drawn = space.sample_orbits(number, seed=seed)
            total = number
            batches = (
                ConfigurationBatch(space, drawn.occupations[k : k + size], drawn.multiplicity[k : k + size])
                for k in range(0, number, size)
            )
        for found in asked.stream(track(batches, total, "predict")):
            lowest.add(found)
            if put is not None:
                put(found)


def _tell(asked: Predictor, lowest: Lowest, number: int | None, output: Path | None) -> None:
    from matganip.configurations.codec import composition_text, sites_text
    from matganip.results.content import Table

    base, drawn = lowest.rows[0][0], "drawn " if number else ""
    rows = tuple(
        (str(place + 1), str(orbit), f"{multiplicity:,}", f"{energy:.6f}", f"{(energy - base) * 1000:.4f}",
         sites_text(asked.space, occupation))
        for place, (energy, orbit, multiplicity, occupation) in enumerate(lowest.rows)
    )  # fmt: skip
    columns = ("rank", "orbit" if number is None else "drawn", "multiplicity", "eV/atom", "above first", "sites taken")
    console = stdout()
    show(
        console,
        Table(
            f"{composition_text(asked.space)}: the {len(rows)} lowest of {lowest.n_seen:,} {drawn}orbits",
            columns,
            rows,
            "rrrrrl",
            f"Total energies as {asked.card.calculator} would give them; above the first in meV/atom.",
        ),
    )
    if remark := asked.remark:
        say(console, remark)
    if output is not None:
        say(console, f"All {lowest.n_seen:,} predictions are in {output}")


def _document(asked: Predictor, lowest: Lowest, output: Path | None) -> dict[str, Any]:
    from matganip.configurations.codec import composition_text

    return {
        "composition": composition_text(asked.space),
        "calculator": asked.card.calculator,
        "remark": asked.remark,
        "predicted": lowest.n_seen,
        "output": None if output is None else str(output),
        "lowest": [
            {"orbit": orbit, "multiplicity": multiplicity, "eV_per_atom": energy, "occupation": occupation.tolist()}
            for energy, orbit, multiplicity, occupation in lowest.rows
        ],
    }


def _predict_structures(asked: Predictor, structures: list[Path], output: Path | None, json: bool) -> None:
    from matganip.configurations.codec import sites_text
    from matganip.files import atomic_path
    from matganip.results.content import Table

    names = [str(path) for path in structures]
    occupations, energy = asked.of_structures(structures, names)
    if output is not None and output.suffix != ".csv":
        raise InputError(f"{output}: predictions of structures are written as .csv")
    if output is not None:
        with atomic_path(output) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(("structure", "prediction_eV_per_atom"))
            lines.writerows(zip(names, map(repr, energy.tolist()), strict=True))
    if json:
        print_json(
            {
                "calculator": asked.card.calculator,
                "predictions": [
                    {"structure": name, "eV_per_atom": value, "occupation": row.tolist()}
                    for name, value, row in zip(names, energy.tolist(), occupations, strict=True)
                ],
            }
        )
        return
    rows = tuple(
        (name, f"{value:.6f}", sites_text(asked.space, row))
        for name, value, row in zip(names, energy.tolist(), occupations, strict=True)
    )
    note = f"Total energies as {asked.card.calculator} would give them."
    show(stdout(), Table("", ("structure", "eV/atom", "sites taken"), rows, "lrl", note))
