"""The reference of the study file, made from the schema, so that it cannot be out of date."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from matganip.configurations.notation import Supercell
from matganip.workflows.reading import known_keys


@dataclass(frozen=True)
class Key:
    """One key: its dotted path, what may stand there, what stands there by default, and what it is for."""

    key: str
    type: str
    default: str
    description: str


def reference() -> list[Key]:
    """Every key of the study file that takes a value, in the order of the schema."""
    return list(_keys())


def markdown() -> str:
    """The reference as the Markdown table that `docs/study.md` holds."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in _keys():
        kind = key.type.replace("|", "\\|")
        default = f"`{key.default}`" if key.default not in ("", "required") else key.default
        lines.append(f"| `{key.key}` | {kind} | {default} | {key.description} |")
    return "\n".join(lines)


def _keys() -> Iterator[Key]:
    for path, field in known_keys():
        sections = () if get_origin(field.annotation) in (list, tuple) else get_args(field.annotation)
        kinds = (field.annotation, *sections)
        if any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in kinds):
            continue
        yield Key(path, _type(field.annotation), _default(field), field.description or "")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    return "" if field.default is None else json.dumps(field.default, default=str)


_NAMES = {"str": "text", "int": "integer", "float": "number", "bool": "true or false", "Path": "text"}


def _type(annotation: Any) -> str:
    """A type in a TOML writer's words."""
    if annotation == Supercell:
        return "list of three integers, or three such lists"
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return f"table of {_type(args[1])}"
    if origin is tuple:
        return "list of " + (_type(args[0]) if args[-1] is Ellipsis else f"{len(args)} {_type(args[0])}s")
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "{ " + ", ".join(annotation.model_fields) + " }"
    if hasattr(annotation, "__metadata__"):
        return _type(args[0])
    if all(isinstance(arg, str) for arg in args) and args:
        return " or ".join(f'"{arg}"' for arg in args)
    if all(isinstance(arg, int) for arg in args) and args:
        return " or ".join(map(str, args))
    if args:
        return " or ".join(dict.fromkeys(_type(arg) for arg in args if arg is not type(None)))
    return _NAMES[annotation.__name__]
