"""`matganip dft`: batches of DFT runs, written for a cluster and collected from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import print_json, say, show, stderr, stdout, tidy
from matganip.cli.label import parse_setting
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption, spaces_from
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.dft.collecting import Collected, Outcome
    from matganip.labels.dft.jobs import JobSettings
    from matganip.labels.dft.settings import DftSettings

SHOWN = 30
"""Rows of the list of what is not done, unless all are asked for."""

dft = typer.Typer(
    name="dft",
    no_args_is_help=True,
    help="VASP, GPAW or Quantum ESPRESSO in batches: `write` makes a folder for each orbit and the job scripts, "
    "`collect` reads what came of them into a database.",
)


@dataclass(frozen=True)
class Batch:
    """What the arguments of `write` describe."""

    folder: Path
    batches: tuple[ConfigurationBatch, ...]
    settings: DftSettings
    job: JobSettings


@dft.command()
@tidy
def write(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the folders go; dft without it.")] = None,
    code: Annotated[str | None, typer.Option("--code", "-c", help="vasp, gpaw or espresso.")] = None,
    relax: Annotated[str | None, typer.Option("--relax", help="static, positions, or cell (atoms and cell).")] = None,
    encut: Annotated[float | None, typer.Option("--encut", help="Cut-off, eV; 550 without it.")] = None,
    kpoints: Annotated[str | None, typer.Option("--kpoints", help="A mesh, 4,4,4, in place of a density.")] = None,
    density: Annotated[
        float | None,
        typer.Option("--kpoint-density", help="k-points per volume of the reciprocal cell; 64."),
    ] = None,
    incar: Annotated[
        list[str] | None, typer.Option("--incar", metavar="KEY=VALUE", help="VASP: an INCAR key that overrides.")
    ] = None,
    potcar: Annotated[
        list[str] | None,
        typer.Option("--potcar", metavar="ELEMENT=SYMBOL", help="VASP: another POTCAR."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--setting", metavar="KEY=VALUE", help="GPAW: a keyword argument; espresso: a key of its input."),
    ] = None,
    pseudo: Annotated[
        list[str] | None, typer.Option("--pseudo", metavar="ELEMENT=FILE", help="espresso: a pseudopotential.")
    ] = None,
    custodian: Annotated[bool, typer.Option("--custodian", help="Run VASP under custodian's handlers.")] = False,
    database: Annotated[
        Path | None, typer.Option("--database", "-d", help="Leave out the orbits that are labelled there.")
    ] = None,
    number: Annotated[int | None, typer.Option("--number", "-N", min=1, help="Only so many orbits, drawn.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that draw.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write inputs and scripts again; outputs are never touched.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a folder with inputs for each orbit, and the scripts that run them.

    matganip dft write CsPbI3.cif -s 2,2,2 -x I:Br=3 --output runs

    matganip dft write study.toml --database labels.db

    Then, on the cluster, in that folder: sbatch job_array.sh (or: bash run_all.sh). Start either again, and what has
    ended is skipped.
    """
    from matganip.labels.database import LabelDatabase
    from matganip.labels.dft.inputs import write_inputs

    changes: dict[str, Any] = {"code": code, "relaxation": relax, "encut": encut, "kpoint_density": density}
    changes["kpoints"] = None if kpoints is None else _mesh(kpoints)
    changes["incar"] = dict(parse_setting(text) for text in incar or [])
    changes["pseudopotentials"] = dict(_pair("--pseudo", text) for text in pseudo or [])
    changes["potcar"] = dict(_pair("--potcar", text) for text in potcar or [])
    own = dict(parse_setting(text) for text in setting or [])
    batch = _batch(source, supercell, substitute, changes, own, output, custodian, (number, seed))
    there = LabelDatabase(database) if database else None
    if there is not None and not there.path.exists():
        raise InputError(f"{database}: no such database; leave --database out, or label something first")
    with stderr().status(f"writing {sum(map(len, batch.batches)):,} folders"):
        written = write_inputs(
            batch.folder, batch.batches, batch.settings, job=batch.job, database=there, overwrite=overwrite
        )
    mesh = batch.settings.mesh(batch.batches[0].space.supercell_structure)
    if json:
        print_json(
            {
                "folder": str(batch.folder),
                "orbits": written.n_orbits,
                "labelled": written.n_labelled,
                "there": written.n_there,
                "written": [str(one) for one in written.folders],
                "scripts": [str(one) for one in written.scripts],
                "kpoints": list(mesh),
            }
        )
        return
    from matganip.results.content import Table

    title = f"{batch.settings.code}, {batch.settings.relaxation}, k-points {'x'.join(map(str, mesh))}"
    numbers = (written.n_orbits, written.n_labelled, written.n_there, len(written.folders))
    columns = ("orbits", "labelled before", "folder was there", "written")
    show(stdout(), Table(title, columns, (tuple(f"{n:,}" for n in numbers),), "rrrr"))
    _advise(batch)


def _advise(batch: Batch) -> None:
    """What comes next, and what the settings are too coarse for."""
    console = stdout()
    say(
        console, f"In {batch.folder}: sbatch job_array.sh, or bash run_all.sh; then matganip dft collect {batch.folder}"
    )
    settings = batch.settings
    if settings.code == "vasp":
        say(
            console,
            "POTCARs are licensed and not written: where PMG_VASP_PSP_DIR is set the scripts put them together from "
            "POTCAR.spec.",
            style="dim",
        )
    if settings.ediff_per_atom >= 1e-5:
        say(
            console,
            f"The electronic loop ends at {1000 * settings.ediff_per_atom:g} meV/atom. Arrangements often differ by as "
            "little; to rank them, set ediff_per_atom to 1e-7 in a study file.",
            style="dim",
        )


@dft.command()
@tidy
def collect(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the runs are, at any depth.")],
    study: Annotated[
        Path | None,
        typer.Option("--study", help="The study file of runs that have neither orbit.json nor dft.json above them."),
    ] = None,
    database: Annotated[Path, typer.Option("--database", "-d", help="Where the labels go.", show_default=True)] = Path(
        "labels.db"
    ),
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance", min=0, help="How far an atom may be from its site, angstrom; 0.1 static, 1 relaxed."
        ),
    ] = None,
    strain: Annotated[
        float | None,
        typer.Option("--strain", min=0, help="How far the cell may be off; 0.01, or 0.1 if it was relaxed."),
    ] = None,
    show_all: Annotated[bool, typer.Option("--all", help="List every run, not only what is not done.")] = False,
    json: Json = False,
) -> None:
    """Read the outputs below a folder, store what is good, and say what failed and what is missing.

    matganip dft collect runs --database labels.db

    A run is good if it has ended and converged, its last geometry is still its orbit's, and its settings are those
    asked for. What has not converged is stored as such. Collecting again adds what is new.
    """
    from matganip.labels.database import LabelDatabase
    from matganip.labels.dft.collecting import collect as do

    spaces: tuple[ConfigurationSpace, ...] = ()
    asked = None
    if study is not None:
        from matganip.workflows.dft import read_dft_study

        read = read_dft_study(study)
        spaces = read.spaces(study.parent)
        settings = read.dft
        each = [settings.asked(space.supercell_structure) for space in spaces]
        asked = (settings.code, settings.relaxation, each)
    if not database.parent.is_dir():
        raise InputError(f"{database}: there is no folder {database.parent}")
    with stderr().status("reading") as status:

        def progress(outcome: Outcome) -> None:
            status.update(f"{outcome.folder}: {outcome.status}")

        collected = do(
            folder,
            LabelDatabase(database),
            spaces=spaces,
            settings=asked,
            tolerance=tolerance,
            strain=strain,
            progress=progress,
        )
    if json:
        print_json(_document(collected))
        return
    _tell(collected, database, show_all)


def _document(collected: Collected) -> dict[str, Any]:
    counts = {status: collected.count(status) for status in ("done", "unconverged", "failed", "missing")}
    runs = [vars(outcome) for outcome in collected.outcomes]
    return {**counts, "labelled_before": collected.n_labelled, "stored_now": collected.n_stored, "runs": runs}


def _tell(collected: Collected, database: Path, show_all: bool) -> None:
    from matganip.results.content import Table

    document = _document(collected)
    keys = ("done", "unconverged", "failed", "missing", "labelled_before", "stored_now")
    columns = ("done", "not converged", "failed", "missing", "labelled before", "stored now")
    console = stdout()
    show(console, Table(f"Labels in {database}", columns, (tuple(f"{document[key]:,}" for key in keys),), "r" * 6))
    order = {"failed": 0, "unconverged": 1, "missing": 2, "done": 3}
    rows = [
        (one.folder, "not converged" if one.status == "unconverged" else one.status, one.why)
        for one in sorted(collected.outcomes, key=lambda one: order[one.status])
        if show_all or one.status != "done" or one.why
    ]
    more = len(rows) - SHOWN
    if not show_all and more > 0:
        rows = rows[:SHOWN]
    for place, status, why in rows:
        say(console, f"{place}: {status}" + (f": {why}" if why else ""))
    if not show_all and more > 0:
        say(console, f"and {more:,} more; --all lists every run, --json for programs", style="dim")


def _batch(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    changes: dict[str, Any],
    own: dict[str, Any],
    output: Path | None,
    custodian: bool,
    sample: tuple[int | None, int],
) -> Batch:
    """A study's file with what the options change, or a space and the options alone."""
    from matganip.labels.dft.jobs import JobSettings
    from matganip.labels.dft.settings import DftSettings
    from matganip.workflows.labelling import batch_of

    given = {name: value for name, value in changes.items() if value not in (None, {})}
    if source.suffix == ".toml":
        from matganip.workflows.dft import read_dft_study

        clash = [name for name, value in (("--supercell", supercell), ("--substitute", substitute)) if value]
        if clash:
            raise InputError(f"{source}: says itself what {' and '.join(clash)} would; leave them out")
        study = read_dft_study(source)
        spaces, settings, job = study.spaces(source.parent), study.dft, study.named_job
        if sample[0] is None and study.sample is not None:
            sample = (study.sample.number, study.sample.seed)
        output = output or study.folder
    else:
        spaces, settings, job = spaces_from(source, supercell, substitute).spaces, DftSettings(), JobSettings()
    for name in ("incar", "potcar", "pseudopotentials"):
        if name in given:
            given[name] = {**getattr(settings, name), **given[name]}
    settings_now = {"code": settings.code, **given}
    if own:
        key = {"gpaw": "gpaw", "espresso": "input_data"}.get(settings_now["code"])
        if key is None:
            raise InputError("--setting: is for gpaw and espresso; VASP's keys are given by --incar")
        given[key] = {**getattr(settings, key), **own}
    return Batch(
        output or Path("dft"),
        tuple(batch_of(space, *sample) for space in spaces),
        settings.replace(**given),
        job.replace(custodian=True) if custodian else job,
    )


def _mesh(text: str) -> tuple[int, int, int]:
    """Three integers.

    >>> _mesh("4,4,2")
    (4, 4, 2)
    """
    try:
        first, second, third = (int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"--kpoints {text}: three integers are needed, as in 4,4,4") from None
    return first, second, third


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (equals and name.strip() and value.strip()):
        raise InputError(f"{option} {text}: not of the form ELEMENT=NAME, as in Pb=Pb_d")
    return name.strip(), value.strip()
