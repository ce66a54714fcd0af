"""The HTML report: one file with everything inside, so that it can be mailed and opened without a network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from matganip.errors import require
from matganip.files import atomic_path
from matganip.results.content import Report, Section

LIMITS = (
    "A prediction is as good as the model: its error on arrangements that it has not seen means something only beside "
    "that of the mean baseline. Arrangements whose predictions differ by less than that error cannot be ranked.",
    "The model stands for the calculator that it learned from, at ideal positions. Relaxation changes energies by more "
    "than the differences between these arrangements, and the tilt system that a relaxation ends in matters.",
)


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
    source = template("report.html.j2")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["embedded"] = _embedded
    library = _plotly() if any(section.scenes for section in report.sections) else None
    text: str = environment.from_string(source).render(report=report, library=library, turning=template("scene.js"))
    return text


def template(name: str) -> str:
    """Return the text of a template, or of a script or style that pages share."""
    return resources.files("matganip.report").joinpath(f"templates/{name}").read_text("utf-8")


def covered(n_configurations: int, n_orbits: int) -> tuple[tuple[str, str], ...]:
    """Begin a headline: how many arrangements there are, and how many of them differ.

    >>> covered(134596, 603)
    (('134,596', 'arrangements'), ('603', 'distinct by symmetry, all screened'))
    """
    return ((f"{n_configurations:,}", "arrangements"), (f"{n_orbits:,}", "distinct by symmetry, all screened"))


def limits(*particular: str) -> Section:
    """Close a report: what its numbers do not show, first of this study and then of every one."""
    return Section("What this does not show", (*particular, *LIMITS))


def provenance(
    command: Sequence[str], versions: Mapping[str, object], lines: Mapping[str, object]
) -> tuple[tuple[str, str], ...]:
    """Say where a report comes from: the command, its own lines, the versions of all programs.

    >>> provenance(["matganip", "run"], {"matganip": "0.2.0", "numpy": "2.1"}, {"seed": 0})
    (('command', 'matganip run'), ('seed', '0'), ('versions', 'matganip 0.2.0, numpy 2.1'))
    """
    return (
        ("command", " ".join(command) or "a Python call"),
        *((name, str(value)) for name, value in lines.items()),
        ("versions", ", ".join(f"{name} {number}" for name, number in versions.items())),
    )


def _plotly() -> str:
    """plotly.js itself, so that scenes turn without a network."""
    library: str = require("plotly.offline", "report").get_plotlyjs()
    return library


def _embedded(picture: Path) -> str:
    """The picture itself as a data URI (RFC 2397)."""
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
