"""Structures as plain arrays: the same patterns as from objects, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Element, Lattice, Structure

import matganip as mg
from matganip.features.powder.crystals import CrystalArrays

SPECIES = np.array(["Cs", "Pb", "I", "I", "Br"])
CELL = np.array([[5.1, 0.1, 0], [0, 6.2, 0.3], [-0.2, 0, 7.3]])


def arrays(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    return CELL + rng.normal(0, 0.05, (n, 3, 3)), rng.random((n, len(SPECIES), 3))


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans(), st.booleans())
def test_patterns_are_those_of_the_same_structures(seed: int, numbers: bool, own: bool, shared: bool) -> None:
    rng = np.random.default_rng(seed)
    lattices, coordinates = arrays(rng, 4)
    species = np.array([rng.permutation(SPECIES) for _ in range(4)]) if own else SPECIES
    occupancies = rng.random((4, 5)) if own and shared else rng.random(5) if shared else None
    each = np.broadcast_to(species, (4, 5))
    filled = np.ones((4, 5)) if occupancies is None else np.broadcast_to(occupancies, (4, 5))
    structures = [
        Structure(Lattice(lattices[i]), [{s: f} for s, f in zip(each[i], filled[i], strict=True)], coordinates[i])
        for i in range(4)
    ]
    given_species = np.vectorize(lambda symbol: Element(symbol).Z)(species) if numbers else species
    powder = mg.PowderDiffraction("MoKa")
    found = powder.patterns(CrystalArrays(lattices, coordinates, given_species, occupancies), (0, 40))
    for one, other in zip(found, powder.patterns(structures, (0, 40)), strict=True):
        np.testing.assert_array_equal(one.two_theta, other.two_theta)
        np.testing.assert_allclose(one.intensity, other.intensity, rtol=0, atol=1e-9)
        assert list(one.hkls) == list(other.hkls)


def test_displacements_are_those_of_site_properties() -> None:
    rng = np.random.default_rng(2)
    lattices, coordinates = arrays(rng, 2)
    b = rng.uniform(0, 2, 5)
    powder = mg.PowderDiffraction()
    found = powder.patterns(CrystalArrays(lattices, coordinates, SPECIES, isotropic=b))
    for i, pattern in enumerate(found):
        structure = Structure(
            Lattice(lattices[i]), SPECIES.tolist(), coordinates[i], site_properties={"B_iso": b.tolist()}
        )
        np.testing.assert_allclose(pattern.intensity, powder.patterns([structure])[0].intensity, rtol=0, atol=1e-9)


def test_no_structures_have_no_patterns() -> None:
    assert mg.PowderDiffraction().patterns(CrystalArrays(np.zeros((0, 3, 3)), np.zeros((0, 5, 3)), SPECIES)) == []


def with_one(array: np.ndarray, value: float, *index: int) -> np.ndarray:
    changed = array.copy()
    changed[index] = value
    return changed


LATTICES, COORDINATES = arrays(np.random.default_rng(0), 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lattices": CELL}, r"lattices must be \(n, 3, 3\), got \(3, 3\)"),
        ({"lattices": "cell"}, "lattices"),
        ({"lattices": LATTICES[:2]}, r"coordinates must be \(2, m, 3\), got \(3, 5, 3\)"),
        ({"coordinates": [["x"]]}, "coordinates: must be an array of numbers"),
        ({"species": SPECIES[:4]}, r"species must be \(5,\) or \(3, 5\), got \(4,\)"),
        ({"species": np.array([1, 2, 3, 4, 119])}, "species: atomic numbers must be between 1 and 118"),
        ({"species": [1.5] * 5}, "species must be element symbols or atomic numbers, got float64"),
        ({"species": ["Cs", "Pb", "I", "I", "Lr"]}, "structure 0: element 'Lr' has no X-ray form factor"),
        ({"occupancies": [1, 1, 1, 1, 1.2]}, r"structure 0, site 4 \(Br\): occupancy 1.2 must be between 0 and 1"),
        ({"occupancies": [1, 1, 1, np.nan, 1]}, r"structure 0, site 3 \(I\): occupancy nan must be between 0 and 1"),
        ({"isotropic": [0, 0, 0, 0, -1.0]}, "isotropic: B must be finite and not negative"),
        ({"coordinates": with_one(COORDINATES, np.nan, 1, 2, 0)}, r"structure 1, site 2 \(I\): coordinates are \[nan"),
        ({"coordinates": with_one(COORDINATES, np.inf, 2, 0, 1)}, r"structure 2, site 0 \(Cs\): coordinates are"),
        ({"lattices": with_one(LATTICES, np.nan, 1, 0, 0)}, "structure 1: its cell .* has no volume"),
        ({"coordinates": np.zeros((3, 5, 3))}, r"structure 0, site 0 \(Cs\): lies within 0.01 angstrom of site"),
        ({"coordinates": np.zeros((3, 0, 3)), "species": []}, "structure 0: has no atoms|species must be"),
    ],
)
def test_bad_arrays_are_refused(changes: dict, message: str) -> None:
    good = {"lattices": LATTICES, "coordinates": COORDINATES, "species": SPECIES}
    with pytest.raises(mg.InputError, match=message):
        mg.PowderDiffraction().patterns(CrystalArrays(**{**good, **changes}))


def test_two_halves_may_share_a_place_and_no_more() -> None:
    cell = np.eye(3)[None] * 6
    coordinates = np.array([[[0, 0, 0], [0.001, 0, 0.999], [0.5, 0.5, 0.5]]])
    powder = mg.PowderDiffraction()
    powder.patterns(CrystalArrays(cell, coordinates, ["Cs", "Pb", "I"], [0.5, 0.5, 1.0]))
    with pytest.raises(mg.InputError, match=r"site 0 \(Cs\): lies within 0.01 angstrom of site 1 \(Pb\)"):
        powder.patterns(CrystalArrays(cell, coordinates, ["Cs", "Pb", "I"], [0.6, 0.5, 1.0]))
