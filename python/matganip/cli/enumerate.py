"""`matganip enumerate`: one arrangement of each orbit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from matganip.cli.console import render, tidy
from matganip.cli.spaces import (
    AS_WRITTEN,
    ChargeNeutral,
    Json,
    Oxidation,
    Reading,
    Source,
    Substitute,
    SupercellOption,
    reads_crystals,
    say_states,
    spaces_from,
)
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.arrangements import Arrangements, DryRun
    from matganip.results.ranked import Ranked

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Where to write them: .parquet, .xyz, or with --format cif or poscar a folder, a .zip, .tar, .tar.gz, "
        ".tar.bz2 or .tar.xz, with an index.csv.",
    ),
]
Format = Annotated[str | None, typer.Option("--format", "-f", help="parquet, extxyz, cif or poscar.")]
Limit = Annotated[int | None, typer.Option("--limit", "-n", min=1, help="How many to print; 20.")]
Rank = Annotated[
    str | None,
    typer.Option(
        "--rank",
        metavar="ewald",
        help="Rank by the electrostatic energy of point charges (--oxidation, the file's, or guessed) and keep the "
        "--lowest, the --highest or both.",
    ),
]
Lowest = Annotated[int | None, typer.Option("--lowest", min=1, help="With --rank: how many of the lowest to keep; 50.")]
Highest = Annotated[int | None, typer.Option("--highest", min=1, help="With --rank: how many of the highest to keep.")]


@dataclass(frozen=True)
class Ends:
    """What --rank, --lowest and --highest say."""

    rank: str | None = None
    lowest: int | None = None
    highest: int | None = None

    def __post_init__(self) -> None:
        if self.rank is None and (self.lowest or self.highest):
            raise InputError("--lowest and --highest act with --rank only, as in --rank ewald --lowest 50")
        if self.rank not in (None, "ewald"):
            raise InputError(f"--rank {self.rank}: ewald is the one that needs no labels")

    def of(
        self,
        arrangements: ConfigurationSpace | ConfigurationBatch | Iterable[ConfigurationBatch],
        oxidation: list[str] | None,
        output: Path | None,
        fmt: str | None,
        *,
        limit: int,
        quiet: bool,
    ) -> Ranked:
        """Rank arrangements, and write what is kept."""
        from matganip.configurations.notation import parse_oxidation
        from matganip.screening.rank import rank

        lowest = 50 if self.lowest is None and self.highest is None else self.lowest or 0
        ranked = rank(
            arrangements,
            lowest=lowest,
            highest=self.highest or 0,
            oxidation_states=parse_oxidation(oxidation or []),
            progress=not quiet,
        )
        return replace(ranked if output is None else ranked.write(output, fmt), shown=limit)


@tidy
@reads_crystals
def enumerate_orbits(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    output: Output = None,
    fmt: Format = None,
    rank: Rank = None,
    lowest: Lowest = None,
    highest: Highest = None,
    shard: Annotated[str, typer.Option("--shard", help="k/n: part k (from 0) of n near-equal parts.")] = "0/1",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print number, size and time, and write nothing.")] = False,
    charge_neutral: ChargeNeutral = False,
    oxidation: Oxidation = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """List one arrangement of each orbit, with its multiplicity.

    \b
    matganip enumerate CsPbI3.cif -s 2,2,2 -x I:Br=3 --output orbits.parquet
    matganip enumerate CsPbI3.cif -s 2,2,2 -x I:Br=3 -o structures.zip -f cif
    matganip enumerate CsPbI3.cif -s 2,2,3 -x I:Br=9 -o 3.parquet --shard 3/8

    The lowest by their Ewald energies, without any label:

    \b
    matganip enumerate LiFeO2.cif -s 2,2,1 --rank ewald --lowest 50 -o 50.xyz
    """
    part, ends = parse_shard(shard), Ends(rank, lowest, highest)
    _refuse_unused(output, fmt, dry_run, rank, limit)
    found = spaces_from(source, supercell, substitute, charge_neutral, oxidation, reading, ranked=rank is not None)
    say_states(found)
    files = [output and path_of(output, space, len(found.spaces)) for space in found.spaces]
    places = list(zip(found.spaces, files, strict=True))
    if dry_run:
        render([_dry_run(space, file, fmt, part) for space, file in places], json)
    elif rank is not None:
        ranked = [
            ends.of(space.orbits(16384, shard=part), oxidation, file, fmt, limit=limit or 20, quiet=json)
            for space, file in places
        ]
        render(ranked, json)
    else:
        render([_enumerated(space, file, fmt, part, limit or 20, quiet=json) for space, file in places], json)


def _refuse_unused(output: Path | None, fmt: str | None, dry_run: bool, rank: str | None, limit: int | None) -> None:
    """Refuse options that would not act."""
    if fmt is not None and output is None:
        raise InputError(f"--format {fmt}: nothing is written without --output; name one, or leave --format out")
    if dry_run and rank is not None:
        raise InputError("--dry-run does not estimate a ranking; leave out --rank")
    if dry_run and limit is not None:
        raise InputError("--dry-run prints no arrangements; leave out --limit")


def parse_shard(text: str) -> tuple[int, int]:
    """``3/8`` as part and number of parts.

    >>> parse_shard("3/8")
    (3, 8)
    """
    part, slash, parts = text.partition("/")
    if not (slash and part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise InputError(f"--shard {text}: not of the form k/n with 0 <= k < n, as in 0/8")
    return int(part), int(parts)


def path_of(output: Path, space: ConfigurationSpace, n_spaces: int) -> Path:
    """The output itself, or for several compositions a file for each: ``orbits_Br3_I21.parquet``."""
    from matganip.configurations.io.writers import path_of_composition

    return output if n_spaces == 1 else path_of_composition(output, space)


def _enumerated(
    space: ConfigurationSpace, file: Path | None, fmt: str | None, part: tuple[int, int], limit: int, quiet: bool
) -> Arrangements:
    from matganip.configurations.io.writers import write
    from matganip.results.arrangements import Arrangements

    n_orbits = space.count_orbits()
    if file:
        n_orbits = write(file, space, space.orbits(shard=part), fmt, total=n_orbits // part[1], progress=not quiet)
    return Arrangements(space.first_orbits(limit, part), n_orbits, file)


def _dry_run(space: ConfigurationSpace, file: Path | None, fmt: str | None, part: tuple[int, int]) -> DryRun:
    from matganip.configurations.io.estimate import estimate_output
    from matganip.results.arrangements import DryRun

    return DryRun(file, estimate_output(space, file, fmt, part[1]))
