"""A representation that chooses itself: several are solved in closed form, and rows left out decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.lattice.cluster_classes import longest_reach
from matganip.features.lattice.distinct import feature_classes, floor_of_classes
from matganip.features.settings import DiffractionSettings
from matganip.learning.representation import GraphRepresentation, representation
from matganip.learning.solved import Columns, Solved, solve
from matganip.results.training import Choice

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.labels.labelled import Labelled

MOST_COLUMNS = 1500
"""Columns of pairs and triplets at most: of more, those of the shortest distances are taken."""
_SAMPLE = 200
_RANK = 1e-9
"""Singular values below this part of the largest are rounding."""


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
    """

    name: str
    settings: DiffractionSettings
    represent: GraphRepresentation
    features: NDArray[np.float64]
    solved: Solved


def choose(
    space: ConfigurationSpace, labelled: Labelled, settings: DiffractionSettings | None = None
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

    Returns
    -------
    Candidate
        The simplest one whose mean absolute error over rows left out is within a standard error of the least.
    tuple of Choice
        What was tried, from the simplest on.

    Raises
    ------
    InputError
        If there are fewer than two labels, or all are equal.
    """
    candidates = [
        found
        for name, one in (_settings(space) if settings is None else [("as set", settings)])
        for found in _solved(name, one, space, labelled)
    ]
    weight = labelled.multiplicity
    sites_per_atom = len(space.supercell_structure) / labelled.n_atoms
    errors = [mean_and_error(one.solved.left_out * sites_per_atom, weight) for one in candidates]
    taken = simplest(errors)
    spans = _Spans(space)
    tried = []
    for k, (one, (mae, error)) in enumerate(zip(candidates, errors, strict=True)):
        floor, _ = floor_of_classes(feature_classes(one.features), labelled.per_atom, weight.astype(float))
        tried.append(
            Choice(
                name=one.name,
                kind=one.solved.kind,
                n_columns=one.features.shape[1],
                spans=spans.of_columns(one.represent),
                left_out_mae=1000.0 * mae,
                standard_error=1000.0 * error,
                floor=1000.0 * floor,
                taken=k == taken,
            )
        )
    return candidates[taken], tuple(tried)


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
    for name, order in (("pairs", 2), ("pairs and triplets", 3)):
        cutoff = longest_reach(space, order, MOST_COLUMNS)
        told = name if cutoff is None else f"{name} to {cutoff:.2f} Å"
        yield told, DiffractionSettings(resolution="clusters", triplets=order == 3, cutoff=cutoff)
        if order == 2:
            yield "resolved peaks", DiffractionSettings(resolution="resolved")


def _solved(
    name: str, settings: DiffractionSettings, space: ConfigurationSpace, labelled: Labelled
) -> Iterator[Candidate]:
    """A linear function of the columns, and where it is clearly better a curved one."""
    try:
        represent = representation(settings, space)
    except InputError:
        if name == "as set":
            raise
        return  # no reflection in the range, or a species without a form factor: the others remain
    features = represent.features(labelled.occupations)
    weight = labelled.multiplicity.astype(float)
    arguments = (features, labelled.energy / len(space.supercell_structure), weight, columns_of(represent))
    baseline = float(np.average(labelled.per_atom, weights=weight))
    straight = solve(*arguments, baseline=baseline, curved=False)
    yield Candidate(name, settings, represent, features, straight)
    if settings.cutoff is not None and settings.resolution != "clusters":
        return  # of the Patterson function other cells are asked, and what bends to fit one cell is wrong there
    bent = solve(*arguments, baseline=baseline)
    if bent.kind == "kernel":
        yield Candidate(name, settings, represent, features, bent)


def simplest(errors: Sequence[tuple[float, float]]) -> int:
    """The first model, of errors with standard errors from the simplest on, within a standard error of the best.

    >>> simplest([(3.0, 0.1), (1.1, 0.2), (1.0, 0.2)])
    1
    """
    least, deviation = min(errors, key=lambda one: one[0])
    return next(k for k, (error, _) in enumerate(errors) if error <= least + deviation)


def mean_and_error(left_out: NDArray[np.float64], weight: NDArray[np.floating | np.integer]) -> tuple[float, float]:
    """Weighted mean absolute error, and its standard error."""
    known = np.isfinite(left_out)
    size, share = np.abs(left_out[known]), weight[known] / weight[known].sum()
    mean = float(share @ size)
    return mean, float(np.sqrt(share**2 @ (size - mean) ** 2))


class _Spans:
    """Uniformly drawn arrangements, and what all pairs and all triplets say of them, where these are not too many."""

    def __init__(self, space: ConfigurationSpace) -> None:
        complete = [order for order in (2, 3) if longest_reach(space, order, MOST_COLUMNS) is None]
        made = [
            representation(DiffractionSettings(resolution="clusters", triplets=order == 3), space) for order in complete
        ]
        n_rows = _SAMPLE + 2 * max((one.n_peaks for one in made), default=0)
        self.occupations = space.sample_configurations(n_rows, seed=0).occupations
        self.tables = [_centred(one.features(self.occupations)) for one in made]
        self.ranks = [_rank(table) for table in self.tables]

    def of_columns(self, represent: GraphRepresentation) -> str:
        """How much of the pairs and triplets some columns span: ``"12 of 16 pairs, 30 of 44 triplets"``."""
        if not self.tables:
            return ""
        own = _centred(represent.features(self.occupations))
        rank = _rank(own)
        seen = [r + rank - _rank(np.hstack([t, own])) for r, t in zip(self.ranks, self.tables, strict=True)]
        told = f"{seen[0]} of {self.ranks[0]} pairs"
        if len(seen) == 1:
            return told
        return f"{told}, {max(seen[1] - seen[0], 0)} of {self.ranks[1] - self.ranks[0]} triplets"


def _centred(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns with mean 0 and length 1; constant ones are left out."""
    table = table - table.mean(axis=0)
    length = np.linalg.norm(table, axis=0)
    kept = length > 1e-9 * max(1.0, float(length.max(initial=0.0)))
    unit: NDArray[np.float64] = table[:, kept] / length[kept]
    return unit


def _rank(table: NDArray[np.float64]) -> int:
    if not table.shape[1]:
        return 0
    values = np.linalg.svd(table, compute_uv=False)
    return int((values > _RANK * values[0]).sum())
