"""Disorder groups of a CIF: an arrangement has one group of each assembly, looked at in every arrangement."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from test_exclusions import rows_of, rows_of_counts

import matganip as mg
from matganip.errors import InputError, ReadingWarning

HEAD = "data_x\n_cell_length_a {a}\n_cell_length_b {b}\n_cell_length_c {c}\n" + "".join(
    f"_cell_angle_{angle} 90\n" for angle in ("alpha", "beta", "gamma")
)
NAMES = "label type_symbol fract_x fract_y fract_z occupancy disorder_assembly disorder_group"
LOOP = "loop_\n" + "".join(f"_atom_site_{name}\n" for name in NAMES.split(" "))
CENTRE = np.array([0.5, 0.5, 0.5])


def space_of(tmp_path, rows, group="P 1", cell=(9, 9.5, 10), supercell=(1, 1, 1)):
    path = tmp_path / "x.cif"
    head = HEAD.format(a=cell[0], b=cell[1], c=cell[2]) + f"_symmetry_space_group_name_H-M '{group}'\n"
    path.write_text(head + LOOP + "Si1 Si 0 0 0 1 . .\n" + rows)
    return mg.ConfigurationSpace(path, supercell, occupancy_tolerance=None)


def kinds_of_moieties(space, row):
    """The atoms around the centre of each cell: species and distance from the centre, sorted."""
    atoms = [
        (space.species[sublattice][code], space.supercell_structure[atom].coords)
        for atom, sublattice, code in zip(space.site_indices, space.sublattices, row, strict=True)
        if space.species[sublattice][code] != "vac"
    ]
    found = []
    for cell in product(*(range(n) for n in np.diag(space.supercell_matrix))):
        centre = (np.array(cell) + CENTRE) @ space.parent.lattice.matrix
        near = [(name, float(np.linalg.norm(at - centre))) for name, at in atoms]
        found.append(sorted((name, round(d, 3)) for name, d in near if d < 4))
    assert sum(map(len, found)) == len(atoms)
    return found


def allowed(rows, cell, images):
    """The contents of a moiety that the file's groups allow: all images of the atoms of one group, or nothing."""
    groups = {}
    for label, symbol, *xyz, _, _, group in (row.split() for row in rows.splitlines()):
        d = float(np.linalg.norm((np.array(xyz, dtype=float) - CENTRE) * cell))
        groups.setdefault(group, []).extend([(symbol, round(d, 3))] * images.get(label, 1))
    return [*(sorted(atoms) for atoms in groups.values()), []]


CASES = {
    "far apart, of equal numbers": (
        "Na1 Na 0.5 0.5 0.3 0.5 A 1\nF1 F 0.5 0.6 0.55 0.5 A 1\nK1 K 0.6 0.5 0.45 0.5 A 2\nCl1 Cl 0.4 0.5 0.7 0.5 A 2",
        "P 1", (2, 2, 1), {}, 6,
    ),
    "a quarter each, and nothing": (
        "Na1 Na 0.5 0.5 0.3 0.25 A 1\nF1 F 0.5 0.6 0.55 0.25 A 1\nK1 K 0.6 0.5 0.45 0.25 A 2", "P 1", (4, 1, 1), {}, 12,
    ),
    "three groups without a name, in contact": (
        "N1 N 0.5 0.5 0.4 0.34 . 1\nC2 C 0.5 0.6 0.45 0.33 . 2\nO2 O 0.6 0.6 0.55 0.33 . 2\nS3 S 0.6 0.5 0.5 0.33 . 3",
        "P 1", (3, 1, 1), {}, 6,
    ),
    "two mirrors, two atoms at a time": (
        "N1 N 0.5 0.5 0.4 0.4 A 1\nO1 O 0.6 0.5 0.45 0.4 A 1\nS2 S 0.5 0.5 0.6 0.6 A 2\nCl2 Cl 0.5 0.65 0.7 0.6 A 2",
        "P m m 2", (3, 1, 1), {"O1": 2, "Cl2": 2}, 3,
    ),
    "two species of a site in two groups": (
        "O1 O 0.5 0.5 0.3 0.5 A 1\nF2 F 0.5 0.5 0.3 0.5 A 2\nNa1 Na 0.5 0.5 0.6 0.5 A 1\nLi2 Li 0.5 0.5 0.6 0.5 A 2",
        "P m m 2", (2, 1, 1), {}, 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "group", "supercell", "images", "n"), CASES.values(), ids=CASES)
def test_every_arrangement_with_one_group_a_place_and_no_other(tmp_path, rows, group, supercell, images, n):
    space = space_of(tmp_path, rows, group, supercell=supercell)
    fit = allowed(rows, np.array([9, 9.5, 10]), images)
    expected = {row for row in rows_of_counts(space.counts) if all(one in fit for one in kinds_of_moieties(space, row))}
    assert space.n_configurations == len(expected) == n
    listed = rows_of(space)
    assert set(listed) <= expected
    orbits = {row: frozenset(tuple(one) for one in images_of(space, row)) for row in listed}
    assert set().union(*orbits.values()) == expected
    assert len(set(orbits.values())) == space.count_orbits()
    assert mg.ConfigurationSpace.from_metadata(space.metadata()).key == space.key
    assert mg.ConfigurationSpace.from_dict(space.to_dict(), space.key).n_configurations == n


def images_of(space, row):
    for permutation in space.site_permutations:
        image = np.empty(len(row), dtype=int)
        image[permutation] = row
        yield image.tolist()


def test_copies_about_a_special_position_exclude_each_other(tmp_path):
    rows = "N1 N 0.5 0.45 0.4 0.5 A -1\nO1 O 0.6 0.35 0.45 0.5 A -1"
    space = space_of(tmp_path, rows, "P m", supercell=(2, 1, 1))
    assert (space.n_configurations, space.count_orbits()) == (4, 2)
    for row in rows_of(space):  # both of a molecule on one side of the mirror
        (y_n, y_o) = (sorted(s.coords[1] for s in space.structure(row) if s.specie.symbol == one) for one in "NO")
        assert [y < 4.75 for y in y_n] == [y < 4.75 for y in y_o]


def test_equivalent_positions_that_share_an_atom_exclude_each_other(tmp_path):
    rows = "Na1 Na 0.5 0.5 0.4 0.5 A 1\nNa2 Na 0.62 0.5 0.5 0.25 A 2"
    space = space_of(tmp_path, rows, "P m m 2", supercell=(2, 2, 1))
    assert space.n_configurations == 6 * 4
    assert all(sum(s.specie.symbol == "Na" for s in space.structure(row)) == 4 for row in rows_of(space))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("Na1 Na 0.5 0.5 0.3 0.6 A 1\nK1 K 0.5 0.5 0.5 0.6 A 2", r"assembly A \(.*\) hold 1.2 together"),
        ("Na1 Na 0.5 0.5 0.25 0.5 A 1\nK1 K 0.5 0.5 0.75 0.5 A 2", "A .K1, Na1. go on from cell to cell"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        _ = space_of(tmp_path, rows, cell=(6, 6, 6), supercell=(2, 1, 1)).n_configurations


def test_atoms_of_different_occupancy_are_only_kept_apart_and_that_is_said(tmp_path):
    rows = "Na1 Na 0.5 0.5 0.3 0.5 A 1\nF1 F 0.5 0.6 0.55 0.25 A 1\nK1 K 0.6 0.5 0.45 0.5 A 2"
    with pytest.warns(ReadingWarning, match=r"group 1 differ in occupancy \(Na1 0.5, F1 0.25\); they are not kept"):
        space = space_of(tmp_path, rows, supercell=(4, 1, 1))
    with pytest.warns(ReadingWarning):
        assert space.n_configurations == 6 * 2


def test_a_species_of_no_group_on_a_site_of_two_is_refused(tmp_path):
    rows = "O1 O 0.5 0.5 0.3 0.5 A 1\nF2 F 0.5 0.5 0.3 0.5 A 2\nNa1 Na 0.5 0.5 0.6 0.5 A 1\nLi2 Li 0.5 0.5 0.6 0.5 A 2"
    space_of(tmp_path, rows, supercell=(2, 1, 1))
    with pytest.raises(InputError, match="N on (O1|F2): the site has the disorder groups 1, 2"):
        _ = mg.ConfigurationSpace(tmp_path / "x.cif", (2, 1, 1), {"O1": {"N": 1, "F": 1}}).n_configurations
