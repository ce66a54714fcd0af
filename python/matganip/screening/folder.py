"""What stands in a screen's folder beside its shards: the models that it asks, and the header of its manifest."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.summary import composition
from matganip.errors import InputError
from matganip.files import atomic_folder
from matganip.learning.card import CARD, Card, model_folder
from matganip.learning.evaluation import check_species
from matganip.learning.scoring import GraphScorer, Panel
from matganip.screening.cascade import SurrogateScorer
from matganip.screening.manifest import LOCK, ScreenFolder
from matganip.screening.selection import Selection
from matganip.screening.shard import Opened, Settings
from matganip.workflows.folder import sha256
from matganip.workflows.provenance import versions

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

MODELS, SECOND, SURROGATE = "models", "second", "surrogate"
BYTE_VERSIONS = ("matganip", "numpy", "torch", "pyarrow")
"""Packages whose version must stay the same for the result to be the same bytes."""
FILES = (CARD, "model.json", "model.safetensors", "surrogate.json")


@dataclass(frozen=True)
class Models:
    """The models of a screen and the space that they are asked about.

    Parameters
    ----------
    folders : tuple of pathlib.Path
        Of the first property, asked together.
    second : pathlib.Path or None
        Of the second property.
    cards : tuple of Card
        Of `folders`.
    space : ConfigurationSpace
    supercell, substitutions
        As they were asked for; None is the first model's own.
    """

    folders: tuple[Path, ...]
    second: Path | None
    cards: tuple[Card, ...]
    space: ConfigurationSpace
    supercell: Any
    substitutions: dict[str, dict[str, int]] | None

    @classmethod
    def load(
        cls,
        models: Sequence[str | Path],
        second: str | Path | None,
        supercell: Any,
        substitutions: dict[str, dict[str, int]] | None,
    ) -> Models:
        """Read the cards.

        Raises
        ------
        InputError
            If a folder is no model's, a model cannot speak of the space, or several of one property are asked
            together that read different graphs.
        """
        folders = tuple(model_folder(Path(model)) for model in models)
        if not folders:
            raise InputError("no model to screen with")
        cards = tuple(Card.read(folder) for folder in folders)
        for card, folder in zip(cards[1:], folders[1:], strict=True):
            if (card.diffraction, card.positions) != (cards[0].diffraction, cards[0].positions):
                raise InputError(
                    f"{folder}: reads other graphs than {folders[0]}; models that are asked together read the same"
                )
            if card.calculator != cards[0].calculator:
                raise InputError(
                    f"{folder}: learned energies of {card.calculator}, {folders[0]} those of {cards[0].calculator}; "
                    "their mean would mean nothing"
                )
        space = cards[0].space(supercell, substitutions)
        for card in cards:
            check_species(card, space)
        other = None if second is None else model_folder(Path(second))
        return cls(folders, other, cards, space, supercell, substitutions)

    def copy_into(self, output: Path) -> None:
        """Copy the models, so that the screen is the same whatever becomes of their folders."""
        for number, folder in enumerate(self.folders):
            _copy(folder, output / MODELS / str(number))
        if self.second is not None:
            _copy(self.second, output / SECOND)

    def scorers(self) -> tuple[GraphScorer, ...]:
        """Load the networks."""
        from matganip.learning.gan import Matganip

        members = tuple(Matganip.load(folder) for folder in self.folders)
        model = members[0] if len(members) == 1 else Panel(members)
        scorers = [GraphScorer(self.cards[0].represent(self.space), model)]
        if self.second is not None:
            card = Card.read(self.second)
            check_species(card, self.space)
            scorers.append(GraphScorer(card.represent(self.space), Matganip.load(self.second)))
        return tuple(scorers)


@dataclass(frozen=True)
class FolderSource:
    """A screen's folder as the source of its shards.

    Parameters
    ----------
    path : pathlib.Path
        Absolute.
    fingerprint : str
        Of the manifest's header; a process that has opened the folder remembers it by this.
    """

    path: Path
    fingerprint: str

    def open(self) -> Opened:
        """Read the models, once in a process."""
        return _open(self.path, self.fingerprint)


@functools.lru_cache(maxsize=1)
def _open(path: Path, fingerprint: str) -> Opened:
    from matganip.learning.surrogate import DistilledSurrogate

    del fingerprint  # part of the cache's key
    header = ScreenFolder.read(path).header
    same_versions(header, path)
    asked = header["space"]
    folders = [path / MODELS / str(number) for number in range(len(header["models"]))]
    models = Models.load(
        folders, path / SECOND if header["second"] else None, asked["supercell"], asked["substitutions"]
    )
    for known, folder in [*zip(header["models"], folders, strict=True), *_second(header, path)]:
        _check_files(folder, known["files"])
    if models.space.key != asked["key"]:
        raise InputError(f"{path}: the manifest is of another space than its models; start anew in another folder")
    scorers = models.scorers()
    surrogate = None
    if header["surrogate"] is not None:
        _check_files(path / SURROGATE, header["surrogate"]["files"])
        surrogate = SurrogateScorer(
            scorers[0], DistilledSurrogate.load(path / SURROGATE), header["surrogate"]["bound_eV"]
        )
    return Opened(models.space, scorers, surrogate)


def _second(header: dict[str, Any], path: Path) -> list[tuple[dict[str, Any], Path]]:
    return [(header["second"], path / SECOND)] if header["second"] else []


def header_of(
    models: Models, settings: Settings, surrogate: dict[str, Any] | None, part: tuple[int, int]
) -> dict[str, Any]:
    """The header of a manifest: all that results depend on, and the part of the shards that the folder is for."""
    space = models.space
    return {
        "versions": versions(),
        "space": {
            "key": space.key,
            "composition": composition(space),
            "orbits": space.count_orbits(),
            "configurations": str(space.n_configurations),
            "supercell": np.asarray(models.supercell).tolist() if models.supercell is not None else None,
            "substitutions": models.substitutions,
        },
        "models": [_model_record(folder) for folder in models.folders],
        "second": None if models.second is None else _model_record(models.second),
        "surrogate": surrogate,
        "settings": settings_record(settings),
        "part": list(part),
    }


def _model_record(folder: Path) -> dict[str, Any]:
    card = Card.read(folder)
    return {"calculator": card.calculator, "table": card.table, "files": files_of(folder)}


def files_of(folder: Path) -> dict[str, str]:
    """SHA-256 of a model's or a surrogate's files by their names."""
    return {name: sha256(folder / name) for name in FILES if (folder / name).is_file()}


def settings_record(settings: Settings) -> dict[str, Any]:
    """Settings as JSON values; an infinite temperature is null."""
    record = asdict(settings)
    record["temperatures"] = [None if np.isinf(t) else t for t in settings.temperatures]
    return record


def settings_of(header: dict[str, Any]) -> Settings:
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
        return Settings(selection=selection, temperatures=temperatures, **record)
    except (KeyError, TypeError) as error:
        raise InputError(f"the manifest's settings are damaged: {error}") from error


def claim_screen(output: Path) -> None:
    """Make sure that a screen can begin in a folder: it is empty, or holds what one left that never began.

    Raises
    ------
    InputError
        If anything else is in it, or it cannot be written.
    """
    present = sorted(path.name for path in output.iterdir())
    begun = [name for name in present if name.startswith(f".{SECOND}-")]
    foreign = [name for name in present if name not in (LOCK, MODELS, SECOND, SURROGATE, *begun)]
    if "manifest.jsonl" in foreign:
        raise InputError(f"{output}: holds a screen already; go on with it by --resume, or name another folder")
    if foreign:
        raise InputError(f"{output}: the output folder is not empty ({foreign[0]}, ...); name another with --output")
    try:
        for name in (MODELS, SECOND, SURROGATE, *begun):
            shutil.rmtree(output / name, ignore_errors=True)
        (output / MODELS).mkdir()
    except OSError as error:
        raise InputError(f"{output}: the output folder cannot be written: {error.strerror}") from error


def copy_models(source: Path, output: Path) -> None:
    """Copy models and surrogate of one screen's folder into another's."""
    for folder in sorted((source / MODELS).iterdir()):
        _copy(folder, output / MODELS / folder.name)
    for name in (SECOND, SURROGATE):
        if (source / name).is_dir():
            _copy(source / name, output / name)


def _copy(source: Path, target: Path) -> None:
    with atomic_folder(target) as temporary:
        for name in FILES:
            if (source / name).is_file():
                shutil.copyfile(source / name, temporary / name)


def same_versions(header: dict[str, Any], path: Path) -> None:
    """Refuse to compute for a screen with packages of other versions than it was begun with."""
    now, then = versions(), header["versions"]
    for name in BYTE_VERSIONS:
        if now.get(name) != then.get(name):
            raise InputError(
                f"{path}: was begun with {name} {then.get(name)}, this is {now.get(name)}, which may round "
                "otherwise; go on with the former, or start anew in another folder"
            )


def _check_files(folder: Path, known: dict[str, str]) -> None:
    for name, digest in known.items():
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: is missing; copy it again from where the screen was begun")
        if sha256(folder / name) != digest:
            raise InputError(f"{folder / name}: is not the file that the screen was begun with; restore it")
