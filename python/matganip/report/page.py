"""The HTML report: one file with everything inside, so that it can be mailed and opened without a network."""

from __future__ import annotations

import base64
from importlib import resources
from pathlib import Path

from matganip.errors import require
from matganip.files import atomic_path
from matganip.results.content import Report


def write_page(report: Report, path: Path) -> None:
    """Write a report as one HTML file, its pictures embedded.

    Parameters
    ----------
    report : Report
        What to show.
    path : pathlib.Path
        The HTML file, written by `atomic_path`.

    Raises
    ------
    MissingExtraError
        If jinja2, or plotly where there are scenes, is not installed.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(page(report), encoding="utf-8")


def page(report: Report) -> str:
    """Return the HTML text of a report."""
    jinja2 = require("jinja2", "report")
    source = resources.files("matganip.report").joinpath("templates/report.html.j2").read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["embedded"] = _embedded
    library = _plotly() if any(section.scenes for section in report.sections) else None
    text: str = environment.from_string(source).render(report=report, library=library)
    return text


def _plotly() -> str:
    """plotly.js itself, so that scenes turn without a network."""
    library: str = require("plotly.offline", "report").get_plotlyjs()
    return library


def _embedded(picture: Path) -> str:
    """The picture itself as a data URI (RFC 2397)."""
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
