"""What a CIF says of its atoms is read, or what is left out is said."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Species, Structure
from pymatgen.io.cif import CifWriter

import matganip as mg
from matganip.crystal.species import name_of
from matganip.errors import ReadingWarning

CELL = """_cell_length_a {a}
_cell_length_b {b}
_cell_length_c {c}
_cell_angle_alpha {alpha}
_cell_angle_beta {beta}
_cell_angle_gamma {gamma}
_symmetry_space_group_name_H-M '{group}'
"""
COLUMNS = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")
OPERATIONS = "loop_\n_symmetry_equiv_pos_as_xyz\n'x,y,z'\n'{}'\n"


def cif(rows: str, group: str = "P 1", columns: tuple[str, ...] = COLUMNS, extra: str = "", **cell: float) -> str:
    lengths = {"a": 4.0, "b": 4.0, "c": 4.0, "alpha": 90, "beta": 90, "gamma": 90, **cell}
    loop = "loop_\n" + "".join(f"_atom_site_{name}\n" for name in columns)
    return f"data_one\n{CELL.format(group=group, **lengths)}{extra}\n{loop}{rows}\n"


@pytest.fixture
def read(tmp_path):
    def of(text: str, **how: object) -> Structure:
        path = tmp_path / "crystal.cif"
        path.write_text(text)
        return mg.read_structure(path, **how)

    return of


def test_of_two_blocks_the_first_is_read_and_said_and_the_other_by_name(read) -> None:
    text = cif("Li1 Li 0 0 0 1") + cif("Na1 Na 0 0 0 1").replace("data_one", "data_two") + "data_three\n_audit 1\n"
    with pytest.warns(ReadingWarning, match=r"crystal.cif: holds 2 structures \(one, two\); the first one is read"):
        assert read(text).composition.formula == "Li1"
    assert read(text, block="two").composition.formula == "Na1"
    assert read(text, block="data_two").composition.formula == "Na1"
    for name in ("three", "four"):
        with pytest.raises(mg.InputError, match=rf"has no data block '{name}' with a structure, only one, two"):
            read(text, block=name)
    with pytest.raises(mg.InputError, match="only a CIF has data blocks"):
        mg.read_structure(mg.perovskite("CsPbI3", a=6.3), block="two")


@pytest.mark.parametrize(
    ("symbol", "element", "charge", "isotope"),
    [
        ("Fe3+", "Fe", 3, None), ("Fe+3", "Fe", 3, None), ("O2-", "O", -2, None), ("O-2", "O", -2, None),
        ("FE", "Fe", None, None), ("Mn3.5+", "Mn", 3.5, None), ("D", "D", None, None), ("D1+", "D", 1, None),
        ("2H", "D", None, None), ("T", "T", None, None), ("7Li", "Li", None, 7), ("B-11", "B", None, 11),
        ("V5+", "V", 5, None), ("V", "V", None, None), ("Xe", "Xe", None, None),
    ],
)  # fmt: skip
def test_type_symbols(read, symbol: str, element: str, charge: float | None, isotope: int | None) -> None:
    (site,) = read(cif(f"A1 {symbol} 0 0 0 1"))
    assert name_of(site.specie) == (element if charge is None else str(Species(element, charge)))
    assert site.properties.get("isotope") == isotope


@pytest.mark.parametrize("symbol", ["Vac", "Va", "vac", "X", "[]", "Vacancy"])
def test_a_vacancy_is_no_vanadium(read, symbol: str) -> None:
    (site,) = read(cif(f"O1 O 0.5 0 0 0.9\nV1 {symbol} 0.5 0 0 0.1"))
    assert site.species.as_dict() == {"O": 0.9}
    assert site.label == "O1"


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ("O1 OH 0 0 0 1", COLUMNS, "O1 .OH. is read as O without its 1 H, which have no positions"),
        ("O1 Wat 0 0 0 1", COLUMNS, "O1 .Wat. is read as O without its 2 H, which"),
        ("O1 O 0 0 0 1\nH1 H ? ? ? 1", COLUMNS, "H1 has no coordinates and is left out"),
        ("O1 O 0 0 0 1\nH1 H 0 0 0 1", COLUMNS, "the hydrogen H1 stands on an oxygen and is left out"),
        ("O1 O 0 0 0 1\nNa1 Na 0.5 0 0 0", COLUMNS, "Na1 has an occupancy of 0 and is left out"),
        ("OW1 0 0 0", ("label", "fract_x", "fract_y", "fract_z"), "the label 'OW1' is read as O"),
        ("O1 O 0 0 0 1 1.2\nO2 O 0.5 0 0 1 ?", (*COLUMNS, "B_iso_or_equiv"), "O2 has no displacement"),
        ("O1 O 0 0 0 1\nFe1 Fe 0.5 0 0 0.503\nAl1 Al 0.5 0 0 0.5", COLUMNS, "add up to 1.003; they are scaled to 1"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_said(read, rows: str, columns: tuple[str, ...], message: str) -> None:
    with pytest.warns(ReadingWarning, match=rf"crystal.cif: .*{message}"):
        structure = read(cif(rows, columns=columns))
    assert structure.composition["O"] >= 1
    assert "H" not in structure.composition


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("Ti1 Ti 0 0 0 0.55\nMg1 Mg 0 0 0 0.5", r"\(Ti1 0.55, Mg1 0.5\) add up to 1.05;.*tolerance 0.05"),
        ("Ti1 Ti 9223372036854775808 0 0 1", "Ti1 has the coordinates .*no fractions of a cell"),
        ("Ti1 Ti 0.1x 0 0 1", "a coordinate of Ti1: '0.1x' is no number"),
        ("Ti1 Ti 0 0 0 -0.1", "the occupancy of Ti1 is negative, -0.1"),
        ("Ti1 Ti nan 0 0 1", "a coordinate of Ti1: 'nan' is no number"),
        ("Qq1 Qq 0 0 0 1", "the type symbol 'Qq' of Qq1 names no element, or several"),
        ("V1 Vac 0 0 0 1", "has no atoms"),
        ("M1 Fe/Co 0 0 0 1", "the type symbol 'Fe/Co' of M1 names no element, or several"),
        ("M1 Fe0.5Co0.5 0 0 0 1", "the type symbol 'Fe0.5Co0.5' of M1 names no element, or several"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(read, rows: str, message: str) -> None:
    with pytest.raises(mg.InputError, match=rf"crystal.cif: .*{message}"):
        read(cif(rows))


def test_a_tolerance_of_occupancies_scales_them(read) -> None:
    text = cif("Ti1 Ti 0 0 0 0.55\nMg1 Mg 0 0 0 0.5")
    with pytest.warns(ReadingWarning, match="scaled to 1"):
        (site,) = read(text, occupancy_tolerance=0.06)
    assert site.species["Ti"] == pytest.approx(0.55 / 1.05)
    assert site.species.num_atoms == pytest.approx(1)


def test_hydrogen_and_oxygen_share_a_site_where_they_fit(read) -> None:
    (site,) = read(cif("O1 O 0 0 0 0.5\nH1 H 0 0 0 0.5"))
    assert site.species.as_dict() == {"O": 0.5, "H": 0.5}


def test_old_names_and_other_spellings_are_read(read) -> None:
    columns = ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupation")
    (site,) = read(cif("Fe1 Fe 0 0 0 0.25", columns=columns))
    assert site.species.as_dict() == {"Fe": 0.25}
    upper = cif("Fe1 Fe 0 0 0 0.25").replace("_atom_site_occ", "_ATOM_SITE_OCC").replace("_atom_site_l", "_Atom_site_L")
    assert read(upper)[0].species.as_dict() == {"Fe": 0.25}


def test_two_states_of_one_element_stay_two(read) -> None:
    extra = "loop_\n_atom_type_symbol\n_atom_type_oxidation_number\nFe2+ 2\nFe3+ 3\nO2- -2\n"
    first, second = read(cif("A Fe2+ 0 0 0 0.5\nB Fe3+ 0 0 0 0.5\nO O2- .5 .5 .5 1", "F m -3 m", extra=extra))[::4]
    assert first.species.as_dict() == {"Fe2+": 0.5, "Fe3+": 0.5}
    assert str(second.specie) == "O2-"


def test_a_formula_that_the_atoms_have_not_is_said(read) -> None:
    with pytest.warns(ReadingWarning, match="its formula H2 O has H, its atoms have none"):
        read(cif("O1 O 0 0 0 1", extra="_chemical_formula_sum 'H2 O'"))
    with pytest.warns(ReadingWarning, match="its formula is Fe2 O1, its atoms make FeO"):
        read(cif("O1 O 0 0 0 1\nFe1 Fe 0.5 0 0 1", extra="_chemical_formula_sum 'Fe2 O1'"))


def test_a_group_that_does_not_fit_its_cell_is_refused(read) -> None:
    with pytest.raises(mg.InputError, match="P m -3 m has the operation .* which does not fit the cell"):
        read(cif("O1 O 0 0 0 1", "P m -3 m", c=5.0))


def test_the_setting_of_a_rhombohedral_group_follows_from_its_cell(read) -> None:
    hexagonal = read(cif("Bi1 Bi 0 0 0.234 1", "R -3 m", a=4.5, b=4.5, c=11.8, gamma=120))
    primitive = read(cif("Bi1 Bi 0.234 0.234 0.234 1", "R -3 m", alpha=57.2, beta=57.2, gamma=57.2))
    assert (len(hexagonal), len(primitive)) == (6, 2)


def test_digits_of_a_special_position_do_not_multiply_atoms(read) -> None:
    structure = read(cif("Mg1 Mg 0.333 0.667 0.25 1", "P 63/m m c", a=3.2, b=3.2, c=5.2, gamma=120))
    assert len(structure) == 2
    np.testing.assert_allclose(structure.frac_coords % 1, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]], atol=1e-12)
    split = read(cif("Pb1 Pb 0.024 0.024 0 0.25", "P 4 m m"))  # a real split position stays split
    assert len(split) == 4


def test_the_setting_of_a_numbered_group_follows_from_its_cell(read) -> None:
    text = cif("Bi1 Bi 0.234 0.234 0.234 1", "?", alpha=57.2, beta=57.2, gamma=57.2)
    assert len(read(text.replace("'?'", "?\n_symmetry_Int_Tables_number 166"))) == 2


@pytest.mark.parametrize(
    ("row", "columns", "group", "operation", "message"),
    [
        ("Fe1 Fe 0 0 0 ?", COLUMNS, "P 1", None, "the occupancy of Fe1 is not known .*; 1 is taken"),
        (
            "Fe1 Fe 0 0 0 1 6",
            (*COLUMNS, "symmetry_multiplicity"),
            "P 1",
            None,
            "Fe1 has the multiplicity 6 in the file",
        ),
        ("Fe1 Fe 0 0 0 1", COLUMNS, "?", "y,z,x", "its 2 listed operations are no group"),
        ("Fe1 Fe 0 0 0 1", COLUMNS, "P m -3 m", "-x,-y,-z", "lists 2 operations, and P m -3 m has 48"),
    ],
)
def test_what_does_not_agree_in_a_file_is_said(read, row, columns, group, operation, message) -> None:
    extra = OPERATIONS.format(operation) if operation else ""
    with pytest.warns(ReadingWarning, match=message):
        assert len(read(cif(row, group, columns=columns, extra=extra))) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_file_may_be_saved_in_another_encoding(tmp_path, encoding: str) -> None:
    path = tmp_path / "saved.cif"
    path.write_bytes(("_author Müller\n" + cif("Fe1 Fe 0 0 0 0.5")).replace("\n", "\r\n").encode(encoding))
    assert mg.read_structure(path)[0].species.as_dict() == {"Fe": 0.5}


def test_a_cell_without_volume_is_refused(read) -> None:
    with pytest.raises(mg.InputError, match="its cell .* has no volume"):
        read(cif("Fe1 Fe 0 0 0 0.5", gamma=180))


def test_origin_choices_are_said(read) -> None:
    with pytest.warns(ReadingWarning, match="F d -3 m has two origins and the file does not say which"):
        first = read(cif("C1 C 0 0 0 1", "F d -3 m"))
    second = read(cif("C1 C 0.125 0.125 0.125 1", "F d -3 m Z"))
    assert len(first) == len(second) == 8


def uij(draw: st.DrawFn) -> np.ndarray:
    root = np.array(draw(st.lists(st.floats(-0.1, 0.1), min_size=9, max_size=9))).reshape(3, 3)
    return root @ root.T + 1e-3 * np.eye(3)


@settings(max_examples=20)
@given(st.data(), st.sampled_from(["U", "B", "beta"]))
def test_anisotropic_displacements_follow_the_symmetry(tmp_path_factory, data: st.DataObject, letter: str) -> None:
    """Every atom's tensor, in space, is that of the first turned by the operation that takes it there."""
    group = data.draw(st.sampled_from(["P 21/c", "P n m a", "R -3 m", "P 63/m m c", "I 41/a:2", "P 43 3 2"]))
    shapes = {
        "P 21/c": Lattice.monoclinic(5, 6, 7, 105), "P n m a": Lattice.orthorhombic(5, 6, 7),
        "R -3 m": Lattice.hexagonal(5, 12), "P 63/m m c": Lattice.hexagonal(5, 8),
        "I 41/a:2": Lattice.tetragonal(6, 9), "P 43 3 2": Lattice.cubic(8),
    }  # fmt: skip
    lattice = shapes[group]
    u = data.draw(st.composite(uij)())
    lengths = np.array(lattice.reciprocal_lattice_crystallographic.abc)
    written = {"U": u, "B": 8 * np.pi**2 * u, "beta": 2 * np.pi**2 * u * np.outer(lengths, lengths)}[letter]
    names = [f"_atom_site_aniso_{letter}_{i}{j}" for i, j in ((1, 1), (2, 2), (3, 3), (1, 2), (1, 3), (2, 3))]
    six = " ".join(f"{written[i, j]:.12g}" for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)))
    anisotropic = "\nloop_\n_atom_site_aniso_label\n" + "\n".join(names) + f"\nA1 {six}\n"
    cell = dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), lattice.parameters, strict=True))
    path = tmp_path_factory.mktemp("cif") / "crystal.cif"
    path.write_text(cif("A1 Fe 0.11 0.23 0.37 1", group, **cell) + anisotropic)
    structure = mg.read_structure(path)
    stars = lattice.reciprocal_lattice_crystallographic.matrix / lengths[:, None]  # unit vectors along a*, b*, c*
    assert len(structure) > 3

    def invariants(site) -> list[float]:
        tensor = np.array([[site.properties[f"U{min(i, j)}{max(i, j)}_cif"] for j in (1, 2, 3)] for i in (1, 2, 3)])
        # <(n . u)^2> of a direction n along h is n* U n* with components on unit reciprocal vectors.
        dual = np.linalg.inv(stars)
        return sorted(np.linalg.eigvalsh(dual @ tensor @ dual.T))

    for site in structure:
        np.testing.assert_allclose(invariants(site), invariants(structure[0]), atol=1e-9)


def test_a_special_position_keeps_what_its_symmetry_allows(read) -> None:
    text = cif("Cu1 Cu 0 0 0 1 0.01", "F m -3 m", (*COLUMNS, "U_iso_or_equiv"))
    tensor = "loop_\n_atom_site_aniso_label\n" + "".join(
        f"_atom_site_aniso_U_{i}\n" for i in ("11", "22", "33", "12", "13", "23")
    )
    structure = read(text + tensor + "Cu1 0.010 0.011 0.012 0.001 0 0\n")
    assert structure[0].properties["U11_cif"] == pytest.approx(0.011)
    assert structure[0].properties["U12_cif"] == pytest.approx(0)
    assert all(site.properties.get("U_iso") is None for site in structure)


def test_species_of_a_shared_site_have_displacements_of_their_own(read) -> None:
    (site,) = read(cif("Li1 Li 0 0 0 0.5 1.5\nNa1 Na 0 0 0 0.5 0.5", columns=(*COLUMNS, "B_iso_or_equiv")))
    assert site.properties["B_iso"] == {"Li": 1.5, "Na": 0.5}


@pytest.mark.parametrize("charged", [False, True])
def test_what_pymatgen_writes_is_read_as_it_reads_it(tmp_path, charged: bool) -> None:
    rng = np.random.default_rng(1)
    for number, lattice in enumerate(
        [Lattice.cubic(6), Lattice.hexagonal(5, 9), Lattice.from_parameters(5, 6, 7, 80, 95, 110)]
    ):
        species = ["Cs", "Pb", {"I": 0.5, "Br": 0.25}, "I"]
        if charged:
            species = [
                Species("Cs", 1),
                Species("Pb", 2),
                {Species("I", -1): 0.5, Species("Br", -1): 0.25},
                Species("I", -1),
            ]
        structure = Structure(lattice, species, rng.random((4, 3)))
        path = tmp_path / f"{number}.cif"
        path.write_text(str(CifWriter(structure, significant_figures=12)))
        found = mg.read_structure(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = Structure.from_file(path)
        assert found == expected
        for one, other in itertools.product([found], [expected]):
            assert [site.species_string for site in one] == [site.species_string for site in other]


def test_a_magnetic_structure_is_said_to_be_one(tmp_path) -> None:
    rows = "Mn1 Mn 0 0 0 1\nF1 F 0.305 0.305 0 1"
    moments = (
        "\nloop_\n_space_group_symop_magn_operation.id\n_space_group_symop_magn_operation.xyz\n1 x,y,z,+1\n"
        "loop_\n_atom_site_moment.label\n_atom_site_moment.crystalaxis_x\n_atom_site_moment.crystalaxis_y\n"
        "_atom_site_moment.crystalaxis_z\nMn1 0 0 4.6\n"
    )
    path = tmp_path / "MnF2.mcif"
    path.write_text(cif(rows) + moments)
    with pytest.warns(ReadingWarning, match="is a magnetic structure; patterns have its nuclear lines only"):
        structure = mg.read_structure(path)
    assert len(structure) == 2
    with pytest.warns(ReadingWarning, match="structure 0 has magnetic moments; patterns have the nuclear lines only"):
        mg.PowderDiffraction("neutron 1.54").patterns([structure])
    mg.PowderDiffraction("CuKa").patterns([structure])  # no word to X-rays, which hardly see them


def test_a_magcif_without_operations_says_so_in_one_line(tmp_path) -> None:
    path = tmp_path / "bad.mcif"
    path.write_text(cif("Mn1 Mn 0 0 0 1") + "\n_space_group_magn.number_BNS '1.1'\n_cell_modulation_dimension 1\n")
    with pytest.raises(mg.InputError, match="bad.mcif: holds an incommensurate magnetic structure"):
        mg.read_structure(path)
