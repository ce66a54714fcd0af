"""Random arrangements where exclusions tie too many sites together to be counted: Markov chains of swaps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.configurations.cycles import shuffled
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.configurations.supercell import SubstitutedSupercell

SWEEPS = 100
"""Swaps tried for each site, after the exclusions are obeyed."""
MOST_SWEEPS = 2000
"""Swaps tried for each site to get there."""


def walked_rows(space: SubstitutedSupercell, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw arrangements that obey exclusions, each from a chain of its own.

    A chain starts anywhere and makes swaps of two sites of a sublattice that break no more exclusions than it did,
    sometimes (with a probability of exp(-3) for each) one more. Once it breaks none it makes every swap that keeps
    that: a walk whose stationary distribution is uniform over the arrangements that it can reach.

    Parameters
    ----------
    space : SubstitutedSupercell
        With its exclusions.
    n : int
        Number of draws.
    rng : numpy.random.Generator
        Random numbers.

    Returns
    -------
    (n, n_sites) uint8

    Raises
    ------
    InputError
        If a chain finds none.
    """
    rows = np.hstack([shuffled(rng, n, counts) for counts in space.counts])
    partners = _partners(space.exclusions, space.n_sites)
    members = [np.flatnonzero(space.sublattices == s) for s, c in enumerate(space.counts) if sum(map(bool, c)) > 1]
    if not n or not members:
        return rows
    sites = np.concatenate(members)
    of_site = np.repeat(np.arange(len(members)), [len(m) for m in members])
    sizes = np.array([len(m) for m in members])
    starts = np.cumsum([0, *sizes[:-1]])
    chain = np.arange(n)
    done = np.zeros(n, dtype=bool)
    steps_left = SWEEPS * len(sites)
    for step in range((MOST_SWEEPS + SWEEPS) * len(sites)):
        if step % len(sites) == 0:
            done = _all_broken(rows, partners) == 0
            if step >= MOST_SWEEPS * len(sites) and not done.all():
                raise InputError(
                    f"after {MOST_SWEEPS * len(sites):,} swaps still no arrangement that keeps the distances asked "
                    "for; is there one? Lower min_distance or the number of atoms"
                )
        drawn = rng.integers(len(sites), size=n)
        i, which = sites[drawn], of_site[drawn]
        j = sites[starts[which] + (rng.random(n) * sizes[which]).astype(np.int64)]
        before = _broken_at(rows, chain, i, j, partners)
        rows[chain, i], rows[chain, j] = rows[chain, j], rows[chain, i]
        more = _broken_at(rows, chain, i, j, partners) - before
        back = np.where(done, more > 0, rng.random(n) >= np.exp(-3.0 * np.maximum(more, 0)))
        rows[chain[back], i[back]], rows[chain[back], j[back]] = rows[chain[back], j[back]], rows[chain[back], i[back]]
        if done.all():
            steps_left -= 1
            if steps_left <= 0:
                break
    return rows


def _partners(exclusions: NDArray[np.uint16], n_sites: int) -> NDArray[np.int64]:
    """(n_sites, k, 3): own code, other column and its code of each exclusion of a column; padded with code -1."""
    lists: list[list[tuple[int, int, int]]] = [[] for _ in range(n_sites)]
    for i, a, j, b in exclusions.tolist():
        lists[i].append((a, j, b))
        if i != j:
            lists[j].append((b, i, a))
    longest = max(map(len, lists))
    return np.array([[*one, *[(-1, 0, 0)] * (longest - len(one))] for one in lists], dtype=np.int64)


def _broken_at(
    rows: NDArray[np.uint8],
    chain: NDArray[np.int64],
    i: NDArray[np.int64],
    j: NDArray[np.int64],
    partners: NDArray[np.int64],
) -> NDArray[np.int64]:
    """How many exclusions of two columns each chain breaks."""
    found = np.zeros(len(rows), dtype=np.int64)
    for column in (i, j):
        own, other, code = np.moveaxis(partners[column], 2, 0)
        found += ((rows[chain, column][:, np.newaxis] == own) & (rows[chain[:, np.newaxis], other] == code)).sum(axis=1)
    return found


def _all_broken(rows: NDArray[np.uint8], partners: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many exclusions each chain breaks; those of two columns count twice."""
    own, other, code = np.moveaxis(partners, 2, 0)
    found = np.zeros(len(rows), dtype=np.int64)
    for k in range(own.shape[1]):
        found += ((rows == own[:, k]) & (rows[:, other[:, k]] == code[:, k])).sum(axis=1)
    return found
