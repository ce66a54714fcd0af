"""What `matganip run` finds: `StudyResult`; each error with its calculator, its split and the mean baseline's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matganip.configurations.codec import composition_text
from matganip.results.base import Result
from matganip.results.content import Table
from matganip.results.ranking import short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.labelled import Labelled
    from matganip.learning.model import Model
    from matganip.plots.style import Place
    from matganip.results.evaluation import Assessed
    from matganip.results.ranking import Ranking
    from matganip.results.screen import ScreenResult

_POTENTIAL = (
    "over the 19 orbits of 3 Br its differences between arrangements are {} times those of the shipped DFT "
    "labels on a 4x4x4 mesh, in their order by Spearman's rho {}; such labels exercise the method, they do not replace "
    "DFT."
)
CAVEATS = {
    "CHGNet": _POTENTIAL.format("1.8", "0.68"),
    "SevenNet": _POTENTIAL.format("3.3", "0.97"),
    "MP 2x2x2": "its k-mesh is converged to about 0.12 meV/atom, and the origin of the real-space grid moves its rows "
    "by 0.14 meV/atom an axis (the table's README tells): a property to learn, not a final ranking by DFT.",
}
SPLITS = {
    "random-80-20": "random 80:20 (the paper's)",
    "leave-one-orbit-out": "leave one orbit out",
    "screen": "screen, unseen orbits",
}


@dataclass(frozen=True, eq=False)
class StudyLabels:
    """Labels of a space, and how far the mean baseline is off.

    Attributes
    ----------
    name : str
        Of the table.
    space : ConfigurationSpace
    labelled : Labelled
    """

    name: str
    space: ConfigurationSpace
    labelled: Labelled

    def row(self) -> tuple[str, ...]:
        """Table, calculator, number of orbits; range, standard deviation and mean deviation in meV/atom."""
        labelled = self.labelled
        energy, weight = labelled.per_atom * 1000.0, labelled.multiplicity
        off = energy - np.average(energy, weights=weight)
        return (
            self.name,
            labelled.calculator,
            f"{len(labelled):,} of {self.space.count_orbits():,}",
            f"{np.ptp(energy):.2f}",
            f"{math.sqrt(np.average(off**2, weights=weight)):.3f}",
            f"{np.average(np.abs(off), weights=weight):.3f}",
        )


@dataclass(frozen=True)
class GraphFacts:
    """What the graphs of a space hold and tell apart.

    Attributes
    ----------
    listed : str
        Which peaks, or pairs and triplets, there are.
    n_listed, n_vertices : int
        How many of them, and how many vertices the graph has.
    n_apart, n_orbits : int
        Orbits that the vertices tell apart, of how many.
    """

    listed: str
    n_listed: int
    n_vertices: int
    n_apart: int
    n_orbits: int

    def table(self) -> Table:
        """The facts, one a line."""
        empty = self.n_vertices - self.n_listed
        rows = (
            (
                "peaks" if "degrees" in self.listed else "classes of pairs and triplets",
                f"{self.n_listed}, {self.listed}",
            ),
            ("vertices of the graph", f"{self.n_vertices}" + (f", {empty} of them empty" if empty > 0 else "")),
            ("told apart by them", f"{self.n_apart:,} of {self.n_orbits:,} orbits"),
        )
        return Table("Diffraction and graph", ("", ""), rows)


@dataclass(frozen=True, eq=False)
class StudyResult(Result):
    """A study: models judged on its labels, a model trained, a space screened.

    Attributes
    ----------
    name : str
    seed : int
    graphs : GraphFacts
        Of the space that is evaluated.
    labels : tuple of StudyLabels
        Those that judge, and those of the screened space, if they are others.
    evaluated : tuple of Assessed
        One for each protocol of the study.
    model : Model
        That screened.
    screened : ScreenResult
    ranking : Ranking
        The screen beside its labels.
    seconds : dict of str to float
        Of each step, by the clock.
    folder : pathlib.Path
        Where the results are.
    """

    name: str
    seed: int
    graphs: GraphFacts
    labels: tuple[StudyLabels, ...]
    evaluated: tuple[Assessed, ...]
    model: Model
    screened: ScreenResult
    ranking: Ranking
    seconds: dict[str, float]
    folder: Path

    @property
    def calculator(self) -> str:
        """Whose energies judge the protocols."""
        return self.labels[0].labelled.calculator

    @property
    def assessments(self) -> list[tuple[Assessed, str]]:
        """Every evaluation with its calculator, the check of the ranking last."""
        found = [(part, self.calculator) for part in self.evaluated]
        return [*found, (self.ranking.check, self.ranking.calculator)] if self.ranking.check else found

    def to_dict(self) -> dict[str, Any]:
        """What ``matganip run --json`` prints."""
        roles = {"evaluate": self.labels[0].space, "screen": self.screened.space}
        return {
            "study": self.name,
            "seed": self.seed,
            "output": str(self.folder),
            "spaces": {
                role: {"arrangements": space.n_configurations, "orbits": space.count_orbits()}
                for role, space in roles.items()
            },
            "errors": [numbers(part, calculator) for part, calculator in self.assessments],
            **self.ranking.to_dict(),
            "seconds": self.seconds,
        }

    def to_frame(self) -> pd.DataFrame:
        """The ranking: a row for each orbit, best first."""
        return self.ranking.to_frame()

    def tables(self) -> tuple[Table, ...]:
        """Spaces, labels, errors and ranking."""
        return (self.count_table(), self.graphs.table(), self.label_table(), self.error_table(), *self.ranking.tables())

    def sentences(self) -> tuple[str, ...]:
        """How the ranking compares with unseen labels."""
        return (*self.ranking.sentences(), f"Results are in {self.folder}; open report.html there.")

    def plot(self, ax: Place = None) -> Axes:
        """Draw the ranking."""
        return self.ranking.plot(ax)

    def count_table(self) -> Table:
        """How many arrangements and orbits each space has."""
        own, screened = self.labels[0].space, self.screened.space
        same = own.key == screened.key
        roles = [("evaluate and screen", own)] if same else [("evaluate", own), ("screen", screened)]
        rows = tuple(
            (
                role,
                composition_text(space),
                f"{space.n_sites:,}",
                f"{space.n_configurations:,}",
                f"{space.count_orbits():,}",
                f"{len(space.site_permutations):,}",
            )
            for role, space in roles
        )
        columns = ("", "composition", "sites", "arrangements", "orbits", "site permutations")
        return Table("Arrangements", columns, rows, "llrrrr")

    def label_table(self) -> Table:
        """Which labels there are, from whom, and how little they differ."""
        columns = ("labels", "calculator", "orbits", "range", "std. dev.", "mean baseline")
        note = (
            "Range, standard deviation and MAE of the mean baseline in meV/atom, the last two weighted by multiplicity."
        )
        return Table(
            "Labels", columns, tuple(one.row() for one in self.labels), "lwrrrr", " ".join((note, *self.caveats()))
        )

    def caveats(self) -> tuple[str, ...]:
        """What is known of the shipped labels that were used."""
        shipped = (one for one in self.labels if one.name.startswith("cspbi3_br"))
        calculators = dict.fromkeys(one.labelled.calculator for one in shipped)
        return tuple(
            f"{short(calculator)}: {caveat}"
            for calculator in calculators
            for word, caveat in CAVEATS.items()
            if word in calculator
        )

    def error_table(self) -> Table:
        """Every error beside the mean baseline's, with its split and its calculator."""
        rows = tuple(
            (
                SPLITS[part.name],
                short(calculator),
                f"{part.n_leaked / part.n_test:.0%}",
                f"{part.metrics.mae:.4f}",
                f"{part.metrics.baseline_mae:.4f}",
                f"{part.metrics.skill:.3f}",
                f"{part.metrics.r2:.3f}",
                f"{part.metrics.spearman:.3f}",
            )
            for part, calculator in self.assessments
        )
        columns = ("split", "calculator", "seen", "MAE", "mean baseline", "skill", "R²", "Spearman")
        note = (
            "MAE and that of the mean baseline (the mean of the training set) in meV/atom, weighted by multiplicity; "
            "skill = 1 - MAE / MAE of the mean baseline, 0 or less is no better than the mean; seen: share of the "
            "tested arrangements that are symmetry copies of the training set."
        )
        return Table("Errors", columns, rows, "lwrrrrrr", " ".join((note, *self.split_sentences(), *self.verdict())))

    def split_sentences(self) -> tuple[str, ...]:
        """How each split was made, with its numbers."""
        return tuple(_split_sentence(part) for part, _ in self.assessments)

    def verdict(self) -> tuple[str, ...]:
        """What the two splits say together: a small error on seen orbits beside the one on unseen ones."""
        by_protocol = {part.name: part.metrics for part in self.evaluated}
        if not {"random-80-20", "leave-one-orbit-out"} <= set(by_protocol):
            return ()
        seen, unseen = by_protocol["random-80-20"], by_protocol["leave-one-orbit-out"]
        better = "better than" if unseen.skill > 0.05 else "no better than" if unseen.skill > -0.05 else "worse than"
        return (
            f"By the random split the error is {seen.mae / seen.baseline_mae:.2f} of the mean baseline's; asked for an "
            "orbit that it has not seen, the same kind of model has "
            f"{unseen.mae / unseen.baseline_mae:.2f} of it: {better} the mean baseline.",
        )


def numbers(part: Assessed, calculator: str) -> dict[str, Any]:
    """One evaluation as JSON values: whose energies, how split, how wrong, and how wrong the mean baseline is."""
    found = part.metrics
    return {
        "split": SPLITS[part.name],
        "calculator": calculator,
        "property": "energy, meV/atom, weighted by multiplicity",
        "mae": found.mae,
        "constant_mae": found.baseline_mae,
        "rmse": found.rmse,
        "r2": None if math.isnan(found.r2) else found.r2,
        "spearman": None if math.isnan(found.spearman) else found.spearman,
        "arrangements_trained_on": part.n_train,
        "arrangements_tested": part.n_test,
        "tested_arrangements_whose_orbit_was_trained_on": part.n_leaked,
    }


def _split_sentence(part: Assessed) -> str:
    if part.name == "random-80-20":
        return (
            f"Random 80:20 (the paper's): trained on {part.n_train:,} arrangements, tested on {part.n_test:,}; "
            f"{part.n_leaked:,} of those have their orbit in the training set, so they are not new structures."
        )
    if part.name == "leave-one-orbit-out":
        return (
            f"Leave one orbit out: {len(part)} models, each trained on {part.orbits_train} orbits and "
            "asked for the one that it has never seen."
        )
    return (
        f"Screen: trained on {part.orbits_train:,} labelled orbits ({part.n_train:,} arrangements), checked on "
        f"{len(part):,} unseen ones ({part.n_test:,} arrangements)."
    )
