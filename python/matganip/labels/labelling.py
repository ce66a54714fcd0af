"""Labelling orbits: what is missing is computed and stored, one by one; a second call computes the rest."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.codec import composition_text
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.labels.calculation import Calculation, Relaxation, settings_hash
from matganip.labels.calculators import Calculator, calculator_of
from matganip.labels.choosing import Labellable, chosen_batches
from matganip.labels.database import LabelDatabase
from matganip.labels.labelled import Labelled
from matganip.labels.relaxing import RelaxationSettings
from matganip.labels.workers import CalculatorPool
from matganip.progress import ProgressOption, Report, reporting
from matganip.results.labelling import LabelledComposition, LabellingEstimate, LabellingResult, Tally

HOPELESS = 5
"""Failures one after the other, with no result before, after which the rest is not tried."""

Database = LabelDatabase | str | os.PathLike[str]
Follower = Callable[[Sequence[Tally], Calculation | None], object]
RelaxOption = RelaxationSettings | Mapping[str, Any] | Relaxation | None


def label(
    what: Labellable | Iterable[Labellable],
    calculator: Any,
    database: Database | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    relax: RelaxOption = None,
    n: int | None = None,
    seed: int = 0,
    workers: int = 0,
    retry: bool = False,
    progress: ProgressOption = None,
) -> LabellingResult:
    """Compute and store the labels that are missing.

    Parameters
    ----------
    what : ConfigurationSpace, ConfigurationBatch, CompositionSeries, or several of them
        The orbits to label: those of spaces, or certain ones.
    calculator : str, CalculatorChoice, class, function or ase.calculators.calculator.Calculator
        What computes: "chgnet", "sevennet", "gpaw", "espresso", the import path of an ASE calculator
        ("ase.calculators.lj:LennardJones"), a class or function that makes one, or an object.
    database : path-like or LabelDatabase, optional
        Where the labels are stored, each as soon as it is computed; what is there is not computed again. Without it
        they are kept in memory.
    settings : mapping, optional
        Keyword arguments of the calculator. For an object, what is recorded with its labels.
    relax : {"static", "positions", "cell"}, mapping or RelaxationSettings, optional
        What may move before the energy is taken; nothing by default.
    n : int, optional
        Label a random sample of n orbits of each space; by default all.
    seed : int
        Of that sample.
    workers : int
        Processes, one core each; 0 computes in this one.
    retry : bool
        Compute again what is stored as not converged. What failed with an error always is.
    progress : bool or callable, optional
        True draws a bar; a function is called with the step, how many are done, how many there are, and a detail.

    Returns
    -------
    LabellingResult
        Its `labels` are what a model is trained on.

    Raises
    ------
    InputError
        If the calculator cannot be made, the first five structures fail, or the database cannot be written; what was
        stored before is still there.
    MissingExtraError
        If the calculator's package is not installed.

    Notes
    -----
    Two processes may label one space at a time. They take the orbits in orders of their own, each looks whether an
    orbit is still missing just before it is computed, and the database keeps one row of each: little is computed
    twice, nothing is stored twice.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 2}})
    >>> done = label(space, "ase.calculators.lj:LennardJones", settings={"sigma": 2.5, "rc": 6.0})
    >>> len(done.labels), done.labels.n_atoms
    (7, 40)
    """
    batches = chosen_batches(what, n, seed)
    with (
        opened(database) as store,
        Labeller(calculator_of(calculator, settings), store, relaxation_of(relax), workers, retry) as labeller,
        reporting(progress) as report,
    ):
        tallies = labeller.label(batches, _follower(report))
        return LabellingResult(
            labeller.calculator.title,
            labeller.relaxation.kind,
            labeller.settings_hash,
            tuple(
                LabelledComposition(composition_text(batch.space), tally, labeller.labelled(batch.space))
                for batch, tally in zip(batches, tallies, strict=True)
            ),
            None if database is None else store.path,
        )


def estimate_labelling(
    what: Labellable | Iterable[Labellable],
    calculator: Any,
    database: Database | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    relax: RelaxOption = None,
    n: int | None = None,
    seed: int = 0,
    workers: int = 0,
    retry: bool = False,
) -> LabellingEstimate:
    """Say how many labels are missing and what they cost, by computing the first of each composition; store nothing.

    Parameters
    ----------
    what, calculator, database, settings, relax, n, seed, workers, retry
        As for `label`.

    Returns
    -------
    LabellingEstimate

    Raises
    ------
    InputError
        If the calculator cannot be made or fails.
    """
    compositions = []
    with (
        opened(database) as store,
        Labeller(calculator_of(calculator, settings), store, relaxation_of(relax), min(workers, 1), retry) as labeller,
    ):
        for batch in chosen_batches(what, n, seed):
            missing = np.flatnonzero(labeller.missing(batch))
            seconds = labeller.seconds_an_orbit(batch, int(missing[0])) if len(missing) else 0.0
            compositions.append(
                {
                    "composition": composition_text(batch.space),
                    "orbits": len(batch),
                    "missing": len(missing),
                    "seconds_an_orbit": seconds,
                    "seconds": seconds * len(missing) / max(1, min(workers, len(missing))),
                }
            )
    return LabellingEstimate(tuple(compositions), workers)


def relaxation_of(relax: RelaxOption) -> RelaxationSettings:
    """What a public call takes as ``relax``, as settings.

    >>> relaxation_of("cell").kind, relaxation_of({"kind": "positions", "fmax": 0.01}).fmax
    ('cell', 0.01)
    """
    return RelaxationSettings.of({"kind": relax} if isinstance(relax, str) else relax)


@contextmanager
def opened(database: Database | None) -> Iterator[LabelDatabase]:
    """A database by its path; without one, a file that is removed afterwards."""
    if isinstance(database, LabelDatabase):
        yield database
    elif database is not None:
        yield LabelDatabase(Path(database))
    else:
        with tempfile.TemporaryDirectory(prefix="matganip-") as folder:
            yield LabelDatabase(Path(folder) / "labels.db", durable=False)


class Labeller:
    """Labels orbits by one calculator into one database; its workers stay from one call to the next.

    Parameters
    ----------
    calculator : CalculatorChoice or GivenCalculator
        What computes.
    database : LabelDatabase
        Where labels are stored.
    relaxation : RelaxationSettings
        What may move first.
    n_workers : int
        Processes; 0 computes in this one.
    retry : bool
        Compute again what is stored as not converged.
    """

    def __init__(
        self,
        calculator: Calculator,
        database: LabelDatabase,
        relaxation: RelaxationSettings | None = None,
        n_workers: int = 0,
        retry: bool = False,
    ) -> None:
        self.calculator, self.database, self.retry = calculator, database, retry
        self.relaxation = relaxation or RelaxationSettings()
        self.settings = {**calculator.recorded, **self.relaxation.recorded}
        self.pool = CalculatorPool(calculator, self.relaxation, n_workers)

    def __enter__(self) -> Self:
        self.pool.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.__exit__(*error)

    @property
    def settings_hash(self) -> str:
        """Name of its settings with the relaxation."""
        return settings_hash(self.settings, self.relaxation.kind)

    def missing(self, batch: ConfigurationBatch) -> NDArray[np.bool_]:
        """Which orbits (n,) have no label by this calculator, settings and relaxation."""
        return self.database.missing(
            batch.space, batch.occupations, self.calculator.name, self.settings, self.relaxation.kind, retry=self.retry
        )

    def labelled(self, space: ConfigurationSpace) -> Labelled | None:
        """All converged labels of a space by this calculator, settings and relaxation; None if there are none."""
        sets = self.database.sets(space) if self.database.path.exists() else []
        kind = (self.calculator.name, self.settings_hash)
        if not any((one.calculator, one.settings_hash) == kind and one.n_converged for one in sets):
            return None
        return self.database.labelled(space, *kind)

    def label(
        self,
        batches: Sequence[ConfigurationBatch],
        tell: Follower | None = None,
    ) -> list[Tally]:
        """Compute and store what is missing of several compositions, one composition after the other.

        Parameters
        ----------
        batches : sequence of ConfigurationBatch
            The orbits, one batch a composition.
        tell : callable, optional
            Called after each orbit with the tallies so far and its calculation (None where another process was faster).

        Returns
        -------
        list of Tally
            One for each batch.

        Raises
        ------
        InputError
            As `label`.
        """
        missing = [self.missing(batch) for batch in batches]
        tallies = [Tally(len(rows), int((~rows).sum())) for rows in missing]
        began: dict[int, float] = {}

        def settled(number: int, calculation: Calculation | None) -> None:
            tallies[number].n_elsewhere += calculation is None
            tallies[number].seconds = time.perf_counter() - began[number]
            if tell is not None:
                tell(tallies, calculation)

        def tasks() -> Iterator[tuple[tuple[int, int], Structure]]:
            for number, (batch, rows) in enumerate(zip(batches, missing, strict=True)):
                order = np.flatnonzero(rows).tolist()
                # Not a seeded generator: two processes must not agree. What is computed does not depend on the order.
                random.SystemRandom().shuffle(order)
                for row in order:
                    began.setdefault(number, time.perf_counter())
                    if self.missing(batch[row : row + 1])[0]:
                        yield (number, row), batch.space.structure(batch.occupations[row])
                    else:
                        settled(number, None)

        for (number, row), calculation in self.pool.calculate(tasks(), sum(int(rows.sum()) for rows in missing)):
            batch = batches[number]
            # A failure that was stored before is a failure again.
            if not self.database.add(batch.space, batch.occupations[row], calculation) and calculation.error is None:
                settled(number, None)
                continue
            _count(tallies[number], calculation)
            settled(number, calculation)
            n_stored = sum(one.n_stored for one in tallies)
            if sum(one.n_failed for one in tallies) == n_stored == HOPELESS:
                raise InputError(
                    f"calculator {self.calculator.name}: the first {HOPELESS} structures all failed, the last one with "
                    f"{calculation.error}; the rest was not tried"
                )
        return tallies

    def seconds_an_orbit(self, batch: ConfigurationBatch, row: int = 0) -> float:
        """Wall time of one label on one core, from computing an orbit for real; nothing is stored.

        It is computed a second time where the first took less than five seconds, most of which are spent once.

        Raises
        ------
        InputError
            If the calculator cannot be made or fails.
        """
        structure = batch.space.structure(batch.occupations[row])
        done: list[Calculation] = []

        def tasks() -> Iterator[tuple[int, Structure]]:
            yield 0, structure
            if done[0].error is None and done[0].wall_s < 5:
                # As a whole elsewhere in the cell: a calculator remembers what it has just computed.
                yield 1, structure.copy().translate_sites(range(len(structure)), [0.1, 0.1, 0.1])

        for _, calculation in self.pool.calculate(tasks(), 1):
            done.append(calculation)
        if done[-1].error is not None:
            raise InputError(f"calculator {self.calculator.name}: the first structure failed with {done[-1].error}")
        return done[-1].wall_s


def _count(tally: Tally, calculation: Calculation) -> None:
    tally.n_stored += 1
    if calculation.error is not None:
        tally.n_failed += 1
        tally.errors[calculation.error] = tally.errors.get(calculation.error, 0) + 1
    elif not calculation.converged:
        tally.n_unconverged += 1


def _follower(report: Report) -> Follower:
    """Report how many are done, the last energy and how many failed."""

    def follow(tallies: Sequence[Tally], calculation: Calculation | None) -> None:
        n_done, n_missing = sum(one.n_done for one in tallies), sum(one.n_missing for one in tallies)
        n_failed = sum(one.n_failed for one in tallies)
        words = [f"{calculation.energy:.4f} eV"] if calculation is not None and calculation.energy is not None else []
        words += [f"{n_failed} failed"] if n_failed else []
        report("label", n_done, n_missing, ", ".join(words))

    return follow
