"""LatticeDiffraction against direct sums over atoms and reflections, and against pymatgen."""

from __future__ import annotations

import diffraction_oracle as oracle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.diffraction.xrd import XRDCalculator
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.space import ConfigurationSpace

SPACES = oracle.spaces()


def of_100(intensity: np.ndarray) -> np.ndarray:
    return 100 * intensity / intensity.max(axis=-1, keepdims=True)


@pytest.mark.parametrize("name", SPACES)
def test_powder_intensities_are_the_direct_sum(name: str) -> None:
    space = SPACES[name]
    diffraction = mg.LatticeDiffraction(space, two_theta_range=(0, 45), scaled=False)
    rows = oracle.random_rows(space, 3, seed=1)
    peaks = diffraction.peaks(rows)
    for row, intensity in zip(rows, peaks.intensity, strict=True):
        direct = oracle.powder(space, row, 1.54184, 45, peaks.two_theta)
        np.testing.assert_allclose(intensity, direct, rtol=0, atol=1e-11 * direct.max())


@pytest.mark.parametrize("name", SPACES)
def test_patterns_are_those_of_pymatgen(name: str) -> None:
    space = SPACES[name]
    rows = oracle.random_rows(space, 2, seed=2)
    peaks = mg.LatticeDiffraction(space, two_theta_range=(10, 80)).peaks(rows)
    for i, row in enumerate(rows):
        theirs = XRDCalculator().get_pattern(space.structure(row), two_theta_range=(10, 80))
        ours = peaks.pattern(i)
        assert len(ours.two_theta) == len(theirs.x)
        np.testing.assert_allclose(ours.two_theta, theirs.x, rtol=0, atol=1e-8)
        np.testing.assert_allclose(ours.intensity, theirs.y, rtol=0, atol=1e-6)
        np.testing.assert_allclose(ours.d_spacings, theirs.d_hkls, rtol=0, atol=1e-9)
        for our_families, their_families in zip(ours.hkls, theirs.hkls, strict=True):
            assert sorted(map(repr, our_families)) == sorted(map(repr, their_families))


lengths = st.floats(3.0, 6.0)
matrices = st.sampled_from(
    [
        np.diag([2, 1, 1]),
        np.diag([1, 3, 1]),
        np.diag([2, 2, 1]),
        np.array([[1, 1, 0], [-1, 1, 0], [0, 0, 1]]),
        np.array([[2, 1, 0], [0, 1, 0], [0, 0, 2]]),
        np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]),
        np.array([[0, 2, 0], [2, 0, 0], [0, 0, 1]]),
    ]
)


@st.composite
def small_spaces(draw: st.DrawFn) -> ConfigurationSpace:
    a, b, c = draw(lengths), draw(lengths), draw(lengths)
    angles = st.floats(70, 110)
    lattice = draw(
        st.sampled_from(
            [
                Lattice.cubic(a),
                Lattice.tetragonal(a, c),
                Lattice.orthorhombic(a, b, c),
                Lattice.hexagonal(a, c),
                Lattice.from_parameters(a, b, c, draw(angles), draw(angles), draw(angles)),
            ]
        )
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    grid = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.25, 0.6, 0.4], [0.7, 0.1, 0.8]])
    positions = grid + draw(st.sampled_from([0.0, 0.05])) * rng.uniform(-1, 1, grid.shape)
    parent = Structure(lattice, ["Cs", "Pb", "I", "I", "O"], positions)
    matrix = draw(matrices)
    n_cells = round(abs(np.linalg.det(matrix)))
    first = draw(st.integers(0, n_cells))
    substitutions = {"I": {"Br": first, draw(st.sampled_from(["Cl", "vac"])): draw(st.integers(0, n_cells))}}
    if draw(st.booleans()):
        substitutions["Pb"] = {draw(st.sampled_from(["Sn", "vac"])): draw(st.integers(0, n_cells))}
    return ConfigurationSpace(parent, matrix, substitutions)


@settings(max_examples=25, deadline=None)
@given(space=small_spaces(), seed=st.integers(0, 2**32 - 1), wavelength=st.sampled_from([1.54184, 2.291, 0.71073]))
def test_random_spaces_agree_with_the_direct_sum(space: ConfigurationSpace, seed: int, wavelength: float) -> None:
    two_theta_max = float(np.degrees(2 * np.arcsin(0.2 * wavelength)))
    diffraction = mg.LatticeDiffraction(space, wavelength, (0, two_theta_max), scaled=False)
    (row,) = oracle.random_rows(space, 1, seed)
    peaks = diffraction.peaks(row[None])
    direct = oracle.powder(space, row, wavelength, two_theta_max, peaks.two_theta)
    np.testing.assert_allclose(peaks.intensity[0], direct, rtol=0, atol=1e-11 * direct.max())


def test_any_composition_of_the_codes_is_taken() -> None:
    space = SPACES["cubic, two sublattices"]
    rows = np.random.default_rng(3).integers(0, 2, (4, space.n_sites)).astype(np.uint8)
    peaks = mg.LatticeDiffraction(space, two_theta_range=(0, 40)).peaks(rows)
    for row, intensity in zip(rows, peaks.intensity, strict=True):
        direct = oracle.powder(space, row, 1.54184, 40, peaks.two_theta)
        np.testing.assert_allclose(intensity, of_100(direct), rtol=0, atol=1e-9)


def test_first_peaks_are_columns_of_all_of_them() -> None:
    space = SPACES["hexagonal"]
    rows = oracle.random_rows(space, 50, seed=4)
    for resolution in ("powder", "resolved"):
        for scaled in (True, False):
            diffraction = mg.LatticeDiffraction(space, resolution=resolution, scaled=scaled)
            every, first = diffraction.peaks(rows), diffraction.peaks(rows, n_peaks=9)
            assert first.intensity.shape == (50, 9)
            assert np.array_equal(first.intensity, every.intensity[:, :9])
            assert np.array_equal(first.intensity, every.select(9).intensity)
            assert np.array_equal(first.two_theta, every.select(9).two_theta)
            assert len(first.hkls) == len(every.select(9).hkls) == 9


def test_bytes_do_not_depend_on_threads_and_are_written_into_out() -> None:
    space = SPACES["rutile"]
    rows = oracle.random_rows(space, 1500, seed=5)
    diffraction = mg.LatticeDiffraction(space)
    one, two = diffraction.peaks(rows, num_threads=1), diffraction.peaks(rows, num_threads=2)
    assert one.intensity.tobytes() == two.intensity.tobytes()
    out = np.full_like(one.intensity, -1)
    assert diffraction.peaks(rows, out=out).intensity is out
    assert out.tobytes() == one.intensity.tobytes()
    assert diffraction.peaks(rows[:0]).intensity.shape == (0, diffraction.n_peaks)


def test_exactly_degenerate_lines_are_one_peak() -> None:
    # pymatgen's bins of 1e-5 degrees cut between (300) and (221) of this crystal, which rounding alone tells apart.
    parent = Structure(Lattice.cubic(8.935799539495072), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    diffraction = mg.LatticeDiffraction(ConfigurationSpace(parent, (1, 1, 1), {"Cl": {"Br": 1}}))
    families = [{family["hkl"] for family in peak} for peak in diffraction.hkls]
    assert {(3, 0, 0), (2, 2, 1)} in families
    assert (np.diff(diffraction.two_theta) > 1e-3).all()


@pytest.mark.parametrize("two_theta_range", [(0, 90), (20, 35), (0, 180), None])
def test_ranges_hold_the_reflections_that_pymatgen_takes(two_theta_range: tuple[float, float] | None) -> None:
    space = SPACES["centred parent"]
    row = oracle.random_rows(space, 1, seed=6)
    ours = mg.LatticeDiffraction(space, "MoKa", two_theta_range).peaks(row).pattern(0)
    theirs = XRDCalculator("MoKa").get_pattern(space.structure(row[0]), two_theta_range=two_theta_range)
    assert len(ours.two_theta) == len(theirs.x)
    np.testing.assert_allclose(ours.two_theta, theirs.x, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.intensity, theirs.y, rtol=0, atol=1e-6)
