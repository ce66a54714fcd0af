"""`matganip sqs`: a special quasirandom structure."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from matganip.cli.console import render, say, stdout, tidy
from matganip.cli.enumerate import Format, Output
from matganip.cli.spaces import (
    AS_WRITTEN,
    Json,
    Reading,
    Source,
    Substitute,
    SupercellOption,
    reads_crystals,
    spaces_from,
)
from matganip.errors import InputError


@tidy
@reads_crystals
def sqs(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    pairs: Annotated[float, typer.Option("--pairs", min=0.0, help="Longest distance of pairs, angstrom.")] = 6.0,
    triplets: Annotated[
        float | None, typer.Option("--triplets", min=0.0, help="Longest distance within triplets, angstrom.")
    ] = None,
    any_shape: Annotated[
        bool, typer.Option("--any-shape", help="Try all shapes of as many cells, not the supercell alone.")
    ] = False,
    objective: Annotated[
        str, typer.Option("--objective", help="correlations, or short-range-order: Warren-Cowley parameters of pairs.")
    ] = "correlations",
    chains: Annotated[int | None, typer.Option("--chains", min=1, help="Chains of simulated annealing; 16.")] = None,
    swaps: Annotated[int | None, typer.Option("--swaps", min=1, help="Swaps of each; 20,000.")] = None,
    shapes: Annotated[
        int | None, typer.Option("--shapes", min=1, help="With --any-shape: how many, compact first; 24.")
    ] = None,
    enumerate_up_to: Annotated[
        int, typer.Option("--enumerate-up-to", min=0, help="Score all orbits where there are no more: the exact best.")
    ] = 200_000,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Same seed, same structure; 0.")] = None,
    reading: Reading = AS_WRITTEN,
    output: Output = None,
    fmt: Format = None,
    json: Json = False,
) -> None:
    """Find a special quasirandom structure: pairs and triplets as in the random alloy.

    \b
    matganip sqs CuAu.cif -s 2,2,2 -x Cu:Au=16 --pairs 6 --triplets 4 -o sqs.xyz
    matganip sqs alloy.cif -s 2,2,2 --pairs 6 --any-shape -o sqs.zip -f cif
    matganip sqs elpasolite.cif -s 2,2,2 --pairs 8 --objective short-range-order

    Where all arrangements can be scored, they are, and none is better.
    """
    from matganip.sampling.sqs import sqs as do

    if shapes is not None and not any_shape:
        raise InputError("--shapes acts together with --any-shape only; leave it out")
    if fmt is not None and output is None:
        raise InputError(f"--format {fmt}: nothing is written without --output; name one, or leave --format out")
    found = spaces_from(source, supercell, substitute, reading=reading)
    if len(found.spaces) != 1:
        raise InputError(f"--substitute: {len(found.spaces)} compositions; a random alloy has one")
    result = do(
        found.spaces[0], pairs, triplets, any_shape=any_shape, objective=objective, n_chains=chains or 16,
        n_swaps=swaps or 20_000, n_shapes=shapes or 24, enumerate_up_to=enumerate_up_to, seed=seed or 0,
        progress=not json,
    )  # fmt: skip
    idle = [name for name, value in (("--chains", chains), ("--swaps", swaps), ("--seed", seed)) if value is not None]
    if result.exact and idle:
        told = f"{', '.join(idle)} did not act: all arrangements were scored"
        print(f"matganip: {told}; --enumerate-up-to 0 anneals instead", file=sys.stderr)
    if output is not None:
        result.write(output, fmt)
    render(result, json)
    if output is not None and not json:
        say(stdout(), f"It is in {output}")
