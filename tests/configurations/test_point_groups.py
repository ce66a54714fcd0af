"""Point groups of arrangements against spglib and pymatgen, which know nothing of our permutations."""

from __future__ import annotations

import time

import numpy as np
import pytest
import spglib
from hypothesis import assume, given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Molecule, Structure
from pymatgen.symmetry.analyzer import PointGroupAnalyzer, SpacegroupAnalyzer
from pymatgen.symmetry.groups import PointGroup

import matganip as mg
from matganip.configurations.composition import element_of
from matganip.configurations.point_groups import _SYMBOLS, _TYPES, point_group_symbols

PARENTS = {
    "cubic": (mg.perovskite("CsPbI3", a=6.289), {"I": {"Br": 2}, "Pb": {"Sn": 1}}),
    "body-centred": (Structure.from_spacegroup("Im-3m", Lattice.cubic(3.2), ["W"], [[0, 0, 0]]), {"W": {"Mo": 2}}),
    "hexagonal": (
        Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(3.2, 5.2), ["Mg"], [[1 / 3, 2 / 3, 0.25]]),
        {"Mg": {"Al": 1, "vac": 1}},
    ),
    "trigonal": (
        Structure.from_spacegroup("R-3m", Lattice.hexagonal(2.8, 14.0), ["Li", "Co"], [[0, 0, 0.5], [0, 0, 0]]),
        {"Li": {"vac": 1}, "Co": {"Ni": 1}},
    ),
    "tetragonal": (
        Structure.from_spacegroup(
            "P4_2/mnm", Lattice.tetragonal(4.6, 2.96), ["Ti", "O"], [[0, 0, 0], [0.305, 0.305, 0]]
        ),
        {"O": {"F": 2}},
    ),
    "triclinic": (
        Structure(
            Lattice.from_parameters(4.0, 5.1, 6.3, 71, 83, 95),
            ["K", "Cl", "Cl"],
            [[0, 0, 0], [0.3, 0.2, 0.4], [0.7, 0.8, 0.6]],
        ),
        {"Cl": {"Br": 1}},
    ),
}


def spglibs_point_group(space, row):
    """Hermann-Mauguin symbol, order, and number of translations: spglib's operations of the coloured supercell."""
    frame = space.supercell_structure
    colours = [(element_of(frame, i), -1, -1) for i in range(len(frame))]
    for site, sublattice, code in zip(space.site_indices, space.sublattices, row, strict=True):
        colours[site] = (colours[site][0], int(sublattice), int(code))
    numbers = [sorted(set(colours)).index(colour) for colour in colours]
    found = spglib.get_symmetry((frame.lattice.matrix, frame.frac_coords, numbers), symprec=0.01)
    rotations = np.unique(found["rotations"], axis=0)
    symbol = spglib.get_pointgroup(rotations)[0].strip()
    return symbol, len(rotations), len(found["rotations"]) // len(rotations)


@pytest.mark.parametrize("name", PARENTS)
@given(
    matrix=st.lists(st.lists(st.integers(-1, 2), min_size=3, max_size=3), min_size=3, max_size=3),
    seed=st.integers(0, 1000),
)
def test_point_groups_equal_spglibs_in_any_supercell(name, matrix, seed):
    parent, substitutions = PARENTS[name]
    assume(0 < round(abs(np.linalg.det(matrix))) <= 4)
    assume(
        all(
            sum(counts.values()) <= sum(site.specie.symbol == element for site in parent) * abs(np.linalg.det(matrix))
            for element, counts in substitutions.items()
        )
    )
    space = mg.ConfigurationSpace(parent, matrix, substitutions)
    codes = [np.repeat(np.arange(len(c)), c) for c in space.counts]
    rng = np.random.default_rng(seed)
    rows = np.array([np.concatenate([rng.permutation(c) for c in codes]) for _ in range(6)], dtype=np.uint8)
    groups = mg.ConfigurationBatch(space, rows, np.ones(6, dtype=np.int64)).point_groups()
    found = list(zip(groups.hermann_mauguin.tolist(), groups.order.tolist(), groups.translations.tolist(), strict=True))
    assert found == [spglibs_point_group(space, row) for row in rows]


def test_the_table_holds_the_32_point_groups_of_pymatgen_with_spglibs_schoenflies_symbols():
    schoenflies = {}
    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        schoenflies[kind.pointgroup_international] = kind.pointgroup_schoenflies
    assert len(_SYMBOLS) == len(schoenflies) == 32
    assert {symbols[0]: symbols[1] for symbols in _SYMBOLS.values()} == schoenflies
    for numbers, (symbol, _) in _SYMBOLS.items():
        operations = PointGroup(symbol).symmetry_ops
        rotations = np.array([np.rint(operation.rotation_matrix) for operation in operations], dtype=int)
        assert len(rotations) == sum(numbers)
        assert point_group_symbols(rotations)[0] == symbol
    assert len(_TYPES) == 10


def test_what_is_no_group_has_no_name():
    with pytest.raises(ValueError, match="not a crystallographic point group"):
        point_group_symbols(np.array([np.eye(3), -np.eye(3), np.diag([1, 1, -1])], dtype=int))
    with pytest.raises(ValueError, match="not a crystallographic point group"):
        point_group_symbols(np.array([5 * np.eye(3)], dtype=int))


@pytest.mark.parametrize(
    ("supercell", "substitutions"),
    [
        ((2, 2, 2), {"I": {"Br": 6}}),
        ((2, 2, 2), {"I": {"Br": 3}, "Pb": {"Sn": 4}}),
        ((1, 1, 3), {"I": {"Br": 3, "Cl": 3}}),
        (((1, 1, 0), (1, -1, 0), (0, 0, 2)), {"I": {"Br": 4}}),
    ],
)
def test_order_times_translations_is_the_order_of_the_stabilizer(cspbi3, supercell, substitutions):
    space = mg.ConfigurationSpace(cspbi3, supercell, substitutions)
    for batch in space.orbits(batch_size=500):
        groups = batch.point_groups()
        assert len(groups) == len(batch) == len(groups.labels)
        stabilizer = space.symmetry.n_operations // batch.multiplicity
        assert np.array_equal(groups.order * groups.translations, stabilizer)


def test_all_members_of_an_orbit_have_its_point_group(space_6of24):
    batch = next(space_6of24.orbits())
    expected = batch.point_groups()
    rng = np.random.default_rng(0)
    operations = space_6of24.site_permutations
    images = np.empty_like(batch.occupations)
    for row, image in zip(batch.occupations, images, strict=True):
        image[operations[rng.integers(len(operations))]] = row
    found = mg.ConfigurationBatch(space_6of24, images, batch.multiplicity).point_groups()
    assert found.labels == expected.labels
    assert np.array_equal(found.translations, expected.translations)


# pymatgen asks the general eigenproblem of a symmetric tensor, which rounding may answer with a complex pair for the
# two axes across a top; it turns about the third, which stays real.
@pytest.mark.filterwarnings("ignore:Casting complex values to real:numpy.exceptions.ComplexWarning")
def test_the_six_arrangements_of_the_double_perovskite_carry_the_names_of_the_paper(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (2, 2, 2), {"Pb": {"Sn": 4}})
    (batch,) = space.orbits()
    named = dict(zip(batch.cluster_point_groups().labels, batch.multiplicity.tolist(), strict=True))
    assert named == {
        "Td (-43m)": 2,
        "C3v (3m)": 8,
        "C4v (4mm)": 6,
        "D2h (mmm)": 6,
        "Cs (m)": 24,
        "C2 (2)": 24,
    }
    for structure, group in zip(batch.structures(), batch.cluster_point_groups().schoenflies, strict=True):
        # The eight B atoms as a molecule: pymatgen finds the same group without knowing of the crystal.
        cube = [site for site in structure if site.specie.symbol in ("Sn", "Pb")]
        molecule = Molecule([site.specie for site in cube], [site.coords for site in cube])
        assert PointGroupAnalyzer(molecule, tolerance=0.1).sch_symbol == group


@pytest.mark.parametrize("shift", [0.0, 0.5, 1e-4, -1e-4, 0.3])
def test_the_figure_does_not_depend_on_the_origin(shift):
    parent = mg.perovskite("CsPbI3", a=6.289)
    parent.translate_sites(list(range(5)), [shift] * 3)
    space = mg.ConfigurationSpace(parent, (2, 2, 2), {"Pb": {"Sn": 4}})
    (batch,) = space.orbits()
    assert sorted(batch.cluster_point_groups().schoenflies) == ["C2", "C3v", "C4v", "Cs", "D2h", "Td"]


@pytest.mark.parametrize(
    ("supercell", "substitutions"), [((2, 2, 2), {"I": {"Br": 3}}), ((3, 3, 3), {"Pb": {"Sn": 2}})]
)
def test_a_figure_on_which_translations_are_no_rotations_is_refused(cspbi3, supercell, substitutions):
    space = mg.ConfigurationSpace(cspbi3, supercell, substitutions)
    with pytest.raises(mg.InputError, match=r"not a figure .* use point_groups"):
        next(space.orbits()).cluster_point_groups()


def test_space_groups_equal_pymatgens_and_imply_the_point_group(space_3of24):
    (batch,) = space_3of24.orbits()
    groups = batch.space_groups()
    for structure, symbol, number in zip(batch.structures(), groups.symbol, groups.number, strict=True):
        analyzer = SpacegroupAnalyzer(structure, symprec=0.01)
        assert (symbol, number) == (analyzer.get_space_group_symbol(), analyzer.get_space_group_number())
    # The cubic supercell hides no symmetry of these crystals from the point groups.
    implied = [point_group_of_space_group(number) for number in groups.number]
    assert batch.point_groups().hermann_mauguin.tolist() == implied
    assert groups.labels[0] == f"{groups.symbol[0]} ({groups.number[0]})"


def point_group_of_space_group(number):
    """The point group of a space group, from spglib's table."""
    kinds = [spglib.get_spacegroup_type(hall) for hall in range(1, 531)]
    return next(kind.pointgroup_international for kind in kinds if kind.number == number)


def test_space_groups_leave_vacancies_out(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (1, 1, 1), {"Cs": {"vac": 1}})
    assert next(space.orbits()).space_groups().labels == ["Pm-3m (221)"]
    with pytest.raises(mg.InputError, match="row 0: symprec=100: no space group found"):
        next(space.orbits()).space_groups(symprec=100)


def test_no_arrangements_have_no_groups(space_3of24):
    nothing = mg.ConfigurationBatch(space_3of24, np.empty((0, 24), np.uint8), np.empty(0, np.int64))
    assert len(nothing.point_groups()) == len(nothing.space_groups()) == 0
    assert nothing.point_groups().labels == nothing.space_groups().labels == []


def test_a_thousand_arrangements_take_a_moment(cspbi3):
    space = mg.ConfigurationSpace(cspbi3, (3, 3, 3), {"I": {"Br": 3}})
    batch = next(space.orbits(batch_size=1000))
    start = time.process_time()
    batch.point_groups()
    assert time.process_time() - start < 1.0
