"""`matganip ground-states`: the hull over all cell shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import tidy
from matganip.cli.evaluate import Model
from matganip.cli.monte_carlo import Figure, Threads, check_figure, show
from matganip.cli.spaces import Json
from matganip.errors import InputError


@tidy
def ground_states(
    model: Model,
    cells: Annotated[int, typer.Option("--cells", "-n", min=1, help="Largest number of primitive cells.")] = 6,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for CIF files of the structures on the hull.")
    ] = None,
    threads: Threads = None,
    figure: Figure = None,
    json: Json = False,
) -> None:
    """Energies of all derivative structures of the parent, whatever the shape of the cell, and their convex hull.

    matganip ground-states runs/cu_au -n 8 --figure hull.png
    """
    from matganip.thermodynamics.ground_states import ground_states as do

    check_figure(figure)
    if folder is not None and folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is no folder")
    found = do(model, cells, num_threads=threads, progress=not json)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, structure in enumerate(found.structures):
            structure.to(filename=str(folder / f"{number}_{structure.composition.reduced_formula}.cif"))
    show(found, figure, json)
