"""What all settings share: each is a section of a TOML file and an argument of a call, checked the same way."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from matganip.errors import InputError

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass  # mypy does not follow `type(BaseModel)`
else:
    ModelMetaclass = type(BaseModel)


class _Complaining(ModelMetaclass):
    """Lets a constructor take fields by position too, lists for tuples, and say what is wrong as an `InputError`.

    Sections inside others are checked without it, so that a complaint about a file names the whole path of a key.
    """

    def __call__(self: Any, *values: Any, **named: Any) -> Any:
        given = {**dict(zip(self.model_fields, values, strict=False)), **named}
        try:
            return type.__call__(self, **{key: _tuples(value) for key, value in given.items()})
        except ValidationError as error:
            raise InputError("\n".join(complaints(error, self))) from None


class Settings(BaseModel, metaclass=_Complaining):
    """A frozen record whose keys are its fields and nothing else; nothing is coerced.

    The description of each field is its documentation; `matganip keys` prints those of a study file.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def of(cls, values: Self | Mapping[str, Any] | None = None, **changes: Any) -> Self:
        """Make settings from keywords or a mapping, as from TOML or JSON: a list stands for a tuple.

        Parameters
        ----------
        values : Settings or mapping, optional
            Keys that differ from the defaults, or settings to change.
        **changes
            Further keys.

        Returns
        -------
        Settings

        Raises
        ------
        InputError
            Names each key that is unknown or out of its range.
        """
        given = values.model_dump() if isinstance(values, BaseModel) else dict(values or {})
        return cls(**{**given, **changes})

    def replace(self, **changes: Any) -> Self:
        """The same settings with some keys changed, checked again."""
        return type(self).of(self, **changes)


def complaints(error: ValidationError, settings: type[BaseModel]) -> list[str]:
    """What is wrong with settings given in Python, one line for each key."""
    return [_complaint(one, settings) for one in error.errors(include_url=False)]


def _complaint(one: Any, settings: type[BaseModel]) -> str:
    key = ".".join(str(part) for part in one["loc"] if not isinstance(part, int) and part != "[key]")
    if one["type"] == "value_error":
        return f"{key}: {one['ctx']['error']}".removeprefix(": ")
    if one["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(key, settings.model_fields, n=1, cutoff=0.0)[0]
        return f"unknown key {key!r}; did you mean {nearest!r}?"
    return f"{key} = {one['input']!r}: {one['msg'][0].lower()}{one['msg'][1:]}"


def _tuples(value: Any) -> Any:
    return tuple(_tuples(one) for one in value) if isinstance(value, list | tuple) else value
