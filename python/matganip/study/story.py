"""The results of a study in words: tables that the terminal and the report show alike.

No error stands here without the constant's beside it, and none without its calculator and its split.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from matganip.report.content import Table
from matganip.study.summary import composition, sites_text

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.study.results import Counted, Diffracted, Evaluated, Joined, Screened

POTENTIALS = (
    "CHGNet and SevenNet are labels of their own here, good for exercising a method: universal potentials do "
    "not reproduce the DFT differences between arrangements at this scale (Spearman with DFT -0.3 to 0.6)."
)

TITLES = {
    "count": "Count",
    "enumerate": "Enumerate",
    "diffract": "Diffraction and graph",
    "label": "Labels",
    "evaluate": "Train and evaluate",
    "train": "Train for the screen",
    "screen": "Screen and rank",
}

SPLITS = {
    "random-80-20": "random 80:20 of arrangements (the paper's)",
    "leave-one-orbit-out": "leave one orbit out",
    "screen": "unseen orbits of the screen",
}


def count_table(counted: Iterable[Counted]) -> Table:
    """How many arrangements and orbits each space has."""
    rows = tuple(
        (
            one.name,
            composition(one.space),
            f"{one.space.n_sites:,}",
            f"{one.space.n_configurations:,}",
            f"{one.n_orbits:,}",
            f"{len(one.space.site_permutations):,}",
        )
        for one in counted
    )
    columns = ("", "composition", "sites", "arrangements", "orbits", "site permutations")
    return Table("", columns, rows, "llrrrr")


def orbit_table(batch: ConfigurationBatch, n_orbits: int) -> Table:
    """The first orbits of a space."""
    rows = tuple(
        (str(number), f"{multiplicity:,}", sites_text(batch.space, occupation))
        for number, (occupation, multiplicity) in enumerate(
            zip(batch.occupations, batch.multiplicity.tolist(), strict=True)
        )
    )
    note = f"{len(batch):,} of {n_orbits:,} orbits" if len(batch) < n_orbits else ""
    return Table(composition(batch.space), ("orbit", "multiplicity", "sites taken"), rows, "rrl", note)


def diffraction_table(found: Diffracted) -> Table:
    """What the orbits look like to a diffractometer."""
    n, graph = len(found.matrices), found.matrices.shape[-1]
    two_theta = found.peaks.two_theta
    rows = (
        ("peaks in the range", f"{len(two_theta)}, from {two_theta[0]:.2f} to {two_theta[-1]:.2f} degrees"),
        ("vertices of the graph", f"the first {graph} by angle, to {two_theta[graph - 1]:.2f} degrees"),
        ("told apart by them", f"{found.n_distinct} of {n} orbits"),
    )
    return Table("", ("", ""), rows)


def label_table(joined: Sequence[Joined]) -> Table:
    """Which labels there are, from whom, and how little they differ."""
    rows = tuple(
        (
            one.table,
            one.labelled.calculator,
            f"{len(one.labelled.energy):,} of {one.n_orbits:,}",
            f"{one.spread:.2f}",
            f"{one.deviation:.3f}",
            f"{one.constant_mae:.3f}",
        )
        for one in joined
    )
    columns = ("labels", "calculator", "orbits", "range", "std. dev.", "constant's MAE")
    note = "meV/atom between arrangements; the last two weighted by multiplicity. " + POTENTIALS
    return Table("", columns, rows, "llrrrr", note)


def error_table(evaluated: Sequence[Evaluated]) -> Table:
    """Every error beside the constant's, with its split and its calculator."""
    rows = tuple(
        (
            SPLITS[one.protocol],
            one.calculator.split(",")[0],
            f"{one.n_leaked / one.n_test:.0%}",
            f"{one.metrics.mae:.4f}",
            f"{one.metrics.constant_mae:.4f}",
            f"{one.metrics.r2:.3f}",
            f"{one.metrics.spearman:.3f}",
        )
        for one in evaluated
    )
    columns = ("split", "calculator", "orbit seen", "MAE", "constant's MAE", "R²", "Spearman")
    note = (
        "MAE in meV/atom, weighted by multiplicity. The constant predicts the mean of what was trained on. "
        "'Orbit seen': the share of tested arrangements that are symmetry copies of trained ones."
    )
    return Table("", columns, rows, "llrrrrr", note)


def split_sentence(one: Evaluated) -> str:
    """How a split was made, in a sentence with its numbers."""
    if one.protocol == "random-80-20":
        return (
            f"Random 80:20 (the paper's): trained on {one.n_train:,} arrangements, tested on {one.n_test:,}; "
            f"{one.n_leaked:,} of those have their orbit in the training set, so they are not new structures."
        )
    if one.protocol == "leave-one-orbit-out":
        return (
            f"Leave one orbit out: {one.orbits_test} models, each trained on {one.orbits_train} orbits and "
            "asked for the one that it has never seen."
        )
    return (
        f"Screen: trained on {one.orbits_train:,} labelled orbits ({one.n_train:,} arrangements), checked on "
        f"{one.orbits_test:,} unseen ones ({one.n_test:,} arrangements)."
    )


def ranking_table(screened: Screened, calculator: str, rows: int | None = None) -> Table:
    """The lowest arrangements."""
    ranking = screened.ranking
    shown = min(rows or screened.top, len(ranking))
    known = np.isfinite(screened.label)
    lowest = float(np.nanmin(screened.label)) if known.any() else float("nan")
    per_atom = 1000.0 / ranking.n_atoms
    cells = tuple(
        (
            str(place + 1),
            sites_text(ranking.space, ranking.occupations[place]),
            f"{ranking.multiplicity[place]:,}",
            f"{ranking.prediction[place]:.4f}",
            f"{ranking.relative[place]:.3f}",
            f"{(screened.label[place] - lowest) * per_atom:.3f}" if known[place] else "",
            "trained on" if screened.trained[place] else "unseen" if known[place] else "no label",
        )
        for place in range(shown)
    )
    columns = (
        "rank",
        "sites taken",
        "multiplicity",
        "prediction, eV",
        "above first",
        "label above lowest",
        "",
    )
    note = (
        f"'Above' in meV/atom. Labels and predictions are {calculator} energies of the supercell. "
        "Sites are numbered as in ranking.parquet."
    )
    return Table(f"The {shown} lowest of {len(ranking):,} orbits", columns, cells, "rlrrrrl", note)


def check_sentences(screened: Screened) -> tuple[str, ...]:
    """What the unseen labels say about the ranking."""
    check = screened.check
    if check is None:
        return ("Every labelled orbit was trained on: nothing is left to check the ranking with.",)
    top = min(screened.top, check.orbits_test)
    return (
        f"On the {check.orbits_test:,} orbits whose {check.calculator} labels the model has not seen: "
        f"Spearman {check.metrics.spearman:.3f}; {screened.found} of the true {top} lowest are in its first "
        f"{top} ({screened.chance:.1f} by chance); MAE {check.metrics.mae:.4f} meV/atom, where the constant "
        f"has {check.metrics.constant_mae:.4f}.",
    )
