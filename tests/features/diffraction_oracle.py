"""Slow, obvious twins of the diffraction kernels: sums over atoms and reflections, one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import cache

import numpy as np
from pymatgen.analysis.diffraction.xrd import ATOMIC_SCATTERING_PARAMS
from pymatgen.core import Element, Lattice, Structure

from matganip.configurations.space import ConfigurationSpace


def scattered_by(species: str, s_squared: float) -> float:
    """Form factor from pymatgen's table, electrons."""
    if species == "vac":
        return 0.0
    damped = sum(a * math.exp(-b * s_squared) for a, b in ATOMIC_SCATTERING_PARAMS[species])
    return Element(species).Z - 41.78214 * s_squared * damped


def all_reflections(lattice: Lattice, wavelength: float, two_theta_max: float) -> Iterator[tuple]:
    """Every hkl but (000) up to an angle, with its angle in degrees and its Lorentz-polarization factor."""
    radius = 2 * math.sin(math.radians(two_theta_max) / 2) / wavelength
    bounds = [math.ceil(radius * length) for length in lattice.abc]
    for hkl in itertools.product(*(range(-bound, bound + 1) for bound in bounds)):
        g = float(np.linalg.norm(lattice.reciprocal_lattice_crystallographic.get_cartesian_coords(hkl)))
        if hkl != (0, 0, 0) and g <= radius:
            theta = math.asin(wavelength * g / 2)
            lp = (1 + math.cos(2 * theta) ** 2) / (math.sin(theta) ** 2 * math.cos(theta))
            yield np.array(hkl), (g / 2) ** 2, math.degrees(2 * theta), lp


def carried(space: ConfigurationSpace, row: np.ndarray) -> dict[int, str]:
    """What each atom of the supercell carries under an arrangement."""
    species = {i: site.specie.symbol for i, site in enumerate(space.supercell_structure)}
    for atom, sublattice, code in zip(space.site_indices, space.sublattices, row, strict=True):
        species[int(atom)] = space.species[sublattice][code]
    return species


def structure_factor(space: ConfigurationSpace, species: dict[int, str], hkl: np.ndarray, s2: float) -> complex:
    """Sum over the atoms given: f exp(2 pi i h.x)."""
    coordinates = space.supercell_structure.frac_coords
    factor = {name: scattered_by(name, s2) for name in set(species.values())}
    atoms = list(species)
    values = np.array([factor[species[atom]] for atom in atoms])
    return complex(values @ np.exp(2j * math.pi * (coordinates[atoms] @ hkl)))


def powder(
    space: ConfigurationSpace, row: np.ndarray, wavelength: float, two_theta_max: float, lines: np.ndarray
) -> np.ndarray:
    """Unscaled intensities at given lines; a reflection that is at none of them is an error."""
    species = carried(space, row)
    intensity = np.zeros(len(lines))
    lattice = space.supercell_structure.lattice
    for hkl, s2, two_theta, lp in all_reflections(lattice, wavelength, two_theta_max):
        line = int(np.abs(lines - two_theta).argmin())
        assert abs(lines[line] - two_theta) < 1.1e-5
        intensity[line] += lp * abs(structure_factor(space, species, hkl, s2)) ** 2
    return intensity


def basis_columns(space: ConfigurationSpace) -> list[frozenset[int]]:
    """Columns that the parent's translations connect: its basis sites."""
    coordinates = space.supercell_structure.frac_coords[space.site_indices]
    found = {}
    for column, x in enumerate(coordinates):
        images = x + space.symmetry.lattice_points
        difference = coordinates[None] - images[:, None]
        distance = np.abs(difference - np.round(difference)).max(axis=2)
        same = space.sublattices == space.sublattices[column]
        found[column] = frozenset(np.flatnonzero((distance < 1e-3).any(axis=0) & same).tolist())
    return sorted(set(found.values()), key=min)


def resolved_orbit(
    space: ConfigurationSpace, hkl: tuple[int, ...], pair: tuple[frozenset[int], frozenset[int]]
) -> set[tuple]:
    """All (h; b, b') that the parent's operations, and Friedel's law, make of one."""
    coordinates = space.supercell_structure.frac_coords[space.site_indices]
    orbit = set()
    for w, t in zip(space.symmetry.rotations, space.symmetry.translations, strict=True):
        image = np.rint(np.array(hkl) @ np.linalg.inv(w)).astype(int)
        moved = []
        for columns in pair:
            difference = (coordinates[sorted(columns)] @ w.T + t)[:, None] - coordinates[None]
            distance = np.abs(difference - np.round(difference)).max(axis=2)
            target = {int(column) for column in distance.argmin(axis=1)}
            moved.append(next(b for b in basis_columns(space) if target & b))
        for sign in (1, -1):
            orbit.add((tuple((sign * image).tolist()), frozenset(moved)))
    return orbit


def resolved(space: ConfigurationSpace, row: np.ndarray, wavelength: float, orbit: set[tuple]) -> float:
    """Unscaled intensity of one resolved peak: LP |F_b|^2, or LP |F_b + F_b'|^2, over its orbit."""
    species = carried(space, row)
    lattice = space.supercell_structure.lattice.reciprocal_lattice_crystallographic
    total = 0.0
    for hkl, sites in orbit:
        g = float(np.linalg.norm(lattice.get_cartesian_coords(hkl)))
        theta = math.asin(wavelength * g / 2)
        lp = (1 + math.cos(2 * theta) ** 2) / (math.sin(theta) ** 2 * math.cos(theta))
        columns = sorted(frozenset().union(*sites))
        part = {int(space.site_indices[c]): species[int(space.site_indices[c])] for c in columns}
        total += lp * abs(structure_factor(space, part, np.array(hkl), (g / 2) ** 2)) ** 2
    return total


def random_rows(space: ConfigurationSpace, n: int, seed: int) -> np.ndarray:
    """Random arrangements of the space's composition."""
    rng = np.random.default_rng(seed)
    rows = np.empty((n, space.n_sites), dtype=np.uint8)
    for sublattice, counts in enumerate(space.counts):
        codes = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
        for row in rows:
            row[space.sublattices == sublattice] = rng.permutation(codes)
    return rows


PEROVSKITE = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]


@cache
def spaces() -> dict[str, ConfigurationSpace]:
    """Small spaces of every kind: crystal systems, sheared cells, sublattices, species, vacancies."""
    cubic = Structure(Lattice.cubic(6.289), ["Cs", "Pb", "I", "I", "I"], PEROVSKITE)
    tetragonal = Structure(Lattice.tetragonal(3.99, 4.04), ["Ba", "Ti", "O", "O", "O"], PEROVSKITE)
    rutile = Structure.from_spacegroup(
        "P4_2/mnm", Lattice.tetragonal(4.594, 2.959), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
    )
    wurtzite = Structure.from_spacegroup(
        "P6_3mc", Lattice.hexagonal(3.25, 5.207), ["Zn", "O"], [[1 / 3, 2 / 3, 0], [1 / 3, 2 / 3, 0.382]]
    )
    rocksalt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    triclinic = Structure(
        Lattice.from_parameters(4.1, 5.2, 6.3, 81, 97, 104),
        ["Pb", "Br", "Br", "Cs"],
        [[0.02, 0.11, 0.07], [0.41, 0.52, 0.18], [0.73, 0.24, 0.61], [0.55, 0.83, 0.79]],
    )
    orthorhombic = Structure.from_spacegroup(
        "Pnma", Lattice.orthorhombic(5.4, 7.6, 5.3), ["Ca", "Ti", "O", "O"],
        [[0.53, 0.25, 0.01], [0, 0, 0], [0.48, 0.25, 0.57], [0.29, 0.04, 0.21]],
    )  # fmt: skip
    off = cubic * (1, 1, 2)
    rng = np.random.default_rng(7)
    for i, x in enumerate(off.frac_coords):
        off.replace(i, off[i].species, x + 1e-5 * rng.uniform(-1, 1, 3))
    return {
        "cubic, three species": ConfigurationSpace(cubic, (2, 2, 1), {"I": {"Br": 3, "Cl": 2}}),
        "cubic, two sublattices": ConfigurationSpace(cubic, (2, 2, 1), {"I": {"Br": 4}, "Pb": {"Sn": 2}}),
        "cubic, sheared": ConfigurationSpace(cubic, [[1, 1, 0], [-1, 1, 0], [0, 0, 2]], {"I": {"Br": 4}}),
        "cubic, only two of the three sites": ConfigurationSpace(cubic, (2, 1, 2), {(2, 3): {"Br": 3}}),
        "tetragonal, vacancies": ConfigurationSpace(tetragonal, (2, 1, 2), {"O": {"vac": 2}, "Ba": {"Sr": 1}}),
        "rutile": ConfigurationSpace(rutile, (1, 2, 2), {"O": {"F": 3}, "Ti": {"V": 2, "vac": 1}}),
        "hexagonal": ConfigurationSpace(wurtzite, (2, 2, 1), {"Zn": {"Mg": 2}, "O": {"S": 3}}),
        "hexagonal, thirds": ConfigurationSpace(wurtzite, [[2, 1, 0], [-1, 1, 0], [0, 0, 1]], {"Zn": {"Cd": 2}}),
        "centred parent": ConfigurationSpace(rocksalt, (1, 1, 2), {"Na": {"K": 3}}),
        "triclinic": ConfigurationSpace(triclinic, (2, 1, 2), {"Br": {"Cl": 3, "I": 2}}),
        "triclinic, sheared": ConfigurationSpace(triclinic, [[1, 0, 1], [0, 3, 0], [-1, 0, 1]], {"Pb": {"Sn": 2}}),
        "orthorhombic": ConfigurationSpace(orthorhombic, (1, 1, 2), {"O": {"S": 4}}),
        "translations within symprec only": ConfigurationSpace(off, (2, 1, 1), {"I": {"Br": 4}}),
    }
