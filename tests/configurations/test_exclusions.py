"""Split sites and minimum distances: counts, enumeration, samples and searches against every arrangement, looked at."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import oracle
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.symmetry.groups import SpaceGroup

import matganip as mg
from matganip.configurations import colourings, exclusions
from matganip.configurations.cycles import multinomial
from matganip.errors import InputError

PAIR = Structure.from_spacegroup(
    "P4/mmm",
    Lattice.tetragonal(4, 5),
    [{"Si": 0.5}, {"Ga": 0.5}, "O"],
    [[0, 0, 0.22], [0, 0, 0.28], [0.5, 0.5, 0]],
)
"""Si and Ga on two positions 0.30 angstrom apart: one site, one atom."""

LEAD = Structure.from_spacegroup(
    "P4mm", Lattice.tetragonal(4, 4.1), [{"Pb": 0.25}, "Ti"], [[0.024, 0.024, 0], [0.5, 0.5, 0.56]]
)
"""One Pb split over four positions 0.19 angstrom apart."""


CELLS = ((1, 1, 1), (2, 1, 1), (1, 1, 2), ((1, 1, 0), (-1, 1, 0), (0, 0, 1)))


def random_space(rng):
    """A space of a small crystal of random symmetry: split sites, mixed sites, vacancies, distances to keep."""
    group, lattice = [
        ("P1", Lattice.from_parameters(3.1, 3.7, 4.2, 80, 95, 105)),
        ("P-1", Lattice.from_parameters(3.1, 3.7, 4.2, 80, 95, 105)),
        ("Pm", Lattice.from_parameters(3.5, 3.9, 4.4, 90, 100, 90)),
        ("Pmmm", Lattice.orthorhombic(3.2, 3.9, 4.6)),
        ("P4/m", Lattice.tetragonal(3.4, 4.3)),
        ("P4mm", Lattice.tetragonal(3.4, 4.3)),
        ("P-3m1", Lattice.hexagonal(3.4, 4.1)),
        ("Pm-3m", Lattice.cubic(3.8)),
    ][rng.integers(8)]
    coordinates = rng.choice([0, 0, 0.5, 0.08, 0.25], size=3)
    sites = [coordinates, coordinates + rng.choice([0, 0.06, 0.12], size=3), [0.5, 0.5, 0.44]]
    names = ["Na", str(rng.choice(["Na", "Li"])), "O"]
    orbits = [space_group(group).get_orbit(site, tol=0.02) for site in sites]
    named = [(name, x) for name, orbit in zip(names, orbits, strict=True) for x in orbit]
    if len(named) > 12:
        return None
    parent = Structure(lattice, [name for name, _ in named], [x for _, x in named])
    n_cells = rng.integers(1, 3)
    cells = CELLS[0] if n_cells == 1 else CELLS[rng.integers(1, 4)]
    wanted = {}
    for host in dict.fromkeys(names[:2]):
        n = int(n_cells) * len(parent.indices_from_symbol(host))
        stay = int(rng.integers(0, n // 2 + 1))
        other = int(rng.integers(0, min(2, n - stay) + 1))
        wanted[host] = {"K": other, "vac": n - stay - other}
    limits = {"Na-Na": 4.5, "K-Na": 4, "Na-O": 2.6, "K-K": 4.5} | ({"Li-Na": 3.5} if "Li" in names else {})
    least = {pair: float(rng.uniform(0.5, most)) for pair, most in limits.items() if rng.random() < 0.4}
    return mg.ConfigurationSpace(parent, cells, wanted, min_distance=least)


@cache
def space_group(symbol):
    return SpaceGroup(symbol)


def rows_of_counts(counts):
    """Every row of codes with these counts."""
    if len(counts) > 1:
        return [a + b for a in rows_of_counts(counts[:1]) for b in rows_of_counts(counts[1:])]
    if not sum(counts[0]):
        return [()]
    rows = []
    for code, n in enumerate(counts[0]):
        if n:
            fewer = [m - (c == code) for c, m in enumerate(counts[0])]
            rows += [(code, *rest) for rest in rows_of_counts([fewer])]
    return rows


def orbits_that_obey(space):
    """Representatives in the order of the stream, with multiplicities, of the arrangements without a close pair."""
    too_close = TooClose(space)
    left = {row for row in rows_of_counts(space.counts) if not too_close(row)}
    orbits = []
    while left:
        row = np.array(next(iter(left)))
        orbit = set()
        for permutation in space.site_permutations:
            image = np.empty_like(row)
            image[permutation] = row
            orbit.add(tuple(image.tolist()))
        assert orbit <= left
        orbits.append((min(orbit, key=lambda one: oracle.sort_key(one, space.counts)), len(orbit)))
        left -= orbit
    return sorted(orbits, key=lambda pair: oracle.sort_key(pair[0], space.counts))


class TooClose:
    """Looks at all pairs of atoms of an arrangement, all images of each."""

    def __init__(self, space):
        frame, self.space = space.supercell_structure, space
        shifts = np.array(list(itertools.product(range(-2, 3), repeat=3)))
        difference = frame.frac_coords[:, None, None] - frame.frac_coords[None, :, None] + shifts
        distance = np.linalg.norm(difference @ frame.lattice.matrix, axis=3)
        self.distance = np.where(distance < 1e-6, 1e3, distance).min(axis=2)

    def __call__(self, row):
        space = self.space
        names = [str(site.specie) for site in space.supercell_structure]
        for atom, sublattice, code in zip(space.site_indices, space.sublattices, row, strict=True):
            names[atom] = space.species[sublattice][code]
        present = [i for i, name in enumerate(names) if name != "vac"]
        for i, j in itertools.combinations_with_replacement(present, 2):
            pair = tuple(sorted((names[i], names[j])))
            if self.distance[i, j] < max(space.site_tolerance, space.min_distance.get(pair, 0)):
                return True
        return False


def spaces_to_check(n, most_rows):
    rng = np.random.default_rng(16)
    found = 0
    while found < n:
        try:
            space = random_space(rng)
        except InputError:  # positions that coincide, or two atoms that stay and are too close
            continue
        if space is None:
            continue
        size = int(np.prod([multinomial(c) for c in space.counts], dtype=object))
        if 1 < size <= most_rows and len(space.exclusions) and len(space.group) * size < 2_000:
            found += 1
            yield space


def test_two_hundred_random_crystals_against_every_arrangement():
    excluded, empty = 0, 0
    for space in spaces_to_check(200, 150):
        expected = orbits_that_obey(space)
        every = int(np.prod([multinomial(c) for c in space.counts], dtype=object))
        excluded += every - space.n_configurations
        empty += not expected
        assert space.countable
        assert space.n_configurations == sum(size for _, size in expected)
        assert space.count_orbits() == len(expected)
        rows = [tuple(row) for batch in space.orbits() for row in batch.occupations.tolist()]
        assert rows == [row for row, _ in expected]
        of_shards = [len(batch) for k in range(2) for batch in space.orbits(shard=(k, 2))]
        assert sum(of_shards) == len(expected)
        if expected:
            drawn = space.sample_orbits(5, seed=1)
            assert {tuple(row) for row in drawn.occupations.tolist()} <= set(rows)
            assert exclusions.obeys(space.sample_configurations(5).occupations, space.exclusions).all()
        again = mg.ConfigurationSpace.from_dict(space.to_dict(), space.key)
        assert again.exclusions.tolist() == space.exclusions.tolist()
    assert excluded > 1000
    assert empty > 5


def rows_of(space):
    return [tuple(row) for batch in space.orbits() for row in batch.occupations.tolist()]


def closest(structure):
    return structure.distance_matrix[~np.eye(len(structure), dtype=bool)].min()


def test_two_elements_on_two_positions_of_one_site():
    space = mg.ConfigurationSpace(PAIR)
    assert (space.n_configurations, space.count_orbits()) == (2, 1)
    for cells, orbits in (((2, 1, 1), 3), ((2, 2, 1), 10)):
        space = mg.ConfigurationSpace(PAIR, cells)
        assert space.count_orbits() == len(rows_of(space)) == orbits
        assert all(closest(one) > 2 for batch in space.orbits() for one in batch.structures())


def test_one_atom_on_four_positions():
    space = mg.ConfigurationSpace(LEAD, (2, 1, 1))
    assert (space.n_configurations, space.count_orbits(), len(rows_of(space))) == (16, 4, 4)
    assert all(closest(one) > 3 for batch in space.orbits() for one in batch.structures())
    assert mg.ConfigurationSpace(LEAD, (2, 1, 1), site_tolerance=0.1).count_orbits() == 7


def test_three_positions_of_one_atom_beside_a_mixed_site():
    parent = Structure(
        Lattice.hexagonal(4, 5),
        [{"Li": 1 / 3}] * 3 + [{"Fe": 0.5, "Mn": 0.5}, "O"],
        [[0.05, 0.1, 0], [0.9, 0.95, 0], [0.05, 0.95, 0], [1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.3]],
    )
    space = mg.ConfigurationSpace(parent, (2, 1, 1))
    assert space.n_configurations == 3**2 * 2  # a position for each Li, and Fe on either site
    assert space.count_orbits() == len(rows_of(space))


def test_interstitials_keep_away_from_atoms_that_stay_and_from_one_another():
    parent = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.41), ["Ce", "O"], [[0, 0, 0], [0.25] * 3])
    parent.append("F", [0.37, 0.25, 0.25])
    parent.append("F", [0.63, 0.75, 0.75])
    space = mg.ConfigurationSpace(parent, (1, 1, 1), {"O": {"vac": 2}, "F": {"vac": 1}}, min_distance={"O-F": 2.0})
    assert rows_of(space) == [row for row, _ in orbits_that_obey(space)]
    assert 0 < space.n_configurations < 28 * 2


def test_a_column_beside_an_atom_that_stays_never_holds_the_species():
    parent = Structure(Lattice.cubic(6), ["Na", "Na", "O"], [[0, 0, 0.5], [0.5, 0.5, 0.5], [0, 0, 0.2]])
    space = mg.ConfigurationSpace(parent, (1, 1, 1), {"Na": {"vac": 1}}, min_distance={"Na-O": 2.0})
    assert space.exclusions.tolist() == [[0, 1, 0, 1]]
    assert rows_of(space) == [(0, 1)]
    assert mg.ConfigurationSpace(parent, (1, 1, 1), {"Na": {"vac": 0}}, min_distance={"Na-O": 2}).count_orbits() == 0


def test_what_is_too_close_is_refused_by_name():
    with pytest.raises(InputError, match="sites 0 and 1 of the parent are 0.4 angstrom apart and both fully occupied"):
        mg.ConfigurationSpace(
            Structure(Lattice.cubic(4), ["Na", "Na", "O"], [[0, 0, 0], [0.1, 0, 0], [0.5, 0.5, 0.5]]),
            (1, 1, 1),
            {"O": {"F": 1}},
        )
    crowded = Structure(Lattice.cubic(4), [{"Si": 0.6}, {"Ga": 0.6}, "O"], [[0, 0, 0], [0.1, 0, 0], [0.5] * 3])
    with pytest.raises(InputError, match="positions of one site, which hold 1.2 atoms together"):
        mg.ConfigurationSpace(crowded, (5, 1, 1))
    space = mg.ConfigurationSpace(LEAD, (2, 1, 1))
    with pytest.raises(InputError, match="row 0 has Pb on site 0 and Pb on site 3, 0.272 angstrom apart"):
        space.canonical([[0, 1, 1, 0, 1, 1, 1, 1]])
    for pair, reason in (("Na-Na", "not two species"), ("Pb-Pb", "positive")):
        with pytest.raises(InputError, match=reason):
            mg.ConfigurationSpace(LEAD, (2, 1, 1), min_distance={pair: -1})
    with pytest.raises(InputError, match="excluded by distance"):
        space.unrank(0)


def test_every_composition_of_a_split_site():
    space = mg.ConfigurationSpace(LEAD, (2, 1, 1))
    found = space.count_orbits(all_compositions=True)
    assert found == {
        counts: n
        for k in range(9)
        if (n := mg.ConfigurationSpace(space.parent, (2, 1, 1), {"Pb": {"vac": 8 - k}}).count_orbits())
        for counts in [((k, 8 - k),) if space.species[0][0] == "Pb" else ((8 - k, k),)]
    }


def test_draws_are_uniform_over_orbits_and_over_arrangements():
    space = mg.ConfigurationSpace(LEAD, (2, 2, 1))
    every = {
        tuple(row): m
        for batch in space.orbits()
        for row, m in zip(batch.occupations.tolist(), batch.multiplicity, strict=True)
    }
    n = 4000
    for batch, weights in (
        (space.sample_orbits(n, seed=3), dict.fromkeys(every, 1)),
        (space.sample_configurations(n, seed=3), every),
    ):
        rows, seen = np.unique(batch.occupations, axis=0, return_counts=True)
        number = dict(zip(map(tuple, rows.tolist()), seen.tolist(), strict=True))
        total = sum(weights.values())
        chi_square = sum((number.get(row, 0) - n * w / total) ** 2 / (n * w / total) for row, w in weights.items())
        assert chi_square < len(every) + 4 * np.sqrt(2 * len(every))


def test_where_counting_needs_too_many_states_orbits_are_listed_and_draws_walk(monkeypatch):
    parent = mg.perovskite("CsPbI3", a=6.289)
    arguments = (parent, (2, 2, 2), {"I": {"Br": 4}})
    exact = mg.ConfigurationSpace(*arguments, min_distance={"Br-Br": 5.0})
    known = (exact.n_configurations, exact.count_orbits())
    monkeypatch.setattr(colourings, "MOST_STATES", 10)
    monkeypatch.setattr("matganip.configurations.site_groups.MOST_LOCAL", 10)
    space = mg.ConfigurationSpace(*arguments, min_distance={"Br-Br": 5.0})
    assert not space.countable
    assert (space.n_configurations, space.count_orbits()) == known == (714, 18)
    drawn = space.sample_configurations(300, seed=1)
    assert exclusions.obeys(drawn.occupations, space.exclusions).all()
    assert len(np.unique(drawn.occupations, axis=0)) >= 16
    assert len(space.sample_orbits(10)) == 10
    impossible = mg.ConfigurationSpace(parent, (2, 2, 2), {"I": {"Br": 9}}, min_distance={"Br-Br": 5.0})
    monkeypatch.setattr("matganip.configurations.excluding_walks.MOST_SWEEPS", 20)
    with pytest.raises(InputError, match="still no arrangement"):
        impossible.sample_configurations(2)


def test_the_same_bytes_for_any_threads_and_a_cursor_resumes():
    space = mg.ConfigurationSpace(LEAD, (2, 2, 1))
    whole = rows_of(space)
    assert [tuple(r) for b in space.orbits(7, num_threads=2) for r in b.occupations.tolist()] == whole
    stream = space.orbits(batch_size=5)
    next(stream)
    rest = [tuple(r) for b in space.orbits(cursor=stream.cursor) for r in b.occupations.tolist()]
    assert rest == whole[5:]


def test_large_cells_are_drawn_as_they_are():
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (15, 15, 15), {"I": {"Br": 3000}})
    batch = space.sample_configurations(3, seed=1, canonical=False)
    assert batch.occupations.shape == (3, 10125)
    assert ((batch.occupations == space.species[0].index("Br")).sum(axis=1) == 3000).all()
    assert len(next(batch.structures())) == 5 * 15**3
