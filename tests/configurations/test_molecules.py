"""Molecular cations on the A site: one species, counted like an atom, written as a rigid molecule."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

import matganip as mg
from matganip.crystal.molecules import expanded, find_molecules, molecular_sites
from matganip.errors import ReadingWarning

A = 6.36
FA = [
    ("C", 0.0, 0.0, 0.0), ("N", 0.605, 1.162, 0.0), ("H", 0.05, 2.01, 0.0), ("H", 1.61, 1.21, 0.0),
    ("N", 0.605, -1.162, 0.0), ("H", 0.05, -2.01, 0.0), ("H", 1.61, -1.21, 0.0), ("H", -1.09, 0.0, 0.0),
]  # fmt: skip
FRAME = [(0.5, 0.5, 0.5), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]


def iodide() -> Structure:
    """FAPbI3 with its molecules along one direction."""
    coordinates = np.array([one[1:] for one in FA]) / A - np.array([0.0634, 0, 0])
    return Structure(Lattice.cubic(A), [one[0] for one in FA] + ["Pb", "I", "I", "I"], [*coordinates, *FRAME])


def same_number_of(space: mg.ConfigurationSpace, substitutions: dict, supercell: tuple = (2, 2, 2)) -> None:
    atoms = mg.ConfigurationSpace(mg.perovskite("CsPbI3", a=A), supercell, substitutions)
    assert (space.n_configurations, space.count_orbits()) == (atoms.n_configurations, atoms.count_orbits())


def test_a_molecule_is_found_whole_across_the_edges_of_a_cell() -> None:
    (molecule,) = find_molecules(iodide())
    assert molecule.symbol == "FA"
    assert molecule.sites == tuple(range(8))
    assert len(molecule.geometry) == 8
    sites = molecular_sites(iodide())
    assert len(sites) == 5
    assert expanded(sites).composition == iodide().composition
    assert expanded(sites).matches(iodide())
    assert molecular_sites(mg.perovskite("CsPbI3", a=A)) == mg.perovskite("CsPbI3", a=A)
    oxalate = Structure(
        Lattice.cubic(9), ["C", "N", "H", "Ca"], [[0, 0, 0], [0.13, 0, 0], [0, 0.12, 0], [0.5, 0.5, 0.5]]
    )
    assert not find_molecules(oxalate)  # HCN is no cation that is known


@pytest.mark.parametrize("number", [1, 4])
def test_a_molecule_is_counted_as_an_atom_of_its_site(number: int) -> None:
    space = mg.ConfigurationSpace(iodide(), (2, 2, 2), {"FA": {"Cs": number}})
    same_number_of(space, {"Cs": {"Rb": number}})
    assert space.n_atoms == 8 * 4 + number + 8 * (8 - number)
    batch = next(space.orbits())
    assert space.atoms_of(batch.occupations).tolist() == [space.n_atoms] * len(batch)
    for row, structure in zip(batch.occupations, batch.structures(), strict=True):
        assert len(structure) == space.n_atoms
        assert Counter(str(site.specie) for site in structure)["C"] == 8 - number
        assert space.occupation_of(structure).tolist() == row.tolist()
    assert sum(next(batch.atoms()).get_atomic_numbers() == 6) == 8 - number


def test_molecules_go_on_sites_of_atoms_and_of_other_molecules(tmp_path) -> None:
    parent = mg.perovskite("CsPbI3", a=A)
    space = mg.ConfigurationSpace(parent, (2, 1, 1), {"Cs": {"FA": 1}, "I": {"Br": 2}})
    same_number_of(space, {"Cs": {"Rb": 1}, "I": {"Br": 2}}, (2, 1, 1))
    structure = next(next(space.orbits()).structures())
    assert structure.composition["N"] == 2
    mixed = mg.ConfigurationSpace(iodide(), (2, 1, 1), {"FA": {"MA": 1}})
    assert next(next(mixed.orbits()).structures()).composition["N"] == 3
    for fmt, name in (("cif", "cifs"), ("poscar", "poscars"), (None, "all.xyz"), (None, "all.parquet")):
        assert next(mixed.orbits()).write(tmp_path / name, fmt) == 1
    (written,) = (tmp_path / "cifs").glob("*.cif")
    assert mixed.occupation_of(written).tolist() == next(mixed.orbits()).occupations[0].tolist()
    again = mg.ConfigurationSpace.from_dict(mixed.to_dict())
    assert again.count_orbits() == mixed.count_orbits()
    assert next(next(again.orbits()).structures()) == next(next(mixed.orbits()).structures())
    with pytest.raises(mg.InputError, match="DMA: the shape of the molecule is not known"):
        next(next(mg.ConfigurationSpace(parent, (2, 1, 1), {"Cs": {"DMA": 1}}).orbits()).structures())
    with pytest.raises(mg.InputError, match="molecular cations have no atomic number"):
        next(mixed.orbits()).atomic_numbers()


def test_a_molecule_without_an_orientation_is_no_disorder_of_its_atoms() -> None:
    """MAPbI3 as X-rays see it: C and N shared, six hydrogens over twenty-four places."""
    lattice = Lattice.cubic(6.3)
    heavy = [(sign * 0.745 / 6.3, 0, 0) for sign in (1, -1)]
    rng = np.random.default_rng(0)
    hydrogens = []
    for x in (1, -1):
        for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False) + rng.uniform(0, 0.01):
            hydrogens.append((x * (0.745 + 0.36) / 6.3, 1.0 * np.cos(angle) / 6.3, 1.0 * np.sin(angle) / 6.3))
    species = [{"C": 0.5, "N": 0.5}] * 2 + [{"H": 0.25}] * 24 + ["Pb", "I", "I", "I"]
    crystal = Structure(lattice, species, [*heavy, *hydrogens, *FRAME])
    with pytest.warns(ReadingWarning, match="MA: disordered in orientation; each is one species on one site"):
        space = mg.ConfigurationSpace(crystal, (2, 2, 2), {"I": {"Br": 3}})
    same_number_of(space, {"I": {"Br": 3}})
    structure = next(next(space.orbits()).structures())
    assert structure.composition["H"] == 48
    assert structure.is_ordered


def test_a_type_symbol_may_be_a_molecule(tmp_path) -> None:
    path = tmp_path / "mixed.cif"
    rows = "A1 FA 0 0 0 0.5\nA2 MA 0 0 0 0.5\nPb1 Pb 0.5 0.5 0.5 1\nI1 I 0 0.5 0.5 1\n"
    cell = "".join(f"_cell_length_{one} 6.3\n" for one in "abc")
    cell += "".join(f"_cell_angle_{one} 90\n" for one in ("alpha", "beta", "gamma"))
    names = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
    loop = "loop_\n" + "".join(f"_atom_site_{name}\n" for name in names)
    path.write_text(f"data_x\n{cell}_symmetry_space_group_name_H-M 'P m -3 m'\n{loop}{rows}")
    space = mg.ConfigurationSpace(path, (2, 2, 2))
    same_number_of(space, {"Cs": {"Rb": 4}})
    structure = next(next(space.orbits()).structures())
    assert structure.composition["C"] == 8
    assert structure.composition["N"] == 12
    with pytest.raises(mg.InputError, match="molecule '[FM]A' has no X-ray form factor"):
        mg.PowderDiffraction().patterns([path])


def test_from_the_shell(tmp_path, capsys) -> None:
    from typer.testing import CliRunner

    from matganip.cli.main import app

    path = tmp_path / "FAPbI3.cif"
    path.write_text(iodide().to(fmt="cif"))
    found = CliRunner().invoke(app, ["count", str(path), "-s", "2,2,2", "-x", "FA:Cs=4"])
    assert found.exit_code == 0, found.output
    assert "FA4" in found.output
    assert " 70 " in found.output


CUBE = "_cell_length_a 6.36\n_symmetry_cell_setting cubic\n_symmetry_space_group_name_H-M 'P m -3 m'\n"
TETRAGONAL = (
    "_cell_length_a 8.8\n_cell_length_c 12.685\n_symmetry_cell_setting tetragonal\n"
    "_symmetry_space_group_name_H-M 'I 4/m c m'\n"
)
ATOMS = "loop_\n" + "".join(f"_atom_site_{name}\n" for name in ("label", "fract_x", "fract_y", "fract_z", "occupancy"))
IODIDE = "Pb1 0.5 0.5 0.5 1\nI1 0.5 0.5 0 1\n"
DISORDERED = {
    "along <100>, no H": (CUBE, IODIDE + "C1 0.116 0 0 0.16667\nN1 0.116 0 0 0.16667", {"MA": 1.0}),
    "along <110>": (
        CUBE,
        IODIDE + "C1 0.083 0.083 0 0.0833\nN1 0.083 0.083 0 0.0833\nH1 0.24 0.08 0.06 0.125",
        {"MA": 1.0},
    ),
    "along <111>": (
        CUBE,
        IODIDE + "C1 0.0676 0.0676 0.0676 0.125\nN1 0.0676 0.0676 0.0676 0.125\nH1 0.24 0.06 0.06 0.25",
        {"MA": 1.0},
    ),
    "four ways, two of three H": (
        TETRAGONAL,
        "Pb1 0 0 0 1\nI1 0 0 0.25 1\nI2 0.211 0.711 0 1\nC1 0.555 0.055 0.225 0.25\nN1 0.459 0.959 0.283 0.25\n"
        "H1 0.63 0.13 0.25 0.25\nH2 0.63 0.02 0.2 0.125\nH3 0.4 0.9 0.25 0.25\nH4 0.4 0.98 0.33 0.125",
        {"MA": 1.0},
    ),
    "FA": (
        CUBE,
        IODIDE + "C1 0.072 0 0 0.16667\nN1 0 0.18 0.04 0.08333\nH1 0.24 0 0 0.16667\nH2 0.03 0.33 0.05 0.0833333",
        {"FA": 1.0},
    ),
    "FA beside Cs": (
        CUBE,
        IODIDE + "Cs1 0 0 0 0.1\nC1 0.072 0 0 0.15\nN1 0 0.18 0.04 0.075\nH1 0.24 0 0 0.15\nH2 0.03 0.33 0.05 0.075",
        {"FA": 0.9, "Cs": 0.1},
    ),
    "FA and MA by one C": (
        CUBE,
        IODIDE + "C1 0 0 0 1\nN1 0 0.18 0.09 0.0770833\nH1 0.24 0 0 0.15\nH2 0.05 0.33 0.05 0.177083",
        {"FA": 0.85, "MA": 0.15},
    ),
    "ammonium and potassium": (
        CUBE,
        "N1 0 0 0 0.5\nK1 0 0 0 0.5\nH1 0.0935 0.0935 0.0935 0.25\nCl1 0.5 0.5 0.5 1",
        {"NH4": 0.5, "K": 0.5},
    ),
    "cyanide": (CUBE, "K1 0.5 0.5 0.5 1\nC1 0.09 0 0 0.16667\nN1 0.09 0 0 0.16667", None),
    "carbonitride": (CUBE, "Ti1 0 0 0 1\nC1 0.5 0.5 0.5 0.5\nN1 0.5 0.5 0.5 0.5", None),
}


@pytest.mark.parametrize(("head", "rows", "shares"), DISORDERED.values(), ids=DISORDERED)
def test_disordered_molecules_as_files_have_them(tmp_path, head, rows, shares) -> None:
    (tmp_path / "x.cif").write_text(f"data_x\n{head}{ATOMS}{rows}\n")
    structure = mg.read_structure(tmp_path / "x.cif")
    molecules = find_molecules(structure)
    assert len(molecules) == (0 if shares is None else 4 if "4/m" in head else 1)
    for one in molecules:
        others = {str(specie): share for specie, share in one.others.items()}
        assert {**one.shares, **others} == pytest.approx(shares)
        assert not one.geometry


def test_a_disordered_molecule_beside_another_species_is_one_of_two_on_a_site(tmp_path) -> None:
    head, rows, _ = DISORDERED["FA beside Cs"]
    (tmp_path / "x.cif").write_text(f"data_x\n{head}{ATOMS}{rows}\n")
    with pytest.warns(ReadingWarning, match="FA 0.9, Cs 0.1 in one place; each is one species on one site"):
        space = mg.ConfigurationSpace(tmp_path / "x.cif", (2, 2, 2), {"FA": {"Cs": 2}})
    assert (space.n_configurations, space.count_orbits()) == (28, 3)
    structure = space.structure(next(space.orbits()).occupations[0])
    assert structure.composition.formula == "Cs2 H30 Pb8 C6 I24 N12"
    assert min(structure.distance_matrix[~np.eye(len(structure), dtype=bool)]) > 1
