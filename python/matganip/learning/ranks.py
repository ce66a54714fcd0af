"""Dimensions of the pairs and triplets of a space, and how many of them the columns of a representation span.

Columns are evaluated on arrangements drawn uniformly from the space, or from each composition of a training set, more
than twice as many as there are columns: what is linearly independent there is so in the space, and what depends
linearly on other columns of every arrangement does so in those drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.features.lattice.cluster_classes import States, cluster_classes, longest_reach
from matganip.features.settings import DiffractionSettings
from matganip.learning.representation import representation
from matganip.results.spans import Group, Span

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.representation import GraphRepresentation

Floats = NDArray[np.float64]

MOST_COLUMNS = 1500
"""Columns of pairs and triplets at most: of more, those of the shortest distances are taken."""
_SAMPLE = 200
_RANK, _SQUARED = 1e-9, 1e-11
"""Singular values, and eigenvalues of the products of columns, below this part of the largest are rounding."""
_MANY = 300
"""Columns from which on their products are diagonalised instead."""


class SpaceRanks:
    """Uniformly drawn arrangements of a space, and what its pairs and triplets say of them.

    Parameters
    ----------
    space : ConfigurationSpace
    compositions : tuple of (n_sites,) uint8 arrays as bytes
        An arrangement of each composition, where there are several: those of `compositions_of`. That of the space by
        default.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> ranks = SpaceRanks(space)
    >>> ranks.span(representation(DiffractionSettings(resolution="powder"), space)).text
    '4 of 6 pairs, 0 of 12 triplets'
    """

    def __init__(self, space: ConfigurationSpace, compositions: tuple[bytes, ...] = ()) -> None:
        self.reach = longest_reach(space, 2, MOST_COLUMNS), longest_reach(space, 3, MOST_COLUMNS)
        made = [
            representation(DiffractionSettings(resolution="clusters", triplets=order == 3, cutoff=reach), space)
            for order, reach in zip((2, 3), self.reach, strict=True)
        ]
        n_rows = _SAMPLE + 2 * max(one.n_peaks for one in made)
        self.occupations = (
            _shuffled(space, compositions, n_rows)
            if len(compositions) > 1
            else space.sample_configurations(n_rows, seed=0).occupations
        )
        pairs, clusters = (one.features(self.occupations) for one in made)
        self.pairs = _basis(pairs)
        self.every = _basis(np.hstack([pairs, clusters]))
        self.groups = _groups(space, self.reach, (pairs, clusters))

    def span(self, represent: GraphRepresentation) -> Span:
        """How much of the pairs and triplets the columns of a representation span."""
        own = unit_columns(represent.features(self.occupations))
        rank = rank_of(own)
        # dim(A and B) = dim A + dim B - dim(A + B), and A + B is B beside what B leaves of A.
        pairs, every = (rank - rank_of(own - basis @ (basis.T @ own), 1.0) for basis in (self.pairs, self.every))
        n_pairs, n_every = self.pairs.shape[1], self.every.shape[1]
        n_columns = represent.vertices.intensity.shape[1]
        return Span(n_columns, pairs, n_pairs, every - pairs, n_every - n_pairs, *self.reach, self.groups)


def compositions_of(space: ConfigurationSpace, occupations: NDArray[np.uint8]) -> tuple[bytes, ...]:
    """The first of occupations (n, n_sites) of each composition, as bytes."""
    own = [space.sublattices == sublattice for sublattice in np.unique(space.sublattices)]
    contents = np.hstack([np.sort(occupations[:, sites], axis=1) for sites in own])
    _, first = np.unique(contents, axis=0, return_index=True)
    return tuple(occupations[row].tobytes() for row in np.sort(first))


def _shuffled(space: ConfigurationSpace, compositions: tuple[bytes, ...], n: int) -> NDArray[np.uint8]:
    """As many uniform arrangements of each composition, (n, n_sites) or a few more."""
    draw, each = np.random.default_rng(0), -(-n // len(compositions))
    rows = np.repeat(np.stack([np.frombuffer(one, np.uint8) for one in compositions]), each, axis=0)
    for sublattice in np.unique(space.sublattices):
        sites = np.flatnonzero(space.sublattices == sublattice)
        rows[:, sites] = draw.permuted(rows[:, sites], axis=1)
    return rows


def unit_columns(table: Floats) -> Floats:
    """Columns with mean 0 and length 1; constant ones are left out."""
    table = table - table.mean(axis=0)
    length = np.linalg.norm(table, axis=0)
    kept = length > 1e-9 * max(1.0, float(length.max(initial=0.0)))
    unit: Floats = table[:, kept] / length[kept]
    return unit


def rank_of(table: Floats, scale: float | None = None) -> int:
    """Independent columns of a table (n, p), but for constants; beside a scale where its own is not what counts."""
    unit = unit_columns(table) if scale is None else table
    if not min(unit.shape):
        return 0
    if min(unit.shape) > _MANY:
        values = np.linalg.eigvalsh(unit.T @ unit if unit.shape[1] < unit.shape[0] else unit @ unit.T)
        return int((values > _SQUARED * (values[-1] if scale is None else scale)).sum())
    values = np.linalg.svd(unit, compute_uv=False)
    return int((values > (_RANK * values[0] if scale is None else 1e-6 * scale)).sum())


def _basis(table: Floats) -> Floats:
    """Orthonormal columns (n, r) that span those of a table, but for constants."""
    unit = unit_columns(table)
    if unit.shape[1] <= _MANY:
        u, s, _ = np.linalg.svd(unit, full_matrices=False)
        return u[:, s > _RANK * max(s[:1].tolist(), default=0.0)]
    values, vectors = np.linalg.eigh(unit.T @ unit)
    kept = values > _SQUARED * values[-1]
    found, _ = np.linalg.qr(unit @ (vectors[:, kept] / np.sqrt(values[kept])))
    return found


def _groups(
    space: ConfigurationSpace, reach: tuple[float | None, ...], tables: tuple[Floats, Floats]
) -> tuple[Group, ...]:
    """Classes and ranks of pairs and of triplets, by species and sublattice."""
    states = States.of(space)
    hosts = [one.host for one in space.sublattice_table]
    several = len(hosts) > 1
    kinds = [
        f"{name}({hosts[space.sublattices[site]]})" if several else name
        for name, site in zip(states.name, states.site, strict=True)
    ]
    found = []
    for order, cutoff, table in zip((2, 3), reach, tables, strict=True):
        classes = cluster_classes(space, order, cutoff)
        members, label = classes.members[order - 1], classes.label[order - 1]
        first = {int(number): row for row, number in reversed(list(enumerate(label)))}
        names = {number: "-".join(sorted(kinds[state] for state in members[row])) for number, row in first.items()}
        for name in sorted(set(names.values())):
            own = sorted(number for number, one in names.items() if one == name)
            found.append(Group(name, order, len(own), rank_of(table[:, own])))
    return tuple(found)
