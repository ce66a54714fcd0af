"""What a report is made of: the terminal and the HTML page show the same tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Table:
    """A small table of text.

    Parameters
    ----------
    title : str
        What it shows; for a number from a calculator, which one.
    columns : tuple of str
        Headings. The units stand here.
    rows : tuple of tuple of str
        The cells, already formatted.
    align : str
        One letter a column: ``l`` left, ``r`` right, ``w`` left and wrapped where there is no room.
    note : str
        A sentence below the table: what the numbers do not say.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        wrong = [row for row in self.rows if len(row) != len(self.columns)]
        if wrong or len(self.align) not in (0, len(self.columns)):
            raise ValueError(f"table {self.title!r}: {len(self.columns)} columns, but a row is {wrong[:1]}")

    @property
    def alignment(self) -> str:
        """One letter a column, left by default."""
        return self.align or "l" * len(self.columns)


@dataclass(frozen=True)
class Picture:
    """A PNG file and the words below it."""

    path: Path
    caption: str


@dataclass(frozen=True)
class Scene:
    """Something to turn with the mouse: a piece of HTML by plotly, without plotly itself, and the words below it."""

    html: str
    caption: str


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, tables, scenes and pictures, shown in this order."""

    title: str
    paragraphs: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    scenes: tuple[Scene, ...] = ()


@dataclass(frozen=True)
class Report:
    """A page: a title, the few numbers that matter (value, what it is), sections, where it came from."""

    title: str
    subtitle: str
    headline: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
    provenance: tuple[tuple[str, str], ...] = field(default=())
