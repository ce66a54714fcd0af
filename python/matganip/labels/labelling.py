"""Labelling the orbits of a space: what is missing is computed and stored, one by one; a second start goes on."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from pymatgen.core.structure import Structure

from matganip.configurations.batch import ConfigurationBatch
from matganip.errors import InputError
from matganip.labels.calculation import Calculation
from matganip.labels.calculators import CalculatorChoice
from matganip.labels.database import LabelDatabase
from matganip.labels.relaxing import RelaxationSettings
from matganip.labels.workers import calculate_all

HOPELESS = 5
"""Failures one after the other, with no result before, after which the rest is not tried."""


@dataclass
class Tally:
    """What came of a labelling.

    Attributes
    ----------
    n_orbits : int
        Arrangements asked for.
    n_there : int
        Of these, labelled before.
    n_stored, n_unconverged, n_failed : int
        Computed now and stored, of these not converged, and of these without a result.
    n_elsewhere : int
        Labelled meanwhile by another process.
    seconds : float
        Wall time.
    errors : dict of str to int
        What the failures say, and how often.
    """

    n_orbits: int
    n_there: int
    n_stored: int = 0
    n_unconverged: int = 0
    n_failed: int = 0
    n_elsewhere: int = 0
    seconds: float = 0.0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def n_missing(self) -> int:
        """How many were to be computed."""
        return self.n_orbits - self.n_there

    @property
    def n_done(self) -> int:
        """How many of these are settled."""
        return self.n_stored + self.n_elsewhere


def missing_of(
    database: LabelDatabase,
    batch: ConfigurationBatch,
    choice: CalculatorChoice,
    protocol: RelaxationSettings,
    retry: bool = False,
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which orbits have no label by this calculator and protocol; see `LabelDatabase.missing`."""
    settings = {**choice.recorded, **protocol.recorded}
    return database.missing(batch.space, batch.occupations, choice.name, settings, protocol.kind, retry=retry)


def label(
    database: LabelDatabase,
    batch: ConfigurationBatch,
    choice: CalculatorChoice,
    protocol: RelaxationSettings | None = None,
    *,
    n_workers: int = 0,
    retry: bool = False,
    progress: Callable[[Tally, Calculation | None], None] | None = None,
) -> Tally:
    """Compute and store the labels that are missing.

    Parameters
    ----------
    database : LabelDatabase
        Where they are stored, each as soon as it is there.
    batch : ConfigurationBatch
        The orbits to label.
    choice : CalculatorChoice
        The calculator.
    protocol : RelaxationSettings, optional
        The treatment of the geometry; a single point by default.
    n_workers : int
        Processes, one core each; 0 computes in this one.
    retry : bool
        Compute again what is stored as not converged. What failed with an error always is.
    progress : callable, optional
        Is told the tally so far after each, with the calculation (None where another process was faster).

    Returns
    -------
    Tally

    Raises
    ------
    InputError
        If the calculator cannot be made, the first five structures fail, or the database cannot be written; what was
        stored before is still there.

    Notes
    -----
    Two processes may label one space at a time. They take the orbits in orders of their own, each looks whether an
    orbit is still missing just before it is computed, and the database keeps one row of each: little is computed
    twice, nothing is stored twice.

    Examples
    --------
    >>> import tempfile, matganip as mg
    >>> from pathlib import Path
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 2}})
    >>> database = LabelDatabase(Path(tempfile.mkdtemp()) / "labels.db")
    >>> choice = CalculatorChoice("ase.calculators.lj:LennardJones", {"sigma": 2.5, "rc": 6.0})
    >>> label(database, next(space.orbits()), choice).n_stored
    7
    >>> label(database, next(space.orbits()), choice).n_there
    7
    """
    protocol = protocol or RelaxationSettings()
    started = time.perf_counter()
    missing = missing_of(database, batch, choice, protocol, retry)
    tally = Tally(len(batch), int((~missing).sum()))
    order = np.flatnonzero(missing).tolist()
    # Not a seeded generator: two processes must not agree. What is computed does not depend on the order.
    random.SystemRandom().shuffle(order)

    def tell(calculation: Calculation | None) -> None:
        tally.seconds = time.perf_counter() - started
        if progress:
            progress(tally, calculation)

    def tasks() -> Iterator[tuple[int, Structure]]:
        for row in order:
            one = ConfigurationBatch(batch.space, batch.occupations[row : row + 1], batch.multiplicity[row : row + 1])
            if missing_of(database, one, choice, protocol, retry)[0]:
                yield row, batch.space.structure(batch.occupations[row])
            else:
                tally.n_elsewhere += 1
                tell(None)

    for row, calculation in calculate_all(choice, protocol, tasks(), min(n_workers, len(order))):
        # A failure that was stored before is a failure again.
        if not database.add(batch.space, batch.occupations[row], calculation) and calculation.error is None:
            tally.n_elsewhere += 1
            tell(None)
            continue
        _count(tally, calculation)
        tell(calculation)
        if tally.n_failed == tally.n_stored == HOPELESS:
            raise InputError(
                f"calculator {choice.name}: the first {HOPELESS} structures all failed, the last one with "
                f"{calculation.error}; the rest was not tried"
            )
    tally.seconds = time.perf_counter() - started
    return tally


def _count(tally: Tally, calculation: Calculation) -> None:
    tally.n_stored += 1
    if calculation.error is not None:
        tally.n_failed += 1
        tally.errors[calculation.error] = tally.errors.get(calculation.error, 0) + 1
    elif not calculation.converged:
        tally.n_unconverged += 1


def seconds_an_orbit(
    batch: ConfigurationBatch,
    choice: CalculatorChoice,
    protocol: RelaxationSettings | None = None,
    *,
    n_workers: int = 0,
) -> float:
    """Wall time of one label, from computing the first orbit for real; nothing is stored.

    It is computed a second time where the first took less than five seconds, most of which are spent once.

    Parameters
    ----------
    batch : ConfigurationBatch
        At least one orbit.
    choice, protocol
        As for `label`.
    n_workers : int
        0 computes in this process; otherwise a worker does, with one thread as all of them have.

    Returns
    -------
    float
        Seconds on one core.

    Raises
    ------
    InputError
        If the calculator cannot be made or fails.
    """
    structure = batch.space.structure(batch.occupations[0])
    done: list[Calculation] = []

    def tasks() -> Iterator[tuple[int, Structure]]:
        yield 0, structure
        if done[0].error is None and done[0].wall_s < 5:
            # As a whole elsewhere in the cell: a calculator remembers what it has just computed.
            yield 1, structure.copy().translate_sites(range(len(structure)), [0.1, 0.1, 0.1])

    for _, calculation in calculate_all(choice, protocol or RelaxationSettings(), tasks(), min(n_workers, 1)):
        done.append(calculation)
    if done[-1].error is not None:
        raise InputError(f"calculator {choice.name}: the first structure failed with {done[-1].error}")
    return done[-1].wall_s
