"""What a powder pattern knows beyond pymatgen: absorption, spectral lines, displacements, preferred orientation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import powder_oracle as oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.features.form_factors import FormFactors, xray_form_factors
from matganip.features.orientation import MarchDollase
from matganip.features.radiation import Radiation

CSCL = Structure(Lattice.cubic(4.209), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
SKEW = Structure(
    Lattice.from_parameters(4.1, 5.2, 6.3, 81, 95, 104), ["Pb", "O", "O"], [[0, 0, 0], [0.3, 0.4, 0.1], [0.6, 0.1, 0.7]]
)


class Absorbed(Radiation):
    """Form factors with f' and f'' that depend on the wavelength, as numbers that are easy to check."""

    def form_factors(self, species: Sequence[str], wavelength: float) -> FormFactors:
        table = xray_form_factors(species)
        return FormFactors(
            table.species,
            table.constant - 0.03 * table.constant * wavelength,
            table.coefficients,
            0.1 * table.constant * wavelength,
            table.mott_bethe,
        )


class Nuclei(Radiation):
    """Scattering lengths: no form factor at all, one of them negative."""

    def form_factors(self, species: Sequence[str], wavelength: float) -> FormFactors:
        lengths = np.array([-3.7 if symbol == "H" else 5.0 + len(symbol) for symbol in species])
        return FormFactors(tuple(species), lengths, np.zeros((len(species), 0, 2)), np.zeros(len(species)))


RADIATIONS = (
    Absorbed(((1.54056, 2 / 3), (1.54439, 1 / 3))),
    Nuclei(((1.8, 1.0),), polarized=False),
    Radiation(((0.9, 0.5), (1.1, 0.3), (2.3, 0.2))),
)
orientations = st.one_of(
    st.none(), st.builds(MarchDollase, st.sampled_from([(0, 0, 1), (1, 1, 0), (2, -1, 3)]), st.floats(0.3, 3))
)


@settings(max_examples=30)
@given(
    oracle.structures(),
    st.sampled_from(RADIATIONS),
    st.sampled_from(["U_cif", "U_iso", "B_iso", ""]),
    orientations,
    st.integers(0, 999),
)
def test_patterns_are_those_of_the_slow_twin(
    structure: Structure, radiation: Radiation, kind: str, orientation: MarchDollase | None, seed: int
) -> None:
    if kind:
        structure = oracle.displaced(structure, np.random.default_rng(seed), kind)
    debye_waller = {} if kind else {"O": 0.8, "Pb": 1.7}
    two_theta_range = (20.0, 60.0)
    # A reflection at an end of the range is in or out by the last bit of its angle, here and in the twin.
    assume(not oracle.at_an_end(structure.lattice, radiation, two_theta_range))
    expected = oracle.peaks(structure, radiation, two_theta_range, debye_waller, orientation)
    powder = mg.PowderDiffraction(radiation, "proximity", debye_waller, orientation)
    (found,) = powder.patterns([structure], two_theta_range, scaled=False)
    assert len(found.two_theta) == len(expected)
    two_theta, intensity, n_reflections = np.array(expected).T
    np.testing.assert_allclose(found.two_theta, two_theta, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.intensity, intensity, rtol=1e-8, atol=1e-12 * intensity.max())
    assert [sum(family["multiplicity"] for family in peak) for peak in found.hkls] == n_reflections.tolist()


def test_absorption_breaks_no_friedel_sum() -> None:
    """The mean of a Friedel pair is that of a crystal and its mirror image."""
    powder = mg.PowderDiffraction(Absorbed(((1.54184, 1.0),)))
    inverted = Structure(SKEW.lattice, SKEW.species, -SKEW.frac_coords)
    one, other = powder.patterns([SKEW, inverted], scaled=False)
    np.testing.assert_allclose(one.intensity, other.intensity, rtol=1e-10)


def test_a_doublet_parts_with_the_angle() -> None:
    doublet = Radiation(((1.54056, 2 / 3), (1.54439, 1 / 3)))
    (pattern,) = mg.PowderDiffraction(doublet).patterns([CSCL], (0, 150))
    (first,), (second,) = (mg.PowderDiffraction(line).patterns([CSCL], (0, 150)) for line, _ in doublet.lines)
    assert np.all(np.diff(pattern.two_theta) > 0)
    np.testing.assert_array_equal(pattern.two_theta, np.sort([*first.two_theta, *second.two_theta]))
    gaps = np.diff(pattern.two_theta)[::2]
    assert gaps[0] < 0.1
    assert gaps[-1] > 0.5
    assert pattern.hkls[0] == pattern.hkls[1] == [{"hkl": (1, 0, 0), "multiplicity": 6}]
    # Split by weight, and a little more by the Lorentz-polarization factor of each.
    assert pattern.intensity[0] / pattern.intensity[1] == pytest.approx(2, rel=0.01)


def test_displacements_of_sites_are_those_of_elements_where_all_are_alike() -> None:
    plain = SKEW.copy()
    u = 0.011
    b = 8 * np.pi**2 * u
    expected = mg.PowderDiffraction(debye_waller_factors={"Pb": b, "O": b}).patterns([plain])[0]
    cosines = np.cos(np.radians(SKEW.lattice.reciprocal_lattice_crystallographic.angles))
    tensor = dict(zip(("11", "22", "33", "23", "13", "12"), (u, u, u, *(u * cosines)), strict=True))
    isotropic = SKEW.copy().add_site_property("U_iso", [u] * 3)
    by_b = SKEW.copy().add_site_property("B_iso", [b] * 3)
    full = SKEW.copy()
    for index, value in tensor.items():
        full.add_site_property(f"U{index}_cif", [value] * 3)
    mixed = full.copy()
    mixed.add_site_property("U_iso", [9.0, 9.0, u])  # counts where there are no six
    for index in tensor:
        mixed[2].properties[f"U{index}_cif"] = None
    for found in mg.PowderDiffraction().patterns([isotropic, by_b, full, mixed]):
        np.testing.assert_allclose(found.two_theta, expected.two_theta, rtol=0, atol=1e-10)
        np.testing.assert_allclose(found.intensity, expected.intensity, rtol=0, atol=1e-9)


def test_displacements_that_are_none_are_refused() -> None:
    def refused(message: str, structure: Structure, **settings: object) -> None:
        with pytest.raises(mg.InputError, match=message):
            mg.PowderDiffraction(**settings).patterns([CSCL, structure])

    refused(r"structure 1, site 0 \(Cs\): U_iso must not be negative", CSCL.copy().add_site_property("U_iso", [-1, 0]))
    refused("site 1 .*: B_iso must be numbers, got", CSCL.copy().add_site_property("B_iso", [1, np.inf]))
    refused("site 1 .*: B_iso must be numbers, got", CSCL.copy().add_site_property("B_iso", [1, "one"]))
    refused(r"site 1 \(Cl\): has no displacement", CSCL.copy().add_site_property("U_iso", [0.1, None]))
    moved = oracle.displaced(CSCL, np.random.default_rng(1), "U_cif")
    refused("debye_waller_factors cannot be used with structures", moved, debye_waller_factors={"Cs": 1.0})
    moved[1].properties["U33_cif"] = -0.2
    refused(r"site 1 \(Cl\): U_cif .* has the negative mean square displacement -0.2", moved)
    moved[1].properties["U33_cif"] = None
    refused("site 1 .*: U11_cif ... U12_cif must be numbers", moved)


def test_orientation_changes_nothing_at_r_1_and_no_mean() -> None:
    for r, axis in ((1.0, (1, 2, 3)), (1 + 1e-12, (0, 0, 1))):
        oriented = mg.PowderDiffraction(preferred_orientation=MarchDollase(axis, r)).patterns([SKEW])[0]
        plain = mg.PowderDiffraction().patterns([SKEW])[0]
        np.testing.assert_allclose(oriented.intensity, plain.intensity, rtol=0, atol=1e-8)
    # Over all directions the weight has the mean 1: so it has over the many reflections of one length.
    steps = (np.arange(20000) + 0.5) / 20000
    for r in (0.5, 2.0):
        assert np.mean((r**2 * steps**2 + (1 - steps**2) / r) ** -1.5) == pytest.approx(1, rel=1e-6)


def test_equivalent_axes_orient_alike() -> None:
    patterns = [
        mg.PowderDiffraction(preferred_orientation=MarchDollase(axis, 0.6)).patterns([CSCL])[0].intensity
        for axis in ((1, 0, 0), (0, -1, 0), (0, 0, 2))
    ]
    np.testing.assert_allclose(patterns[1:], patterns[:1] * np.ones((2, 1)), rtol=1e-12)


@pytest.mark.parametrize(
    ("hkl", "r", "message"),
    [
        ((0, 0, 0), 1.0, "hkl: must be three indices that are not all 0"),
        ((1, 0), 1.0, "hkl: must be three indices"),
        ((1, 0, 0), 0.0, "r: must be positive and finite, not 0.0"),
        ((1, 0, 0), np.nan, "r: must be positive and finite"),
        ("abc", 1.0, "hkl and r must be numbers"),
    ],
)
def test_orientations_that_are_none_are_refused(hkl: tuple, r: float, message: str) -> None:
    with pytest.raises(mg.InputError, match=message):
        MarchDollase(hkl, r)


def test_an_orientation_of_another_type_is_refused() -> None:
    with pytest.raises(mg.InputError, match="preferred_orientation must be a MarchDollase"):
        mg.PowderDiffraction(preferred_orientation=0.5)


def test_threads_change_no_byte_with_everything_on() -> None:
    rng = np.random.default_rng(5)
    batch = [oracle.displaced(SKEW, rng, kind) for kind in ("U_cif", "U_iso", "B_iso") for _ in range(30)]
    powder = mg.PowderDiffraction(RADIATIONS[0], preferred_orientation=MarchDollase((1, 1, 0), 0.7))
    runs = [powder.patterns(batch, (0, 60), num_threads=n) for n in (1, 2, 5)]
    for patterns in runs[1:]:
        for one, other in zip(runs[0], patterns, strict=True):
            np.testing.assert_array_equal(one.two_theta, other.two_theta)
            np.testing.assert_array_equal(one.intensity, other.intensity)
