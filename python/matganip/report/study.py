"""The report of a study: one page with the arrangements, their diffraction, the errors, the ranking, and the limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.learning.solved import Solved
from matganip.report.page import covered, limits, provenance, write_page
from matganip.report.study_figures import draw_study_figures
from matganip.results.content import Picture, Report, Section
from matganip.results.ranking import short

if TYPE_CHECKING:
    from matganip.features.settings import DiffractionSettings
    from matganip.results.study import StudyResult


ARRANGEMENTS = (
    "Two arrangements that a symmetry operation of the parent crystal carries into each other are one "
    "structure. Such a set is an orbit; its size is its multiplicity. The numbers are exact (Burnside's "
    "lemma), and the enumeration agrees with them."
)
PEAKS = "Each orbit's peaks (2θ, I) are computed on the ideal lattice."
PATTERSON = (
    "Each orbit's Patterson function, the sums over pairs of sites by their distance (and over triplets), is computed "
    "on the ideal lattice. It is what all reflections know of the pairs; no diffractometer measures it as such."
)
CLUSTERS = (
    "The share of each species, pair and triplet of species is counted in classes of sites that symmetry relates."
)
GRAPH = (
    "They are the vertices of a graph, and its matrix a_ij = t_i t_j + I_i I_j is what the network reads. Orbits with "
    "the same ones cannot be told apart by any model on them."
)
SOLVED = (
    "The model is a function of these numbers. Orbits with the same ones cannot be told apart by any model on them."
)
LABELS = (
    "Total energies of the ideal, unrelaxed supercells. Labels are comparable only with labels of the "
    "same calculator, settings and relaxation; no number below mixes two of them."
)
ERRORS = (
    "Arrangements of one composition differ by little, so that their mean already has a small error: an "
    "error says something only beside that of the mean baseline. Symmetry copies of one orbit have the same energy "
    "and the same peaks: where they fall into both training and test set, the test shows memory and not "
    "prediction."
)
ONE_SEED = "One seed and one split each: how much the errors vary with them is not shown here."


def write_study_report(result: StudyResult, diffraction: DiffractionSettings, record: dict[str, Any]) -> Path:
    """Draw the figures of a study into its folder and write ``report.html``.

    Parameters
    ----------
    result : StudyResult
    diffraction : DiffractionSettings
        How arrangements became graphs.
    record : dict
        The provenance, shown at the end of the page.

    Returns
    -------
    pathlib.Path
        The page.
    """
    pictures = draw_study_figures(result, diffraction, result.folder / "figures")
    path = result.folder / "report.html"
    write_page(_report(result, pictures, record), path)
    return path


def _report(result: StudyResult, pictures: dict[str, Picture], record: dict[str, Any]) -> Report:
    sections = (
        Section("The arrangements", (ARRANGEMENTS,), (result.count_table(),), (pictures["winners"],)),
        Section(
            *_input(result),
            (result.graphs.table(),),
            (pictures["patterns"], pictures["graph"]),
        ),
        Section("What is learned", (LABELS,), (result.label_table(),)),
        Section(
            "How well",
            (ERRORS,),
            (result.error_table(),),
            tuple(pictures[name] for name in ("parity", "training") if name in pictures),
        ),
        Section("The ranking", result.ranking.sentences(), result.ranking.tables(), (pictures["ranking"],)),
        limits(*result.caveats(), ONE_SEED),
    )
    return Report(
        title=result.name,
        subtitle=_subtitle(result),
        headline=_headline(result),
        sections=sections,
        provenance=_provenance_lines(record),
    )


def _input(result: StudyResult) -> tuple[str, tuple[str, ...]]:
    """What the model is given of an arrangement: a title and what it is."""
    reads = SOLVED if isinstance(result.model.predictor, Solved) else GRAPH
    settings = result.model.card.diffraction
    if settings.resolution == "clusters":
        return "What the model reads", (f"{CLUSTERS} {reads}",)
    if settings.cutoff is not None:
        return "What the model reads", (f"{PATTERSON} {reads}",)
    return "What a diffractometer sees", (f"{PEAKS} {reads}",)


def _subtitle(result: StudyResult) -> str:
    judged, screened = result.labels[0], result.screened
    n_trained = int(result.ranking.trained.sum())
    kind = "model" if isinstance(result.model.predictor, Solved) else "network"
    return (
        f"{judged.space.n_configurations:,} arrangements ({judged.space.count_orbits():,} up to symmetry) learned from "
        f"{result.calculator}; {screened.n_configurations:,} arrangements ({screened.n_orbits:,} up to symmetry) "
        f"ranked by a {kind} trained on {n_trained:,} of those, labelled by {result.ranking.calculator}."
    )


def _headline(result: StudyResult) -> tuple[tuple[str, str], ...]:
    check, lowest = result.ranking.check, result.ranking.lowest
    entries = list(covered(result.screened.n_configurations, result.screened.n_orbits))
    if check is not None and lowest is not None:
        entries += [
            (f"{check.metrics.mae:.3f}", f"meV/atom MAE on unseen orbits ({short(result.ranking.calculator)})"),
            (f"{check.metrics.baseline_mae:.3f}", "meV/atom, the MAE of the mean baseline on the same"),
            (f"{check.metrics.spearman:.3f}", "Spearman's ρ on unseen orbits"),
            (f"{lowest.found} of {lowest.k}", f"lowest unseen found ({lowest.by_chance:.1f} by chance)"),
        ]
    return tuple(entries)


def _provenance_lines(record: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    lines = {
        "written": record["written"],
        "seed": record["seed"],
        "machine": f"{record['machine']['cores']} cores, {record['machine']['system']}",
        "seconds": ", ".join(f"{name} {taken:.1f}" for name, taken in record["seconds"].items()),
        **{f"sha256 of {Path(name).name}": digest for name, digest in record["inputs"].items()},
    }
    return provenance(record["command"], record["versions"], lines)
