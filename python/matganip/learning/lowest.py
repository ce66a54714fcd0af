r"""The lowest orbits of an explicit energy, by branch and bound: what the compiled search needs, and its steps.

The bound is that of `matganip/convex_bound.hpp`: for each number of decided sites a *shift* of every undecided site
makes the energy convex and leaves its values on arrangements alone. The shifts that give the best bound solve a
semidefinite program, the dual of the condition that no Fourier component of the pair densities is negative; here by
Newton steps on its logarithmic barrier (S. Boyd and L. Vandenberghe, *Convex Optimization*, 2004, chapter 11).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.errors import InputError

if TYPE_CHECKING:
    from matganip.learning.site_interactions import SiteInteractions

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SLACK = 1e-6
"""eV per supercell by which an orbit may be above the last one and still be looked at: energies are ranked by seven
decimals, and bounds are worked out in floating-point numbers."""
_BARRIER = 0.01
"""Part of the sum of shifts that stopping the barrier early may cost."""
_STIFFNESS = 1000.0
"""In units of the largest coupling."""
MOST_STATES = 512


@dataclass(frozen=True, eq=False)
class _Numbered:
    """SiteInteractions in the numbering of the search: sites in the order in which they are decided.

    ``site`` (n_sites,) columns of the occupations; ``state`` (n_states,) states, site by site; ``first``
    (n_sites + 1,); ``kind`` (n_states,); ``kind_sublattice``, ``count`` (n_kinds,); ``kind_code`` (n_kinds,) codes.
    """

    site: Integers
    state: Integers
    first: NDArray[np.int32]
    kind: NDArray[np.int32]
    kind_sublattice: NDArray[np.int32]
    kind_code: NDArray[np.int32]
    count: NDArray[np.int32]

    @classmethod
    def of(cls, energy: SiteInteractions) -> _Numbered:
        space, site = energy.space, site_order(energy)
        place = np.argsort(site)
        sublattice = space.sublattices[energy.site]
        kinds = sorted(set(zip(sublattice.tolist(), energy.code.tolist(), strict=True)))
        kind_of = np.array([kinds.index(one) for one in zip(sublattice.tolist(), energy.code.tolist(), strict=True)])
        state = np.lexsort((kind_of, place[energy.site]))
        per_site = np.bincount(place[energy.site], minlength=space.n_sites)
        return cls(
            site=site,
            state=state,
            first=np.concatenate([[0], np.cumsum(per_site)]).astype(np.int32),
            kind=kind_of[state].astype(np.int32),
            kind_sublattice=np.array([one[0] for one in kinds], dtype=np.int32),
            kind_code=np.array([one[1] for one in kinds], dtype=np.int32),
            count=np.array([space.counts[a][b] for a, b in kinds], dtype=np.int32),
        )


def site_order(energy: SiteInteractions) -> Integers:
    """An order of the sites in which each is coupled as strongly as can be to those before it, (n_sites,).

    Parameters
    ----------
    energy : SiteInteractions
    """
    n = energy.space.n_sites
    strength = np.zeros((n, n))
    np.add.at(strength, (energy.site[:, None], energy.site[None, :]), _centred_pair(energy) ** 2)
    strength = np.round(strength, 16)
    np.fill_diagonal(strength, 0.0)
    chosen = [int(strength.sum(axis=1).argmax())] if n else []
    while len(chosen) < n:
        score = strength[:, chosen].sum(axis=1)
        score[chosen] = -1.0
        chosen.append(int(score.argmax()))
    return np.array(chosen, dtype=np.int64)


def _means(energy: SiteInteractions) -> Floats:
    """Mean occupation of each state."""
    space = energy.space
    sublattice = space.sublattices[energy.site]
    size = np.bincount(space.sublattices, minlength=len(space.counts))
    share = [space.counts[k][c] / size[k] for k, c in zip(sublattice.tolist(), energy.code.tolist(), strict=True)]
    return np.array(share, dtype=np.float64)


def _centred_pair(energy: SiteInteractions) -> Floats:
    """Pair couplings with those triplets whose third site has its mean occupation."""
    pair, mean = energy.pair.copy(), _means(energy)
    a, b, c = energy.triplets.T
    for x, y, z in ((a, b, c), (a, c, b), (b, c, a)):
        np.add.at(pair, (x, y), energy.coupling * mean[z])
        np.add.at(pair, (y, x), energy.coupling * mean[z])
    return pair


def _shifts(pair: Floats, first: NDArray[np.int32], kind: NDArray[np.int32], stiffness: float, mean: Floats) -> Floats:
    """The shift of every undecided site for each number of decided ones, (n_sites, n_sites)."""
    n_sites = len(first) - 1
    shift = np.zeros((n_sites, n_sites))
    for depth in range(n_sites):
        start = first[depth]
        if start == first[-1]:
            continue
        alike = kind[start:, None] == kind[None, start:]
        shift[depth, depth:] = _best_shift(
            pair[start:, start:] + stiffness * alike, first[depth:] - start, mean[start:]
        )
    return shift


def _best_shift(matrix: Floats, first: NDArray[np.int32], mean: Floats) -> Floats:
    """The least weighted sum of shifts that makes a matrix positive: Newton steps on the barrier.

    The shift u_i of site i adds u_i (1 + 1 1^T) to the block of its states.
    """
    n, n_sites = len(matrix), len(first) - 1
    site = np.repeat(np.arange(n_sites), np.diff(first))
    several = np.flatnonzero(np.diff(first) > 1)
    vectors = np.eye(n)
    owner = site
    if len(several) or (np.diff(first) == 1).any():
        total = (site[None, :] == np.arange(n_sites)[:, None]).astype(np.float64)
        has = np.flatnonzero(total.any(axis=1))
        vectors, owner = np.vstack([vectors, total[has]]), np.concatenate([site, has])
    of_site = np.bincount(site, mean, n_sites)
    weight = 0.5 * (2 * of_site - np.bincount(site, mean**2, n_sites) - of_site**2)
    free = np.flatnonzero(np.diff(first) > 0)
    members = (owner[None, :] == free[:, None]).astype(np.float64)  # (f, v)
    weight = np.maximum(weight[free], 1e-3)
    scale = max(float(np.abs(matrix).max()), 1e-12)

    def with_shift(u: Floats) -> Floats:
        made: Floats = matrix + (vectors.T * (u @ members)) @ vectors
        return made

    u = np.full(len(free), max(0.0, -float(np.linalg.eigvalsh(matrix)[0])) + 0.1 * scale)
    strength = len(free) / (float(weight @ np.abs(u)) + 1e-12)
    best = u
    for _ in range(40):
        for _ in range(6):
            inverse = np.linalg.inv(with_shift(u))
            seen = vectors @ inverse @ vectors.T
            gradient = strength * weight - members @ np.diag(seen)
            step = np.linalg.solve(members @ seen**2 @ members.T + 1e-14 * np.eye(len(free)), gradient)
            decrement = float(gradient @ step)
            length = 1.0 if decrement < 0.25 else 1.0 / (1.0 + np.sqrt(decrement))
            while not _is_positive(with_shift(u - length * step)):
                length *= 0.5
            u = u - length * step
            if decrement < 1e-3:
                break
        best = u
        if n / strength < _BARRIER * max(float(weight @ np.abs(u)), 1e-9 * scale):
            break
        strength *= 5.0
    shift = np.zeros(n_sites)
    shift[free] = best
    return shift


def _is_positive(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


def _cubic_norms(
    triplets: NDArray[np.int32], coupling: Floats, first: NDArray[np.int32], kind: NDArray[np.int32]
) -> Floats:
    """For each number of decided sites the largest singular value of the free triplets' couplings, n by n squared.

    They act on deviations from the mean occupation, whose sum over the sites of a kind is zero: what a coupling has in
    common along a kind is left out.
    """
    n, n_sites = int(first[-1]), len(first) - 1
    norm = np.zeros(n_sites)
    if not len(coupling):
        return norm
    full = np.zeros((n, n, n))
    a, b, c = triplets.T
    for x, y, z in ((a, b, c), (a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)):
        full[x, y, z] = coupling
    for depth in range(n_sites):
        part = full[first[depth] :, first[depth] :, first[depth] :].copy()
        for one in np.unique(kind[first[depth] :]):
            own = kind[first[depth] :] == one
            for axis in range(3):
                at = (*(slice(None),) * axis, own)
                part[at] -= part[at].mean(axis=axis, keepdims=True)
        part = part.reshape(len(part), -1)
        norm[depth] = np.sqrt(max(0.0, float(np.linalg.eigvalsh(part @ part.T)[-1]))) * (1 + 1e-9)
    return norm


@dataclass(frozen=True, eq=False)
class Found:
    """Orbits that a search found.

    Attributes
    ----------
    occupations : (n, n_sites) uint8 ndarray
        A member of each orbit, lowest first.
    energy : (n,) float64 ndarray
        eV per supercell.
    multiplicity : (n,) int64 ndarray
    """

    occupations: NDArray[np.uint8]
    energy: Floats
    multiplicity: Integers


class LowestOrbits:
    """A search for the lowest orbits of an energy, step by step, that proves what it finds.

    Parameters
    ----------
    energy : SiteInteractions
    top : int
        How many orbits.
    window : float, optional
        eV per supercell: instead all orbits up to so far above the lowest.
    slack : float
        eV per supercell: orbits by so little above the last one are found too.

    Raises
    ------
    InputError
        If there are more states than the search can hold.

    Examples
    --------
    >>> import matganip as mg
    >>> from matganip.learning.site_interactions import SiteInteractions
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> model = mg.train(space, "cspbi3_br/chgnet_X6of24", diffraction={"cutoff": 9.0})
    >>> search = LowestOrbits(SiteInteractions.of(model, space), top=3)
    >>> while search.advance():
    ...     pass
    >>> len(search.found().energy) >= 3, search.n_open
    (True, 0)
    """

    def __init__(
        self, energy: SiteInteractions, *, top: int = 1, window: float | None = None, slack: float = SLACK
    ) -> None:
        if energy.n_states > MOST_STATES:
            raise InputError(f"{energy.n_states} states of sites are more than the {MOST_STATES} that a proof can hold")
        self.energy = energy
        self._numbered = one = _Numbered.of(energy)
        place = np.argsort(one.site)
        images = np.empty_like(energy.space.group)
        images[:, place] = place[energy.space.group].astype(np.uint16)
        rank = np.argsort(one.state)
        triplets = np.sort(rank[energy.triplets], axis=1).astype(np.int32).reshape(-1, 3)
        centred = _centred_pair(energy)[np.ix_(one.state, one.state)]
        stiffness = _STIFFNESS * max(float(np.abs(centred).max(initial=0.0)), 1e-6)
        mean = _means(energy)[one.state]
        # What each site of a kind adds alike is a constant: it is not left for the bound to balance by the stiffness.
        alike = np.zeros(len(one.count))
        np.add.at(alike, one.kind, energy.field[one.state] + centred @ mean)
        alike = alike / np.maximum(np.bincount(one.kind, minlength=len(one.count)), 1)
        self._kernel = _core.LowestOrbits(
            permutations=images,
            sublattice=energy.space.sublattices[one.site].astype(np.int32),
            first_state=one.first,
            kind=one.kind,
            kind_sublattice=one.kind_sublattice,
            count=one.count,
            constant=energy.constant + float(alike @ one.count),
            field=energy.field[one.state] - alike[one.kind],
            pair=np.ascontiguousarray(energy.pair[np.ix_(one.state, one.state)]),
            triplets=triplets,
            coupling=np.ascontiguousarray(energy.coupling),
            exclusions=self._exclusions(),
            shift=_shifts(centred, one.first, one.kind, stiffness, mean),
            stiffness=stiffness,
            cubic=_cubic_norms(triplets, energy.coupling, one.first, one.kind),
            top=top,
            window=-1.0 if window is None else window,
            slack=slack,
        )
        self._top, self._window, self._slack = top, window, slack
        self._asked = f"{energy.space.key} {top} {window} {slack}"

    def advance(self, num_threads: int | None = None) -> bool:
        """Search on for about a second; False once nothing is open."""
        try:
            return self._kernel.advance(num_threads=num_threads or 0)
        except ValueError as error:
            raise InputError(str(error)) from error

    def know(self, occupations: NDArray[np.uint8]) -> None:
        """Look no higher than arrangements that were met by other means, (n, n_sites), of one orbit each.

        What comes out in the end is the same: they are found again.
        """
        energies = np.sort(self.energy(occupations))
        if self._window is not None and len(energies):
            self._kernel.set_ceiling(float(energies[0]) + self._window + self._slack)
        elif len(energies) >= self._top:
            self._kernel.set_ceiling(float(energies[self._top - 1]) + self._slack)

    @property
    def lower_bound(self) -> float:
        """No orbit that is not found yet is lower, eV per supercell; infinite when nothing is open."""
        return self._kernel.lower_bound

    @property
    def threshold(self) -> float:
        """Orbits above it are not wanted, eV per supercell; infinite while too few are found."""
        return self._kernel.threshold

    @property
    def n_visited(self) -> int:
        """Partial arrangements that were branched on."""
        return self._kernel.n_visited

    @property
    def n_open(self) -> int:
        """Partial arrangements that are still to be searched."""
        return self._kernel.n_open

    def found(self) -> Found:
        """The lowest orbits so far."""
        arrays = self._kernel.found()
        return Found(self._occupations(arrays["codes"]), arrays["energies"], arrays["multiplicities"])

    def _exclusions(self) -> NDArray[np.int32]:
        """Exclusions of the space in the numbering of the search: places, and codes with the reference last."""
        one, energy = self._numbered, self.energy
        place = np.argsort(one.site)
        code = np.full((energy.space.n_sites, 256), -1, dtype=np.int32)
        number = np.arange(energy.n_states) - np.repeat(one.first[:-1], np.diff(one.first))
        code[energy.site[one.state], energy.code[one.state]] = number
        code[np.arange(energy.space.n_sites), energy.reference] = np.diff(one.first)[place]
        i, a, j, b = energy.space.exclusions.astype(np.int64).T
        rows = np.stack([place[i], code[i, a], place[j], code[j, b]], axis=1)
        return np.ascontiguousarray(rows, dtype=np.int32)

    def _occupations(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        one, space = self._numbered, self.energy.space
        rows = np.tile(self.energy.reference.astype(np.uint8), (len(codes), 1))
        for place, site in enumerate(one.site):
            states = one.state[one.first[place] : one.first[place + 1]]
            table = np.append(self.energy.code[states], self.energy.reference[site]).astype(np.uint8)
            if len(codes):
                rows[:, site] = table[codes[:, place]]
        assert rows.shape[1] == space.n_sites  # noqa: S101
        return rows

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the energy, the space and what is looked for."""
        digest = hashlib.sha256(self._asked.encode())
        one = self.energy
        for array in (one.site, one.code, one.reference, one.field, one.pair, one.triplets, one.coupling):
            digest.update(array.tobytes())
        return digest.hexdigest()

    def state(self) -> dict[str, NDArray[Any]]:
        """What `resume` needs."""
        opened, found = self._kernel.open(), self._kernel.found()
        n = self.energy.space.n_sites
        return {
            "open_codes": opened["codes"].reshape(-1, n),
            "open_bounds": opened["bounds"],
            "found_codes": found["codes"].reshape(-1, n),
            "found_energies": found["energies"],
            "found_multiplicities": found["multiplicities"],
            "n_visited": np.array([self.n_visited], dtype=np.uint64),
        }

    def resume(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a state of a search for the same.

        Raises
        ------
        InputError
            If the state does not fit.
        """
        arrays = dict(state)
        try:
            self._kernel.resume(n_visited=int(arrays.pop("n_visited")[0]), **arrays)
        except (TypeError, ValueError, KeyError) as error:
            raise InputError(f"the state of the search is damaged: {error}") from error
