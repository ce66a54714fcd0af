"""`matganip enumerate`: one arrangement of each orbit."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import print_json, say, show, stdout, tidy
from matganip.cli.spaces import ChargeNeutral, Json, Oxidation, Source, Substitute, SupercellOption, spaces_from
from matganip.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write them here: .parquet, .xyz, or with --format cif or poscar a folder, a .zip or a .tar.gz.",
    ),
]
Format = Annotated[str | None, typer.Option("--format", "-f", help="parquet, extxyz, cif or poscar.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to print.")]


@tidy
def enumerate_orbits(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    output: Output = None,
    fmt: Format = None,
    shard: Annotated[str, typer.Option("--shard", help="k/n: part k (from 0) of n near-equal parts.")] = "0/1",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many, how large and how long, and write nothing.")
    ] = False,
    charge_neutral: ChargeNeutral = False,
    oxidation: Oxidation = None,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List one arrangement of each orbit, with its multiplicity.

    matganip enumerate CsPbI3.cif -s 2,2,2 -x I:Br=3 --output orbits.parquet

    matganip enumerate CsPbI3.cif -s 2,2,2 -x I:Br=3 --output structures.zip --format cif

    matganip enumerate CsPbI3.cif -s 2,2,3 -x I:Br=9 --output part3.parquet --shard 3/8 --dry-run
    """
    from matganip.configurations.io.writers import write
    from matganip.configurations.summary import orbit_summaries, space_summary
    from matganip.workflows.story import orbit_table

    part = parse_shard(shard)
    documents = []
    found = spaces_from(source, supercell, substitute, charge_neutral, oxidation)
    if dry_run and output is None:
        raise InputError("--dry-run needs the --output whose size it is to tell")
    for space in found.spaces:
        target = output and path_of_composition(output, space, len(found.spaces))
        if dry_run and target:
            documents.append(_foresee(space, target, fmt, part, json))
            continue
        if target:
            total = space.count_orbits() // part[1]
            n_orbits = write(target, space, _tracked(space, part, total, quiet=json), fmt)
        else:
            n_orbits = space.count_orbits()
        first = next(iter(islice(space.orbits(batch_size=limit, shard=part), 1)), None)
        shown = [] if first is None else orbit_summaries(first)
        documents.append({**space_summary(space, n_orbits), "first": shown} | ({"file": str(target)} if target else {}))
        if not json and first is not None:
            show(stdout(), orbit_table(first, n_orbits))
        if not json and target:
            say(stdout(), f"{n_orbits:,} orbits are in {target}")
    if json:
        print_json(documents[0] if len(documents) == 1 else documents)


def parse_shard(text: str) -> tuple[int, int]:
    """``3/8`` as part and number of parts.

    >>> parse_shard("3/8")
    (3, 8)
    """
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise InputError(f"--shard {text}: not of the form k/n with 0 <= k < n, as in 0/8")
    return int(part), int(parts)


def path_of_composition(output: Path, space: ConfigurationSpace, n_spaces: int) -> Path:
    """The output itself, or for several compositions one file each: ``orbits_Br3_I21.parquet``."""
    if n_spaces == 1:
        return output
    label = "_".join(
        f"{name}{count}"
        for species, counts in zip(space.species, space.counts, strict=True)
        for name, count in zip(species, counts, strict=True)
    )
    suffix = "".join(output.suffixes[-2:]) if output.name.endswith(".tar.gz") else output.suffix
    return output.with_name(f"{output.name.removesuffix(suffix)}_{label}{suffix}")


def _tracked(space: ConfigurationSpace, part: tuple[int, int], total: int, quiet: bool) -> Iterable[ConfigurationBatch]:
    from matganip.cli.progress import track

    batches = space.orbits(shard=part)
    return batches if quiet else track(batches, total, "orbits")


def _foresee(
    space: ConfigurationSpace, target: Path, fmt: str | None, part: tuple[int, int], json: bool
) -> dict[str, object]:
    from matganip.cli.estimate import estimate

    expected = estimate(space, target, fmt, part[1])
    if not json:
        say(stdout(), f"{target}: {expected.text()}; nothing was written")
    return {"file": str(target), "orbits": expected.n_orbits, "bytes": expected.size, "seconds": expected.seconds}
