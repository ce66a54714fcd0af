"""Resolved peaks: their definition, what they tell apart, and that they keep to the parent's symmetry."""

from __future__ import annotations

import diffraction_oracle as oracle
import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.space import ConfigurationSpace
from matganip.features.peaks import Peaks

SPACES = oracle.spaces()


def three_indices(hkl: tuple[int, ...]) -> tuple[int, ...]:
    return hkl if len(hkl) == 3 else (hkl[0], hkl[1], hkl[3])


def orbit_of(space: ConfigurationSpace, peaks: Peaks, i: int) -> set[tuple]:
    """The orbit that peak i stands for, from the reflection and the basis sites that it names."""
    assert peaks.site_pairs is not None
    named = [next(b for b in oracle.basis_columns(space) if column in b) for column in peaks.site_pairs[i]]
    return oracle.resolved_orbit(space, three_indices(peaks.hkls[i][0]["hkl"]), (named[0], named[1]))


@pytest.mark.parametrize("name", SPACES)
def test_each_peak_is_the_sum_over_its_orbit(name: str) -> None:
    space = SPACES[name]
    diffraction = mg.LatticeDiffraction(space, two_theta_range=(0, 27), resolution="resolved", scaled=False)
    (row,) = oracle.random_rows(space, 1, seed=1)
    peaks = diffraction.peaks(row[None])
    direct = np.empty(diffraction.n_peaks)
    seen: set[tuple] = set()
    for i in range(diffraction.n_peaks):
        orbit = orbit_of(space, peaks, i)
        assert not seen & orbit
        seen |= orbit
        assert sum(family["multiplicity"] for family in peaks.hkls[i]) == len({hkl for hkl, _ in orbit})
        direct[i] = oracle.resolved(space, row, 1.54184, orbit)
    n_basis = len(oracle.basis_columns(space))
    n_reflections = sum(1 for _ in oracle.all_reflections(space.supercell_structure.lattice, 1.54184, 27))
    assert len(seen) == n_reflections * n_basis * (n_basis + 1) // 2
    np.testing.assert_allclose(peaks.intensity[0], direct, rtol=0, atol=1e-11 * direct.max())


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("resolution", ["powder", "resolved"])
def test_arrangements_that_symmetry_relates_have_the_same_peaks(name: str, resolution: str) -> None:
    space = SPACES[name]
    # In one space the positions themselves have the symmetry to 1e-4 angstrom only.
    tolerance = 0.05 if "within symprec" in name else 1e-9
    (row,) = oracle.random_rows(space, 1, seed=2)
    images = np.empty((len(space.site_permutations), space.n_sites), dtype=np.uint8)
    for image, permutation in zip(images, space.site_permutations, strict=True):
        image[permutation] = row
    peaks = mg.LatticeDiffraction(space, two_theta_range=(0, 50), resolution=resolution).peaks(images)
    assert np.abs(peaks.intensity - peaks.intensity[0]).max() < tolerance


def test_order_is_by_angle_and_the_same_each_time() -> None:
    first, second = (mg.LatticeDiffraction(SPACES["rutile"], resolution="resolved") for _ in range(2))
    assert (np.diff(first.two_theta) >= 0).all()
    assert first.hkls == second.hkls
    assert np.array_equal(first.site_pairs, second.site_pairs)
    row = oracle.random_rows(SPACES["rutile"], 1, seed=3)
    assert first.peaks(row).intensity.tobytes() == second.peaks(row).intensity.tobytes()


def test_scale_is_one_number_for_the_whole_space() -> None:
    space = SPACES["cubic, two sublattices"]
    rows = oracle.random_rows(space, 20, seed=4)
    scaled = mg.LatticeDiffraction(space, resolution="resolved")
    plain = mg.LatticeDiffraction(space, resolution="resolved", scaled=False)
    assert scaled.reference_intensity == plain.reference_intensity
    expected = plain.peaks(rows).intensity * 100 / plain.reference_intensity
    np.testing.assert_allclose(scaled.peaks(rows).intensity, expected, rtol=1e-12)
    np.testing.assert_allclose(scaled.peaks(rows[3:4]).intensity, expected[3:4], rtol=1e-12)
    # The reference is the supercell with the heavier species everywhere: here the undoped one.
    undoped = np.array([[space.species[k].index(["Pb", "I"][k]) for k in space.sublattices]], dtype=np.uint8)
    assert scaled.peaks(undoped).intensity.max() == pytest.approx(100, rel=1e-12)
    assert (scaled.peaks(rows).intensity >= 0).all()


def cspbi3_br(n_br: int) -> ConfigurationSpace:
    return ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": n_br}})


def all_orbits(space: ConfigurationSpace) -> np.ndarray:
    return np.concatenate([batch.occupations for batch in space.orbits()])


def classes(rows: np.ndarray, tolerance: float) -> np.ndarray:
    """The first row that each row equals within a tolerance."""
    representatives: list[int] = []
    label = np.empty(len(rows), dtype=int)
    for i, row in enumerate(rows):
        alike = [k for k in representatives if np.abs(rows[k] - row).max() < tolerance]
        if not alike:
            representatives.append(i)
        label[i] = alike[0] if alike else i
    return label


@pytest.mark.parametrize(("n_br", "powder", "resolved"), [(2, 5, 7), (3, 14, 19), (4, 38, 66), (6, 145, 335)])
def test_numbers_of_distinct_patterns(n_br: int, powder: int, resolved: int) -> None:
    space = cspbi3_br(n_br)
    rows = all_orbits(space)
    for resolution, n_distinct in (("powder", powder), ("resolved", resolved)):
        diffraction = mg.LatticeDiffraction(space, resolution=resolution)
        intensity = diffraction.peaks(rows).intensity
        assert len(set(classes(intensity, 1e-6))) == n_distinct
        assert len(set(classes(intensity[:, :28], 1e-6))) == n_distinct
        assert diffraction.n_sums <= 9


@pytest.mark.parametrize("n_br", [3, 4])
def test_resolved_patterns_are_equal_exactly_where_all_symmetry_distinct_pair_counts_are(n_br: int) -> None:
    space = cspbi3_br(n_br)
    rows = all_orbits(space)
    pairs = np.stack(np.triu_indices(space.n_sites, 1), axis=1)
    image = np.sort(space.site_permutations[:, pairs], axis=2)
    label = np.unique((image[..., 0] * space.n_sites + image[..., 1]).min(axis=0), return_inverse=True)[1]
    both = (rows[:, pairs] == 0).all(axis=2)
    counts = np.stack([both[:, label == k].sum(axis=1) for k in range(label.max() + 1)], axis=1)
    intensity = mg.LatticeDiffraction(space, resolution="resolved").peaks(rows).intensity
    assert np.array_equal(classes(counts.astype(float), 0.5), classes(intensity, 1e-6))


def test_powder_patterns_span_the_five_pair_distances() -> None:
    space = cspbi3_br(6)
    intensity = mg.LatticeDiffraction(space, scaled=False).peaks(all_orbits(space)).intensity
    singular = np.linalg.svd(intensity, compute_uv=False)
    assert int((singular > 1e-10 * singular[0]).sum()) == 5


def test_opposite_vectors_between_two_sites_half_a_translation_apart_look_the_same() -> None:
    # Na at 0, K at 1/2 of a crystal without inversion: Li-Rb vectors of +1/2 and -1/2 (and +3/2, -3/2) are distinct
    # pairs, but every |F_b + F_b'|^2 has cos(2 pi h.r) of them alone. docs/diffraction.md says so.
    parent = Structure(
        Lattice.from_parameters(3.1, 4.2, 5.3, 81, 97, 104),
        ["Na", "K", "Cl", "O"],
        [[0, 0, 0], [0.5, 0, 0], [0.13, 0.37, 0.41], [0.61, 0.22, 0.78]],
    )
    space = ConfigurationSpace(parent, (5, 1, 1), {"Na": {"Li": 1}, "K": {"Rb": 1}})
    rows = all_orbits(space)
    intensity = mg.LatticeDiffraction(space, resolution="resolved").peaks(rows).intensity
    assert (len(rows), len(set(classes(intensity, 1e-6)))) == (5, 3)
