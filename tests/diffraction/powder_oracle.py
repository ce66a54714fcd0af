"""Slow, obvious twin of the powder kernel: one hkl after the other, with structures to hold it to."""

from __future__ import annotations

import diffraction_oracle
import numpy as np
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

ELEMENTS = ("H", "Li", "O", "Na", "Cl", "Ti", "Fe", "Br", "Sr", "Zr", "Sn", "I", "Cs", "Ba", "Pb", "U")


def lines(structure: Structure, wavelength: float, two_theta_range: tuple, debye_waller: dict) -> list[tuple]:
    """(two theta, intensity, hkl) of each reflection, both of a Friedel pair, by rising angle."""
    low, high = two_theta_range
    found = []
    for hkl, s2, two_theta, lp in diffraction_oracle.all_reflections(structure.lattice, wavelength, high):
        if two_theta < low:
            continue
        amplitude = 0j
        for site in structure:
            for specie, share in site.species.items():
                factor = diffraction_oracle.scattered_by(specie.symbol, s2)
                factor *= np.exp(-debye_waller.get(specie.symbol, 0) * s2)
                amplitude += share * factor * np.exp(2j * np.pi * (hkl @ site.frac_coords))
        found.append((two_theta, lp * abs(amplitude) ** 2, tuple(hkl.tolist())))
    return sorted(found)


def peaks(structure: Structure, wavelength: float, two_theta_range: tuple, debye_waller: dict) -> list[list]:
    """[two theta, intensity, number of reflections] of each peak: lines within 1e-5 degrees of its first."""
    merged: list[list] = []
    for two_theta, intensity, _ in lines(structure, wavelength, two_theta_range, debye_waller):
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
