"""Special quasirandom structures: the arrangement whose correlations are nearest to those of the random alloy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice

from matganip.configurations.batch import ConfigurationBatch
from matganip.configurations.composition import element_of
from matganip.configurations.space import ConfigurationSpace
from matganip.configurations.superlattices import primitive_crystal, shapes_of
from matganip.configurations.uniform_samples import draw_rows
from matganip.errors import InputError
from matganip.features.lattice.correlations import Basis, CorrelationClusters, CorrelationMatch
from matganip.features.lattice.swaps import seeded_generators
from matganip.progress import ProgressOption, Report, reporting
from matganip.results.sqs import SqsResult

TRIAL_CHAINS, TRIAL_PART = 2, 10
"""Chains by which shapes are compared first, and the part of their length."""
KEPT_SHAPES = 4
"""Shapes that all chains then go to."""


def sqs(
    space: ConfigurationSpace,
    pairs: float,
    triplets: float | None = None,
    *,
    any_shape: bool = False,
    objective: str = "correlations",
    optimality_weight: float = 1.0,
    n_chains: int = 16,
    n_swaps: int = 20_000,
    n_shapes: int = 24,
    enumerate_up_to: int = 200_000,
    seed: int = 0,
    num_threads: int | None = None,
    progress: ProgressOption = None,
) -> SqsResult:
    r"""Find a special quasirandom structure.

    Parameters
    ----------
    space : ConfigurationSpace
        The crystal, the composition of each sublattice, and the supercell.
    pairs, triplets : float
        Longest distance of pairs, and within triplets, angstrom; no triplets by default.
    any_shape : bool
        Try all shapes of as many primitive cells, up to symmetry, the most compact ones first, not the supercell alone.
    objective : {"correlations", "short-range-order"}
        What is made small: the differences of the correlation functions from those of the random alloy, less
        `optimality_weight` for each angstrom of radius up to which all pairs match (A. van de Walle et al., Calphad
        42, 13 (2013)); or the Warren-Cowley parameters of pairs, :math:`\sum |\alpha_{ab}| / s` over all species a
        and b and all shells s = 1, 2, ... of neighbours.
    optimality_weight : float
        1/angstrom; for ``correlations``.
    n_chains, n_swaps : int
        Chains of simulated annealing, and swaps of each.
    n_shapes : int
        Shapes to try, most compact first.
    enumerate_up_to : int
        Where all shapes together have no more orbits, all are scored: the result is the best there is.
    seed : int
        Same seed, same result.
    num_threads : int, optional
        None or 0 is all cores. The result does not depend on it.
    progress : optional
        As everywhere: True for a bar, or a callback.

    Returns
    -------
    SqsResult

    Raises
    ------
    InputError
        If an argument is invalid, or distances exclude arrangements of the space.

    Notes
    -----
    A. Zunger, S.-H. Wei, L. G. Ferreira, J. E. Bernard, Phys. Rev. Lett. 65, 353 (1990).

    Examples
    --------
    >>> import matganip as mg
    >>> from pymatgen.core import Lattice, Structure
    >>> fcc = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.7), ["Cu"], [[0, 0, 0]])
    >>> found = mg.sqs(mg.ConfigurationSpace(fcc, (2, 1, 1), {"Cu": {"Au": 4}}), pairs=3.8, any_shape=True)
    >>> found.exact, round(found.score, 6)
    (True, -1.85)
    """
    if objective not in ("correlations", "short-range-order"):
        raise InputError(f"objective: correlations or short-range-order, got {objective!r}")
    if objective == "short-range-order" and triplets is not None:
        raise InputError("triplets: short-range order is of pairs; leave triplets out, or take the correlations")
    for name, number in (("n_chains", n_chains), ("n_swaps", n_swaps), ("n_shapes", n_shapes)):
        if number < 1:
            raise InputError(f"{name} must be positive, got {number}")
    if len(space.exclusions):
        raise InputError(
            "sqs: distances exclude arrangements of this space (split sites, disorder groups, min_distance); a random "
            "alloy of it has no simple correlations"
        )
    problems = [
        _problem(one, pairs, triplets, objective, optimality_weight) for one in _shapes(space, any_shape, n_shapes)
    ]
    if not len(problems[0].target):
        raise InputError(f"pairs={pairs:g}: there are no pairs of substituted sites that near; take a longer distance")
    least = sum(one.space.n_configurations // one.space.symmetry.n_operations for one in problems)
    every = least <= enumerate_up_to and sum(one.space.count_orbits() for one in problems) <= enumerate_up_to
    with reporting(progress) as report:
        if every:
            found = _enumerated(problems, num_threads)
        else:
            found = _annealed(problems, n_chains, n_swaps, seed, num_threads, report)
    match, row, score = found
    batch = match.space.canonical(row[np.newaxis]) if every else _as_found(match.space, row)
    return SqsResult(
        batch=batch,
        score=score,
        objective=objective,
        functions=match.names,
        order=match.order,
        distance=match.distance,
        target=match.target,
        correlations=match.correlations(row[np.newaxis])[0],
        exact=every,
        n_shapes=len(problems),
        n_tried=sum(one.space.count_orbits() for one in problems) if every else n_chains,
        n_swaps=0 if every else n_swaps,
        seed=seed,
    )


def _as_found(space: ConfigurationSpace, row: NDArray[np.uint8]) -> ConfigurationBatch:
    """The arrangement itself, without its orbit, for which large cells have no time."""
    return ConfigurationBatch(space, row[np.newaxis], np.ones(1, dtype=np.int64))


def _shapes(space: ConfigurationSpace, any_shape: bool, n_shapes: int) -> list[ConfigurationSpace]:
    """The space, or those of its composition on the most compact shapes of its size."""
    if not any_shape:
        return [space]
    owner = {site: k for k, one in enumerate(space.sublattice_table) for site in one.parent_sites}
    kinds = [(element_of(space.parent, i), owner.get(i, -1)) for i in range(len(space.parent))]
    primitive = primitive_crystal(space.parent, [kinds.index(kind) for kind in kinds], space.symprec)
    volume = space.n_cells * len(space.parent) // len(primitive.structure)
    number = {int(site): new for new, site in enumerate(primitive.sites)}
    substitutions = {
        tuple(number[i] for i in one.parent_sites if i in number): one.substitutes for one in space.sublattice_table
    }
    shapes = shapes_of(primitive, volume, volume)
    shortest = [_shortest(shape.matrix @ primitive.structure.lattice.matrix) for shape in shapes]
    found = []
    for k in np.argsort(-np.round(shortest, 6), kind="stable")[:n_shapes]:
        one = ConfigurationSpace(primitive.structure, shapes[k].matrix, substitutions, symprec=space.symprec)
        one.symmetry = primitive.symmetry.on_superlattice(shapes[k].matrix)
        found.append(one)
    return found


def _shortest(vectors: NDArray[np.float64]) -> float:
    """The shortest translation of a supercell, angstrom: what makes it compact."""
    return float(min(Lattice(vectors).get_lll_reduced_lattice().abc))


def _problem(
    space: ConfigurationSpace, pairs: float, triplets: float | None, objective: str, optimality_weight: float
) -> CorrelationMatch:
    if objective == "correlations":
        clusters = CorrelationClusters.of(space, pairs, triplets)
        return CorrelationMatch(space, clusters, optimality_weight=optimality_weight)
    basis: Basis = "species"
    clusters = CorrelationClusters.of(space, pairs, None, basis)
    plain = CorrelationMatch(space, clusters, optimality_weight=0.0)
    # alpha = 1 - p / (x x'), so that its size is that of p - x x' over x x'; shells count from the nearest.
    shells = np.unique(np.round(plain.distance, 4), return_inverse=True)[1].reshape(-1) + 1
    other = np.array([len(set(name.split(" ")[0].split("-"))) > 1 for name in plain.names])
    weight = np.where(plain.target > 0, 1 / (np.maximum(plain.target, 1e-300) * shells), 0.0) * other
    return CorrelationMatch(space, clusters, weight, 0.0)


Found = tuple[CorrelationMatch, NDArray[np.uint8], float]


def _enumerated(problems: list[CorrelationMatch], num_threads: int | None) -> Found:
    """The best of all orbits of all shapes; the first of equals."""
    best: Found | None = None
    for match in problems:
        for batch in match.space.orbits(16384, num_threads=num_threads):
            scores = match.scores(batch.occupations, num_threads)
            k = int(np.argmin(np.round(scores, 9)))
            if best is None or scores[k] < best[2] - 1e-9:
                best = match, batch.occupations[k], float(scores[k])
    if best is None:  # a composition that fits has an arrangement
        raise InputError("sqs: the space has no arrangement")
    return best


def _annealed(
    problems: list[CorrelationMatch], n_chains: int, n_swaps: int, seed: int, num_threads: int | None, report: Report
) -> Found:
    """The best of chains; several shapes are compared by short ones first."""
    if len(problems) > KEPT_SHAPES:
        scores = []
        for k, match in enumerate(problems):
            report("shapes", k, len(problems), "")
            scores.append(_chains(match, TRIAL_CHAINS, max(1, n_swaps // TRIAL_PART), (seed, 1, k), num_threads)[2])
        problems = [problems[k] for k in np.argsort(np.round(scores, 9), kind="stable")[:KEPT_SHAPES]]
    share = [len(part) for part in np.array_split(np.arange(n_chains), len(problems))]
    found = []
    for k, (match, n) in enumerate(zip(problems, share, strict=True)):
        report("chains", sum(share[:k]), n_chains, "")
        if n:
            found.append(_chains(match, n, n_swaps, (seed, 2, k), num_threads))
    return min(found, key=lambda one: round(one[2], 9))


def _chains(match: CorrelationMatch, n: int, n_swaps: int, seed: tuple[int, ...], num_threads: int | None) -> Found:
    random = np.random.default_rng(seed)
    start = draw_rows(match.space, n, random)
    rows, scores = match.anneal(start, seeded_generators(int(random.integers(2**62)), n), n_swaps, num_threads)
    k = int(np.argmin(np.round(scores, 9)))
    return match, rows[k], float(scores[k])
