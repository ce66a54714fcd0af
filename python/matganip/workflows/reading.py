"""Reading a study file: TOML in, a checked `Study` out, and every mistake on one line of its own."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from matganip.errors import InputError, mistakes
from matganip.files import read_text
from matganip.workflows.schema import Study

M = TypeVar("M", bound=BaseModel)


def read_study(path: str | os.PathLike[str], *, seed: int | None = None) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    path : path-like
        A TOML file; its keys are those of `matganip.workflows.schema.Study`.
    seed : int, optional
        In place of the study's own.

    Returns
    -------
    Study
        The study, frozen. Relative paths in it are as written: relative to the study file.

    Raises
    ------
    InputError
        As `read_toml`.
    """
    study = read_toml(path, Study)
    return study if seed is None else study.model_copy(update={"seed": seed})


def read_toml(path: str | os.PathLike[str], model: type[M]) -> M:
    """Read a TOML file whose keys are the fields of a model.

    Parameters
    ----------
    path : path-like
        The file.
    model : type
        The settings that it holds.

    Returns
    -------
    model
        The checked settings, frozen.

    Raises
    ------
    InputError
        If the file is missing or no TOML, if a key is unknown (the nearest known key is named), missing or
        of a wrong type. Each mistake is one line that starts with the dotted path of the key, under the file's name.
    """
    return checked(toml_data(path), model, name=str(path))


def toml_data(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file as nested dictionaries; an `InputError` names it if that is impossible."""
    try:
        return tomllib.loads(read_text(Path(path)))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error


def study_from(data: dict[str, Any], name: str = "study") -> Study:
    """Check a study given as nested dictionaries, as `tomllib` or `json` gives them.

    Parameters
    ----------
    data : dict
        The study's keys.
    name : str
        What to call the study in error messages, usually its file.

    Raises
    ------
    InputError
        As `read_study`.

    Examples
    --------
    >>> study_from({"name": "x", "sed": 1}, name="x.toml")
    Traceback (most recent call last):
        ...
    matganip.errors.InputError: x.toml: 3 mistakes
      sed: unknown key; the nearest known key is seed
      parent: missing (The undoped crystal.)
      labels: missing (Labels and splits.)
    """
    return checked(data, Study, name)


def checked(data: dict[str, Any], model: type[M], name: str) -> M:
    """Check nested dictionaries against a model; an `InputError` has one line for each key that is wrong."""
    try:
        # In JSON mode a list is a tuple's and a string a path's proper form; all else is strict.
        return model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        complaints = _complaints(error.errors(include_url=False), data, dict(known_keys(model)))
        raise InputError(mistakes(name, complaints)) from None


def known_keys(section: type[BaseModel] = Study, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the study file as (dotted path, pydantic field), sections before what is in them."""
    for key, field in section.model_fields.items():
        yield prefix + key, field
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from known_keys(kind, f"{prefix}{key}.")


def _complaints(errors: list[ErrorDetails], data: dict[str, Any], known: dict[str, Any]) -> list[str]:
    """One line for each key; what the members of a union say about one key is joined by "or".

    An unknown key often leaves a required one missing (a misspelling): unknown ones come first.
    """
    found: dict[str, list[ErrorDetails]] = {}
    for error in sorted(errors, key=lambda error: error["type"] != "extra_forbidden"):
        found.setdefault(_dotted(error["loc"], data), []).append(error)
    return [f"{key}: {_complaint(key, about, known)}" for key, about in found.items()]


def _complaint(key: str, errors: list[ErrorDetails], known: dict[str, Any]) -> str:
    kind = errors[0]["type"]
    if kind == "extra_forbidden":
        return f"unknown key; {_nearest(key, known)}"
    if kind == "missing":
        return f"missing ({_description(known[key])}.)"
    if kind == "value_error":
        return str(errors[0]["ctx"]["error"])
    wanted = " or ".join(dict.fromkeys(_wanted(error) for error in errors))
    return f"should be {wanted}, not {json.dumps(errors[0]['input'], default=str)}"


_WANTED = {
    "dict_type": "a table",
    "model_type": "a table",
    "tuple_type": "a list",
    "float_type": "a number",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "string_type": "a text in quotes",
    "path_type": "a text in quotes",
    "too_short": "longer: at least {min_length} entries",
    "too_long": "shorter: at most {max_length} entries",
    "string_too_short": "a text of at least {min_length} characters",
    "greater_than": "a number greater than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
}


def _wanted(error: ErrorDetails) -> str:
    """What pydantic asked for, in a TOML writer's words."""
    template = _WANTED.get(error["type"], error["msg"].replace("{", "{{").replace("}", "}}"))
    return template.format(**error.get("ctx", {}))


def _description(field: Any) -> str:
    """The first sentence of what a key is for."""
    return str(field.description).split(". ")[0].rstrip(".")


def _dotted(loc: tuple[int | str, ...], data: Any) -> str:
    """``screen.train``, ``two_theta_range[1]``: only what stands in the file, and a missing last part."""
    path = ""
    for part in loc:
        known = isinstance(data, dict | list) and (part in data if isinstance(data, dict) else part in range(len(data)))
        if part == "[key]" or (not known and not isinstance(data, dict)):
            break  # pydantic's word for the key itself, or a union's member, "str" or "float": not the user's
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
        data = data[part] if known else None
    return path


ALIKE = 0.6
"""How alike names are, of 1, from which on one may be meant for the other."""


def _nearest(key: str, known: Collection[str]) -> str:
    """The known key most like this one, of equally like ones that of the same section; those of its section if none."""
    section, _, name = key.rpartition(".")

    def likeness(candidate: str) -> tuple[float, bool]:
        there, _, last = candidate.rpartition(".")
        return difflib.SequenceMatcher(None, name.lower(), last.lower()).ratio(), there == section

    nearest = max(known, key=likeness)
    if likeness(nearest)[0] >= ALIKE:
        return f"the nearest known key is {nearest}"
    beside = [one.rpartition(".")[2] for one in known if one.rpartition(".")[0] == section]
    return f"{f'[{section}] has' if section else 'a file has'} {', '.join(beside)}"
