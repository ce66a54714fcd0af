"""Values of a data block by their names, however these are spelt."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from matganip.errors import InputError

UNKNOWN = (None, "", ".", "?")


class CifTable:
    """Items of a data block.

    Parameters
    ----------
    values : mapping
        Name -> text, or list of texts of a loop. Names do not depend on case, nor on
        whether a category ends in a dot.

    Examples
    --------
    >>> table = CifTable({"_Cell_length_A": "4.05(1)", "_atom_site.label": ["Al1"]})
    >>> table.number("_cell_length_a"), table.column("_atom_site_label")
    (4.05, ['Al1'])
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = {name.lower().replace(".", "_").rstrip("_"): value for name, value in values.items()}

    @property
    def names(self) -> list[str]:
        """All names, in lower case."""
        return list(self._values)

    def text(self, name: str) -> str | None:
        """A single value; None where there is none."""
        value = self._values.get(name.lower())
        if isinstance(value, list):
            value = value[0] if len(value) == 1 else None
        return None if value in UNKNOWN else str(value)

    def first(self, *names: str) -> str | None:
        """The first single value that there is; None where there is none."""
        return next((value for name in names if (value := self.text(name)) is not None), None)

    def number(self, name: str) -> float | None:
        """A single number without its uncertainty; None where there is none."""
        return number_of(self.text(name), name)

    def column(self, *names: str) -> list[str | None] | None:
        """A column of a loop, by the first of several names that is there; unknown values are None."""
        for name in names:
            value = self._values.get(name.lower())
            if value is not None:
                rows = value if isinstance(value, list) else [value]
                return [None if entry in UNKNOWN else str(entry) for entry in rows]
        return None

    def question_marks(self, *names: str) -> list[int]:
        """Rows of a column that are ``?``: a value that exists and is not known; a ``.`` is the default."""
        values: Any = next((self._values[name] for name in names if name in self._values), [])
        return [row for row, value in enumerate(values) if value == "?"] if isinstance(values, list) else []

    def numbers(self, *names: str) -> list[float | None] | None:
        """A column of numbers, as `column`."""
        texts = self.column(*names)
        return None if texts is None else [number_of(text, names[0]) for text in texts]


def number_of(text: str | None, name: str) -> float | None:
    """A number without its uncertainty: ``"0.3207(3)"``, ``"1/3"``.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> number_of("0.3207(3)", "x"), number_of(None, "x")
    (0.3207, None)
    """
    if text is None:
        return None
    bare = re.sub(r"\(.*$", "", text.strip())
    try:
        top, _, bottom = bare.partition("/")
        value = float(top) / float(bottom) if bottom else float(bare)
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{name}: {text!r} is no number") from None
    if not math.isfinite(value):
        raise InputError(f"{name}: {text!r} is no number")
    return value
