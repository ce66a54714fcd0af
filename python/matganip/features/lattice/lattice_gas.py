r"""Energies that are sums over points, pairs and triplets of a parent, in any of its supercells, and walks on them.

.. math:: E = n_\mathrm{cells} E_0 + \sum_\alpha J_\alpha N_\alpha

with :math:`N_\alpha` the clusters of a class that an arrangement holds (`SharedClusters`). What one site adds depends
on its surroundings alone, so that a trial of a Monte Carlo walk costs the same in a cell of any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matganip import _core
from matganip.errors import InputError
from matganip.features.lattice.lattice_sites import LatticeSites
from matganip.features.lattice.shared_clusters import SharedClusters, species_of_basis

if TYPE_CHECKING:
    from matganip.configurations.lattice_points import CellCodes
    from matganip.configurations.space import ConfigurationSpace

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Interactions:
    """What the clusters of a parent cost.

    Attributes
    ----------
    clusters : SharedClusters
    energy : (n_classes,) float64 ndarray
        eV for each cluster of a class.
    constant : float
        eV for each primitive cell of the parent.
    """

    clusters: SharedClusters
    energy: Floats
    constant: float


@dataclass(frozen=True, eq=False)
class GasWalked:
    """Where the chains of a lattice gas are after a walk, and what was recorded on the way.

    Attributes
    ----------
    occupations : (n, n_sites) uint8 ndarray
    generators : (n, 4) uint64 ndarray
        Where the random numbers of each chain are.
    energy : (n, n_records) float64 ndarray
        eV per supercell.
    counts : (n, n_records, n_sublattices, n_species) int64 ndarray
        Sites of each sublattice with each code.
    accepted : (n, 4) int64 ndarray
        Swaps tried and made, changes tried and made.
    transitions : (n, n_levels, 3) float64 ndarray
        For each number of counted sites: changes tried, and the sums of the probabilities with which one more and one
        less would be accepted. n_levels is 0 without a bias.
    level_energy : (n, n_levels, 3) float64 ndarray
        For each number of counted sites: trials spent there, and sums of E and E^2, eV, E that of `LatticeGas.origin`
        left out.
    """

    occupations: NDArray[np.uint8]
    generators: NDArray[np.uint64]
    energy: Floats
    counts: Integers
    accepted: Integers
    transitions: Floats
    level_energy: Floats


class LatticeGas:
    """The arrangements of a supercell, of any composition, as a lattice gas.

    Parameters
    ----------
    space : ConfigurationSpace
        Its supercell and species count; its composition does not.
    interactions : Interactions

    Raises
    ------
    InputError
        If distances exclude arrangements of the space.

    Attributes
    ----------
    origin : float
        The energy of the arrangement that is all parent, eV per supercell.

    Examples
    --------
    >>> import matganip as mg
    >>> from pymatgen.core import Lattice, Structure
    >>> cube = Structure(Lattice.cubic(3.0), ["Cu"], [[0, 0, 0]])
    >>> space = mg.ConfigurationSpace(cube, (4, 4, 4), {"Cu": {"Au": 32}})
    >>> clusters = SharedClusters.of(space, 3.0, None)
    >>> gas = LatticeGas(space, Interactions(clusters, np.array([0.0, -0.02]), 0.0))
    >>> full = np.full((1, 64), space.species[0].index("Au"), dtype=np.uint8)
    >>> gas.energy(full).round(6).tolist()
    [-3.84]
    """

    def __init__(self, space: ConfigurationSpace, interactions: Interactions) -> None:
        if len(space.exclusions):
            raise InputError(
                "distances exclude arrangements of this space (split sites, or min_distance); Monte Carlo on clusters "
                "of the parent does not know of them: search, sample or screen the space instead"
            )
        self.space, self.interactions = space, interactions
        sites = LatticeSites(space)
        modes = species_of_basis(space, sites.parent)
        self.n_modes = max(map(len, modes)) + 1
        self.origin = interactions.constant * sites.codes.n_cells
        self._mode_of_code, self._code_of_mode = _translations(space, self.n_modes)
        terms = [_Terms.of(interactions, sites.codes, basis, self.n_modes) for basis in range(len(modes))]
        width = max(len(one.offset) for one in terms)
        n_sites = space.n_sites
        neighbours = np.tile(np.arange(n_sites, dtype=np.int32)[:, None], (1, width))  # padded by the site itself
        for basis, one in enumerate(terms):
            own = np.flatnonzero(sites.basis == basis)
            at = sites.columns_of(
                np.broadcast_to(one.basis, (len(own), len(one.basis))), sites.cell[own, None] + one.offset
            )
            neighbours[own, : len(one.basis)] = at
        tables = [one.tables(width) for one in terms]
        counts = np.concatenate([one[2] for one in tables])
        self._kernel = _core.LatticeGas(
            basis=sites.basis.astype(np.int32),
            sublattices=np.ascontiguousarray(space.sublattices, dtype=np.int32),
            modes=np.array([len(one.species) for one in space.sublattice_table], dtype=np.int32),
            neighbours=neighbours,
            points=np.array([one.points for one in terms]),
            pairs=np.concatenate([one[1] for one in tables]),
            triplet_offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            triplet_places=np.concatenate([one[3] for one in tables]).astype(np.int32),
            triplet_values=np.concatenate([one[4] for one in tables]),
        )

    def energy(self, occupations: NDArray[np.uint8], num_threads: int | None = None) -> Floats:
        """Energies (n,), eV per supercell, of occupations (n, n_sites) uint8 of any composition.

        Raises
        ------
        InputError
            If the occupations do not fit the supercell.
        """
        found: Floats = self._asked(self._kernel.energies, self._modes(occupations), num_threads=num_threads or 0)
        return self.origin + found

    def field(self, potentials: dict[str, float]) -> Floats:
        """Chemical potentials, eV, as the energy (n_sublattices, n_species) that a species on a sublattice adds."""
        known = {name for one in self.space.species for name in one}
        unknown = sorted(set(potentials) - known)
        if unknown:
            raise InputError(
                f"chemical potential of {unknown[0]}: no site may carry it; there are {', '.join(sorted(known))}"
            )
        table = np.zeros((len(self.space.species), self.n_modes))
        for row, names in enumerate(self.space.species):
            for code, name in enumerate(names):
                table[row, code] = -potentials.get(name, 0.0)
        return table

    def walk(
        self,
        occupations: NDArray[np.uint8],
        generators: NDArray[np.uint64],
        beta: Floats,
        *,
        n_records: int,
        n_trials: int,
        changes: float = 0.0,
        field: Floats | None = None,
        bias: Floats | None = None,
        counted: tuple[int, int] = (0, 0),
        num_threads: int | None = None,
    ) -> GasWalked:
        """Walk each chain by n_records times n_trials trials.

        Parameters
        ----------
        occupations : (n, n_sites) uint8 ndarray
        generators : (n, 4) uint64 ndarray
            See `seeded_generators`.
        beta : (n,) float64 ndarray
            1 / kT, 1/eV.
        n_records, n_trials : int
            A record is made after so many trials.
        changes : float
            Share of the trials that change the species of one site; the others swap two.
        field : (n, n_sublattices, n_species) float64 ndarray, optional
            What a species on a sublattice adds to the energy, eV: its negative chemical potential.
        bias : (n, n_levels) float64 ndarray, optional
            Logarithm of a weight for each number, from 0, of counted sites.
        counted : tuple of int
            Sublattice and code of these.
        num_threads : int, optional
            None or 0 is all cores. The result is the same bytes for any number.

        Returns
        -------
        GasWalked

        Raises
        ------
        InputError
            If an array does not fit the supercell or the others.
        """
        n_sublattices = len(self.space.species)
        by_mode = np.zeros((len(beta), n_sublattices, self.n_modes))
        for row, codes in enumerate(self._code_of_mode):
            if field is not None:
                by_mode[:, row, : len(codes)] = field[:, row, codes]
        found = self._asked(
            self._kernel.walk,
            self._modes(occupations),
            generators=generators,
            beta=np.asarray(beta, dtype=np.float64),
            field=by_mode,
            bias=bias,
            n_records=n_records,
            n_trials=n_trials,
            changes=changes,
            sublattice=counted[0],
            mode=int(self._mode_of_code[counted[0]][counted[1]]),
            num_threads=num_threads or 0,
        )
        counts = np.zeros(found["counts"].shape, dtype=np.int64)
        walked = np.empty_like(found["modes"])
        for row, codes in enumerate(self._code_of_mode):
            counts[:, :, row, codes] = found["counts"][:, :, row, : len(codes)]
            own = self.space.sublattices == row
            walked[:, own] = codes.astype(np.uint8)[found["modes"][:, own]]
        return GasWalked(
            walked, found["generators"], self.origin + found["energy"], counts, found["accepted"],
            found["transitions"], found["level_energy"],
        )  # fmt: skip

    def _modes(self, occupations: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Codes as modes: 0 is the parent's own species."""
        if occupations.ndim != 2 or occupations.shape[1] != self.space.n_sites:
            raise InputError(f"occupations: (n, {self.space.n_sites}) codes are needed, got shape {occupations.shape}")
        modes = np.empty(occupations.shape, dtype=np.uint8)
        for row, table in enumerate(self._mode_of_code):
            own = self.space.sublattices == row
            codes = occupations[:, own]
            if codes.size and codes.max() >= len(table):
                raise InputError(f"occupations: {codes.max()} is no species code of sublattice {row}")
            modes[:, own] = table.astype(np.uint8)[codes]
        return modes

    @staticmethod
    def _asked(call: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return call(*arguments, **options)
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error


def _translations(space: ConfigurationSpace, n_modes: int) -> tuple[list[Integers], list[Integers]]:
    """For each sublattice the mode of each code, and the code of each mode."""
    mode_of, code_of = [], []
    for one, names in zip(space.sublattice_table, space.species, strict=True):
        order = [one.host, *sorted(set(names) - {one.host})]
        if len(order) > n_modes:
            raise InputError("the interactions know fewer species than the supercell has")
        mode_of.append(np.array([order.index(name) for name in names], dtype=np.int64))
        code_of.append(np.array([names.index(name) for name in order], dtype=np.int64))
    return mode_of, code_of


@dataclass(frozen=True, eq=False)
class _Terms:
    """The terms that hold one basis site of a supercell, by its mode; its neighbours in slots, and where these are."""

    n_modes: int
    basis: Integers  # (n_neighbours,)
    offset: Integers  # (n_neighbours, 3)
    points: Floats  # (n_modes - 1,)
    kind: Integers  # (n,) mode - 1 of the site itself
    places: Integers  # (n, 2) places of the others, rising; -1 where there is none
    value: Floats  # (n,)

    @classmethod
    def of(cls, interactions: Interactions, codes: CellCodes, basis: int, n_modes: int) -> _Terms:
        """Gather the terms. In a small cell sites of a cluster may be one site, and it a smaller cluster."""
        rows = [
            _of_member(interactions, codes, basis, n_modes, size, member)
            for size in range(len(interactions.clusters.basis))
            for member in range(size + 1)
        ]
        kind, others, where, cell, value = (np.concatenate(column) for column in zip(*rows, strict=True))
        # Neighbours in slots, in the order of their codes; the place of a species on one.
        known, first = np.unique(others // n_modes, return_index=True)
        slots = known >= 0
        known, first = known[slots], first[slots]
        slot = np.searchsorted(known, others // n_modes)
        place = np.where(others >= 0, slot * (n_modes - 1) + others % n_modes - 1, -1)
        terms, same = np.unique(np.column_stack([kind, np.sort(place, axis=1)]), axis=0, return_inverse=True)
        summed = np.zeros(len(terms))
        np.add.at(summed, same.reshape(-1), value)
        alone = terms[:, 2] < 0
        points = np.zeros(n_modes - 1)
        points[terms[alone, 0]] = summed[alone]
        return cls(
            n_modes, where.reshape(-1)[first], cell.reshape(-1, 3)[first], points,
            terms[~alone, 0], terms[~alone, 1:], summed[~alone],
        )  # fmt: skip

    def tables(self, width: int) -> tuple[int, Floats, Integers, Integers, Floats]:
        """Width, pairs (n_modes - 1, n_places), and triplets: how many of each place, third places, values."""
        n_kinds, n_places = self.n_modes - 1, width * (self.n_modes - 1)
        pairs = np.zeros((n_kinds, n_places))
        two = self.places[:, 0] < 0
        pairs[self.kind[two], self.places[two, 1]] = self.value[two]
        kind, places, value = self.kind[~two], self.places[~two], self.value[~two]
        row = kind * n_places + places[:, 0]
        order = np.lexsort((places[:, 1], row))
        counts = np.bincount(row, minlength=n_kinds * n_places)
        return width, pairs[None], counts, places[order, 1], value[order]


def _of_member(
    interactions: Interactions, codes: CellCodes, basis: int, n_modes: int, size: int, member: int
) -> tuple[Integers, Integers, Integers, Integers, Floats]:
    """Clusters of size + 1 sites by the member that is a basis site of the cell at the origin.

    Returns the mode less 1 of that site (n,), the other sites as code and mode in one number (n, 2), -1 where there is
    none, their basis sites (n, 2) and cells (n, 2, 3), and the energies (n,).
    """
    clusters = interactions.clusters
    rows = np.flatnonzero(clusters.basis[size][:, member] == basis)
    mode = clusters.mode[size][rows] + 1
    where, cell = clusters.basis[size][rows], clusters.cell[size][rows] - clusters.cell[size][rows, member, None]
    code = codes.code(where, cell)
    own = codes.code(np.array(basis), np.zeros(3, dtype=np.int64))
    here = code == own
    # A cluster with several of its sites here is met once for each of them.
    value = interactions.energy[clusters.label[size][rows]] / here.sum(axis=1)
    possible = ~(here & (mode != mode[:, [member]])).any(axis=1)
    number = np.where(here, -1, code * n_modes + mode)
    if size == 2:  # the two others may be one site, with one species or, impossibly, with two
        rest = [column for column in range(3) if column != member]
        first, second = number[:, rest[0]], number[:, rest[1]]
        one_site = (first >= 0) & (first // n_modes == second // n_modes)
        possible &= ~(one_site & (first != second))
        number[one_site & (first == second), rest[1]] = -1
    others = np.full((len(rows), 2), -1, dtype=np.int64)
    found_where, found_cell = np.zeros((len(rows), 2), dtype=np.int64), np.zeros((len(rows), 2, 3), dtype=np.int64)
    for column, at in enumerate(at for at in range(size + 1) if at != member):
        others[:, column], found_where[:, column], found_cell[:, column] = number[:, at], where[:, at], cell[:, at]
    return mode[possible, member] - 1, others[possible], found_where[possible], found_cell[possible], value[possible]
