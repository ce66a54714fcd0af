"""Pairs and triplets of occupied sites of one supercell, by class under the supercell's own permutations.

A cluster is a set of sites with a species on each, none of them the reference of its sublattice (the parent's own,
whose indicator follows from the others; the same for every composition, so that columns keep their meaning). Two
clusters are of one class where a permutation of the space takes one to the other. A function of an arrangement that is
a sum over pairs and triplets of sites, and that symmetry leaves as it is, is a linear combination of the numbers of
clusters of each class that the arrangement holds (the indicator form of the cluster functions of Sanchez, Ducastelle
and Gratias, Physica A 128, 334 (1984)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from matganip.errors import InputError
from matganip.features.lattice.amplitudes import INVALID, REFERENCE

if TYPE_CHECKING:
    from matganip.configurations.space import ConfigurationSpace

DISTANCE_TOL = 1e-4
"""Angstrom; distances that agree so well are one."""
MOST_CLUSTERS = 5_000_000


@dataclass(frozen=True, eq=False)
class ClusterClasses:
    """Classes of clusters of a space, points first, then pairs, then triplets, each by rising distance.

    Attributes
    ----------
    members : tuple of (n, k) int64 ndarray
        For k = 1, 2, 3: the states (see `states`) of each cluster, rising.
    label : tuple of (n,) int64 ndarray
        The class of each cluster, numbered over all k.
    size : (n_classes,) int64 ndarray
        Clusters in each class.
    order : (n_classes,) int64 ndarray
        Sites of a cluster: 1, 2 or 3.
    distance : (n_classes,) float64 ndarray
        Longest distance between its sites, angstrom; 0 for points.
    names : tuple of str
        Species of a cluster of each class and its distances: ``"Br-Br 4.45 Å"``.
    """

    members: tuple[NDArray[np.int64], ...]
    label: tuple[NDArray[np.int64], ...]
    size: NDArray[np.int64]
    order: NDArray[np.int64]
    distance: NDArray[np.float64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.size)


@dataclass(frozen=True, eq=False)
class States:
    """What a site may carry beside its reference species: a site and one of its other species.

    Attributes
    ----------
    site : (n_states,) int64 ndarray
        Column of the occupations.
    mode : (n_states,) int64 ndarray
        Number of the species among the others of its sublattice.
    mode_of_code : (n_sites, n_codes) int32 ndarray
        The mode of each code; `REFERENCE` or `INVALID` where it is none.
    name : tuple of str
        The species of each state.
    """

    site: NDArray[np.int64]
    mode: NDArray[np.int64]
    mode_of_code: NDArray[np.int32]
    name: tuple[str, ...]

    @classmethod
    def of(cls, space: ConfigurationSpace, references: Sequence[str] | None = None) -> States:
        """The states of a space, mode by mode and within one site by site.

        Parameters
        ----------
        space : ConfigurationSpace
        references : sequence of str, optional
            The reference species of each sublattice; by default the parent's own.
        """
        n_codes = max(map(len, space.species))
        mode_of_code = np.full((space.n_sites, n_codes), INVALID, dtype=np.int32)
        found: list[tuple[int, int, str]] = []
        for sublattice, one in enumerate(space.sublattice_table):
            own = np.flatnonzero(space.sublattices == sublattice)
            own_reference = one.host if one.host in one.species else max(one.species)
            reference = own_reference if references is None else references[sublattice]
            others = sorted(set(one.species) - {reference})
            for code, name in enumerate(one.species):
                mode = REFERENCE if name == reference else others.index(name)
                mode_of_code[own, code] = mode
                found += [(mode, int(site), name) for site in own if mode >= 0]
        found.sort(key=lambda one: one[:2])
        modes, sites = (np.array([one[k] for one in found], dtype=np.int64) for k in (0, 1))
        return cls(sites, modes, mode_of_code, tuple(name for _, _, name in found))


def cluster_classes(
    space: ConfigurationSpace, order: int = 3, cutoff: float | None = None, states: States | None = None
) -> ClusterClasses:
    """Find the classes of clusters of a space.

    Parameters
    ----------
    space : ConfigurationSpace
    order : {1, 2, 3}
        Sites of the largest clusters.
    cutoff : float, optional
        Angstrom: leave out clusters with a longer distance; by default none are left out.
    states : States, optional
        What sites may carry beside their reference species; by default those of `States.of`.

    Returns
    -------
    ClusterClasses

    Raises
    ------
    InputError
        If there are more than five million clusters.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> found = cluster_classes(space)
    >>> [int((found.order == k).sum()) for k in (1, 2, 3)], found.names[1]
    ([1, 7, 19], 'Br-Br 4.45 Å')
    """
    states = States.of(space) if states is None else states
    apart = _distances(space)[np.ix_(states.site, states.site)]
    reach = apart.max(initial=0.0) if cutoff is None else cutoff
    moves = _moves(space, states)
    members: list[NDArray[np.int64]] = []
    label: list[NDArray[np.int64]] = []
    size: list[int] = []
    orders: list[int] = []
    distance: list[float] = []
    names: list[str] = []
    clusters = np.arange(len(states.site))[:, None]
    for k in range(1, order + 1):
        if k > 1:
            clusters = _extended(clusters, apart, reach + DISTANCE_TOL, states.site)
        classes, n_classes = _by_class(clusters, moves)
        longest = _longest(clusters, apart)
        first = np.full(n_classes, len(clusters))
        np.minimum.at(first, classes, np.arange(len(clusters)))
        rank = np.lexsort((first, np.rint(longest[first] / DISTANCE_TOL)))
        place = np.argsort(rank)
        members.append(clusters)
        label.append(place[classes] + len(distance))
        size += np.bincount(place[classes], minlength=n_classes).tolist()
        orders += [k] * n_classes
        distance += longest[first[rank]].tolist()
        names += [_name(clusters[one], states, apart) for one in first[rank]]
    return ClusterClasses(
        tuple(members),
        tuple(label),
        np.array(size, dtype=np.int64),
        np.array(orders, dtype=np.int64),
        np.array(distance, dtype=np.float64),
        tuple(names),
    )


def longest_reach(space: ConfigurationSpace, order: int, most: int) -> float | None:
    """The longest distance up to which a space has no more than about so many classes; None where it has fewer.

    Parameters
    ----------
    space : ConfigurationSpace
    order : {2, 3}
        Sites of the largest clusters.
    most : int
        Classes; their number is estimated as that of clusters over that of permutations, which is at least so large.

    Returns
    -------
    float or None
        Angstrom; the shortest distance between two sites where even that gives more.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> longest_reach(space, 3, 1000), round(longest_reach(space, 3, 3), 2)
    (None, 6.29)
    """
    states = States.of(space)
    apart = _distances(space)[np.ix_(states.site, states.site)]
    other = states.site[:, None] != states.site
    radii = np.unique(np.round(apart[other], 3))

    def n_classes(radius: float) -> float:
        near = ((apart <= radius + DISTANCE_TOL + 5e-4) & other).astype(np.float64)
        pairs = near.sum() / 2
        clusters = pairs if order == 2 else pairs + float(((near @ near) * near).sum()) / 6
        return max(float(clusters) / len(space.site_permutations), most * float(clusters) / MOST_CLUSTERS)

    if not len(radii) or n_classes(float(radii[-1])) <= most:
        return None
    fits = [float(radius) for radius in radii if n_classes(float(radius)) <= most]
    return fits[-1] if fits else float(radii[0])


def generating_set(permutations: NDArray[np.integer]) -> NDArray[np.int64]:
    """Some elements of a group that generate it all.

    Parameters
    ----------
    permutations : (n, m) integer ndarray
        Every element, each row distinct.

    Returns
    -------
    (g, m) int64 ndarray

    Examples
    --------
    >>> generating_set(np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]])).tolist()
    [[1, 2, 0]]
    """
    elements = np.ascontiguousarray(permutations, dtype=np.int64)
    number = {row.tobytes(): i for i, row in enumerate(elements)}
    identity = np.arange(elements.shape[1])
    reached = np.zeros(len(elements), dtype=bool)
    reached[number[identity.tobytes()]] = True
    chosen: list[NDArray[np.int64]] = []
    while not reached.all():
        chosen.append(elements[np.flatnonzero(~reached)[0]])
        frontier = np.flatnonzero(reached)
        while len(frontier):
            products = np.concatenate([one[elements[frontier]] for one in chosen])
            found = np.unique([number[row.tobytes()] for row in products])
            frontier = found[~reached[found]]
            reached[frontier] = True
    return np.array(chosen, dtype=np.int64).reshape(len(chosen), elements.shape[1])


def _moves(space: ConfigurationSpace, states: States) -> NDArray[np.int64]:
    """Generators of the space's permutations, acting on states."""
    n_sites = space.n_sites
    number = np.full((int(states.mode.max(initial=-1)) + 1, n_sites), -1, dtype=np.int64)
    number[states.mode, states.site] = np.arange(len(states.site))
    sites = generating_set(space.site_permutations)
    return number[states.mode[None], sites[:, states.site]]


def _extended(
    clusters: NDArray[np.int64], apart: NDArray[np.float64], reach: float, site: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Every cluster with one state more, of a higher number and on another site, within reach of all others."""
    n, parts, total = len(apart), [], 0
    for last in range(n):
        rows = clusters[clusters[:, -1] == last]
        further = np.arange(last + 1, n)
        near = (apart[rows][:, :, further] <= reach) & (site[rows][:, :, None] != site[further])
        row, column = np.nonzero(near.all(axis=1))
        parts.append(np.column_stack([rows[row], further[column]]))
        total += len(row)
        if total > MOST_CLUSTERS:
            raise InputError(
                f"this space has over {MOST_CLUSTERS:,} clusters of {clusters.shape[1] + 1} sites; set a cutoff"
            )
    return np.concatenate(parts) if parts else np.empty((0, clusters.shape[1] + 1), dtype=np.int64)


def _by_class(clusters: NDArray[np.int64], moves: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The class of each cluster: what the generators connect."""
    n_states, k = moves.shape[1], clusters.shape[1]
    place = n_states ** np.arange(k)[::-1]
    codes = clusters @ place  # rising, for the clusters are listed so within each last state
    order = np.argsort(codes)
    links = [np.arange(len(clusters))]
    for move in moves:
        image = np.sort(move[clusters], axis=1) @ place
        links.append(order[np.searchsorted(codes, image, sorter=order)])
    start = np.tile(np.arange(len(clusters)), len(links))
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, np.concatenate(links))), shape=(len(clusters),) * 2)
    n_classes, label = connected_components(graph, directed=False)
    return label.astype(np.int64), int(n_classes)


def _longest(clusters: NDArray[np.int64], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """The longest distance within each cluster."""
    longest = np.zeros(len(clusters))
    for a in range(clusters.shape[1]):
        for b in range(a):
            longest = np.maximum(longest, apart[clusters[:, a], clusters[:, b]])
    return longest


def _name(cluster: NDArray[np.int64], states: States, apart: NDArray[np.float64]) -> str:
    lengths = [float(apart[a, b]) for i, a in enumerate(cluster) for b in cluster[:i]]
    return cluster_name([states.name[state] for state in cluster], lengths)


def cluster_name(species: Sequence[str], lengths: Sequence[float]) -> str:
    """What to call a class of clusters.

    >>> cluster_name(["Br", "Br"], [4.447])
    'Br-Br 4.45 Å'
    """
    return " ".join(["-".join(species), *(f"{length:.2f}" for length in sorted(lengths)), *(["Å"] if lengths else [])])


def _distances(space: ConfigurationSpace) -> NDArray[np.float64]:
    """(n_sites, n_sites): shortest distances between the substituted sites, angstrom."""
    frame = space.supercell_structure
    points = frame.frac_coords[space.site_indices]
    distance: NDArray[np.float64] = np.asarray(frame.lattice.get_all_distances(points, points))
    return distance
