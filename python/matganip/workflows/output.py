"""What a study leaves behind: tables, model, figures, report, provenance, each whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matganip.report.page import write_page
from matganip.results.content import Picture, Report, Section
from matganip.screening.tables import write_orbits, write_ranking
from matganip.workflows import story
from matganip.workflows.pictures import draw_all
from matganip.workflows.provenance import evaluated, number, provenance, write_json

if TYPE_CHECKING:
    from matganip.workflows.job import Outcome


def write(outcome: Outcome, folder: Path, *, command: tuple[str, ...], source: Path | None) -> None:
    """Write everything into a claimed folder.

    Parameters
    ----------
    outcome : Outcome
        What was found.
    folder : pathlib.Path
        As `claim` left it.
    command : tuple of str
        The command line.
    source : pathlib.Path, optional
        The study file.
    """
    screened, space = outcome.screened, outcome.enumerated.space
    write_orbits(folder / "orbits.parquet", space, space.orbits())
    write_ranking(
        folder / "ranking.parquet",
        screened.ranking,
        label=screened.label,
        trained=screened.trained,
        about={"calculator": screened.calculator, "seed": str(outcome.prepared.study.seed)},
    )
    outcome.trained.model.save(folder / "model")
    pictures = draw_all(outcome, folder / "figures")
    record = provenance(outcome, folder, command=command, source=source)
    write_page(report(outcome, pictures, record), folder / "report.html")
    write_json(folder / "provenance.json", record)


def report(outcome: Outcome, pictures: dict[str, Picture], record: dict[str, Any]) -> Report:
    """The HTML report's content."""
    study = outcome.prepared.study
    screened = outcome.screened
    sections = (
        Section(
            "The arrangements",
            (ARRANGEMENTS,),
            (story.count_table(outcome.counted),),
            (pictures["winners"],),
        ),
        Section(
            "What a diffractometer sees",
            (DIFFRACTION,),
            (story.diffraction_table(outcome.diffracted),),
            (pictures["patterns"], pictures["graph"]),
        ),
        Section("What is learned", (LABELS,), (story.label_table(outcome.joined),)),
        Section(
            "How well",
            (
                ERRORS,
                *(story.split_sentence(one) for one in evaluated(outcome)),
                *story.verdict(outcome.evaluated),
            ),
            (story.error_table(evaluated(outcome)),),
            (pictures["parity"], pictures["training"]),
        ),
        Section(
            "The ranking",
            story.check_sentences(screened),
            (story.ranking_table(screened),),
            (pictures["ranking"],),
        ),
        Section("What this does not show", (*story.caveats(outcome.joined), *LIMITS)),
    )
    return Report(
        title=study.name,
        subtitle=_subtitle(outcome),
        headline=_headline(outcome),
        sections=sections,
        provenance=_provenance_lines(record),
    )


ARRANGEMENTS = (
    "Two arrangements that a symmetry operation of the parent crystal carries into each other are one "
    "structure. Such a set is an orbit; its size is its multiplicity. The numbers are exact (Burnside's "
    "lemma), and the enumeration agrees with them."
)
DIFFRACTION = (
    "Each orbit's peaks (2θ, I) are computed on the ideal lattice. Peaks are the vertices of a graph, "
    "and its matrix a_ij = t_i t_j + I_i I_j is what the network reads. Orbits with the same peaks "
    "cannot be told apart by any model on them."
)
LABELS = (
    "Total energies of the ideal, unrelaxed supercells. Labels are comparable only with labels of the "
    "same calculator, settings and relaxation; no number below mixes two of them."
)
ERRORS = (
    "Arrangements of one composition differ by little, so that a constant already has a small error: an "
    "error says something only beside the constant's. Symmetry copies of one orbit have the same energy "
    "and the same peaks: where they fall into both training and test set, the test shows memory and not "
    "prediction."
)
LIMITS = (
    "All positions are ideal. Relaxation changes energies by more than what separates these arrangements, "
    "and which tilt system a relaxation ends in matters.",
    "One seed and one split each: how much the errors vary with them is not shown here.",
)


def outcome_summary(outcome: Outcome, folder: Path) -> dict[str, Any]:
    """What `matganip run --json` prints."""
    screened = outcome.screened
    ranking = screened.ranking
    return {
        "study": outcome.prepared.study.name,
        "seed": outcome.prepared.study.seed,
        "output": str(folder),
        "spaces": {
            one.name: {"arrangements": one.space.n_configurations, "orbits": one.n_orbits} for one in outcome.counted
        },
        "errors": [number(one) for one in evaluated(outcome)],
        "true_lowest_found": None
        if screened.lowest is None
        else {
            "top": screened.lowest.k,
            "found": screened.lowest.found,
            "by_chance": screened.lowest.by_chance,
            "calculator": screened.calculator,
        },
        "ranking": [
            {
                "rank": place + 1,
                "orbit": int(ranking.orbit[place]),
                "multiplicity": int(ranking.multiplicity[place]),
                "occupation": ranking.occupations[place].tolist(),
                "prediction_eV": float(ranking.prediction[place]),
                "relative_meV_per_atom": float(ranking.relative[place]),
            }
            for place in range(min(screened.top, len(ranking)))
        ],
        "seconds": outcome.seconds,
    }


def _subtitle(outcome: Outcome) -> str:
    first, last = outcome.counted[0], outcome.counted[-1]
    return (
        f"{first.space.n_configurations:,} arrangements ({first.n_orbits:,} up to symmetry) learned from "
        f"{outcome.joined[0].labelled.calculator}; {last.space.n_configurations:,} arrangements "
        f"({last.n_orbits:,} up to symmetry) ranked by a network trained on {len(outcome.trained.rows):,} of "
        f"those, labelled by {outcome.screened.calculator}."
    )


def _headline(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    last, check, lowest = outcome.counted[-1], outcome.screened.check, outcome.screened.lowest
    entries = [
        (f"{last.space.n_configurations:,}", "arrangements screened"),
        (f"{last.n_orbits:,}", "of them distinct (orbits)"),
    ]
    if check is not None and lowest is not None:
        entries += [
            (f"{check.metrics.mae:.3f}", f"meV/atom MAE on unseen orbits ({story.short(check.calculator)})"),
            (f"{check.metrics.baseline_mae:.3f}", "meV/atom, the constant's MAE on the same"),
            (f"{check.metrics.spearman:.3f}", "Spearman's ρ on unseen orbits"),
            (f"{lowest.found} of {lowest.k}", f"lowest unseen found ({lowest.by_chance:.1f} by chance)"),
        ]
    return tuple(entries)


def _provenance_lines(record: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return (
        ("written", record["written"]),
        ("command", " ".join(record["command"])),
        ("seed", str(record["seed"])),
        ("versions", ", ".join(f"{name} {number}" for name, number in record["versions"].items())),
        ("machine", f"{record['machine']['cores']} cores, {record['machine']['system']}"),
        ("seconds", ", ".join(f"{name} {taken:.1f}" for name, taken in record["seconds"].items())),
        *((f"sha256 of {Path(name).name}", digest) for name, digest in record["inputs"].items()),
    )
