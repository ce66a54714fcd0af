"""Crystals of any elements, brought to vertices that mean the same for each."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg
from matganip.errors import InputError
from matganip.features.powder.crystal_peaks import (
    CrystalInput,
    crystal_peaks,
    cubic_families,
    graphs,
    without_form_factor,
)


def test_families_are_those_of_a_triple_loop():
    counts: dict[int, int] = {}
    for h in range(-6, 7):
        for k in range(-6, 7):
            for n in range(-6, 7):
                counts[h * h + k * k + n * n] = counts.get(h * h + k * k + n * n, 0) + 1
    values = sorted(counts)[1:21]
    indices, multiplicity = cubic_families(20)
    assert (indices.tolist(), multiplicity.tolist()) == (values, [counts[value] for value in values])


def test_absolute_amplitudes_are_structure_factors_in_electrons():
    """Far from absorption edges f(s -> 0) is the atomic number: 100 of CsCl-like cells is Z_A - Z_B - Z_X there."""
    one = crystal_peaks([mg.perovskite("CsPbI3", a=40.0)], CrystalInput(n_peaks=6)).amplitude[0]
    a, b, x = 55, 82, 53
    expected = [abs(a - b - x), abs(a + b - x), abs(a - b + 3 * x), abs(a + b + 3 * x)]
    np.testing.assert_allclose(one[:4], expected, rtol=0.02)


@pytest.mark.parametrize("cells", [(1, 1, 1), (2, 2, 2), (1, 2, 3)])
def test_they_belong_to_a_formula_unit_whatever_the_cell(cells):
    cell = mg.perovskite("SrTiO3", a=3.905)
    found, alone = crystal_peaks([cell * cells, cell]).amplitude
    np.testing.assert_allclose(found, alone, rtol=1e-9)


def test_a_slightly_distorted_cell_has_nearly_the_same_vertices():
    cubic = mg.perovskite("SrTiO3", a=3.905)
    strained = Structure(Lattice.tetragonal(3.89, 3.935), cubic.species, cubic.frac_coords)
    one, other = crystal_peaks([cubic, strained]).amplitude
    np.testing.assert_allclose(other, one, rtol=0.02)


def test_scaled_amplitudes_lose_the_scale():
    cell = mg.perovskite("SrTiO3", a=3.905)
    absolute, scaled = (
        crystal_peaks([cell], CrystalInput(intensities=kind)).amplitude[0] for kind in ("absolute", "scaled")
    )
    np.testing.assert_allclose(scaled / absolute, scaled[0] / absolute[0], rtol=1e-9)
    assert scaled.max() < absolute.max()


def test_the_first_peaks_by_angle_are_those_of_the_pattern():
    cells = [mg.perovskite("SrTiO3", a=3.905), mg.perovskite("CsPbI3", a=6.289)]
    made = CrystalInput(n_peaks=30, vertices="angle", two_theta_range=(0, 90))
    found = crystal_peaks(cells, made)
    for row, pattern in zip(found.two_theta, mg.PowderDiffraction().patterns(cells), strict=True):
        n = min(30, len(pattern.two_theta))
        np.testing.assert_allclose(row[:n], pattern.two_theta[:n])
        assert (row[n:] == 180).all()
    families = crystal_peaks(cells, CrystalInput(n_peaks=8))
    np.testing.assert_allclose(found.amplitude[1, :8], families.amplitude[1], rtol=1e-9)


def test_the_result_is_the_same_for_any_number_of_threads():
    cells = [mg.perovskite("SrTiO3", a=a) for a in (3.8, 3.9, 4.0)]
    one, two = (crystal_peaks(cells, num_threads=n) for n in (1, 2))
    assert one.amplitude.tobytes() == two.amplitude.tobytes()


def test_a_graph_is_symmetric_and_of_rank_two():
    rng = np.random.default_rng(0)
    (matrix,) = graphs(rng.random((1, 6)) * 180, rng.random((1, 6)))
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.linalg.matrix_rank(matrix, tol=1e-5) == 2


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: CrystalInput(vertices="all"), "vertices = 'all': input should be 'families' or 'angle'"),
        (lambda: CrystalInput(intensities="raw"), "intensities = 'raw': input should be 'absolute' or 'scaled'"),
        (lambda: CrystalInput(n_peaks=3), "n_peaks = 3: input should be greater than or equal to 4"),
        (lambda: crystal_peaks([]), "no crystal to diffract"),
        (
            lambda: crystal_peaks([mg.perovskite("CsPbI3", a=6.3), mg.perovskite("NoPbI3", a=6.3)]),
            "structure 1: .*'No'",
        ),
    ],
)
def test_bad_input_is_refused(ask, message):
    with pytest.raises(InputError, match=message):
        ask()


def test_elements_without_form_factor_are_named():
    assert without_form_factor(["Cs", "No", "I"]) == ["No"]


def test_radii_of_ions_stand_in_place_of_form_factors():
    """Amplitudes of the ideal cell are sums and differences of radii, A at XII, B and X at VI."""
    cell = mg.perovskite("SrTiO3", a=3.905).add_oxidation_state_by_element({"Sr": 2, "Ti": 4, "O": -2})
    a, b, x = (mg.ionic_radius(*ion).value for ion in (("Sr", 2, 12), ("Ti", 4), ("O", -2)))
    made = CrystalInput(radiation="ionic_radius", n_peaks=4)
    found = crystal_peaks([cell, cell * (2, 1, 1)], made).amplitude
    expected = [abs(a - b - x), abs(a + b - x), abs(a - b + 3 * x), abs(a + b + 3 * x)]
    assert found == pytest.approx(np.array([expected, expected]), abs=1e-6)
    assert made.name == "ionic_radius, absolute per formula unit"
    with pytest.raises(InputError, match="oxidation states"):
        crystal_peaks([mg.perovskite("SrTiO3", a=3.905)], made)
