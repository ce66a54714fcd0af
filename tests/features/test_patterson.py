"""The Patterson function: its definition, that it does not know its supercell, and what it tells apart."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import diffraction_oracle as oracle
import numpy as np
import pytest
import triplet_oracle
from pymatgen.core import Element
from test_resolved import SPACES, all_orbits, classes, cspbi3_br

import matganip as mg
from matganip.configurations.space import ConfigurationSpace


def strengths(space: ConfigurationSpace, row: np.ndarray) -> np.ndarray:
    """Atomic number of what each column carries; a vacancy has none."""
    names = [space.species[k][code] for k, code in zip(space.sublattices, row, strict=True)]
    return np.array([0 if name == "vac" else Element(name).Z for name in names], dtype=float)


def images(space: ConfigurationSpace, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Columns and Cartesian coordinates of all substituted sites that may be within a distance of the cell's."""
    lattice = space.supercell_structure.lattice
    reach = [math.ceil(cutoff * length) + 1 for length in lattice.reciprocal_lattice_crystallographic.abc]
    cells = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    points = space.supercell_structure.frac_coords[space.site_indices]
    everywhere = (points[None] + cells[:, None]).reshape(-1, 3)
    return np.tile(np.arange(space.n_sites), len(cells)), everywhere @ lattice.matrix


def by_distance(space: ConfigurationSpace, row: np.ndarray, cutoff: float, k: int) -> Counter:
    """Sums of products of Z over sets of k sites (a site may stand twice), by their distances, per supercell."""
    z, (column, place) = strengths(space, row), images(space, cutoff)
    found: Counter = Counter()
    home = np.array(space.supercell_structure.cart_coords)[space.site_indices]
    for i, x in enumerate(home):
        distance = np.linalg.norm(place - x, axis=1)
        near = np.flatnonzero(distance <= cutoff + 1e-6)
        for others in itertools.combinations_with_replacement(near.tolist(), k - 1):
            sides = [
                *distance[list(others)],
                *(np.linalg.norm(place[a] - place[b]) for a, b in itertools.pairwise(others)),
            ]
            if max(sides) <= cutoff + 1e-6:
                # Each set is found once from each of its distinct sites.
                distinct = len({tuple(np.round(p, 4)) for p in (x, *place[list(others)])})
                found[tuple(sorted(np.round(sides, 4)))] += z[i] * z[column[list(others)]].prod() / distinct
    return found


@pytest.mark.parametrize("name", [name for name in SPACES if "within symprec" not in name])
def test_columns_are_sums_over_pairs_and_triples_by_distance(name: str) -> None:
    space = SPACES[name]
    cutoff = 4.6
    diffraction = mg.LatticeDiffraction(space, domain="patterson", cutoff=cutoff, scaled=False, order=3)
    (row,) = oracle.random_rows(space, 1, seed=1)
    peaks = diffraction.peaks(row[None])
    n_units = space.supercell_structure.composition.get_reduced_composition_and_factor()[1]
    pairs: Counter = Counter()
    for distance, value in zip(peaks.distance, peaks.intensity[0] * n_units, strict=True):
        pairs[(round(distance, 4),)] += value
    expected = by_distance(space, row, cutoff, 2)
    assert {k: pytest.approx(v, rel=1e-10) for k, v in expected.items()} == pairs
    triples: Counter = Counter()
    for corners, value in zip(peaks.triplet_vertices, peaks.triplets[0] * n_units, strict=True):
        triples[tuple(sorted(np.round(peaks.distance[corners], 4)))] += value
    expected = by_distance(space, row, cutoff, 3)
    assert {k: pytest.approx(v, rel=1e-10) for k, v in expected.items()} == triples


@pytest.mark.parametrize("name", SPACES)
def test_arrangements_that_symmetry_relates_have_the_same_columns(name: str) -> None:
    space = SPACES[name]
    (row,) = oracle.random_rows(space, 1, seed=2)
    rows = np.empty((len(space.site_permutations), space.n_sites), dtype=np.uint8)
    for image, permutation in zip(rows, space.site_permutations, strict=True):
        image[permutation] = row
    peaks = mg.LatticeDiffraction(space, domain="patterson", cutoff=5.0, order=3).peaks(rows)
    assert np.abs(peaks.intensity - peaks.intensity[0]).max() < 1e-10
    assert np.abs(peaks.triplets - peaks.triplets[0]).max() < 1e-10


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("matrix", [[[2, 0, 0], [0, 2, 0], [0, 0, 1]], [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]])
def test_an_arrangement_has_the_same_columns_in_every_supercell_of_its_parent(scaled: bool, matrix: list) -> None:
    parent = mg.perovskite("CsPbI3", a=6.289)
    n = round(np.linalg.det(matrix))
    small = ConfigurationSpace(parent, (1, 1, 2), {"I": {"Br": 2, "Cl": 1}, "Pb": {"Sn": 1}})
    substitutions = {"I": {"Br": 2 * n, "Cl": n}, "Pb": {"Sn": n}}
    large = ConfigurationSpace(parent, np.array(matrix) @ small.supercell_matrix, substitutions)
    (batch,) = small.orbits()
    rows = large.from_structures(s.make_supercell(matrix, in_place=False) for s in batch.structures()).occupations
    options = {"domain": "patterson", "cutoff": 9.5, "order": 3, "scaled": scaled}
    here = mg.LatticeDiffraction(small, **options).peaks(batch.occupations)
    there = mg.LatticeDiffraction(large, **options).peaks(rows)
    np.testing.assert_array_equal(there.distance, here.distance)
    np.testing.assert_array_equal(there.triplet_vertices, here.triplet_vertices)
    for column in ("intensity", "triplets"):
        one, other = getattr(here, column), getattr(there, column)
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-12 * np.abs(one).max())
    assert len(set(classes(here.intensity, 1e-9))) > 3


@pytest.mark.parametrize("n_br", [3, 4, 6])
def test_they_are_equal_exactly_where_all_symmetry_distinct_pair_and_triple_counts_are(n_br: int) -> None:
    space = cspbi3_br(n_br)
    rows = all_orbits(space)
    peaks = mg.LatticeDiffraction(space, domain="patterson", cutoff=11.0, order=3).peaks(rows)
    pairs = triplet_oracle.counts(space, rows, 2).astype(float)
    triples = triplet_oracle.counts(space, rows, 3).astype(float)
    assert np.array_equal(classes(pairs, 0.5), classes(peaks.intensity, 1e-6))
    both = np.hstack([peaks.intensity, peaks.triplets])
    assert np.array_equal(classes(np.hstack([pairs, triples]), 0.5), classes(both, 1e-6))
    assert (len(set(classes(peaks.intensity, 1e-6))), len(set(classes(both, 1e-6)))) == {
        3: (19, 19), 4: (66, 80), 6: (335, 595)
    }[n_br]  # fmt: skip


def test_columns_are_scaled_each_by_its_largest_value() -> None:
    space = SPACES["cubic, two sublattices"]
    undoped = np.array([[space.species[k].index(["Pb", "I"][k]) for k in space.sublattices]], dtype=np.uint8)
    peaks = mg.LatticeDiffraction(space, domain="patterson", cutoff=7.0, order=3).peaks(undoped)
    np.testing.assert_allclose(peaks.intensity, 100, rtol=1e-12)
    np.testing.assert_allclose(peaks.triplets, 100, rtol=1e-12)
    assert (np.diff(peaks.distance) > -1e-5).all()
    assert np.isnan(peaks.two_theta).all()
    matrices = mg.graph_matrix(peaks, 5, triplet_channels=2)
    assert matrices.shape == (1, 3, 5, 5)
    np.testing.assert_allclose(np.diag(matrices[0, 0]), (peaks.distance[:5] / 7.0) ** 2 + 1, rtol=1e-6)


def test_a_cutoff_out_of_place_is_refused() -> None:
    space = cspbi3_br(2)
    for options, message in [
        ({"domain": "patterson"}, "cutoff, a distance in angstrom, belongs to domain='patterson', which needs it"),
        ({"cutoff": 5.0}, "cutoff, a distance in angstrom, belongs to domain='patterson'"),
        ({"domain": "patterson", "cutoff": -1.0}, "cutoff must be a positive distance in angstrom, not -1.0"),
        ({"domain": "patterson", "cutoff": math.nan}, "cutoff must be a positive distance in angstrom, not nan"),
        ({"domain": "patterson", "cutoff": 5000.0}, "cutoff: 5000.0 angstrom reaches over too many cells"),
        ({"domain": "real"}, "domain must be 'diffraction', 'patterson' or 'clusters', not 'real'"),
    ]:
        with pytest.raises(mg.InputError, match=message):
            mg.LatticeDiffraction(space, **options)
