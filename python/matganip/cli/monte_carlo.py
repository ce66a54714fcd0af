"""`matganip monte-carlo`: averages in a cell of any size."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.evaluate import Model
from matganip.cli.spaces import Json, Substitute, SupercellOption, composition_from, supercell_from
from matganip.cli.thermo import parse_kelvin
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.results.base import Result

Sweeps = Annotated[int, typer.Option("--sweeps", min=50, help="Sweeps (a trial a site) of each replica.")]
Groups = Annotated[int, typer.Option("--groups", min=1, help="Independent groups of replicas.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Equal seeds give equal results.")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads; all cores by default.")]
Figure = Annotated[Path | None, typer.Option("--figure", help="PNG, PDF or SVG file for the figure.")]


@tidy
def monte_carlo(
    model: Model,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    temperatures: Annotated[
        str | None,
        typer.Option("--temperatures", "-t", metavar="T[,...]", help="Kelvin: 100,300 or 100-1000:100."),
    ] = None,
    mu: Annotated[
        list[str] | None,
        typer.Option(
            "--mu",
            metavar="SPECIES=EV[,...]",
            help="Chemical potential of a species, eV: the composition then varies. Several values are several points; "
            "repeat the option for more species.",
        ),
    ] = None,
    sweeps: Sweeps = 2000,
    groups: Groups = 4,
    seed: Seed = 0,
    threads: Threads = None,
    structure: Annotated[
        Path | None, typer.Option("--structure", help="File for the arrangement of the lowest energy that was met.")
    ] = None,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Energy, heat capacity, entropy and free energy in a cell of any size, by Monte Carlo.

    At a fixed composition:

        matganip monte-carlo runs/cu_au -s 8,8,8 -x Cu:Au=128 -t 300-1000:50

    At chemical potentials, the composition free:

        matganip monte-carlo runs/cu_au -s 8,8,8 --mu Au=0.4,0.5,0.6 -t 600,800

    The model must be a sum over clusters of the parent: one trained on structures is.
    """
    from matganip.learning.interactions import any_composition
    from matganip.learning.model import Model as Trained
    from matganip.sampling.monte_carlo import TEMPERATURES
    from matganip.sampling.monte_carlo import monte_carlo as do

    check_figure(figure)
    asked = Trained.of(model)
    substitutions, cells = composition_from(substitute), supercell_from(supercell)
    if mu and substitutions is not None:
        raise InputError("--substitute fixes the composition and --mu leaves it free; give one of the two")
    if cells is not None and not mu and substitutions is None:
        raise InputError("--substitute is needed with another cell: how many atoms of each species; or --mu")
    space = any_composition(asked, cells) if mu else asked.space(cells, substitutions)
    found = do(
        asked,
        space,
        parse_kelvin(temperatures) or TEMPERATURES,
        chemical_potentials=parse_potentials(mu),
        n_sweeps=sweeps,
        n_groups=groups,
        seed=seed,
        num_threads=threads,
        progress=not json,
    )
    if structure is not None:
        found.points[-1].lowest.to(filename=str(structure))
    show(found, figure, json)


def parse_potentials(texts: list[str] | None) -> dict[str, list[float]] | None:
    """Read ``Au=0.1,0.2`` as chemical potentials, eV.

    >>> parse_potentials(["Au=0.1,0.2", "vac=-1"])
    {'Au': [0.1, 0.2], 'vac': [-1.0]}
    """
    if not texts:
        return None
    found = {}
    for text in texts:
        name, equals, values = text.partition("=")
        try:
            found[name.strip()] = [float(value) for value in values.split(",")]
        except ValueError:
            equals = ""
        if not equals:
            raise InputError(f"--mu {text}: not of the form SPECIES=EV[,...], as in Au=0.1,0.2")
    return found


def check_figure(figure: Path | None) -> None:
    """Refuse the name of a figure that could not be written, before any work."""
    if figure is not None and figure.suffix not in (".png", ".pdf", ".svg"):
        raise InputError(f"{figure}: figures are written as .png, .pdf or .svg")
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def show(found: Result, figure: Path | None, json: bool) -> None:
    """Print a result, and draw its figure where one is asked for."""
    if figure is not None:
        found.save_figure(figure)
    render(found, json, figure=None if figure is None else str(figure))
    if figure is not None and not json:
        say(stdout(), f"The figure is {figure}")
