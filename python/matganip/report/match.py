"""The report of a match: the fit as crystallographers draw it, the classes, and what the data cannot tell apart."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from matganip.report.page import provenance, write_page
from matganip.results.content import Picture, Report, Section
from matganip.results.match import MatchResult
from matganip.versions import versions

MODEL_LIMITS = (
    "Atoms stand on the parent's sites: relaxed positions, absorption, roughness and strain that broadens lines by "
    "direction are not in the model.",
    "A powder pattern sees pair counts only. Arrangements with the same pair counts have one pattern, and no counting "
    "time tells them apart.",
)


def write_match_report(found: MatchResult, path: str | os.PathLike[str]) -> Path:
    """Write the report of a match as one HTML page, to be read without a network.

    Parameters
    ----------
    found : MatchResult
    path : path-like
        The page.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    InputError
        If the file cannot be written.
    MissingExtraError
        If matplotlib or jinja2 is not installed.
    """
    with TemporaryDirectory(prefix="matganip-") as folder:
        figure = Path(folder) / "fit.png"
        found.save_figure(figure)
        write_page(_report(found, figure), Path(path))
    return Path(path)


def _report(found: MatchResult, figure: Path) -> Report:
    fit = found.fit
    classes, parameters, *others = found.tables()
    caption = "Observed and calculated intensities, their difference on the same scale, and where lines stand."
    return Report(
        title=f"{found.source}: which arrangement explains it",
        subtitle=found.best.name,
        headline=(
            (f"{fit.r_wp:.2f} %", f"Rwp; counting statistics alone would leave {fit.r_exp:.2f} %"),
            (str(len(found.undecided)), "classes that the data do not tell apart"),
            (f"{found.n_orbits:,}", "orbits compared" if found.proved else "orbits found by a search"),
        ),
        sections=(
            Section("The answer", found.sentences(), (classes,)),
            Section("The fit", (), (parameters, *others), (Picture(figure, caption),)),
            Section("What this does not show", MODEL_LIMITS),
        ),
        provenance=provenance([], versions(), {"pattern": found.source}),
    )
