"""The lattice gas against columns worked out from the beginning, and against a walk in Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.mapping import ParentLattice
from matganip.errors import InputError
from matganip.features.lattice.lattice_gas import Interactions, LatticeGas
from matganip.features.lattice.shared_clusters import SharedClusters
from matganip.features.lattice.swaps import seeded_generators
from matganip.learning.shared_columns import SharedColumns

FCC = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ag"], [[0, 0, 0]])
PEROVSKITE = mg.perovskite("CsPbI3", a=6.289)
KINDS = [(FCC, {"Ag": {"Pd": 0}}, 6.0, 4.1), (FCC, {"Ag": {"Pd": 0, "Au": 0}}, 4.1, 4.1),
         (PEROVSKITE, {"I": {"Br": 0, "vac": 0}, "Pb": {"Sn": 0}}, 6.4, 4.6)]  # fmt: skip


def drawn(space, n, seed):
    random = np.random.default_rng(seed)
    sizes = np.array([len(space.species[row]) for row in space.sublattices])
    return (random.random((n, space.n_sites)) * sizes).astype(np.uint8)


def gas_of(kind, cell, seed):
    parent, substitutions, pair, triplet = KINDS[kind]
    space = mg.ConfigurationSpace(parent, cell, substitutions)
    clusters = SharedClusters.of(space, pair, triplet)
    return LatticeGas(space, Interactions(clusters, np.random.default_rng(seed).normal(size=len(clusters.size)), 0.3))


CELLS = st.lists(st.lists(st.integers(-1, 2), min_size=3, max_size=3), min_size=3, max_size=3).filter(
    lambda m: 1 <= abs(round(np.linalg.det(m))) <= 5
)


@settings(max_examples=8, deadline=None)
@given(kind=st.integers(0, 2), cell=CELLS, seed=st.integers(0, 99))
def test_energies_are_those_of_the_columns_of_the_structures(kind, cell, seed):
    gas = gas_of(kind, cell, seed)
    space, clusters = gas.space, gas.interactions.clusters
    columns, lattice = SharedColumns(space, clusters), ParentLattice(space)
    for row in drawn(space, 2, seed):
        by_site = dict(zip(space.site_indices.tolist(), row.tolist(), strict=True))
        structure = space.supercell_structure.copy()
        vacant = []
        for site, sublattice in zip(space.site_indices.tolist(), space.sublattices.tolist(), strict=True):
            name = space.species[sublattice][by_site[site]]
            if name == "vac":
                vacant.append(site)
            else:
                structure[site] = name
        if len(vacant) == len(structure):
            continue
        structure.remove_sites(vacant)
        mapped = lattice.map(structure)
        held = columns.of(mapped) / 100.0 * clusters.size * mapped.n_cells
        expected = float(held @ gas.interactions.energy) + 0.3 * mapped.n_cells
        assert gas.energy(row[None])[0] == pytest.approx(expected, abs=1e-9)


class Xoshiro:
    """xoshiro256++, as the kernel's."""

    def __init__(self, state):
        self.s = [int(word) for word in state]

    def uniform(self):
        mask = 2**64 - 1
        s = self.s
        rotated = lambda x, k: ((x << k) | (x >> (64 - k))) & mask  # noqa: E731
        result = (rotated((s[0] + s[3]) & mask, 23) + s[0]) & mask
        t = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
        return (result >> 11) * 2.0**-53

    def below(self, n):
        return int(self.uniform() * n)


def slow_walk(gas, row, generator, beta, n_trials, changes, field, bias, counted):
    """The walk, each energy worked out from the beginning; modes are codes with the parent's own species first."""
    space, random, row = gas.space, Xoshiro(generator), row.copy()
    orders = [[one.host, *sorted(set(names) - {one.host})] for one, names in zip(space.sublattice_table, space.species)]  # noqa: B905
    members = [np.flatnonzero(space.sublattices == k) for k in range(len(orders))]
    energy = gas.energy(row[None])[0]
    level = lambda r: int((r[members[counted[0]]] == counted[1]).sum())  # noqa: E731
    transitions = np.zeros((len(members[counted[0]]) + 1, 3))
    for _ in range(n_trials):
        change_one = random.uniform() < changes
        i = random.below(space.n_sites)
        sublattice = int(space.sublattices[i])
        trial, names = row.copy(), space.species[sublattice]
        if change_one:
            mode = random.below(len(names) - 1)
            mode += mode >= orders[sublattice].index(names[row[i]])
            trial[i] = names.index(orders[sublattice][mode])
        else:
            if (row[members[sublattice]] == row[i]).all():
                continue
            j = i
            while row[j] == row[i]:
                j = int(members[sublattice][random.below(len(members[sublattice]))])
            trial[i], trial[j] = row[j], row[i]
        after = gas.energy(trial[None])[0]
        weight = -beta * (after - energy)
        if change_one:
            weight -= beta * (field[sublattice, trial[i]] - field[sublattice, row[i]])
            n, m = level(row), level(trial)
            weight += bias[m] - bias[n]
            transitions[n, 0] += 1
            if m != n:
                transitions[n, 1 if m > n else 2] += min(1.0, math.exp(weight))
        if random.uniform() < math.exp(min(0.0, weight)):
            row, energy = trial, after
    return row, energy, transitions


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("changes", [0.0, 0.5])
def test_a_walk_is_that_of_its_slow_twin(kind, changes):
    gas = gas_of(kind, (2, 2, 1), kind)
    space, counted = gas.space, (0, 1)
    start, generators = drawn(space, 3, 5), seeded_generators(7, 3)
    beta = np.array([0.0, 0.4, 2.0])
    n = int((space.sublattices == 0).sum())
    field = gas.field({space.species[0][1]: 0.2})
    bias = np.random.default_rng(1).normal(size=n + 1)
    walked = gas.walk(
        start, generators, beta, n_records=2, n_trials=150, changes=changes, field=np.tile(field, (3, 1, 1)),
        bias=np.tile(bias, (3, 1)), counted=counted,
    )  # fmt: skip
    for chain in range(3):
        row, energy, transitions = slow_walk(
            gas, start[chain], generators[chain], beta[chain], 300, changes, field, bias, counted
        )
        np.testing.assert_array_equal(walked.occupations[chain], row)
        assert walked.energy[chain, 1] == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(walked.transitions[chain], transitions, atol=1e-9)
        assert walked.counts[chain, 1].sum() == space.n_sites
        assert walked.level_energy[chain, :, 0].sum() == 300


def test_threads_do_not_matter():
    gas = gas_of(0, (3, 3, 3), 2)
    start, generators = drawn(gas.space, 6, 0), seeded_generators(0, 6)
    one, more = (
        gas.walk(start, generators, np.full(6, 1.0), n_records=3, n_trials=200, changes=0.5, num_threads=n)
        for n in (1, 4)
    )
    for name in ("occupations", "generators", "energy", "counts", "accepted"):
        assert getattr(one, name).tobytes() == getattr(more, name).tobytes()


def test_what_does_not_fit_is_refused():
    gas = gas_of(0, (2, 1, 1), 0)
    with pytest.raises(InputError, match=r"\(n, 2\) codes"):
        gas.energy(np.zeros((1, 3), dtype=np.uint8))
    with pytest.raises(InputError, match="2 is no species code"):
        gas.energy(np.full((1, 2), 2, dtype=np.uint8))
    with pytest.raises(InputError, match="chemical potential of Cu"):
        gas.field({"Cu": 1.0})
    with pytest.raises(InputError, match="generators"):
        gas.walk(drawn(gas.space, 2, 0), seeded_generators(0, 1), np.ones(2), n_records=1, n_trials=1)
