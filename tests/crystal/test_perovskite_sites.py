"""A, B and X of real crystals: by coordination, whatever the order and the origin."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

import matganip as mg


def orthorhombic_catio3():
    """GdFeO3 type, Pnma; Yamanaka et al., Am. Mineral. 87, 1183 (2002), AMCSD 0002890, axes turned."""
    return Structure.from_spacegroup(
        "Pnma",
        Lattice.orthorhombic(5.4224, 7.6510, 5.4043),
        ["Ca", "Ti", "O", "O"],
        [[0.0338, 0.25, 0.9916], [0.0, 0.0, 0.5], [0.4687, 0.25, 0.0586], [0.288, 0.0371, 0.713]],
    )


CRYSTALS = {
    "cubic": lambda: mg.perovskite("CsPbI3", a=6.289),
    "tilted": orthorhombic_catio3,
    "double": lambda: mg.double_perovskite("Cs2AgBiBr6"),
    "vacancies": lambda: mg.double_perovskite("Cs2SnI6"),
}
ON = {
    "cubic": ("Cs", "Pb", "I"),
    "tilted": ("Ca", "Ti", "O"),
    "double": ("Cs", "AgBi", "Br"),
    "vacancies": ("Cs", "Sn", "I"),
}


@pytest.mark.parametrize("name", CRYSTALS)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_and_origin_say_nothing(name, seed):
    crystal = CRYSTALS[name]()
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(crystal))
    shuffled = Structure.from_sites([crystal[i] for i in order])
    shuffled.translate_sites(range(len(shuffled)), generator.random(3))
    found = mg.perovskite_sites(shuffled)
    for sites, elements in zip((found.a, found.b, found.x), ON[name], strict=True):
        assert {shuffled[i].specie.symbol for i in sites} <= {elements, elements[:2], elements[2:]}
    assert len(found.a) + len(found.b) + len(found.x) == len(shuffled)
    assert found.lattice_constant == pytest.approx((crystal.volume / len(found.x) * 3) ** (1 / 3))


def test_what_an_ion_could_be_does_not_matter_in_a_crystal():
    """Ti on the A site and Sr in the octahedron, as a file with both exchanged has it: said as it stands."""
    crystal = mg.perovskite("SrTiO3", a=3.905)
    crystal[0], crystal[1] = "Ti", "Sr"
    found = mg.perovskite_sites(crystal)
    assert [str(ion) for ion in found.perovskite.b] == ["Sr2+"]
    assert mg.tolerance_factor(crystal) < 0.7


def test_mixed_sites_and_vacancies_count_by_occupancy():
    crystal = mg.perovskite("CsPbI3", a=6.289)
    crystal[0] = {"Cs": 0.9, "Rb": 0.1}
    crystal[2] = {"I": 0.5, "Br": 0.5}
    found = mg.perovskite_sites(crystal).perovskite
    assert [str(ion) for ion in (*found.a, *found.x)] == ["0.9 Cs+", "0.1 Rb+", "2.5 I-", "0.5 Br-"]
    assert mg.tolerance_factor(crystal) == pytest.approx(mg.tolerance_factor("Cs0.9Rb0.1PbI2.5Br0.5"))


def ilmenite():
    """FeTiO3; Wechsler & Prewitt, Am. Mineral. 69, 176 (1984)."""
    return Structure.from_spacegroup(
        "R-3",
        Lattice.hexagonal(5.088, 14.085),
        ["Fe", "Ti", "O"],
        [[0, 0, 0.3554], [0, 0, 0.1464], [0.3174, 0.0233, 0.2451]],
    )


def hexagonal():
    """CsNiCl3, chains of face-sharing octahedra (2H)."""
    return Structure.from_spacegroup(
        "P6_3/mmc",
        Lattice.hexagonal(7.17, 5.94),
        ["Cs", "Ni", "Cl"],
        [[1 / 3, 2 / 3, 0.75], [0, 0, 0], [0.156, 0.312, 0.25]],
    )


def off_centre():
    crystal = mg.perovskite("SrTiO3", a=3.905)
    crystal.translate_sites([1], [0.25, 0.25, 0.25])
    return crystal


def mixed_kinds():
    crystal = mg.perovskite("SrTiO3", a=3.905)
    crystal[2] = {"O": 0.5, "Ti": 0.5}
    return crystal


def too_few():
    crystal = mg.perovskite("SrTiO3", a=3.905)
    crystal.remove_sites([4])
    return crystal


@pytest.mark.parametrize(
    ("crystal", "message"),
    [
        (ilmenite, r"TiFeO3: site \d+ \(O\) belongs to 4 octahedra, not 2"),
        (hexagonal, r"CsNiCl3: the octahedra of sites 2 and 3 \(Ni\) share a face, not a corner"),
        (off_centre, "no cation has six anions in an octahedron"),
        (mixed_kinds, r"site 2 \(O:0.5+, Ti:0.5+\) mixes anions with cations|is not an ABX3"),
        (too_few, "is not an ABX3"),
    ],
)
def test_what_is_no_perovskite_is_refused_with_the_reason(crystal, message):
    with pytest.raises(mg.InputError, match=message):
        mg.perovskite_sites(crystal())


def test_a_file_is_named(tmp_path):
    path = tmp_path / "ilmenite.cif"
    ilmenite().to(filename=str(path))
    with pytest.raises(mg.InputError, match=r"ilmenite\.cif: site \d+"):
        mg.tolerance_factor(path)
