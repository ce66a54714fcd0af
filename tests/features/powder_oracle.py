"""Slow, obvious twin of the powder kernel: one hkl after the other, with structures to hold it to."""

from __future__ import annotations

import diffraction_oracle
import numpy as np
from hypothesis import strategies as st
from pymatgen.core import Lattice, PeriodicSite, Structure

from matganip.features.orientation import MarchDollase
from matganip.features.radiation import Radiation

ELEMENTS = ("H", "Li", "O", "Na", "Cl", "Ti", "Fe", "Br", "Sr", "Zr", "Sn", "I", "Cs", "Ba", "Pb", "U")


def damping(site: PeriodicSite, hkl: np.ndarray, lattice: Lattice, s2: float) -> float:
    """What the displacement of a site leaves of its scattering."""
    properties = site.properties
    if "U11_cif" in properties:
        u = np.array([[properties[f"U{min(i, j)}{max(i, j)}_cif"] for j in (1, 2, 3)] for i in (1, 2, 3)])
        n = np.diag(lattice.reciprocal_lattice_crystallographic.abc)
        return float(np.exp(-2 * np.pi**2 * hkl @ n @ u @ n @ hkl))
    return float(np.exp(-(properties.get("B_iso", 0.0) + 8 * np.pi**2 * properties.get("U_iso", 0.0)) * s2))


def march(hkl: np.ndarray, lattice: Lattice, orientation: MarchDollase | None) -> float:
    """By how much a reflection is seen too often."""
    if orientation is None:
        return 1.0
    g, axis = (lattice.reciprocal_lattice_crystallographic.get_cartesian_coords(x) for x in (hkl, orientation.hkl))
    cosine = g @ axis / np.linalg.norm(g) / np.linalg.norm(axis)
    return float((orientation.r**2 * cosine**2 + (1 - cosine**2) / orientation.r) ** -1.5)


def lines(
    structure: Structure,
    radiation: Radiation,
    two_theta_range: tuple,
    debye_waller: dict,
    orientation: MarchDollase | None = None,
) -> list[tuple]:
    """(two theta, intensity, hkl) of each reflection, both of a Friedel pair, by rising angle."""
    low, high = two_theta_range
    found = []
    for wavelength, weight in radiation.lines:
        for hkl, s2, two_theta, lp in diffraction_oracle.all_reflections(structure.lattice, wavelength, high):
            if two_theta < low:
                continue
            amplitude = 0j
            for site in structure:
                phase = damping(site, hkl, structure.lattice, s2) * np.exp(2j * np.pi * (hkl @ site.frac_coords))
                for specie, share in site.species.items():
                    form = radiation.form_factors([specie.symbol], wavelength)
                    factor = form.at(s2)[0] + 1j * form.imaginary[0]
                    amplitude += share * factor * phase * np.exp(-debye_waller.get(specie.symbol, 0) * s2)
            unpolarized = 1 if radiation.polarized else 1 / (1 + np.cos(np.radians(two_theta)) ** 2)
            intensity = weight * lp * unpolarized * abs(amplitude) ** 2 * march(hkl, structure.lattice, orientation)
            found.append((two_theta, intensity, tuple(hkl.tolist())))
    return sorted(found)


def at_an_end(lattice: Lattice, radiation: Radiation, two_theta_range: tuple[float, float]) -> bool:
    """Whether a reflection stands where the range begins or ends, to within rounding."""
    low, high = two_theta_range
    return any(
        min(abs(two_theta - low), abs(two_theta - high)) < 1e-6
        for wavelength, _ in radiation.lines
        for _, _, two_theta, _ in diffraction_oracle.all_reflections(lattice, wavelength, high + 1e-5)
    )


def peaks(structure: Structure, radiation: Radiation, two_theta_range: tuple, *physics: object) -> list[list]:
    """[two theta, intensity, number of reflections] of each peak: lines within 1e-5 degrees of its first."""
    merged: list[list] = []
    for two_theta, intensity, _ in lines(structure, radiation, two_theta_range, *physics):
        if merged and two_theta <= merged[-1][0] + 1e-5:
            merged[-1][1] += intensity
            merged[-1][2] += 1
        else:
            merged.append([two_theta, intensity, 1])
    strongest = max(peak[1] for peak in merged)
    return [peak for peak in merged if peak[1] / strongest * 100 > 1e-3]


def lattice_of(system: str, a: float, b: float, c: float, angles: tuple[float, float, float]) -> Lattice:
    """A cell of a crystal system; lengths and angles that the system fixes are left aside."""
    return {
        "cubic": lambda: Lattice.cubic(a),
        "tetragonal": lambda: Lattice.tetragonal(a, c),
        "orthorhombic": lambda: Lattice.orthorhombic(a, b, c),
        "hexagonal": lambda: Lattice.hexagonal(a, c),
        "rhombohedral": lambda: Lattice.rhombohedral(a, angles[0]),
        "monoclinic": lambda: Lattice.monoclinic(a, b, c, angles[1]),
        "triclinic": lambda: Lattice.from_parameters(a, b, c, *angles),
    }[system]()


SYSTEMS = ("cubic", "tetragonal", "orthorhombic", "hexagonal", "rhombohedral", "monoclinic", "triclinic")


@st.composite
def structures(draw: st.DrawFn) -> Structure:
    """Crystals of every system with 1 to 60 atoms, mixed and partly empty sites among them."""
    length = st.floats(2.6, 8.0)
    angles = draw(st.tuples(*[st.floats(72, 105)] * 3))
    lattice = lattice_of(draw(st.sampled_from(SYSTEMS)), draw(length), draw(length), draw(length), angles)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_atoms = draw(st.integers(1, 60))
    elements = draw(st.lists(st.sampled_from(ELEMENTS), min_size=1, max_size=5, unique=True))
    coordinates = rng.random((n_atoms, 3)) * 3 - 1
    if draw(st.booleans()):  # special positions, where reflections are absent
        places = rng.choice(64, size=n_atoms, replace=False)  # of 4 x 4 x 4: no atom lies on another
        coordinates = np.stack(np.unravel_index(places, (4, 4, 4)), axis=1) / 4 + np.floor(coordinates)
    disordered = draw(st.booleans())
    species: list = []
    for _ in range(n_atoms):
        chosen = rng.choice(elements, size=min(len(elements), 1 + rng.integers(2)), replace=False)
        shares = rng.dirichlet(np.ones(len(chosen))) * rng.uniform(0.3, 1)
        species.append(dict(zip(map(str, chosen), shares, strict=True)) if disordered else str(chosen[0]))
    return Structure(lattice, species, coordinates)


def displaced(structure: Structure, rng: np.random.Generator, kind: str) -> Structure:
    """The same crystal with displacements of each site: "U_cif", "U_iso" or "B_iso"."""
    moved = structure.copy()
    if kind != "U_cif":
        return moved.add_site_property(kind, rng.uniform(0, 0.03 if kind == "U_iso" else 2.0, len(moved)).tolist())
    roots = rng.normal(0, 0.08, (len(moved), 3, 3))
    u = roots @ roots.transpose(0, 2, 1)
    for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
        moved.add_site_property(f"U{i + 1}{j + 1}_cif", u[:, i, j].tolist())
    return moved
