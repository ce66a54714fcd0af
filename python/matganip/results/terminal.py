"""Tables and sentences on a terminal, by rich."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from matganip.results.content import Table


def print_table(console: Console, table: Table) -> None:
    """Print a table. No cell is ever cut: a table that has no room is printed wider than the terminal."""
    from rich import box
    from rich.padding import Padding
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        show_header=any(table.columns),
        header_style="bold",
        padding=(0, 2, 0, 0),
    )
    for column, letter in zip(table.columns, table.alignment, strict=True):
        drawn.add_column(
            Text(column), justify="right" if letter == "r" else "left", no_wrap=letter != "w", overflow="fold"
        )
    for row in table.rows:
        drawn.add_row(*(Text(cell) for cell in row))
    if table.title:
        print_sentence(console, table.title, style="bold")
        console.print()
    needed = 2 + sum(_width(table, column) + 3 for column in range(len(table.columns)))
    width = console.width
    try:
        console.width = max(width, needed)  # rich would crop: a number without its end is a wrong number
        console.print(Padding(drawn, (0, 0, 0, 2), expand=False), crop=False, soft_wrap=needed > width)
    finally:
        console.width = width
    if table.note:
        print_sentence(console, table.note, style="dim")
    console.print()


def _width(table: Table, column: int) -> int:
    """Columns that a column needs at least: its widest cell, or where it may wrap its longest word."""
    from rich.cells import cell_len

    cells = [table.columns[column], *(row[column] for row in table.rows)]
    parts = [word for cell in cells for word in cell.split()] if table.alignment[column] == "w" else cells
    return max((cell_len(part) for part in parts), default=0)


def print_sentence(console: Console, sentence: str, style: str = "", indent: str = "  ") -> None:
    """Print a sentence, wrapped and indented as the tables are; a number that is longer than a line stays on one."""
    from rich.text import Text

    filled = textwrap.fill(
        sentence,
        console.width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    console.print(Text(filled, style=style), crop=False, soft_wrap=True)
