"""Wavelengths, form factors, reflections, peaks and translations, piece by piece."""

from __future__ import annotations

import diffraction_oracle as oracle
import numpy as np
import pytest
from pymatgen.analysis.diffraction import xrd
from pymatgen.core import Lattice

import matganip as mg
from matganip.features.form_factors import xray_form_factors
from matganip.features.lattice.translations import basis_sites, waves
from matganip.features.peaks import Peaks
from matganip.features.radiation import WAVELENGTHS, wavelength_of
from matganip.features.reflections import reflections_in_range


def test_wavelengths_are_those_of_pymatgen() -> None:
    assert WAVELENGTHS == xrd.WAVELENGTHS
    assert wavelength_of(np.float64(0.7)) == 0.7
    assert wavelength_of(1) == 1.0


def test_form_factors_are_those_of_pymatgen_for_every_element() -> None:
    s2 = np.linspace(0, 2, 9)
    symbols = [*xrd.ATOMIC_SCATTERING_PARAMS]
    expected = [[oracle.scattered_by(symbol, s) for s in s2] for symbol in symbols]
    np.testing.assert_allclose(xray_form_factors(symbols).at(s2), expected, rtol=0, atol=1e-12)
    assert not xray_form_factors(["vac"]).at(s2).any()
    assert xray_form_factors(["Cs"]).at(0.1).shape == (1,)


@pytest.mark.parametrize("name", ["cubic, sheared", "hexagonal", "triclinic, sheared", "orthorhombic"])
def test_reflections_are_half_of_all(name: str) -> None:
    lattice = oracle.spaces()[name].supercell_structure.lattice
    found = reflections_in_range(lattice, 1.2, (0, 50))
    by_hkl = {tuple(hkl.tolist()): (s2, tt, lp) for hkl, s2, tt, lp in oracle.all_reflections(lattice, 1.2, 50)}
    assert 2 * len(found.hkl) == len(by_hkl)
    for k, hkl in enumerate(found.hkl.tolist()):
        s2, two_theta, lp = by_hkl[tuple(hkl)]
        assert tuple(-i for i in hkl) in by_hkl
        assert found.s_squared[k] == pytest.approx(s2, rel=1e-12)
        assert found.lorentz_polarization[k] == pytest.approx(lp, rel=1e-12)
        assert found.two_theta[found.peak[k]] == pytest.approx(two_theta, abs=1e-5)
    assert (np.diff(found.two_theta) > 1e-5).all()
    assert (np.diff(found.peak) >= 0).all()
    families = found.families([np.flatnonzero(found.peak == p) for p in range(len(found.two_theta))])
    assert sum(family["multiplicity"] for peak in families for family in peak) == len(by_hkl)


def test_hexagonal_families_have_four_indices() -> None:
    found = reflections_in_range(Lattice.hexagonal(3.25, 5.207), 1.54184, (30, 33))
    assert found.families([np.array([0]), np.array([1])])[0][0]["hkl"][:3] == (1, 0, -1)


@pytest.mark.parametrize("name", oracle.spaces())
def test_basis_sites_and_waves_give_every_phase(name: str) -> None:
    space = oracle.spaces()[name]
    coordinates = space.supercell_structure.frac_coords
    kinds = np.array([site.specie.Z for site in space.supercell_structure])
    sites = basis_sites(coordinates, kinds, space.symmetry.lattice_points)
    assert (np.bincount(sites.of_atom) == sites.n_cells).all()
    whole = sites.origin[sites.of_atom] + sites.translation / sites.n_cells - coordinates
    assert np.abs(whole - np.rint(whole)).max() < 1e-9

    hkl = np.random.default_rng(0).integers(-9, 10, (40, 3))
    wave = waves(sites, hkl, np.arange(len(coordinates)))
    assert wave.table.shape[1] <= sites.n_cells
    cosine = wave.table[:, wave.cosine[wave.q]]
    sine = np.where(wave.sine[wave.q] >= 0, wave.table[:, wave.sine[wave.q]], 0.0)
    phase = np.exp(2j * np.pi * (sites.translation / sites.n_cells) @ hkl.T)
    np.testing.assert_allclose(cosine + 1j * wave.sign * sine, phase, atol=1e-10)
    at_zero = np.isclose(phase, 1).all(axis=0)
    assert np.array_equal(wave.q == wave.zero, at_zero)


def test_translations_that_hold_within_symprec_only_are_not_used() -> None:
    space = oracle.spaces()["translations within symprec only"]
    kinds = np.array([site.specie.Z for site in space.supercell_structure])
    sites = basis_sites(space.supercell_structure.frac_coords, kinds, space.symmetry.lattice_points)
    assert (len(space.symmetry.lattice_points), sites.n_cells) == (4, 2)


def test_pattern_drops_what_is_below_a_thousandth_of_a_percent() -> None:
    peaks = Peaks(
        two_theta=np.array([10.0, 20.0, 30.0, 40.0]),
        intensity=np.array([[0.0, 50.0, 0.9e-3 / 2, 1.1e-3 / 2], [0.0, 0.0, 0.0, 0.0]]),
        d_spacings=np.array([4.0, 3.0, 2.0, 1.0]),
        hkls=[[{"hkl": (k, 0, 0), "multiplicity": 2}] for k in range(4)],
    )
    pattern = peaks.pattern(0)
    assert pattern.two_theta.tolist() == [20.0, 40.0]
    assert pattern.d_spacings.tolist() == [3.0, 1.0]
    assert pattern.hkls == [[{"hkl": (1, 0, 0), "multiplicity": 2}], [{"hkl": (3, 0, 0), "multiplicity": 2}]]
    assert len(peaks.pattern(-1).two_theta) == 0
    assert len(peaks) == 2


def test_select_keeps_the_first_and_refuses_none() -> None:
    peaks = Peaks(np.array([1.0, 2.0]), np.array([[5.0, 6.0]]), np.array([2.0, 1.0]), [[], []])
    assert peaks.select(1).intensity.tolist() == [[5.0]]
    assert peaks.select(1).intensity.flags.c_contiguous
    assert peaks.select(9).intensity.shape == (1, 2)
    with pytest.raises(mg.InputError, match="n_peaks must be at least 1, not 0"):
        peaks.select(0)
