"""Pictures of arrangements: every atom, those on a face twice, and the vacancies."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

import matganip as mg
from matganip.errors import InputError
from matganip.plots.arrangements import Drawing, arrangement, configuration, configurations, dopants_of
from matganip.plots.style import INK, LABEL, canvas

OXIDE = mg.ConfigurationSpace(mg.perovskite("SrTiO3", a=3.905), (2, 2, 2), {"O": {"vac": 3, "F": 3}, "Ti": {"Nb": 2}})
ROW = OXIDE.sample_orbits(1, seed=1).occupations[0]


def test_an_arrangement_draws_atoms_on_faces_again_on_the_opposite_ones(ax):
    structure = Structure(Lattice.cubic(4.0), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.0]])
    assert arrangement(structure, ("Br",), ax=ax) is ax
    edges, bonds, atoms = ax.collections
    assert len(edges.get_segments()) == 12
    assert len(bonds.get_segments()) > 0
    assert len(atoms.get_offsets()) == 8 + 2


@pytest.mark.parametrize("form", ["ase", "path"])
def test_a_structure_may_be_of_ase_or_in_a_file(ax, tmp_path, form):
    structure = Structure(Lattice.cubic(4.0), ["Cs", "Br"], [[0, 0, 0], [0.5, 0.5, 0.0]])
    structure.to(filename=str(tmp_path / "POSCAR"))
    arrangement(AseAtomsAdaptor.get_atoms(structure) if form == "ase" else tmp_path / "POSCAR", ["Br"], ax=ax)
    assert len(ax.collections[-1].get_offsets()) == 8 + 2


def test_a_structure_of_one_atom_is_drawn(ax):
    arrangement(Structure(Lattice.cubic(4.0), ["Cs"], [[0.5, 0.5, 0.5]]), [], ax=ax)
    assert len(ax.collections[-1].get_offsets()) == 1


def test_vacancies_are_drawn_where_their_sites_are(ax):
    configuration(OXIDE, ROW, title="one", ax=ax)
    atoms, vacancies = ax.collections[-2:]
    drawing = Drawing.of_configuration(OXIDE, ROW)
    assert vacancies.get_label() == "vacancy"
    assert len(vacancies.get_offsets()) == np.sum(drawing.species == "vac") >= 3
    assert len(atoms.get_offsets()) == np.sum(drawing.species != "vac")
    assert len(atoms.get_offsets()) + len(vacancies.get_offsets()) == len(drawing.species)
    assert vacancies.get_facecolors().size == 0
    inside = np.unique(np.mod(np.round(drawing.position[drawing.species == "vac"], 6), 7.81), axis=0)
    assert len(inside) == 3
    assert ax.get_title(loc="center") == "one"


def test_bonds_end_at_atoms_only():
    drawing = Drawing.of_configuration(OXIDE, ROW)
    empty = drawing.position[drawing.species == "vac"]
    ends = drawing.bonds.reshape(-1, 3)
    assert len(ends)
    assert np.linalg.norm(ends[:, None] - empty[None], axis=-1).min() > 1.0


def test_every_substituted_element_has_its_colour_and_the_host_none():
    assert dopants_of(OXIDE) == ("Nb", "F") or dopants_of(OXIDE) == ("F", "Nb")
    drawing = Drawing.of_configuration(OXIDE, ROW)
    colours = {name: drawing.color(name) for name in ("Sr", "Ti", "O", "F", "Nb", "vac")}
    assert colours["Sr"] == colours["Ti"] == colours["O"]
    assert len({colours["F"], colours["Nb"], colours["Sr"]}) == 3
    assert colours["vac"] == INK
    assert colours[dopants_of(OXIDE)[1]] == LABEL


def test_arrangements_stand_beside_each_other():
    batch = OXIDE.sample_orbits(3, seed=2)
    axes = configurations(OXIDE, batch.occupations, ["a", "b", "c"], axes=canvas(6, 2, 3))
    assert [ax.get_title(loc="center") for ax in axes] == ["a", "b", "c"]


def test_an_occupation_of_another_length_is_refused():
    with pytest.raises(InputError, match=r"an occupation of this space has shape \(32,\), not \(3,\)"):
        configuration(OXIDE, [0, 1, 0])
