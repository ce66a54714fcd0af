"""What atoms scatter, against a second library for each table; and radiations by name."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest
from pymatgen.analysis.diffraction.neutron import ATOMIC_SCATTERING_LEN

import matganip as mg
from matganip.features.form_factors import scattering_lengths, with_dispersion, xray_form_factors
from matganip.features.radiation import WAVELENGTHS, Radiation

ELEMENTS = [gemmi.Element(z).name for z in range(3, 93)]
IONS = {"Cs": 1, "Pb": 2, "I": -1, "Br": -1, "O": -2, "Ti": 4, "Fe": 3, "Na": 1, "Cl": -1}
S_SQUARED = np.linspace(0, 1.5, 7)


@pytest.fixture
def xraydb():  # only here, because it imports sqlalchemy, and every worker of pytest imports every file
    import xraydb

    return xraydb


def test_waasmaier_and_kirfel_are_those_of_xraydb(xraydb) -> None:
    s = np.sqrt(S_SQUARED)
    expected = [xraydb.f0(name, s) for name in ELEMENTS]
    np.testing.assert_allclose(xray_form_factors(ELEMENTS, "waasmaier-kirfel").at(S_SQUARED), expected, atol=1e-5)
    ions = [f"{name}{abs(charge)}{'+' if charge > 0 else '-'}" for name, charge in IONS.items()]
    found = xray_form_factors([*IONS], "waasmaier-kirfel", IONS)
    np.testing.assert_allclose(found.at(S_SQUARED), [xraydb.f0(ion, s) for ion in ions], atol=1e-5)
    electrons = [gemmi.Element(name).atomic_number - charge for name, charge in IONS.items()]
    np.testing.assert_allclose(found.at(0.0), electrons, atol=0.02)


def test_international_tables_are_what_gemmi_computes() -> None:
    expected = [[gemmi.Element(name).it92.calculate_sf(s2) for s2 in S_SQUARED] for name in ELEMENTS]
    np.testing.assert_allclose(xray_form_factors(ELEMENTS, "international-tables").at(S_SQUARED), expected, atol=1e-5)


def test_tables_agree_with_each_other_where_all_are_good() -> None:
    # Up to sin theta / lambda = 1.2 they are fits of one quantity.
    s2 = np.linspace(0, 1.44, 7)
    one = xray_form_factors(ELEMENTS, "waasmaier-kirfel").at(s2)
    other = xray_form_factors(ELEMENTS, "international-tables").at(s2)
    assert np.abs(one - other).max() < 0.25
    assert np.abs(one - other).mean() < 0.02


@pytest.mark.parametrize("wavelength", [WAVELENGTHS["CuKa"], WAVELENGTHS["MoKa"], WAVELENGTHS["AgKa"]])
def test_dispersion_is_near_that_of_chantler(xraydb, wavelength: float) -> None:
    # Two theories of f' differ by some tenths of an electron; f'' is photoabsorption in both.
    names = ["O", "Ti", "Fe", "Br", "Sn", "I", "Cs", "Pb"]
    found = with_dispersion(xray_form_factors(names), wavelength)
    energy = 12398.419843 / wavelength
    real = found.constant - xray_form_factors(names).constant
    np.testing.assert_allclose(real, [xraydb.f1_chantler(name, energy) for name in names], atol=0.4)
    np.testing.assert_allclose(found.imaginary, [xraydb.f2_chantler(name, energy) for name in names], rtol=0.08)


def test_neutron_lengths_are_those_of_pymatgen_to_its_digits() -> None:
    # pymatgen's older table (with isotopes, which begin with a digit) has elements that have been measured anew since.
    names = [name for name in ATOMIC_SCATTERING_LEN if name.isalpha()]
    lengths = scattering_lengths(names).constant
    expected = np.array([ATOMIC_SCATTERING_LEN[name] for name in names])
    near = np.abs(lengths - expected) < 0.06
    assert near.mean() > 0.8
    assert {"Cs", "Pb", "I", "Br", "Sn", "O"} <= {name for name, good in zip(names, near, strict=True) if good}
    assert scattering_lengths(["Ti"]).constant[0] < 0
    assert scattering_lengths(["Cd"]).imaginary[0] > 0.5


def test_vacancies_scatter_nothing_under_any_radiation() -> None:
    for radiation in (
        Radiation.xray("CuKa", anomalous=True),
        Radiation.xray("CuKa", form_factors="waasmaier-kirfel"),
        Radiation.neutron(1.5),
    ):
        factors = radiation.form_factors(["vac", "O"], radiation.wavelength)
        assert factors.at(S_SQUARED)[0].tolist() == [0.0] * len(S_SQUARED)
        assert factors.imaginary[0] == 0.0


def test_dispersion_moves_superlattice_lines_by_up_to_a_third() -> None:
    # I against Br at CuKa: f' of -0.6 and -0.7, f'' of 6.8 and 1.3. docs/radiation.md quotes the ratio.
    space = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=6.289), (2, 2, 2), {"I": {"Br": 3}, "Pb": {"Sn": 1}})
    rows = space.sample_configurations(20, seed=0).occupations
    plain, moved = (
        mg.LatticeDiffraction(space, Radiation.xray("CuKa", anomalous=anomalous), scaled=False).peaks(rows).intensity
        for anomalous in (False, True)
    )
    weak = plain > 1e-6 * plain.max()
    change = np.abs(moved[weak] / plain[weak] - 1)
    assert 0.2 < change.max() < 0.5


def test_names_of_radiations() -> None:
    assert Radiation.of("MoKa12").lines == ((0.70930, 2 / 3), (0.71359, 1 / 3))
    assert Radiation.of("neutron 1.8") == Radiation.neutron(1.8)
    assert Radiation.of(Radiation.neutron(2)) == Radiation.neutron(2.0)
    assert not Radiation.of("neutron 1.8").polarized
    assert len({Radiation.of("CuKa"), Radiation.of(1.54184), Radiation.xray("CuKa")}) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Radiation.of("neutron"), "radiation 'neutron': write 'neutron 1.54', a wavelength in angstrom"),
        (lambda: Radiation.of("neutron CuKa"), "write 'neutron 1.54'"),
        (lambda: Radiation.of("neutron -1"), "radiation 'neutron -1': write 'neutron 1.54'"),
        (lambda: Radiation.neutron("neutron"), "radiation 'neutron' is unknown"),
        (lambda: Radiation.of("CuKa13"), "radiation 'CuKa13' is unknown; nearest: CuKa"),
        (lambda: Radiation.of("XxKa12"), "radiation 'XxKa12' is unknown"),
        (lambda: Radiation.xray(form_factors="dirac"), "form_factors must be one of mott-bethe, waasmaier-kirfel"),
        (lambda: Radiation.xray(ions={"I": -0.5}), "ions.I: a charge must be an integer, not -0.5"),
        (
            lambda: xray_form_factors(["I"], "international-tables", {"I": -1}),
            "ion 'I' of charge -1 has no X-ray form factor in the table international-tables; it is in waasmaier",
        ),
        (lambda: xray_form_factors(["I"], "waasmaier-kirfel", {"I": 5}), "of charge .5 .*no table has it"),
        (lambda: xray_form_factors(["Og"]), "element 'Og' has no X-ray form factor in the table mott-bethe"),
        (lambda: scattering_lengths(["Og"]), "element 'Og' has no neutron scattering length"),
        (lambda: with_dispersion(xray_form_factors(["Pu"]), 1.5), "element 'Pu' has no f' and f''"),
    ],
)
def test_what_no_table_has_is_refused(make, message: str) -> None:
    with pytest.raises(mg.InputError, match=message):
        make()
