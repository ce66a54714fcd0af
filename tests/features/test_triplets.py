"""Triplets of resolved peaks: their definition, what they tell apart, and that they keep to the parent's symmetry."""

from __future__ import annotations

from dataclasses import replace

import diffraction_oracle as oracle
import numpy as np
import pytest
import triplet_oracle
from pymatgen.core import Lattice, Structure
from test_resolved import SPACES, all_orbits, classes, cspbi3_br, orbit_of

import matganip as mg
from matganip.features.form_factors import FormFactors
from matganip.features.radiation import Radiation


def peaks_of_one_site(space: mg.ConfigurationSpace, n: int) -> list[int]:
    """The first resolved peaks (h; b, b): the others take no part in triplets."""
    site_pairs = mg.LatticeDiffraction(space, resolution="resolved").site_pairs
    assert site_pairs is not None
    return np.flatnonzero(site_pairs[:, 0] == site_pairs[:, 1])[:n].tolist()


@pytest.mark.parametrize("name", [name for name in SPACES if "within symprec" not in name])
def test_each_triplet_is_the_sum_over_its_orbit(name: str) -> None:
    space = SPACES[name]
    few = peaks_of_one_site(space, 12)
    diffraction = mg.LatticeDiffraction(space, resolution="resolved", scaled=False, order=3, vertices=few)
    (row,) = oracle.random_rows(space, 1, seed=1)
    peaks = diffraction.peaks(row[None])
    assert peaks.triplets is not None
    assert peaks.triplet_vertices is not None
    direct = triplet_oracle.reciprocal(space, row, 1.54184, {i: orbit_of(space, peaks, i) for i in range(len(few))})
    found = list(zip(map(tuple, peaks.triplet_vertices.tolist()), peaks.triplets[0].tolist(), strict=True))
    assert found
    assert [corners for corners, _ in found] == sorted(corners for corners, _ in found)
    assert [corners for corners, _ in sorted(found)] == [corners for corners, _ in sorted(direct)]
    largest = max(abs(value) for _, value in direct)
    np.testing.assert_allclose(
        [value for _, value in sorted(found)], [value for _, value in sorted(direct)], rtol=0, atol=1e-11 * largest
    )


@pytest.mark.parametrize("name", SPACES)
def test_arrangements_that_symmetry_relates_have_the_same_triplets(name: str) -> None:
    space = SPACES[name]
    tolerance = 0.05 if "within symprec" in name else 1e-9
    (row,) = oracle.random_rows(space, 1, seed=2)
    images = np.empty((len(space.site_permutations), space.n_sites), dtype=np.uint8)
    for image, permutation in zip(images, space.site_permutations, strict=True):
        image[permutation] = row
    options = {"resolution": "resolved", "order": 3, "vertices": peaks_of_one_site(space, 24)}
    triplets = mg.LatticeDiffraction(space, **options).peaks(images).triplets
    assert np.abs(triplets).max() > 1e-6
    assert np.abs(triplets - triplets[0]).max() < tolerance


def test_pairs_with_triplets_tell_595_of_the_603_arrangements_of_six_apart() -> None:
    space = cspbi3_br(6)
    rows = all_orbits(space)
    for options in ({}, {"vertices": 14}):
        peaks = mg.LatticeDiffraction(space, resolution="resolved", order=3, **options).peaks(rows)
        both = np.hstack([peaks.intensity[:, :28], peaks.triplets / np.abs(peaks.triplets).max()])
        assert len(set(classes(both, 1e-6))) == 595


@pytest.mark.parametrize("n_br", [3, 4, 6])
def test_they_are_equal_exactly_where_all_symmetry_distinct_pair_and_triple_counts_are(n_br: int) -> None:
    space = cspbi3_br(n_br)
    rows = all_orbits(space)
    counted = np.hstack([triplet_oracle.counts(space, rows, k) for k in (2, 3)]).astype(float)
    peaks = mg.LatticeDiffraction(space, resolution="resolved", order=3).peaks(rows)
    both = np.hstack([peaks.intensity, peaks.triplets / np.abs(peaks.triplets).max()])
    assert np.array_equal(classes(counted, 0.5), classes(both, 1e-6))


@pytest.mark.parametrize(
    ("options", "zero"),
    [({"resolution": "resolved", "vertices": 14}, 100.0), ({"domain": "patterson", "cutoff": 7.0}, 0.0)],
)
def test_triplets_may_be_vertices_themselves(options: dict, zero: float) -> None:
    space = cspbi3_br(3)
    peaks = mg.LatticeDiffraction(space, order=3, **options).peaks(all_orbits(space))
    joined = peaks.triplets_as_vertices()
    assert joined.intensity.min() >= 0
    p = len(peaks.position)
    np.testing.assert_array_equal(joined.intensity[:, :p], peaks.intensity)
    np.testing.assert_array_equal(joined.intensity[:, p:], peaks.triplets + zero)
    np.testing.assert_allclose(joined.position[p], peaks.position[peaks.triplet_vertices[0]].mean())
    assert mg.graph_matrix(joined, len(joined.position)).shape[1:] == (len(joined.position),) * 2
    with pytest.raises(mg.InputError, match="these peaks have no triplets"):
        joined.triplets_as_vertices()
    if zero:
        with pytest.raises(mg.InputError, match="a triplet of -500 would be a negative intensity"):
            replace(peaks, triplets=peaks.triplets - 500 - peaks.triplets.min()).triplets_as_vertices()


def test_first_peaks_may_hold_no_triplet() -> None:
    space = SPACES["orthorhombic"]
    peaks = mg.LatticeDiffraction(space, resolution="resolved", order=3, vertices=2).peaks(
        oracle.random_rows(space, 3, seed=5)
    )
    assert peaks.triplets.shape == (3, 0)
    assert peaks.triplet_vertices.shape == (0, 3)
    assert mg.graph_matrix(peaks, 4).shape == (3, 1, 4, 4)


class Absorbing(Radiation):
    """Radiation under which all species scatter out of phase, each by its own amount."""

    def form_factors(self, species, wavelength) -> FormFactors:
        plain = super().form_factors(species, wavelength)
        imaginary = np.array([0.0 if name == "vac" else 1.0 + ord(name[0]) % 7 + wavelength for name in species])
        return FormFactors(plain.species, plain.constant - 1.0, plain.coefficients, imaginary, plain.mott_bethe)


DOUBLET = Absorbing(((1.54056, 2 / 3), (1.54439, 1 / 3)))


@pytest.mark.parametrize("name", ["cubic, two sublattices", "hexagonal, thirds", "triclinic, sheared"])
def test_out_of_phase_scattering_is_averaged_over_friedel_pairs(name: str) -> None:
    space = SPACES[name]
    rows = oracle.random_rows(space, 2, seed=6)
    lattice, structure = space.supercell_structure.lattice, space.supercell_structure
    powder = mg.LatticeDiffraction(space, DOUBLET, (0, 35), scaled=False)
    direct = np.zeros((2, powder.n_peaks))
    for i, row in enumerate(rows):
        carried = oracle.carried(space, row)
        species = [carried[atom] for atom in range(len(structure))]
        for wavelength, share in DOUBLET.lines:
            factors = DOUBLET.form_factors(species, wavelength)
            for hkl, s2, two_theta, lp in oracle.all_reflections(lattice, wavelength, 35):
                amplitude = (factors.at(s2) + 1j * factors.imaginary) @ np.exp(2j * np.pi * structure.frac_coords @ hkl)
                line = int(np.abs(powder.two_theta - two_theta).argmin())
                direct[i, line] += share * lp * abs(amplitude) ** 2
    np.testing.assert_allclose(powder.peaks(rows).intensity, direct, rtol=0, atol=1e-12 * direct.max())


def test_triplets_of_out_of_phase_scatterers_are_the_mean_of_both_ways_round() -> None:
    space = SPACES["triclinic, sheared"]
    diffraction = mg.LatticeDiffraction(space, DOUBLET, resolution="resolved", scaled=False, order=3, vertices=6)
    (row,) = oracle.random_rows(space, 1, seed=7)
    peaks = diffraction.peaks(row[None])
    wavelength = 1.54056
    structure, carried = space.supercell_structure, oracle.carried(space, row)
    species = [carried[int(atom)] for atom in space.site_indices]
    factors = DOUBLET.form_factors(species, wavelength)
    places = structure.frac_coords[space.site_indices]
    reciprocal = structure.lattice.reciprocal_lattice_crystallographic

    def amplitude(hkl: np.ndarray) -> complex:
        g = float(np.linalg.norm(reciprocal.get_cartesian_coords(hkl)))
        theta = np.arcsin(wavelength * g / 2)
        lp = (1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        f = factors.at(g * g / 4) + 1j * factors.imaginary
        return np.sqrt(2 / 3 * lp) * complex(f @ np.exp(2j * np.pi * places @ hkl))

    def hkl(i: int) -> np.ndarray:
        return np.array(peaks.hkls[i][0]["hkl"])

    checked = 0
    for corners, value in zip(peaks.triplet_vertices, peaks.triplets[0], strict=True):
        for signs in [(1, 1, 1), (1, 1, -1), (1, -1, 1), (-1, 1, 1)]:
            triple = [sign * hkl(int(i)) for sign, i in zip(signs, corners, strict=True)]
            if not np.any(sum(triple)):
                ways = [np.prod([amplitude(way * h) for h in triple]).real for way in (1, -1)]
                assert value == pytest.approx(sum(ways), rel=1e-10)
                checked += 1
                break
    assert checked == len(peaks.triplets[0]) > 0


def test_what_triplets_cannot_be_made_of_is_refused() -> None:
    space = cspbi3_br(2)
    with pytest.raises(mg.InputError, match="order=3: triplets belong to resolved peaks"):
        mg.LatticeDiffraction(space, order=3)
    with pytest.raises(mg.InputError, match="order must be 2 or 3, not 4"):
        mg.LatticeDiffraction(space, resolution="resolved", order=4)
    for vertices, message in [
        (0, "vertices must be at least 1, not 0"),
        ([0, 2000], "vertices: 2000 is no peak; there are 1056, from 0 on"),
        ([3, 3], "vertices: an index stands there twice"),
        ([0.5], "vertices must be a number of peaks or a list of their indices"),
    ]:
        with pytest.raises(mg.InputError, match=message):
            mg.LatticeDiffraction(space, resolution="resolved", vertices=vertices)


@pytest.mark.parametrize("resolution", ["powder", "resolved"])
def test_vertices_are_columns_of_the_full_list(resolution: str) -> None:
    space = cspbi3_br(4)
    rows = all_orbits(space)[:9]
    full = mg.LatticeDiffraction(space, resolution=resolution).peaks(rows)
    chosen = [40, 3, 17]
    some = mg.LatticeDiffraction(space, resolution=resolution, vertices=chosen)
    np.testing.assert_allclose(some.peaks(rows).intensity, full.intensity[:, chosen], rtol=0, atol=1e-12)
    assert some.hkls == [full.hkls[i] for i in chosen]
    assert some.n_peaks == 3
    first = mg.LatticeDiffraction(space, resolution=resolution, vertices=28).peaks(rows)
    np.testing.assert_allclose(first.intensity, full.intensity[:, :28], rtol=0, atol=1e-12)


def test_peaks_say_in_a_line_how_many_triplets_they_have() -> None:
    space = cspbi3_br(3)
    rows = next(space.orbits()).occupations[:2]
    peaks = mg.LatticeDiffraction(space, resolution="resolved", order=3, vertices=12).peaks(rows)
    assert repr(peaks) == (
        f"<Peaks of 2 arrangements: 12 peaks, {peaks.triplets.shape[1]} triplets in .triplets (columns too by "
        "triplets_as_vertices())>"
    )
    assert repr(mg.LatticeDiffraction(space).peaks(rows)) == "<Peaks of 2 arrangements: 112 peaks>"


def test_triplets_of_vacancies_do_not_fail_on_rounding() -> None:
    """Li(Ni,Mn,Co)O2 with Li vacancies, hexagonal cell twice: triplets that are zero came out as -4e-14."""
    lattice = Lattice.hexagonal(2.85, 14.1)
    parent = Structure.from_spacegroup(
        "R-3m", lattice, ["Li", "Ni", "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.2585]]
    )  # fmt: skip
    space = mg.ConfigurationSpace(parent, (2, 1, 1), {"Ni": {"Mn": 2, "Co": 2}, "Li": {"vac": 2}})
    rows = next(space.orbits()).occupations
    peaks = mg.LatticeDiffraction(space, domain="patterson", cutoff=6.0, order=3).peaks(rows).triplets_as_vertices()
    assert peaks.intensity.min() >= 0
    assert np.isfinite(mg.graph_matrix(peaks, n_peaks=peaks.intensity.shape[1])).all()
