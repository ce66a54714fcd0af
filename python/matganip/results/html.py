"""Tables and figures of results as pieces of HTML, for notebooks."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from matganip.markup import rows_html

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from matganip.results.content import Table


def table_html(table: Table) -> str:
    """A table; right-aligned columns stay so."""
    return rows_html(table.columns, table.rows, align=table.alignment, title=table.title, note=table.note)


def figure_html(plot: Callable[[Figure], Axes | None]) -> str:
    """What a plot function draws, as an image inside the page; nothing without matplotlib or without a figure.

    Parameters
    ----------
    plot : callable
        Takes a figure, gives it its size and returns the Axes, or None if there is nothing to draw.
    """
    if find_spec("matplotlib") is None:
        return ""
    from matganip.plots.style import house_style, off_screen

    figure = off_screen()  # not pyplot's: a notebook would show the figure a second time
    if plot(figure) is None:
        return ""
    image = io.BytesIO()
    with house_style():
        figure.savefig(image, format="png", dpi=120)
    return f'<img src="data:image/png;base64,{base64.b64encode(image.getvalue()).decode()}" alt="figure">'
