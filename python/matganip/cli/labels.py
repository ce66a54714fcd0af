"""`matganip labels`: look into a labelled database, write tables and read them, find the orbits of structures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from matganip.cli.console import BAD_INPUT, fail, render, tidy
from matganip.cli.label import described, parse_setting
from matganip.cli.spaces import AS_WRITTEN, Json, Reading, Source, Substitute, SupercellOption, reads_crystals

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Look into a labelled database, write it as a table, read tables into it, find the orbits of structures.",
)

Database = Annotated[Path, typer.Argument(metavar="DATABASE", help="A database of matganip label.")]
Calculator = Annotated[str | None, typer.Option("--calculator", "-c", help="Whose labels, where there are several.")]
Hash = Annotated[str | None, typer.Option("--settings", help="The hash of their settings, where there are several.")]


@app.command("list")
@tidy
def list_labels(database: Database, json: Json = False) -> None:
    """List what a database holds, and what failed.

    \b
    matganip labels list labels.db
    """
    from matganip.labels.database import LabelDatabase

    contents = LabelDatabase(database).contents()
    render(contents, json)
    for one in () if json else contents.failures:
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

    \b
    matganip labels export labels.db tables/labels.parquet
    """
    from matganip.labels.exchange import export_labels

    written = export_labels(
        database, None, table, calculator=calculator, settings_hash=settings, unconverged=unconverged
    )
    render(written, json=False)


@app.command("import")
@tidy
@reads_crystals
def import_table(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="A .csv, .parquet, or the name of a shipped table; or structures with energies: .extxyz, an ASE "
            "database, a folder of VASP runs.",
        ),
    ],
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    database: Annotated[Path, typer.Option("--database", "-d", help="The database, labels.db.")] = Path("labels.db"),
    calculator: Annotated[
        str | None, typer.Option("--calculator", "-c", help="What computed them, where the table does not say.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--setting", metavar="KEY=VALUE", help="One of its settings, likewise.")
    ] = None,
    energy: Annotated[
        str | None, typer.Option("--energy", metavar="KEY", help="Of structures: the property, if not the energy.")
    ] = None,
) -> None:
    """Add a table or labelled structures to a database; what is there already stays.

    \b
    matganip labels import labels.csv CsPbI3.cif -s 2,2,2 -x I:Br=0-3 -d labels.db
    matganip labels import all.extxyz CsPbI3.cif -s 2,2,2 -x I:Br=0-3 -c vasp
    """
    from matganip.labels.exchange import import_labels

    settings = dict(parse_setting(text) for text in setting or []) or None
    spaces = described(source, supercell, substitute, reading)
    done = import_labels(database, spaces, table, calculator=calculator, settings=settings, energy=energy)
    render(done, json=False)


@app.command("rescue")
@tidy
def rescue_labels(
    database: Database,
    target: Annotated[Path, typer.Argument(metavar="NEW", help="The new database.")],
) -> None:
    """Copy what can still be read of a damaged database into a new one.

    \b
    matganip labels rescue labels.db rescued.db
    """
    from matganip.labels.rescue import rescue

    render(rescue(database, target), json=False)


@app.command("join")
@tidy
@reads_crystals
def join(
    source: Source,
    structures: Annotated[
        list[Path],
        typer.Argument(
            metavar="STRUCTURE...",
            help="POSCAR, CIF, ... files; or many in one: .extxyz, an ASE database, a folder of VASP runs.",
        ),
    ],
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    tolerance: Annotated[float, typer.Option("--tolerance", min=0.0, help="From atom to site, in angstrom.")] = 0.5,
    json: Json = False,
) -> None:
    """Find the orbits of structures from elsewhere: atoms in any order, any origin and orientation.

    \b
    matganip labels join CsPbI3.cif -s 2,2,2 -x I:Br=3 runs/*/CONTCAR
    matganip labels join CsPbI3.cif -s 2,2,2 -x I:Br=3 relaxed.extxyz
    """
    from matganip.labels.joining import find_orbits

    found = find_orbits(described(source, supercell, substitute, reading), structures, tolerance)
    render(found, json)
    if found.refused:
        fail("\n".join(found.refused))
        raise typer.Exit(BAD_INPUT)
