"""One folder for each orbit: its name, and the small JSON file in it that says which orbit it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.composition import element_of
from matganip.configurations.space import ConfigurationSpace
from matganip.errors import InputError
from matganip.files import atomic_path
from matganip.labels.calculation import Relaxation
from matganip.labels.dft.settings import Code
from matganip.labels.rows import codes_of

ORBIT_FILE = "orbit.json"
"""In every folder: which orbit it is for."""

BATCH_FILE = "dft.json"
"""In the folder above: all that was asked for."""


@dataclass(frozen=True)
class OrbitNote:
    """The content of `ORBIT_FILE`: the orbit of its folder.

    Attributes
    ----------
    space : ConfigurationSpace
        Rebuilt from the file: it suffices, wherever the folder is.
    orbit : str
        The canonical occupation, as a label database names it: "o" and one digit a site.
    multiplicity : int
        Size of the orbit.
    code : str
        Of the program.
    relaxation : str
        What may move.
    settings : dict
        What was asked for, see `DftSettings.asked`.
    """

    space: ConfigurationSpace
    orbit: str
    multiplicity: int
    code: str
    relaxation: Relaxation
    settings: dict[str, Any]

    @property
    def occupation(self) -> NDArray[np.uint8]:
        """(n_sites,): the orbit's codes."""
        return codes_of(self.orbit)

    def as_dict(self) -> dict[str, Any]:
        """The content of the file."""
        return {
            "space": self.space.key,
            "orbit": self.orbit,
            "multiplicity": self.multiplicity,
            "code": self.code,
            "relaxation": self.relaxation,
            "settings": self.settings,
            "definition": self.space.to_dict(),
        }


def folder_name(space: ConfigurationSpace, orbit: str, multiplicity: int) -> str:
    """What the folder of an orbit is called: composition, occupation (a hash if it is long), multiplicity.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 1, 1), {"I": {"Br": 1}})
    >>> folder_name(space, "o000001", 4)
    'Cs2Pb2Br1I5-o000001-x4'
    """
    atoms: dict[str, int] = {}
    frame = space.supercell_structure
    substituted = set(space.site_indices.tolist())
    for site in range(len(frame)):
        if site not in substituted:
            atoms[element_of(frame, site)] = atoms.get(element_of(frame, site), 0) + 1
    for species, counts in zip(space.species, space.counts, strict=True):
        for name, count in zip(species, counts, strict=True):
            if count:
                atoms[name] = atoms.get(name, 0) + count
    formula = "".join(f"{name}{count}" for name, count in atoms.items())
    if len(orbit) > 65:
        orbit = f"h{hashlib.sha256(orbit.encode()).hexdigest()[:16]}"
    return f"{formula}-{orbit}-x{multiplicity}"


class Notes:
    """Reads `ORBIT_FILE`s; each space is made once."""

    def __init__(self) -> None:
        self.spaces: dict[str, ConfigurationSpace] = {}

    def read(self, path: Path) -> OrbitNote:
        """Read one.

        Raises
        ------
        InputError
            If it is no such file, or damaged; the message names it.
        """
        data = read_json(path)
        try:
            code, relaxation, settings = _kind(data)
            space = self.space(data["definition"], data["space"])
            orbit, multiplicity = str(data["orbit"]), int(data["multiplicity"])
            space.checked_occupations(codes_of(orbit)[np.newaxis])
            return OrbitNote(space, orbit, multiplicity, code, relaxation, settings)
        except (KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, InputError) else f"it lacks {error}, or that is of a wrong type"
            raise InputError(f"{path}: is damaged: {reason}") from error

    def space(self, definition: Mapping[str, Any], key: str) -> ConfigurationSpace:
        """The space of that key."""
        if key not in self.spaces:
            self.spaces[key] = ConfigurationSpace.from_dict(definition, key)
        return self.spaces[key]


@dataclass
class BatchNote:
    """The content of `BATCH_FILE`: all that was ever asked for in this folder.

    Attributes
    ----------
    code, relaxation, settings
        As in `OrbitNote`; one folder holds runs of one kind.
    spaces : dict of str to dict
        By key: definition and the orbits with their multiplicities.
    """

    code: str
    relaxation: Relaxation
    settings: dict[str, Any]
    spaces: dict[str, dict[str, Any]]

    def add(self, space: ConfigurationSpace, orbits: Mapping[str, int]) -> None:
        """Ask for more orbits."""
        there = self.spaces.setdefault(space.key, {"definition": space.to_dict(), "orbits": {}})
        there["orbits"].update(orbits)

    def write(self, folder: Path) -> bool:
        """Write the file, unless it says this already; whether it was written."""
        return write_if_new(folder / BATCH_FILE, json.dumps(vars(self), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> BatchNote:
        """Read the file; an `InputError` names what is wrong with it."""
        data = read_json(path)
        try:
            return cls(*_kind(data), dict(data["spaces"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: is damaged: it lacks {error}, or that is of a wrong type") from error


def _kind(data: Mapping[str, Any]) -> tuple[str, Relaxation, dict[str, Any]]:
    """Code, relaxation and settings, with all that the checks of an output need; a `KeyError` names what is missing."""
    code, relaxation, settings = data["code"], data["relaxation"], data["settings"]
    if code not in get_args(Code):
        raise KeyError("code")
    if relaxation not in get_args(Relaxation):
        raise KeyError("relaxation")
    needed = ["kpoints"] if code == "vasp" else ["kpoints", "encut"]
    lacking = [key for key in needed if key not in settings]
    if code == "vasp":
        keys = ["EDIFF_PER_ATOM"] if relaxation == "static" else ["EDIFF_PER_ATOM", "EDIFFG"]
        lacking += [key for key in keys if key not in settings["incar"]]
    if lacking:
        raise KeyError(*lacking)
    return code, relaxation, dict(settings)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON table from a file, or an `InputError` that names it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: does not hold a JSON object")
    return data


def write_if_new(path: Path, text: str, mode: int | None = None) -> bool:
    """Write a file unless it has this content; whether it was written."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    if mode is not None:
        path.chmod(mode)
    return True


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder below and its files, in order of their names; hidden ones and loops of links are left out."""

    def refuse(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}") from error

    seen: set[tuple[int, int]] = set()
    for folder, below, names in os.walk(root, onerror=refuse, followlinks=True):
        status = os.stat(folder)  # noqa: PTH116 # as os.walk gives them
        if (status.st_dev, status.st_ino) in seen:
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield Path(folder), sorted(names)
