"""A representation that chooses itself: several are solved in closed form, and rows left out decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.lattice.cluster_classes import longest_reach
from matganip.features.lattice.distinct import feature_classes, floor_of_classes
from matganip.features.settings import DiffractionSettings
from matganip.learning.blas import threads_for
from matganip.learning.ranks import MOST_COLUMNS, SpaceRanks, compositions_of
from matganip.learning.representation import GraphRepresentation, representation
from matganip.learning.shared_columns import shortest_distance
from matganip.learning.solved import Solved
from matganip.learning.solving import LEAST_CURVED, Columns, Solver
from matganip.results.spans import Span
from matganip.results.training import Choice

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.labelled import Labelled

PAIRS, TRIPLETS = 2.05, (1.5, 2.05)
"""Longest distances of the clusters that all cells of the parent share, in units of the shortest between two sites."""
CONTENDERS = 1.5
"""How many times the least error a representation may have for its columns to be given scales of their own."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A representation with the model that is solved on it.

    Attributes
    ----------
    name : str
    settings : DiffractionSettings
    represent : GraphRepresentation
    features : (n, p) float64 ndarray
        Its columns of the training set.
    solved : Solved
    span : Span or None
        How much of the space's pairs and triplets its columns know.
    """

    name: str
    settings: DiffractionSettings
    represent: GraphRepresentation
    features: NDArray[np.float64]
    solved: Solved
    span: Span | None = None


def choose(
    space: ConfigurationSpace,
    labelled: Labelled,
    settings: DiffractionSettings | None = None,
    *,
    linear: bool = False,
) -> tuple[Candidate, tuple[Choice, ...]]:
    """Solve a model on each representation and take the simplest that rows left out do not prefer another to.

    Parameters
    ----------
    space : ConfigurationSpace
        In whose codes the labelled arrangements are.
    labelled : Labelled
        The training set.
    settings : DiffractionSettings, optional
        The one representation to use; by default powder peaks, resolved peaks, pairs, and pairs with triplets.
    linear : bool
        Whether functions that bend are left out.

    Returns
    -------
    Candidate
        The simplest one whose mean absolute error over rows left out is within a standard error (of the difference) of
        the least.
    tuple of Choice
        What was tried, from the simplest on.

    Raises
    ------
    InputError
        If there are fewer than two labels, or all are equal.
    """
    with threads_for(len(labelled)):
        return _chosen(space, labelled, settings, linear)


def _chosen(
    space: ConfigurationSpace, labelled: Labelled, settings: DiffractionSettings | None, linear: bool
) -> tuple[Candidate, tuple[Choice, ...]]:
    prepared = [
        found
        for name, one in (_settings(space) if settings is None else [("as set", settings)])
        if (found := _prepared(name, one, space, labelled, linear)) is not None
    ]
    weight = labelled.multiplicity
    baseline = float(np.average(labelled.per_atom, weights=weight))
    contending = CONTENDERS * min(one.solver.best(curved=one.bends, scaled=False).error for one in prepared)
    candidates = [found for one in prepared for found in one.candidates(contending, baseline)]
    sites_per_atom = len(space.supercell_structure) / labelled.n_atoms
    left_out = [one.solved.left_out * sites_per_atom for one in candidates]
    errors = [mean_and_error(one, weight) for one in left_out]
    taken = simplest(left_out, weight)
    ranks = _ranks(space, compositions_of(space, labelled.occupations))
    spans = {id(one.represent): ranks.span(one.represent) for one in prepared}
    tried = []
    for k, (one, (mae, error)) in enumerate(zip(candidates, errors, strict=True)):
        floor, _ = floor_of_classes(feature_classes(one.features), labelled.per_atom, weight.astype(float))
        tried.append(
            Choice(
                name=one.name,
                kind=one.solved.kind,
                n_columns=one.features.shape[1],
                spans=spans[id(one.represent)].text,
                left_out_mae=1000.0 * mae,
                standard_error=1000.0 * error,
                floor=1000.0 * floor,
                taken=k == taken,
            )
        )
    return replace(candidates[taken], span=spans[id(candidates[taken].represent)]), tuple(tried)


def columns_of(represent: GraphRepresentation) -> Columns:
    """What is known of the columns of a representation: sites and distances of clusters, nothing of peaks."""
    vertices = represent.vertices
    if vertices.orders is None:
        n = vertices.intensity.shape[1]
        return Columns(np.full(n, 2), np.zeros(n))
    return Columns(vertices.orders, vertices.position)


def _settings(space: ConfigurationSpace) -> Iterator[tuple[str, DiffractionSettings]]:
    """The representations to try, the simplest first."""
    yield "powder peaks", DiffractionSettings(resolution="powder")
    yield from _of_the_parent(space)
    for name, order in (("pairs", 2), ("pairs and triplets", 3)):
        cutoff = longest_reach(space, order, MOST_COLUMNS)
        told = name if cutoff is None else f"{name} to {cutoff:.2f} Å"
        yield told, DiffractionSettings(resolution="clusters", triplets=order == 3, cutoff=cutoff)
        if order == 2:
            yield "resolved peaks", DiffractionSettings(resolution="resolved")


def _of_the_parent(space: ConfigurationSpace) -> Iterator[tuple[str, DiffractionSettings]]:
    """Near clusters in classes of the parent's symmetry: few columns, which few labels are enough for."""
    nearest = shortest_distance(space)
    pair = round(PAIRS * nearest, 3)
    yield (
        f"pairs of the parent to {pair:.1f} Å",
        DiffractionSettings(resolution="clusters", classes="parent", cutoff=pair),
    )
    for triplet in (round(scale * nearest, 3) for scale in TRIPLETS):
        settings = DiffractionSettings(
            resolution="clusters", classes="parent", cutoff=pair, triplets=True, triplet_cutoff=triplet
        )
        yield f"pairs of the parent to {pair:.1f} Å, triplets to {triplet:.1f} Å", settings


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A representation with its columns of the training set, and what fits functions of them.

    ``bends`` is whether curved functions are tried.
    """

    name: str
    settings: DiffractionSettings
    represent: GraphRepresentation
    features: NDArray[np.float64]
    solver: Solver
    bends: bool

    def candidates(self, contending: float, baseline: float) -> Iterator[Candidate]:
        """A linear function of the columns, and a curved one where it is clearly better."""
        bent = self.solver.best(curved=self.bends, scaled=False)
        if self.bends and bent.error <= contending:
            bent = self.solver.best()
        for fit in (self.solver.linear, bent)[: 1 + (bent.kind != "linear")]:
            yield Candidate(self.name, self.settings, self.represent, self.features, self.solver.solved(fit, baseline))


@lru_cache(maxsize=16)
def _representation(settings: DiffractionSettings, space: ConfigurationSpace) -> GraphRepresentation:
    return representation(settings, space)  # folds of a cross-validation choose among the same ones


@lru_cache(maxsize=2)
def _ranks(space: ConfigurationSpace, compositions: tuple[bytes, ...]) -> SpaceRanks:
    return SpaceRanks(space, compositions)


def _prepared(
    name: str, settings: DiffractionSettings, space: ConfigurationSpace, labelled: Labelled, linear: bool
) -> _Prepared | None:
    try:
        represent = _representation(settings, space)
    except InputError:
        if name == "as set":
            raise
        return None  # no reflection in the range, or a species without a form factor: the others remain
    features = represent.features(labelled.occupations)
    target, weight = labelled.energy / len(space.supercell_structure), labelled.multiplicity.astype(float)
    # Of the Patterson function other cells are asked, and what bends to fit one cell is wrong there.
    may_bend = settings.cutoff is None or settings.resolution == "clusters"
    bends = may_bend and not linear and len(target) >= LEAST_CURVED
    solver = Solver(features, target, weight, columns_of(represent))
    return _Prepared(name, settings, represent, features, solver, bends)


def simplest(left_out: Sequence[NDArray[np.float64]], weight: NDArray[np.floating | np.integer]) -> int:
    """The first of models, from the simplest on, that rows left out do not tell from the best.

    Its error on the same rows may be larger by one standard error of the difference (Breiman et al., *Classification
    and Regression Trees*, 1984, section 3.4.3, with errors in pairs: those of two models are much alike).

    Parameters
    ----------
    left_out : sequence of (n,) float64 ndarrays
        Errors of each model's prediction of rows left out; NaN where there is none.
    weight : (n,) ndarray

    Examples
    --------
    >>> rows = np.array([1.0, -2.0, 1.5, 0.5])
    >>> simplest([3 * rows, rows + [0.1, 0.1, -0.1, 0.1], rows], np.ones(4))
    1
    """
    best = min(left_out, key=lambda one: mean_and_error(one, weight)[0])
    further = (mean_and_error(np.abs(one) - np.abs(best), weight, absolute=False) for one in left_out)
    return next(k for k, (more, deviation) in enumerate(further) if more <= deviation)


def mean_and_error(
    left_out: NDArray[np.float64], weight: NDArray[np.floating | np.integer], *, absolute: bool = True
) -> tuple[float, float]:
    """Weighted mean (of the sizes, or with signs), and its standard error; what is not finite does not count."""
    known = np.isfinite(left_out)
    size, share = left_out[known], weight[known] / weight[known].sum()
    size = np.abs(size) if absolute else size
    mean = float(share @ size)
    return mean, float(np.sqrt(share**2 @ (size - mean) ** 2))
