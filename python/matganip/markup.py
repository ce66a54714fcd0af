"""Small tables as HTML, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape


def rows_html(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, align: str = "", title: str = "", note: str = ""
) -> str:
    """A table with headings.

    Parameters
    ----------
    columns : sequence of str
        Headings.
    rows : sequence of sequence of str
        The cells.
    align : str
        One letter a column: ``r`` is right, all else left.
    title, note : str
        What stands above and below it.

    Examples
    --------
    >>> '<td style="text-align:right">1 &lt; 2</td>' in rows_html(["n"], [["1 < 2"]], align="r")
    True
    """
    sides = ["right" if letter == "r" else "left" for letter in align or "l" * len(columns)]
    head = "".join(f'<th style="text-align:{s}">{escape(c)}</th>' for s, c in zip(sides, columns, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f'<td style="text-align:{s}">{escape(c)}</td>' for s, c in zip(sides, row, strict=True))
        + "</tr>"
        for row in rows
    )
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    below = sentence_html(note) if note else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def facts_html(title: str, facts: Mapping[str, object]) -> str:
    """A heading and what is known, a line each; numbers that are whole with their thousands apart.

    Examples
    --------
    >>> "<td style='text-align:left'>134,596</td>" in facts_html("A space", {"arrangements": 134596})
    True
    """
    left = " style='text-align:left'"
    lines = "".join(
        f"<tr><th{left}>{escape(name)}</th><td{left}>{escape(_told(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<p><b>{escape(title)}</b></p><table><tbody>{lines}</tbody></table>"


def sentence_html(sentence: str) -> str:
    """A paragraph."""
    return f"<p>{escape(sentence)}</p>"


def _told(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
