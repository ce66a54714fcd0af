"""Ways to damage bytes, JSON values and the arguments of a call."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np

Random = np.random.Generator
NUMBERS = (
    "nan",
    "inf",
    "-1",
    "0",
    "1e308",
    "9223372036854775808",
    "-9223372036854775809",
    "1e-320",
    "0x1F",
    "1.05",
    "٣",
)
INTEGERS = (-(2**63), -1, 0, 1, 2, 7, 255, 256, 65_535, 65_536, 10**6, 2**31 - 1, 2**31, 10**10, 2**63 - 1, 2**64)
FLOATS = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e308, 5e-324)
ANYTHING = (None, "", "x", -1, 1.5, [], {}, True, [None], "9" * 400, {"a": 1})


def of_bytes(data: bytes, random: Random) -> bytes:
    """One to three of: a bit, a byte, a piece removed, doubled, cut off, or a number replaced."""
    for _ in range(int(random.integers(1, 4))):
        data = _ONCE[int(random.integers(len(_ONCE)))](data, random)
    return data


def _bit(data: bytes, random: Random) -> bytes:
    if not data:
        return b"\0"
    at = int(random.integers(len(data)))
    return data[:at] + bytes([data[at] ^ (1 << int(random.integers(8)))]) + data[at + 1 :]


def _byte(data: bytes, random: Random) -> bytes:
    at = int(random.integers(len(data) + 1))
    return data[:at] + bytes([int(random.integers(256))]) + data[at + 1 :]


def _without(data: bytes, random: Random) -> bytes:
    first, last = _piece(data, random)
    return data[:first] + data[last:]


def _twice(data: bytes, random: Random) -> bytes:
    first, last = _piece(data, random)
    return data[:last] + data[first:]


def _cut(data: bytes, random: Random) -> bytes:
    return data[: int(random.integers(len(data) + 1))]


def _number(data: bytes, random: Random) -> bytes:
    at = int(random.integers(len(data) + 1))
    digits = b"0123456789"
    first = next((i for i in range(at, len(data)) if data[i : i + 1] in digits), None) if data else None
    if first is None:
        return _byte(data, random)
    last = next((i for i in range(first, len(data)) if data[i : i + 1] not in digits), len(data))
    return data[:first] + str(random.choice(NUMBERS)).encode() + data[last:]


def _line(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    one, other = random.integers(len(lines), size=2)
    lines[one], lines[other] = lines[other], lines[one]
    return b"\n".join(lines)


_ONCE = (_bit, _byte, _without, _twice, _cut, _number, _number, _line)


def _piece(data: bytes, random: Random) -> tuple[int, int]:
    first = int(random.integers(len(data) + 1))
    return first, min(len(data), first + int(random.integers(1, 60)))


def of_json(text: str, random: Random) -> str:
    """One value of a document replaced by another, or removed."""
    document = json.loads(text)
    places = list(_places(document))
    if not places:
        return json.dumps(random.choice(len(ANYTHING)))
    holder, key = places[int(random.integers(len(places)))]
    if random.random() < 0.15:
        del holder[key]
    else:
        holder[key] = _other(holder[key], random)
    return json.dumps(document)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found.append((value, key))
        found += _places(inner)
    return found


def _other(value: Any, random: Random) -> Any:
    if isinstance(value, bool) or random.random() < 0.3:
        return copy.deepcopy(ANYTHING[int(random.integers(len(ANYTHING)))])
    if isinstance(value, int):
        return INTEGERS[int(random.integers(len(INTEGERS)))]
    if isinstance(value, float):
        return [*FLOATS, value + 1.5, 2.0**63, value * (1 + 1e-3)][int(random.integers(len(FLOATS) + 3))]
    if isinstance(value, str):
        return of_bytes(value.encode(), random).decode(errors="replace")
    return copy.deepcopy(ANYTHING[int(random.integers(len(ANYTHING)))])


def of_arguments(values: Any, random: Random, limits: dict[str, int], name: str = "") -> Any:
    """A copy of nested arguments in which one leaf, or one container, is another."""
    if isinstance(values, dict | list | tuple) and values and random.random() < 0.9:
        keys = list(values) if isinstance(values, dict) else list(range(len(values)))
        key = keys[int(random.integers(len(keys)))]
        inner = of_arguments(values[key], random, limits, key if isinstance(key, str) else name)
        if isinstance(values, dict):
            return {**values, key: inner}
        return type(values)([*values[:key], inner, *values[key + 1 :]])
    return _argument(values, random, limits.get(name))


def _argument(value: Any, random: Random, limit: int | None) -> Any:
    if isinstance(value, np.ndarray) and random.random() < 0.9:
        return _array(value, random)
    if isinstance(value, bool) or random.random() < 0.1:
        return copy.deepcopy(ANYTHING[int(random.integers(len(ANYTHING)))])
    if isinstance(value, int):
        allowed = [one for one in INTEGERS if limit is None or one <= limit or one > 2**63]
        return allowed[int(random.integers(len(allowed)))]
    if isinstance(value, float):
        return FLOATS[int(random.integers(len(FLOATS)))]
    if isinstance(value, list | tuple):
        return type(value)([*value, *value][: int(random.integers(2 * len(value) + 1))])
    if isinstance(value, dict) and value:
        gone = list(value)[int(random.integers(len(value)))]
        return {key: one for key, one in value.items() if key != gone}
    return copy.deepcopy(ANYTHING[int(random.integers(len(ANYTHING)))])


def _array(array: np.ndarray, random: Random) -> Any:
    kind = int(random.integers(9))
    if kind <= 2 and array.size:
        changed = array.copy()
        where = slice(None) if kind == 2 else int(random.integers(array.size))
        changed.reshape(-1)[where] = _entry(array.dtype, random)
        return changed
    if kind == 3 and array.ndim:
        return np.ascontiguousarray(array[: int(random.integers(len(array) + 1))])
    if kind == 4 and array.ndim > 1:
        return np.ascontiguousarray(array[..., : int(random.integers(array.shape[-1] + 1))])
    if kind == 5:
        return np.zeros((0,) * array.ndim, array.dtype)
    if kind == 6:
        return array.astype(str(random.choice(["int8", "float32", "float64", "int64", "uint16", "complex128", "O"])))
    if kind == 7:
        return array[..., ::-1] if array.ndim else array[None]
    return np.concatenate([array, array]) if array.ndim else array[None]


def _entry(dtype: np.dtype, random: Random) -> Any:
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return [limits.min, limits.max, 0, 1, limits.max // 2, min(limits.max, 60_000)][int(random.integers(6))]
    if dtype.kind == "f":
        return dtype.type(FLOATS[int(random.integers(5))])
    return np.zeros(1, dtype)[0]
