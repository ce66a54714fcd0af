"""Patterns of files and Atoms beside direct sums over atoms that are written down here, not read."""

from __future__ import annotations

import warnings
from pathlib import Path

import gemmi
import numpy as np
import periodictable
import pytest
import xraydb
from ase import Atoms
from pymatgen.analysis.diffraction.neutron import NDCalculator as PymatgenNDCalculator
from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS
from pymatgen.core import Lattice, Species, Structure

import matganip as mg
from matganip.features import NDCalculator, XRDCalculator
from matganip.features.form_factors import scattering_lengths, with_dispersion, xray_form_factors
from matganip.features.radiation import Radiation

WAVELENGTH = 1.54184


def xray(symbol: str, s2: float) -> float:
    """Mott and Bethe's relation with pymatgen's coefficients."""
    z = periodictable.elements.symbol(symbol).number
    return z - 41.78214 * s2 * sum(a * np.exp(-b * s2) for a, b in ATOMIC_SCATTERING_PARAMS[symbol])


def direct_sum(lattice: Lattice, atoms: list, neutrons: bool = False) -> list[tuple[float, float]]:
    """(two theta, intensity) of atoms (element or length, position, occupancy, damping(hkl, s2)), to 90 degrees."""
    reach = [int(2 / WAVELENGTH * edge) + 1 for edge in lattice.abc]
    lines: dict[float, float] = {}
    reciprocal = lattice.reciprocal_lattice_crystallographic.matrix
    for hkl in np.ndindex(*(2 * n + 1 for n in reach)):
        h = np.array(hkl) - reach
        s2 = float((h @ reciprocal) @ (h @ reciprocal)) / 4
        if not h.any() or WAVELENGTH**2 * s2 > 0.5:
            continue
        theta = np.arcsin(WAVELENGTH * np.sqrt(s2))
        f = sum(
            (what if neutrons else xray(what, s2)) * share * damping(h, s2) * np.exp(2j * np.pi * (h @ position))
            for what, position, share, damping in atoms
        )
        lp = (1 if neutrons else 1 + np.cos(2 * theta) ** 2) / (np.sin(theta) ** 2 * np.cos(theta))
        key = round(np.degrees(2 * theta), 6)
        lines[key] = lines.get(key, 0.0) + lp * abs(f) ** 2
    top = max(lines.values())
    return sorted((angle, 100 * power / top) for angle, power in lines.items() if power / top > 1e-5)


def assert_is(pattern, expected: list[tuple[float, float]]) -> None:
    angles, intensities = np.array(expected).T
    assert len(pattern.two_theta) == len(angles)
    np.testing.assert_allclose(pattern.two_theta, angles, atol=1e-6)
    np.testing.assert_allclose(pattern.intensity, intensities, rtol=1e-9, atol=1e-9)


def at_rest(_h: np.ndarray, _s2: float) -> float:
    return 1.0


def isotropic(b: float):
    return lambda _h, s2: float(np.exp(-b * s2))


CIF = """data_x
_cell_length_a {0}
_cell_length_b {1}
_cell_length_c {2}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M '{3}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_deuterium_scatters_neutrons_as_deuterium(tmp_path) -> None:
    lattice = Lattice.cubic(4.084)
    lithium, deuterium = -1.90, 6.671  # fm, Neutron Data Booklet
    corner, middle = np.zeros(3), np.full(3, 0.5)
    by_hand = direct_sum(lattice, [(lithium, corner, 1, at_rest), (deuterium, middle, 1, at_rest)], neutrons=True)
    for symbol in ("D", "D1-", "2H"):
        text = CIF.format(4.084, 4.084, 4.084, "P m -3 m") + f"Li1 Li 0 0 0 1\nD1 {symbol} 0.5 0.5 0.5 1\n"
        structure = mg.read_structure(written(tmp_path / "LiD.cif", text))
        pattern = NDCalculator(WAVELENGTH).get_pattern(structure)
        np.testing.assert_allclose(pattern.y, [i for _, i in by_hand], rtol=1e-9)
        (newer,) = mg.PowderDiffraction(f"neutron {WAVELENGTH}").patterns([structure])
        assert newer.intensity[:3] == pytest.approx([100, 31.0, 46.1], abs=0.3)
    atoms = Atoms("LiH", scaled_positions=[corner, middle], cell=[4.084] * 3, pbc=True)
    atoms.set_masses([6.94, 2.014])
    (by_mass,) = mg.PowderDiffraction("neutron 1.54184").patterns([atoms])
    np.testing.assert_allclose(by_mass.intensity, newer.intensity, rtol=1e-12)
    hydride = Structure(lattice, ["Li", "H"], [corner, middle])
    assert mg.PowderDiffraction("neutron 1.54184").patterns([hydride])[0].intensity[1] == pytest.approx(100)
    space = mg.ConfigurationSpace(hydride, (2, 1, 1), {"H": {"D": 2}})
    (deuterated,) = next(space.orbits()).structures()
    assert deuterated[-1].specie.name == "D"


def test_isotopes_are_read_and_given(tmp_path) -> None:
    text = CIF.format(4, 4, 4, "P m -3 m") + "Li1 7Li 0 0 0 1\nB1 B-11 0.5 0.5 0.5 1\n"
    read = mg.read_structure(written(tmp_path / "crystal.cif", text))
    plain = Structure(Lattice.cubic(4), ["Li", "B"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    by_radiation = mg.PowderDiffraction(Radiation.neutron(WAVELENGTH, isotopes={"Li": 7, "B": 11})).patterns([plain])[0]
    by_file = mg.PowderDiffraction(Radiation.neutron(WAVELENGTH)).patterns([read])[0]
    np.testing.assert_allclose(by_file.intensity, by_radiation.intensity, rtol=1e-12)
    natural = mg.PowderDiffraction(Radiation.neutron(WAVELENGTH)).patterns([plain])[0]
    assert abs(natural.intensity - by_file.intensity).max() > 1
    one, other = mg.PowderDiffraction("CuKa").patterns([read, plain])  # X-rays see electrons
    np.testing.assert_allclose(one.intensity, other.intensity, rtol=1e-12)
    with pytest.raises(mg.InputError, match="isotope '9Li' has no neutron scattering length"):
        Radiation.neutron(1.5, isotopes={"Li": 9})


def test_hydrogen_that_shares_a_site_with_oxygen_scatters(tmp_path) -> None:
    rows = "Cs1 Cs 0 0 0 1\nO1 O 0.5 0.5 0.5 0.5\nH1 H 0.5 0.5 0.5 0.5\n"
    path = written(tmp_path / "crystal.cif", CIF.format(4.2, 4.2, 4.2, "P m -3 m") + rows)
    middle = np.full(3, 0.5)
    atoms = [("Cs", np.zeros(3), 1, at_rest), ("O", middle, 0.5, at_rest), ("H", middle, 0.5, at_rest)]
    assert_is(mg.PowderDiffraction(WAVELENGTH).patterns([path])[0], direct_sum(Lattice.cubic(4.2), atoms))


def test_displacements_of_a_cif_are_those_of_its_table(tmp_path) -> None:
    """P m m m: an anisotropic atom off the axes with its eight images, B of one, and a shared site with U of each."""
    text = CIF.format(4.1, 5.3, 6.7, "P m m m").replace("_occupancy\n", "_occupancy\n_atom_site_U_iso_or_equiv\n")
    text += "Ti1 Ti 0.21 0.13 0.32 1 0.02\nFe1 Fe 0 0 0 0.6 0.011\nAl1 Al 0 0 0 0.4 0.004\n"
    names = ("11", "22", "33", "12", "13", "23")
    text += "loop_\n_atom_site_aniso_label\n" + "".join(f"_atom_site_aniso_U_{n}\n" for n in names)
    text += "Ti1 0.010 0.018 0.025 0.004 -0.003 0.006\n"
    u = np.array([[0.010, 0.004, -0.003], [0.004, 0.018, 0.006], [-0.003, 0.006, 0.025]])
    lattice = Lattice.orthorhombic(4.1, 5.3, 6.7)
    n = np.diag(lattice.reciprocal_lattice_crystallographic.abc)
    atoms = [
        ("Fe", np.zeros(3), 0.6, isotropic(8 * np.pi**2 * 0.011)),
        ("Al", np.zeros(3), 0.4, isotropic(8 * np.pi**2 * 0.004)),
    ]
    for signs in np.ndindex(2, 2, 2):
        mirror = np.diag(1.0 - 2 * np.array(signs))
        tensor = n @ mirror @ u @ mirror @ n
        damping = lambda h, _s2, tensor=tensor: float(np.exp(-2 * np.pi**2 * h @ tensor @ h))  # noqa: E731
        atoms.append(("Ti", mirror @ [0.21, 0.13, 0.32], 1, damping))
    path = written(tmp_path / "crystal.cif", text)
    assert_is(mg.PowderDiffraction(WAVELENGTH).patterns([path])[0], direct_sum(lattice, atoms))
    still = [(what, x, share, at_rest) for what, x, share, _ in atoms]
    assert_is(mg.PowderDiffraction(WAVELENGTH, displacements=False).patterns([path])[0], direct_sum(lattice, still))
    # A sheared supercell has other axes, to which the tensors are referred anew: the same crystal, the same pattern.
    ordered = written(tmp_path / "ordered.cif", text.replace("0 0.6 ", "0 1 ").replace("Al1 Al 0 0 0 0.4 0.004\n", ""))
    cell = mg.ConfigurationSpace(ordered, [[1, 1, 0], [0, 1, 0], [0, 0, 1]], {"Ti": {"Zr": 0}}).supercell_structure
    one, other = mg.PowderDiffraction(WAVELENGTH).patterns([ordered, cell])
    np.testing.assert_allclose(one.two_theta, other.two_theta, atol=1e-8)
    np.testing.assert_allclose(one.intensity, other.intensity, rtol=1e-8, atol=1e-9)


def test_occupancies_of_ase_atoms_count() -> None:
    atoms = Atoms("LiOCl", scaled_positions=[(0, 0, 0), (0.5, 0.5, 0), (0.5, 0.5, 0.5)], cell=[4.2, 4.2, 5.1], pbc=True)
    atoms.info["occupancy"] = {"0": {"Li": 0.3, "Fe": 0.6}, "1": {"O": 1.0}, "2": {"Cl": 0.75}}
    lattice = Lattice.tetragonal(4.2, 5.1)
    by_hand = [
        ("Li", np.zeros(3), 0.3, at_rest), ("Fe", np.zeros(3), 0.6, at_rest),
        ("O", np.array([0.5, 0.5, 0]), 1, at_rest), ("Cl", np.full(3, 0.5), 0.75, at_rest),
    ]  # fmt: skip
    assert_is(mg.PowderDiffraction(WAVELENGTH).patterns([atoms])[0], direct_sum(lattice, by_hand))
    atoms.info["occupancy"] = {"7": {"Li": 1}}
    with pytest.raises(mg.InputError, match="has no entry for atom 0, of kind 0"):
        mg.read_structure(atoms)
    with pytest.raises(mg.InputError, match="LiO have no cell, as a molecule has none"):
        mg.PowderDiffraction().patterns([Atoms("LiO", positions=[(0, 0, 0), (0, 0, 1.6)])])


def test_charges_of_one_element_scatter_apart() -> None:
    lattice = Lattice.tetragonal(4, 6)
    ordered = Structure(lattice, [Species("Fe", 2), Species("Fe", 3)], [[0, 0, 0], [0, 0, 0.5]])
    radiation = Radiation.xray("CuKa", form_factors="waasmaier-kirfel", ions="as read")
    apart = mg.PowderDiffraction(radiation).patterns([ordered])[0]
    alike = mg.PowderDiffraction(Radiation.xray("CuKa", form_factors="waasmaier-kirfel")).patterns([ordered])[0]
    assert len(apart.two_theta) > len(alike.two_theta)  # odd l: the difference of the two ions
    odd = apart.hkls[0]
    assert odd == [{"hkl": (0, 0, 1), "multiplicity": 2}]
    with pytest.raises(mg.InputError, match="has no whole charge"):
        mg.PowderDiffraction(radiation).patterns([Structure(lattice, [Species("Mn", 3.5)], [[0, 0, 0]])])


def test_dispersion_is_chantlers_where_it_is_tabulated() -> None:
    for symbol, wavelength, low, high in (
        ("Pb", 0.1, -1.2, -0.9),
        ("Bi", 1.54184, -4.4, -4.1),
        ("Fe", 1.54184, -1.3, -1.1),
    ):
        plain = xray_form_factors([symbol])
        found = with_dispersion(plain, wavelength)
        assert low < found.constant[0] - plain.constant[0] < high
        energy = 12398.419843 / wavelength
        assert found.imaginary[0] == pytest.approx(float(xraydb.f2_chantler(symbol, energy)), rel=1e-6)
        older = gemmi.cromer_liberman(z=periodictable.elements.symbol(symbol).number, energy=energy)
        assert found.imaginary[0] == pytest.approx(older[1], rel=0.08)  # photoabsorption in both
    for wavelength in (0.02, 70.0):
        with pytest.raises(mg.InputError, match="f' and f'' are tabulated between 0.0286 and 62.0 angstrom"):
            Radiation.xray(wavelength, anomalous=True).form_factors(["Pb"], wavelength)


def test_lengths_that_depend_on_the_energy_do() -> None:
    at = {wavelength: complex(*(part[0] for part in _parts(["Sm"], wavelength))) for wavelength in (1.0, 1.798)}
    assert abs(at[1.0]) ** 2 == pytest.approx(56.9, abs=0.1)
    assert abs(at[1.798]) ** 2 == pytest.approx(3.3, abs=0.1)
    for name, wavelength in (("Sm", 5.0), ("Cd", 1.0), ("Gd", 0.2)):
        with pytest.raises(mg.InputError, match=f"length of element '{name}' depends on the energy; it is known"):
            scattering_lengths([name], wavelength)
    assert scattering_lengths(["Cd"], 1.8).constant[0] == pytest.approx(4.83)


def _parts(species: list[str], wavelength: float) -> tuple[np.ndarray, np.ndarray]:
    found = scattering_lengths(species, wavelength)
    return found.constant, found.imaginary


def test_a_monochromator_polarizes() -> None:
    crystal = mg.perovskite("CsPbI3", a=6.289)
    plain, polarized = (
        mg.PowderDiffraction(Radiation.xray("CuKa", monochromator=angle)).patterns([crystal], scaled=False)[0]
        for angle in (None, 26.6)
    )
    cosine = np.cos(np.radians(plain.two_theta)) ** 2
    ratio = (1 + np.cos(np.radians(26.6)) ** 2 * cosine) / (1 + cosine)
    np.testing.assert_allclose(polarized.intensity, plain.intensity * ratio, rtol=1e-10)
    space = mg.ConfigurationSpace(crystal, (2, 1, 1), {"Pb": {"Sn": 1}})
    radiation = Radiation.xray("CuKa", monochromator=26.6)
    row = next(space.orbits()).occupations[:1]
    lattice = mg.LatticeDiffraction(space, radiation).peaks(row).pattern(0)
    (powder,) = mg.PowderDiffraction(radiation).patterns([space.structure(row[0])])
    np.testing.assert_allclose(lattice.intensity, powder.intensity, rtol=1e-8)
    with pytest.raises(mg.InputError, match="monochromator: its angle"):
        Radiation.xray(monochromator=200)


# -- pymatgen's own tests, through the stand-ins ---------------------------------------------------------------------


def shipped(name: str) -> Structure:
    from importlib.resources import files

    return Structure.from_file(str(files("pymatgen.util") / "structures" / f"{name}.json"))


def test_the_values_of_pymatgens_tests_of_xrd() -> None:
    calculator = XRDCalculator()
    chloride = calculator.get_pattern(shipped("CsCl"), two_theta_range=(0, 90))
    assert chloride.to_json()
    assert chloride.x[:2] == pytest.approx([21.107738329639844, 30.024695921112777])
    assert chloride.y[:2] == pytest.approx([36.483184003748946, 100])
    assert chloride.hkls[:2] == [[{"hkl": (1, 0, 0), "multiplicity": 6}], [{"hkl": (1, 1, 0), "multiplicity": 12}]]
    assert chloride.d_hkls[:2] == pytest.approx([4.209, 2.976212442014178])
    for name, x, y in (
        ("LiFePO4", 17.03504233621785, 50.400928948337075),
        ("Li10GeP2S12", 14.058274883353876, 4.411112364),
    ):
        pattern = calculator.get_pattern(shipped(name), two_theta_range=(0, 90))
        assert (pattern.x[1], pattern.y[1]) == (pytest.approx(x), pytest.approx(y))
    graphite = calculator.get_pattern(shipped("Graphite"), two_theta_range=(0, 90))
    assert (graphite.x[0], graphite.y[0], len(graphite.hkls[0][0]["hkl"])) == (pytest.approx(26.21057350859598), 100, 4)
    coordinates = [
        [0.25, 0.25, 0.173], [0.75, 0.75, 0.827], [0.75, 0.25, 0], [0.25, 0.75, 0], [0.25, 0.25, 0.676],
        [0.75, 0.75, 0.324],
    ]  # fmt: skip
    silicide = Structure(Lattice.tetragonal(4.192, 6.88), ["Si", "Si", "Ru", "Ru", "Pr", "Pr"], coordinates)
    pattern = calculator.get_pattern(silicide)
    assert (pattern.x[0], pattern.y[0]) == (pytest.approx(12.86727341476735), pytest.approx(31.448239816769796))
    assert (len(pattern), len(calculator.get_pattern(silicide, two_theta_range=[0, 60]))) == (42, 18)
    tungsten = Structure(Lattice.cubic(3.1653), ["W"] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
    for factors, y in (({}, 2414237.5633093244), ({"W": 0.1526}, 2377745.2296686019)):
        pattern = XRDCalculator(debye_waller_factors=factors).get_pattern(tungsten, scaled=False)
        assert (pattern.x[0], pattern.y[0]) == (pytest.approx(40.294828554672264), pytest.approx(y))
        assert pattern.d_hkls[0] == pytest.approx(2.2382050944897789)
    with pytest.raises(TypeError, match="must be either float, int or str"):
        XRDCalculator([1.78, 2.78])
    with pytest.raises(mg.InputError, match="radiation 'CuKalpha' is unknown; nearest: CuKa"):
        XRDCalculator("CuKalpha")


def test_the_values_of_pymatgens_tests_of_neutrons() -> None:
    calculator = NDCalculator(wavelength=1.54184)
    chloride = calculator.get_pattern(shipped("CsCl"), two_theta_range=(0, 90))
    assert chloride.x[:2] == pytest.approx([21.107738329639844, 30.024695921112777])
    assert chloride.hkls[:2] == [[{"hkl": (1, 0, 0), "multiplicity": 6}], [{"hkl": (1, 1, 0), "multiplicity": 12}]]
    for name, x, y in (("LiFePO4", 17.03504233621785, 46.2985965), ("Li10GeP2S12", 14.058274883353876, 3.60588013)):
        pattern = calculator.get_pattern(shipped(name), two_theta_range=(0, 90))
        assert (pattern.x[1], pattern.y[1]) == (pytest.approx(x), pytest.approx(y))
    graphite = calculator.get_pattern(shipped("Graphite"), two_theta_range=(0, 90))
    assert graphite.x[::5] == pytest.approx([26.21057350859598, 59.41105634757505, 85.72222578052532])
    assert graphite.y == pytest.approx([
        100.0, 7.749071690702165, 42.62382267, 11.446571148133131, 27.319449618794437, 26.410629403328624,
        6.865301041009988, 49.345768779989406, 91.10964083311468, 16.85276599985274, 14.763509937143507,
    ])  # fmt: skip
    assert len(graphite.hkls[0][0]) == 2
    curium = Structure(Lattice.cubic(a=1), ["Cm"], [[0, 0, 0]])
    with pytest.raises(
        ValueError, match=r"Unable to calculate ND pattern as there is no scattering coefficients for Cm\."
    ):
        calculator.get_pattern(curium, two_theta_range=(0, 90))
    damped = NDCalculator(wavelength=1.54184, debye_waller_factors={"C": 1}).get_pattern(shipped("Graphite"))
    assert damped.x[:3:2] == pytest.approx([26.21057350859598, 44.39599754])
    assert damped.y[:3:2] == pytest.approx([100, 39.471514740])
    titanate = Structure(
        Lattice.tetragonal(3.9945, 4.0334), ["Ba", "Ti", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.482], [0.5, 0.5, 0.016], [0.5, 0, 0.515], [0, 0.5, 0.515]],
    )  # fmt: skip
    pattern = calculator.get_pattern(titanate, scaled=False, two_theta_range=(0, 90))
    assert len(pattern.x) == 27
    assert pattern.y[:4] == pytest.approx(
        [453.13576368164007, 800.8355861573295, 1916.4711408968653, 971.0175541753043]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = PymatgenNDCalculator(1.2, symprec=0.01).get_pattern(shipped("LiFePO4"), two_theta_range=None)
    ours = NDCalculator(1.2, symprec=0.01).get_pattern(shipped("LiFePO4"), two_theta_range=None)
    np.testing.assert_allclose(ours.x, theirs.x, atol=1e-8)
    np.testing.assert_allclose(ours.y, theirs.y, rtol=1e-7, atol=1e-7)
