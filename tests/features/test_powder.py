"""Powder patterns of any structure: against pymatgen, against a slow twin, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from unittest import mock

import matplotlib.pyplot as plt
import numpy as np
import powder_oracle as oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.diffraction import xrd
from pymatgen.analysis.diffraction.core import AbstractDiffractionPatternCalculator, DiffractionPattern
from pymatgen.core import DummySpecies, Lattice, Structure
from pymatgen.util.testing import MatSciTest

import matganip as mg
from matganip.features import XRDCalculator
from matganip.features.radiation import Radiation

WAVELENGTHS = ("CuKa", "MoKa", "CrKa1", "AgKb1", 1.2)
# Ranges in which the smallest cells have lines with the longest waves.
RANGES = ((0, 90), (15, 70), (0, 150))
CSCL = Structure(Lattice.cubic(4.209), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])

cases = st.tuples(
    oracle.structures(),
    st.sampled_from(WAVELENGTHS),
    st.sampled_from(RANGES),
    st.dictionaries(st.sampled_from(oracle.ELEMENTS), st.floats(0, 3), max_size=6),
)


@settings(max_examples=320)
@given(cases)
def test_patterns_are_those_of_pymatgen(case: tuple) -> None:
    structure, radiation, two_theta_range, debye_waller = case
    if radiation in ("MoKa", "AgKb1"):
        two_theta_range = (two_theta_range[0] / 3, two_theta_range[1] / 3)
    theirs = xrd.XRDCalculator(radiation, debye_waller_factors=debye_waller)
    expected = theirs.get_pattern(structure, True, two_theta_range)
    (found,) = mg.PowderDiffraction(radiation, "pymatgen", debye_waller).patterns([structure], two_theta_range)
    assert len(found.two_theta) == len(expected.x)
    np.testing.assert_allclose(found.two_theta, expected.x, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.intensity, expected.y, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.d_spacings, expected.d_hkls, rtol=1e-12)

    def sort(families: list) -> list:
        return sorted((family["hkl"], family["multiplicity"]) for family in families)

    assert [sort(families) for families in found.hkls] == [sort(families) for families in expected.hkls]
    # Weak lines that pymatgen cuts off from their peak are dropped there; without its threshold none is.
    with mock.patch.object(AbstractDiffractionPatternCalculator, "SCALED_INTENSITY_TOL", 0.0):
        every = theirs.get_pattern(structure, True, two_theta_range)
    _same_after_merging(structure, radiation, two_theta_range, debye_waller, expected, every)


def _same_after_merging(
    structure: Structure,
    radiation: str | float,
    two_theta_range: tuple,
    debye_waller: dict,
    expected: DiffractionPattern,
    every: DiffractionPattern,
) -> None:
    """By proximity the sum of what lies within a peak is the same, also of lines too weak to be listed."""
    (found,) = mg.PowderDiffraction(radiation, "proximity", debye_waller).patterns([structure], two_theta_range)

    def peaks_of(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        peak = np.searchsorted(found.two_theta, x + 1e-8, side="right") - 1
        return peak, (peak >= 0) & (x - found.two_theta[peak] < 2e-5)

    peak, near = peaks_of(every.x)
    merged = np.bincount(peak[near], weights=every.y[near], minlength=len(found.two_theta))
    merged *= 100 / merged.max()
    split = np.abs(merged - found.intensity) > 1e-6
    assert np.abs(merged - found.intensity)[split].max(initial=0) < 2.1e-3
    assert split.mean() < 0.02
    assert (~peaks_of(expected.x)[1]).sum() == 0


@settings(max_examples=25)
@given(oracle.structures(), st.sampled_from(["CuKa", "CrKa1", 2.0]))
def test_patterns_are_those_of_the_slow_twin(structure: Structure, radiation: str | float) -> None:
    debye_waller = {"O": 0.8, "Pb": 1.7}
    two_theta_range = (20.0, 85.0)
    expected = oracle.peaks(structure, Radiation.of(radiation), two_theta_range, debye_waller)
    powder = mg.PowderDiffraction(radiation, debye_waller_factors=debye_waller)
    (found,) = powder.patterns([structure], two_theta_range, scaled=False)
    assert len(found.two_theta) == len(expected)
    for peak, (two_theta, intensity, n_reflections) in enumerate(expected):
        assert found.two_theta[peak] == pytest.approx(two_theta, abs=1e-8)
        assert found.intensity[peak] == pytest.approx(intensity, rel=1e-9)
        assert sum(family["multiplicity"] for family in found.hkls[peak]) == n_reflections


def test_degenerate_lines_are_one_peak_by_proximity() -> None:
    structure = Structure(Lattice.cubic(8.935799539495072), ["Cs", "Cl"], [[0, 0, 0], [0.3, 0.21, 0.1]])
    (near,) = mg.PowderDiffraction().patterns([structure], (29, 31))
    families = {family["hkl"] for peak in near.hkls for family in peak}
    assert {(3, 0, 0), (2, 2, 1)} <= families
    together = [peak for peak in near.hkls if {family["hkl"] for family in peak} == {(3, 0, 0), (2, 2, 1)}]
    assert len(together) == 1
    (binned,) = mg.PowderDiffraction(merge="pymatgen").patterns([structure], (29, 31))
    assert len(binned.two_theta) in (len(near.two_theta), len(near.two_theta) + 1)


def test_threads_and_company_change_no_byte() -> None:
    rng = np.random.default_rng(3)
    batch = [CSCL * (1, 1, n) for n in (1, 2, 3)] + [CSCL.copy().perturb(0.1, seed=n) for n in range(9)]
    batch.append(Structure(Lattice.from_parameters(5, 6, 7, 80, 95, 100), ["Fe"] * 9, rng.random((9, 3))))
    powder = mg.PowderDiffraction("MoKa")
    one, three = (powder.patterns(batch, (0, 60), num_threads=n) for n in (1, 3))
    for a, b, structure in zip(one, three, batch, strict=True):
        (alone,) = powder.patterns([structure], (0, 60))
        for left, right, single in zip(a, b, alone, strict=True):
            assert list(left) == list(right) == list(single)


def test_atoms_paths_and_charged_species_are_structures_too(tmp_path) -> None:
    path = tmp_path / "CsCl.cif"
    CSCL.to(filename=str(path))
    charged = Structure(CSCL.lattice, ["Cs+", "Cl-"], CSCL.frac_coords)
    patterns = mg.PowderDiffraction().patterns([CSCL, path, str(path), CSCL.to_ase_atoms(), charged])
    for pattern in patterns[1:]:
        np.testing.assert_allclose(pattern.two_theta, patterns[0].two_theta, rtol=0, atol=1e-8)
        np.testing.assert_allclose(pattern.intensity, patterns[0].intensity, rtol=0, atol=1e-6)
    assert mg.PowderDiffraction().patterns([]) == []


def test_lattice_engine_and_general_engine_agree(space_3of24) -> None:
    rows = next(space_3of24.orbits()).occupations[:5]
    lattice = mg.LatticeDiffraction(space_3of24, scaled=False).peaks(rows)
    general = mg.PowderDiffraction().patterns([space_3of24.structure(row) for row in rows], scaled=False)
    for i, pattern in enumerate(general):
        listed = lattice.pattern(i)
        np.testing.assert_allclose(pattern.two_theta, listed.two_theta, rtol=0, atol=1e-8)
        np.testing.assert_allclose(pattern.intensity, listed.intensity, rtol=0, atol=1e-11 * listed.intensity.max())
        assert list(pattern.hkls) == listed.hkls


@pytest.mark.parametrize("two_theta_range", [None, (0, 180), (10, 50)])
def test_ranges_are_those_of_pymatgen(two_theta_range: tuple | None) -> None:
    expected = xrd.XRDCalculator(1.5).get_pattern(CSCL, two_theta_range=two_theta_range)
    found = XRDCalculator(1.5).get_pattern(CSCL, two_theta_range=two_theta_range)
    np.testing.assert_allclose(found.x, expected.x, rtol=0, atol=1e-8)
    np.testing.assert_allclose(found.y, expected.y, rtol=0, atol=1e-6)


def test_bad_input_is_refused_with_its_place() -> None:
    powder = mg.PowderDiffraction()

    def refused(message: str, structure: object, two_theta_range: tuple = (0, 90)) -> None:
        with pytest.raises(mg.InputError, match=message):
            powder.patterns([CSCL, structure], two_theta_range)

    not_a_number = CSCL.copy()
    not_a_number[1].frac_coords = np.array([0.5, np.nan, 0.5])
    refused(r"structure 1, site 1 \(Cl\): coordinates are \[0.5, nan, 0.5\]", not_a_number)
    flat = Structure(Lattice([[4, 0, 0], [0, 4, 0], [4, 4, 0]]), ["Cs"], [[0, 0, 0]])
    refused("structure 1: its cell .* has no volume", flat)
    refused("structure 1: its cell .* has no volume", Structure(Lattice(np.full((3, 3), np.nan)), ["Cs"], [[0, 0, 0]]))
    unknown = Structure(CSCL.lattice, ["Cs", DummySpecies("X")], CSCL.frac_coords)
    refused("structure 1: element 'X.*' has no X-ray form factor in the table mott-bethe; no table has it", unknown)
    refused("element 'Lr' has no X-ray form factor", Structure(CSCL.lattice, ["Lr"], [[0, 0, 0]]))
    refused("structure 1: has no atoms", Structure(CSCL.lattice, [], []))
    refused(r"structure 0: two_theta_range=\(0, 5\) holds no reflection at 1.54184 angstrom", CSCL, (0, 5))
    refused("two rising angles", CSCL, (50, 10))
    overfull = Structure(CSCL.lattice, [{"Cs": 0.5, "Cl": 0.5}], [[0, 0, 0]])
    overfull[0].species._data.update(dict.fromkeys(overfull[0].species, 0.7))
    refused(r"structure 1, site 0: occupancies \[0.7, 0.7\] must be 0 or more and add up to 1 or less", overfull)
    refused("a Structure, ASE Atoms or a path is needed", 3)
    twice = Structure(CSCL.lattice, ["Cs", "Cl", "Cs"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.999, 0, 1.001]])
    refused(
        r"structure 1, site 0 \(Cs\): lies within 0.01 angstrom of site 2 \(Cs\), and their occupancies add up to more "
        "than 1",
        twice,
    )
    with pytest.raises(mg.InputError, match="more than twice the largest d-spacing, 4.2090"):
        mg.PowderDiffraction(9.0).patterns([CSCL], None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radiation": "CuKb"}, "radiation 'CuKb' is unknown; nearest: CuKb1"),
        ({"merge": "bins"}, "merge must be 'proximity' or 'pymatgen'"),
        ({"debye_waller_factors": {"Cs": -1}}, "debye_waller_factors.Cs: must be finite and not negative, got -1"),
        ({"debye_waller_factors": {"Cs": "1"}}, "debye_waller_factors.Cs: must be a number, got '1'"),
    ],
)
def test_bad_settings_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(mg.InputError, match=message):
        mg.PowderDiffraction(**arguments)


def test_a_single_structure_and_negative_threads_are_refused() -> None:
    with pytest.raises(mg.InputError, match="must be a list of structures"):
        mg.PowderDiffraction().patterns(CSCL)
    with pytest.raises(mg.InputError, match="num_threads must be None, 0"):
        mg.PowderDiffraction().patterns([CSCL], num_threads=-1)


def test_families_are_a_sequence() -> None:
    (pattern,) = mg.PowderDiffraction().patterns([CSCL])
    assert pattern.hkls[0] == [{"hkl": (1, 0, 0), "multiplicity": 6}]
    assert pattern.hkls[:2] == [pattern.hkls[0], pattern.hkls[1]]
    assert len(pattern.hkls) == len(pattern.two_theta)
    assert repr(pattern.hkls) == f"<families of {len(pattern.two_theta)} peaks>"


# What pymatgen's own tests assert of its calculator, of the one that stands in for it.


def test_calculator_gives_the_known_pattern_of_cscl() -> None:
    pattern = XRDCalculator().get_pattern(CSCL, two_theta_range=(0, 90))
    assert pattern.to_json()
    assert pattern.hkls[0] == [{"hkl": (1, 0, 0), "multiplicity": 6}]
    assert pattern.hkls[1] == [{"hkl": (1, 1, 0), "multiplicity": 12}]
    np.testing.assert_allclose(pattern.x[:2], [21.107738329639844, 30.024695921112777], atol=1e-6)
    np.testing.assert_allclose(pattern.y[:2], [36.483184003748946, 100], atol=1e-4)
    np.testing.assert_allclose(pattern.d_hkls[:2], [4.209, 2.976212442014178], atol=1e-9)


def test_calculator_writes_hexagonal_families_with_four_indices() -> None:
    magnesium = Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(3.21, 5.21), ["Mg"], [[1 / 3, 2 / 3, 1 / 4]])
    theirs, ours = (kind().get_pattern(magnesium) for kind in (xrd.XRDCalculator, XRDCalculator))
    assert ours.hkls[0] == [{"hkl": (1, 0, -1, 0), "multiplicity": 6}]
    assert ours.hkls == theirs.hkls


def test_calculator_scales_refines_and_damps_as_pymatgen_does() -> None:
    perturbed = (CSCL * (2, 1, 1)).perturb(1e-4, seed=0)
    for arguments in ({"symprec": 0.01}, {"debye_waller_factors": {"Cs": 1.0}}, {"wavelength": "AgKa"}):
        for scaled in (True, False):
            theirs, ours = (
                kind(**arguments).get_pattern(perturbed, scaled=scaled, two_theta_range=(0, 60))
                for kind in (xrd.XRDCalculator, XRDCalculator)
            )
            np.testing.assert_allclose(ours.x, theirs.x, rtol=0, atol=1e-8)
            np.testing.assert_allclose(ours.y, theirs.y, rtol=0, atol=1e-8 * theirs.y.max())


def test_calculator_gives_the_published_numbers() -> None:
    silicide = Structure(
        Lattice.tetragonal(4.192, 6.88),
        ["Si", "Si", "Ru", "Ru", "Pr", "Pr"],
        [[0.25, 0.25, 0.173], [0.75, 0.75, 0.827], [0.75, 0.25, 0], [0.25, 0.75, 0], [0.25, 0.25, 0.676],
         [0.75, 0.75, 0.324]],
    )  # fmt: skip
    pattern = XRDCalculator().get_pattern(silicide)
    assert pattern.x[0] == pytest.approx(12.86727341476735)
    assert pattern.y[0] == pytest.approx(31.448239816769796)
    assert pattern.d_hkls[0] == pytest.approx(6.88)
    assert len(pattern) == 42
    assert len(XRDCalculator().get_pattern(silicide, two_theta_range=[0, 60])) == 18
    tungsten = Structure(Lattice.cubic(3.1653), ["W"] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
    for factors, intensity in (({}, 2414237.5633093244), ({"W": 0.1526}, 2377745.2296686019)):
        pattern = XRDCalculator(debye_waller_factors=factors).get_pattern(tungsten, scaled=False)
        assert pattern.x[0] == pytest.approx(40.294828554672264)
        assert pattern.y[0] == pytest.approx(intensity)
        assert pattern.d_hkls[0] == pytest.approx(2.2382050944897789)


@settings(max_examples=40)
@given(oracle.structures(), st.integers(0, 1000))
def test_calculator_takes_anisotropic_displacements_as_pymatgen_does(structure: Structure, seed: int) -> None:
    moved = oracle.displaced(structure, np.random.default_rng(seed), "U_cif")
    theirs, ours = (kind().get_pattern(moved) for kind in (xrd.XRDCalculator, XRDCalculator))
    np.testing.assert_allclose(ours.x, theirs.x, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=0, atol=1e-6)


def test_calculator_refuses_two_kinds_of_displacements_as_pymatgen_does() -> None:
    moved = oracle.displaced(CSCL, np.random.default_rng(0), "U_cif")
    for arguments in ({"symprec": 0.1}, {"debye_waller_factors": {"Cs": 1.0}}):
        with pytest.raises(ValueError, match="[Nn]either symprec nor debye_waller_factors can be used"):
            XRDCalculator(**arguments).get_pattern(moved)


def test_calculator_refuses_what_pymatgen_refuses() -> None:
    with pytest.raises(TypeError, match="must be either float, int or str"):
        XRDCalculator(["CuKa"])
    with pytest.raises(mg.InputError, match="radiation 'no such line' is unknown"):
        XRDCalculator("no such line")
    with pytest.raises(ValueError, match="Lr"):
        XRDCalculator().get_pattern(Structure(CSCL.lattice, ["Lr"], [[0, 0, 0]]))


def test_calculator_draws_the_inherited_plots() -> None:
    calculator = XRDCalculator()
    assert isinstance(calculator, AbstractDiffractionPatternCalculator)
    axes = calculator.get_plot(CSCL, annotate_peaks="full")
    assert len(axes.lines) == len(calculator.get_pattern(CSCL).x)
    figure = calculator.plot_structures([CSCL, CSCL * (1, 1, 2)], show=False)
    assert len(figure.axes) == 2
    plt.close("all")


def test_the_engine_imports_no_plotting() -> None:
    code = "import sys, matganip as mg; mg.PowderDiffraction; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize(
    ("name", "line", "two_theta", "intensity"),
    [
        ("CsCl", 0, 21.107738329639844, 36.483184003748946),
        ("CsCl", 1, 30.024695921112777, 100),
        ("LiFePO4", 1, 17.03504233621785, 50.400928948337075),
        ("Li10GeP2S12", 1, 14.058274883353876, 4.4111123641667671),
        ("Graphite", 0, 26.21057350859598, 100),
    ],
)
def test_calculator_meets_the_expectations_of_pymatgens_own_tests(name, line, two_theta, intensity) -> None:
    structure = MatSciTest.get_structure(name)
    pattern = XRDCalculator().get_pattern(structure, two_theta_range=(0, 90))
    assert (pattern.x[line], pattern.y[line]) == (pytest.approx(two_theta), pytest.approx(intensity))
    assert pattern.to_json()
