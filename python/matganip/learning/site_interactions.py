r"""The energy of a model as an explicit sum over sites, pairs and triplets of sites.

.. math:: E = E_0 + \sum_s h_s x_s + \sum_{s<t} J_{st} x_s x_t + \sum_{s<t<u} K_{stu} x_s x_t x_u

A *state* s is a site and a species on it, other than the reference of its sublattice; x_s is 1 where the arrangement
has it and 0 elsewhere. Every model that is linear in columns which are sums over pairs and triplets of sites is of this
form (peaks that are scaled by the largest of each arrangement are not). The coefficients are differences of energies of
arrangements with one, two and three states (Moebius inversion over subsets), one for each class of clusters that the
space's permutations take into one another. That the sum is the model is checked on random arrangements, never assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from matganip.errors import InputError
from matganip.features.lattice.cluster_classes import States, cluster_classes
from matganip.learning.solved import Solved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matganip.configurations.space import ConfigurationSpace
    from matganip.learning.model import Model

Floats = NDArray[np.float64]

TOLERANCE = 1e-9
"""eV per supercell, by which the sum and the model may differ on a random arrangement."""
N_CHECKED = 200
_ROWS = 16_384


@dataclass(frozen=True, eq=False)
class SiteInteractions:
    """Constants, fields, pair and triplet couplings of a model on the sites of a supercell, eV.

    Attributes
    ----------
    space : ConfigurationSpace
    site, code : (n_states,) int64 ndarray
        The column of each state and the code of its species there.
    reference : (n_sites,) int64 ndarray
        The code of each column that belongs to no state.
    constant : float
        Energy of the arrangement of reference codes.
    field : (n_states,) float64 ndarray
    pair : (n_states, n_states) float64 ndarray
        Symmetric; zero between states of one site.
    triplets : (n, 3) int64 ndarray
        States of each triplet that couples, rising.
    coupling : (n,) float64 ndarray
        Of the triplets.

    Examples
    --------
    >>> import matganip as mg
    >>> space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 6}})
    >>> model = mg.train(space, "cspbi3_br/chgnet_X6of24", diffraction={"cutoff": 9.0, "triplets": True, "n_peaks": 30})
    >>> energy = SiteInteractions.of(model, space)
    >>> rows = space.sample_configurations(50).occupations
    >>> bool(np.abs(energy(rows) - model.predict(rows).energy).max() < 1e-6)
    True
    """

    space: ConfigurationSpace
    site: NDArray[np.int64]
    code: NDArray[np.int64]
    reference: NDArray[np.int64]
    constant: float
    field: Floats
    pair: Floats
    triplets: NDArray[np.int64]
    coupling: Floats

    @staticmethod
    def linear(model: Model) -> bool:
        """Whether a model is a linear function of its columns."""
        return isinstance(model.predictor, Solved) and model.predictor.kind == "linear"

    @classmethod
    def of(cls, model: Model, space: ConfigurationSpace) -> SiteInteractions:
        """Work out the interactions of a model.

        Parameters
        ----------
        model : Model
            Solved in closed form, with a linear function.
        space : ConfigurationSpace

        Raises
        ------
        InputError
            If the model is no sum over pairs and triplets of sites, or the space has over five million triplets.
        """
        if not isinstance(model.predictor, Solved) or not cls.linear(model):
            what = "a bent (kernel) function" if isinstance(model.predictor, Solved) else "a network or a surrogate"
            raise InputError(
                f"the model is {what} of its columns, whose energies are no sums over pairs and triplets of sites"
            )
        model.check(space)
        represent, solved = model.represent(space), model.predictor
        weight = solved.slope * solved.prior * len(space.supercell_structure)
        constant = solved.offset * len(space.supercell_structure) - float(weight @ solved.mean)

        def energies(rows: NDArray[np.uint8]) -> Floats:
            energy: Floats = constant + (represent.features(rows) * weight).sum(axis=1)
            return energy

        return cls.from_function(energies, space)

    @classmethod
    def from_function(
        cls, energies: Callable[[NDArray[np.uint8]], Floats], space: ConfigurationSpace, tolerance: float = TOLERANCE
    ) -> SiteInteractions:
        """Work out the interactions of a function of arrangements that the space's permutations leave as it is.

        Parameters
        ----------
        energies : callable
            From codes (n, n_sites) uint8, of any composition, to (n,) eV per supercell.
        space : ConfigurationSpace
        tolerance : float
            eV, by which the sum may differ from the function on random arrangements.

        Raises
        ------
        InputError
            If the function is no sum over pairs and triplets of sites.
        """
        apart = np.inf
        for order in (2, 3):
            found = _expanded(energies, space, order)
            rows = _random_rows(space)
            apart = float(np.abs(found(rows) - _in_blocks(energies, rows)).max())
            if apart <= tolerance:
                return found
        raise InputError(
            f"the model is no sum over pairs and triplets of sites: with all of these it is {apart:.2g} eV off on "
            "a random arrangement (powder peaks are scaled by the largest of each one); train without diffraction "
            "settings, or with clusters or resolved peaks"
        )

    @property
    def n_states(self) -> int:
        """How many states there are."""
        return len(self.site)

    def indicators(self, occupations: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which states arrangements (n, n_sites) hold, (n, n_states)."""
        held: NDArray[np.bool_] = occupations[:, self.site] == self.code
        return held

    def __call__(self, occupations: NDArray[np.uint8]) -> Floats:
        """Energies (n,) of arrangements (n, n_sites) of any composition, eV per supercell."""
        return np.concatenate(
            [self._energies(occupations[k : k + 256]) for k in range(0, len(occupations), 256)] or [np.empty(0)]
        )

    def _energies(self, rows: NDArray[np.uint8]) -> Floats:
        held = self.indicators(rows).astype(np.float64)
        of_pairs = 0.5 * np.einsum("ns,st,nt->n", held, self.pair, held, optimize=True)
        a, b, c = self.triplets.T
        energy: Floats = (
            self.constant + held @ self.field + of_pairs + (held[:, a] * held[:, b] * held[:, c]) @ self.coupling
        )
        return energy


def _expanded(
    energies: Callable[[NDArray[np.uint8]], Floats], space: ConfigurationSpace, order: int
) -> SiteInteractions:
    """The expansion up to some order, whether it is the function or not."""
    references = [species[int(np.argmax(counts))] for species, counts in zip(space.species, space.counts, strict=True)]
    states = States.of(space, references)
    classes = cluster_classes(space, order, None, states)
    code = np.array(
        [space.species[space.sublattices[i]].index(n) for i, n in zip(states.site, states.name, strict=True)],
        dtype=np.int64,
    )
    reference = np.array([space.species[k].index(references[k]) for k in space.sublattices], dtype=np.int64)
    firsts = [_first_members(m, label) for m, label in zip(classes.members, classes.label, strict=True)]
    chosen = [tuple(row) for one in firsts for row in one.tolist()]
    value = _differences(energies, reference, states.site, code, chosen)
    n = len(states.site)
    pair = np.zeros((n, n))
    a, b = classes.members[1].T
    pair[a, b] = pair[b, a] = value[1 + classes.label[1]]
    triplets, coupling = np.empty((0, 3), dtype=np.int64), np.empty(0)
    if order == 3:
        coupling = value[1 + classes.label[2]]
        kept = np.abs(coupling) > 1e-13 * max(1e-30, float(np.abs(value[1:]).max(initial=0.0)))
        triplets, coupling = classes.members[2][kept], coupling[kept]
    field = value[1 + classes.label[0]]
    own = np.empty(n)
    own[classes.members[0][:, 0]] = field
    return SiteInteractions(space, states.site, code, reference, float(value[0]), own, pair, triplets, coupling)


def _first_members(members: NDArray[np.int64], label: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first cluster of each class of one order, in the order of the classes."""
    _, first = np.unique(label, return_index=True)
    return members[first]


def _differences(
    energies: Callable[[NDArray[np.uint8]], Floats],
    reference: NDArray[np.int64],
    site: NDArray[np.int64],
    code: NDArray[np.int64],
    clusters: Sequence[tuple[int, ...]],
) -> Floats:
    """The constant and the coefficient of each cluster: alternating sums of energies over its subsets."""
    number: dict[tuple[int, ...], int] = {(): 0}
    for cluster in clusters:
        for k in range(1, len(cluster) + 1):
            for subset in combinations(cluster, k):
                number.setdefault(subset, len(number))
    rows = np.tile(reference.astype(np.uint8), (len(number), 1))
    for subset, row in number.items():
        for state in subset:
            rows[row, site[state]] = code[state]
    energy = _in_blocks(energies, rows)
    energy[1:] -= energy[0]  # what all share would cost digits
    value = np.empty(1 + len(clusters))
    value[0] = energy[0]
    energy[0] = 0.0
    for k, cluster in enumerate(clusters, 1):
        value[k] = sum(
            (-1.0) ** (len(cluster) - size) * energy[number[subset]]
            for size in range(len(cluster) + 1)
            for subset in combinations(cluster, size)
        )
    return value


def _in_blocks(energies: Callable[[NDArray[np.uint8]], Floats], rows: NDArray[np.uint8]) -> Floats:
    return np.concatenate([energies(rows[k : k + _ROWS]) for k in range(0, len(rows), _ROWS)])


def _random_rows(space: ConfigurationSpace) -> NDArray[np.uint8]:
    """Arrangements of the space's composition, and as many of any."""
    drawn = space.sample_configurations(N_CHECKED, seed=1).occupations
    random = np.random.default_rng(1)
    n_codes = np.array([len(space.species[k]) for k in space.sublattices])
    free = (random.random((N_CHECKED, space.n_sites)) * n_codes).astype(np.uint8)
    return np.concatenate([drawn, free])
