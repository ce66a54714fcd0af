"""Structures from elsewhere: whatever is done to one that leaves it the same crystal, it lands on its orbit."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from scipy.spatial.transform import Rotation

import matganip as mg
from matganip.labels.joining import join_structures, match_structure

CUBIC = [np.eye(3)[list(p)] * np.array(s)[:, None] for p in permutations(range(3)) for s in product((1, -1), repeat=3)]


def disguised(structure, generator, operations=CUBIC, noise=0.0):
    """The same crystal: atoms in another order, another origin, a symmetry operation, the cell turned in space."""
    moved = structure.frac_coords @ operations[generator.integers(len(operations))] + generator.random(3)
    moved += generator.normal(scale=noise, size=moved.shape) / structure.lattice.a if noise else 0
    turned = structure.lattice.matrix @ Rotation.random(rng=generator).as_matrix()
    order = generator.permutation(len(structure))
    return Structure(Lattice(turned), [structure[int(i)].specie for i in order], moved[order])


@pytest.mark.parametrize(("number", "noise"), [(100, 0.0), (25, 0.08)])
def test_any_disguise_joins_the_right_orbit(space_6of24, number, noise):
    generator = np.random.default_rng(5)
    batch = next(space_6of24.orbits())
    drawn = generator.integers(len(batch), size=number)
    found = join_structures(
        space_6of24,
        (disguised(space_6of24.structure(batch.occupations[i]), generator, noise=noise) for i in drawn),
    )
    assert np.array_equal(found.occupations, batch.occupations[drawn])
    assert np.array_equal(found.multiplicity, batch.multiplicity[drawn])


def test_one_thousand_of_one_thousand(space_6of24):
    test_any_disguise_joins_the_right_orbit(space_6of24, 1000, 0.01)


@pytest.mark.parametrize(
    ("substitutions", "supercell"),
    [
        ({"I": {"Br": 3, "vac": 1}}, (2, 2, 1)),
        ({"I": {"Br": 2}, "Pb": {"Sn": 2}}, (2, 1, 2)),
        ({"Cs": {"Rb": 1}, "Pb": {"Sn": 1}, "I": {"Br": 4}}, (2, 1, 1)),
        ({"I": {"Br": 3}}, ((1, 1, 0), (-1, 1, 0), (0, 0, 2))),
    ],
)
def test_vacancies_several_sublattices_and_other_cells_join(cspbi3, substitutions, supercell):
    space = mg.ConfigurationSpace(cspbi3, supercell, substitutions)
    generator = np.random.default_rng(1)
    drawn = space.sample_orbits(12, seed=3)
    unturned = [np.eye(3), -np.eye(3)]
    found = join_structures(space, [disguised(one, generator, unturned) for one in drawn.structures()])
    assert np.array_equal(found.occupations, drawn.occupations)


def test_other_vectors_of_the_same_lattice_join(space_3of24):
    structure = space_3of24.structure(space_3of24.unrank(9).occupations[0])
    sheared = structure.make_supercell([[1, 1, 0], [0, 1, 0], [0, -1, 1]], in_place=False)
    exchanged = structure.make_supercell([[0, 1, 0], [0, 0, 1], [1, 0, 0]], in_place=False)
    for one in (sheared, exchanged, AseAtomsAdaptor.get_atoms(exchanged)):
        assert space_3of24.rank(match_structure(space_3of24, one).occupation) == 9


def test_a_relaxed_cell_joins_and_tells_how_far_its_atoms_went(space_3of24):
    structure = space_3of24.structure(space_3of24.unrank(11).occupations[0])
    structure.apply_strain([0.02, 0.03, 0.02])
    structure.translate_sites([20], [0.3, 0, 0], frac_coords=False)
    match = match_structure(space_3of24, structure)
    assert space_3of24.rank(match.occupation) == 11
    assert match.displacement == pytest.approx(0.3, abs=0.03)


def test_a_poscar_in_another_order_joins(space_3of24, tmp_path):
    structure = space_3of24.structure(space_3of24.unrank(5).occupations[0])
    disguised(structure, np.random.default_rng(0)).get_sorted_structure().to(str(tmp_path / "POSCAR"), fmt="poscar")
    assert space_3of24.rank(join_structures(space_3of24, [tmp_path / "POSCAR"]).occupations[0]) == 5


# -- what is refused -------------------------------------------------------------------------------------------


def test_a_br_that_moved_by_eight_tenths_of_an_angstrom_is_refused_wherever_the_rest_is(space_3of24):
    generator = np.random.default_rng(2)
    for number in range(5):
        structure = space_3of24.structure(space_3of24.unrank(number).occupations[0])
        bromine = [i for i, site in enumerate(structure) if site.specie.symbol == "Br"][number % 3]
        way = generator.normal(size=3)
        structure.translate_sites([bromine], 0.8 * way / np.linalg.norm(way), frac_coords=False)
        with pytest.raises(mg.InputError, match=r"atom \d+ \(Br\) is 0.7\d angstrom from site \d+ \(Br/I\)"):
            match_structure(space_3of24, disguised(structure, generator))


def test_what_does_not_fit_is_named(space_3of24, cspbi3, tmp_path):
    good = space_3of24.structure(space_3of24.unrank(0).occupations[0])
    lead = next(i for i, site in enumerate(good) if site.specie.symbol == "Pb")
    iodine = next(i for i, site in enumerate(good) if site.specie.symbol == "I")

    tin, hole, more, large = good.copy(), good.copy(), good.copy(), good.copy()
    tin[lead] = "Sn"
    hole.remove_sites([iodine])
    more[iodine] = "Br"
    large.apply_strain(0.1)
    mixed = cspbi3.copy()
    mixed[2] = {"I": 0.5, "Br": 0.5}
    for one, message in [
        (tin, r"structure 0: atom \d+ \(Sn\) sits on site \d+ \(Pb\), which may not hold it"),
        (hole, r"structure 0: no atom sits on site \d+ \(Br/I\)"),
        (more, "structure 0: occupations: row 0 has 4 Br"),
        (large, "structure 0: its cell has .* cubic angstrom, the supercell"),
        (cspbi3, "structure 0: its cell has 248.7 cubic angstrom, the supercell 1989.9"),
        (mixed.make_supercell([2, 2, 2], in_place=False), "structure 0: site .* is partially occupied"),
    ]:
        with pytest.raises(mg.InputError, match=message):
            join_structures(space_3of24, [one])


def test_files_are_named(space_3of24, tmp_path):
    with pytest.raises(mg.InputError, match="POSCAR: cannot be read"):
        join_structures(space_3of24, [tmp_path / "POSCAR"])
    poscar = space_3of24.supercell_structure.to(fmt="poscar").splitlines()
    (tmp_path / "POSCAR").write_text("\n".join(poscar[:5] + poscar[6:]))
    with pytest.raises(mg.InputError, match="POSCAR: has no line of element symbols"):
        join_structures(space_3of24, [tmp_path / "POSCAR"])
    space_3of24.supercell_structure.to(str(tmp_path / "undoped.cif"))
    with pytest.raises(mg.InputError, match="undoped.cif: occupations: row 0 has 0 Br"):
        join_structures(space_3of24, [tmp_path / "undoped.cif"])


def test_no_structures_are_no_rows(space_3of24):
    assert len(join_structures(space_3of24, [])) == 0
