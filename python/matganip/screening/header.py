"""What the first line of a manifest holds, checked when it is read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from matganip.errors import InputError

MOST_SHARDS = 1_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Space(_Strict):
    key: str
    made_from: dict[str, Any]


class _Files(_Strict):
    files: dict[str, str]


class _Surrogate(_Files):
    bound_eV: float  # noqa: N815


class _Settings(_Strict):
    selection: dict[str, Any]
    n_shards: Annotated[int, Field(ge=1, le=MOST_SHARDS)]
    temperatures: list[float | None]
    bin_width: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    keep: str
    batch_size: Annotated[int, Field(ge=1, le=2**24)]


class _Header(_Strict):
    versions: dict[str, str]
    space: _Space
    models: Annotated[list[_Files], Field(min_length=1)]
    second: _Files | None
    surrogate: _Surrogate | None
    settings: _Settings
    part: Annotated[list[Annotated[int, Field(ge=0, le=MOST_SHARDS)]], Field(min_length=2, max_length=2)]


def check_header(header: dict[str, Any]) -> None:
    """Refuse a header that lacks something, or has it of another type or out of range.

    Raises
    ------
    InputError
        Names the key.
    """
    try:
        k, n = _Header.model_validate(header).part
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if not k < n:
        raise InputError(f"part: {k} of {n}")
