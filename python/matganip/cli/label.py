"""`matganip label`: properties of the orbits of a space, computed and stored."""

from __future__ import annotations

import json as json_module
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import fail, print_json, render, say, stdout, tidy
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
    from matganip.labels.calculators import CalculatorChoice
    from matganip.labels.relaxing import RelaxationSettings


@dataclass(frozen=True)
class Asked:
    """What the arguments describe: spaces, a calculator, a relaxation, a database, a sample."""

    spaces: tuple[ConfigurationSpace, ...]
    calculator: CalculatorChoice
    relaxation: RelaxationSettings
    database: Path
    n: int | None
    seed: int


@tidy
@reads_crystals
def label(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    reading: Reading = AS_WRITTEN,
    calculator: Annotated[
        str | None,
        typer.Option("--calculator", "-c", help="chgnet, sevennet, gpaw, espresso, or module:Class of an ASE one."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--setting", metavar="KEY=VALUE", help="A keyword argument of it; the value is JSON or text."),
    ] = None,
    relax: Annotated[str | None, typer.Option("--relax", help="static, positions, or cell (atoms and cell).")] = None,
    fmax: Annotated[float | None, typer.Option("--fmax", help="Largest force when relaxed, eV/angstrom.")] = None,
    rattle: Annotated[
        float | None, typer.Option("--rattle", help="Random displacements before it is relaxed, angstrom.")
    ] = None,
    start: Annotated[
        int | None, typer.Option("--start", min=0, help="Which random displacements; another may end elsewhere.")
    ] = None,
    max_steps: Annotated[int | None, typer.Option("--max-steps", help="Steps after which it gives up.")] = None,
    database: Annotated[Path | None, typer.Option("--database", "-d", help="The database, labels.db.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", min=0, help="Processes; by default one for each core.")
    ] = None,
    number: Annotated[
        int | None, typer.Option("--number", "-N", min=1, help="Label a random sample of N orbits.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that sample.")] = 0,
    retry: Annotated[bool, typer.Option("--retry", help="Compute again what did not converge.")] = False,
    export: Annotated[Path | None, typer.Option("--export", help="Write the labels to this .csv or .parquet.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many are missing and what they cost; store nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Compute the labels that a database lacks; rerun the command to resume.

    \b
    matganip label CsPbI3.cif -s 2,2,2 -x I:Br=3 --calculator chgnet -d labels.db
    matganip label study.toml --dry-run

    Relaxed energies, from two starts each:

    \b
    matganip label relax.toml --rattle 0.1 --start 0
    matganip label relax.toml --rattle 0.1 --start 1
    """
    from matganip.labels import labelling
    from matganip.labels.exchange import check_export, export_labels
    from matganip.processes import available_cores

    changes = {"kind": relax, "fmax": fmax, "max_steps": max_steps, "rattle": rattle, "start": start}
    asked = asked_of(source, supercell, substitute, calculator, setting, changes, database, (number, seed), reading)
    if export:
        check_export(export, asked.spaces)
    n_workers = available_cores() if workers is None else workers
    what = (asked.spaces, asked.calculator, asked.database)
    how: dict[str, Any] = {"relax": asked.relaxation, "n": asked.n, "seed": asked.seed, "retry": retry}
    if dry_run:
        estimate = labelling.estimate_labelling(*what, workers=n_workers, **how)
        if json and len(estimate.compositions) > 1:
            print_json(list(estimate.compositions))
        else:
            render(estimate, json)
        return
    done = labelling.label(*what, workers=n_workers, progress=not json, **how)
    if export:
        export_labels(
            asked.database, asked.spaces, export, calculator=asked.calculator.name, settings_hash=done.settings_hash
        )
    if json and len(done.compositions) > 1:
        print_json([one.to_dict() for one in done.compositions])
    else:
        render(done, json)
    if export and not json:
        say(stdout(), f"As a table they are in {export}")
    for error, times in {} if json else done.errors.items():
        fail(f"{times} structure{'s' * (times > 1)} failed: {error}; start again to try once more")


def asked_of(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    calculator: str | None,
    setting: list[str] | None,
    changes: dict[str, Any],
    database: Path | None,
    sample: tuple[int | None, int],
    reading: Reading,
) -> Asked:
    """What the arguments describe: a labelling's own file with what the options change, or a space and options."""
    from matganip.labels.calculators import CalculatorChoice
    from matganip.labels.relaxing import RelaxationSettings
    from matganip.workflows.labelling import is_label_study, read_label_study

    given = {name: value for name, value in changes.items() if value is not None}
    if source.suffix == ".toml" and is_label_study(source):
        options = {"supercell": supercell, "substitute": substitute, "calculator": calculator, "setting": setting}
        clash = [f"--{name}" for name, value in options.items() if value] + reading.options
        if clash:
            raise InputError(f"{source}: says itself what {' and '.join(clash)} would; leave them out")
        study = read_label_study(source)
        n, seed = study.number_and_seed if sample[0] is None else sample
        relaxation = study.relaxation.replace(**given)
        spaces = study.spaces(source.parent)
        return Asked(spaces, study.calculator, relaxation, database or study.database, n, seed)
    if calculator is None:
        raise InputError("--calculator is needed: chgnet, sevennet, gpaw, espresso, or module:Class of an ASE one")
    choice = CalculatorChoice(name=calculator, settings=dict(parse_setting(text) for text in setting or []))
    spaces = spaces_from(source, supercell, substitute, reading=reading).spaces
    return Asked(spaces, choice, RelaxationSettings(**given), database or Path("labels.db"), *sample)


def described(
    source: Path, supercell: str | None, substitute: list[str] | None, reading: Reading
) -> tuple[ConfigurationSpace, ...]:
    """The spaces that the arguments describe; a labelling's own file does too."""
    from matganip.workflows.labelling import is_label_study, read_label_study

    if source.suffix == ".toml" and is_label_study(source) and not (supercell or substitute or reading.options):
        return read_label_study(source).spaces(source.parent)
    return spaces_from(source, supercell, substitute, reading=reading).spaces


def parse_setting(text: str) -> tuple[str, Any]:
    """``kpts=[2,2,2]`` as a name and a value: JSON where it is JSON, text otherwise.

    >>> parse_setting("kpts=[2, 2, 2]"), parse_setting("xc=PBE")
    (('kpts', [2, 2, 2]), ('xc', 'PBE'))
    """
    name, equals, value = text.partition("=")
    if not (equals and name.strip().isidentifier()):
        raise InputError(f"--setting {text}: not of the form KEY=VALUE, as in kpts=[2,2,2]")
    try:
        return name.strip(), json_module.loads(value)
    except ValueError:
        return name.strip(), value.strip()
