"""`matganip labels`: look into a labelled database, take tables out and in, find the orbits of structures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import BAD_INPUT, fail, print_json, say, show, stdout, tidy
from matganip.cli.label import described, parse_setting
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.database import LabelDatabase, LabelSet

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help="Look into a labelled database, and exchange.")

Database = Annotated[Path, typer.Argument(metavar="DATABASE", help="A database of matganip label.")]
Calculator = Annotated[str | None, typer.Option("--calculator", "-c", help="Whose labels, where there are several.")]
Hash = Annotated[str | None, typer.Option("--settings", help="The hash of their settings, where there are several.")]


@app.command("list")
@tidy
def list_labels(database: Database, json: Json = False) -> None:
    """List what a database holds, and what failed.

    matganip labels list labels.db
    """
    from matganip.configurations.codec import composition_text
    from matganip.labels.database import LabelDatabase
    from matganip.results.content import Table

    labels = LabelDatabase(database)
    spaces = labels.spaces()
    sets = labels.sets()
    failures = [
        {"space": key, "orbit": orbit, "calculator": calculator, "error": error}
        for key, space in spaces.items()
        for orbit, calculator, error in labels.failures(space)
    ]
    if json:
        print_json({"sets": [_document(one, spaces[one.space]) for one in sets], "failures": failures})
        return
    rows = tuple(
        (
            composition_text(spaces[one.space]),
            one.calculator,
            one.settings_hash,
            one.relaxation,
            *(f"{n:,}" for n in (one.n_rows, one.n_rows - one.n_converged - one.n_failed, one.n_failed)),
        )
        for one in sets
    )
    columns = ("composition", "calculator", "settings", "relaxation", "rows", "unconverged", "failed")
    show(stdout(), Table(str(database), columns, rows, "wwllrrr"))
    for one in failures:
        fail(f"{one['calculator']}: orbit {one['orbit'][1:]}: {one['error'].removeprefix('error: ')}")


@app.command("export")
@tidy
def export(
    database: Database,
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A .csv, or a .parquet with geometry and forces too.")],
    calculator: Calculator = None,
    settings: Hash = None,
    unconverged: Annotated[bool, typer.Option("--unconverged", help="Also what is not converged.")] = False,
) -> None:
    """Write the labels of one calculator and settings as a table, with the undoped supercell beside it.

    matganip labels export labels.db tables/labels.parquet
    """
    from matganip.labels.calculators import title_of
    from matganip.labels.database import LabelDatabase
    from matganip.labels.exchange import export_labels

    labels = LabelDatabase(database)
    chosen = _one_kind(labels, calculator, settings)
    spaces = labels.spaces()
    n_rows = export_labels(
        labels,
        [spaces[one.space] for one in chosen],
        table,
        calculator=chosen[0].calculator,
        settings_hash=chosen[0].settings_hash,
        title=title_of(chosen[0].calculator, chosen[0].settings),
        unconverged=unconverged,
    )
    say(stdout(), f"{n_rows:,} labels are in {table}")


@app.command("import")
@tidy
def import_table(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A .csv, .parquet, or the name of a shipped table.")],
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    database: Annotated[Path, typer.Option("--database", "-d", help="The database, labels.db.")] = Path("labels.db"),
    calculator: Annotated[
        str | None, typer.Option("--calculator", "-c", help="What computed them, where the table does not say.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", metavar="KEY=VALUE", help="One of its settings, likewise.")
    ] = None,
) -> None:
    """Add the rows of a table to a database; those that are there already stay as they are.

    matganip labels import labels.csv CsPbI3.cif -s 2,2,2 -x I:Br=0-3 -d labels.db
    """
    from matganip.labels.database import LabelDatabase
    from matganip.labels.exchange import import_labels, importable

    labels = LabelDatabase(database)
    settings = dict(parse_setting(text) for text in setting or []) or None
    spaces = described(source, supercell, substitute)
    rows = importable(table)
    n_rows = len(rows)
    fits = sum(len(rows.rows_of(space)[0]) for space in spaces)
    if not fits:
        raise InputError(f"{table}: none of its {n_rows} rows has a composition that was asked for")
    n_added = sum(import_labels(labels, space, table, calculator=calculator, settings=settings) for space in spaces)
    say(
        stdout(),
        f"{n_added:,} of the {n_rows:,} rows of {table} were added to {database}; {fits - n_added:,} were there, "
        f"{n_rows - fits:,} are of other compositions",
    )


@app.command("rescue")
@tidy
def rescue_labels(
    database: Database,
    target: Annotated[Path, typer.Argument(metavar="NEW", help="The new database.")],
) -> None:
    """Copy what can still be read of a damaged database into a new one.

    matganip labels rescue labels.db rescued.db
    """
    from matganip.labels.rescue import rescue

    n_rescued, n_lost = rescue(database, target)
    say(stdout(), f"{n_rescued:,} labels are in {target}, {n_lost:,} could not be read")


@app.command("join")
@tidy
def join(
    source: Source,
    structures: Annotated[list[Path], typer.Argument(metavar="STRUCTURE...", help="POSCAR, CIF, ... files.")],
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    tolerance: Annotated[float, typer.Option("--tolerance", min=0.0, help="From atom to site, in angstrom.")] = 0.5,
    json: Json = False,
) -> None:
    """Find the orbits of structures from elsewhere: atoms in any order, origin and orientation any.

    matganip labels join CsPbI3.cif -s 2,2,2 -x I:Br=3 runs/*/CONTCAR
    """
    from matganip.results.content import Table

    spaces = described(source, supercell, substitute)
    documents, complaints = [], []
    for path in structures:
        try:
            documents.append(_joined(spaces, path, tolerance))
        except InputError as error:
            complaints.append(str(error))
    if json:
        print_json({"joined": documents, "refused": complaints})
    elif documents:
        rows = tuple(
            (
                *(str(one[key]) for key in ("file", "composition", "occupation")),
                f"{one['multiplicity']:,}",
                f"{one['displacement']:.3f}",
            )
            for one in documents
        )
        columns = ("file", "composition", "orbit", "multiplicity", "farthest atom, Å")
        show(stdout(), Table("", columns, rows, "wwlrr"))
    if complaints:
        fail("\n".join(complaints))
        raise typer.Exit(BAD_INPUT)


def _joined(spaces: tuple[ConfigurationSpace, ...], path: Path, tolerance: float) -> dict[str, Any]:
    """Where one structure belongs: of several compositions to its own."""
    from matganip.configurations.codec import composition_text
    from matganip.crystal.structures import read_structure
    from matganip.labels.joining import join_structures, match_structure

    structure = read_structure(path)
    space = next((one for one in spaces if _amounts(one) == structure.composition.as_dict()), spaces[0])
    batch = join_structures(space, [path], tolerance)
    return {
        "file": str(path),
        "composition": composition_text(space),
        "occupation": batch.orbit_keys()[0].partition(":")[2],
        "multiplicity": int(batch.multiplicity[0]),
        "displacement": match_structure(space, structure, tolerance).displacement,
    }


def _amounts(space: ConfigurationSpace) -> dict[str, float]:
    """How many atoms of each element an arrangement has."""
    return next(space.sample_configurations(1).structures()).composition.as_dict()


def _document(one: LabelSet, space: ConfigurationSpace) -> dict[str, Any]:
    from dataclasses import asdict

    from matganip.configurations.codec import composition_text

    return {**asdict(one), "composition": composition_text(space)}


def _one_kind(labels: LabelDatabase, calculator: str | None, settings: str | None) -> list[LabelSet]:
    """The labels of one calculator with one choice of settings, of all spaces."""
    sets = labels.sets()
    found = [one for one in sets if calculator in (None, one.calculator) and settings in (None, one.settings_hash)]
    kinds = sorted({(one.calculator, one.settings_hash) for one in found or sets})
    listed = "; ".join(" ".join(kind) for kind in kinds)
    if not found:
        raise InputError(f"{labels.path}: no such labels; it has {listed or 'none'}")
    if len(kinds) > 1:
        raise InputError(f"{labels.path}: name one with --calculator and --settings; it has {listed}")
    return found
