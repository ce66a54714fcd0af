"""`matganip screen`: every arrangement of a space by a trained model, in a folder that any start completes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.errors import InputError
from matganip.learning.remarks import remark_on
from matganip.screening.distilled import distilled
from matganip.screening.folder import (
    FolderSource,
    Models,
    claim_screen,
    copy_models,
    header_of,
    same_versions,
    settings_of,
)
from matganip.screening.manifest import ScreenFolder, differences, locked
from matganip.screening.pool import run_shards
from matganip.screening.selection import Selection
from matganip.screening.shard import Settings
from matganip.screening.stream import Standing, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from matganip.screening.pool import Engine

    Say = Callable[[str], object]

ORBITS_OF_A_SHARD = 200_000
CASCADE_FROM = 2_000_000
"""Orbits from which on a screen has two stages unless it is told otherwise."""
OUT_OF_REACH = 10**13
"""Orbits: 2000 cores at half a million a second enumerate them in three hours; beyond, nobody waits."""


@dataclass(frozen=True)
class Wanted:
    """What to screen, and for what; all but `part` is the same for all parts of a screen.

    Parameters
    ----------
    models : sequence of path-like
        Folders of `matganip train`; several are asked together, their mean predicts.
    supercell, substitutions
        Of the space, as in a study file; None is what the first model was trained on.
    second : path-like, optional
        Folder of the model of a second property, for a Pareto front.
    selection : Selection
    temperatures : tuple of float
        Kelvin.
    bin_width : float
        Of the energy histogram, eV per supercell.
    n_shards : int, optional
        By default one for each 200,000 orbits, at least 16. Results other than the last digits of sums do not depend
        on it.
    keep : {"best", "all"}
        Write the best of each shard, or every orbit.
    cascade : bool, optional
        Whether a surrogate screens and the model re-scores; by default from 2,000,000 orbits on.
    surrogate : path-like, optional
        Folder of a surrogate to take, ``surrogate`` in the output of another part of the screen.
    seed : int
        Of the sample that a surrogate learns from.
    part : (int, int)
        ``(k, n)``: do only the shards with number % n == k.
    """

    models: Sequence[str | Path]
    supercell: Any = None
    substitutions: dict[str, dict[str, int]] | None = None
    second: str | Path | None = None
    selection: Selection = field(default_factory=Selection)
    temperatures: tuple[float, ...] = (300.0, 600.0, 1000.0)
    bin_width: float = 0.002
    n_shards: int | None = None
    keep: str = "best"
    cascade: bool | None = None
    surrogate: str | Path | None = None
    seed: int = 0
    part: tuple[int, int] = (0, 1)


def screen(
    model: str | Path | Sequence[str | Path],
    output: str | Path,
    *,
    select: str = "lowest",
    top: int = 100,
    target: float | None = None,
    workers: int = 1,
    engine: Engine | None = None,
    resume: bool = False,
    **wanted: Any,
) -> Iterator[Standing]:
    """Screen every orbit of a space; yields where it stands while it runs, and writes the result.

    Parameters
    ----------
    model : path-like or sequence of path-like
        Folder of `matganip train`, or several: their mean predicts.
    output : path-like
        Folder for the result; ``docs/screening.md`` says what is in it.
    select : {"lowest", "highest", "nearest", "pareto"}
        What is looked for.
    top : int
        How many.
    target : float, optional
        Where "nearest" looks, eV per supercell.
    workers : int
        Processes, one core each; 0 computes in this one.
    engine : callable, optional
        Who does the shards in their place: ``partial(run_shards_on_dask, client)``, see
        `matganip.screening.dask_pool`.
    resume : bool
        Go on with what is in the folder.
    **wanted
        The other fields of `Wanted`: ``supercell``, ``substitutions``, ``temperatures``, ``cascade``, ``keep`` ...

    Yields
    ------
    Standing

    Raises
    ------
    InputError
        If anything given makes no sense, or the folder cannot be written; what was complete stays.

    Notes
    -----
    Processes are spawned: a program of one's own that asks for them must keep its main part behind ``if __name__ ==
    "__main__"``.
    """
    models = [model] if isinstance(model, str | Path) else list(model)
    yield from run(
        Wanted(models=models, selection=Selection(select, top, target), **wanted),  # type: ignore[arg-type]
        Path(output),
        workers=workers,
        engine=engine,
        resume=resume,
    )


def run(
    wanted: Wanted | None,
    output: Path,
    *,
    workers: int = 1,
    engine: Engine | None = None,
    resume: bool = False,
    command: Sequence[str] = (),
    say: Say | None = None,
) -> Iterator[Standing]:
    """Do what `screen` does; with `resume`, `wanted` may be left out: the folder says it itself.

    Parameters
    ----------
    wanted : Wanted or None
    output : pathlib.Path
    workers : int
    engine : callable, optional
        In place of the workers.
    resume : bool
    command : sequence of str
        For the record.
    say : callable, optional
        Is told in a sentence what a person should know: damaged shards that are done again, and how the bound of a
        surrogate was found.

    Yields
    ------
    Standing
    """
    tell = say or _nothing
    with locked(output):
        folder = _opened(wanted, output, resume, command, tell)
        for shard, wrong in folder.damaged().items():
            tell(f"{output / wrong}; shard {shard} is done again")
            folder.forget(shard)
        folder.clear_temporary()
        yield from work(folder, engine or partial(run_shards, n_workers=workers))


def work(folder: ScreenFolder, engine: Engine) -> Iterator[Standing]:
    """Do what is missing in a folder that is locked."""
    source = FolderSource(folder.path.absolute(), folder.fingerprint)
    opened = source.open()
    yield from stream(folder, source, opened.space, settings_of(folder.header), engine)


def merge_parts(parts: Sequence[Path], output: Path, *, workers: int = 1, resume: bool = False) -> Iterator[Standing]:
    """Put the parts of a screen together, which were done in folders of their own.

    Parameters
    ----------
    parts : sequence of pathlib.Path
        Folders of ``screen(..., part=(k, n))``.
    output : pathlib.Path
        The folder for the whole; equal, byte for byte, to that of a screen that was never parted, but for times.
    workers : int
        Should a shard have to be done again.
    resume : bool
        Go on with a merge that was interrupted.

    Yields
    ------
    Standing

    Raises
    ------
    InputError
        If parts are missing, incomplete, damaged, or of different screens.
    """
    folders = [ScreenFolder.read(part) for part in parts]
    if not folders:
        raise InputError("--merge: no folder to merge")
    first = folders[0]
    for other in folders[1:]:
        if apart := differences(first.header, other.header):
            advice = "; parts share a surrogate by --surrogate" if any("surrogate" in one for one in apart) else ""
            raise InputError(f"{first.path} and {other.path} are parts of different screens: {apart[0]}{advice}")
    there = {shard: folder for folder in folders for shard in folder.shards}
    absent = [k for k in range(settings_of(first.header).n_shards) if k not in there]
    if absent:
        raise InputError(f"--merge: shard {absent[0]} and {len(absent) - 1} others are in none of the folders")
    with locked(output):
        if resume and (output / "manifest.jsonl").exists():
            whole = ScreenFolder.read(output)
            if apart := differences(first.header, whole.header):
                raise InputError(f"{output}: holds another screen: {apart[0]}")
        else:
            claim_screen(output)
            copy_models(first.path, output)
            whole = ScreenFolder.create(output, {**first.header, "part": [0, 1]})
        whole.clear_temporary()
        for shard, wrong in whole.damaged().items():
            del wrong  # it is copied again
            whole.forget(shard)
        for shard in whole.missing():
            if not any(shard in decided["shards"] for decided in whole.rounds):
                _copy_shard(there[shard], whole, shard)
        yield from work(whole, partial(run_shards, n_workers=workers))


def _copy_shard(part: ScreenFolder, whole: ScreenFolder, shard: int) -> None:
    import shutil

    from matganip.files import atomic_path, flush_folder
    from matganip.screening.shard_files import file_record

    record = part.shards[shard]
    for name, known in record.files.items():
        try:
            with atomic_path(whole.path / name) as temporary:
                shutil.copyfile(part.path / name, temporary)
                if file_record(temporary, 0)["sha256"] != known["sha256"]:
                    raise InputError(f"{part.path / name}: damaged; go on with --resume there, then merge again")
        except FileNotFoundError:
            raise InputError(f"{part.path / name}: is missing; go on with --resume there, then merge again") from None
    flush_folder(whole.path)
    whole.add(record)


def _opened(wanted: Wanted | None, output: Path, resume: bool, command: Sequence[str], tell: Say) -> ScreenFolder:
    """The folder that goes on, or a new one."""
    if resume and (output / "manifest.jsonl").exists():
        folder = ScreenFolder.read(output)
        if wanted is not None:
            _same(folder, wanted)
        same_versions(folder.header, folder.path)
        return folder
    if wanted is None:
        raise InputError(f"{output}: no screen is there to go on with; name a model folder to begin one")
    return begun(wanted, output, command, tell)


def begun(wanted: Wanted, output: Path, command: Sequence[str], tell: Say) -> ScreenFolder:
    """Begin a screen in an empty folder: models copied, a surrogate distilled, the manifest's first line written."""
    models = Models.load(wanted.models, wanted.second, wanted.supercell, wanted.substitutions)
    settings = _settings(wanted, models)
    claim_screen(output)
    models.copy_into(output)
    if remark := remark_on(models.cards[0], models.space):
        tell(remark)
    surrogate = None
    if _cascades(wanted, models):
        surrogate, sentence = distilled(
            models.scorers()[0],
            settings.selection,
            output,
            wanted.seed,
            Path(wanted.surrogate) if wanted.surrogate else None,
        )
        tell(sentence)
    header = header_of(models, settings, surrogate, wanted.part)
    return ScreenFolder.create(output, {**header, "command": list(command)})


def _settings(wanted: Wanted, models: Models) -> Settings:
    k, n = wanted.part
    orbits = models.space.count_orbits()
    if orbits > OUT_OF_REACH:
        raise InputError(
            f"{models.space!r} has about 10^{len(str(orbits)) - 1} orbits, which no machine enumerates; draw a "
            "uniform sample of it (`matganip predict --number`) or search it (`matganip search`)"
        )
    n_shards = wanted.n_shards or max(16, -(-orbits // ORBITS_OF_A_SHARD))
    if not 0 <= k < n <= n_shards:
        raise InputError(f"--shard {k}/{n}: the screen has {n_shards} shards, of which no such part can be made")
    if wanted.selection.n_properties != (2 if wanted.second else 1):
        raise InputError("a Pareto front needs the model of a second property, and nothing else does: --pareto MODEL")
    return Settings(wanted.selection, n_shards, tuple(wanted.temperatures), wanted.bin_width, wanted.keep)


def _cascades(wanted: Wanted, models: Models) -> bool:
    if wanted.second:
        if wanted.cascade:
            raise InputError("--cascade: a surrogate stands in for one property; a Pareto front has two")
        return False
    return models.space.count_orbits() >= CASCADE_FROM if wanted.cascade is None else wanted.cascade


def _same(folder: ScreenFolder, wanted: Wanted) -> None:
    """Refuse to go on with a screen of something else."""
    models = Models.load(wanted.models, wanted.second, wanted.supercell, wanted.substitutions)
    n_shards = int(folder.header["settings"]["n_shards"]) if wanted.n_shards is None else wanted.n_shards
    settings = _settings(replace(wanted, n_shards=n_shards), models)
    surrogate = folder.header["surrogate"]
    if (surrogate is not None) != _cascades(wanted, models):
        raise InputError(
            f"{folder.path}: holds a screen {'with' if surrogate else 'without'} a cascade; ask for the same"
        )
    asked = {**header_of(models, settings, surrogate, wanted.part), "versions": folder.header["versions"]}
    known = {key: value for key, value in folder.header.items() if key not in ("format", "version")}
    if apart := differences(known, asked):
        raise InputError(
            f"{folder.path}: holds another screen: {apart[0]}; go on with the same, or name another folder"
        )
    if folder.part != wanted.part:
        raise InputError(f"{folder.path}: holds part {folder.part[0]}/{folder.part[1]} of a screen, not another")


def _nothing(sentence: str) -> None:
    """Nobody listens."""
