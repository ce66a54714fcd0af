"""`matganip dft`: batches of DFT runs, written for a cluster and collected from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import render, tidy
from matganip.cli.label import parse_setting
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

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.dft.jobs import JobSettings
    from matganip.labels.dft.settings import DftSettings

dft = typer.Typer(
    name="dft",
    no_args_is_help=True,
    help="VASP, GPAW or Quantum ESPRESSO in batches: `write` makes a folder for each orbit and the job scripts, "
    "`collect` reads what came of them into a database.",
)


@dataclass(frozen=True)
class DftRequest:
    """What the arguments describe: spaces, settings, a job, a folder, and size and seed of a sample."""

    spaces: tuple[ConfigurationSpace, ...]
    settings: DftSettings
    job: JobSettings
    folder: Path
    sample: tuple[int | None, int]


@dft.command()
@tidy
@reads_crystals
def write(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
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
    number: Annotated[
        int | None, typer.Option("--number", "-N", min=1, help="Write a random sample of N orbits.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that sample.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write inputs and scripts again; outputs are never touched.")
    ] = False,
    json: Json = False,
) -> None:
    """Make a folder with inputs for each orbit, and the scripts that run them.

    \b
    matganip dft write CsPbI3.cif -s 2,2,2 -x I:Br=3 --output runs
    matganip dft write study.toml --database labels.db

    Then, on the cluster, in that folder: sbatch job_array.sh (or: bash run_all.sh). Rerunning either skips the
    runs that have ended.
    """
    from matganip.labels.dft.inputs import write_inputs

    changes: dict[str, Any] = {"code": code, "relaxation": relax, "encut": encut, "kpoint_density": density}
    changes["kpoints"] = None if kpoints is None else _mesh(kpoints)
    changes["incar"] = dict(parse_setting(text) for text in incar or [])
    changes["pseudopotentials"] = dict(_pair("--pseudo", text) for text in pseudo or [])
    changes["potcar"] = dict(_pair("--potcar", text) for text in potcar or [])
    own = dict(parse_setting(text) for text in setting or [])
    asked = _request(source, supercell, substitute, reading)
    n, seed = asked.sample if number is None else (number, seed)
    written = write_inputs(
        output or asked.folder,
        asked.spaces,
        _changed(asked.settings, changes, own),
        n=n,
        seed=seed,
        job=asked.job.replace(custodian=True) if custodian else asked.job,
        database=database,
        overwrite=overwrite,
        progress=not json,
    )
    render(written, json)


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

    \b
    matganip dft collect runs --database labels.db

    A run is good if it has ended and converged, its last geometry is still its orbit's, and its settings are those
    asked for. What has not converged is stored as such. Collecting again adds what is new.
    """
    from matganip.labels.dft.collecting import collect as collect_runs

    spaces: tuple[ConfigurationSpace, ...] = ()
    settings = None
    if study is not None:
        asked = _request(study, None, None, AS_WRITTEN)
        spaces, settings = asked.spaces, asked.settings
    collected = collect_runs(
        folder, database, spaces=spaces, settings=settings, tolerance=tolerance, strain=strain, progress=not json
    )
    render(replace(collected, show_all=show_all), json)


def _request(source: Path, supercell: str | None, substitute: list[str] | None, reading: Reading) -> DftRequest:
    """What a study's file describes, or a structure and two options with the defaults."""
    from matganip.labels.dft.jobs import JobSettings
    from matganip.labels.dft.settings import DftSettings

    if source.suffix != ".toml":
        spaces = spaces_from(source, supercell, substitute, reading=reading).spaces
        return DftRequest(spaces, DftSettings(), JobSettings(), Path("dft"), (None, 0))

    from matganip.workflows.dft import read_dft_study

    clash = [name for name, value in (("--supercell", supercell), ("--substitute", substitute)) if value]
    clash += reading.options
    if clash:
        raise InputError(f"{source}: says itself what {' and '.join(clash)} would; leave them out")
    study = read_dft_study(source)
    spaces = study.spaces(source.parent)
    return DftRequest(spaces, study.dft, study.named_job, study.folder or Path("dft"), study.number_and_seed)


def _changed(settings: DftSettings, changes: dict[str, Any], own: dict[str, Any]) -> DftSettings:
    """Settings with what the options change; keys of a table are added to those that are there."""
    given = {name: value for name, value in changes.items() if value not in (None, {})}
    if own:
        key = {"gpaw": "gpaw", "espresso": "input_data"}.get(given.get("code", settings.code))
        if key is None:
            raise InputError("--setting: is for gpaw and espresso; VASP's keys are given by --incar")
        given[key] = own
    tables = {name: {**getattr(settings, name), **value} for name, value in given.items() if isinstance(value, dict)}
    return settings.replace(**given | tables)


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
