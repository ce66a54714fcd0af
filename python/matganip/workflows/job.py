"""The main job: from a study to a ranked list, through every room once.

count -> enumerate -> diffract -> join with labels -> train and evaluate -> screen and rank -> write
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matganip.configurations.batch import locate
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError, require
from matganip.files import claim
from matganip.labels.labelled import Labelled
from matganip.learning.representation import GraphRepresentation
from matganip.screening.ranking import rank
from matganip.workflows.learn import Learner
from matganip.workflows.listener import Clock, Listener, Silent
from matganip.workflows.prepare import Prepared, prepare
from matganip.workflows.results import (
    Counted,
    Diffracted,
    Enumerated,
    Evaluated,
    Joined,
    Screened,
    Trained,
)
from matganip.workflows.schema import Study


@dataclass(frozen=True)
class Outcome:
    """All that a study found, step by step, and how long each step took."""

    prepared: Prepared
    counted: tuple[Counted, ...]
    enumerated: Enumerated
    diffracted: Diffracted
    joined: tuple[Joined, ...]
    evaluated: tuple[Evaluated, ...]
    trained: Trained
    screened: Screened
    seconds: dict[str, float]


def run(
    study: Study,
    base: Path,
    folder: Path,
    *,
    overwrite: bool = False,
    listener: Listener | None = None,
    command: tuple[str, ...] = (),
    source: Path | None = None,
) -> Outcome:
    """Do a study and write its results.

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
    listener : Listener, optional
        Hears what is done and found; nobody by default.
    command : tuple of str
        The command line, for the provenance.
    source : pathlib.Path, optional
        The study file, for the provenance.

    Returns
    -------
    Outcome

    Raises
    ------
    InputError, MissingExtraError
        Before any long work, if something that the study names is missing or wrong, the folder cannot be
        written, or an optional dependency is not installed.
    """
    clock = Clock(listener or Silent())
    with clock.step("read"):
        for module in ("matplotlib", "jinja2"):
            require(module, "report")
        prepared = prepare(study, base, str(source or "study"))
        learner = Learner(study, prepared.represent)
        claim(folder, overwrite=overwrite)
    outcome = compute(prepared, learner, clock)
    with clock.step("write"):
        from matganip.workflows.output import write

        write(outcome, folder, command=command, source=source)
    return outcome


def compute(prepared: Prepared, learner: Learner, clock: Clock) -> Outcome:
    """All steps but reading and writing."""
    study, hear = prepared.study, clock.listener
    with clock.step("count"):
        counted = count(prepared)
        hear.found("count", *counted)
    with clock.step("enumerate"):
        enumerated = enumerate_all(prepared.space)
        hear.found("enumerate", enumerated)
    with clock.step("diffract"):
        diffracted = diffract(prepared.represent, enumerated)
        hear.found("diffract", diffracted)
    with clock.step("label"):
        joined = join(prepared, counted)
        hear.found("label", *joined)
    with clock.step("evaluate"):
        matrices = diffracted.matrices[locate(prepared.labelled.occupations, enumerated.occupations)]
        evaluated = tuple(learner.evaluate(protocol, joined[0], matrices, hear) for protocol in study.labels.protocols)
        hear.found("evaluate", *evaluated)
    with clock.step("train"):
        trained = learner.train(joined[-1], prepared.screen_represent, hear)
        hear.found("train", trained)
    with clock.step("screen"):
        screened = screen(prepared, joined[-1], trained, learner, hear)
        hear.found("screen", screened)
    return Outcome(prepared, counted, enumerated, diffracted, joined, evaluated, trained, screened, clock.seconds)


def count(prepared: Prepared) -> tuple[Counted, ...]:
    """Both spaces, or the one where the study screens its own."""
    spaces = {"evaluate": prepared.space, "screen": prepared.screen_space}
    if prepared.space is prepared.screen_space:
        spaces = {"evaluate and screen": prepared.space}
    return tuple(Counted(name, space, space.count_orbits()) for name, space in spaces.items())


def enumerate_all(space: ConfigurationSpace) -> Enumerated:
    """One arrangement of every orbit, held in memory: this is the labelled space, a small one."""
    batches = list(space.orbits())
    occupations = np.concatenate([batch.occupations for batch in batches])
    return Enumerated(space, occupations, np.concatenate([batch.multiplicity for batch in batches]))


def diffract(represent: GraphRepresentation, enumerated: Enumerated) -> Diffracted:
    """Peaks and graphs of the enumerated orbits, and how many of them differ."""
    peaks = represent.peaks(enumerated.occupations)
    vertices = np.round(peaks.intensity[:, : represent.n_peaks], 6)
    n_distinct = len(np.unique(vertices, axis=0))
    return Diffracted(peaks, represent(enumerated.occupations), n_distinct)


def join(prepared: Prepared, counted: tuple[Counted, ...]) -> tuple[Joined, ...]:
    """The labels of both spaces, and how little they differ."""
    evaluate = _joined("evaluate", prepared.table.name, prepared.labelled, counted[0].n_orbits)
    if len(counted) == 1 and prepared.table is prepared.screen_table:
        return (evaluate,)
    return (
        evaluate,
        _joined("screen", prepared.screen_table.name, prepared.screen_labelled, counted[-1].n_orbits),
    )


def _joined(role: str, table: str, labelled: Labelled, n_orbits: int) -> Joined:
    if len(labelled.energy) < 2:
        raise InputError(f"{table}: {len(labelled.energy)} labelled orbits of this composition; at least 2 needed")
    energy = (labelled.energy - labelled.energy.mean()) * (1000.0 / labelled.n_atoms)
    weight = labelled.multiplicity / labelled.multiplicity.sum()
    deviation = energy - weight @ energy
    return Joined(
        role,
        table,
        labelled,
        n_orbits,
        float(np.sqrt(weight @ deviation**2)),
        float(weight @ np.abs(deviation)),
        float(np.ptp(energy)),
    )


def screen(
    prepared: Prepared,
    joined: Joined,
    trained: Trained,
    learner: Learner,
    hear: Listener,
) -> Screened:
    """Rank the whole space, and check the ranking with the labels that the model has not seen."""
    total = joined.n_orbits

    def progress(done: int) -> None:
        hear.progress("screen", done, total, "orbits")

    ranking = rank(prepared.screen_space, prepared.screen_represent, trained.model.predict, progress=progress)
    return learner.check(ranking, joined, trained, prepared.study.screen.top)
