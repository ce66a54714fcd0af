"""`matganip thermo`: the canonical ensemble of the arrangements at given temperatures."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.evaluate import Device, checked_device
from matganip.cli.spaces import Json, Substitute, SupercellOption, composition_from, option, supercell_from
from matganip.configurations import notation
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.results.thermo import MixingResult, ThermoResult


@tidy
def thermo(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A folder of `matganip screen`, ranking.parquet of `matganip run`, a .parquet of `matganip predict`, "
            "or a model folder.",
        ),
    ],
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    temperatures: Annotated[
        str | None,
        typer.Option("--temperatures", "-t", metavar="T[,...]", help="Kelvin: 100,300 or 100-1000:100, or inf."),
    ] = None,
    number: Annotated[
        int | None, typer.Option("--number", "-N", min=100, help="With a model: a uniform sample, not all orbits.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that sample.")] = 0,
    sample: Annotated[
        str | None,
        typer.Option("--sample", help="With a table: its rows are a uniform sample of orbits, or of configurations."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option("--figure", help="PNG for F, U, S, C_v and the density of states.")
    ] = None,
    pattern: Annotated[
        Path | None, typer.Option("--pattern", help="With a model: .csv for the powder pattern of the ensemble.")
    ] = None,
    device: Device = "cpu",
    json: Json = False,
) -> None:
    """Free energy, energy, entropy and heat capacity of the arrangements at given temperatures.

    From what another command wrote, or directly from a model:

        matganip thermo runs/cspbi3_br/ranking.parquet -t 100-1000:100 --figure t.png

        matganip thermo runs/model -s 2,2,2 -x I:Br=6

    A space that is too large to enumerate, from a uniform sample, with error bars:

        matganip thermo runs/model -s 3,3,3 -x I:Br=20 -N 20000

    Mixing energies and their hull, over a range of compositions:

        matganip thermo runs/model -s 2,2,2 -x I:Br=0-24:4 --figure mixing.png
    """
    from matganip.thermodynamics.run import TEMPERATURES, is_model, mean_pattern
    from matganip.thermodynamics.run import thermo as do

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    kelvin = parse_kelvin(temperatures)
    if figure is not None and figure.suffix != ".png":
        raise InputError(f"{figure}: figures are written as .png")
    if pattern is not None and (pattern.suffix != ".csv" or not is_model(source)):
        raise InputError(f"{pattern}: the ensemble's pattern is written as .csv, and needs a model")
    if not is_model(source):
        if supercell or substitute or number is not None:
            raise InputError(
                f"{source}: already says of which space it is; --supercell, --substitute and --number are for a model"
            )
        _show(do(source, None, kelvin, uniform=_uniform(sample), progress=not json), figure, json)
        return
    from matganip.learning.model import Model

    if sample is not None:
        raise InputError("--sample is for tables; of a model's space --number draws a sample")
    model, cells = Model.of(source, checked_device(device)), supercell_from(supercell)
    with option("--substitute"):
        asked = notation.parse_substitutions(substitute or [])
    if any(isinstance(numbers, list) for species in asked.values() for numbers in species.values()):
        from matganip.configurations.series import CompositionSeries
        from matganip.thermodynamics.mixing import mixing

        card = model.card
        series = CompositionSeries(
            card.parent,
            cells or card.supercell,
            asked,
            symprec=card.symprec,
            site_tolerance=card.site_tolerance,
            min_distance=card.min_distance,
        )
        _show(mixing(model, series, kelvin or (300.0,), sample=number, seed=seed, progress=not json), figure, json)
        return
    space = model.space(cells, composition_from(substitute))
    if pattern is not None:
        mean_pattern(model, space, kelvin or TEMPERATURES, sample=number, seed=seed).write(pattern)
    _show(do(model, space, kelvin, sample=number, seed=seed, progress=not json), figure, json)


def _show(found: ThermoResult | MixingResult, figure: Path | None, json: bool) -> None:
    if figure is not None:
        found.save_figure(figure)
    render(found, json, figure=None if figure is None else str(figure))
    if figure is not None and not json:
        say(stdout(), f"The figure is {figure}")


def _uniform(sample: str | None) -> Literal["orbits", "configurations"] | None:
    if sample not in (None, "orbits", "configurations"):
        raise InputError(f"--sample {sample}: a sample is of orbits or of configurations")
    return sample  # type: ignore[return-value]


def parse_kelvin(text: str | None) -> list[float] | None:
    """Read ``100,300``, ``100-1000:100`` or ``inf`` as temperatures.

    >>> parse_kelvin("100-300:100,1000")
    [100.0, 200.0, 300.0, 1000.0]
    """
    if text is None:
        return None
    found: list[float] = []
    for part in text.split(","):
        try:
            found += map(float, notation.parse_numbers(part) if "-" in part else [part])
        except ValueError:
            raise InputError(
                f"--temperatures {text}: {part!r} is no temperature, as in 100,300 or 100-1000:100"
            ) from None
    if not found or not all(t >= 0 for t in found):
        raise InputError(f"--temperatures {text}: must be 0 or more, in kelvin")
    return found
