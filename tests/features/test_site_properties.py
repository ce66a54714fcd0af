"""Any property of the sites in place of form factors: against sums over atoms, charges against pymatgen's sum."""

from __future__ import annotations

import numpy as np
import pytest

import matganip as mg
from matganip.benchmarks.madelung import madelung_checks
from matganip.errors import InputError
from matganip.features.site_properties import PROPERTIES, site_properties
from matganip.learning.representation import representation

SPACE = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 1, 1), {"Ti": {"Nb": 1}, "O": {"F": 2, "vac": 1}})


def slow_intensities(space, occupation, weights, peaks):
    """LP |F(h)|^2 by a loop over atoms and reflections, summed by d-spacing, in the order of the peaks."""
    structure = space.structure(occupation)
    values = np.array([weights[site.specie.symbol] for site in structure])
    wavelength = mg.Radiation.of("CuKa").wavelength
    found = np.zeros(len(peaks.d_spacings))
    reciprocal = structure.lattice.reciprocal_lattice_crystallographic
    points = reciprocal.get_points_in_sphere([[0, 0, 0]], [0, 0, 0], 2 / wavelength, zip_results=False)
    for hkl, length in zip(points[0], points[1], strict=True):
        if length < 1e-9:
            continue
        sine = min(length * wavelength / 2, 1.0)
        nearest = np.abs(1 / peaks.d_spacings - length).argmin()
        if abs(1 / peaks.d_spacings[nearest] - length) > 1e-6:
            continue
        factor = abs(values @ np.exp(2j * np.pi * structure.frac_coords @ np.rint(hkl))) ** 2
        found[nearest] += factor / (sine**2 * np.sqrt(1 - sine**2))
    return found


@pytest.mark.parametrize("weights", ["charge", "electronegativity", {"Sr": 0, "Ti": 1.5, "Nb": -2, "O": 0.3, "F": -1}])
def test_intensities_are_sums_over_sites(weights):
    diffraction = mg.LatticeDiffraction(SPACE, weights, (0, 90), scaled=False)
    table = weights if isinstance(weights, dict) else site_properties(SPACE, weights)
    rows = SPACE.sample_orbits(3, seed=1).occupations
    peaks = diffraction.peaks(rows)
    for row, intensity in zip(rows, peaks.intensity, strict=True):
        assert intensity == pytest.approx(slow_intensities(SPACE, row, table, peaks), abs=1e-8)


def test_neutron_lengths_as_a_property_are_neutrons():
    options = {"two_theta_range": (0, 90), "scaled": False}
    rows = SPACE.sample_orbits(4, seed=0).occupations
    lengths = site_properties(SPACE, "neutron_length")
    one = mg.LatticeDiffraction(SPACE, mg.Radiation.weighted(lengths, 1.54), **options).peaks(rows)
    other = mg.LatticeDiffraction(SPACE, "neutron 1.54", **options).peaks(rows)
    assert one.intensity == pytest.approx(other.intensity, rel=1e-6)  # which absorb a little


def test_the_madelung_energy_is_linear_in_charge_weighted_intensities():
    """Coefficients from our own Ewald sum, other arrangements by pymatgen's; the benchmark does it on 50 crystals."""
    checks = madelung_checks(4, seed=3)
    assert len(checks) == 4
    assert min(one.rank for one in checks) >= 1
    assert max(abs(one.error) for one in checks) < 1e-8


def test_properties_are_channels_of_one_graph():
    rows = SPACE.sample_orbits(5, seed=0).occupations
    each = [mg.LatticeDiffraction(SPACE, name, resolution="resolved") for name in PROPERTIES]
    matrices = mg.graph_matrix([one.peaks(rows) for one in each], 12)
    assert matrices.shape == (5, len(PROPERTIES), 12, 12)
    assert matrices[:, 1] == pytest.approx(each[1].graph_matrices(rows, 12))


def test_settings_of_a_study_name_a_property():
    rows = SPACE.sample_orbits(5, seed=0).occupations
    asked = {"radiation": "electronegativity", "resolution": "resolved", "n_peaks": 40}
    table = asked | {"radiation": site_properties(SPACE, "electronegativity")}
    one, other = (representation(mg.DiffractionSettings.of(each), SPACE) for each in (asked, table))
    assert one.features(rows).tobytes() == other.features(rows).tobytes()
    settings = mg.DiffractionSettings.of(table)
    assert mg.DiffractionSettings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("radiation", "message"),
    [
        ({}, "all are 0"), ({"Ti": 0.0}, "all are 0"), ({"Ti": float("nan")}, r"weights\.Ti"),
        ({"Ti": "x"}, r"weights\.Ti"), ({"Ti": 1.0}, "weights have none of"), ("colour", "unknown"),
    ],
)  # fmt: skip
def test_what_is_no_property_is_refused(radiation, message):
    with pytest.raises(InputError, match=message):
        mg.LatticeDiffraction(SPACE, radiation)


def test_a_property_that_no_substituted_species_has_cannot_be_scaled():
    space = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 1, 1), {"O": {"vac": 1}})
    weights = {"Sr": 1.0, "Ti": 1.0, "O": 0.0}
    with pytest.raises(InputError, match="scaled=False"):
        mg.LatticeDiffraction(space, weights, resolution="resolved")
    assert mg.LatticeDiffraction(space, weights, resolution="resolved", scaled=False).n_peaks > 0


def test_an_unknown_property_is_named():
    with pytest.raises(InputError, match="electronegativity"):
        site_properties(SPACE, "spin")
    xenon = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 1, 1), {"Ti": {"He": 1}})
    with pytest.raises(InputError, match="Pauling"):
        site_properties(xenon, "electronegativity")
