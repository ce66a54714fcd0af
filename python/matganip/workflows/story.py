"""The results of a study in words: tables that the terminal and the report show alike.

No error stands here without the constant's beside it, and none without its calculator and its split.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.codec import composition_text, sites_text
from matganip.learning.config import OPTIMA
from matganip.results.content import Table

if TYPE_CHECKING:
    from matganip.configurations.batch import ConfigurationBatch
    from matganip.configurations.space import ConfigurationSpace
    from matganip.workflows.results import Counted, Diffracted, Evaluated, Joined, Screened, Trained

_POTENTIAL = (
    "over the 19 orbits of 3 Br its differences between arrangements are {} times those of the shipped DFT labels on a "
    "4x4x4 mesh, in their order by Spearman's rho {}; such labels exercise the method, they do not replace DFT."
)
CAVEATS = {
    "CHGNet": _POTENTIAL.format("1.8", "0.68"),
    "SevenNet": _POTENTIAL.format("3.3", "0.97"),
    "MP 2x2x2": "its k-mesh is converged to about 0.12 meV/atom, and the origin of the real-space grid moves its rows "
    "by 0.14 meV/atom an axis (the table's README tells): a property to learn, not a final ranking by DFT.",
}

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
    "random-80-20": "random 80:20 (the paper's)",
    "leave-one-orbit-out": "leave one orbit out",
    "screen": "screen, unseen orbits",
}


def count_table(counted: Iterable[Counted]) -> Table:
    """How many arrangements and orbits each space has."""
    rows = tuple(
        (
            one.name,
            composition_text(one.space),
            f"{one.space.n_sites:,}",
            f"{one.space.n_configurations:,}",
            f"{one.n_orbits:,}",
            f"{len(one.space.site_permutations):,}",
        )
        for one in counted
    )
    columns = ("", "composition", "sites", "arrangements", "orbits", "site permutations")
    return Table("", columns, rows, "llrrrr")


def composition_table(space: ConfigurationSpace) -> Table:
    """How many orbits every composition of a space's species has."""
    names = tuple(name for species in space.species for name in species)
    rows = tuple(
        (*(str(n) for of_sublattice in counts for n in of_sublattice), f"{orbits:,}")
        for counts, orbits in space.count_orbits(all_compositions=True).items()
    )
    return Table("Every composition", (*names, "orbits"), rows, "r" * (len(names) + 1))


def orbit_table(batch: ConfigurationBatch, n_orbits: int) -> Table:
    """The first orbits of a space."""
    rows = tuple(
        (str(number), f"{multiplicity:,}", sites_text(batch.space, occupation))
        for number, (occupation, multiplicity) in enumerate(
            zip(batch.occupations, batch.multiplicity.tolist(), strict=True)
        )
    )
    note = f"{len(batch):,} of {n_orbits:,} orbits" if len(batch) < n_orbits else ""
    return Table(composition_text(batch.space), ("orbit", "multiplicity", "sites taken"), rows, "rrl", note)


def diffraction_table(found: Diffracted) -> Table:
    """What the orbits look like to a diffractometer."""
    n, graph = len(found.matrices), found.matrices.shape[-1]
    position = found.peaks.position
    padded = f", {graph - len(position)} of them empty" if graph > len(position) else ""
    if found.peaks.distance is None:
        last = position[min(graph, len(position)) - 1]
        listed = ("peaks in the range", f"{len(position)}, from {position[0]:.2f} to {position[-1]:.2f} degrees")
        vertices = f"the first {graph} by angle, to {last:.2f} degrees{padded}"
    else:
        listed = ("classes of pairs and triplets", f"{len(position)}, up to {found.peaks.full_scale:g} angstrom")
        vertices = f"{graph}{padded}"
    rows = (
        listed,
        ("vertices of the graph", vertices),
        ("told apart by them", f"{found.n_distinct} of {n} orbits"),
    )
    return Table("", ("", ""), rows)


def verdict(evaluated: Sequence[Evaluated]) -> tuple[str, ...]:
    """What the two splits together say: a small error on seen orbits beside the one on unseen ones."""
    by_protocol = {one.protocol: one.metrics for one in evaluated}
    if not {"random-80-20", "leave-one-orbit-out"} <= set(by_protocol):
        return ()
    seen, unseen = by_protocol["random-80-20"], by_protocol["leave-one-orbit-out"]
    better = "better than" if unseen.skill > 0.05 else "no better than" if unseen.skill > -0.05 else "worse than"
    return (
        f"By the random split the error is {seen.mae / seen.baseline_mae:.2f} of the constant's; asked for an "
        f"orbit that it has not seen, the same network has {unseen.mae / unseen.baseline_mae:.2f} of it: {better} "
        "the constant.",
    )


def label_table(joined: Sequence[Joined]) -> Table:
    """Which labels there are, from whom, and how little they differ."""
    rows = tuple(
        (
            one.table,
            one.labelled.calculator,
            f"{len(one.labelled):,} of {one.n_orbits:,}",
            f"{one.spread:.2f}",
            f"{one.deviation:.3f}",
            f"{one.baseline_mae:.3f}",
        )
        for one in joined
    )
    columns = ("labels", "calculator", "orbits", "range", "std. dev.", "constant's")
    note = "Range, standard deviation and MAE of the constant in meV/atom, the last two weighted by multiplicity."
    return Table("", columns, rows, "lwrrrr", note)


def caveats(joined: Sequence[Joined]) -> tuple[str, ...]:
    """What must be known of the labels that were used."""
    calculators = dict.fromkeys(one.labelled.calculator for one in joined)
    return tuple(
        f"{short(calculator)}: {caveat}"
        for calculator in calculators
        for word, caveat in CAVEATS.items()
        if word in calculator
    )


def short(calculator: str) -> str:
    """A calculator without its settings: what stands before the first comma or parenthesis.

    >>> short("CHGNet 0.3.0 (chgnet 0.4.2)"), short("GPAW 26.7.0 PBE PW 200 eV, MP 2x2x2")
    ('CHGNet 0.3.0', 'GPAW 26.7.0 PBE PW 200 eV')
    """
    return calculator.partition(",")[0].partition(" (")[0]


def error_table(evaluated: Sequence[Evaluated]) -> Table:
    """Every error beside the constant's, with its split and its calculator."""
    rows = tuple(
        (
            SPLITS[one.protocol],
            short(one.calculator),
            f"{one.n_leaked / one.n_test:.0%}",
            f"{one.metrics.mae:.4f}",
            f"{one.metrics.baseline_mae:.4f}",
            f"{one.metrics.skill:.3f}",
            f"{one.metrics.r2:.3f}",
            f"{one.metrics.spearman:.3f}",
        )
        for one in evaluated
    )
    columns = ("split", "calculator", "seen", "MAE", "constant's", "skill", "R²", "Spearman")
    note = (
        "MAE and that of the constant (the mean of what was trained on) in meV/atom, weighted by multiplicity; "
        "skill = 1 - MAE/constant's, 0 or less is no better than the constant; seen: share of the tested "
        "arrangements that are symmetry copies of trained ones."
    )
    return Table("", columns, rows, "lwrrrrrr", note)


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


def ranking_table(screened: Screened, rows: int | None = None) -> Table:
    """The lowest arrangements."""
    ranking = screened.ranking
    shown = min(rows or screened.top, len(ranking))
    known = np.isfinite(screened.label)
    lowest = float(np.nanmin(screened.label)) if known.any() else float("nan")
    per_atom = 1000.0 / ranking.space.n_atoms
    cells = tuple(
        (
            str(place + 1),
            sites_text(ranking.space, ranking.occupations[place]),
            f"{ranking.multiplicity[place]:,}",
            f"{ranking.prediction[place]:.4f}",
            f"{ranking.relative[place]:.3f}",
            f"{(screened.label[place] - lowest) * per_atom:.3f}" if known[place] else "",
            "seen" if screened.trained[place] else "unseen" if known[place] else "none",
        )
        for place in range(shown)
    )
    columns = ("rank", "sites taken", "multiplicity", "predicted, eV", "above first", "label above", "label")
    note = (
        f"Energies of the supercell by {screened.calculator}: predicted, above the first prediction, and "
        "labels above the lowest label, both in meV/atom. Sites are numbered as in ranking.parquet."
    )
    return Table(f"The {shown} lowest of {len(ranking):,} orbits", columns, cells, "rlrrrrl", note)


def check_sentences(screened: Screened) -> tuple[str, ...]:
    """What the unseen labels say about the ranking."""
    check = screened.check
    if check is None or screened.lowest is None:
        return ("Every labelled orbit was trained on: nothing is left to check the ranking with.",)
    lowest = screened.lowest
    return (
        f"On the {check.orbits_test:,} orbits whose {short(check.calculator)} labels the model has not seen: "
        f"Spearman {check.metrics.spearman:.3f}; {lowest.found} of the true {lowest.k} lowest are in its "
        f"first {lowest.k} ({lowest.by_chance:.1f} by chance); MAE {check.metrics.mae:.4f} meV/atom, the "
        f"constant's is {check.metrics.baseline_mae:.4f}.",
    )


def level_name(level: float, exact: bool = False) -> str:
    """A loss(D) where neither network wins, as people write it.

    >>> level_name(2 * math.log(2), exact=True), level_name(0.25)
    ('2 log 2 = 1.3863', '0.25')
    """
    if level == 2 * math.log(2):
        return "2 log 2 = 1.3863" if exact else "2 log 2"
    return f"{level:g}"


def train_sentences(trained: Trained) -> tuple[str, ...]:
    """On what the ranking model was trained, and how the game ended."""
    last = trained.history.last
    n_orbits, n_arrangements = len(trained.rows), int(trained.data.weight.sum())
    game = ""
    if np.isfinite(last.loss_d):
        optimum, _ = OPTIMA[trained.model.config.objective]
        game = (
            f" The game ended at loss(D) {last.loss_d:.4f} ({level_name(optimum, exact=True)} where neither wins), "
            f"D(x_r) {last.d_real:.3f}, D(x_f) {last.d_fake:.3f}."
        )
    return (
        f"{n_orbits:,} orbits ({n_arrangements:,} arrangements) with {trained.calculator} labels, "
        f"{last.epochs} epochs.{game}",
    )


def tell(step: str, results: tuple[Any, ...]) -> tuple[tuple[str, ...], tuple[Table, ...]]:
    """What a step found, as sentences and tables."""
    if step == "count":
        return (), (count_table(results),)
    if step == "enumerate":
        (found,) = results
        total = int(found.multiplicity.sum())
        return (
            f"{len(found.occupations):,} orbits; their multiplicities sum to {total:,}, the number of arrangements.",
        ), ()
    if step == "diffract":
        return (), (diffraction_table(results[0]),)
    if step == "label":
        return caveats(results), (label_table(results),)
    if step == "evaluate":
        splits = tuple(split_sentence(one) for one in results)
        return (*splits, *verdict(results)), (error_table(results),)
    if step == "train":
        return train_sentences(results[0]), ()
    return check_sentences(results[0]), (ranking_table(results[0]),)
