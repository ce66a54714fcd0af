"""What every result can do: JSON values, a data frame, tables, a figure, and itself in a notebook or terminal."""

from __future__ import annotations

import io
import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.markup import sentence_html
from matganip.results.html import figure_html, table_html
from matganip.results.terminal import print_sentence, print_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.plots.style import Place
    from matganip.results.content import Table


class Result(ABC):
    """A result of a public call; the command line prints what `tables`, `sentences` and `to_dict` give."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The result as JSON values; what ``--json`` prints. Exact integers of any size, no nan."""

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """The rows of the result as a pandas data frame, units in the names of the columns."""

    @abstractmethod
    def tables(self) -> tuple[Table, ...]:
        """What a person reads: in the terminal, in a notebook and in a report alike."""

    def sentences(self) -> tuple[str, ...]:
        """What must be known of the numbers, below the tables."""
        return ()

    def plot(self, ax: Place = None) -> Axes | None:
        """Draw the figure into an Axes or a figure, a new one by default; None where there is nothing to draw."""
        del ax
        return None

    def save_figure(self, path: str | Path) -> None:
        """Write the figure of `plot` as a PNG, PDF or SVG file; nothing where there is no figure."""
        from matganip.plots.style import off_screen, save_figure

        drawn = self.plot(off_screen())
        if drawn is not None:
            save_figure(drawn, path)

    def __str__(self) -> str:
        from rich.console import Console

        text = io.StringIO()
        console = Console(file=text, width=100, highlight=False, no_color=True)
        print_result(console, self)
        return text.getvalue().strip("\n")

    def _repr_html_(self) -> str:
        parts = [table_html(table) for table in self.tables()] + [sentence_html(text) for text in self.sentences()]
        return "\n".join([*parts, figure_html(self.plot)])


def print_result(console: Any, result: Result) -> None:
    """Print the tables and sentences of a result on a rich console: the one renderer for the terminal."""
    for table in result.tables():
        print_table(console, table)
    for sentence in result.sentences():
        print_sentence(console, sentence)


def or_null(value: Any) -> Any:
    """A value as JSON has it: None in place of nan and infinities, which it has not."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
