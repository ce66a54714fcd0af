"""What a screen's folder holds beside its shards: copies of the models, and the header of its manifest."""

from __future__ import annotations

import functools
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.codec import composition_text
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError, damaged
from matganip.files import CHECKSUMS, atomic_folder, sha256
from matganip.learning.scoring import GraphScorer, Panel
from matganip.screening.cascade import SurrogateScorer
from matganip.screening.manifest import LOCK, MANIFEST, ScreenFolder
from matganip.screening.selection import Selection
from matganip.screening.shard import Opened, ScreenSettings
from matganip.versions import versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matganip.learning.model import Model
    from matganip.screening.request import Request

MODELS, SECOND, SURROGATE = "models", "second", "surrogate"
BYTE_VERSIONS = ("matganip", "vectors", "numpy", "torch", "pyarrow")
"""Packages whose version, and the width of vectors that, must stay the same for the result to be the same bytes."""


def scorers_of(models: Sequence[Model], second: Model | None, space: ConfigurationSpace) -> tuple[GraphScorer, ...]:
    """One scorer for each property; the mean of several models of the first."""
    first = models[0].scorer(space)
    if len(models) > 1:
        first = GraphScorer(first.represent, Panel(tuple(model.predictor for model in models)))
    return (first,) if second is None else (first, second.scorer(space))


@dataclass(frozen=True)
class FolderSource:
    """A screen's folder as the source of its shards.

    Parameters
    ----------
    path : pathlib.Path
        Absolute.
    fingerprint : str
        Of the manifest's header; a process remembers the folder that it has opened by this.
    """

    path: Path
    fingerprint: str

    def open(self) -> Opened:
        """Read the models, once in a process."""
        return _open(self.path, self.fingerprint)


def source_of(folder: ScreenFolder) -> FolderSource:
    """The source of the shards of a folder."""
    return FolderSource(folder.path.absolute(), folder.fingerprint)


@functools.lru_cache(maxsize=1)
def _open(path: Path, fingerprint: str) -> Opened:
    from matganip.learning.model import Model
    from matganip.learning.surrogate import DistilledSurrogate

    del fingerprint  # part of the cache's key
    header = ScreenFolder.read(path).header
    same_versions(header, path)
    folders = [path / MODELS / str(number) for number in range(len(header["models"]))]
    for record, folder in zip(header["models"], folders, strict=True):
        _check_files(folder, record["files"])
    second = None
    if header["second"]:
        _check_files(path / SECOND, header["second"]["files"])
        second = Model.of(path / SECOND)
    space = space_of(header)
    scorers = scorers_of([Model.of(folder) for folder in folders], second, space)
    surrogate = None
    if header["surrogate"] is not None:
        _check_files(path / SURROGATE, header["surrogate"]["files"])
        distilled = DistilledSurrogate.load(path / SURROGATE)
        surrogate = SurrogateScorer(scorers[0], distilled, header["surrogate"]["bound_eV"])
    return Opened(space, scorers, surrogate)


def space_of(header: dict[str, Any]) -> ConfigurationSpace:
    """The space that a manifest's header describes."""
    with damaged("the manifest's space"):
        return ConfigurationSpace.from_dict(header["space"]["made_from"], header["space"]["key"])


def header_of(request: Request, surrogate: dict[str, Any] | None) -> dict[str, Any]:
    """The header of a manifest: all that results depend on, and the part of the shards that the folder is for."""
    space = request.space
    return {
        "versions": versions(),
        "space": {
            "key": space.key,
            "composition": composition_text(space),
            "atoms": space.n_atoms,
            "orbits": space.count_orbits(),
            "configurations": str(space.n_configurations),
            "made_from": space.to_dict(),
        },
        "models": [_model_record(model, space) for model in request.models],
        "second": None if request.second is None else _model_record(request.second, space),
        "surrogate": surrogate,
        "settings": settings_record(request.settings),
        "part": list(request.part),
    }


def _model_record(model: Model, space: ConfigurationSpace) -> dict[str, Any]:
    with TemporaryDirectory(prefix="matganip-") as name:
        model.save(name)
        return {
            "calculator": model.card.calculator,
            "table": model.card.table,
            "remark": model.remark(space),
            "files": files_of(Path(name)),
        }


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of the files of a model or surrogate, by their names."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files}


def settings_record(settings: ScreenSettings) -> dict[str, Any]:
    """The settings as JSON values; an infinite temperature is null."""
    record = asdict(settings)
    record["temperatures"] = [None if np.isinf(t) else t for t in settings.temperatures]
    return record


def settings_of(header: dict[str, Any]) -> ScreenSettings:
    """Undo `settings_record`.

    Raises
    ------
    InputError
        If the header has none.
    """
    try:
        record = dict(header["settings"])
        selection = Selection(**record.pop("selection"))
        temperatures = tuple(np.inf if t is None else float(t) for t in record.pop("temperatures"))
        return ScreenSettings(selection=selection, temperatures=temperatures, **record)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"the manifest's settings are damaged: {error}") from error


def claim_screen(output: Path) -> None:
    """Make sure that a screen can begin in a folder: it is empty, or holds what is left of one that never began.

    Raises
    ------
    InputError
        If anything else is in it, or it cannot be written.
    """
    present = sorted(path.name for path in output.iterdir())
    begun = [name for name in present if name.startswith((f".{SECOND}-", f".{SURROGATE}-"))]
    foreign = [name for name in present if name not in (LOCK, MODELS, SECOND, SURROGATE, *begun)]
    if MANIFEST in foreign:
        raise InputError(f"{output}: holds a screen already; resume it with --resume, or name another folder")
    if foreign:
        raise InputError(f"{output}: the output folder is not empty ({foreign[0]}, ...); name another with --output")
    try:
        for name in (MODELS, SECOND, SURROGATE, *begun):
            shutil.rmtree(output / name, ignore_errors=True)
        (output / MODELS).mkdir()
    except OSError as error:
        raise InputError(f"{output}: the output folder cannot be written: {error.strerror}") from error


def save_models(request: Request, output: Path) -> None:
    """Write copies of the models, so that the screen stays the same whatever becomes of the originals."""
    for number, model in enumerate(request.models):
        with atomic_folder(output / MODELS / str(number)) as temporary:
            model.save(temporary)
    if request.second is not None:
        with atomic_folder(output / SECOND) as temporary:
            request.second.save(temporary)


def copy_models(source: Path, output: Path) -> None:
    """Copy models and surrogate of one screen's folder into another's."""
    folders = [Path(MODELS) / folder.name for folder in sorted((source / MODELS).iterdir())]
    for name in (*folders, *(Path(name) for name in (SECOND, SURROGATE) if (source / name).is_dir())):
        with atomic_folder(output / name) as temporary:
            shutil.copytree(source / name, temporary, dirs_exist_ok=True)


def same_versions(header: dict[str, Any], path: Path) -> None:
    """Refuse to compute for a screen with packages of other versions than it was begun with."""
    now, then = versions(), header["versions"]
    for name in BYTE_VERSIONS:
        if now.get(name) != then.get(name):
            former = f"MATGANIP_TARGET={then.get(name)}" if name == "vectors" else "the former"
            raise InputError(
                f"{path}: was begun with {name} {then.get(name)}, this is {now.get(name)}, which may round "
                f"otherwise; resume it with {former}, or start anew in another folder"
            )


def _check_files(folder: Path, known: dict[str, str]) -> None:
    for name, digest in known.items():
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: is missing; copy it again from where the screen was begun")
        if sha256(folder / name) != digest:
            raise InputError(f"{folder / name}: is not the file that the screen was begun with; restore it")
