"""The inputs of a batch of DFT runs: a folder for each orbit, and scripts that run them; nothing is overwritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.files import atomic_folder, atomic_path
from matganip.labels.calculation import canonical_json
from matganip.labels.choosing import Labellable, chosen_batches
from matganip.labels.database import LabelDatabase
from matganip.labels.dft.files import input_files
from matganip.labels.dft.folders import BATCH_FILE, ORBIT_FILE, BatchNote, OrbitNote, folder_name, read_json, walk
from matganip.labels.dft.jobs import JobSettings, write_scripts
from matganip.labels.dft.outputs import has_output
from matganip.labels.dft.settings import DftSettings
from matganip.labels.rows import orbit_names
from matganip.progress import ProgressOption, reporting
from matganip.results.dft import WrittenInputs


def write_inputs(
    folder: str | os.PathLike[str],
    what: Labellable | Iterable[Labellable],
    settings: DftSettings | None = None,
    *,
    n: int | None = None,
    seed: int = 0,
    job: JobSettings | None = None,
    database: LabelDatabase | str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: ProgressOption = None,
) -> WrittenInputs:
    """Write a folder with inputs for each orbit, and the scripts that run them.

    Parameters
    ----------
    folder : path-like
        Where; made if it is not there.
    what : ConfigurationSpace, ConfigurationBatch, CompositionSeries, or several of them
        The orbits: those of spaces, or certain ones, of one or several compositions of one supercell.
    settings : DftSettings, optional
        Code, cut-offs, k-points and the like.
    n, seed : int, optional
        Write a random sample of n orbits of each space, and its seed; by default all.
    job : JobSettings, optional
        What the job scripts say.
    database : LabelDatabase or path-like, optional
        Orbits that have a converged label of these settings there are left out.
    overwrite : bool
        Write inputs and scripts again where they are. Outputs are never touched.
    progress : bool or callable, optional
        True draws a bar; a function is called with the step, how many orbits are done, and how many there are.

    Returns
    -------
    WrittenInputs

    Raises
    ------
    InputError
        If the folder holds runs of other settings, or cannot be written, or the settings lack something that the code
        needs.

    Notes
    -----
    An orbit whose folder exists, also under another name or deeper below, is not written again. Each folder appears
    with all its files or not at all.

    Examples
    --------
    >>> import tempfile, matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 1}})
    >>> written = write_inputs(tempfile.mkdtemp(), space)
    >>> written.folders[0].name, sorted(file.name for file in written.folders[0].iterdir())
    ('Cs8Pb8Br1I23-o011111111111111111111111-x24', ['INCAR', 'KPOINTS', 'POSCAR', 'POTCAR.spec', 'orbit.json'])
    """
    root, settings, job = Path(folder), settings or DftSettings(), job or JobSettings()
    if isinstance(database, str | os.PathLike):
        database = LabelDatabase(database)
        if not database.path.exists():
            raise InputError(f"{database.path}: no such database; leave it out, or label something first")
    batches = chosen_batches(what, n, seed)
    mesh = settings.mesh(batches[0].space.supercell_structure) if batches else (0, 0, 0)
    written = WrittenInputs(root, settings.code, settings.relaxation, mesh, settings.ediff_per_atom)
    written.n_orbits = sum(len(batch) for batch in batches)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{root}: cannot be made: {error.strerror}") from error
    there = _folders_there(root)
    note: BatchNote | None = None
    with reporting(progress) as report:
        for batch in batches:
            asked = settings.asked(batch.space.supercell_structure)
            if note is None:
                note = _batch_note(root, settings, asked, overwrite)
            elif canonical_json(note.settings) != canonical_json(asked):
                raise InputError(
                    f"{root}: one folder holds runs of one supercell; write the others into folders of their own"
                )
            orbits = dict(zip(orbit_names(batch.occupations), batch.multiplicity.tolist(), strict=True))
            note.add(batch.space, orbits)
            kind = (settings.code, settings.relaxation, asked)
            done = labelled_orbits(database, batch.space, *kind) if database else set()
            written.n_labelled += len(done & orbits.keys())
            for orbit, multiplicity in orbits.items():
                if orbit not in done:
                    _write_orbit(
                        OrbitNote(batch.space, orbit, multiplicity, *kind), settings, there, written, overwrite
                    )
                    report("write", written.n_there + len(written.folders), written.n_orbits, "")
    if note is not None:
        note.write(root)
        folders = sorted(path.relative_to(root).as_posix() for path in there.values())
        written.scripts = write_scripts(root, folders, settings, job, overwrite=overwrite)
    return written


def _write_orbit(
    note: OrbitNote,
    settings: DftSettings,
    there: dict[tuple[str, str], Path],
    written: WrittenInputs,
    overwrite: bool,
) -> None:
    """Write the folder of one orbit unless it is there, and count it."""
    space, orbit = note.space, note.orbit
    place = next((there[key, orbit] for key in space.stored_keys if (key, orbit) in there), None)
    if place is not None and not overwrite:
        written.n_there += 1
        return
    content = input_files(note, settings) | {ORBIT_FILE: json.dumps(note.as_dict(), indent=1) + "\n"}
    folder = place or written.folder / folder_name(space, orbit, note.multiplicity)
    _put(folder, content, again=place is not None)
    there[space.key, orbit] = folder
    written.folders.append(folder)


def labelled_orbits(
    database: LabelDatabase, space: ConfigurationSpace, code: str, relaxation: str, asked: Mapping[str, object]
) -> set[str]:
    """Names of the orbits that have a converged label by this code, whatever its version, with what was asked for."""
    found: set[str] = set()
    if not database.path.exists():
        return found
    for one in database.sets(space):
        same = all(key in one.settings and one.settings[key] == value for key, value in asked.items())
        if (one.calculator, one.relaxation) == (code, relaxation) and same and one.n_converged:
            labelled = database.labelled(space, code, one.settings_hash, one.relaxation)
            found.update(orbit_names(labelled.occupations))
    return found


def _batch_note(root: Path, settings: DftSettings, asked: dict[str, object], overwrite: bool) -> BatchNote:
    """What the folder was written for; it must be of the same kind."""
    fresh = BatchNote(settings.code, settings.relaxation, asked, {})
    path = root / BATCH_FILE
    if not path.exists():
        return fresh
    there = BatchNote.read(path)
    if (there.code, there.relaxation) == (settings.code, settings.relaxation) and there.settings == asked:
        return there
    with_output = next((folder for folder, names in walk(root) if has_output(names)), None)
    if overwrite and with_output is None:
        return fresh
    differs = _difference(there, fresh)
    if with_output is not None:
        raise InputError(f"{root}: holds results of other settings ({differs}), in {with_output}; name another folder")
    raise InputError(f"{root}: holds inputs of other settings ({differs}); name another folder, or use --overwrite")


def _difference(there: BatchNote, wanted: BatchNote) -> str:
    """The first setting that is another: ``encut 550.0 there, 400.0 asked for``."""
    old = {"code": there.code, "relaxation": there.relaxation, **there.settings, **there.settings.get("incar", {})}
    new = {"code": wanted.code, "relaxation": wanted.relaxation, **wanted.settings, **wanted.settings.get("incar", {})}
    keys = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key) and key != "incar"]
    return f"{keys[0]} {old.get(keys[0])} there, {new.get(keys[0])} asked for" if keys else "of another kind"


def _folders_there(root: Path) -> dict[tuple[str, str], Path]:
    """Where the folder of each orbit is, by space and orbit."""
    found: dict[tuple[str, str], Path] = {}
    for folder, names in walk(root):
        if ORBIT_FILE in names:
            data = read_json(folder / ORBIT_FILE)
            found.setdefault((str(data.get("space")), str(data.get("orbit"))), folder)
    return found


def _put(folder: Path, content: Mapping[str, str], *, again: bool) -> None:
    if again:
        for name, text in content.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return
    with atomic_folder(folder) as temporary:
        for name, text in content.items():
            (temporary / name).write_text(text, encoding="utf-8")
