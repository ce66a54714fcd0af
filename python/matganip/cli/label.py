"""`matganip label`: properties of the orbits of a space, computed and stored."""

from __future__ import annotations

import json as json_module
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from matganip.cli.console import fail, print_json, say, show, stderr, stdout, tidy
from matganip.cli.estimate import _duration
from matganip.cli.spaces import Json, Source, Substitute, SupercellOption, spaces_from
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.calculation import Calculation
    from matganip.labels.calculators import CalculatorChoice
    from matganip.labels.database import LabelDatabase
    from matganip.labels.labelling import Tally
    from matganip.labels.relaxing import RelaxationSettings


@dataclass(frozen=True)
class Job:
    """What is to be labelled: batches of orbits, one a composition."""

    batches: tuple[ConfigurationBatch, ...]
    choice: CalculatorChoice
    protocol: RelaxationSettings
    database: LabelDatabase


@tidy
def label(
    source: Source,
    supercell: SupercellOption = None,
    substitute: Substitute = None,
    calculator: Annotated[
        str | None,
        typer.Option("--calculator", "-c", help="chgnet, sevennet, gpaw, espresso, or module:Class of an ASE one."),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--setting", metavar="KEY=VALUE", help="A keyword argument of it; the value is JSON or text."),
    ] = None,
    relax: Annotated[str | None, typer.Option("--relax", help="static, positions, or cell (atoms and cell).")] = None,
    fmax: Annotated[float | None, typer.Option("--fmax", help="Largest force of a relaxed one, eV/angstrom.")] = None,
    max_steps: Annotated[int | None, typer.Option("--max-steps", help="Steps after which it gives up.")] = None,
    database: Annotated[Path | None, typer.Option("--database", "-d", help="The database, labels.db.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", "-j", min=0, help="Processes; by default one for each core.")
    ] = None,
    number: Annotated[int | None, typer.Option("--number", "-N", min=1, help="Only so many orbits, drawn.")] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of that draw.")] = 0,
    retry: Annotated[bool, typer.Option("--retry", help="Compute again what did not converge.")] = False,
    export: Annotated[Path | None, typer.Option("--export", help="Write the labels to this .csv or .parquet.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many are missing and what they cost; store nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Compute the labels that a database lacks; start it again to go on where it ended.

    matganip label CsPbI3.cif -s 2,2,2 -x I:Br=3 --calculator chgnet --database labels.db

    matganip label study.toml --dry-run
    """
    from matganip.labels.labelling import label as do
    from matganip.labels.labelling import missing_of

    changes = {"kind": relax, "fmax": fmax, "max_steps": max_steps}
    job = _job(source, supercell, substitute, calculator, setting or [], changes, database, (number, seed))
    n_workers = _cores() if workers is None else workers
    if dry_run:
        _foresee(job, n_workers, retry, json)
        return
    documents: list[dict[str, Any]] = []
    n_missing = sum(int(missing_of(job.database, one, job.choice, job.protocol, retry).sum()) for one in job.batches)
    with _Bar(n_missing, quiet=json) as bar:
        for batch in job.batches:
            bar.ended.append(
                do(job.database, batch, job.choice, job.protocol, n_workers=n_workers, retry=retry, progress=bar.moved)
            )
    documents = [_document(batch, tally) for batch, tally in zip(job.batches, bar.ended, strict=True)]
    if export:
        _export(job, export)
    if json:
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    _tell(job, documents, export)


def _job(
    source: Path,
    supercell: str | None,
    substitute: list[str] | None,
    calculator: str | None,
    setting: list[str],
    changes: dict[str, Any],
    database: Path | None,
    sample: tuple[int | None, int],
) -> Job:
    """What the arguments describe: a labelling's own file, or a space and options."""
    from matganip.labels.calculators import CalculatorChoice
    from matganip.labels.database import LabelDatabase
    from matganip.labels.relaxing import RelaxationSettings
    from matganip.workflows.labelling import batch_of, is_label_study, read_label_study

    given = {name: value for name, value in changes.items() if value is not None}
    if source.suffix == ".toml" and is_label_study(source):
        clash = [name for name, value in (("--supercell", supercell), ("--substitute", substitute)) if value]
        clash += [name for name, value in (("--calculator", calculator), ("--setting", setting)) if value]
        if clash:
            raise InputError(f"{source}: says itself what {' and '.join(clash)} would; leave them out")
        study = read_label_study(source)
        number, seed = sample
        if number is None and study.sample is not None:
            number, seed = study.sample.number, study.sample.seed
        batches = tuple(batch_of(space, number, seed) for space in study.spaces(source.parent))
        return Job(
            batches, study.calculator, study.relaxation.replace(**given), LabelDatabase(database or study.database)
        )
    if calculator is None:
        raise InputError("--calculator is needed: chgnet, sevennet, gpaw, espresso, or module:Class of an ASE one")
    choice = CalculatorChoice(name=calculator, settings=dict(parse_setting(text) for text in setting))
    batches = tuple(batch_of(space, *sample) for space in spaces_from(source, supercell, substitute).spaces)
    return Job(batches, choice, RelaxationSettings(**given), LabelDatabase(database or Path("labels.db")))


def described(source: Path, supercell: str | None, substitute: list[str] | None) -> tuple[ConfigurationSpace, ...]:
    """The spaces that the arguments describe; a labelling's own file does too."""
    from matganip.workflows.labelling import is_label_study, read_label_study

    if source.suffix == ".toml" and is_label_study(source) and not (supercell or substitute):
        return read_label_study(source).spaces(source.parent)
    return spaces_from(source, supercell, substitute).spaces


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


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _foresee(job: Job, n_workers: int, retry: bool, json: bool) -> None:
    """Say what is missing, and what it costs by the first of it, computed for real."""
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.codec import composition_text
    from matganip.labels.labelling import missing_of, seconds_an_orbit

    documents: list[dict[str, Any]] = []
    for batch in job.batches:
        missing = missing_of(job.database, batch, job.choice, job.protocol, retry)
        n_missing = int(missing.sum())
        seconds = 0.0
        if n_missing:
            first = ConfigurationBatch(batch.space, batch.occupations[missing][:1], batch.multiplicity[missing][:1])
            seconds = seconds_an_orbit(first, job.choice, job.protocol, n_workers=n_workers)
        total = seconds * n_missing / max(1, min(n_workers, n_missing))
        document = {"composition": composition_text(batch.space), "orbits": len(batch), "missing": n_missing}
        documents.append(document | {"seconds_an_orbit": seconds, "seconds": total})
        if not json:
            cost = f", {_duration(seconds)} each, about {_duration(total)} in all" if n_missing else ""
            say(stdout(), f"{document['composition']}: {n_missing:,} of {len(batch):,} orbits are missing{cost}")
    if json:
        print_json(documents[0] if len(documents) == 1 else documents)
        return
    if len(documents) > 1:
        n_missing = sum(one["missing"] for one in documents)
        total = sum(one["seconds"] for one in documents)
        say(stdout(), f"Together: {n_missing:,} orbits are missing, about {_duration(total)}")
    say(stdout(), f"Timed on the first of them, for {max(1, n_workers)} processes; nothing was stored.", style="dim")


def _document(batch: ConfigurationBatch, tally: Tally) -> dict[str, Any]:
    from matganip.configurations.codec import composition_text

    return {
        "composition": composition_text(batch.space),
        "orbits": tally.n_orbits,
        "labelled_before": tally.n_there,
        "labelled_now": tally.n_stored - tally.n_failed,
        "labelled_elsewhere": tally.n_elsewhere,
        "not_converged": tally.n_unconverged,
        "failed": tally.n_failed,
        "seconds": tally.seconds,
        "errors": tally.errors,
    }


def _export(job: Job, path: Path) -> None:
    from matganip.labels.calculation import settings_hash
    from matganip.labels.exchange import export_labels

    tag = settings_hash({**job.choice.recorded, **job.protocol.recorded}, job.protocol.kind)
    spaces = [batch.space for batch in job.batches]
    export_labels(job.database, spaces, path, calculator=job.choice.name, settings_hash=tag, title=job.choice.title)


def _tell(job: Job, documents: list[dict[str, Any]], export: Path | None) -> None:
    """Print what came of it."""
    from matganip.results.content import Table

    columns = {
        "orbits": "orbits",
        "there": "labelled_before",
        "now": "labelled_now",
        "elsewhere": "labelled_elsewhere",
        "unconverged": "not_converged",
        "failed": "failed",
    }
    if not any(one["labelled_elsewhere"] for one in documents):
        del columns["elsewhere"]
    rows = tuple(
        (one["composition"], *(f"{one[key]:,}" for key in columns.values()), _duration(one["seconds"]))
        for one in documents
    )
    title = f"{job.choice.title}, {job.protocol.kind}"
    show(stdout(), Table(title, ("composition", *columns, "time"), rows, "w" + "r" * (len(columns) + 1)))
    say(stdout(), f"Labels are in {job.database.path}" + (f", and as a table in {export}" if export else ""))
    errors: dict[str, int] = {}
    for one in documents:
        for error, times in one["errors"].items():
            errors[error] = errors.get(error, 0) + times
    for error, times in errors.items():
        fail(f"{times} structure{'s' * (times > 1)} failed: {error}; start again to try once more")


class _Bar:
    """A live bar on a terminal, over all compositions: how many, for how long, time left."""

    def __init__(self, n_missing: int, quiet: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = stderr()
        # Not rich's own estimate: it forgets what is older than half a minute, less than one DFT calculation.
        self.bar = Progress(
            TextColumn("  label"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("[dim]{task.fields[detail]}[/dim]"),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.task = self.bar.add_task("label", total=n_missing, left="", detail="")
        self.total = n_missing
        self.ended: list[Tally] = []

    def __enter__(self) -> _Bar:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def moved(self, tally: Tally, calculation: Calculation | None) -> None:
        """Show what has been done."""
        tallies = [*self.ended, tally]
        done = sum(one.n_done for one in tallies)
        left = time_left(tallies, self.total)
        n_failed = sum(one.n_failed for one in tallies)
        detail = f"{n_failed} failed" if n_failed else ""
        if calculation is not None and calculation.energy is not None:
            detail = f"{calculation.energy:.4f} eV {detail}"
        self.bar.update(
            self.task,
            completed=done,
            left="" if left is None else f"{_duration(left)} left",
            detail=detail,
            refresh=done == 1,
        )


def time_left(tallies: Sequence[Tally], total: int) -> float | None:
    """Seconds that the rest takes at the pace so far; None before anything was computed here.

    >>> from matganip.labels.labelling import Tally
    >>> ended, now = Tally(10, 0, n_stored=10, seconds=400.0), Tally(20, 0, n_stored=5, n_elsewhere=5, seconds=200.0)
    >>> time_left([ended, now], 30)
    400.0
    """
    computed = sum(one.n_stored for one in tallies)
    if not computed:
        return None
    return (total - sum(one.n_done for one in tallies)) * sum(one.seconds for one in tallies) / computed
