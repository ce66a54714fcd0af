from __future__ import annotations

import numpy as np
import oracle_derivatives as oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.configurations.superlattices import hermite_normal_form, hermite_normal_forms
from matganip.errors import InputError

FCC = Structure(Lattice([[0, 2, 2], [2, 0, 2], [2, 2, 0]]), ["Ni"], [[0, 0, 0]])
BCC = Structure(Lattice([[-2, 2, 2], [2, -2, 2], [2, 2, -2]]), ["Fe"], [[0, 0, 0]])
SC = Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]])
HCP = Structure(Lattice.hexagonal(3.21, 5.21), ["Mg", "Mg"], [[1 / 3, 2 / 3, 1 / 4], [2 / 3, 1 / 3, 3 / 4]])
QUARTZ = Structure.from_spacegroup(
    "P3_221", Lattice.hexagonal(4.913, 5.405), ["Si", "O"], [[0.4697, 0, 2 / 3], [0.4133, 0.2672, 0.7857]]
)
TRICLINIC = Structure(Lattice.from_parameters(3, 4, 5, 75, 83, 98), ["K"], [[0, 0, 0]])


def _numbers(parent, max_volume):
    volumes = [shape.volume for shape in mg.superlattices(parent, max_volume)]
    return [volumes.count(volume) for volume in range(1, max_volume + 1)]


# fcc and bcc: OEIS A159842. All of them: dsenum 0.4.4, another implementation of Hart and Forcade's algorithm.
KNOWN = {
    "fcc": (FCC, [1, 2, 3, 7, 5, 10, 7, 20, 14, 18, 11, 41, 15, 28, 31, 58, 21, 60, 25, 77]),
    "bcc": (BCC, [1, 2, 3, 7, 5, 10, 7, 20, 14, 18, 11, 41, 15, 28, 31, 58, 21, 60, 25, 77]),
    "sc": (SC, [1, 3, 3, 9, 5, 13, 7, 24, 14, 23, 11, 49, 15, 33, 31, 66, 21, 70, 25, 89]),
    "hcp": (HCP, [1, 3, 5, 11, 7, 19, 11, 34, 23, 33, 19, 77, 25, 53, 55, 104, 37, 115, 45, 143]),
    "quartz": (QUARTZ, [1, 3, 6, 12, 9, 24, 15, 42, 33, 47, 29, 106, 39, 81, 86, 147, 61, 181, 75, 220]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_numbers_of_shapes_are_the_published_ones(name):
    parent, published = KNOWN[name]
    assert _numbers(parent, 20) == published


@pytest.mark.parametrize("parent", [FCC, BCC, SC, HCP, QUARTZ, TRICLINIC], ids=lambda p: p.formula)
def test_classes_are_those_of_brute_force(parent):
    shapes = mg.superlattices(parent, 5)
    for volume in range(1, 6):
        classes = oracle.shape_classes(parent, list(parent.atomic_numbers), volume)
        found = [(s.matrix.tolist(), s.multiplicity) for s in shapes if s.volume == volume]
        # The twin goes through the sublattices in the same order, so that the first of a class stands for it.
        expected = sorted((sorted(m.tolist() for m in members)[0], len(members)) for members in classes)
        assert found == expected


def test_without_rotations_every_sublattice_is_its_own_shape():
    assert _numbers(TRICLINIC, 10) == [1, 7, 13, 35, 31, 91, 57, 155, 130, 217]  # OEIS A001001


@pytest.mark.parametrize("volume", [1, 2, 6, 12, 30])
def test_every_sublattice_is_listed_once_in_order(volume):
    found = [matrix.ravel().tolist() for matrix in hermite_normal_forms(volume)]
    assert found == sorted(matrix.ravel().tolist() for matrix in oracle.sublattices_of_index(volume))


@given(
    arrays.arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(3, 5), st.just(3)), elements=st.integers(-9, 9))
)
def test_hermite_normal_form_spans_the_same_lattice(rows):
    spanning = rows[[np.linalg.matrix_rank(r) == 3 for r in rows]]
    reduced = hermite_normal_form(spanning)
    for given_rows, form in zip(spanning, reduced, strict=True):
        assert (np.tril(form, -1) == 0).all()
        assert (np.diag(form) > 0).all()
        for column in range(3):
            above = form[:column, column]
            assert ((above >= 0) & (above < form[column, column])).all()
        assert np.allclose(given_rows @ np.linalg.inv(form), np.rint(given_rows @ np.linalg.inv(form)))
        # As large as the lattice of the rows: the greatest common divisor of all their 3x3 determinants.
        n = len(given_rows)
        minors = [np.linalg.det(given_rows[[i, j, k]]) for i in range(n) for j in range(i) for k in range(j)]
        assert np.prod(np.diag(form)) == np.gcd.reduce(np.rint(minors).astype(np.int64))


def test_a_shape_is_a_supercell():
    shape = mg.superlattices(FCC, 4, min_volume=4)[3]
    space = mg.ConfigurationSpace(shape.parent, shape, {"Ni": {"Al": 1}})
    assert shape.parent is FCC
    assert (space.supercell_matrix == shape.matrix).all()
    assert len(space.supercell_structure) == shape.volume == 4


@pytest.mark.parametrize(
    ("given_cell", "primitive"),
    [
        (Structure.from_spacegroup("Fm-3m", Lattice.cubic(4), ["Ni"], [[0, 0, 0]]), FCC),
        (Structure.from_spacegroup("Im-3m", Lattice.cubic(4), ["Fe"], [[0, 0, 0]]), BCC),
        (HCP * (2, 1, 3), HCP),
        (QUARTZ.make_supercell([[1, 1, 0], [-1, 1, 0], [0, 0, 1]], in_place=False), QUARTZ),
    ],
    ids=["fcc", "bcc", "hcp", "quartz"],
)
def test_an_expanded_parent_has_the_shapes_of_its_primitive_cell(given_cell, primitive):
    shapes = mg.superlattices(given_cell, 6)
    assert [s.multiplicity for s in shapes if s.volume == 1] == [1]
    assert _numbers(given_cell, 6) == _numbers(primitive, 6)
    cell = shapes[0].parent
    assert len(cell) == len(primitive)
    assert cell.volume == pytest.approx(primitive.volume)
    # The same crystal in the same place: what the reduced cell repeats are the atoms of the given one.
    distances = given_cell.lattice.get_all_distances(
        given_cell.lattice.get_fractional_coords(cell.cart_coords), given_cell.frac_coords
    )
    assert distances.min(axis=1).max() < 1e-6
    to_cell = given_cell.lattice.matrix @ np.linalg.inv(cell.lattice.matrix)
    assert np.allclose(to_cell, np.rint(to_cell), atol=1e-6)


@pytest.mark.parametrize(
    ("volumes", "message"),
    [
        ((0,), "max_volume"),
        ((2.5,), "max_volume"),
        ((True,), "max_volume"),
        ((3, 0), "min_volume"),
        ((2, 3), "min_volume=3 is larger than max_volume=2"),
    ],
)
def test_volumes_that_make_no_sense_are_named(volumes, message):
    with pytest.raises(InputError, match=message):
        mg.superlattices(FCC, *volumes)
