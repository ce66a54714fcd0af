"""`screen`: every arrangement of a space by a trained model, in memory or in a folder that any restart completes."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from matganip.errors import InputError
from matganip.learning.remarks import remark_on
from matganip.progress import ProgressOption, reporting
from matganip.screening.distilled import distilled
from matganip.screening.folder import (
    claim_screen,
    header_of,
    same_versions,
    save_models,
    scorers_of,
    settings_of,
    source_of,
    space_of,
)
from matganip.screening.manifest import ScreenFolder, differences, locked_screen
from matganip.screening.pool import run_shards
from matganip.screening.reading import read_part, result_of
from matganip.screening.request import BIN_WIDTH, TEMPERATURES, Request
from matganip.screening.stream import Standing, stream

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.results.screen import ScreenPart, ScreenResult
    from matganip.screening.pool import Engine
    from matganip.screening.request import ModelOrFolder, PathLike
    from matganip.screening.selection import Kind

Event = Standing | str
Follow = Callable[[Event], object]
log = logging.getLogger(__name__)


def screen(
    model: ModelOrFolder | Sequence[ModelOrFolder],
    space: ConfigurationSpace | None = None,
    *,
    top: int = 100,
    select: Kind = "lowest",
    target: float | None = None,
    second: ModelOrFolder | None = None,
    temperatures: Sequence[float] = TEMPERATURES,
    bin_width: float = BIN_WIDTH,
    folder: PathLike | None = None,
    resume: bool = False,
    n_shards: int | None = None,
    keep: str = "best",
    cascade: bool | None = None,
    surrogate: PathLike | None = None,
    seed: int = 0,
    workers: int = 0,
    engine: Engine | None = None,
    progress: ProgressOption = None,
    follow: Follow | None = None,
    command: Sequence[str] = (),
) -> ScreenResult:
    """Screen every arrangement of a space: the best ones, the density of states and the canonical sums.

    Parameters
    ----------
    model : Model or path-like, or sequence of them
        A model or its folder. The mean of several predicts, and their spread is the deviation.
    space : ConfigurationSpace, optional
        Of the first model's parent; by default the space that it was trained on.
    top : int
        How many arrangements to keep.
    select : {"lowest", "highest", "nearest"}
        Which.
    target : float, optional
        Energy for "nearest", eV per supercell.
    second : Model or path-like, optional
        The model of a second property: keep the Pareto front, both properties low.
    temperatures : sequence of float
        Kelvin, of the canonical sums.
    bin_width : float
        Of the energy histogram, eV per supercell.
    folder : path-like, optional
        Where the result is written and from where it can be resumed; ``docs/screening.md`` says what is in it. Without
        it nothing stays on disk.
    resume : bool
        Complete the screen in `folder`, or begin one where there is none.
    n_shards : int, optional
        By default one for each 200,000 orbits, at least 16. Only the last digits of sums depend on it.
    keep : {"best", "all"}
        In the folder, write the best of each shard, or every orbit too.
    cascade : bool, optional
        Whether a distilled surrogate screens and the model re-scores what could win; by default from 2,000,000 orbits.
    surrogate : path-like, optional
        Folder of a surrogate to take, ``surrogate`` in the folder of another part of the screen.
    seed : int
        Of the sample that a surrogate is fitted to.
    workers : int
        Worker processes, one core each; 0 computes in this one. They are spawned: a script that asks for them must keep
        its main part behind ``if __name__ == "__main__":``.
    engine : callable, optional
        Does the shards in place of worker processes: ``partial(run_shards_on_dask, client)``, see
        `matganip.screening.dask_pool`.
    progress : bool or callable, optional
        Draw a bar, or call back with the orbits done.
    follow : callable, optional
        Called with each `Standing`, several times a second and after each shard, and with sentences that a person
        should know.
    command : sequence of str
        Command line, for the record in the folder.

    Returns
    -------
    ScreenResult

    Raises
    ------
    InputError
        If anything given makes no sense, or the folder cannot be written; what was complete stays.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}})
    >>> model = mg.train(space, "cspbi3_br/gpaw_mp2", network={"epochs": 5})
    >>> found = mg.screen(model, space, top=5)
    >>> found.n_orbits, found.n_configurations, len(found.winners), found.point_groups[0].split()[0] != ""
    (19, 2024, 5, True)
    """
    options: dict[str, Any] = {
        "top": top, "select": select, "target": target, "second": second, "temperatures": temperatures,
        "bin_width": bin_width, "n_shards": n_shards, "keep": keep, "cascade": cascade, "surrogate": surrogate,
        "seed": seed, "command": command,
    }  # fmt: skip
    if isinstance(space, str | os.PathLike):  # as in version 0.1, whose second argument was the folder
        return _standings(model, space, resume, workers, engine, options)  # type: ignore[unreachable]
    if folder is None and keep == "all":
        raise InputError('keep="all" writes every orbit to disk: name a folder')
    request = Request.of(model, space, **options)
    with ExitStack() as stack:
        output = Path(folder if folder is not None else stack.enter_context(TemporaryDirectory(prefix="matganip-")))
        drive(run(request, output, workers=workers, engine=engine, resume=resume, follow=follow), progress, follow)
        return result_of(ScreenFolder.read(output), request.space, folder is not None)


def screen_part(
    model: ModelOrFolder | Sequence[ModelOrFolder],
    space: ConfigurationSpace | None,
    part: tuple[int, int],
    folder: PathLike,
    *,
    resume: bool = False,
    workers: int = 0,
    engine: Engine | None = None,
    progress: ProgressOption = None,
    follow: Follow | None = None,
    **options: Any,
) -> ScreenPart:
    """Do a part of the shards of a screen in a folder of its own; `merge_parts` puts the parts together.

    Parameters
    ----------
    model, space
        As for `screen`.
    part : (int, int)
        ``(k, n)``: do only the shards with number % n == k.
    folder : path-like
        For this part.
    resume, workers, engine, progress, follow
        As for `screen`.
    **options
        The other keywords of `screen`, the same for all parts.

    Returns
    -------
    ScreenPart

    Raises
    ------
    InputError
        As `screen`.
    """
    request = Request.of(model, space, part=part, **options)
    output = Path(folder)
    standings = run(request, output, workers=workers, engine=engine, resume=resume, follow=follow)
    drive(standings, progress, follow)
    return read_part(output)


def resume_screen(
    folder: PathLike,
    *,
    workers: int = 0,
    engine: Engine | None = None,
    progress: ProgressOption = None,
    follow: Follow | None = None,
) -> ScreenResult | ScreenPart:
    """Complete the screen, or the part of one, that a folder holds.

    Parameters
    ----------
    folder : path-like
        Of `screen` or `screen_part`, interrupted or complete.
    workers, engine, progress, follow
        As for `screen`; any of them may differ from the first time, the result is the same bytes.

    Returns
    -------
    ScreenResult or ScreenPart

    Raises
    ------
    InputError
        If there is no screen, its models were changed, or it was begun with other versions of the packages that
        decide about bytes.
    """
    output = Path(folder)
    drive(run(None, output, workers=workers, engine=engine, resume=True, follow=follow), progress, follow)
    screen = ScreenFolder.read(output)
    return result_of(screen) if screen.part == (0, 1) else read_part(output)


def run(
    request: Request | None,
    output: Path,
    *,
    workers: int = 0,
    engine: Engine | None = None,
    resume: bool = False,
    follow: Follow | None = None,
) -> Iterator[Standing]:
    """Do the shards of a screen in a folder, step by step; what `screen` drives to its end.

    Parameters
    ----------
    request : Request or None
        With `resume` it may be None: the folder says it itself.
    output : pathlib.Path
    workers, engine, resume
        As for `screen`.
    follow : callable, optional
        Called with sentences only: damaged shards that are rerun, and how the bound of a surrogate was found.

    Yields
    ------
    Standing
    """

    def tell(sentence: str) -> None:
        log.info(sentence)
        if follow is not None:
            follow(sentence)

    with locked_screen(output):
        folder = _opened(request, output, resume, tell)
        for shard, wrong in folder.damaged().items():
            tell(f"{output / wrong}; shard {shard} is rerun")
            folder.forget(shard)
        folder.clear_temporary()
        space = space_of(folder.header) if request is None else request.space
        yield from stream(folder, source_of(folder), space, engine or partial(run_shards, n_workers=workers))


def drive(standings: Iterator[Standing], progress: ProgressOption, follow: Follow | None) -> None:
    """Run a screen to its end, and report where it stands."""
    with reporting(progress) as report:
        for one in standings:
            report(one.phase, one.n_orbits, one.of_orbits, one.detail)
            if follow is not None:
                follow(one)


def begin(request: Request, output: Path, tell: Callable[[str], object]) -> ScreenFolder:
    """Begin a screen in an empty folder: copy the models, distil a surrogate, write the manifest's first line."""
    claim_screen(output)
    save_models(request, output)
    if remark := remark_on(request.models[0].card, request.space):
        tell(remark)
    record = None
    if request.cascade:
        scorer = scorers_of(request.models, None, request.space)[0]
        record, sentence = distilled(scorer, request.settings.selection, output, request.seed, request.surrogate)
        tell(sentence)
    return ScreenFolder.create(output, {**header_of(request, record), "command": list(request.command)})


def _opened(request: Request | None, output: Path, resume: bool, tell: Callable[[str], object]) -> ScreenFolder:
    """The folder of the screen to resume, or a new one."""
    if resume and ScreenFolder.is_begun(output):
        folder = ScreenFolder.read(output)
        if request is not None:
            _check_same(folder, request)
        same_versions(folder.header, folder.path)
        return folder
    if request is None:
        raise InputError(f"{output}: no screen is there to resume; name a model folder to begin one")
    return begin(request, output, tell)


def _check_same(folder: ScreenFolder, request: Request) -> None:
    """Refuse to resume a screen of something else."""
    surrogate = folder.header["surrogate"]
    if not request.shards_given:
        request = request.with_shards(settings_of(folder.header).n_shards)
    if (surrogate is not None) != request.cascade:
        raise InputError(
            f"{folder.path}: holds a screen {'with' if surrogate else 'without'} a cascade; ask for the same"
        )
    asked = {**header_of(request, surrogate), "versions": folder.header["versions"]}
    known = {key: value for key, value in folder.header.items() if key not in ("format", "version")}
    if apart := differences(known, asked):
        raise InputError(f"{folder.path}: holds another screen: {apart[0]}; resume the same, or name another folder")
    if folder.part != request.part:
        raise InputError(f"{folder.path}: holds part {folder.part[0]}/{folder.part[1]} of a screen, not another")


def _standings(
    model: Any,
    output: str | os.PathLike[str],
    resume: bool,
    workers: int,
    engine: Engine | None,
    options: dict[str, Any],
) -> Iterator[Standing]:
    """The generator that `screen(model, folder)` was in version 0.1."""
    warnings.warn(
        "screen(model, folder) is screen(model, space, folder=folder) now: it runs at once, returns the result, and "
        "is followed by progress= or follow=",
        DeprecationWarning,
        stacklevel=3,
    )
    request = Request.of(model, None, **options)
    return run(request, Path(output), workers=workers, engine=engine, resume=resume)
