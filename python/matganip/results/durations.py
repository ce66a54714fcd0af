"""Seconds as people say them."""

from __future__ import annotations

_UNITS = (("years", 31_557_600.0), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0))


def duration(seconds: float) -> str:
    """A time in the largest unit of which there are two.

    >>> duration(7.25), duration(400), duration(4e9)
    ('7.2 s', '6.67 minutes', '127 years')
    """
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:,.3g} {unit}"
    return f"{seconds:.2g} s"
