"""Reading a study file: TOML in, a checked `Study` out, and every mistake on one line of its own."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from matganip.errors import InputError
from matganip.workflows.schema import Study


def read_study(path: str | os.PathLike[str]) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    path : path-like
        A TOML file; its keys are those of `matganip.workflows.schema.Study`.

    Returns
    -------
    Study
        The study, frozen. Relative paths in it are as written: relative to the study file.

    Raises
    ------
    InputError
        If the file is missing or no TOML, if a key is unknown (the nearest known key is named), missing or
        of a wrong type. Each mistake is one line that starts with the file and the dotted path of the key.
    """
    text = _text(Path(path))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}") from error
    return study_from(data, name=str(path))


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
    matganip.errors.InputError: x.toml: sed: unknown key; the nearest known key is seed
    x.toml: parent: missing (The undoped crystal.)
    x.toml: substitutions: missing (For each sublattice, how many of its sites each species takes.)
    x.toml: labels: missing (Labels and splits.)
    """
    try:
        # In JSON mode a list is a tuple's and a string a path's proper form; all else is strict.
        return Study.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        complaints = _complaints(error.errors(include_url=False), data)
        raise InputError("\n".join(f"{name}: {line}" for line in complaints)) from None


def known_keys(section: type[BaseModel] = Study, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the study file as (dotted path, pydantic field), sections before what is in them."""
    for key, field in section.model_fields.items():
        yield prefix + key, field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from known_keys(field.annotation, f"{prefix}{key}.")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such study file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}") from error


def _complaints(errors: list[ErrorDetails], data: dict[str, Any]) -> list[str]:
    """One line for each key; what the members of a union say about one key is joined by "or".

    An unknown key often leaves a required one missing (a misspelling): unknown ones come first.
    """
    found: dict[str, list[ErrorDetails]] = {}
    for error in sorted(errors, key=lambda error: error["type"] != "extra_forbidden"):
        found.setdefault(_dotted(error["loc"], data), []).append(error)
    return [f"{key}: {_complaint(key, about)}" for key, about in found.items()]


def _complaint(key: str, errors: list[ErrorDetails]) -> str:
    kind = errors[0]["type"]
    if kind == "extra_forbidden":
        return f"unknown key; the nearest known key is {_nearest(key)}"
    if kind == "missing":
        return f"missing ({_description(key)}.)"
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


def _description(key: str) -> str:
    """The first sentence of what a key is for."""
    return str(dict(known_keys())[key].description).split(". ")[0].rstrip(".")


def _dotted(loc: tuple[int | str, ...], data: Any) -> str:
    """``screen.train``, ``two_theta_range[1]``: only what stands in the file, and a missing last part."""
    path = ""
    for part in loc:
        known = isinstance(data, dict | list) and (part in data if isinstance(data, dict) else part in range(len(data)))
        if not known and not isinstance(data, dict):
            break  # a union's member, "str" or "float": pydantic's word, not the user's
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
        data = data[part] if known else None
    return path


def _nearest(key: str) -> str:
    """The known key most like this one; of equally like ones that of the same section."""
    section, _, name = key.rpartition(".")

    def likeness(candidate: str) -> tuple[float, bool]:
        there, _, known = candidate.rpartition(".")
        return difflib.SequenceMatcher(None, name.lower(), known.lower()).ratio(), there == section

    return max((path for path, _ in known_keys()), key=likeness)
