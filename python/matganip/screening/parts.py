"""Parts of a screen, each done in a folder of its own, put together."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from matganip.errors import InputError
from matganip.files import atomic_path, flush_folder
from matganip.screening.folder import claim_screen, copy_models, settings_of, source_of, space_of
from matganip.screening.manifest import ScreenFolder, differences, locked_screen
from matganip.screening.pool import run_shards
from matganip.screening.reading import result_of
from matganip.screening.run import drive
from matganip.screening.shard_files import file_record
from matganip.screening.stream import Standing, stream

if TYPE_CHECKING:
    from matganip.progress import ProgressOption
    from matganip.results.screen import ScreenResult
    from matganip.screening.request import PathLike
    from matganip.screening.run import Follow


def merge_parts(
    parts: Sequence[PathLike],
    folder: PathLike,
    *,
    resume: bool = False,
    workers: int = 0,
    progress: ProgressOption = None,
    follow: Follow | None = None,
) -> ScreenResult:
    """Put the parts of a screen together.

    Parameters
    ----------
    parts : sequence of path-like
        Folders of `screen_part`, all of them.
    folder : path-like
        For the whole: equal, byte for byte, to that of a screen that was never parted, but for times.
    resume : bool
        Complete a merge that was interrupted.
    workers : int
        Worker processes, in case a shard has to be rerun.
    progress, follow
        As for `screen`.

    Returns
    -------
    ScreenResult

    Raises
    ------
    InputError
        If parts are missing, incomplete, damaged, or of different screens.
    """
    folders = [ScreenFolder.read(Path(part)) for part in parts]
    if not folders:
        raise InputError("--merge: no folder to merge")
    first = folders[0]
    for other in folders[1:]:
        if apart := differences(first.header, other.header):
            advice = "; parts share a surrogate by --surrogate" if any("surrogate" in one for one in apart) else ""
            raise InputError(f"{first.path} and {other.path} are parts of different screens: {apart[0]}{advice}")
    there = {shard: one for one in folders for shard in one.shards}
    absent = [k for k in range(settings_of(first.header).n_shards) if k not in there]
    if absent:
        raise InputError(f"--merge: shard {absent[0]} and {len(absent) - 1} others are in none of the folders")
    output = Path(folder)
    drive(_merged(first, there, output, resume, workers), progress, follow)
    return result_of(ScreenFolder.read(output))


def _merged(
    first: ScreenFolder, there: dict[int, ScreenFolder], output: Path, resume: bool, workers: int
) -> Iterator[Standing]:
    with locked_screen(output):
        if resume and ScreenFolder.is_begun(output):
            whole = ScreenFolder.read(output)
            if apart := differences(first.header, whole.header):
                raise InputError(f"{output}: holds another screen: {apart[0]}")
        else:
            claim_screen(output)
            copy_models(first.path, output)
            whole = ScreenFolder.create(output, {**first.header, "part": [0, 1]})
        whole.clear_temporary()
        for shard in whole.damaged():
            whole.forget(shard)  # it is copied again
        for shard in whole.missing():
            if not any(shard in decided["shards"] for decided in whole.rounds):
                _copy_shard(there[shard], whole, shard)
        yield from stream(whole, source_of(whole), space_of(whole.header), partial(run_shards, n_workers=workers))


def _copy_shard(part: ScreenFolder, whole: ScreenFolder, shard: int) -> None:
    record = part.shards[shard]
    for name, known in record.files.items():
        try:
            with atomic_path(whole.path / name) as temporary:
                shutil.copyfile(part.path / name, temporary)
                if file_record(temporary, 0)["sha256"] != known["sha256"]:
                    raise InputError(f"{part.path / name}: damaged; resume that part with --resume, then merge again")
        except FileNotFoundError:
            raise InputError(
                f"{part.path / name}: is missing; resume that part with --resume, then merge again"
            ) from None
    flush_folder(whole.path)
    whole.add(record)
