"""Collect the results of a batch of DFT runs: read, checked and stored; failed and missing runs are reported."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.labels.calculation import Calculation, Relaxation
from matganip.labels.database import LabelDatabase
from matganip.labels.dft.checks import differences, geometry_complaint, orbit_of
from matganip.labels.dft.folders import BATCH_FILE, ORBIT_FILE, BatchNote, Notes, OrbitNote, folder_name, walk
from matganip.labels.dft.inputs import labelled_orbits
from matganip.labels.dft.outputs import output_of, read_run
from matganip.labels.dft.run import OutputError, Run
from matganip.labels.dft.settings import DftSettings
from matganip.labels.rows import codes_of
from matganip.progress import ProgressOption, reporting
from matganip.results.dft import Collected, Outcome


def collect(
    root: str | os.PathLike[str],
    database: LabelDatabase | str | os.PathLike[str],
    *,
    spaces: Iterable[ConfigurationSpace] = (),
    settings: DftSettings | None = None,
    tolerance: float | None = None,
    strain: float | None = None,
    progress: ProgressOption = None,
) -> Collected:
    """Read the runs below a folder and store what is good.

    Parameters
    ----------
    root : path-like
        Where to look; at any depth. A folder's run is that of the `orbit.json` in it or in the nearest folder above,
        else of the orbit that its geometry is.
    database : LabelDatabase or path-like
        Where results go.
    spaces : iterable of ConfigurationSpace
        For folders without `orbit.json`, beside the spaces that are named below the root; with their `settings`.
    settings : DftSettings, optional
        What was asked for in those; without it what `dft.json` below the root says.
    tolerance, strain : float, optional
        How far, in angstrom and as a fraction, atoms and cell may be from the ideal ones at the end.
    progress : bool or callable, optional
        True draws a bar; a function is called with the step, how many runs are read, how many there are, and the last.

    Returns
    -------
    Collected

    Raises
    ------
    InputError
        If the folder cannot be read, nothing in it says what was asked for, or the database cannot be written. A run
        that is bad is an `Outcome`, no error.
    """
    base = Path(root)
    if not base.is_dir():
        raise InputError(f"{base}: no such folder")
    labels = database if isinstance(database, LabelDatabase) else LabelDatabase(database)
    if not labels.path.parent.is_dir():
        raise InputError(f"{labels.path}: there is no folder {labels.path.parent}")
    collecting = _Collecting(base, labels, tolerance, strain)
    collecting.survey()
    for space in spaces:
        if settings is None:
            raise InputError("settings are needed with spaces: what was asked for in their runs")
        asked = settings.asked(space.supercell_structure)
        collecting.known[space.key] = (space, settings.code, settings.relaxation, asked)
    if not collecting.known:
        raise InputError(
            f"{base}: no {ORBIT_FILE} or {BATCH_FILE} is in it or below, so nothing says what the runs are"
        )
    with reporting(progress) as report:
        for number, (folder, names) in enumerate(collecting.runs, 1):
            outcome = collecting.outcome(folder, names)
            collecting.result.outcomes.append(outcome)
            report("collect", number, len(collecting.runs), f"{outcome.folder}: {outcome.status}")
    collecting.missing()
    return collecting.result


class _Collecting:
    """The state of one collection."""

    def __init__(self, base: Path, database: LabelDatabase, tolerance: float | None, strain: float | None) -> None:
        self.base, self.database = base, database
        self.limits = (tolerance, strain)
        self.result = Collected(database.path)
        self.reader = Notes()
        self.notes: dict[Path, OrbitNote | InputError] = {}
        self.batches: list[BatchNote] = []
        self.runs: list[tuple[Path, list[str]]] = []
        self.known: dict[str, tuple[ConfigurationSpace, str, Relaxation, dict[str, Any]]] = {}
        self.energies: dict[tuple[str, str], float] = {}

    def survey(self) -> None:
        """Find the notes of what was asked for, and the folders with outputs."""
        for folder, names in walk(self.base):
            if ORBIT_FILE in names:
                try:
                    self.notes[folder] = note = self.reader.read(folder / ORBIT_FILE)
                    self.known.setdefault(note.space.key, (note.space, note.code, note.relaxation, note.settings))
                except InputError as error:
                    self.notes[folder] = error
            if BATCH_FILE in names:
                batch = BatchNote.read(folder / BATCH_FILE)
                self.batches.append(batch)
                for key, one in batch.spaces.items():
                    space = self.reader.space(one["definition"], key)
                    self.known[space.key] = (space, batch.code, batch.relaxation, batch.settings)
            if output_of(folder, names):
                self.runs.append((folder, names))

    def note_of(self, folder: Path) -> OrbitNote | InputError | None:
        """The note of a folder, in it or in the nearest one above."""
        for one in (folder, *folder.parents):
            if one in self.notes:
                return self.notes[one]
            if one == self.base:
                break
        return None

    def outcome(self, folder: Path, names: list[str]) -> Outcome:
        """Read, check and store the run of a folder."""
        place = folder.relative_to(self.base).as_posix()
        note = self.note_of(folder)
        if isinstance(note, InputError):
            return Outcome(place, "failed", str(note))
        outcome = Outcome(place, "failed")
        if note is not None:
            outcome.space, outcome.orbit, outcome.multiplicity = note.space.key, note.orbit, note.multiplicity
        try:
            run = read_run(folder, names)
        except OutputError as error:
            outcome.why = str(error)
            return outcome
        outcome.source, outcome.energy = run.source.name, run.energy
        if note is None:
            found = self.recognised(run)
            if isinstance(found, str):
                outcome.why = found
                return outcome
            note = found
            outcome.space, outcome.orbit, outcome.multiplicity = note.space.key, note.orbit, note.multiplicity
            run.notes.append(f"no {ORBIT_FILE}; its orbit is known by its geometry")
        complaints = self.complaints(note, run)
        if complaints:
            outcome.why = "; ".join(complaints)
            return outcome
        self.store(note, run, outcome)
        return outcome

    def recognised(self, run: Run) -> OrbitNote | str:
        """The orbit found by the geometry alone; or why it is none of those asked for."""
        reasons = []
        for space, code, relaxation, asked in self.known.values():
            try:
                orbit = orbit_of(space, run, relaxation, *self.limits)
            except InputError as error:
                reasons.append(str(error))
                continue
            multiplicity = int(space.canonical(codes_of(orbit)[np.newaxis]).multiplicity[0])
            return OrbitNote(space, orbit, multiplicity, code, relaxation, asked)
        return f"no {ORBIT_FILE}, and its geometry is no arrangement that was asked for: {reasons[0]}"

    def complaints(self, note: OrbitNote, run: Run) -> list[str]:
        """What is wrong with a run that could be read, apart from convergence."""
        relaxation = note.relaxation
        wrong = []
        if not run.code:
            wrong.append(f"{run.source.name} does not say which program it is of")
        elif run.code != note.code:
            wrong.append(f"it is a run of {run.code}, asked for {note.code}")
        geometry = geometry_complaint(note.space, note.orbit, run, relaxation, *self.limits)
        wrong += [geometry] if geometry else []
        if not wrong:
            wrong += differences(note.settings, run, relaxation, len(run.structure))
        return [*wrong, run.why] if wrong and run.why else wrong

    def store(self, note: OrbitNote, run: Run, outcome: Outcome) -> None:
        """Put a run that is what was asked for into the database, as converged or not."""
        relaxation = note.relaxation
        why = [run.why] if run.why else []
        converged = run.converged
        if run.ionic is None and relaxation != "static":
            # Nothing says whether the relaxation converged: the forces do, but not for a relaxed cell.
            largest = np.inf if run.forces is None else float(np.linalg.norm(run.forces, axis=1).max())
            limit = note.settings.get("fmax", -note.settings.get("incar", {}).get("EDIFFG", 0.0))
            if relaxation == "cell" or largest > 1.01 * limit:
                converged = False
                why.append(
                    f"nothing says that the relaxation converged; the largest force is {largest:.3f} eV/angstrom"
                )
        calculation = Calculation(
            structure=run.structure,
            energy=run.energy,
            forces=run.forces,
            converged=converged,
            relaxation=relaxation,
            calculator=note.code,
            settings={**note.settings, "program": run.program or note.code},
            n_steps=run.n_steps,
            wall_s=run.wall_s,
        )
        outcome.stored = self.database.add(note.space, note.occupation, calculation)
        outcome.status = "done" if converged else "unconverged"
        key = (note.space.key, note.orbit)
        if converged:
            per_atom = 1000 * (run.energy - self.energies.setdefault(key, run.energy)) / len(run.structure)
            if abs(per_atom) > 0.01:
                run.notes.append(
                    f"a second run of this orbit, {per_atom:+.2f} meV/atom off the first; the first counts"
                )
        outcome.why = "; ".join(why + run.notes)

    def missing(self) -> None:
        """Add what was asked for and has no output."""
        seen = {(one.space, one.orbit) for one in self.result.outcomes}
        reported = {one.folder for one in self.result.outcomes}
        for folder, note in self.notes.items():
            place = folder.relative_to(self.base).as_posix()
            if isinstance(note, InputError) and place not in reported:
                reported.add(place)
                self.result.outcomes.append(Outcome(place, "missing", str(note)))
        places = {
            (note.space.key, note.orbit): folder for folder, note in self.notes.items() if isinstance(note, OrbitNote)
        }
        wanted: dict[tuple[str, str], int] = {
            (note.space.key, note.orbit): note.multiplicity
            for note in self.notes.values()
            if isinstance(note, OrbitNote)
        }
        for batch in self.batches:
            for stored, one in batch.spaces.items():
                key = self.reader.space(one["definition"], stored).key
                wanted |= {(key, orbit): int(multiplicity) for orbit, multiplicity in one["orbits"].items()}
        for key in dict.fromkeys(key for key, _ in wanted):
            space, code, relaxation, asked = self.known[key]
            labelled = labelled_orbits(self.database, space, code, relaxation, asked)
            for (of, orbit), multiplicity in wanted.items():
                if of != key or (of, orbit) in seen:
                    continue
                if orbit in labelled:
                    self.result.n_labelled += 1
                    continue
                where = places.get((of, orbit))
                place = where.relative_to(self.base).as_posix() if where else folder_name(space, orbit, multiplicity)
                if where is None and place in reported:
                    continue  # its note is damaged, which is reported
                why = "not run yet" if where else "its folder is not here"
                self.result.outcomes.append(Outcome(place, "missing", why, key, orbit, multiplicity))
