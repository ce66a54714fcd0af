"""`matganip run`: the calls of Python in one go, from a study file to a ranked list: evaluate, train, screen, write."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.configurations.io.writers import write
from matganip.errors import InputError, require
from matganip.features.lattice.distinct import feature_classes
from matganip.files import claim, sha256, write_json
from matganip.learning.representation import representation
from matganip.progress import reporting
from matganip.report.study import write_study_report
from matganip.results.study import GraphFacts, StudyLabels, StudyResult, numbers
from matganip.screening.ranking import rank, write_ranking
from matganip.screening.run import screen
from matganip.versions import versions
from matganip.workflows.inputs import StudyInputs, within

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.features.settings import DiffractionSettings
    from matganip.progress import ProgressOption
    from matganip.workflows.schema import Study

MOST_LOOKED_AT = 65_536
"""Orbits whose graphs are compared with each other."""
MOST_RANKED = 100_000
"""Orbits that ``ranking.parquet`` holds at most; a screen of more writes winners only."""


def run_study(
    study: Study,
    base: Path,
    folder: Path,
    *,
    overwrite: bool = False,
    progress: ProgressOption = None,
    command: tuple[str, ...] = (),
    source: Path | None = None,
) -> StudyResult:
    """Evaluate, train and screen as a study says, and write model, tables, figures and report.

    Parameters
    ----------
    study : Study
        What to do.
    base : pathlib.Path
        The folder that the study's relative paths start from.
    folder : pathlib.Path
        Where the results go. It is claimed before any long work.
    overwrite : bool
        Whether an earlier run's files there may be replaced.
    progress : bool or callable, optional
        See `matganip.progress`.
    command : tuple of str
        The command line, for the provenance.
    source : pathlib.Path, optional
        The study file, for the provenance.

    Returns
    -------
    StudyResult

    Raises
    ------
    InputError, MissingExtraError
        Before any long work, if something that the study names is missing or wrong, the folder cannot be written, or
        an optional dependency is not installed.
    """
    require("torch", "learn")
    from matganip.learning.fitting import cross_validate, train
    from matganip.learning.gan import torch_device

    seconds: dict[str, float] = {}
    with _timed(seconds, "read"):
        for module in ("matplotlib", "jinja2"):
            require(module, "report")
        name = str(source or "study")
        inputs = StudyInputs.read(study, base, name)
        own, screened = _label_sets(inputs, name)
        if study.graphs is not None:
            with within(f"{name}: diffraction: "):
                for one in (own, screened):
                    representation(study.graphs, one.space)
        if study.model is not None:
            torch_device(study.model.device)
        claim(folder, overwrite=overwrite)
    settings: dict[str, Any] = {"diffraction": study.graphs, "network": study.model, "seed": study.seed}
    with reporting(progress) as report:
        with _timed(seconds, "evaluate"):
            evaluated = tuple(
                cross_validate(own.space, own.labelled, protocol, progress=report, **settings)
                for protocol in study.labels.protocols
            )
        with _timed(seconds, "train"):
            size = study.screen.train
            n_train = None if size in (None, len(screened.labelled)) else size
            model = train(
                screened.space, inputs.screen_table, train_size=n_train, distribution=study.distribution,
                progress=report, **settings,
            )  # fmt: skip
        with _timed(seconds, "screen"):
            top = max(study.screen.top, min(screened.space.count_orbits(), MOST_RANKED))
            found = screen(model, screened.space, top=top, cascade=False, progress=report)
            ranking = rank(found, model, screened.labelled, study.screen.top)
            graphs = _graph_facts(model.card.diffraction, own.space)
    labels = (own,) if screened is own else (own, screened)
    result = StudyResult(study.name, study.seed, graphs, labels, evaluated, model, found, ranking, seconds, folder)
    with _timed(seconds, "write"):
        _write(result, inputs, command, source)
    return result


def _label_sets(inputs: StudyInputs, name: str) -> tuple[StudyLabels, StudyLabels]:
    """The labels that judge, and those of the screened space."""
    space, table = inputs.spaces[0], inputs.tables[0]
    own = StudyLabels(table.name, space, table.join(space))
    if inputs.screen_space is space and inputs.screen_table is table:
        screened = own
    else:
        screened = StudyLabels(
            inputs.screen_table.name, inputs.screen_space, inputs.screen_table.join(inputs.screen_space)
        )
    wanted, there = inputs.study.screen.train, len(screened.labelled)
    if wanted is not None and wanted > there:
        raise InputError(f"{name}: screen.train: {wanted} orbits to train on, but {screened.name} labels {there}")
    return own, screened


def _graph_facts(settings: DiffractionSettings, space: ConfigurationSpace) -> GraphFacts:
    """What the graphs of a space hold and tell apart, over its first orbits."""
    represent = representation(settings, space)
    orbits = next(space.orbits(batch_size=MOST_LOOKED_AT))
    peaks = represent.peaks(orbits.occupations)
    position, n_vertices = peaks.position, represent.n_peaks
    listed = f"from {position[0]:.2f} to {position[-1]:.2f} degrees"
    if peaks.distance is not None:
        listed = f"up to {settings.cutoff or position.max():.4g} angstrom"
    n_apart = int(feature_classes(peaks.intensity[:, :n_vertices]).max()) + 1
    return GraphFacts(listed, len(position), n_vertices, n_apart, len(orbits))


def _write(result: StudyResult, inputs: StudyInputs, command: tuple[str, ...], source: Path | None) -> None:
    folder, space = result.folder, result.labels[0].space
    write(folder / "orbits.parquet", space, space.orbits())
    about = {"calculator": result.ranking.calculator, "seed": str(result.seed)}
    write_ranking(folder / "ranking.parquet", result.ranking, about)
    result.model.save(folder / "model")
    record = _provenance(result, inputs, command, source)
    write_study_report(result, result.model.card.diffraction, record)
    write_json(folder / "provenance.json", {**record, "outputs": _outputs(folder)})


def _provenance(
    result: StudyResult, inputs: StudyInputs, command: tuple[str, ...], source: Path | None
) -> dict[str, Any]:
    """Where the results came from: enough to make them again, and to know what each number speaks of."""
    files = ([source] if source else []) + list(inputs.files)
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "seed": result.seed,
        "versions": versions(),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "processor": platform.machine()},
        "seconds": dict(result.seconds),
        "study": inputs.study.model_dump(mode="json"),
        "spaces": {"evaluate": result.labels[0].space.key, "screen": result.screened.space.key},
        "numbers": [numbers(part, calculator) for part, calculator in result.assessments],
        "inputs": {str(path): sha256(path) for path in files},
    }


def _outputs(folder: Path) -> dict[str, str]:
    """Checksums of what was written, by name."""
    written = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    own = ("provenance.json", "report.html")
    return {path.relative_to(folder).as_posix(): sha256(path) for path in written if path.name not in own}


@contextmanager
def _timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Enter the wall-clock seconds of a step."""
    start = time.perf_counter()
    yield
    seconds[step] = round(time.perf_counter() - start, 3)
